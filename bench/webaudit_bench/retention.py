"""Retention measured: deletions beside the raw client's, a pass over many rows, a walk over many objects.

Everything on real sockets and a real PostgreSQL; ratios are taken in one run, the contenders in turn.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import psycopg
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from sqlalchemy.dialects import postgresql

from testkit.gcs_server import BUCKET
from testkit.postgres import TEMPLATE, PostgresServer
from webaudit_bench import bucket as server
from webaudit_bench.bucket import GENERATION, name_of
from webaudit_bench.processes import Failed
from webaudit_operator.blobs import BATCH_LIMIT, Generation, Removal
from webaudit_operator.clock import RealClock
from webaudit_operator.gcs import THREADS, GcsBlobs, _session
from webaudit_operator.retention.passes import run_once
from webaudit_operator.retention.rules import Rules
from webaudit_operator.store.due import Due, due_query
from webaudit_operator.store.migrate import upgrade_to_head
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import DueCursor

RATES = (0.0, 1000.0)
"""A loopback server without limits, and as many as GCS takes of a bucket at first, which is where a pass works:
https://cloud.google.com/storage/docs/request-rate
"""
KINDS = "ARRAY['screenshot','visible_text','html_gz','features_json']::artifact_type_enum[]"
FILES = "ARRAY['screenshot.png','visible_text.txt','page.html.gz','features.json']"
FULL_TILT = Rules(workers=THREADS, rate=1e12)
"""With the breaker's limits as they are: what is overdue has been approved, as so many have to be."""
SESSION = "lpad(to_hex(capture), 32, '0')::uuid"

FILL = f"""
INSERT INTO audit_sessions (id, url, status, mode, retention_policy, crawl_policy_version, config_snapshot)
SELECT {SESSION}, 'https://shop.com/', 'completed', 'standard', 'short', '1', '{{}}'
FROM generate_series(%(first)s / 4, (%(end)s - 1) / 4) capture;
INSERT INTO audit_pages (id, session_id, page_type, viewport, status, load_timings, low_confidence_reasons)
SELECT {SESSION}, {SESSION}, 'homepage', 'desktop', 'ok', '{{}}', '[]'
FROM generate_series(%(first)s / 4, (%(end)s - 1) / 4) capture;
INSERT INTO artifacts (id, session_id, page_id, type, storage_uri, size_bytes, retention_until)
SELECT lpad(to_hex(number), 32, '0')::uuid, {SESSION}, {SESSION}, ({KINDS})[number %% 4 + 1],
    'gs://{BUCKET}/shop.com__' || {SESSION} || '/homepage/desktop/' || ({FILES})[number %% 4 + 1] || '#{GENERATION}',
    0, CASE WHEN number %% 100 < %(percent)s THEN now() - interval '1 day' ELSE now() + interval '30 days' END
    + number * interval '1 millisecond'
FROM (SELECT number, number / 4 AS capture FROM generate_series(%(first)s, %(end)s - 1) number) numbers;
"""


@dataclass
class Race:
    """On one server, contenders in alternating order; deletions of recorded artifacts a second, by round."""

    rate: float
    """As many deletions as the server answers in a second; 0: as many as it can."""
    raw: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(ours / raw for ours, raw in zip(self.ours, self.raw, strict=True))


@dataclass
class Measured:
    artifacts: int
    rows: int
    listed: int
    races: list[Race] = field(default_factory=list)
    first_delete: float = 0
    walked: int = 0
    plan: str = ""
    due_memory: tuple[int, int] = (0, 0)
    """Resident bytes after the first tenth of the walk, and the most at any later time."""
    listed_memory: tuple[int, int] = (0, 0)

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"ratios": [race.ratio for race in self.races]}, indent=2)


def measure(*, artifacts: int, rows: int, listed: int, rounds: int) -> Measured:
    """Raises Failed when a contender did not do its work."""
    measured = Measured(artifacts, rows, listed)
    postgres = PostgresServer()
    try:
        postgres.start()
        postgres.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade_to_head(postgres.url(TEMPLATE))
        for rate in RATES:
            measured.races.append(asyncio.run(_race(artifacts, rate, postgres, rounds)))
        if rows:
            asyncio.run(_many_rows(measured, postgres))
        if listed:
            asyncio.run(_many_objects(measured))
    finally:
        postgres.remove()
    return measured


async def _race(artifacts: int, rate: float, postgres: PostgresServer, rounds: int) -> Race:
    """Two equal shares of the objects for each round, one for the raw client and one for us."""
    race = Race(rate)
    share = artifacts // 4 * 4
    with server.running(share * 2 * rounds, rate=rate) as url:
        for turn in range(rounds):
            first, second = turn * 2 * share, (turn * 2 + 1) * share
            for raw_is_on in (True, False) if turn % 2 == 0 else (False, True):
                if raw_is_on:
                    race.raw.append(share / _raw(url, range(first, first + share)))
                else:
                    database = postgres.create_database(template=TEMPLATE)
                    fill(database, second, second + share, percent=100)
                    race.ours.append(share / await _ours(url, database, share))
                    postgres.drop_database(database)
    return race


