"""Deleted evidence comes back while the bucket's soft delete keeps it, on a real record and a real bucket server."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from testkit.gcs_server import GcsServer
from testkit.retained import FixedClock, captured, deleted, one_pass, receipts, result_name
from testkit.samples import HOME_DESKTOP, NOW, SESSION, content, object_name
from webaudit_capture.contract import ArtifactType
from webaudit_operator.blobs import BlobsMisconfigured, Generation
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention.purging import purge_session
from webaudit_operator.retention.undeleting import Undeleted, undelete
from webaudit_operator.store.errors import SessionMissing
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import BlobRef

pytestmark = pytest.mark.postgres

WINDOW = timedelta(days=7)
KEEP = timedelta(days=30)
HTML_DUE = NOW + timedelta(days=8)
ALL_DUE = NOW + timedelta(days=31)
HTML = object_name(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ)


@pytest.fixture
def keeping(gcs: GcsServer) -> GcsServer:
    """A bucket that keeps deleted objects for a week."""
    gcs.now = lambda: NOW
    gcs.state.soft_delete = WINDOW
    return gcs


async def undeleted(store: Store, blobs: GcsBlobs, gcs: GcsServer, now: datetime) -> Undeleted:
    gcs.now = lambda: now
    return await undelete(store, blobs, SESSION, keep=KEEP, by="ada", clock=FixedClock(now))


def rows(url: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return {row["type"]: row for row in connection.execute("SELECT * FROM artifacts").fetchall()}


def restorations(url: str) -> list[dict[str, Any]]:
    with psycopg.connect(url) as connection:
        query = "SELECT details FROM crawl_logs WHERE details->>'event' = 'artifact_restored' ORDER BY id"
        return [details for (details,) in connection.execute(query)]


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values)


async def test_what_expired_comes_back_with_its_row_and_is_kept_for_a_while(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str
) -> None:
    await captured(store, keeping)
    before = rows(database_url)
    await one_pass(store, blobs, keeping, HTML_DUE)
    assert HTML not in keeping.objects
    now = HTML_DUE + timedelta(days=6)
    done = await undeleted(store, blobs, keeping, now)
    assert (len(done.restored), done.lost) == (1, [])

    back = keeping.objects[HTML]
    assert back.body == content(ArtifactType.HTML_GZ)
    after = rows(database_url)
    changed = {
        "storage_uri": BlobRef(keeping.bucket, HTML, back.generation).uri,
        "deleted_at": None,
        "retention_until": now + KEEP,
    }
    assert after == before | {"html_gz": before["html_gz"] | changed}
    (event,) = restorations(database_url)
    old = before["html_gz"]["storage_uri"].rpartition("#")[2]
    assert (event["by"], event["old_generation"], event["generation"]) == ("ada", old, str(back.generation))

    await one_pass(store, blobs, keeping, now + KEEP - timedelta(seconds=1))
    assert HTML in keeping.objects
    await one_pass(store, blobs, keeping, now + KEEP)
    assert HTML not in keeping.objects
    assert [receipt["generation"] for receipt in receipts(database_url) if receipt["type"] == "html_gz"] == [
        old,
        str(back.generation),
    ]


async def test_a_whole_capture_comes_back_with_its_result_and_is_not_cleared_again(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str
) -> None:
    await captured(store, keeping)
    whole = {name: each.body for name, each in keeping.objects.items()}
    keeping.hold(result_name())  # so that the record still has to clear it
    await one_pass(store, blobs, keeping, ALL_DUE)
    keeping.hold(result_name(), on=False)
    assert await store.leftovers(ALL_DUE + WINDOW, 10)
    await undeleted(store, blobs, keeping, ALL_DUE + timedelta(hours=1))
    assert await store.leftovers(ALL_DUE + WINDOW, 10) == []

    await purge_session(
        store, blobs, SESSION, prefix=f"acme-shop.com__{SESSION}/", clock=FixedClock(ALL_DUE + timedelta(hours=2))
    )
    assert keeping.objects == {}
    done = await undeleted(store, blobs, keeping, ALL_DUE + timedelta(hours=3))
    assert (len(done.restored), done.lost, deleted(database_url)) == (4, [], 0)
    assert {name: each.body for name, each in keeping.objects.items()} == whole
    assert (await undeleted(store, blobs, keeping, ALL_DUE + timedelta(hours=4))).deleted == 0


@pytest.mark.parametrize("later", [timedelta(hours=2), WINDOW * 2], ids=["at once", "after the window"])
async def test_a_kill_between_object_and_row_is_finished_by_a_repeat(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str, later: timedelta
) -> None:
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, HTML_DUE)
    recorded = BlobRef.parse(rows(database_url)["html_gz"]["storage_uri"])
    back = await blobs.restore(Generation(recorded.name, recorded.generation))
    assert back is not None
    done = await undeleted(store, blobs, keeping, HTML_DUE + later)
    assert (len(done.restored), done.lost) == (1, [])
    assert rows(database_url)["html_gz"]["storage_uri"].endswith(f"#{back.generation}")
    assert keeping.objects[HTML].generation == back.generation


async def test_an_answer_that_is_lost_on_its_way_restores_once(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str
) -> None:
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, HTML_DUE)
    keeping.fail_next("POST", "/restore", "lost")
    done = await undeleted(store, blobs, keeping, HTML_DUE)
    assert (len(done.restored), done.lost) == (1, [])
    assert rows(database_url)["html_gz"]["storage_uri"].endswith(f"#{keeping.objects[HTML].generation}")


@pytest.mark.parametrize("soft", [True, False], ids=["window over", "no soft delete"])
async def test_what_the_bucket_has_no_more_stays_deleted(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str, soft: bool
) -> None:
    keeping.state.soft_delete = WINDOW if soft else None
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, HTML_DUE)
    before = rows(database_url)
    done = await undeleted(store, blobs, keeping, HTML_DUE + WINDOW)
    assert [reason for _, reason in done.lost] == ["the bucket does not have it any more"]
    assert (rows(database_url), restorations(database_url)) == (before, [])


async def test_another_object_under_the_name_is_neither_taken_nor_replaced(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str
) -> None:
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, HTML_DUE)
    body = content(ArtifactType.HTML_GZ)[::-1]
    for now in (HTML_DUE, HTML_DUE + WINDOW):
        keeping.put(HTML, body)
        done = await undeleted(store, blobs, keeping, now)
        assert [reason for _, reason in done.lost] == ["another object lies under its name"]
        assert (keeping.objects[HTML].body, deleted(database_url)) == (body, 1)


async def test_of_several_deleted_generations_the_recorded_one_comes_back(
    store: Store, blobs: GcsBlobs, keeping: GcsServer
) -> None:
    keeping.put(HTML, b"an earlier attempt")
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, HTML_DUE)
    keeping.put(HTML, b"something later")
    keeping.state.delete(HTML)
    await undeleted(store, blobs, keeping, HTML_DUE)
    assert keeping.objects[HTML].body == content(ArtifactType.HTML_GZ)


@pytest.mark.parametrize("until", [ALL_DUE + 2 * KEEP, None], ids=["later than that", "kept for good"])
async def test_nothing_expires_earlier_for_having_been_deleted(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str, until: datetime | None
) -> None:
    await captured(store, keeping)
    execute(database_url, "UPDATE artifacts SET retention_until = %s", until)
    await purge_session(store, blobs, SESSION, prefix=f"acme-shop.com__{SESSION}/", clock=FixedClock(NOW))
    await undeleted(store, blobs, keeping, NOW)
    assert {row["retention_until"] for row in rows(database_url).values()} == {until}


async def test_a_bucket_that_refuses_changes_no_row(
    store: Store, blobs: GcsBlobs, keeping: GcsServer, database_url: str
) -> None:
    await captured(store, keeping)
    await one_pass(store, blobs, keeping, ALL_DUE)
    keeping.fail_next("POST", "/restore", 403)
    with pytest.raises(BlobsMisconfigured, match="403"):
        await undeleted(store, blobs, keeping, ALL_DUE)
    assert deleted(database_url) == 4
    keeping.heal()
    assert len((await undeleted(store, blobs, keeping, ALL_DUE)).restored) == 4


async def test_a_session_nobody_knows_cannot_be_undeleted(store: Store, blobs: GcsBlobs, keeping: GcsServer) -> None:
    with pytest.raises(SessionMissing):
        await undeleted(store, blobs, keeping, NOW)


async def test_the_bucket_says_how_long_it_keeps_what_is_deleted(blobs: GcsBlobs, gcs: GcsServer) -> None:
    assert await blobs.soft_delete_window() is None
    gcs.state.soft_delete = WINDOW
    assert await blobs.soft_delete_window() == WINDOW
    gcs.fail_next("GET", r"/b/evidence\?", 403)
    with pytest.raises(BlobsMisconfigured, match=r"lack storage\.buckets\.get"):
        await blobs.soft_delete_window()
