"""Captures as pods and the operator leave them, in bucket and record; and what retention has done to them since."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from testkit.gcs_server import GcsServer
from testkit.samples import DOMAIN, HOME_DESKTOP, NOW, SESSION, capture_row, content, object_name, session_row
from webaudit_capture.contract import ARTIFACT_FILES, ArtifactType, capture_prefix
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.retention.passes import Pass, run_once
from webaudit_operator.retention.rules import Rules
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import ArtifactRow, BlobRef, PageKey, RetentionPolicy


async def captured(store: Store, gcs: GcsServer, session_id: UUID = SESSION, page: PageKey = HOME_DESKTOP) -> None:
    """One capture as a pod and the operator leave it: four objects, result.json, rows. Policy `short`."""
    artifacts = []
    for kind in ArtifactType:
        body = content(kind)
        stored = gcs.put(object_name(session_id, page, kind), body, ARTIFACT_FILES[kind][1])
        digest = hashlib.sha256(body).hexdigest()
        artifacts.append(ArtifactRow(kind, BlobRef(gcs.bucket, stored.name, stored.generation), len(body), digest, NOW))
    gcs.put(result_name(session_id, page), b"{}", "application/json")
    session = session_row(session_id, retention=RetentionPolicy.SHORT)
    await store.finish_capture(session, capture_row(page, artifacts=tuple(artifacts)))


def result_name(session_id: UUID = SESSION, page: PageKey = HOME_DESKTOP) -> str:
    return capture_prefix(DOMAIN, str(session_id), page.page, page.viewport) + "result.json"


UNHURRIED = Rules(rate=1e12, workers=2)


async def one_pass(store: Store, blobs: GcsBlobs, gcs: GcsServer, now: datetime, rules: Rules = UNHURRIED) -> Pass:
    """A pass at `now` by everybody's clock."""
    gcs.now = lambda: now
    return await run_once(store, blobs, clock=FixedClock(now), rules=rules)


def put_off(url: str) -> list[tuple[str, str, int, datetime]]:
    """(kind, reason, tries, retry_at) of what is due and waits."""
    with psycopg.connect(url) as connection:
        query = "SELECT kind, reason, tries, retry_at FROM retention_deferrals ORDER BY retry_at, artifact_id"
        return [(kind, reason, tries, at) for kind, reason, tries, at in connection.execute(query)]


def receipts(url: str) -> list[dict[str, Any]]:
    with psycopg.connect(url) as connection:
        query = "SELECT details FROM crawl_logs WHERE details->>'event' = 'artifact_deleted' ORDER BY id"
        return [details for (details,) in connection.execute(query)]


def deleted(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM artifacts WHERE deleted_at IS NOT NULL").fetchone()
        assert row is not None
        return int(row[0])


def is_fault_of(kind: ArtifactType) -> str:
    return ARTIFACT_FILES[kind][0].replace(".", r"\.")


class FixedClock:
    """Time moves only by sleeps, which are noted and end at once."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
