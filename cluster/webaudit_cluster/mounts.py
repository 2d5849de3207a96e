"""Mounts below one folder: which, and taking them away."""

from __future__ import annotations

import re
from pathlib import Path

from webaudit_cluster import shell


def below(folder: Path, mountinfo: str) -> list[Path]:
    """From /proc/self/mountinfo, mount points at or below `folder`, in the order to unmount them: last made first.

    One point stands in the list as often as something is mounted on it.
    """
    points = (Path(_unescape(line.split()[4])) for line in mountinfo.splitlines())
    return [point for point in points if point.is_relative_to(folder)][::-1]


def unmount(folder: Path) -> None:
    """All of them; one that is still in use is detached, and goes with its last user."""
    for point in below(folder, Path("/proc/self/mountinfo").read_text()):
        if not shell.succeeds(["umount", str(point)]):
            shell.run(["umount", "--lazy", str(point)])


def _unescape(field: str) -> str:
    """The kernel writes blanks and backslashes as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
