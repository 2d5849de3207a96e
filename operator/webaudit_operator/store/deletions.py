"""Which artifacts live, which are due, and the receipts of those that went. Called inside a transaction.

A row is marked and its receipt written in one transaction, and only a row that is not marked yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Select, Uuid, column, func, select, tuple_, update, values
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import EventType, LogLevel
from webaudit_operator.blobs import Deletion
from webaudit_operator.store import logs
from webaudit_operator.store.rows import DueCursor, LiveArtifact, LogEvent, Receipt
from webaudit_operator.store.tables import artifacts


def _live() -> Select[Any]:
    sibling = artifacts.alias("sibling").c
    in_capture = (
        select(func.count())
        # session_id as well: it is the column that has an index
        .where(sibling.session_id == artifacts.c.session_id, sibling.page_id == artifacts.c.page_id)
        .where(sibling.deleted_at.is_(None))
        .scalar_subquery()
    )
    table = artifacts.c
    return select(
        table.id,
        table.session_id,
        table.page_id,
        table.type,
        table.storage_uri,
        table.size_bytes,
        table.checksum,
        table.retention_until,
        in_capture,
    ).where(table.deleted_at.is_(None))


def due_query(now: datetime, limit: int, after: DueCursor | None) -> Select[Any]:
    """Walks `ix_artifacts_due`: its conditions and its order are those of the index."""
    table = artifacts.c
    query = _live().where(table.retention_until.is_not(None), table.retention_until <= now)
    if after is not None:
        query = query.where(tuple_(table.retention_until, table.id) > after)
    return query.order_by(table.retention_until, table.id).limit(limit)


async def due_artifacts(
    connection: AsyncConnection, now: datetime, limit: int, after: DueCursor | None
) -> list[LiveArtifact]:
    return [LiveArtifact(*row) for row in await connection.execute(due_query(now, limit, after))]


async def session_artifacts(connection: AsyncConnection, session_id: UUID) -> list[LiveArtifact]:
    query = _live().where(artifacts.c.session_id == session_id).order_by(artifacts.c.storage_uri)
    return [LiveArtifact(*row) for row in await connection.execute(query)]


async def record_deletions(connection: AsyncConnection, receipts: Sequence[Receipt]) -> int:
    """Mark and log; returns how many rows were marked."""
    unmarked = await _lock_unmarked(connection, [receipt.artifact.id for receipt in receipts])
    open_receipts = {receipt.artifact.id: receipt for receipt in receipts if receipt.artifact.id in unmarked}.values()
    gone = [receipt for receipt in open_receipts if receipt.outcome is not Deletion.HELD]
    held = [receipt for receipt in open_receipts if receipt.outcome is Deletion.HELD]
    if gone:
        done = values(column("id", Uuid), column("at", DateTime(timezone=True)), name="done").data(
            [(receipt.artifact.id, receipt.confirmed_at) for receipt in gone]
        )
        await connection.execute(update(artifacts).where(artifacts.c.id == done.c.id).values(deleted_at=done.c["at"]))
    news = [*gone, *await _first_met(connection, held)]
    await logs.append(
        connection, [logs.event_row(receipt.artifact.session_id, _log_event(receipt)) for receipt in news]
    )
    return len(gone)


async def _lock_unmarked(connection: AsyncConnection, ids: Sequence[UUID]) -> set[UUID]:
    """In the order of their ids, so that two recorders of the same rows wait instead of dead-locking."""
    table = artifacts.c
    query = (
        select(table.id)
        .where(table.id.in_(ids), table.deleted_at.is_(None))
        .order_by(table.id)
        .with_for_update(key_share=True)
    )
    return set((await connection.execute(query)).scalars())


async def _first_met(connection: AsyncConnection, held: Sequence[Receipt]) -> list[Receipt]:
    """Held objects stay due and are met in every pass: only the first meeting is news."""
    if not held:
        return []
    sessions = {receipt.artifact.session_id for receipt in held}
    known = await logs.keys(connection, sessions, [_log_event(receipt).key for receipt in held])
    return [receipt for receipt in held if _log_event(receipt).key not in known]


def _log_event(receipt: Receipt) -> LogEvent:
    artifact = receipt.artifact
    place, _, generation = artifact.storage_uri.rpartition("#")
    held = receipt.outcome is Deletion.HELD
    event = "artifact_held" if held else "artifact_deleted"
    due = artifact.retention_until
    return LogEvent(
        key=f"{event}/{artifact.id}",
        event=event,
        event_type=EventType.ARTIFACT,
        level=LogLevel.WARN if held else LogLevel.INFO,
        message=f"{artifact.type} {'is held in the bucket' if held else 'deleted'}: {place}",
        timestamp=receipt.confirmed_at,
        details={
            "outcome": receipt.outcome,
            "artifact": str(artifact.id),
            "type": artifact.type,
            "object": place,
            "generation": generation,
            "size": artifact.size_bytes,
            "sha256": (artifact.checksum or "").removeprefix("sha256:") or None,
            "rule": receipt.rule,
            "due": due.isoformat() if due else None,
            "requested_at": receipt.requested_at.isoformat(),
            "confirmed_at": receipt.confirmed_at.isoformat(),
        },
    )
