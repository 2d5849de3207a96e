"""Telling a person what takes long: one line per step, with the time it takes and the last line of its output."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

NEWS_SECONDS = 30
SLOW_SECONDS = 1.0


class Progress(Protocol):
    """What the kit reports to. A step yields a function that takes the lines its commands print."""

    def step(self, title: str) -> contextlib.AbstractContextManager[Callable[[str], None]]: ...


class Quiet:
    """Says nothing: for tests."""

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        yield lambda line: None


class Talking:
    """A spinner on a terminal; plain lines in a log, where a long step gives a sign of life now and then."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        began = time.monotonic()
        with self._spinner(title) if self._console.is_terminal else self._news(title) as line:
            yield line
        seconds = time.monotonic() - began
        if seconds >= SLOW_SECONDS:
            self._console.print(f"{title}: {seconds:.1f} s")

    @contextlib.contextmanager
    def _spinner(self, title: str) -> Iterator[Callable[[str], None]]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[last]}", markup=False, style="dim"),
        )
        with Bar(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(title, total=None, last="")
            yield lambda line: bar.update(task, last=line[-80:])

    @contextlib.contextmanager
    def _news(self, title: str) -> Iterator[Callable[[str], None]]:
        said = time.monotonic()
        self._console.print(f"{title} ...", markup=False)

        def line(text: str) -> None:
            nonlocal said
            if time.monotonic() - said > NEWS_SECONDS:
                said = time.monotonic()
                self._console.print(f"{title} ... {text[-100:]}", markup=False)

        yield line
