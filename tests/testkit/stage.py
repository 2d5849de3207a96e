"""The operator on real surroundings without nodes: API server, PostgreSQL, bucket server, and a stand-in for the pods.

`Stage.operator()` is a fresh process' worth of operator: what it remembered is gone, what it wrote is there.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from testkit import operator as samples
from testkit.apiserver import audit_session
from testkit.gcs_server import GcsServer
from testkit.standin import StandIn
from webaudit_capture.contract import session_prefix
from webaudit_cluster.apiserver import ApiServer
from webaudit_operator.clock import Clock, RealClock
from webaudit_operator.controller import Controller, ScheduleLoop
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.metrics import Metrics
from webaudit_operator.reconciler import Reconciler
from webaudit_operator.schedule_reconciler import ScheduleReconciler
from webaudit_operator.schedules import Schedule
from webaudit_operator.sessions import Key, Session
from webaudit_operator.store.record import Store
from webaudit_operator.workqueue import WorkQueue
from webaudit_operator.world import Memory

EFFECTS = {
    "kube": {
        "put_status",
        "set_finalizers",
        "create_session",
        "delete_session",
        "put_schedule_status",
        "create_job",
        "suspend_job",
        "resume_job",
        "delete_job",
        "put_secret",
        "post_event",
    },
    "store": {"open_session", "start_session", "finish_capture", "close_session", "log", "record_deletions"},
    "blobs": {"delete"},
}
"""What leaves a trace outside of the process, by collaborator."""


class Killed(BaseException):
    """The process is gone: nothing of the operator's may catch it."""


class Tripwire:
    """Counts side effects, and kills at one of them: before it happens, or after it did but before its answer.

    While it is not armed it does neither.
    """

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.armed = True
        self.seen: list[str] = []
        self._at, self._after = at, after

    def around(self, name: str, target: Any) -> Any:
        return _Watched(self, EFFECTS[name], target)

    async def pass_through(self, name: str, call: Callable[[], Any]) -> Any:
        if not self.armed:
            return await call()
        index = len(self.seen)
        self.seen.append(name)
        if index == self._at and not self._after:
            raise Killed(f"before {name}")
        answer = await call()
        if index == self._at:
            raise Killed(f"after {name}")
        return answer


def turns(effects: list[str]) -> list[int]:
    """Positions; of a row of equal effects, such as twenty deletions, the first and the last stand for all."""
    rows = [list(row) for _, row in itertools.groupby(range(len(effects)), effects.__getitem__)]
    return [position for row in rows for position in sorted({row[0], row[-1]})]


class _Watched:
    def __init__(self, wire: Tripwire, effects: set[str], target: Any) -> None:
        self._wire, self._effects, self._target = wire, effects, target

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if name not in self._effects:
            return method

        async def watched(*args: Any, **kwargs: Any) -> Any:
            return await self._wire.pass_through(name, lambda: method(*args, **kwargs))

        return watched


class Deployment:
    """An operator that is started again whenever it was killed."""

    def __init__(self, stage: Stage, wire: Tripwire, clock: Clock | None = None) -> None:
        self._stage, self._clock = stage, clock
        self.wire = wire
        self._operator = stage.operator(wire, clock)
        self.kills: list[Killed] = []

    @property
    def reconciler(self) -> Deployment:
        return self

    async def reconcile(self, key: Key) -> None:
        try:
            await self._operator.reconciler.reconcile(key)
        except Killed as killed:
            self.kills.append(killed)
            self._operator = self._stage.operator(clock=self._clock)

    async def look_at_schedule(self, key: Key) -> timedelta | None:
        """As `reconcile`, and the new process lists what there is before anything else."""
        try:
            return await self._operator.schedules.reconciler.reconcile(key)
        except Killed as killed:
            self.kills.append(killed)
            self._operator = self._stage.operator(clock=self._clock)
            await self._operator.resync()
            return timedelta(0)

    def is_news_to_it(self, schedule: Schedule) -> bool:
        """Whether an event with this state of the schedule would be news to the operator."""
        return self._operator.schedules.reconciler.is_news(schedule.body)

    async def resync(self) -> None:
        await self._operator.resync()


