"""Artifacts that live again after their objects were restored. Called inside a transaction.

A row lives again and the event that says so is written in one transaction, and only a row that is marked deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import EventType
from webaudit_operator.store import leftovers, logs
from webaudit_operator.store.rows import DeletedArtifact, LogEvent, Restoration
from webaudit_operator.store.tables import artifacts, retention_deferrals, retention_leftovers


async def deleted_artifacts(connection: AsyncConnection, session_id: UUID) -> list[DeletedArtifact]:
    table = artifacts.c
    query = (
        select(
            table.id, table.session_id, table.page_id, table.type, table.storage_uri, table.size_bytes, table.checksum
        )
        .where(table.session_id == session_id, table.deleted_at.is_not(None))
        .order_by(table.storage_uri)
    )
    return [DeletedArtifact(*row) for row in await connection.execute(query)]


async def record(
    connection: AsyncConnection, restored: Sequence[Restoration], *, until: datetime, by: str, at: datetime
) -> dict[UUID, datetime | None]:
    """The new times of those that were still marked deleted; what is kept for good stays so."""
    table = artifacts.c
    await leftovers.lock_pages(connection, {each.artifact.page_id for each in restored})
    kept: dict[UUID, datetime | None] = {}
    later = case((table.retention_until.is_(None), null()), else_=func.greatest(table.retention_until, until))
    for each in sorted(restored, key=lambda one: one.artifact.id):
        change = (
            update(artifacts)
            .where(table.id == each.artifact.id, table.deleted_at.is_not(None))
            .where(table.storage_uri == each.artifact.storage_uri)
            .values(storage_uri=each.blob.uri, deleted_at=None, retention_until=later)
            .returning(table.retention_until)
        )
        if (found := (await connection.execute(change)).first()) is None:
            continue
        kept[each.artifact.id] = found[0]
        event = _event(each, found[0], by, at)
        await logs.append(connection, [logs.event_row(each.artifact.session_id, event)])
    if kept:
        await connection.execute(delete(retention_deferrals).where(retention_deferrals.c.artifact_id.in_(kept)))
        live = {each.artifact.page_id for each in restored if each.artifact.id in kept}
        await connection.execute(delete(retention_leftovers).where(retention_leftovers.c.page_id.in_(live)))
    return kept


def _event(restored: Restoration, until: datetime | None, by: str, at: datetime) -> LogEvent:
    artifact, blob = restored.artifact, restored.blob
    place, _, generation = blob.uri.rpartition("#")
    return LogEvent(
        key=f"artifact_restored/{artifact.id}/{generation}",
        event="artifact_restored",
        event_type=EventType.ARTIFACT,
        message=f"{artifact.type} restored: {place}",
        timestamp=at,
        details={
            "outcome": "restored",
            "artifact": str(artifact.id),
            "type": artifact.type,
            "object": place,
            "old_generation": artifact.storage_uri.rpartition("#")[2],
            "generation": generation,
            "by": by,
            "retention_until": until.isoformat() if until else None,
        },
    )
