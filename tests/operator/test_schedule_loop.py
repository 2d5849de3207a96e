"""The workers on the schedules' queue: who waits for them, and that no error ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from testkit.waiting import eventually
from webaudit_operator import controller
from webaudit_operator.clock import RealClock
from webaudit_operator.controller import ScheduleLoop
from webaudit_operator.kube import Kube
from webaudit_operator.kube_errors import KubeUnavailable
from webaudit_operator.metrics import Metrics
from webaudit_operator.schedule_reconciler import ScheduleReconciler
from webaudit_operator.sessions import Key, Manifest
from webaudit_operator.workqueue import WorkQueue

KEY = Key("audits", "daily")


class Reconciler:
    """Looks when it is let. Version 7 of anything is its own."""

    def is_news(self, body: Manifest) -> bool:
        return bool(body["metadata"]["resourceVersion"] != "7")

    def __init__(self, say: Callable[[], timedelta | None] = lambda: None) -> None:
        self.may = asyncio.Event()
        self.looks = 0
        self._say = say

    async def reconcile(self, key: Key) -> timedelta | None:
        self.looks += 1
        await self.may.wait()
        return self._say()


def loop_of(reconciler: Reconciler) -> ScheduleLoop:
    queue: WorkQueue[Key] = WorkQueue(RealClock(), base=0.0)
    return ScheduleLoop(
        kube=cast(Kube, None), queue=queue, reconciler=cast(ScheduleReconciler, reconciler), metrics=Metrics()
    )


async def working(loop: ScheduleLoop, reconciler: Reconciler) -> asyncio.Task[None]:
    task = asyncio.create_task(loop.work())
    await eventually(lambda: reconciler.looks)
    return task


@pytest.mark.parametrize(
    ("kind", "version", "looked_at"), [("MODIFIED", "6", 1), ("MODIFIED", "7", 0), (None, "8", 1), ("DELETED", "7", 1)]
)
async def test_what_the_operator_wrote_itself_is_no_reason_to_look(kind: str, version: str, looked_at: int) -> None:
    loop = loop_of(Reconciler())
    loop.note(kind, {"metadata": {"namespace": "audits", "name": "daily", "resourceVersion": version}})
    assert len(loop.queue) == looked_at


async def test_sessions_wait_while_a_schedule_is_looked_at_or_due() -> None:
    reconciler = Reconciler()
    loop = loop_of(reconciler)
    await loop.give_way()  # nothing is due
    loop.queue.add(KEY)
    loop.queue.add(Key("audits", "other"))
    worker = await working(loop, reconciler)
    session = asyncio.create_task(loop.give_way())
    await asyncio.wait([session], timeout=0.05)
    assert not session.done()
    reconciler.may.set()
    await asyncio.wait_for(session, 5)
    assert reconciler.looks == 2
    worker.cancel()


async def test_sessions_wait_for_the_last_of_several_workers() -> None:
    quick, slow = Reconciler(), Reconciler()
    quick.may.set()

    class Both(Reconciler):
        async def reconcile(self, key: Key) -> timedelta | None:
            self.looks += 1
            return await (slow if key == KEY else quick).reconcile(key)

    both = Both()
    loop = loop_of(both)
    loop.queue.add(KEY)
    first = await working(loop, slow)
    loop.queue.add(Key("audits", "other"))
    second = await working(loop, quick)
    session = asyncio.create_task(loop.give_way())
    await asyncio.wait([session], timeout=0.05)
    assert not session.done()
    slow.may.set()
    await asyncio.wait_for(session, 5)
    for worker in (first, second):
        worker.cancel()


async def test_sessions_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "GIVE_WAY_SECONDS", 0.01)
    reconciler = Reconciler()
    loop = loop_of(reconciler)
    loop.queue.add(KEY)
    worker = await working(loop, reconciler)
    await asyncio.wait_for(loop.give_way(), 5)
    assert not worker.done()
    assert not reconciler.may.is_set(), "it is still looked at"
    worker.cancel()


@pytest.mark.parametrize("error", [KubeUnavailable("away"), RuntimeError("a fault of ours")])
async def test_an_error_puts_the_schedule_off_and_never_ends_the_worker(error: Exception) -> None:
    errors = [error]

    def fail_once() -> Any:
        if errors:
            raise errors.pop()

    reconciler = Reconciler(fail_once)
    reconciler.may.set()
    loop = loop_of(reconciler)
    loop.queue.add(KEY)
    worker = await working(loop, reconciler)
    await eventually(lambda: reconciler.looks == 2)
    assert not worker.done()
    worker.cancel()
