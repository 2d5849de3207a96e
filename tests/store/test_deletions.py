"""Due artifacts and the receipts of deletions, on a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
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
from webaudit_operator.store.due import Due, due_query
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import (
    Deferral,
    DeferralKind,
    DueCursor,
    Leftover,
    LiveArtifact,
    Receipt,
    Recorded,
    RetentionPolicy,
    artifact_id,
)

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


async def marked(store: Store, receipts: list[Receipt]) -> int:
    return (await store.record_deletions(receipts, at=NOW + 40 * DAY)).marked


async def test_nothing_is_due_before_its_time(store: Store) -> None:
    await captured(store)
    assert await store.due_artifacts(Due(NOW + 7 * DAY - timedelta(microseconds=1)), 10) == []
    (html,) = await store.due_artifacts(Due(NOW + 7 * DAY), 10)
    assert html.type is ArtifactType.HTML_GZ
    assert html.retention_until == NOW + 7 * DAY
    assert html.checksum == "sha256:" + artifact_row(HOME_DESKTOP, ArtifactType.HTML_GZ).sha256


async def test_what_is_kept_for_good_is_never_due(store: Store) -> None:
    await store.finish_capture(session_row(retention=RetentionPolicy.LONG), capture_row())
    due = await store.due_artifacts(Due(NOW + 100_000 * DAY), 10)
    assert [artifact.type for artifact in due] == [ArtifactType.HTML_GZ]


async def test_the_oldest_come_first_and_a_walk_in_batches_meets_each_once(store: Store) -> None:
    for number in range(5):
        await captured(store, UUID(int=number))
    walked: list[LiveArtifact] = []
    cursor: DueCursor | None = None
    while batch := await store.due_artifacts(Due(NOW + 400 * DAY), 3, cursor):
        walked += batch
        last = batch[-1]
        assert last.retention_until is not None
        cursor = DueCursor(last.retention_until, last.id)
    assert len({artifact.id for artifact in walked}) == len(walked) == 20
    assert [artifact.type for artifact in walked[:5]] == [ArtifactType.HTML_GZ] * 5


async def test_a_deletion_marks_the_row_and_leaves_a_receipt(store: Store, database_url: str) -> None:
    await captured(store)
    (html,) = await store.due_artifacts(Due(NOW + 8 * DAY), 10)
    assert await marked(store, [receipt(html)]) == 1
    assert await store.due_artifacts(Due(NOW + 8 * DAY), 10) == []
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
    (html,) = await store.due_artifacts(Due(NOW + 8 * DAY), 10)
    assert await marked(store, [receipt(html, Deletion.ALREADY_ABSENT)]) == 1
    assert len(await store.session_artifacts(SESSION)) == 3
    assert logged(database_url)[-1]["outcome"] == "already_absent"


async def test_no_deletion_has_two_receipts(store: Store, database_url: str) -> None:
    await captured(store)
    live = await store.session_artifacts(SESSION)
    receipts = [receipt(artifact) for artifact in live]
    async with held_until_blocked(database_url, "SELECT FROM artifacts FOR UPDATE", waiters=3):
        batches = (receipts, receipts[::-1], receipts * 2)
        recorders = [asyncio.create_task(marked(store, batch)) for batch in batches]
    assert sorted(await asyncio.gather(*recorders)) == [0, 0, 4]
    assert [told["event"] for told in logged(database_url)].count("artifact_deleted") == 4
    assert await marked(store, receipts) == 0
    assert await marked(store, []) == 0


async def test_what_is_put_off_is_not_due_until_then_and_is_told_once(store: Store, database_url: str) -> None:
    await captured(store)
    due = Due(NOW + 8 * DAY)
    (html,) = await store.due_artifacts(due, 10)
    late = Deferral(html, DeferralKind.HELD, "it is held", due.now + timedelta(hours=1))
    assert (await store.record_deletions([], [late], at=due.now)).marked == 0
    assert await store.due_artifacts(due, 10) == []
    (again,) = await store.due_artifacts(Due(due.now + timedelta(hours=1)), 10)
    assert again == replace(html, tries=1)
    await store.record_deletions([], [replace(late, artifact=again)], at=due.now)
    assert [told["event"] for told in logged(database_url)].count("artifact_held") == 1
    (last,) = await store.due_artifacts(Due(due.now + DAY), 10)
    assert last.tries == 2
    assert await marked(store, [receipt(last)]) == 1
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM retention_deferrals").fetchone() == (0,)


async def test_a_capture_is_remembered_once_its_last_artifact_is_gone(store: Store) -> None:
    await captured(store)
    await captured(store, page=PDP_MOBILE)
    live = [artifact for artifact in await store.session_artifacts(SESSION) if "/homepage/" in artifact.storage_uri]
    at = NOW + 40 * DAY
    recorded = await store.record_deletions([receipt(artifact) for artifact in live[:3]], at=at)
    assert recorded == Recorded(3, ())
    recorded = await store.record_deletions([receipt(live[3])], at=at)
    left = Leftover(live[3].page_id, f"acme-shop.com__{SESSION}/homepage/desktop/")
    assert recorded == Recorded(1, (left,))
    assert await store.leftovers(at, 10) == [left]
    await store.settle_leftovers((), [left.page_id], retry_at=at + DAY)
    assert await store.leftovers(at, 10) == []
    assert await store.leftovers(at + DAY, 10) == [replace(left, tries=1)]
    await store.settle_leftovers([left.page_id], retry_at=at)
    assert await store.leftovers(at + DAY, 10) == []


async def test_of_two_recorders_of_a_captures_artifacts_one_remembers_it(store: Store, database_url: str) -> None:
    await captured(store)
    live = await store.session_artifacts(SESSION)
    async with held_until_blocked(database_url, "SELECT FROM artifacts FOR UPDATE", waiters=2):
        recorders = [
            asyncio.create_task(store.record_deletions([receipt(each) for each in part], at=NOW))
            for part in (live[:2], live[2:])
        ]
    recorded = await asyncio.gather(*recorders)
    assert sorted(len(each.leftovers) for each in recorded) == [0, 1]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def test_the_due_query_walks_its_index(store: Store, database_url: str) -> None:
    await captured(store)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO artifacts
                (id, session_id, page_id, type, storage_uri, size_bytes, retention_until, deleted_at)
            SELECT gen_random_uuid(), session_id, page_id, 'html_gz', 'gs://b/o#' || n, 1,
                now() + n * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END
            FROM generate_series(-10000, 20000) AS n, (SELECT * FROM artifacts LIMIT 1) AS one
            """
        )
        connection.execute("ANALYZE artifacts")
        now = connection.execute("SELECT now()").fetchone()
        assert now is not None
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        for after in (None, DueCursor(now[0] - DAY / 3, SESSION)):
            query = due_query(Due(now[0]), 100, after)
            text = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            plan = connection.execute(b"EXPLAIN (FORMAT JSON) " + text.encode()).fetchone()
            assert plan is not None
            (walk,) = [node for node in nodes(plan[0][0]["Plan"]) if node.get("Relation Name") == "artifacts"]
            assert walk["Index Name"] == "ix_artifacts_due"
            assert "retention_until" in walk["Index Cond"]
            assert "Sort" not in json.dumps(plan[0])
