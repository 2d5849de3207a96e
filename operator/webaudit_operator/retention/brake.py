"""Pure: how long to wait with what could not be deleted, and when a bucket counts as ill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BRAKE_AFTER = 5
"""Failures in a row after which the bucket counts as ill and the pass ends."""
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=6)
HELD_RETRY = timedelta(hours=1)
"""For what is held with no end that the bucket would name."""


@dataclass(slots=True)
class Brake:
    """Tells one bad object from a bucket that is ill: only failures in a row count."""

    limit: int = BRAKE_AFTER
    in_a_row: int = 0

    def succeeded(self) -> None:
        self.in_a_row = 0

    def failed(self) -> None:
        self.in_a_row += 1

    def ill(self) -> None:
        """The bucket did not answer at all."""
        self.in_a_row = max(self.in_a_row, self.limit)

    @property
    def on(self) -> bool:
        return self.in_a_row >= self.limit


def retry_failed(now: datetime, tries: int) -> datetime:
    """When to try again what failed, after `tries` earlier failures: twice as long each time, at most LAST_RETRY."""
    doublings = min(tries, 16)
    return now + min(LAST_RETRY, FIRST_RETRY * (1 << doublings))


def retry_held(now: datetime, until: datetime | None) -> datetime:
    """When to try again what the bucket holds: when it says that the hold ends, if it does."""
    return until if until is not None and until > now else now + HELD_RETRY
