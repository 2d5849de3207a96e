"""One user of the local cluster at a time: a lock that the kernel releases when its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from webaudit_cluster import paths
from webaudit_cluster.errors import ClusterError

_RETRY_SECONDS = 0.2


def lock(*, wait: float = 0) -> contextlib.AbstractContextManager[None]:
    """Hold the cluster for the time of the block.

    Waits up to `wait` seconds (0: fails at once) and then raises ClusterError naming the process that has it.
    A process started by the holder, directly or not, shares its lock, so that a test that holds the cluster can
    run the kit's own commands.
    """
    return hold(paths.cache() / "cluster.lock", "the local cluster", wait)


@contextlib.contextmanager
def hold(path: Path, what: str, wait: float) -> Iterator[None]:
    """As `lock`, for any file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + wait
    with path.open("a+") as file:
        while not _try(file.fileno()):
            holder = _holder(path)
            if holder is not None and holder in _ancestry(os.getpid()):
                yield
                return
            if time.monotonic() >= end:
                raise ClusterError(f"{what} is in use by process {holder or '(unknown)'}; wait until it ends")
            time.sleep(_RETRY_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> int | None:
    text = path.read_text()
    return int(text) if text.isdigit() else None


def _ancestry(pid: int) -> Iterator[int]:
    """This process, its parent, and so on up to the first one."""
    while pid > 0:
        yield pid
        stat = Path(f"/proc/{pid}/stat")
        pid = int(stat.read_text().rpartition(")")[2].split()[1]) if stat.exists() else 0
