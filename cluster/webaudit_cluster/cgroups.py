"""The control group below which all pods run: made before the kubelet starts, emptied and removed at the end."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from webaudit_cluster import waiting

ROOT = Path("/sys/fs/cgroup")
KILL_SECONDS = 10


def make(name: str) -> None:
    """In the one hierarchy of cgroup v2, or in every hierarchy of v1."""
    if (ROOT / "cgroup.controllers").exists():
        controllers = (ROOT / "cgroup.controllers").read_text().split()
        (ROOT / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in controllers))
    for hierarchy in _hierarchies():
        folder = hierarchy / name
        folder.mkdir(exist_ok=True)
        # A cpuset of v1 is born empty, and nothing can run in it.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (folder / file).exists() and not (folder / file).read_text().strip():
                (folder / file).write_text((hierarchy / file).read_text())


def kill_all(name: str) -> None:
    """End every process below; who is in a group can't be mistaken. Raises ClusterError when one does not go."""

    def killed() -> bool:
        pids = {pid for hierarchy in _hierarchies() for pid in _pids(hierarchy / name)}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    waiting.until(killed, KILL_SECONDS, f"processes in the control group {name} do not end")


def remove(name: str) -> None:
    """The group and all below it, which must be empty of processes."""
    for hierarchy in _hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            os.rmdir(folder)


def _hierarchies() -> list[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return sorted(path for path in ROOT.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink())


def _pids(folder: Path) -> set[int]:
    found: set[int] = set()
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(FileNotFoundError):
            found.update(int(line) for line in (Path(path) / "cgroup.procs").read_text().split())
    return found
