"""Due artifacts and the receipts of deletions, on a real database."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from testkit.postgres import held_until_blocked
from testkit.samples import (
    HOME_DESKTOP,
    NOW,
    PDP_MOBILE,
    SESSION,
    artifact_row,
    capture_row,
    session_row,
)
from webaudit_capture.contract import ArtifactType
from webaudit_operator.blobs import Deletion
from webaudit_operator.store.deletions import due_query
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import DueCursor, LiveArtifact, Receipt, RetentionPolicy, artifact_id

pytestmark = pytest.mark.postgres

DAY = timedelta(days=1)


def logged(url: str) -> list[dict[str, Any]]:
    with psycopg.connect(url) as connection:
        query = "SELECT details FROM crawl_logs WHERE details->>'outcome' <> 'uploaded' ORDER BY id"
        return [details for (details,) in connection.execute(query)]


def receipt(artifact: LiveArtifact, outcome: Deletion = Deletion.DELETED) -> Receipt:
    return Receipt(artifact, outcome, "expired", NOW + 40 * DAY, NOW + 40 * DAY + timedelta(seconds=1))


async def captured(store: Store, session_id: UUID = SESSION, page: Any = HOME_DESKTOP) -> None:
    artifacts = tuple(artifact_row(page, kind, session_id=session_id) for kind in ArtifactType)
    await store.finish_capture(
        session_row(session_id, retention=RetentionPolicy.SHORT), capture_row(page, artifacts=artifacts)
    )


async def test_nothing_is_due_before_its_time(store: Store) -> None:
    await captured(store)
    assert await store.due_artifacts(NOW + 7 * DAY - timedelta(microseconds=1), 10) == []
    (html,) = await store.due_artifacts(NOW + 7 * DAY, 10)
    assert html.type is ArtifactType.HTML_GZ
    assert html.retention_until == NOW + 7 * DAY
    assert html.live_in_capture == 4
    assert html.checksum == "sha256:" + artifact_row(HOME_DESKTOP, ArtifactType.HTML_GZ).sha256


async def test_what_is_kept_for_good_is_never_due(store: Store) -> None:
    await store.finish_capture(session_row(retention=RetentionPolicy.LONG), capture_row())
    due = await store.due_artifacts(NOW + 100_000 * DAY, 10)
    assert [artifact.type for artifact in due] == [ArtifactType.HTML_GZ]


async def test_the_oldest_come_first_and_a_walk_in_batches_meets_each_once(store: Store) -> None:
    for number in range(5):
        await captured(store, UUID(int=number))
    walked: list[LiveArtifact] = []
    cursor: DueCursor | None = None
    while batch := await store.due_artifacts(NOW + 400 * DAY, 3, cursor):
        walked += batch
        last = batch[-1]
        assert last.retention_until is not None
        cursor = DueCursor(last.retention_until, last.id)
    assert len({artifact.id for artifact in walked}) == len(walked) == 20
    assert [artifact.type for artifact in walked[:5]] == [ArtifactType.HTML_GZ] * 5


async def test_a_deletion_marks_the_row_and_leaves_a_receipt(store: Store, database_url: str) -> None:
    await captured(store)
    (html,) = await store.due_artifacts(NOW + 8 * DAY, 10)
    assert await store.record_deletions([receipt(html)]) == 1
    assert await store.due_artifacts(NOW + 8 * DAY, 10) == []
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT type::text, deleted_at FROM artifacts WHERE deleted_at IS NOT NULL")
        assert found.fetchall() == [("html_gz", NOW + 40 * DAY + timedelta(seconds=1))]
    told = logged(database_url)[-1]
    assert told["event"] == "artifact_deleted"
    assert told["outcome"] == "deleted"
    assert told["artifact"] == str(artifact_id(SESSION, HOME_DESKTOP, ArtifactType.HTML_GZ))
    assert told["object"] == f"gs://evidence/acme-shop.com__{SESSION}/homepage/desktop/page.html.gz"
    assert told["generation"] == "1700000000000001"
    assert told["size"] == html.size_bytes
    assert told["sha256"] == str(html.checksum).removeprefix("sha256:")
    assert told["rule"] == "expired"
    assert told["due"] == "2026-03-08T12:00:00+00:00"
    assert told["requested_at"] == "2026-04-10T12:00:00+00:00"
    assert told["confirmed_at"] == "2026-04-10T12:00:01+00:00"


async def test_what_was_absent_already_counts_as_deleted(store: Store, database_url: str) -> None:
    await captured(store)
    (html,) = await store.due_artifacts(NOW + 8 * DAY, 10)
    assert await store.record_deletions([receipt(html, Deletion.ALREADY_ABSENT)]) == 1
    assert len(await store.session_artifacts(SESSION)) == 3
    assert logged(database_url)[-1]["outcome"] == "already_absent"


async def test_no_deletion_has_two_receipts(store: Store, database_url: str) -> None:
    await captured(store)
    live = await store.session_artifacts(SESSION)
    receipts = [receipt(artifact) for artifact in live]
    async with held_until_blocked(database_url, "SELECT FROM artifacts FOR UPDATE", waiters=3):
        batches = (receipts, receipts[::-1], receipts * 2)
        recorders = [asyncio.create_task(store.record_deletions(batch)) for batch in batches]
    assert sorted(await asyncio.gather(*recorders)) == [0, 0, 4]
    assert [told["event"] for told in logged(database_url)].count("artifact_deleted") == 4
    assert await store.record_deletions(receipts) == 0
    assert await store.record_deletions([]) == 0


async def test_a_held_object_is_not_marked_deleted_and_is_told_once(store: Store, database_url: str) -> None:
    await captured(store)
    (html,) = await store.due_artifacts(NOW + 8 * DAY, 10)
    held = receipt(html, Deletion.HELD)
    assert await store.record_deletions([held]) == 0
    assert await store.record_deletions([held]) == 0
    assert await store.due_artifacts(NOW + 8 * DAY, 10) == [html]
    assert [told["event"] for told in logged(database_url)[-1:]] == ["artifact_held"]
    assert [told["event"] for told in logged(database_url)].count("artifact_held") == 1
    assert await store.record_deletions([receipt(html)]) == 1
    assert logged(database_url)[-1]["event"] == "artifact_deleted"


async def test_the_last_of_a_capture_is_known(store: Store) -> None:
    await captured(store)
    await captured(store, page=PDP_MOBILE)
    live = [artifact for artifact in await store.session_artifacts(SESSION) if "/homepage/" in artifact.storage_uri]
    await store.record_deletions([receipt(artifact) for artifact in live[:3]])
    left = await store.session_artifacts(SESSION)
    assert sorted(artifact.live_in_capture for artifact in left) == [1, 4, 4, 4, 4]


async def test_the_due_query_walks_its_index(store: Store, database_url: str) -> None:
    await captured(store)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO artifacts
                (id, session_id, page_id, type, storage_uri, size_bytes, retention_until, deleted_at)
            SELECT gen_random_uuid(), session_id, page_id, 'html_gz', 'gs://b/o#' || n, 1,
                now() + n * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END
            FROM generate_series(-1000, 20000) AS n, (SELECT * FROM artifacts LIMIT 1) AS one
            """
        )
        connection.execute("ANALYZE artifacts")
        now = connection.execute("SELECT now()").fetchone()
        assert now is not None
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        for after in (None, DueCursor(now[0] - DAY / 3, SESSION)):
            query = due_query(now[0], 100, after)
            text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            plan = connection.execute(b"EXPLAIN (FORMAT JSON) " + text.encode()).fetchone()
            assert plan is not None
            top = plan[0][0]["Plan"]["Plans"][0]
            assert top["Index Name"] == "ix_artifacts_due"
            assert "retention_until" in top["Index Cond"]
            assert "Sort" not in json.dumps(plan[0])
