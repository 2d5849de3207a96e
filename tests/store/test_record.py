"""The record on a real database: what each method writes, and that repeating it writes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from psycopg.rows import dict_row

from testkit.postgres import held_until_blocked
from testkit.samples import (
    ALL_PAGES,
    HOME_DESKTOP,
    NOW,
    PDP_MOBILE,
    SESSION,
    artifact_row,
    capture_row,
    event,
    session_row,
)
from webaudit_capture.contract import ArtifactType, EventType, LogLevel, PageType, Viewport
from webaudit_operator.store.record import SessionMissing, Store, StoreMisconfigured
from webaudit_operator.store.rows import LogEvent, OpenSession, PageStatus, RetentionPolicy, SessionStatus

pytestmark = pytest.mark.postgres

LATER = NOW + timedelta(minutes=3)


def rows(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def everything(url: str) -> dict[str, list[dict[str, Any]]]:
    return {
        table: rows(url, f"SELECT * FROM {table} ORDER BY id")
        for table in ("audit_sessions", "audit_pages", "artifacts", "crawl_logs")
    }


def logged(url: str) -> list[str]:
    return [row["name"] for row in rows(url, "SELECT details->>'event' AS name FROM crawl_logs ORDER BY id")]


async def test_a_new_session_is_queued_with_its_pages_pending(store: Store, database_url: str) -> None:
    assert await store.open_session(session_row()) is True
    (session,) = rows(database_url, "SELECT * FROM audit_sessions")
    assert session["id"] == SESSION
    assert session["status"] == "queued"
    assert session["created_at"] == NOW
    assert session["attempts"] == 0
    assert session["crawl_policy_version"] == "default@1"
    assert session["config_snapshot"]["navigation"]["page_cap"] == 90.0
    pages = rows(database_url, "SELECT * FROM audit_pages")
    assert {(page["page_type"], page["viewport"]) for page in pages} == {
        ("homepage", "desktop"), ("homepage", "mobile"), ("pdp", "desktop"), ("pdp", "mobile"),
    }  # fmt: skip
    assert {page["status"] for page in pages} == {"pending"}
    assert await store.pending_pages(SESSION) == set(ALL_PAGES)
    assert logged(database_url) == ["session_queued"]


async def test_a_session_opened_twice_is_one_session(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    before = everything(database_url)
    assert await store.open_session(replace(session_row(), url="https://other.example/")) is False
    assert everything(database_url) == before


async def test_many_openings_at_once_make_one_session(store: Store, database_url: str) -> None:
    answers = await asyncio.gather(*(store.open_session(session_row()) for _ in range(8)))
    assert sorted(answers) == [False] * 7 + [True]
    assert len(rows(database_url, "SELECT * FROM audit_pages")) == 4
    assert logged(database_url) == ["session_queued"]


async def test_a_started_session_is_running(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    assert await store.start_session(SESSION, attempts=1, at=NOW) is True
    assert await store.start_session(SESSION, attempts=1, at=LATER) is False
    (session,) = rows(database_url, "SELECT * FROM audit_sessions")
    assert (session["status"], session["attempts"]) == ("running", 1)
    assert logged(database_url) == ["session_queued", "session_started"]


async def test_another_start_is_counted_as_a_retry_and_never_counted_down(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    await store.start_session(SESSION, attempts=1, at=NOW)
    assert await store.start_session(SESSION, attempts=2, at=LATER) is True
    assert await store.start_session(SESSION, attempts=1, at=LATER) is False
    (session,) = rows(database_url, "SELECT * FROM audit_sessions")
    assert session["attempts"] == 2
    (restart,) = rows(database_url, "SELECT * FROM crawl_logs WHERE event_type = 'retry'")
    assert restart["details"]["event"] == "session_restarted"
    assert restart["timestamp"] == LATER


async def test_what_has_no_row_cannot_be_started_closed_or_logged(store: Store) -> None:
    with pytest.raises(SessionMissing):
        await store.start_session(SESSION, attempts=1, at=NOW)
    with pytest.raises(SessionMissing):
        await store.close_session(SESSION, status=SessionStatus.FAILED, at=NOW)
    with pytest.raises(SessionMissing):
        await store.log(SESSION, [LogEvent("k", "e", "m", NOW)])
    assert await store.pending_pages(SESSION) == set()
    assert await store.session_artifacts(SESSION) == []


async def test_a_finished_capture_leaves_its_page_artifacts_and_events(store: Store, database_url: str) -> None:
    session = session_row()
    await store.open_session(session)
    doubts = ({"code": "missing_h1", "detail": "no h1"},)
    capture = replace(capture_row(HOME_DESKTOP), low_confidence_reasons=doubts)
    assert await store.finish_capture(session, capture) is True

    (page,) = rows(database_url, "SELECT * FROM audit_pages WHERE status <> 'pending'")
    assert (page["page_type"], page["viewport"], page["status"]) == ("homepage", "desktop", "ok")
    assert page["load_timings"] == capture.load_timings
    assert page["low_confidence_reasons"] == [{"code": "missing_h1", "detail": "no h1"}]

    artifacts = {row["type"]: row for row in rows(database_url, "SELECT * FROM artifacts")}
    assert set(artifacts) == {"screenshot", "visible_text", "features_json", "html_gz"}
    shot = artifacts["screenshot"]
    expected = artifact_row(HOME_DESKTOP, ArtifactType.SCREENSHOT)
    assert shot["page_id"] == page["id"]
    assert shot["storage_uri"] == (
        f"gs://evidence/acme-shop.com__{SESSION}/homepage/desktop/screenshot.png#1700000000000001"
    )
    assert shot["checksum"] == f"sha256:{expected.sha256}"
    assert shot["size_bytes"] == expected.size_bytes
    assert shot["created_at"] == NOW
    assert shot["deleted_at"] is None
    assert shot["retention_until"] == NOW + timedelta(days=365)
    assert artifacts["html_gz"]["retention_until"] == NOW + timedelta(days=14)

    assert logged(database_url) == ["session_queued", "page_loaded", *["artifact_uploaded"] * 4]
    told = rows(database_url, "SELECT * FROM crawl_logs WHERE details->>'event' = 'page_loaded'")[0]["details"]
    assert (told["page"], told["viewport"]) == ("homepage", "desktop")
    receipts = rows(database_url, "SELECT * FROM crawl_logs WHERE event_type = 'artifact' ORDER BY id")
    assert {row["details"]["outcome"] for row in receipts} == {"uploaded"}
    assert receipts[0]["details"]["generation"] == "1700000000000001"
    assert receipts[0]["details"]["sha256"] == expected.sha256
    assert await store.pending_pages(SESSION) == set(ALL_PAGES) - {HOME_DESKTOP}


async def test_ids_of_pages_and_artifacts_follow_from_what_they_are(store: Store, database_url: str) -> None:
    await store.finish_capture(session_row(), capture_row(PDP_MOBILE))
    (page,) = rows(database_url, "SELECT id FROM audit_pages WHERE status = 'ok'")
    assert page["id"] == uuid5(SESSION, "pdp/mobile")
    ids = {row["id"] for row in rows(database_url, "SELECT id FROM artifacts")}
    assert ids == {uuid5(SESSION, f"pdp/mobile/{kind.value}") for kind in ArtifactType}


async def test_a_capture_finished_twice_is_written_once(store: Store, database_url: str) -> None:
    session = session_row()
    await store.finish_capture(session, capture_row())
    before = everything(database_url)
    other = replace(capture_row(), status=PageStatus.FAILED, events=(event("another"),))
    assert await store.finish_capture(session, other) is False
    assert everything(database_url) == before


async def test_many_writers_of_one_capture_leave_one_result(store: Store, database_url: str) -> None:
    session = session_row()
    await store.open_session(session)
    async with held_until_blocked(database_url, "SELECT FROM audit_pages FOR UPDATE", waiters=4):
        writers = [asyncio.create_task(store.finish_capture(session, capture_row())) for _ in range(4)]
    assert sorted(await asyncio.gather(*writers)) == [False] * 3 + [True]
    assert len(rows(database_url, "SELECT * FROM artifacts")) == 4
    assert logged(database_url).count("page_loaded") == 1


async def test_a_capture_opens_its_session_when_the_record_lost_it(store: Store, database_url: str) -> None:
    assert await store.finish_capture(session_row(), capture_row()) is True
    (session,) = rows(database_url, "SELECT * FROM audit_sessions")
    assert session["created_at"] == NOW
    assert len(await store.pending_pages(SESSION)) == 3


async def test_expiry_follows_the_row_and_not_the_callers_belief(store: Store, database_url: str) -> None:
    await store.open_session(session_row(retention=RetentionPolicy.SHORT))
    await store.finish_capture(session_row(retention=RetentionPolicy.LONG), capture_row())
    (shot,) = rows(database_url, "SELECT retention_until FROM artifacts WHERE type = 'screenshot'")
    assert shot["retention_until"] == NOW + timedelta(days=30)


async def test_a_failed_capture_needs_no_artifacts(store: Store, database_url: str) -> None:
    failed = replace(capture_row(artifacts=()), status=PageStatus.FAILED)
    assert await store.finish_capture(session_row(), failed) is True
    assert rows(database_url, "SELECT * FROM artifacts") == []
    assert {row["status"] for row in rows(database_url, "SELECT status FROM audit_pages")} == {"failed", "pending"}


async def test_a_page_the_session_does_not_have_is_refused_whole(store: Store, database_url: str) -> None:
    session = session_row(pages=(HOME_DESKTOP,))
    with pytest.raises(ValueError, match="has no page pdp/mobile"):
        await store.finish_capture(session, capture_row(PDP_MOBILE))
    assert rows(database_url, "SELECT * FROM audit_sessions") == []


async def test_a_capture_cannot_end_as_pending(store: Store) -> None:
    with pytest.raises(ValueError, match="not pending"):
        await store.finish_capture(session_row(), replace(capture_row(), status=PageStatus.PENDING))


async def test_a_failure_in_the_middle_leaves_nothing(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    before = everything(database_url)
    twice = (artifact_row(HOME_DESKTOP, ArtifactType.SCREENSHOT),) * 2
    with pytest.raises(Exception, match="pk_artifacts"):
        await store.finish_capture(session_row(), capture_row(artifacts=twice))
    assert everything(database_url) == before


async def test_what_a_page_smuggles_into_its_result_is_stored(store: Store, database_url: str) -> None:
    nasty = event("page_loaded", text="a\x00b \ud83d c", number=float("nan"), key="session_closed", page="pdp")
    capture = replace(
        capture_row(),
        events=(nasty.model_copy(update={"message": "x\x00y", "timestamp": datetime(2026, 3, 1, 12)}),),
        load_timings={"bad\x00key": [float("inf"), {"deep": "\udfff"}]},
    )
    assert await store.finish_capture(session_row(), capture) is True
    (row,) = rows(database_url, "SELECT * FROM crawl_logs WHERE details->>'event' = 'page_loaded'")
    assert row["message"] == "x\ufffdy"
    assert row["details"]["text"] == "a\ufffdb \ufffd c"
    assert row["details"]["number"] is None
    assert row["details"]["page"] == "homepage"
    assert "key" not in row["details"]
    assert row["timestamp"] == NOW
    (page,) = rows(database_url, "SELECT load_timings FROM audit_pages WHERE status = 'ok'")
    assert page["load_timings"] == {"bad\ufffdkey": [None, {"deep": "\ufffd"}]}


async def test_a_closed_session_says_how_it_ended(store: Store, database_url: str) -> None:
    await store.open_session(session_row(pages=(HOME_DESKTOP,)))
    await store.start_session(SESSION, attempts=1, at=NOW)
    await store.finish_capture(session_row(pages=(HOME_DESKTOP,)), capture_row())
    assert await store.close_session(
        SESSION, status=SessionStatus.COMPLETED, at=LATER, attempts=1,
        final_url="https://acme-shop.com/en", pdp_url="https://acme-shop.com/p/1",
    )  # fmt: skip
    (session,) = rows(database_url, "SELECT * FROM audit_sessions")
    assert session["status"] == "completed"
    assert session["final_url"] == "https://acme-shop.com/en"
    assert session["pdp_url"] == "https://acme-shop.com/p/1"
    assert session["error_summary"] is None
    assert session["low_confidence"] is False
    assert logged(database_url)[-1] == "session_completed"
    (closing,) = rows(database_url, "SELECT * FROM crawl_logs WHERE timestamp = '2026-03-01 12:03Z'")
    assert closing["level"] == "info"


async def test_a_terminal_session_never_changes(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    await store.close_session(SESSION, status=SessionStatus.FAILED, at=NOW, error_summary="no such host")
    before = everything(database_url)
    assert await store.close_session(SESSION, status=SessionStatus.COMPLETED, at=LATER) is False
    assert await store.start_session(SESSION, attempts=7, at=LATER) is False
    assert await store.finish_capture(session_row(), capture_row()) is False
    assert await store.open_session(session_row()) is False
    assert everything(database_url) == before


async def test_pages_still_pending_fail_with_their_session(store: Store, database_url: str) -> None:
    await store.finish_capture(session_row(), capture_row(HOME_DESKTOP))
    await store.close_session(SESSION, status=SessionStatus.PARTIAL, at=LATER, error_summary="PDP not found")
    pages = rows(database_url, "SELECT page_type, viewport, status FROM audit_pages")
    assert {(page["page_type"], page["viewport"]) for page in pages if page["status"] == "failed"} == {
        ("homepage", "mobile"), ("pdp", "desktop"), ("pdp", "mobile"),
    }  # fmt: skip
    assert await store.pending_pages(SESSION) == set()
    assert logged(database_url)[-4:] == [*["page_not_captured"] * 3, "session_partial"]


@pytest.mark.parametrize("given", [True, False])
async def test_one_doubtful_page_makes_the_session_doubtful(store: Store, database_url: str, given: bool) -> None:
    doubts = () if given else ({"code": "missing_h1", "detail": ""},)
    await store.finish_capture(session_row(), replace(capture_row(), low_confidence_reasons=doubts))
    await store.close_session(SESSION, status=SessionStatus.PARTIAL, at=LATER, low_confidence=given)
    (session,) = rows(database_url, "SELECT low_confidence FROM audit_sessions")
    assert session["low_confidence"] is True


async def test_a_session_is_not_closed_as_running(store: Store) -> None:
    await store.open_session(session_row())
    with pytest.raises(ValueError, match="running"):
        await store.close_session(SESSION, status=SessionStatus.RUNNING, at=NOW)


async def test_events_are_written_once_per_key(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    oom = LogEvent(
        key="pod/acme-1/oom", event="pod_oom_killed", message="the capture ran out of memory", timestamp=NOW,
        event_type=EventType.ERROR, level=LogLevel.ERROR, details={"pod": "acme-1"},
    )  # fmt: skip
    other = replace(oom, key="pod/acme-2/oom", details={"pod": "acme-2"})
    assert await store.log(SESSION, [oom, oom]) == 1
    assert await store.log(SESSION, [oom, other]) == 1
    found = rows(database_url, "SELECT * FROM crawl_logs WHERE event_type = 'error' ORDER BY id")
    assert [row["details"]["pod"] for row in found] == ["acme-1", "acme-2"]
    assert found[0]["level"] == "error"
    assert found[0]["details"]["event"] == "pod_oom_killed"


async def test_an_event_told_by_many_at_once_is_written_once(store: Store, database_url: str) -> None:
    await store.open_session(session_row())
    told = LogEvent("pod/acme-1/evicted", "pod_evicted", "evicted", NOW)
    async with held_until_blocked(database_url, "SELECT FROM audit_sessions FOR UPDATE", waiters=4):
        writers = [asyncio.create_task(store.log(SESSION, [told])) for _ in range(4)]
    assert sorted(await asyncio.gather(*writers)) == [0] * 3 + [1]
    assert logged(database_url) == ["session_queued", "pod_evicted"]


async def test_open_sessions_are_those_that_have_not_ended(store: Store) -> None:
    def at(number: int) -> UUID:
        return UUID(int=number)

    for number in (3, 1, 2, 4, 5):
        await store.open_session(session_row(at(number), created_at=NOW + timedelta(seconds=number)))
    await store.start_session(at(2), attempts=1, at=NOW)
    await store.close_session(at(3), status=SessionStatus.FAILED, at=NOW)
    found = await store.open_sessions(before=NOW + timedelta(seconds=5))
    assert [(session.id, session.status, session.attempts) for session in found] == [
        (at(1), SessionStatus.QUEUED, 0), (at(2), SessionStatus.RUNNING, 1), (at(4), SessionStatus.QUEUED, 0),
    ]  # fmt: skip
    assert isinstance(found[0], OpenSession)


async def test_what_comes_back_are_the_contracts_own_values(store: Store) -> None:
    await store.open_session(session_row(pages=(PDP_MOBILE,)))
    (page,) = await store.pending_pages(SESSION)
    assert page.page is PageType.PDP
    assert page.viewport is Viewport.MOBILE


def test_a_snapshot_without_retention_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="Retention"):
        replace(session_row(), config_snapshot={"navigation": {}})


async def test_a_good_database_passes_the_check(store: Store) -> None:
    await store.check()


async def test_a_database_that_was_never_migrated_is_named(empty_database_url: str) -> None:
    store = Store.from_url(empty_database_url)
    with pytest.raises(StoreMisconfigured, match="at no revision, this program needs 0003; run `webaudit-operator mig"):
        await store.check()
    await store.close()
