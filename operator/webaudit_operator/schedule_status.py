"""The status of a schedule: from what was decided to the dict that people and tools read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from webaudit_operator import conditions
from webaudit_operator.admission import Verdict
from webaudit_operator.conditions import Condition
from webaudit_operator.cron import DEFAULT_ZONE, Cron
from webaudit_operator.schedules import Child, Schedule
from webaudit_operator.sessions import Manifest, format_time, parse_time
from webaudit_operator.status import MAX_MESSAGE, without_none

NEXT_TIMES = 5
NAMED_MISSED = 10
MAX_ACTIVE = 256
WORST_FIRST = ("Failed", "Partial", "Completed")
RUNNING = "Running"
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Missed:
    """Firings of a target that did not happen, and never will."""

    target: str
    planned: datetime
    """The last of them."""
    count: int
    reason: str
    at_least: bool = False
    """There were more than were counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of status.targets."""

    name: str
    decided_until: datetime
    """Planned times up to this one are decided: a session was made, or they were counted as missed."""
    last_schedule: datetime | None = None
    last_result: str | None = None
    waiting_since: datetime | None = None
    """The planned time whose session waits for the running one (concurrencyPolicy Forbid)."""

    def to_dict(self) -> dict[str, Any]:
        return without_none(
            {
                "name": self.name,
                "decidedUntil": format_time(self.decided_until),
                "lastScheduleTime": _text(self.last_schedule),
                "lastResult": self.last_result,
                "waitingTime": _text(self.waiting_since),
            }
        )


def entries(schedule: Schedule) -> dict[str, Entry]:
    """By target, as written; one that is new has missed nothing that the others have decided."""
    written = {entry["name"]: entry for entry in schedule.status.get("targets") or ()}
    start = max(schedule.created, parse_time(schedule.status.get("lastScheduleTime")) or schedule.created)
    found: dict[str, Entry] = {}
    for target in schedule.targets:
        entry = written.get(target.name, {})
        found[target.name] = Entry(
            name=target.name,
            decided_until=parse_time(entry.get("decidedUntil")) or start,
            last_schedule=parse_time(entry.get("lastScheduleTime")),
            last_result=entry.get("lastResult"),
            waiting_since=parse_time(entry.get("waitingTime")),
        )
    return found


def with_result(entry: Entry, children: Sequence[Child]) -> Entry:
    """The entry with how its last scheduled session went; what is known stays when the session is deleted."""
    last = next((c for c in children if c.planned is not None and c.planned == entry.last_schedule), None)
    if last is not None:
        return replace(entry, last_result=RUNNING if last.completed is None else last.phase)
    return replace(entry, last_result=None) if entry.last_result == RUNNING else entry


def build(
    schedule: Schedule,
    *,
    cron: Cron | None,
    fault: str | None,
    targets: Sequence[Entry],
    children: Sequence[Child],
    missed: Sequence[Missed],
    refused: Verdict | None,
    run_now: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The whole status. `fault` says why there is no `cron`."""
    before = schedule.status
    active = sorted((c for c in children if c.active), key=lambda c: c.key.name)
    last = max((e.last_schedule for e in targets if e.last_schedule), default=None)
    successful = [parse_time(before.get("lastSuccessfulTime")), *(c.completed for c in children if c.successful)]
    return without_none(
        {
            "observedGeneration": schedule.generation,
            "conditions": conditions.merge(
                before.get("conditions") or [],
                _conditions(schedule, fault, refused, targets, now),
                generation=schedule.generation,
                now=now,
            ),
            "lastScheduleTime": _text(last) or before.get("lastScheduleTime"),
            "lastSuccessfulTime": _text(max(filter(None, successful), default=None)),
            "lastResult": _last_result(targets, last),
            "nextScheduleTimes": _next_times(schedule, cron, targets, now),
            "activeCount": len(active),
            "active": [
                without_none({"name": c.key.name, "target": c.target or None, "scheduledTime": _text(c.planned)})
                for c in active
            ][:MAX_ACTIVE],
            "missed": before.get("missed", 0) + sum(m.count for m in missed),
            "lastMissed": _last_missed(before.get("lastMissed") or [], missed),
            "lastRunNow": run_now,
            "targets": [entry.to_dict() for entry in targets],
        }
    )


def _last_result(targets: Iterable[Entry], last: datetime | None) -> str | None:
    """The worst of the latest firing's sessions; Running as long as one of them is."""
    results = {e.last_result for e in targets if last is not None and e.last_schedule == last}
    return next((one for one in (RUNNING, *WORST_FIRST) if one in results), None)


def _next_times(schedule: Schedule, cron: Cron | None, targets: Sequence[Entry], now: datetime) -> list[str]:
    """Planned times, without splay. None while suspended: nothing will happen at them."""
    if cron is None or schedule.suspended:
        return []
    after = max([now, *(e.decided_until for e in targets)])  # a clock set back fires nothing twice
    return [format_time(moment) for moment in islice(cron.following(after), NEXT_TIMES)]


def _last_missed(before: list[Manifest], missed: Sequence[Missed]) -> list[Manifest]:
    """The newest last."""
    new = [
        without_none(
            {
                "target": m.target or None,
                "time": format_time(m.planned),
                "count": m.count,
                "atLeast": m.at_least or None,
                "reason": m.reason,
            }
        )
        for m in missed
    ]
    return [*before, *new][-NAMED_MISSED:]


def _conditions(
    schedule: Schedule, fault: str | None, refused: Verdict | None, targets: Sequence[Entry], now: datetime
) -> list[Condition]:
    if fault is not None:
        reason = "InvalidTimeZone" if fault.startswith("timeZone") else "InvalidSchedule"
        return [Condition("Ready", False, reason, fault), Condition("Stalled", True, reason, fault)]
    if refused is not None:
        message = refused.message[:MAX_MESSAGE]
        return [
            Condition("Ready", False, refused.reason, message),
            Condition("Reconciling", True, refused.reason, message),
        ]
    if schedule.suspended:
        return [Condition("Ready", True, "Suspended", "spec.suspend is true; set it to false to go on")]
    decided = max((e.decided_until for e in targets), default=now)
    if decided > now + CLOCK_TOLERANCE:
        message = f"the clock was set back: all up to {decided:%Y-%m-%d %H:%M} UTC has been decided, and waits for that"
        return [Condition("Ready", True, "ClockSetBack", message)]
    shops = f"{len(targets)} targets" if len(targets) > 1 else "one target"
    return [
        Condition("Ready", True, "Scheduled", f'"{schedule.expression}" in {schedule.zone or DEFAULT_ZONE}, {shops}')
    ]


def _text(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
