"""The demo shop as a process on a loopback port, for any suite that wants something worth auditing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SHOP = Path(__file__).resolve().parents[2] / "examples" / "demo" / "shop"


@dataclass(slots=True)
class DemoShop:
    """Running while the context is open. `port` serves the shop, `silent_port` accepts and never answers."""

    process: subprocess.Popen[str]
    port: int
    silent_port: int

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
        return cls(process, port, silent_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> str:
        """What a capture must be told to reach it."""
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
