"""Taking the local cluster down: what it made, in an order in which nothing brings anything back, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from webaudit_cluster import cgroups, footprint, mounts, network, node, processes, shell
from webaudit_cluster.daemons import Daemons

_FIRST = ("kubelet", "kube-scheduler", "kube-controller-manager", "kube-proxy")
_LAST = ("containerd", "kube-apiserver", "etcd")
_CNI_RESULTS = Path("/var/lib/cni/results")
_CONTAINER_LOGS = Path("/var/log/containers")


def take_down(state: Path, socket: Path, footprint_file: Path) -> None:
    """Leave no process, mount, namespace, interface, rule or control group. Data and images stay in `state`.

    Works on whatever is left of a cluster; on one that is already down it does nothing.
    """
    daemons = Daemons(state)
    daemons.stop(_FIRST)
    cgroups.kill_all(node.CGROUP)
    if daemons.is_running("containerd"):
        _forget_containers(socket)
    daemons.stop(_LAST)
    processes.stop(_shims(socket), grace=0)
    mounts.unmount(state)
    network.remove()
    cgroups.remove(node.CGROUP)
    for result in _CNI_RESULTS.glob(f"{network.NAME}-*-eth0"):
        pod = result.name.removeprefix(f"{network.NAME}-").removesuffix("-eth0")
        (_CNI_RESULTS / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()
    for link in _CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(state):
            link.unlink()
    # Sockets and process ids of things that are gone; images and data lie elsewhere.
    shutil.rmtree(state / "containerd" / "state", ignore_errors=True)
    shutil.rmtree(state / "cni" / "networks", ignore_errors=True)
    footprint.restore(footprint_file)


def clear_ground() -> None:
    """Before a cluster comes up: what one whose checkout is gone has left, which would be taken for ours.

    Nobody's API server runs when this is called; pods may, and their addresses are the next ones to be given out.
    """
    cgroups.kill_all(node.CGROUP)
    network.remove()


def _forget_containers(socket: Path) -> None:
    """Let containerd end the shims and drop the snapshots, all in three calls."""
    ctr = ["ctr", f"--address={socket}", "--namespace=k8s.io"]
    if tasks := shell.output([*ctr, "tasks", "ls", "--quiet"]).split():
        # Some have ended and been removed by their own shim since.
        shell.succeeds([*ctr, "tasks", "delete", "--force", *tasks])
    if containers := shell.output([*ctr, "containers", "ls", "--quiet"]).split():
        shell.run([*ctr, "containers", "delete", *containers])


def _shims(socket: Path) -> list[processes.ProcessIdentity]:
    """Shims of our containerd, known by its socket, that outlived it."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "containerd-shim" in words[0] and str(socket) in words and (found_ := processes.identify(int(folder.name))):
            found.append(found_)
    return found
