"""The loops around the reconcilers: workers on the queues, and the resync that repairs what events missed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from webaudit_operator import record
from webaudit_operator.blobs import BlobsMisconfigured, BlobsUnavailable
from webaudit_operator.clock import Clock
from webaudit_operator.jobs import readable
from webaudit_operator.kube import Kube
from webaudit_operator.kube_errors import KubeConflict, KubeRefused, KubeUnavailable
from webaudit_operator.metrics import Metrics
from webaudit_operator.reconciler import Reconciler
from webaudit_operator.retention.purging import EvidenceRemains
from webaudit_operator.schedule_reconciler import ScheduleReconciler
from webaudit_operator.sessions import Key, Manifest, key_of
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable
from webaudit_operator.store.record import Store
from webaudit_operator.workqueue import WorkQueue
from webaudit_operator.world import Memory

log = structlog.get_logger()

EXPECTED = (
    KubeUnavailable,
    KubeConflict,
    KubeRefused,
    BlobsUnavailable,
    BlobsMisconfigured,
    StoreUnavailable,
    StoreMisconfigured,
    EvidenceRemains,
)
"""Faults of the surroundings: one line, back-off. Anything else is a fault of ours and logged with its traceback."""
CLOSE_AFTER = timedelta(minutes=1)
"""A row may be younger than the listing it is compared with; older ones without a resource are closed."""


GIVE_WAY_SECONDS = 10.0
"""How long a look at a session may be put off for schedules that are due."""


@contextmanager
def putting_off(queue: WorkQueue[Key], key: Key, metrics: Metrics, kind: str) -> Iterator[None]:
    """A queue's edge: an error in a look is logged, counted, and the key is put off; a look without one is forgiven."""
    try:
        yield
    except Exception as error:
        if isinstance(error, EXPECTED):
            log.warning("put off", **{kind: str(key)}, error=str(error))
        else:
            log.exception("reconcile failed", **{kind: str(key)})
        metrics.reconcile_errors.labels(type(error).__name__).inc()
        queue.add_failed(key)
    else:
        queue.forgive(key)


class ScheduleLoop:
    """Workers on the schedules' queue. While they have work, sessions wait: these have time, a firing has not."""

    def __init__(self, *, kube: Kube, queue: WorkQueue[Key], reconciler: ScheduleReconciler, metrics: Metrics) -> None:
        self.queue, self.reconciler = queue, reconciler
        self._kube, self._metrics = kube, metrics
        self._at_work = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def give_way(self) -> None:
        """Returns when no schedule is due, or after GIVE_WAY_SECONDS."""
        try:
            await asyncio.wait_for(self._idle.wait(), GIVE_WAY_SECONDS)
        except TimeoutError:
            return

    def note(self, kind: str | None, body: Manifest) -> None:
        """A watch event of a schedule: it is looked at, unless it tells what the operator itself just wrote."""
        if kind == "DELETED" or self.reconciler.is_news(body):
            self.queue.add(key_of(body))

    async def work(self) -> None:
        """One worker, for ever."""
        while True:
            await self.work_once()

    async def work_once(self) -> None:
        """Take one key and look at its schedule. An error puts the key off; it never ends the worker."""
        key = await self.queue.take()
        self._at_work += 1
        self._idle.clear()
        try:
            with putting_off(self.queue, key, self._metrics, "schedule"):
                again = await self.reconciler.reconcile(key)
                if again is not None:
                    self.queue.add_after(key, again.total_seconds())
        finally:
            self.queue.done(key)
            self._at_work -= 1
            if not self._at_work and not len(self.queue):
                self._idle.set()

    async def resync(self) -> None:
        """Look at every schedule. Raises KubeUnavailable."""
        async for body in self._kube.list_schedules():
            self.queue.add(key_of(body))


class Controller:
    def __init__(
        self,
        *,
        kube: Kube,
        store: Store,
        memory: Memory,
        queue: WorkQueue[Key],
        reconciler: Reconciler,
        schedules: ScheduleLoop,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.schedules = schedules
        self._kube, self._store, self._memory = kube, store, memory
        self.reconciler = reconciler
        self._queue, self._metrics, self._clock = queue, metrics, clock
        self.last_beat = clock.monotonic()

    async def work(self) -> None:
        """One worker, for ever."""
        while True:
            await self.work_once()

    async def work_once(self) -> None:
        """Take one key and look at its session. An error puts the key off; it never ends the worker."""
        key = await self._queue.take()
        await self.schedules.give_way()
        try:
            with putting_off(self._queue, key, self._metrics, "session"):
                with self._metrics.reconcile_seconds.time():
                    look = await self.reconciler.reconcile(key)
                if look.again is not None:
                    self._queue.add_after(key, look.again.total_seconds())
                if look.freed is not None:
                    for other in self._memory.next_in_line(look.freed, self._clock.now()):
                        self._queue.add(other)
        finally:
            self._queue.done(key)
            self._metrics.sessions(self._memory.phases())

    async def resync(self) -> None:
        """List everything and look at what may need it. Raises KubeUnavailable."""
        started = self._clock.now()
        known = self._memory.job_versions()
        jobs = [job async for job in self._kube.list_all_jobs()]
        for job in jobs:
            if key_of(job) in known and not self._memory.knows_job(key_of(job)):
                continue  # it went while the listing was under way
            if (view := readable(job)) is not None:
                self._memory.see_job(job, live=view.live, ended=view.ended)
            else:
                log.warning("a Job with our labels is not ours", job=key_of(job))
        self._memory.forget_missing_jobs(known, map(key_of, jobs), started)
        seen: set[Key] = set()
        uids: set[str] = set()
        async for body in self._kube.list_sessions():
            key = key_of(body)
            seen.add(key)
            uids.add(body["metadata"]["uid"])
            self._memory.see_session(body)
            self._queue.add(key)
        for key in set(self._memory.keys()) - seen:
            self._queue.add(key)  # the reconciler looks and forgets
        await self.schedules.resync()  # after their sessions are known
        await self.close_orphans(uids, before=started - CLOSE_AFTER)

    async def close_orphans(self, uids: set[str], *, before: datetime) -> None:
        """Close the record of sessions whose resource was deleted while they ran."""
        now = self._clock.now()
        try:
            for row in await self._store.open_sessions(before):
                if str(row.id) not in uids:
                    await record.close_deleted(self._store, row.id, row.attempts, now)
                    log.info("closed the record of a deleted session", session_id=str(row.id))
        except (StoreUnavailable, StoreMisconfigured) as error:
            log.warning("deleted sessions not closed yet", error=str(error))

    async def resync_for_ever(self, every: float) -> None:
        while True:
            await self._clock.sleep(every)
            try:
                await self.resync()
            except (KubeUnavailable, KubeConflict, KubeRefused) as error:
                log.warning("resync put off", error=str(error))

    async def beat_for_ever(self, every: float = 1.0) -> None:
        """Shows that the event loop turns."""
        while True:
            self.last_beat = self._clock.monotonic()
            await self._clock.sleep(every)
