"""The operator dies at every effect of a pass and of a purge, runs twice by mistake, and loses its database midway.

However it dies, the next one ends where an undisturbed one would have: the same objects, rows and receipts.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from testkit.gcs_server import GcsServer
from testkit.killing import Wire, dies
from testkit.postgres import PostgresServer
from testkit.retained import UNHURRIED, FixedClock, captured, deleted, receipts
from testkit.samples import DOMAIN, HOME_DESKTOP, NOW, PDP_MOBILE, SESSION, object_name
from testkit.waiting import eventually
from webaudit_capture.contract import ArtifactType, session_prefix
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention import passes
from webaudit_operator.retention.purging import purge_session
from webaudit_operator.store.migrate import upgrade_to_head
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres

ALL_DUE = NOW + timedelta(days=30)
NOT_DUE = NOW + timedelta(hours=1)
OTHER, SPARED = UUID(int=7), UUID(int=8)
SMALL = replace(UNHURRIED, batch=3, workers=1)
TABLES = "audit_sessions, retention_holds, retention_deferrals, retention_leftovers, retention_breaks"

Work = Callable[[Store, GcsBlobs], Awaitable[Any]]


async def a_pass(store: Store, blobs: GcsBlobs) -> None:
    await passes.run_once(store, blobs, clock=FixedClock(ALL_DUE), rules=SMALL)


async def a_purge(store: Store, blobs: GcsBlobs) -> None:
    prefix = session_prefix(DOMAIN, str(SESSION))
    await purge_session(store, blobs, SESSION, prefix=prefix, clock=FixedClock(NOT_DUE))


async def bucket_and_record(store: Store, gcs: GcsServer, url: str) -> None:
    """Two captures of a session, one artifact of it newer than its row; one held by the bucket, one by a row."""
    gcs.now = lambda: ALL_DUE
    gcs.objects.clear()
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {TABLES} CASCADE".encode())
        connection.execute(
            "INSERT INTO retention_holds (session_id, reason, source, placed_at) VALUES (%s, 'law', 'cli', %s)",
            (SPARED, NOW),
        )
    for session, page in ((SESSION, HOME_DESKTOP), (SESSION, PDP_MOBILE), (OTHER, HOME_DESKTOP), (SPARED, PDP_MOBILE)):
        await captured(store, gcs, session, page)
    gcs.overwrite(object_name(OTHER, HOME_DESKTOP, ArtifactType.HTML_GZ), b"newer")
    gcs.hold(object_name(OTHER, HOME_DESKTOP, ArtifactType.SCREENSHOT))
    del gcs.objects[object_name(SESSION, PDP_MOBILE, ArtifactType.VISIBLE_TEXT)]


def end(gcs: GcsServer, url: str) -> dict[str, Any]:
    """All that is left, in bucket and record, without the numbers that differ from run to run."""
    with psycopg.connect(url, row_factory=dict_row) as connection:

        def rows(query: str) -> list[dict[str, Any]]:
            return connection.execute(query.encode()).fetchall()

        told = rows("SELECT session_id, details, timestamp FROM crawl_logs WHERE details ? 'key'")
        return {
            "objects": {name: found.body for name, found in gcs.objects.items()},
            "artifacts": rows("SELECT id, deleted_at FROM artifacts ORDER BY id"),
            "told": sorted(
                (row["details"]["event"], row["details"].get("object", ""), str(row["session_id"])) for row in told
            ),
            "late": rows("SELECT artifact_id, kind, tries, retry_at FROM retention_deferrals ORDER BY artifact_id"),
            "leftovers": rows("SELECT * FROM retention_leftovers"),
        }


@pytest.mark.parametrize("work", [a_pass, a_purge])
async def test_after_a_kill_at_any_effect_the_next_one_ends_as_if_nothing_had_happened(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, work: Work
) -> None:
    await bucket_and_record(store, gcs, database_url)
    undisturbed = Wire()
    await work(undisturbed.around(store), undisturbed.around(blobs))
    expected = end(gcs, database_url)
    assert expected["leftovers"] == []
    assert sum(event == "artifact_deleted" for event, *_ in expected["told"]) >= 8
    assert {"delete", "record_deletions"} <= set(undisturbed.seen)
    assert {"settle_leftovers", "forget_leftovers"} & set(undisturbed.seen)
    for at in range(len(undisturbed.seen)):
        for after in (False, True):
            if not after and at and undisturbed.seen[at - 1 : at + 1] == ["delete", "delete"]:
                continue  # before this part of the batch is after the one before it
            await bucket_and_record(store, gcs, database_url)
            wire = Wire(at, after=after)
            fresh = Store.from_url(database_url)
            again = GcsBlobs.connect(gcs.bucket, endpoint=gcs.url)
            where = f"{'after' if after else 'before'} effect {at}: {undisturbed.seen[at]}"
            try:
                assert await dies(work(wire.around(store), wire.around(blobs))), where
                await work(fresh, again)
                assert end(gcs, database_url) == expected, where
            finally:
                await fresh.close()
                await again.close()


@pytest.mark.parametrize("at", [3, 8, 13, 21])
async def test_of_two_operators_at_once_one_dies_and_the_other_ends_the_work(
    store: Store, blobs: GcsBlobs, gcs: GcsServer, database_url: str, at: int
) -> None:
    await bucket_and_record(store, gcs, database_url)
    await a_pass(store, blobs)
    expected = end(gcs, database_url)
    await bucket_and_record(store, gcs, database_url)
    wire = Wire(at, after=True)
    other = Store.from_url(database_url)
    await asyncio.gather(dies(a_pass(wire.around(store), wire.around(blobs))), a_pass(other, blobs))
    await a_pass(other, blobs)
    await other.close()
    assert end(gcs, database_url) == expected


class Restarting(FixedClock):
    """In the first pause of the loop the database comes back; after the second pass the loop ends."""

    def __init__(self, server: PostgresServer, stop: asyncio.Event) -> None:
        super().__init__(ALL_DUE)
        self._server, self._stop = server, stop

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == 1:
            await eventually(lambda: starts(self._server), seconds=30)
        else:
            self._stop.set()


def starts(server: PostgresServer) -> bool:
    """A server that was killed comes up as soon as the last of its old children has seen that."""
    try:
        server.start()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("where", ["artifacts", "crawl_logs", "retention_leftovers"])
async def test_a_database_that_is_killed_within_a_transaction_costs_no_receipt_and_makes_none_double(
    blobs: GcsBlobs, gcs: GcsServer, own_postgres: PostgresServer, where: str
) -> None:
    url = own_postgres.create_database()
    upgrade_to_head(url)
    store = Store.from_url(url)
    for number in range(5):
        await captured(store, gcs, UUID(int=number))
    gcs.now = lambda: ALL_DUE
    stop = asyncio.Event()
    clock = Restarting(own_postgres, stop)
    waiting = (
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    holder, observer = psycopg.connect(url), psycopg.connect(url, autocommit=True)
    holder.execute(f"LOCK TABLE {where} IN SHARE MODE".encode())  # readers pass: the pass meets it when it records
    loop = asyncio.create_task(
        passes.loop(store, blobs, clock=clock, stop=stop, interval=60, rules=replace(UNHURRIED, batch=4))
    )
    await eventually(lambda: observer.execute(waiting).fetchone() == (True,))
    own_postgres.stop(signal.SIGKILL)
    await loop
    await store.close()
    holder.close()
    observer.close()
    assert clock.slept == [120, 60]
    assert gcs.objects == {}
    told = [receipt["artifact"] for receipt in receipts(url)]
    assert len(told) == len(set(told)) == deleted(url) == 20