def _raw(url: str, numbers: range) -> float:
    credentials = AnonymousCredentials()
    client = Client("p", credentials, client_options={"api_endpoint": url}, _http=_session(credentials))
    bucket = client.bucket(BUCKET)

    def one_batch(batch: range) -> int:
        with client.batch(raise_exception=False) as sent:
            for number in batch:
                bucket.delete_blob(name_of(number), generation=GENERATION, retry=None)
        return sum(answer.status_code == 204 for answer in sent._responses)

    batches = [numbers[start : start + BATCH_LIMIT] for start in range(0, len(numbers), BATCH_LIMIT)]
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        gone = sum(threads.map(one_batch, batches))
    took = time.perf_counter() - began
    client.close()
    if gone != len(numbers):
        raise Failed(f"the raw client deleted {gone} of {len(numbers)} objects")
    return took


async def _ours(url: str, database: str, share: int) -> float:
    store, blobs = Store.from_url(database), GcsBlobs.connect(BUCKET, endpoint=url)
    try:
        began = time.perf_counter()
        done = await run_once(store, blobs, clock=RealClock(), rules=FULL_TILT)
        took = time.perf_counter() - began
    finally:
        await asyncio.gather(store.close(), blobs.close())
    with psycopg.connect(database) as connection:
        (told,) = connection.execute(
            "SELECT count(*) FROM crawl_logs WHERE details->>'event' = 'artifact_deleted'"
        ).fetchone() or (0,)
    if done.outcomes != {"deleted": share} or told != share:
        raise Failed(f"a pass over {share} artifacts ended as {dict(done.outcomes)} with {told} receipts")
    return took


class _AtFirstDelete(Exception):
    pass


class _Stopwatch:
    """The bucket up to the first deletion, which is where it ends the pass."""

    def __init__(self, blobs: GcsBlobs) -> None:
        self.bucket, self.time = blobs.bucket, blobs.time

    async def delete(self, doomed: Sequence[Generation]) -> Sequence[Removal]:
        raise _AtFirstDelete


async def _many_rows(measured: Measured, postgres: PostgresServer) -> None:
    database = postgres.create_database(template=TEMPLATE)
    fill(database, 0, measured.rows, percent=10)
    store = Store.from_url(database)
    try:
        with server.running(0) as url:
            blobs = GcsBlobs.connect(BUCKET, endpoint=url)
            await store.open_break()  # connects
            watched: Any = _Stopwatch(blobs)
            began = time.perf_counter()
            try:
                await run_once(store, watched, clock=RealClock(), rules=FULL_TILT)
            except _AtFirstDelete:
                measured.first_delete = time.perf_counter() - began
            await blobs.close()
        measured.plan = explain(database)
        watch = Watch(measured.rows // 10)
        due, cursor = Due(datetime.now(UTC)), None
        while batch := await store.due_artifacts(due, BATCH_LIMIT, cursor):
            assert batch[-1].retention_until is not None
            cursor = DueCursor(batch[-1].retention_until, batch[-1].id)
            watch.saw(len(batch))
        measured.walked, measured.due_memory = watch.seen, watch.memory
    finally:
        await store.close()


async def _many_objects(measured: Measured) -> None:
    watch = Watch(measured.listed)
    with server.running(0, measured.listed) as url:
        blobs = GcsBlobs.connect(BUCKET, endpoint=url)
        async for _ in blobs.list(""):
            watch.saw(1)
        await blobs.close()
    if watch.seen != measured.listed:
        raise Failed(f"{watch.seen} of {measured.listed} objects were listed")
    measured.listed_memory = watch.memory


class Watch:
    """Memory as work goes on: flat means that the end needs no more than the first tenth did."""

    def __init__(self, expected: int) -> None:
        self.seen = 0
        self.memory = (0, 0)
        self._tenth = max(1, expected // 10)
        self._next = self._tenth
        self._process = psutil.Process()

    def saw(self, count: int) -> None:
        self.seen += count
        if self.seen >= self._next:
            self._next += self._tenth
            resident = self._process.memory_info().rss
            early, most = self.memory
            self.memory = (early or resident, max(most, resident))


def fill(database: str, first: int, end: int, *, percent: int) -> None:
    """Rows for the objects of these numbers, so many percent of them due; what is due is approved."""
    with psycopg.connect(database, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no foreign keys checked one by one
            values = {"first": first, "end": end, "percent": percent}
            for statement in FILL.split(";\n"):
                if statement.strip():
                    connection.execute(statement.encode(), values if "%(" in statement else None)
            connection.execute(
                "INSERT INTO retention_breaks (reason, message, due_count, due_until, broke_at, ended_at, ended_as) "
                "VALUES ('too_many', '', 0, now(), now(), now(), 'approved')"
            )
        connection.execute("VACUUM ANALYZE")


def explain(database: str) -> str:
    query = due_query(Due(datetime.now(UTC) + timedelta(seconds=1)), BATCH_LIMIT, None)
    compiled = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    with psycopg.connect(database) as connection:
        lines = connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {compiled}".encode()).fetchall()
    return "\n".join(line for (line,) in lines)
