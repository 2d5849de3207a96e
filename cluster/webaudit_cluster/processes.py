"""Long-running processes: start one, know it again later, stop it. Which processes there are is decided elsewhere."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webaudit_cluster.errors import ClusterError

GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that can't be mistaken for another that later got the same pid.

    `started` is in clock ticks since boot (field 22 of /proc/PID/stat), `boot` is the kernel's boot id.
    """

    pid: int
    started: int
    boot: str

    def is_running(self) -> bool:
        """False also for a process that has ended and whose parent has not reaped it yet."""
        return identify(self.pid) == self


def identify(pid: int) -> ProcessIdentity | None:
    """Who runs under this pid now; None when nobody does, or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name stands in parentheses and may contain anything, parentheses included.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return None
    return ProcessIdentity(pid, int(fields[19]), boot_id())


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start(
    argv: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None, dies_with_us: bool = False
) -> ProcessIdentity:
    """Start in a session of its own, output appended to `log`.

    With `dies_with_us` the kernel kills the process when the *thread* that called this ends (PR_SET_PDEATHSIG),
    so that a killed test run leaves nothing behind.
    """
    command = [str(part) for part in argv]
    if dies_with_us:
        command = ["setpriv", "--pdeathsig", "KILL", *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        # Not subprocess: the process is meant to outlive this one, and a Popen object warns about that.
        pid = os.posix_spawnp(
            command[0],
            command,
            {**os.environ, **(env or {})},
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
        )
    finally:
        os.close(output)
    identity = identify(pid)
    if identity is None:
        _reap(pid)
        raise ClusterError(f"{command[0]} ended at once; its log is {log}")
    return identity


def stop(processes: Iterable[ProcessIdentity], *, grace: float = GRACE_SECONDS) -> None:
    """Ask all to end, wait for `grace` seconds, kill the rest. Those already gone, or replaced, are left alone.

    Signals go through a pidfd opened before the identity is checked: they can't reach a process that got the
    pid in between. Raises ClusterError when one does not go even then.
    """
    handles: dict[int, ProcessIdentity] = {}
    try:
        for process in processes:
            try:
                handle = os.pidfd_open(process.pid)
            except ProcessLookupError:
                continue
            handles[handle] = process
            if process.is_running():
                _signal(handle, signal.SIGTERM)
        for handle, process in handles.items():
            if process.is_running() and not _ends(handle, grace):
                _signal(handle, signal.SIGKILL)
                if not _ends(handle, 10):
                    raise ClusterError(f"process {process.pid} does not end, not even when killed")
            _reap(process.pid)
    finally:
        for handle in handles:
            os.close(handle)


def _signal(handle: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _ends(handle: int, seconds: float) -> bool:
    """A pidfd is readable from the moment its process has ended, reaped or not."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
