"""Receipts of what went, and what was put off. Called inside a transaction.

A row is marked and its receipt written in one transaction, and only a row that is not marked yet.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Uuid, column, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import EventType, LogLevel
from webaudit_operator.store import leftovers, logs
from webaudit_operator.store.leftovers import prefix_of
from webaudit_operator.store.rows import Deferral, LogEvent, Receipt, Recorded
from webaudit_operator.store.tables import artifacts, retention_deferrals


async def record_deletions(
    connection: AsyncConnection, receipts: Sequence[Receipt], deferrals: Sequence[Deferral], at: datetime
) -> Recorded:
    """Mark, log and put off."""
    pages = {each.artifact.page_id: each.artifact for each in receipts}
    if pages:
        await leftovers.lock_pages(connection, pages)
    touched = [*(each.artifact.id for each in receipts), *(each.artifact.id for each in deferrals)]
    unmarked = await _lock_unmarked(connection, touched)
    gone = list({each.artifact.id: each for each in receipts if each.artifact.id in unmarked}.values())
    late = list({each.artifact.id: each for each in deferrals if each.artifact.id in unmarked}.values())
    if gone:
        # As two arrays the statement is the same for every batch; a list of rows would be compiled anew each time.
        ids = literal([receipt.artifact.id for receipt in gone], ARRAY(Uuid))
        times = literal([receipt.confirmed_at for receipt in gone], ARRAY(DateTime(timezone=True)))
        shape = column("id", Uuid), column("at", DateTime(timezone=True))
        done = func.unnest(ids, times).table_valued(*shape, name="done").render_derived()
        await connection.execute(update(artifacts).where(artifacts.c.id == done.c.id).values(deleted_at=done.c["at"]))
        were_late = [receipt.artifact.id for receipt in gone if receipt.artifact.tries]
        if were_late:
            await connection.execute(
                delete(retention_deferrals).where(retention_deferrals.c.artifact_id.in_(were_late))
            )
    news = [logs.event_row(each.artifact.session_id, receipt_event(each)) for each in gone]
    if late:
        known = await _known_late(connection, [each.artifact.id for each in late])
        await _put_off(connection, late, at)
        first_met = [each for each in late if each.artifact.id not in known]
        news += [logs.event_row(each.artifact.session_id, _deferral_event(each, at)) for each in first_met]
    await logs.append(connection, news)
    prefixes = {page: prefix_of(artifact.storage_uri) for page, artifact in pages.items()}
    return Recorded(len(gone), await leftovers.remember(connection, prefixes, at) if pages else ())


async def _known_late(connection: AsyncConnection, ids: Collection[UUID]) -> set[UUID]:
    """Asked under the artifacts' locks: of two operators that met the same hold one tells of it."""
    table = retention_deferrals.c
    return set((await connection.execute(select(table.artifact_id).where(table.artifact_id.in_(ids)))).scalars())


async def _put_off(connection: AsyncConnection, deferrals: Sequence[Deferral], at: datetime) -> None:
    table = retention_deferrals.c
    new = insert(retention_deferrals).values(
        [
            {
                "artifact_id": each.artifact.id,
                "kind": each.kind,
                "reason": each.reason,
                "tries": each.artifact.tries + 1,
                "first_at": at,
                "retry_at": each.retry_at,
            }
            for each in deferrals
        ]
    )
    fresh = {name: new.excluded[name] for name in ("kind", "reason", "tries", "retry_at")}
    await connection.execute(new.on_conflict_do_update(index_elements=[table.artifact_id], set_=fresh))


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


def receipt_event(receipt: Receipt) -> LogEvent:
    """The receipt as it stands in `crawl_logs`."""
    artifact = receipt.artifact
    place, _, generation = artifact.storage_uri.rpartition("#")
    due = artifact.retention_until
    return LogEvent(
        key=f"artifact_deleted/{artifact.id}/{generation}",
        event="artifact_deleted",
        event_type=EventType.ARTIFACT,
        message=f"{artifact.type} deleted: {place}",
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


def _deferral_event(deferral: Deferral, at: datetime) -> LogEvent:
    artifact = deferral.artifact
    place, _, generation = artifact.storage_uri.rpartition("#")
    return LogEvent(
        key=f"artifact_{deferral.kind}/{artifact.id}/{generation}",
        event=f"artifact_{deferral.kind}",
        event_type=EventType.ARTIFACT,
        level=LogLevel.WARN,
        message=f"{artifact.type} is due and could not be deleted: {deferral.reason}",
        timestamp=at,
        details={
            "outcome": deferral.kind,
            "artifact": str(artifact.id),
            "type": artifact.type,
            "object": place,
            "generation": generation,
            "reason": deferral.reason,
            "retry_at": deferral.retry_at.isoformat(),
        },
    )
