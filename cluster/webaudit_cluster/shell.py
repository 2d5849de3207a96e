"""Running other programs to their end: output line by line to whoever reports, and kept for the error message."""

from __future__ import annotations

import collections
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from webaudit_cluster.errors import ClusterError

KEPT_LINES = 30


def run(
    argv: Sequence[str | Path],
    *,
    line: Callable[[str], None] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Raises ClusterError with the end of the output when the command fails."""
    kept: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **(env or {})},
        cwd=cwd,
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            kept.append(text.rstrip())
            if line is not None:
                line(kept[-1])
    if process.returncode != 0:
        raise ClusterError(f"`{spell(argv)}` failed ({process.returncode}):\n" + "\n".join(kept))


def output(argv: Sequence[str | Path], *, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Standard output. Raises ClusterError with standard error when the command fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise ClusterError(f"`{spell(argv)}` failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def succeeds(argv: Sequence[str | Path]) -> bool:
    """For commands whose exit code is their answer."""
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def spell(argv: Sequence[str | Path]) -> str:
    return shlex.join(str(part) for part in argv)
