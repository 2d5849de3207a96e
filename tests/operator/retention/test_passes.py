"""Passes on a real database and a real bucket server: what goes, what stays due, and what the record says of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest

from testkit.gcs_server import GcsServer, How
from testkit.retained import (
    UNHURRIED,
    FixedClock,
    captured,
    deleted,
    is_fault_of,
    one_pass,
    put_off,
    receipts,
    result_name,
)
from testkit.samples import HOME_DESKTOP, NOW, PDP_MOBILE, SESSION, object_name
from webaudit_capture.contract import ArtifactType
from webaudit_operator import gcs as gcs_module
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention import passes
from webaudit_operator.retention.brake import FIRST_RETRY, HELD_RETRY, Brake
from webaudit_operator.store.due import Due
from webaudit_operator.store.record import Store, StoreUnavailable
from webaudit_operator.store.rows import BlobRef

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)
HTML_DUE = NOW + 7 * DAY
ALL_DUE = NOW + 30 * DAY
HTML = object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcs_module, "PATIENCE", 0.3)


async def test_before_its_time_nothing_goes(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    done = await one_pass(store, blobs, gcs, HTML_DUE - timedelta(seconds=1))
    assert done.outcomes == {}
    assert len(gcs.objects) == 5


async def test_what_is_due_goes_and_leaves_a_receipt(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    stored = gcs.objects[HTML]
    done = await one_pass(store, blobs, gcs, HTML_DUE)
    assert done.outcomes == {"deleted": 1}
    assert HTML not in gcs.objects
    assert len(gcs.objects) == 4
    (receipt,) = receipts(database_url)
    assert (receipt["outcome"], receipt["type"], receipt["rule"]) == ("deleted", "html_gz", "expired")
    assert (receipt["object"], receipt["generation"]) == (f"gs://{gcs.bucket}/{HTML}", str(stored.generation))
    assert (receipt["size"], receipt["due"]) == (len(stored.body), HTML_DUE.isoformat())
    assert (await one_pass(store, blobs, gcs, HTML_DUE)).outcomes == {}


async def test_a_captures_result_goes_with_its_last_artifact(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    await captured(store, gcs, page=PDP_MOBILE)
    await one_pass(store, blobs, gcs, HTML_DUE)
    assert {result_name(), result_name(page=PDP_MOBILE)} <= set(gcs.objects)
    await one_pass(store, blobs, gcs, ALL_DUE)
    assert gcs.objects == {}


@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (1, 5), (3, 4), (100, 8)])
async def test_neither_batches_nor_workers_make_a_difference(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, batch: int, workers: int
) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, batch=batch, workers=workers))
    assert done.outcomes == {"deleted": 12}
    assert gcs.objects == {}
    assert len(receipts(database_url)) == deleted(database_url) == 12


async def test_a_batch_is_one_request_however_many_objects_it_takes(
    store: Store, blobs: GcsBlobs, gcs: GcsServer
) -> None:
    for number in range(25):
        await captured(store, gcs, UUID(int=number))
    gcs.requests.clear()
    assert (await one_pass(store, blobs, gcs, ALL_DUE)).outcomes == {"deleted": 100}
    posts = [path for method, path in gcs.requests if method == "POST"]
    assert posts == ["/batch/storage/v1"] * 3  # the artifacts, a look at the results, the results


async def test_no_more_than_the_rate_goes_in_a_second(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    for number in range(6):
        await captured(store, gcs, UUID(int=number))
    gcs.now = lambda: ALL_DUE
    clock = FixedClock(ALL_DUE)
    await passes.run_once(store, blobs, clock=clock, rules=replace(UNHURRIED, batch=4, workers=3, rate=2.0))
    assert clock.time - ALL_DUE >= timedelta(seconds=24 / 2 - 4 / 2)


async def test_an_object_that_is_gone_already_counts_as_deleted(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    del gcs.objects[HTML]
    done = await one_pass(store, blobs, gcs, HTML_DUE)
    assert done.outcomes == {"already_absent": 1}
    assert receipts(database_url)[0]["outcome"] == "already_absent"
    assert deleted(database_url) == 1


async def test_a_newer_generation_under_the_same_name_stays(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    await captured(store, gcs)
    gcs.overwrite(HTML, b"somebody else's")
    await one_pass(store, blobs, gcs, HTML_DUE)
    assert gcs.objects[HTML].body == b"somebody else's"


async def test_a_held_object_is_tried_again_later_and_not_marked_deleted(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    gcs.hold(HTML)
    assert (await one_pass(store, blobs, gcs, HTML_DUE)).outcomes == {"held": 1}
    assert (await one_pass(store, blobs, gcs, HTML_DUE + timedelta(minutes=30))).outcomes == {}
    ((kind, reason, tries, retry_at),) = put_off(database_url)
    assert (kind, tries, retry_at) == ("held", 1, HTML_DUE + HELD_RETRY)
    assert "under active Temporary hold" in reason
    assert (await one_pass(store, blobs, gcs, retry_at)).outcomes == {"held": 1}
    assert HTML in gcs.objects
    assert deleted(database_url) == 0
    gcs.hold(HTML, on=False)
    assert (await one_pass(store, blobs, gcs, retry_at + HELD_RETRY)).outcomes == {"deleted": 1}
    assert put_off(database_url) == []
    assert [receipt["outcome"] for receipt in receipts(database_url)] == ["deleted"]


async def test_an_object_under_the_buckets_own_retention_policy_is_tried_again_when_that_ends(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    gcs.now = lambda: NOW
    await captured(store, gcs)
    gcs.state.retention_period = 10 * DAY
    assert (await one_pass(store, blobs, gcs, HTML_DUE)).outcomes == {"held": 1}
    ((_, reason, _, retry_at),) = put_off(database_url)
    assert retry_at == gcs.objects[HTML].created + 10 * DAY
    assert "retention policy" in reason
    assert (await one_pass(store, blobs, gcs, retry_at)).outcomes == {"deleted": 1}


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_one_bad_object_does_not_block_the_others(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, status: int
) -> None:
    for number in range(3):
        await captured(store, gcs, UUID(int=number))
    bad = object_name(UUID(int=0), HOME_DESKTOP, ArtifactType.HTML_GZ)
    gcs.fail_next("DELETE", f"{UUID(int=0)}.*{is_fault_of(ArtifactType.HTML_GZ)}", status, times=10_000)
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, batch=2))
    assert (done.outcomes, done.braked) == ({"deleted": 11, "failed": 1}, False)
    assert set(gcs.objects) == {bad, result_name(UUID(int=0))}
    assert deleted(database_url) == 11
    again = ALL_DUE
    for tries in range(3):
        ((kind, reason, counted, retry_at),) = put_off(database_url)
        assert (kind, counted, retry_at) == ("failed", tries + 1, again + FIRST_RETRY * 2**tries)
        assert reason == f"{status} The server was told to fail."
        again = retry_at
        assert (await one_pass(store, blobs, gcs, again)).outcomes == {"failed": 1}
    gcs.heal()
    assert (await one_pass(store, blobs, gcs, again + DAY)).outcomes == {"deleted": 1}
    assert gcs.objects == {}


async def test_many_bad_objects_among_good_ones_do_not_stop_the_pass(
    store: Store, blobs: GcsBlobs, gcs: GcsServer
) -> None:
    for number in range(4):
        await captured(store, gcs, UUID(int=number))
    due = await store.due_artifacts(Due(ALL_DUE), 100)
    bad = due[::2]
    assert len(bad) > Brake().limit
    for artifact in bad:
        gcs.fail_next("DELETE", quote(BlobRef.parse(artifact.storage_uri).name, safe=""), 403)
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, batch=1, workers=1))
    assert (done.outcomes, done.braked) == ({"deleted": 8, "failed": 8}, False)


async def test_a_row_that_names_no_object_of_ours_stays_and_blocks_nothing(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE artifacts SET storage_uri = '/mnt/shot.png' WHERE type = 'screenshot'")
        connection.execute(
            "UPDATE artifacts SET storage_uri = replace(storage_uri, 'evidence', 'attic') WHERE type = 'visible_text'"
        )
    assert (await one_pass(store, blobs, gcs, ALL_DUE)).outcomes == {"deleted": 2, "failed": 2}
    assert deleted(database_url) == 2
    assert {reason for _, reason, _, _ in put_off(database_url)} == {
        '"/mnt/shot.png" is not gs://bucket/object#generation',
        f'it lies in bucket "attic", this operator works on "{gcs.bucket}"',
    }


@pytest.mark.parametrize("how", [503, 403, "reset", "lost"])
async def test_an_ill_bucket_ends_the_pass_early_and_nothing_is_marked(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, how: How
) -> None:
    for number in range(8):
        await captured(store, gcs, UUID(int=number))
    gcs.fail_next("POST", "batch", how, times=1_000_000)
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, batch=4))
    assert done.braked
    assert set(done.outcomes) == {"unanswered"}
    assert done.outcomes["unanswered"] <= 4 * UNHURRIED.workers
    assert deleted(database_url) == 0
    assert put_off(database_url) == []  # it is the bucket's fault, and none of the objects'
    gcs.heal()
    done = await one_pass(store, blobs, gcs, ALL_DUE)
    assert done.outcomes.total() == deleted(database_url) == 32
    assert gcs.objects == {}


async def test_a_bucket_that_refuses_every_object_is_braked_on_too(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(8):
        await captured(store, gcs, UUID(int=number))
    gcs.fail_next("DELETE", "", 403, times=1_000_000)
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, batch=5, workers=1))
    assert (done.braked, done.outcomes) == (True, {"failed": 5})
    assert deleted(database_url) == 0


@pytest.mark.parametrize(("method", "how"), [("DELETE", 503), ("DELETE", 403), ("GET", 503)])
async def test_a_result_that_cannot_go_is_remembered_until_it_does(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, method: str, how: int
) -> None:
    await captured(store, gcs)
    gcs.fail_next(method, r"result\.json", how, times=10_000)
    assert (await one_pass(store, blobs, gcs, ALL_DUE)).outcomes == {"deleted": 4}
    assert set(gcs.objects) == {result_name()}
    gcs.heal()
    await one_pass(store, blobs, gcs, ALL_DUE)
    assert set(gcs.objects) == {result_name()}, "put off, as an artifact would be"
    await one_pass(store, blobs, gcs, ALL_DUE + FIRST_RETRY)
    assert gcs.objects == {}
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM retention_leftovers").fetchone() == (0,)


async def test_a_kill_between_object_and_row_is_repaired_by_the_next_pass(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await captured(store, gcs)

    async def killed(*_: object, **__: object) -> int:
        raise StoreUnavailable("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "record_deletions", killed)
        with pytest.raises(StoreUnavailable):
            await one_pass(store, blobs, gcs, ALL_DUE)
    assert set(gcs.objects) == {result_name()}
    assert deleted(database_url) == 0
    await one_pass(store, blobs, gcs, ALL_DUE)
    assert len(receipts(database_url)) == deleted(database_url) == 4
    assert gcs.objects == {}


async def test_two_operators_at_once_leave_one_receipt_each_and_no_result(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(5):
        await captured(store, gcs, UUID(int=number))
    rules = replace(UNHURRIED, batch=3)
    await asyncio.gather(*(one_pass(store, blobs, gcs, ALL_DUE, rules) for _ in range(3)))
    assert gcs.objects == {}
    assert len(receipts(database_url)) == deleted(database_url) == 20


async def test_a_session_whose_resource_is_held_keeps_everything_and_the_others_do_not(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    other = UUID(int=7)
    await captured(store, gcs)
    await captured(store, gcs, other)
    gcs.now = lambda: ALL_DUE
    clock = FixedClock(ALL_DUE)
    done = await passes.run_once(store, blobs, clock=clock, rules=UNHURRIED, spare=lambda: frozenset([SESSION]))
    assert done.outcomes == {"deleted": 4}
    assert {name.split("__")[1].split("/")[0] for name in gcs.objects} == {str(SESSION)}
    assert done.backlog is not None
    assert done.backlog.due == 4, "the breaker does not count what is held"


async def test_a_dry_run_says_what_would_go_and_touches_nothing(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    done = await one_pass(store, blobs, gcs, ALL_DUE, replace(UNHURRIED, dry_run=True))
    assert done.outcomes == {"would_delete": 4}
    assert (len(gcs.objects), deleted(database_url), receipts(database_url)) == (5, 0, [])


@pytest.mark.parametrize("how", [404, 501, "no parts"])
async def test_a_server_without_batches_is_asked_object_by_object(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, how: How
) -> None:
    await captured(store, gcs)
    gcs.fail_next("POST", "batch", how, times=1_000_000)
    assert (await one_pass(store, blobs, gcs, ALL_DUE)).outcomes == {"deleted": 4}
    assert (gcs.objects, deleted(database_url)) == ({}, 4)


def test_the_brake_counts_failures_in_a_row_only() -> None:
    brake = Brake(limit=3)
    for step in ("failed", "failed", "succeeded", "failed", "failed"):
        getattr(brake, step)()
    assert not brake.on
    brake.failed()
    assert brake.on
