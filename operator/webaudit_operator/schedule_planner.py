"""What to do about a schedule: a pure function of what was seen and the time. Nothing here acts.

Each target is planned by itself, as CronJob plans one: the latest planned time that is due and not decided yet is
either started, left for later, or counted as missed with everything before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webaudit_operator.cron import BadSchedule, Cron
from webaudit_operator.schedule_status import Entry, Missed, entries, with_result
from webaudit_operator.schedules import Child, Schedule, Target, run_now_name, session_name
from webaudit_operator.sessions import Key

TOO_MANY_MISSED = 100
"""As CronJob: beyond it nothing is caught up on."""
COUNTED_MISSED = 10_000
"""Beyond it "at least" is said: walking years of minutes would hold up everything else."""

DEADLINE_EXCEEDED = "DeadlineExceeded"
SUPERSEDED = "Superseded"
TOO_MANY = "TooManyMissed"
SESSION_ACTIVE = "SessionActive"
NAME_TAKEN = "NameTaken"


@dataclass(frozen=True, slots=True)
class StartSession:
    """Create the session, unless it is there."""

    target: Target
    name: str
    planned: datetime | None
    """None: out of turn, by annotation."""


@dataclass(frozen=True, slots=True)
class StopSession:
    """concurrencyPolicy Replace: end its Jobs and close it."""

    key: Key
    uid: str
    successor: str


@dataclass(frozen=True, slots=True)
class DeleteSession:
    """The history limits: the resource, never the evidence."""

    key: Key
    uid: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one target's due firings. Holds only if its session could be started."""

    entry: Entry
    start: StartSession | None = None
    stop: tuple[StopSession, ...] = ()
    missed: tuple[Missed, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    schedule: Schedule
    children: tuple[Child, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    cron: Cron | None = None
    fault: str | None = None
    decisions: tuple[Decision, ...] = ()
    run_now: tuple[StartSession, ...] = ()
    cleanup: tuple[DeleteSession, ...] = ()
    look_again: timedelta | None = None


def plan(seen: Observed) -> Plan:
    """Decide. Everything in the plan is safe to repeat."""
    schedule = seen.schedule
    if schedule.deleting:
        return Plan()
    before = {name: with_result(entry, _of(name, seen.children)) for name, entry in entries(schedule).items()}
    out_of_turn = _run_now(schedule)
    cleanup = tuple(_cleanup(schedule, seen.children))
    try:
        cron = schedule.cron()
    except BadSchedule as bad:
        kept = tuple(Decision(entry) for entry in before.values())
        return Plan(fault=str(bad), decisions=kept, run_now=out_of_turn, cleanup=cleanup)
    if schedule.suspended:
        kept = tuple(Decision(entry) for entry in before.values())
        return Plan(cron=cron, decisions=kept, run_now=out_of_turn, cleanup=cleanup)
    decisions = tuple(_decide(target, before[target.name], cron, seen) for target in schedule.targets)
    waits = [wait for d, t in zip(decisions, schedule.targets, strict=True) if (wait := _wait(d, t, cron, seen))]
    return Plan(
        cron=cron,
        decisions=decisions,
        run_now=out_of_turn,
        cleanup=cleanup,
        look_again=min(waits, default=None),
    )


def _decide(target: Target, entry: Entry, cron: Cron, seen: Observed) -> Decision:
    """What is due, after what was started by one that was killed before it could write that down."""
    children = _of(target.name, seen.children)
    made = [c.planned for c in children if c.planned is not None]
    unwritten = [planned for planned in made if planned > entry.decided_until]
    lost = _passed_over(entry, cron, unwritten)
    decided = max([entry.decided_until, *unwritten])
    last = max(filter(None, [entry.last_schedule, *made]), default=None)
    entry = with_result(replace(entry, decided_until=decided, last_schedule=last, waiting_since=None), children)
    decision = _decide_due(target, entry, cron, children, seen)
    return replace(decision, missed=(*lost, *decision.missed))


def _decide_due(target: Target, entry: Entry, cron: Cron, children: Sequence[Child], seen: Observed) -> Decision:
    """The ladder of CronJob's syncCronJob, for one target."""
    schedule, now, decided = seen.schedule, seen.now, entry.decided_until
    due_until = now - schedule.splay(target)
    due = cron.latest(due_until, after=decided)
    if due is None:
        return Decision(entry)
    older = cron.count(decided, due, most=COUNTED_MISSED)
    if schedule.deadline is not None and due < due_until - schedule.deadline:
        return _miss(entry, due, older + 1, DEADLINE_EXCEEDED)
    if older >= TOO_MANY_MISSED:
        return _miss(entry, due, older + 1, TOO_MANY)
    active = [c for c in children if c.active]
    if active and schedule.concurrency == "Forbid":
        return _leave_waiting(entry, due, older, decided, cron)
    name = session_name(schedule.key.name, target.name, due)
    stop = (
        tuple(StopSession(c.key, c.uid, name) for c in active if not c.stopping)
        if schedule.concurrency == "Replace"
        else ()
    )
    return Decision(
        entry=replace(entry, decided_until=due, last_schedule=due, last_result="Running"),
        start=StartSession(target, name, due),
        stop=stop,
        missed=_superseded(entry.name, cron, decided, due, older, SUPERSEDED),
    )


def _passed_over(entry: Entry, cron: Cron, unwritten: Sequence[datetime]) -> tuple[Missed, ...]:
    """What lies between the last written decision and sessions that were made since, and has none."""
    if not unwritten:
        return ()
    last = max(unwritten)
    count = cron.count(entry.decided_until, last, most=COUNTED_MISSED) - (len(unwritten) - 1)
    at: datetime | None = last
    while at is not None and at in unwritten:
        at = cron.latest(at - timedelta(seconds=1), after=entry.decided_until)
    return (Missed(entry.name, at, count, SUPERSEDED),) if at is not None and count > 0 else ()


def _miss(entry: Entry, due: datetime, count: int, reason: str) -> Decision:
    missed = Missed(entry.name, due, count, reason, at_least=count > COUNTED_MISSED)
    return Decision(replace(entry, decided_until=due), missed=(missed,))


def _leave_waiting(entry: Entry, due: datetime, older: int, decided: datetime, cron: Cron) -> Decision:
    """The due one starts when the running one has ended, if it is not too late then; what it overtakes is missed."""
    missed = _superseded(entry.name, cron, decided, due, older, SESSION_ACTIVE)
    until = missed[0].planned if missed else decided
    return Decision(replace(entry, decided_until=until, waiting_since=due), missed=missed)


def _superseded(
    target: str, cron: Cron, decided: datetime, due: datetime, older: int, reason: str
) -> tuple[Missed, ...]:
    if not older:
        return ()
    last = cron.latest(due - timedelta(seconds=1), after=decided)
    assert last is not None, "it was counted"
    return (Missed(target, last, older, reason),)


def _wait(decision: Decision, target: Target, cron: Cron, seen: Observed) -> timedelta | None:
    """How long until this target needs a look again. Events tell the rest: an edit, a session that ended."""
    schedule, now = seen.schedule, seen.now
    splay = schedule.splay(target)
    after = max(decision.entry.decided_until, now - splay)
    following = cron.next(after)
    waits = [following + splay - now] if following else []
    if decision.entry.waiting_since is not None and schedule.deadline is not None:
        # Just after its deadline, when it counts as missed.
        waits.append(decision.entry.waiting_since + splay + schedule.deadline - now + timedelta(seconds=1))
    return max(min(waits), timedelta(0)) if waits else None


def _run_now(schedule: Schedule) -> tuple[StartSession, ...]:
    """A value of the annotation that was not seen yet fires every target once, suspended or not."""
    value = schedule.run_now
    if value is None or value == schedule.status.get("lastRunNow"):
        return ()
    return tuple(
        StartSession(target, run_now_name(schedule.key.name, target.name, value), None) for target in schedule.targets
    )


def _cleanup(schedule: Schedule, children: Sequence[Child]) -> list[DeleteSession]:
    """Finished sessions beyond the limits, per target; those of a target that is gone count as one."""
    known = {target.name for target in schedule.targets}
    groups: dict[tuple[str | None, bool], list[Child]] = {}
    for child in children:
        if child.completed is not None and not child.deleting:
            target = child.target if child.target in known else None
            groups.setdefault((target, child.successful), []).append(child)
    doomed: list[DeleteSession] = []
    for (_, successful), group in sorted(groups.items(), key=str):
        limit = schedule.kept_successful if successful else schedule.kept_failed
        newest_first = sorted(group, key=lambda c: (c.completed, c.key), reverse=True)
        doomed += [DeleteSession(c.key, c.uid) for c in newest_first[limit:] if c.removable]
    return doomed


def _of(target: str, children: Sequence[Child]) -> list[Child]:
    return [child for child in children if child.target == target]
