"""The breaker: what stops a pass before its first deletion, what lets it go on, and that nothing else is stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from testkit.gcs_server import GcsServer
from testkit.retained import UNHURRIED, FixedClock, captured, deleted, one_pass
from testkit.samples import DOMAIN, NOW, SESSION
from webaudit_capture.contract import session_prefix
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention.breaker import Limits, decide
from webaudit_operator.retention.passes import run_once
from webaudit_operator.retention.purging import purge_session
from webaudit_operator.store.breaks import APPROVED
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import Backlog, BreakReason

T = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_DUE = NOW + 30 * DAY
FEW = replace(UNHURRIED, limits=Limits(max_artifacts=7))


def backlog(due: int, live: int = 1_000_000, newest: datetime | None = T - DAY) -> Backlog:
    return Backlog(due, live, T if due else None, newest, None)


@pytest.mark.parametrize(
    ("seen", "skew", "reason"),
    [
        (backlog(0), 0.0, None),
        (backlog(0), 1e6, None),  # with nothing due a wrong clock harms nobody
        (backlog(50_000), 0.0, None),
        (backlog(50_001), 0.0, BreakReason.TOO_MANY),
        (backlog(1_000, live=5_000), 0.0, None),
        (backlog(5_000, live=5_000), 0.0, None),  # so few that the share says nothing
        (backlog(1_001, live=5_001), 0.0, BreakReason.TOO_LARGE_A_SHARE),
        (backlog(1_000, live=5_001), 0.0, None),
        (backlog(1), 300.0, None),
        (backlog(1), 301.0, BreakReason.CLOCK),
        (backlog(1), -300.0, None),
        (backlog(1), -301.0, BreakReason.CLOCK),
        (backlog(1, newest=T + timedelta(seconds=300)), 0.0, None),
        (backlog(1, newest=T + timedelta(seconds=301)), 0.0, BreakReason.CLOCK),
        (backlog(1, newest=None), 0.0, None),
    ],
)
def test_what_stops_a_pass(seen: Backlog, skew: float, reason: BreakReason | None) -> None:
    broken = decide(seen, now=T, bucket_time=T - timedelta(seconds=skew), limits=Limits())
    assert (broken and broken.reason) == reason


@pytest.mark.parametrize(
    ("seen", "skew", "words"),
    [
        (backlog(50_001), 0.0, "at least 50,001 artifacts are due, more than the 50,000 of one pass"),
        (backlog(2_000, live=8_000), 0.0, "2,000 of 8,000 live artifacts are due, more than 20% of them"),
        (
            backlog(1),
            9 * 86_400.0,
            "9 days ahead of the bucket's: 2026-06-01 12:00 here, 2026-05-23 12:00 there",
        ),
        (backlog(1), -600.0, "clock is 10 minutes behind the bucket's"),
        (backlog(1, newest=T + DAY), 0.0, "the newest session was made later, at 2026-06-02 12:00"),
    ],
)
def test_it_says_what_it_saw(seen: Backlog, skew: float, words: str) -> None:
    broken = decide(seen, now=T, bucket_time=T - timedelta(seconds=skew), limits=Limits())
    assert broken is not None
    assert words in broken.message


@pytest.mark.postgres
async def test_a_pass_that_is_too_large_deletes_nothing_until_somebody_approves(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(2):
        await captured(store, gcs, UUID(int=number))
    first = await one_pass(store, blobs, gcs, ALL_DUE, FEW)
    assert (first.outcomes, first.newly_broken) == ({}, True)
    assert first.broken is not None
    assert first.broken.reason is BreakReason.TOO_MANY
    again = await one_pass(store, blobs, gcs, ALL_DUE + DAY, FEW)
    assert (again.outcomes, again.newly_broken) == ({}, False)
    assert (len(gcs.objects), deleted(database_url)) == (10, 0)

    approved = await store.end_break(APPROVED)
    assert approved is not None
    assert (approved.due_count, approved.due_until, approved.broke_at) == (8, ALL_DUE + DAY, ALL_DUE)
    done = await one_pass(store, blobs, gcs, ALL_DUE + 2 * DAY, FEW)
    assert (done.outcomes, done.broken) == ({"deleted": 8}, None)
    assert await store.open_break() is None


@pytest.mark.postgres
async def test_an_approval_covers_what_was_due_then_and_nothing_that_comes_later(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    for number in range(2):
        await captured(store, gcs, UUID(int=number))
    await one_pass(store, blobs, gcs, ALL_DUE, FEW)
    await store.end_break(APPROVED)
    with psycopg.connect(database_url) as connection:
        later = "UPDATE artifacts SET retention_until = %s WHERE type <> 'html_gz'"
        connection.execute(later, [ALL_DUE + DAY])
    fewer = replace(FEW, limits=Limits(max_artifacts=5))
    done = await one_pass(store, blobs, gcs, ALL_DUE + DAY, fewer)
    assert done.broken is not None
    assert (done.broken.due_count, done.outcomes) == (6, {"deleted": 2})


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("change", "deleted_all"),
    [
        ("UPDATE retention_breaks SET ended_at = ended_at - interval '6 days'", True),
        ("UPDATE retention_breaks SET ended_at = ended_at - interval '8 days'", False),
        ("UPDATE artifacts SET created_at = now() + interval '1 minute'", False),
    ],
    ids=["some days ago", "more than a week ago", "before the artifacts came to be"],
)
async def test_an_approval_lasts_a_week_and_covers_only_what_was_there(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, change: str, deleted_all: bool
) -> None:
    for number in range(2):
        await captured(store, gcs, UUID(int=number))
    await one_pass(store, blobs, gcs, ALL_DUE, FEW)
    await store.end_break(APPROVED)
    with psycopg.connect(database_url) as connection:
        connection.execute(change)
    done = await one_pass(store, blobs, gcs, ALL_DUE, FEW)
    assert (done.broken is None, gcs.objects == {}) == (deleted_all, deleted_all)


@pytest.mark.postgres
async def test_a_break_ends_by_itself_when_its_cause_is_gone(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    gcs.now = lambda: NOW
    ahead = FixedClock(ALL_DUE)
    done = await run_once(store, blobs, clock=ahead, rules=UNHURRIED)
    assert done.broken is not None
    assert done.broken.reason is BreakReason.CLOCK
    assert "30 days ahead" in done.broken.message
    assert (await one_pass(store, blobs, gcs, NOW)).broken is None
    assert (await store.open_break(), len(gcs.objects), deleted(database_url)) == (None, 5, 0)


@pytest.mark.postgres
async def test_a_clock_set_behind_the_newest_session_deletes_nothing(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str
) -> None:
    await captured(store, gcs)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE artifacts SET retention_until = %s", [NOW - 3 * DAY])
    done = await one_pass(store, blobs, gcs, NOW - DAY)
    assert done.broken is not None
    assert done.broken.reason is BreakReason.CLOCK
    assert len(gcs.objects) == 5


@pytest.mark.postgres
async def test_a_large_share_of_all_evidence_stops_a_pass(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    for number in range(4):
        await captured(store, gcs, UUID(int=number))
    rules = replace(UNHURRIED, limits=Limits(share_from=10, max_share=0.2))
    seven_days = await one_pass(store, blobs, gcs, NOW + 7 * DAY, rules)
    assert seven_days.broken is not None
    assert "4 of 16 live artifacts are due, more than 20% of them" in seven_days.broken.message
    rules = replace(UNHURRIED, limits=Limits(share_from=10, max_share=0.25))
    assert (await one_pass(store, blobs, gcs, NOW + 7 * DAY, rules)).outcomes == {"deleted": 4}


@pytest.mark.postgres
async def test_a_session_deleted_by_its_owner_is_not_stopped(store: Store, blobs: GcsBlobs, gcs: GcsServer) -> None:
    for number in range(2):
        await captured(store, gcs, UUID(int=number))
    await captured(store, gcs)
    assert (await one_pass(store, blobs, gcs, ALL_DUE, FEW)).broken is not None
    prefix = session_prefix(DOMAIN, str(SESSION))
    assert await purge_session(store, blobs, SESSION, prefix=prefix, clock=FixedClock()) == {"deleted": 4}


@pytest.mark.postgres
async def test_a_bucket_that_does_not_tell_the_time_lets_nothing_begin(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webaudit_operator.gcs.PATIENCE", 0.3)
    await captured(store, gcs)
    gcs.fail_next("GET", r"/o\?maxResults=1", 503, times=1000)
    done = await one_pass(store, blobs, gcs, ALL_DUE)
    assert (done.braked, done.outcomes, len(gcs.objects)) == (True, {}, 5)
