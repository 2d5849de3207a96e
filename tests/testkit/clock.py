"""Time that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import datetime, timedelta

from testkit.operator import NOW

SETTLING_TURNS = 25
"""Turns of the event loop after which nothing runnable is left: more than any chain of wake-ups in the operator."""


class FakeClock:
    """A Clock whose sleepers wake when `advance` passes their time, in the order of their times."""

    def __init__(self, now: datetime = NOW) -> None:
        self._start = now
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let this much time pass. Returns when everybody who woke on the way has had their say."""
        end = self._elapsed + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # its sleeper was cancelled
                continue
            self._elapsed = at
            woken.set_result(None)
            await self.settle()
        self._elapsed = end
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can, without time passing."""
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)

    @property
    def sleeping(self) -> int:
        """Sleepers still waiting for their time."""
        return sum(not woken.done() for _, _, woken in self._sleepers)
