"""The demo shop as a process on a loopback port, for any suite that wants something worth auditing."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

SHOP = Path(__file__).resolve().parents[2] / "examples" / "demo" / "shop"


@dataclass(slots=True)
class DemoShop:
    """Running while the context is open. `port` serves the shop, `silent_port` accepts and never answers."""

    process: subprocess.Popen[str]
    port: int
    silent_port: int
    _reader: Thread

    @classmethod
    def open(cls) -> Self:
        """Returns when it listens; raises RuntimeError with its complaint when it cannot."""
        process = subprocess.Popen(
            [sys.executable, "-B", SHOP / "server.py", "--host=127.0.0.1", "--port=0", "--silent-port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in ("silent", "open")]
        if not lines[1].startswith("open on port"):
            process.kill()
            raise RuntimeError(f"the demo shop did not open: {''.join(lines)}{process.communicate()[0]}")
        silent_port, port = (int(line.rsplit(" ", 1)[1]) for line in lines)
        # A line for each request: a pipe that nobody reads fills up, and then the shop stands still.
        reader = Thread(target=deque, args=(process.stdout, 0), name="demo shop's log", daemon=True)
        reader.start()
        return cls(process, port, silent_port, reader)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> str:
        """What a capture must be told to reach it."""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self._reader.join(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
