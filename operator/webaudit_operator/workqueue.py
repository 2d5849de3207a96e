"""Keys to look at: de-duplicated, delayed, never two workers on one key, back-off per key.

The semantics are client-go's workqueue (k8s.io/client-go/util/workqueue): a key added while it is being worked on is
looked at once more afterwards.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from typing import Generic, Protocol, TypeVar

from webaudit_operator.clock import Clock

K = TypeVar("K")


class Observer(Protocol):
    """What metrics want to know."""

    def depth(self, waiting: int) -> None: ...

    def waited(self, seconds: float) -> None: ...


class WorkQueue(Generic[K]):
    """One event loop, any number of workers. `base` doubles per failure up to `cap`, in seconds."""

    def __init__(self, clock: Clock, *, base: float = 0.5, cap: float = 60.0, observer: Observer | None = None) -> None:
        self._clock = clock
        self._base, self._cap = base, cap
        self._observer = observer
        self._ready: deque[K] = deque()
        self._since: dict[K, float] = {}  # waiting for a worker, and since when
        self._working: set[K] = set()
        self._again: set[K] = set()  # added while being worked on
        self._due: dict[K, float] = {}  # the earliest time each delayed key wants
        self._timers: list[tuple[float, int, K]] = []
        self._order = itertools.count()
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def add(self, key: K) -> None:
        """Look at the key as soon as a worker is free."""
        self._due.pop(key, None)
        if key in self._working:
            self._again.add(key)
        elif key not in self._since:
            self._since[key] = self._clock.monotonic()
            self._ready.append(key)
        self._tell()

    def add_after(self, key: K, seconds: float) -> None:
        """Look at the key then, unless it is looked at earlier for another reason. The nearest time counts."""
        if seconds <= 0:
            self.add(key)
            return
        at = self._clock.monotonic() + seconds
        if key in self._since or at >= self._due.get(key, float("inf")):
            return
        self._due[key] = at
        heapq.heappush(self._timers, (at, next(self._order), key))
        self._tell()

    def add_failed(self, key: K) -> float:
        """Look again after the key's back-off; returns it in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause = min(self._cap, self._base * 2.0 ** min(failures, 30))
        self.add_after(key, pause)
        return pause

    def forgive(self, key: K) -> None:
        """The key went well: its next failure starts from the base again."""
        self._failures.pop(key, None)

    async def take(self) -> K:
        """The next key. Call `done` when finished with it."""
        while True:
            wait = self._promote()
            if self._ready:
                key = self._ready.popleft()
                since = self._since.pop(key)
                self._working.add(key)
                if self._observer:
                    self._observer.waited(self._clock.monotonic() - since)
                self._tell()
                return key
            self._changed.clear()
            await self._sleep_or_change(wait)

    def done(self, key: K) -> None:
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def __len__(self) -> int:
        """Keys waiting for a worker, delayed ones not counted."""
        return len(self._ready)

    def _promote(self) -> float | None:
        """Move what is due to the ready keys; seconds until the next one, None if there is none."""
        now = self._clock.monotonic()
        while self._timers:
            at, _, key = self._timers[0]
            if self._due.get(key) != at:  # superseded by an earlier look
                heapq.heappop(self._timers)
                continue
            if at > now:
                return at - now
            heapq.heappop(self._timers)
            self.add(key)
        return None

    async def _sleep_or_change(self, wait: float | None) -> None:
        change = asyncio.ensure_future(self._changed.wait())
        tasks: set[asyncio.Future[object]] = {change}  # type: ignore[arg-type]
        if wait is not None:
            tasks.add(asyncio.ensure_future(self._clock.sleep(wait)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _tell(self) -> None:
        if self._observer:
            self._observer.depth(len(self._ready))
        self._changed.set()
