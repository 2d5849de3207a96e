"""What the machine was like before the cluster came up, so that `down` can leave it like that.

Kubernetes and containerd set kernel parameters and make folders outside of any that they are given.
"""

from __future__ import annotations

import json
from pathlib import Path

_SYSCTL = Path("/proc/sys")

# Set by kubelet (kernel, vm), kube-proxy and the bridge (net).
SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
PATHS = (
    "/run/containerd/s",
    "/run/containerd",
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/var/log/containers",
    "/var/lib/kubelet/device-plugins/kubelet.sock",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
)


def record(file: Path, owner: str = "") -> bool:
    """Write down the present state and who is about to change it, unless a record from before is still there.

    True when it was written: a new life of the cluster begins.
    """
    if file.exists():
        return False
    settings = {name: path.read_text().strip() for name in SETTINGS if (path := _SYSCTL / name).exists()}
    absent = [path for path in PATHS if not Path(path).exists()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"owner": owner, "settings": settings, "absent": absent}, indent=1))
    return True


def owner_of(file: Path) -> str | None:
    """Who brought the cluster up; None when it is down."""
    return str(json.loads(file.read_text()).get("owner", "")) if file.exists() else None


def restore(file: Path) -> None:
    """Set back what differs, remove what was not there, folders only when empty. Forgets the record."""
    if not file.exists():
        return
    before = json.loads(file.read_text())
    for name, value in before["settings"].items():
        path = _SYSCTL / name
        if path.exists() and path.read_text().strip() != value:
            path.write_text(value)
    for path in map(Path, before["absent"]):
        if path.is_socket():
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):  # not empty: somebody else uses it by now
            path.rmdir()
    file.unlink()
