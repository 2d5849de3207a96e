"""What the system says of a group of processes. Linux only: elsewhere it knows nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_ENDED = frozenset("ZX")


def memory_of_group(group: int) -> int:
    """Bytes that its processes hold for themselves: resident and not shared (proc_pid_statm(5))."""
    pages = 0
    for process in _living(group):
        with suppress(OSError):  # it has ended meanwhile
            resident, shared = (process / "statm").read_text().split()[1:3]
            pages += int(resident) - int(shared)
    return pages * os.sysconf("SC_PAGE_SIZE")


def group_lives(group: int) -> bool:
    return next(_living(group), None) is not None


def _living(group: int) -> Iterator[Path]:
    for process in _PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            # The name before the last ")" may hold anything.
            state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in _ENDED:
                yield process
