"""Pure: whether a pass may begin. It stops what looks like a mistake, before the first deletion.

A person lets it go on (`webaudit-operator retention approve`); what was approved is not counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from webaudit_operator.store.rows import Backlog, Break, BreakReason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pass may do without being asked."""

    max_artifacts: int = 50_000
    max_share: float = 0.2
    """Of all live artifacts, once there are more than `share_from`."""
    share_from: int = 5_000
    max_skew: timedelta = timedelta(minutes=5)
    """Between our clock and the bucket's."""

    @property
    def enough(self) -> int:
        """As many due artifacts as need counting."""
        return self.max_artifacts + 1

    @property
    def shares(self) -> int:
        """As many live artifacts for each due one as need counting."""
        return int(1 / self.max_share) + 1


def decide(backlog: Backlog, *, now: datetime, bucket_time: datetime, limits: Limits) -> Break | None:
    """Why this pass must not begin, or None. Nothing due, nothing to stop."""
    if backlog.due == 0:
        return None

    def broken(reason: BreakReason, message: str) -> Break:
        return Break(reason, message, backlog.due, now, now)

    skew = now - bucket_time
    if abs(skew) > limits.max_skew:
        ahead = "ahead of" if skew > timedelta(0) else "behind"
        return broken(
            BreakReason.CLOCK,
            f"this machine's clock is {_span(abs(skew))} {ahead} the bucket's: {now:%Y-%m-%d %H:%M} here, "
            f"{bucket_time:%Y-%m-%d %H:%M} there",
        )
    if backlog.newest_session is not None and now < backlog.newest_session - limits.max_skew:
        return broken(
            BreakReason.CLOCK,
            f"it is {now:%Y-%m-%d %H:%M} by this machine's clock, and the newest session was made later, at "
            f"{backlog.newest_session:%Y-%m-%d %H:%M}",
        )
    more = "at least " if backlog.due >= limits.enough else ""
    if backlog.due > limits.max_artifacts:
        return broken(
            BreakReason.TOO_MANY,
            f"{more}{backlog.due:,} artifacts are due, more than the {limits.max_artifacts:,} of one pass",
        )
    if backlog.live > limits.share_from and backlog.due > limits.max_share * backlog.live:
        return broken(
            BreakReason.TOO_LARGE_A_SHARE,
            f"{backlog.due:,} of {backlog.live:,} live artifacts are due, more than {limits.max_share:.0%} of them",
        )
    return None


def _span(span: timedelta) -> str:
    """Whole days, hours or minutes, whichever says it best."""
    minutes = int(span.total_seconds() // 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"
