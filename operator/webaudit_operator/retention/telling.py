"""Pure: a plan's rows as people and programs read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from webaudit_operator.store.rows import Break

GOES = ("overdue", "coming")


def summary(rows: Sequence[Mapping[str, Any]], span: timedelta) -> str:
    """One sentence over a plan."""
    going = [row for row in rows if row["state"] in GOES]
    overdue = sum(row["artifacts"] for row in rows if row["state"] == "overdue")
    kept = sum(row["artifacts"] for row in rows if row["state"] not in GOES)
    goes = f"{sum(row['artifacts'] for row in going):,} artifacts ({size(sum(row['bytes'] for row in going))})"
    return f"Within {span_text(span)} {goes} will go; {overdue:,} are overdue, {kept:,} stay for the reason given."


def standing(broken: Break | None) -> str | None:
    """What stops retention, if something does."""
    if broken is None:
        return None
    return (
        f"Retention has stopped since {broken.broke_at:%Y-%m-%d %H:%M} UTC ({broken.reason}): {broken.message}. "
        "`webaudit-operator retention approve` lets go what was due by "
        f"{broken.due_until:%Y-%m-%d %H:%M} UTC."
    )


def size(count: int) -> str:
    """Bytes as people read them, binary units."""
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError


def span_text(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours // 24} days" if hours % 24 == 0 and hours else f"{hours} hours"


def with_sizes(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For a table: sizes in units, and the times to the minute."""
    return [{**row, "bytes": size(row["bytes"])} for row in rows]


def with_rescue(
    receipts: Sequence[Mapping[str, Any]], until: Mapping[tuple[str, str], datetime]
) -> list[dict[str, Any]]:
    """Receipts with the time until which their objects can be restored, by (object, generation); None: they cannot."""
    return [{**row, "recoverable_until": until.get((row["object"], row["generation"]))} for row in receipts]


def with_recovery(plan: Sequence[Mapping[str, Any]], window: timedelta | None, now: datetime) -> list[dict[str, Any]]:
    """A plan with the time until which the first of what goes can be restored."""
    return [
        {
            **row,
            "recoverable_until": recoverable_until(max(row["first_due"], now), window)
            if row["state"] in GOES
            else None,
        }
        for row in plan
    ]


def rescue(window: timedelta | None) -> str:
    """What the bucket's soft delete means for what goes, in a sentence."""
    if window is None:
        return "What goes is gone for good: the bucket has no soft delete."
    return f"What goes can be restored for {span_text(window)}, by `webaudit-operator undelete`."


def recoverable_until(due: datetime, window: timedelta | None) -> datetime | None:
    """Until when an object that goes at `due` can be brought back, by the bucket's soft delete."""
    return None if window is None or window <= timedelta(0) else due + window
