"""Schedules on the stage: a clock that a test sets, and looks at one schedule and its sessions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from testkit.apiserver import audit_schedule, create
from testkit.stage import Deployment, Stage, Tripwire
from webaudit_operator.clock import RealClock
from webaudit_operator.controller import Controller
from webaudit_operator.schedules import Schedule
from webaudit_operator.sessions import Key, Manifest, Session, key_of


class HandClock(RealClock):
    """Shows what it was set to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


@dataclass
class Timetable:
    """One schedule. Its planned times are counted from the first: `at(0)`."""

    stage: Stage
    key: Key
    clock: HandClock
    operator: Controller | Deployment
    first: datetime
    every: timedelta = field(default=timedelta(days=1))

    @classmethod
    async def daily(
        cls,
        stage: Stage,
        name: str = "daily",
        wire: Tripwire | None = None,
        marks: dict[str, Any] | None = None,
        **spec: Any,
    ) -> Timetable:
        """Every day at six, UTC."""
        manifest = audit_schedule(spec, name=name, namespace=stage.namespace, **(marks or {}))
        schedule = Schedule(create(stage.api, manifest))
        first = next(schedule.cron().following(schedule.created))
        clock = HandClock(schedule.created)
        operator = Deployment(stage, wire, clock) if wire else stage.operator(clock=clock)
        await operator.resync()
        return cls(stage, schedule.key, clock, operator, first)

    def at(self, firing: float, plus: timedelta = timedelta(0)) -> None:
        """Set the clock to the planned time of a firing, counted from 0, or between two."""
        self.clock.moment = self.first + firing * self.every + plus

    async def look(self) -> timedelta | None:
        if isinstance(self.operator, Deployment):
            return await self.operator.look_at_schedule(self.key)
        return await self.operator.schedules.reconciler.reconcile(self.key)

    async def fire(self, firing: float, plus: timedelta = timedelta(0)) -> None:
        self.at(firing, plus)
        await self.look()

    async def restart(self) -> None:
        """A new process: what the old one remembered is gone."""
        self.operator = self.stage.operator(clock=self.clock)
        await self.operator.resync()

    async def schedule(self) -> Schedule:
        body = await self.stage.kube.get_schedule(self.key)
        assert body is not None, f"{self.key} is gone"
        return Schedule(body)

    async def status(self) -> Manifest:
        return (await self.schedule()).status

    async def ready(self) -> tuple[str, str, str]:
        ready = next(c for c in (await self.status())["conditions"] if c["type"] == "Ready")
        return ready["status"], ready["reason"], ready["message"]

    async def sessions(self) -> list[Session]:
        found = [Session(body) async for body in self.stage.kube.list_sessions() if self._ours(body)]
        return sorted(found, key=lambda session: session.key)

    async def names(self) -> list[str]:
        return [session.key.name for session in await self.sessions()]

    def name(self, firing: int, target: str = "") -> str:
        """What a firing's session is called."""
        minute = int((self.first + firing * self.every).timestamp()) // 60
        return "-".join(filter(None, (self.key.name, target, str(minute))))

    async def settle(self, name: str) -> Session:
        """Let a session run to its end."""
        await self.operator.resync()  # there are no watch events here
        return await self.stage.settle(self.operator, Key(self.key.namespace, name))

    def patch(self, body: dict[str, Any]) -> None:
        self.stage.api.kubectl(
            *("patch", "auditschedule", self.key.name, "-n", self.key.namespace, "--type=merge"),
            *("-p", json.dumps(body)),
        )

    def events(self) -> list[str]:
        """What `kubectl describe` shows of the schedule: reason and sentence."""
        found = json.loads(
            self.stage.api.kubectl(
                *("get", "events", "-n", self.key.namespace, "-o", "json"),
                f"--field-selector=involvedObject.kind=AuditSchedule,involvedObject.name={self.key.name}",
            )
        )["items"]
        return [f"{event['reason']}: {event['message']}" for event in found]

    def _ours(self, body: Manifest) -> bool:
        return key_of(body).namespace == self.key.namespace
