"""Retention on a real database and a real bucket server: what goes, what stays due, and what the record says of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest

from testkit.gcs_server import GcsServer
from testkit.retained import FixedClock, captured, deleted, is_fault_of, receipts, result_name
from testkit.samples import (
    HOME_DESKTOP,
    NOW,
    PDP_MOBILE,
    SESSION,
    object_name,
)
from webaudit_capture.contract import ArtifactType
from webaudit_operator import gcs as gcs_module
from webaudit_operator import retention
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention import Brake, Pass, finished_captures, run_once
from webaudit_operator.store.record import Store, StoreUnavailable
from webaudit_operator.store.rows import BlobRef, LiveArtifact

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
HTML_DUE = NOW + 7 * DAY
ALL_DUE = NOW + 30 * DAY


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_module, "PATIENCE", 0.3)


async def test_before_its_time_nothing_goes(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    assert await run_once(store, blobs, HTML_DUE - timedelta(seconds=1), batch=10) == Pass()
    assert len(gcs.objects) == 5


async def test_what_is_due_goes_and_leaves_a_receipt(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    done = await run_once(store, blobs, HTML_DUE, batch=10)
    assert done.outcomes == {"deleted": 1}
    assert object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ) not in gcs.objects
    assert len(gcs.objects) == 4
    (receipt,) = receipts(database_url)
    assert (receipt["outcome"], receipt["type"], receipt["rule"]) == ("deleted", "html_gz", "expired")
    assert await run_once(store, blobs, HTML_DUE, batch=10) == Pass()


async def test_a_captures_result_goes_with_its_last_artifact(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    await captured(store, gcs, page=PDP_MOBILE)
    await run_once(store, blobs, HTML_DUE, batch=10)
    assert {result_name(), result_name(page=PDP_MOBILE)} <= set(gcs.objects)
    await run_once(store, blobs, ALL_DUE, batch=10)
    assert gcs.objects == {}


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_batches_make_no_difference(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, batch: int
) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    done = await run_once(store, blobs, ALL_DUE, batch=batch)
    assert done.outcomes == {"deleted": 12}
    assert gcs.objects == {}
    assert len(receipts(database_url)) == deleted(database_url) == 12


async def test_an_object_that_is_gone_already_counts_as_deleted(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    del gcs.objects[object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ)]
    done = await run_once(store, blobs, HTML_DUE, batch=10)
    assert done.outcomes == {"already_absent": 1}
    assert receipts(database_url)[0]["outcome"] == "already_absent"
    assert deleted(database_url) == 1


async def test_a_newer_generation_under_the_same_name_stays(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    name = object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ)
    gcs.overwrite(name, b"somebody else's")
    await run_once(store, blobs, HTML_DUE, batch=10)
    assert gcs.objects[name].body == b"somebody else's"


async def test_a_held_object_is_not_marked_deleted(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    name = object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ)
    gcs.hold(name)
    for _ in range(2):
        done = await run_once(store, blobs, HTML_DUE, batch=10)
        assert done.outcomes == {"held": 1}
    assert name in gcs.objects
    assert deleted(database_url) == 0
    assert [receipt["outcome"] for receipt in receipts(database_url)] == ["held"]
    gcs.hold(name, on=False)
    assert (await run_once(store, blobs, HTML_DUE, batch=10)).outcomes == {"deleted": 1}
    assert [receipt["outcome"] for receipt in receipts(database_url)] == ["held", "deleted"]


async def test_one_bad_object_does_not_block_the_others(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    bad = object_name(UUID(int=0), HOME_DESKTOP, ArtifactType.HTML_GZ)
    gcs.fail_next("DELETE", f"{UUID(int=0)}.*{is_fault_of(ArtifactType.HTML_GZ)}", 503, times=10_000)
    done = await run_once(store, blobs, ALL_DUE, batch=2)
    assert done == Pass(outcomes=done.outcomes, braked=False)
    assert done.outcomes == {"deleted": 11, "failed": 1}
    assert set(gcs.objects) == {bad, result_name(UUID(int=0))}
    assert deleted(database_url) == 11
    gcs.heal()
    assert (await run_once(store, blobs, ALL_DUE, batch=2)).outcomes == {"deleted": 1}
    assert gcs.objects == {}


async def test_many_bad_objects_among_good_ones_do_not_stop_the_pass(
    store: Store, blobs: GcsBlobs, gcs: GcsServer
) -> None:
    for number in range(4):
        await captured(store, gcs, UUID(int=number))
    due = await store.due_artifacts(ALL_DUE, 100)
    bad = due[::2]
    assert len(bad) > Brake().limit
    for artifact in bad:
        name = BlobRef.parse(artifact.storage_uri).name
        gcs.fail_next("DELETE", quote(name, safe=""), 403)
    done = await run_once(store, blobs, ALL_DUE, batch=1)
    assert not done.braked
    assert done.outcomes == {"deleted": 8, "failed": 8}


async def test_a_row_that_names_no_object_of_ours_stays_and_blocks_nothing(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE artifacts SET storage_uri = '/mnt/shot.png' WHERE type = 'screenshot'")
        connection.execute(
            "UPDATE artifacts SET storage_uri = replace(storage_uri, 'evidence', 'attic') WHERE type = 'visible_text'"
        )
    done = await run_once(store, blobs, ALL_DUE, batch=10)
    assert done.outcomes == {"deleted": 2, "failed": 2}
    assert deleted(database_url) == 2


async def test_an_ill_bucket_ends_the_pass_early(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(8):
        await captured(store, gcs, UUID(int=number))
    gcs.fail_next("DELETE", "", 503, times=1_000_000)
    done = await run_once(store, blobs, ALL_DUE, batch=100)
    assert done.braked
    assert done.outcomes == {"failed": 32}
    assert len({path for method, path in gcs.requests if method == "DELETE"}) <= retention.CONCURRENCY + Brake().limit
    assert deleted(database_url) == 0
    assert len(gcs.objects) == 40


async def test_a_bucket_that_refuses_is_braked_on_too(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    for number in range(8):
        await captured(store, gcs, UUID(int=number))
    gcs.fail_next("DELETE", "", 403, times=1_000_000)
    assert (await run_once(store, blobs, ALL_DUE, batch=100)).braked


async def test_a_result_that_cannot_go_keeps_its_last_artifacts_due(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    gcs.fail_next("DELETE", r"result\.json", 503, times=10_000)
    done = await run_once(store, blobs, ALL_DUE, batch=10)
    assert done.outcomes == {"failed": 4}
    assert set(gcs.objects) == {result_name()}
    assert deleted(database_url) == 0
    gcs.heal()
    assert (await run_once(store, blobs, ALL_DUE, batch=10)).outcomes == {"already_absent": 4}
    assert gcs.objects == {}
    assert deleted(database_url) == 4


async def test_a_kill_between_object_and_row_is_repaired_by_the_next_pass(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await captured(store, gcs)

    async def killed(*_: object) -> int:
        raise StoreUnavailable("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "record_deletions", killed)
        with pytest.raises(StoreUnavailable):
            await run_once(store, blobs, ALL_DUE, batch=10)
    assert gcs.objects == {}
    assert deleted(database_url) == 0
    await run_once(store, blobs, ALL_DUE, batch=10)
    assert deleted(database_url) == 4
    assert len(receipts(database_url)) == 4


async def test_two_passes_at_once_leave_one_receipt_each(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(5):
        await captured(store, gcs, UUID(int=number))
    await asyncio.gather(*(run_once(store, blobs, ALL_DUE, batch=7) for _ in range(3)))
    assert gcs.objects == {}
    assert len(receipts(database_url)) == deleted(database_url) == 20


# --- the loop


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
    passes: list[Pass] = []
    await retention.loop(store, blobs, clock=clock, stop=stop, interval=60, batch=10, on_pass=passes.append)
    assert clock.slept == [60, 60, 60]
    assert [dict(each.outcomes) for each in passes] == [{}, {}, {"deleted": 1}]


async def test_the_loop_pauses_longer_while_the_database_is_away(blobs: GcsBlobs) -> None:
    from testkit.postgres import free_port

    store = Store.from_url(f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    stop = asyncio.Event()
    clock = StoppingClock(stop, 6)
    await retention.loop(store, blobs, clock=clock, stop=stop, interval=60, batch=10)
    assert clock.slept == [120, 240, 480, 600, 600, 600]
    await store.close()


async def test_the_loop_pauses_longer_while_the_bucket_is_ill(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    gcs.fail_next("DELETE", "", 403, times=1_000_000)
    stop = asyncio.Event()
    clock = StoppingClock(stop, 2, ALL_DUE)
    await retention.loop(store, blobs, clock=clock, stop=stop, interval=60, batch=100)
    assert clock.slept == [120, 240]


async def test_a_stop_ends_the_pause(store: Store, blobs: GcsBlobs) -> None:
    class Endless(FixedClock):
        async def sleep(self, seconds: float) -> None:
            stop.set()
            await asyncio.Event().wait()

    stop = asyncio.Event()
    loop = asyncio.create_task(retention.loop(store, blobs, clock=Endless(), stop=stop, interval=60, batch=10))
    done, _ = await asyncio.wait({loop}, timeout=10)
    assert done == {loop}


# --- pure parts


def live(page: int, of: int) -> LiveArtifact:
    return LiveArtifact(UUID(int=0), SESSION, UUID(int=page), ArtifactType.SCREENSHOT, "", 1, None, None, of)


@pytest.mark.parametrize(
    ("gone", "finished"),
    [
        ([], []),
        ([live(1, 4)], []),
        ([live(1, 1)], [1]),
        ([live(1, 2), live(1, 2)], [1]),
        ([live(1, 4), live(2, 1)], [2]),
    ],
)
def test_a_capture_is_finished_when_none_of_its_artifacts_is_left(
    gone: list[LiveArtifact], finished: list[int]
) -> None:
    assert list(finished_captures(gone)) == [UUID(int=page) for page in finished]


def test_the_brake_counts_failures_in_a_row_only() -> None:
    brake = Brake(limit=3)
    for step in ("failed", "failed", "succeeded", "failed", "failed"):
        getattr(brake, step)()
    assert not brake.on
    brake.failed()
    assert brake.on
