"""One look at one schedule: read fresh, plan, stop, start, delete, write status. The only place that acts on schedules.

Every step is safe to repeat and safe to be killed after: session names are deterministic, and status comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from webaudit_operator import events, schedule_status, status
from webaudit_operator.admission import Verdict
from webaudit_operator.announcing import announce
from webaudit_operator.children import Children
from webaudit_operator.clock import Clock
from webaudit_operator.kube import Kube
from webaudit_operator.kube_errors import KubeRefused
from webaudit_operator.metrics import Metrics
from webaudit_operator.schedule_planner import NAME_TAKEN, Decision, Observed, Plan, StartSession, StopSession, plan
from webaudit_operator.schedule_status import Missed, entries
from webaudit_operator.schedules import Schedule, build_session
from webaudit_operator.sessions import Key, Manifest, Session, key_of

log = structlog.get_logger()

RETRY_REFUSED = timedelta(seconds=30)
SESSION_REFUSED = "SessionRefused"


@dataclass(slots=True)
class _Done:
    """What came of a plan."""

    started: list[StartSession] = field(default_factory=list)
    refused: dict[str, Verdict] = field(default_factory=dict)
    """By target: its decision does not hold, and is made again."""
    taken: list[Missed] = field(default_factory=list)
    run_now: str | None = None

    @property
    def refusal(self) -> Verdict | None:
        return next(iter(self.refused.values()), None)


class ScheduleReconciler:
    def __init__(self, *, kube: Kube, children: Children, metrics: Metrics, clock: Clock) -> None:
        self._kube, self._children = kube, children
        self._metrics, self._clock = metrics, clock
        self._written: dict[Key, str] = {}

    def is_news(self, body: Manifest) -> bool:
        """False for the echo of what was just written here."""
        return bool(self._written.get(key_of(body)) != body["metadata"].get("resourceVersion"))

    async def reconcile(self, key: Key) -> timedelta | None:
        """Returns when to look again; None: only after an event. Raises the errors of Kube; the queue retries."""
        body = await self._kube.get_schedule(key)
        if body is None:
            self._written.pop(key, None)
            return None
        schedule = Schedule(body)
        now = self._clock.now()
        planned = plan(Observed(schedule, self._children.of(schedule.uid), now))
        if schedule.deleting:
            return None
        done = await self._apply(schedule, planned)
        decided = _what_holds(schedule, planned, done)
        missed = [m for decision in decided for m in decision.missed] + done.taken
        wanted = schedule_status.build(
            schedule,
            cron=planned.cron,
            fault=planned.fault,
            targets=[decision.entry for decision in decided],
            children=self._children.of(schedule.uid),
            missed=missed,
            refused=done.refusal,
            run_now=done.run_now,
            now=now,
        )
        await self._say(schedule, planned, done, decided, missed, now)
        if wanted != dict(schedule.status):
            written = await self._kube.put_schedule_status(schedule, wanted)
            self._written[key] = written["metadata"]["resourceVersion"]
        self._metrics.schedule_sessions.inc(len(done.started))
        self._metrics.schedule_missed.inc(sum(m.count for m in missed))
        for action in planned.cleanup:  # last: what is deleted here counts in the status that was just written
            await self._kube.delete_session(action.key, action.uid)
            log.info("session deleted by the history limit", schedule=str(key), session=str(action.key))
        pauses = (planned.look_again, RETRY_REFUSED if done.refused else None)
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _apply(self, schedule: Schedule, planned: Plan) -> _Done:
        done = _Done(run_now=schedule.status.get("lastRunNow"))
        for decision in planned.decisions:
            for stop in decision.stop:
                await self._stop(stop)
            if decision.start is not None:
                await self._start(schedule, decision.start, done)
        for start in planned.run_now:
            await self._start(schedule, start, done)
        if planned.run_now and not any(start.target.name in done.refused for start in planned.run_now):
            done.run_now = schedule.run_now
        return done

    async def _start(self, schedule: Schedule, start: StartSession, done: _Done) -> None:
        try:
            created = await self._kube.create_session(build_session(schedule, start.target, start.name))
        except KubeRefused as error:
            done.refused[start.target.name] = Verdict(SESSION_REFUSED, str(error))
            log.warning("not started", schedule=str(schedule.key), session=start.name, error=str(error))
            return
        if created is not None:
            self._children.see(created, quiet=True)
            done.started.append(start)
            log.info("session started", schedule=str(schedule.key), session=start.name)
            return
        there = await self._kube.get_session(Key(schedule.key.namespace, start.name))
        child = self._children.see(there) if there is not None else None
        if there is not None and (child is None or child.owner_uid != schedule.uid) and start.planned is not None:
            done.taken.append(Missed(start.target.name, start.planned, 1, NAME_TAKEN))
            log.warning("a session of that name is not ours", schedule=str(schedule.key), session=start.name)

    async def _stop(self, stop: StopSession) -> None:
        """Mark it; its own reconciler ends its Jobs and closes it."""
        body = await self._kube.get_session(stop.key)
        if body is None or (session := Session(body)).uid != stop.uid or session.finished or session.stopping:
            return
        wanted = status.stopping(session, f"replaced by {stop.successor}", self._clock.now())
        self._children.see(await self._kube.put_status(session, wanted), quiet=True)
        log.info("session replaced", session=str(stop.key), successor=stop.successor)

    async def _say(
        self,
        schedule: Schedule,
        planned: Plan,
        done: _Done,
        decided: Sequence[Decision],
        missed: Sequence[Missed],
        now: datetime,
    ) -> None:
        for notice in events.schedule_notices(
            schedule,
            fault=planned.fault,
            refused=done.refusal,
            started=[start.name for start in done.started],
            stopped=[stop.key.name for d in decided for stop in d.stop],
            waiting=[d.entry for d in decided],
            missed=missed,
        ):
            await announce(self._kube, schedule, notice, now)


def _what_holds(schedule: Schedule, planned: Plan, done: _Done) -> list[Decision]:
    """The decisions, with those taken back whose session could not be started."""
    before = entries(schedule)
    return [
        replace(decision, entry=before[decision.entry.name], missed=())
        if decision.start is not None and decision.entry.name in done.refused
        else decision
        for decision in planned.decisions
    ]
