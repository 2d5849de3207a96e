"""The operator as users run it: a process of its own, started with settings, watched over HTTP, killed by pid."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from testkit.postgres import free_port
from testkit.waiting import until

OPERATOR = [sys.executable, "-m", "webaudit_operator"]


def environment(**settings: str) -> dict[str, str]:
    """This process' environment without settings of the operator, and then these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEBAUDIT_", "STORAGE_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path), **settings}


def run_once(command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command that is expected to end by itself."""
    return subprocess.run([*OPERATOR, command], env=env, capture_output=True, text=True, timeout=60, check=False)


class OperatorProcess:
    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*OPERATOR, "run"],
                env={**env, "WEBAUDIT_HTTP_PORT": str(self.port)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def probe(self, path: str) -> int | None:
        """The status code of /healthz or /readyz; None while nothing listens. Raises RuntimeError when it ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the operator ended with {self._process.returncode}:\n{self.log}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5).status_code
        except httpx.TransportError:
            return None

    async def ready(self) -> None:
        await asyncio.to_thread(until, lambda: self.probe("/readyz") == 200, 60)

    def end(self, how: signal.Signals) -> int:
        """Send the signal, wait for the end, return the exit code."""
        self._process.send_signal(how)
        return self._process.wait(40)


@contextmanager
def operator_process(env: dict[str, str], log: Path) -> Iterator[OperatorProcess]:
    """Running, not yet ready. Killed at the end, if it still lives."""
    process = OperatorProcess(env, log)
    try:
        yield process
    finally:
        if process._process.poll() is None:
            process.end(signal.SIGKILL)
