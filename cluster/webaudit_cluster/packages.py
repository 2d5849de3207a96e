"""The Debian packages the project needs on the machine, in one place, and installing those that are missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from typing import Literal

from webaudit_cluster import shell
from webaudit_cluster.errors import ClusterError
from webaudit_cluster.progress import Progress

Purpose = Literal["cluster", "tests"]
APT_LOCK_SECONDS = 300
"""A machine that has just been started updates itself, and holds apt's lock meanwhile."""

PACKAGES: dict[Purpose, tuple[str, ...]] = {
    # Debian 12 (bookworm); the container images bring their own.
    "cluster": (
        "buildah",  # builds images without a daemon
        "busybox-static",  # is the pause container
        "ca-certificates",
        "containerd",
        "containernetworking-plugins",
        "iproute2",
        "kmod",
        "mmdebstrap",  # makes the Debian base image
        "nftables",
        "runc",
        "skopeo",  # hands images from buildah to containerd
    ),
    "tests": (
        "chromium-headless-shell",
        "fonts-liberation",
        "fonts-noto-color-emoji",
        "fonts-noto-core",
        "fonts-wqy-microhei",
        "libatomic1",  # for the node inside Playwright
        "postgresql-15",
    ),
}


def ensure(purposes: Iterable[Purpose], progress: Progress) -> None:
    """Install what is missing; touch neither apt nor its lists when nothing is. Raises ClusterError."""
    wanted = [name for purpose in purposes for name in PACKAGES[purpose]]
    absent = missing(wanted)
    if not absent:
        return
    if os.geteuid() != 0:
        raise ClusterError(f"run this once as root: apt-get install {' '.join(absent)}", exit_code=2)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"installing {len(absent)} Debian packages") as line:
        apt = ["apt-get", f"--option=DPkg::Lock::Timeout={APT_LOCK_SECONDS}"]
        shell.run([*apt, "update"], line=line, env=environment)
        shell.run([*apt, "install", "--yes", "--no-install-recommends", *absent], line=line, env=environment)


def missing(names: Iterable[str]) -> list[str]:
    """Those that dpkg does not have fully installed."""
    names = list(names)
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n", *names]
    try:
        # dpkg-query exits with 1 when it does not know one of the names, and lists the others all the same.
        listing = subprocess.run(command, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise ClusterError("the local cluster needs Debian 12 or a relative of it: there is no dpkg here") from None
    installed = {line.split()[-1] for line in listing.splitlines() if line.startswith("ii")}
    return [name for name in names if name not in installed]