@dataclass
class Stage:
    api: ApiServer
    gcs: GcsServer
    namespace: str
    database_url: str
    kube: StandIn
    store: Store
    blobs: GcsBlobs

    def operator(self, wire: Tripwire | None = None, clock: Clock | None = None, **changes: Any) -> Controller:
        """An operator that has just started, without its first listing."""
        wire = wire or Tripwire()
        clock = clock or RealClock()
        memory = Memory(max_captures=20, max_captures_per_namespace=10, domain_spacing=timedelta(seconds=2))
        kube, store, blobs = (
            wire.around(name, target)
            for name, target in (("kube", self.kube), ("store", self.store), ("blobs", self.blobs))
        )
        settings = samples.settings(bucket=self.blobs.bucket, **changes)
        reconciler = Reconciler(kube=kube, blobs=blobs, store=store, memory=memory, settings=settings, clock=clock)
        metrics = Metrics()
        queue: WorkQueue[Key] = WorkQueue(clock, observer=metrics)
        due: WorkQueue[Key] = WorkQueue(clock)
        memory.children.on_change = due.add
        schedules = ScheduleReconciler(kube=kube, children=memory.children, metrics=metrics, clock=clock)
        return Controller(
            kube=kube,
            store=store,
            memory=memory,
            queue=queue,
            reconciler=reconciler,
            schedules=ScheduleLoop(kube=kube, queue=due, reconciler=schedules, metrics=metrics),
            metrics=metrics,
            clock=clock,
        )

    def apply(self, name: str, **spec: Any) -> Key:
        """An AuditSession of its own domain, so that politeness stays out of the way."""
        spec = {"url": f"https://www.{name}.com/", **spec}
        manifest = audit_session(spec, name=name, namespace=self.namespace)
        self.api.kubectl("apply", "-f", "-", input=json.dumps(manifest))
        return Key(self.namespace, name)

    async def collect_garbage(self) -> None:
        """What the garbage collector does with Jobs in foreground deletion once their pods are gone."""
        for job in await self.kube.jobs():
            if job["metadata"].get("deletionTimestamp"):
                patch = '{"metadata": {"finalizers": null}}'
                name = job["metadata"]["name"]
                self.api.kubectl("patch", "job", name, "-n", self.namespace, "--type=merge", "-p", patch)

    async def session(self, key: Key) -> Session:
        body = await self.kube.get_session(key)
        assert body is not None, f"{key} is gone"
        return Session(body)

    def patch(self, key: Key, **spec: Any) -> None:
        """An edit of the session's spec."""
        body = json.dumps({"spec": spec})
        self.api.kubectl("patch", "auditsession", key.name, "-n", key.namespace, "--type=merge", "-p", body)

    async def settle(self, operator: Controller | Deployment, key: Key, *, looks: int = 40) -> Session:
        """Look and let Jobs end, in turn, until the session is finished and recorded."""
        for _ in range(looks):
            await operator.reconciler.reconcile(key)
            now = await self.session(key)
            mirrored = now.condition("Mirrored")
            if now.finished and mirrored and mirrored["status"] == "True":
                return now
            await self.kube.work()
        raise AssertionError(f"{key} did not finish: {json.dumps(dict((await self.session(key)).status), indent=1)}")

    async def rows(self, session: Session) -> dict[str, list[dict[str, Any]]]:
        """All that the record has of a session, with its uid and all times and numbers made out that differ by run."""
        async with await psycopg.AsyncConnection.connect(self.database_url, row_factory=dict_row) as connection:
            queries = {
                "audit_sessions": "SELECT * FROM audit_sessions WHERE id = %s",
                "audit_pages": "SELECT * FROM audit_pages WHERE session_id = %s ORDER BY page_type, viewport",
                "artifacts": "SELECT * FROM artifacts WHERE session_id = %s ORDER BY storage_uri",
                "crawl_logs": "SELECT * FROM crawl_logs WHERE session_id = %s ORDER BY id",
            }
            return {
                table: await (await connection.execute(query, [session.uid])).fetchall()
                for table, query in queries.items()
            }

    async def objects(self, session: Session) -> dict[str, str]:
        """Object names and checksums below the session's prefix."""
        prefix = session_prefix(session.site, session.uid)
        return {info.name: info.crc32c async for info in self.blobs.list(prefix)}


@asynccontextmanager
async def staged(api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    kube = await StandIn.connect(api.kubeconfig)
    kube.namespace = namespace
    store = Store.from_url(database_url)
    blobs = GcsBlobs.connect(bucket=gcs.bucket, signing_key_file=gcs.service_account_file, endpoint=gcs.url)
    try:
        yield Stage(api, gcs, namespace, database_url, kube, store, blobs)
    finally:
        await asyncio.gather(kube.close(), store.close(), blobs.close())
