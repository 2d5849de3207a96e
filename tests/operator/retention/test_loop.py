"""Passes for ever: how long the pauses are, and how they end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from testkit.gcs_server import GcsServer
from testkit.postgres import free_port
from testkit.retained import (
    UNHURRIED,
    FixedClock,
    captured,
)
from testkit.samples import NOW
from webaudit_operator import gcs as gcs_module
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention import passes
from webaudit_operator.retention.passes import Pass
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
HTML_DUE = NOW + 7 * DAY
ALL_DUE = NOW + 30 * DAY


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_module, "PATIENCE", 0.3)


class StoppingClock(FixedClock):
    """Stops the loop after so many pauses."""

    def __init__(self, stop: asyncio.Event, after: int, now: datetime = NOW) -> None:
        super().__init__(now)
        self._stop, self._after = stop, after

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if len(self.slept) >= self._after:
            self._stop.set()


async def test_the_loop_passes_again_and_again_until_it_is_stopped(
    store: Store, blobs: GcsBlobs, gcs: GcsServer
) -> None:
    await captured(store, gcs)
    stop = asyncio.Event()
    clock = StoppingClock(stop, 3, HTML_DUE - timedelta(seconds=90))
    gcs.now = clock.now
    told: list[Pass] = []

    async def tell(done: Pass) -> None:
        told.append(done)

    await passes.loop(store, blobs, clock=clock, stop=stop, interval=60, rules=UNHURRIED, on_pass=tell)
    assert clock.slept == [60, 60, 60]
    assert [dict(each.outcomes) for each in told] == [{}, {}, {"deleted": 1}]


async def test_the_loop_pauses_longer_while_the_database_is_away(blobs: GcsBlobs) -> None:
    store = Store.from_url(f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    stop = asyncio.Event()
    clock = StoppingClock(stop, 6)
    await passes.loop(store, blobs, clock=clock, stop=stop, interval=60, rules=UNHURRIED)
    assert clock.slept == [120, 240, 480, 600, 600, 600]
    await store.close()


@pytest.mark.parametrize("where", ["batch", "", "storage"])
async def test_the_loop_pauses_longer_while_the_bucket_is_ill(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, where: str
) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    for method in ("POST", "GET") if where != "batch" else ("POST",):
        gcs.fail_next(method, where, 403, times=1_000_000)
    stop = asyncio.Event()
    clock = StoppingClock(stop, 2, ALL_DUE)
    gcs.now = clock.now
    await passes.loop(store, blobs, clock=clock, stop=stop, interval=60, rules=UNHURRIED)
    assert clock.slept == [120, 240]


async def test_a_stop_ends_the_pause(store: Store, blobs: GcsBlobs) -> None:
    class Endless(FixedClock):
        async def sleep(self, seconds: float) -> None:
            stop.set()
            await asyncio.Event().wait()

    stop = asyncio.Event()
    loop = asyncio.create_task(passes.loop(store, blobs, clock=Endless(), stop=stop, interval=60, rules=UNHURRIED))
    done, _ = await asyncio.wait({loop}, timeout=10)
    assert done == {loop}
