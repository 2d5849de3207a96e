"""Which cluster the demo runs on and where its images come from: one of its own, or one that is there already."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster import paths
from webaudit_cluster.cluster import Cluster
from webaudit_cluster.locking import lock
from webaudit_cluster.progress import Progress
from webaudit_demo import install
from webaudit_demo.errors import DemoError
from webaudit_demo.install import Images
from webaudit_demo.kube import Kube

# In the order of Images' fields.
LOCAL_IMAGES = ("webaudit-operator", "webaudit-capture", "webaudit-postgres", "fake-gcs-server")
USAGE = "make demo CONTEXT=name IMAGE_REPOSITORY=registry/path IMAGE_TAG=tag"


@dataclass(frozen=True, slots=True)
class Platform:
    """`machine` is where pods reach this machine; None when they cannot.

    `shell` is a line for a person's shell after which kubectl and helm lead to this cluster; empty when they do anyway.
    """

    kube: Kube
    images: Images
    machine: str | None
    shell: str = ""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Nobody else uses the local cluster meanwhile. Raises DemoError without root, ClusterError when it is in use."""
    check_root()
    with lock():
        yield


def check_root() -> None:
    if os.geteuid() != 0:
        raise DemoError(
            "run it as root, because the demo's own Kubernetes is started and removed by root; "
            f"or use a cluster you have: {USAGE} (and then: make demo-down CONTEXT=name)"
        )


@contextlib.contextmanager
def of_the_demo(progress: Progress) -> Iterator[Platform]:
    """As `local`; whether it is the demo that brings the cluster up is remembered for `local_down`.

    Hold the lock (`alone`).
    """
    with contextlib.ExitStack() as held:
        with remembering(Cluster()):
            place = held.enter_context(local(progress))
        install.refuse_foreign(place.kube)
        yield place


@contextlib.contextmanager
def local(progress: Progress, *, upstreams: Sequence[str] | None = None) -> Iterator[Platform]:
    """The cluster kit's cluster, brought up if need be, with images of this tree. Nobody else uses it meanwhile.

    `upstreams` answer its names from outside, see `Cluster.up`. Raises DemoError without root, ClusterError when the
    cluster is in use or does not come up.
    """
    check_root()
    with Cluster.acquire(upstreams=upstreams, progress=progress) as cluster:
        names = cluster.load(LOCAL_IMAGES, progress=progress)
        images = Images(*(names[name] for name in LOCAL_IMAGES))
        yield Platform(local_kube(cluster), images, cluster.machine_address, shell_line(cluster))


@contextlib.contextmanager
def remembering(cluster: Cluster) -> Iterator[None]:
    """Mark the cluster as the demo's if the block is what brings it up, also when it gets no further than half way."""
    if any(cluster.components().values()):
        yield
        return
    mark = mark_of(cluster)
    cluster.state.mkdir(parents=True, exist_ok=True, mode=0o755)
    mark.write_text("")  # if this process is killed
    try:
        yield
    finally:
        if life := life_of_the_cluster():
            mark.write_text(life)
        else:
            mark.unlink(missing_ok=True)


def is_the_demos(cluster: Cluster) -> bool:
    """Whether the demo brought the cluster up in its present life, or in its last one if it is down."""
    mark, life = mark_of(cluster), life_of_the_cluster()
    return mark.exists() and (not life or mark.read_text() in ("", life))


def mark_of(cluster: Cluster) -> Path:
    return cluster.state / "brought-up-by-demo"


def life_of_the_cluster() -> str:
    """Tells one life of the cluster from the next by the kit's record of the machine from before; empty when down."""
    record = paths.cache() / "cluster.before.json"
    return str(record.stat().st_mtime_ns) if record.exists() else ""


def shell_line(cluster: Cluster) -> str:
    return f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))} PATH={shlex.quote(str(paths.binaries()))}:$PATH"


def local_kube(cluster: Cluster) -> Kube:
    """The kit's kubectl and helm, with their caches beside the cluster instead of in the home folder."""
    folder, caches = paths.binaries(), cluster.state / "client-cache"
    helm = {f"HELM_{kind}_HOME": str(caches / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
    return Kube(
        kubectl=(str(folder / "kubectl"), f"--cache-dir={caches}"),
        helm=(str(folder / "helm"),),
        environment={"KUBECONFIG": str(cluster.kubeconfig), **helm},
        typed=f"KUBECONFIG={shlex.quote(str(cluster.kubeconfig))} {shlex.quote(str(folder / 'kubectl'))}",
    )


def local_down() -> bool:
    """Remove the demo from the local cluster, and the cluster too when the demo brought it up. False when neither is.

    Hold the lock (`alone`).
    """
    cluster = Cluster()
    if is_the_demos(cluster):
        cluster.down(purge=True)
        return True
    return any(cluster.components().values()) and install.uninstall(local_kube(cluster))


def existing(context: str, repository: str | None, tag: str | None) -> Platform:
    """A cluster of the user's kubeconfig, public images beside the two of `repository`.

    Raises DemoError, also when the cluster holds something of the demo's names that is not the demo's.
    """
    if not repository or not tag:
        raise DemoError(f"CONTEXT={context} also needs to know where the images are: {USAGE}")
    images = Images(operator=f"{repository}/webaudit-operator:{tag}", capture=f"{repository}/webaudit-capture:{tag}")
    kube = existing_kube(context)
    install.refuse_foreign(kube)
    return Platform(kube, images, None)


def existing_kube(context: str) -> Kube:
    """kubectl and helm from PATH. Raises DemoError when one is missing or there is no such context."""
    for tool in ("kubectl", "helm"):
        if shutil.which(tool) is None:
            raise DemoError(f"{tool} is not on PATH; CONTEXT={context} needs it")
    kube = Kube(
        kubectl=("kubectl", f"--context={context}"),
        helm=("helm", f"--kube-context={context}"),
        typed=f"kubectl --context={shlex.quote(context)}",
    )
    known = [
        entry["name"] for entry in json.loads(kube.run("config", "view", "--output", "json")).get("contexts") or []
    ]
    if context not in known:
        raise DemoError(f'there is no context "{context}"; your kubeconfig has {", ".join(known) or "none"}')
    return kube
