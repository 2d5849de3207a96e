"""Which cluster the demo runs on and where its images come from: one of its own, or one that is there already."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
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
USAGE = "make demo CONTEXT=name IMAGE_REPOSITORY=registry/path IMAGE_TAG=tag"


@dataclass(frozen=True, slots=True)
class Platform:
    """`machine` is where pods reach this machine; None when they cannot."""

    kube: Kube
    images: Images
    machine: str | None


@contextlib.contextmanager
def local(progress: Progress) -> Iterator[Platform]:
    """The cluster kit's cluster, brought up if need be, with images of this tree. Nobody else uses it meanwhile.

    Raises DemoError without root, ClusterError when the cluster is in use or does not come up.
    """
    if os.geteuid() != 0:
        raise DemoError(
            f"run it as root, because it starts a Kubernetes of its own; or use a cluster you have: {USAGE}"
        )
    with Cluster.acquire(progress=progress) as cluster:
        names = cluster.load(LOCAL_IMAGES, progress=progress)
        images = Images(*(names[name] for name in LOCAL_IMAGES))
        yield Platform(local_kube(cluster), images, cluster.machine_address)


def local_kube(cluster: Cluster) -> Kube:
    """The kit's kubectl and helm, with their caches beside the cluster instead of in the home folder."""
    binaries, caches = paths.binaries(), cluster.state / "client-cache"
    helm = {f"HELM_{kind}_HOME": str(caches / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
    return Kube(
        kubectl=(str(binaries / "kubectl"), f"--cache-dir={caches}"),
        helm=(str(binaries / "helm"),),
        environment={"KUBECONFIG": str(cluster.kubeconfig), **helm},
    )


def local_down() -> bool:
    """Stop and remove the local cluster with all that is in it. False when there was none."""
    with lock():
        cluster = Cluster()
        if not cluster.state.exists():
            return False
        cluster.down(purge=True)
        return True


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
    kube = Kube(kubectl=("kubectl", f"--context={context}"), helm=("helm", f"--kube-context={context}"))
    known = [
        entry["name"] for entry in json.loads(kube.run("config", "view", "--output", "json")).get("contexts") or []
    ]
    if context not in known:
        raise DemoError(f'there is no context "{context}"; your kubeconfig has {", ".join(known) or "none"}')
    return kube
