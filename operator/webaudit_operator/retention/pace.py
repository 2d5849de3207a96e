"""At most so many deletions a second, whoever of the workers makes them."""

from __future__ import annotations

from webaudit_operator.clock import Clock


class Pace:
    """`rate` per second. GCS takes about 1,000 writes and deletes a second per bucket, captures' uploads included."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate, self._clock = rate, clock
        self._free_at = clock.monotonic()

    async def take(self, count: int) -> None:
        """Wait until `count` more may go."""
        now = self._clock.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + count / self._rate
        if begin > now:
            await self._clock.sleep(begin - now)
