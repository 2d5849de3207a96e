"""Which cluster the demo runs on and where its images come from: one of its own, or one that is there already."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
OWNER = "demo"
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
    """As `local`, in a cluster where nothing of the demo's names is somebody else's. Hold the lock (`alone`)."""
    with local(progress, owner=OWNER) as place:
        install.refuse_foreign(place.kube)
        yield place


@contextlib.contextmanager
def local(progress: Progress, *, upstreams: Sequence[str] | None = None, owner: str = "") -> Iterator[Platform]:
    """The cluster kit's cluster, brought up if need be, with images of this tree. Nobody else uses it meanwhile.

    `upstreams` answer its names from outside, `owner` is who brings it up: see `Cluster.up`. Raises DemoError without
    root, ClusterError when the cluster is in use or does not come up.
    """
    check_root()
    with Cluster.acquire(upstreams=upstreams, owner=owner, progress=progress) as cluster:
        names = cluster.load(LOCAL_IMAGES, progress=progress)
        images = Images(*(names[name] for name in LOCAL_IMAGES))
        yield Platform(local_kube(cluster), images, cluster.machine_address, shell_line(cluster))


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
    """Remove the demo from the local cluster, and of that what the demo made or started. False when there is nothing.

    Hold the lock (`alone`).
    """
    cluster = Cluster()
    started, made = cluster.started_by, cluster.made_by
    if made == OWNER and started in (None, OWNER):
        cluster.down(purge=True)
        return True
    removed = any(cluster.components().values()) and install.uninstall(local_kube(cluster))
    if started == OWNER:
        cluster.down()
        return True
    return removed


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
