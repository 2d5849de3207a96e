"""`crawl_logs`: how events become rows, each one once. Called inside a transaction of the record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import CaptureEvent
from webaudit_operator.store.errors import SessionMissing
from webaudit_operator.store.rows import LogEvent, PageKey
from webaudit_operator.store.tables import audit_sessions, crawl_logs

Row = dict[str, Any]


def event_row(session_id: UUID, event: LogEvent) -> Row:
    return {
        "session_id": session_id,
        "level": event.level,
        "event_type": event.event_type,
        "message": event.message,
        "details": {**event.details, "event": event.event, "key": event.key},
        "timestamp": event.timestamp,
    }


def capture_event_row(session_id: UUID, page: PageKey, event: CaptureEvent) -> Row:
    """A capture's own event. Page and keys are the operator's word, whatever the capture put into details."""
    stamp = event.timestamp
    told = {name: value for name, value in event.details.items() if name != "key"}
    return {
        "session_id": session_id,
        "level": event.level,
        "event_type": event.event_type,
        "message": event.message,
        "details": {**told, "page": page.page.value, "viewport": page.viewport.value},
        # A time without a zone would be read in the zone of the database.
        "timestamp": stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC),
    }


async def append(connection: AsyncConnection, rows: Iterable[Row]) -> None:
    """Write rows in the given order: `id` follows it."""
    rows = list(rows)
    if rows:
        await connection.execute(insert(crawl_logs), rows)


async def append_new(connection: AsyncConnection, session_id: UUID, events: Sequence[LogEvent]) -> int:
    """Write the events whose key the session does not have yet. Raises SessionMissing.

    The session's row is locked first: of two writers of one key the second sees what the first has written.
    """
    lock = select(audit_sessions.c.id).where(audit_sessions.c.id == session_id).with_for_update(key_share=True)
    if (await connection.execute(lock)).first() is None:
        raise SessionMissing(f"session {session_id} has no row")
    known = await keys(connection, [session_id], [event.key for event in events])
    fresh = {event.key: event for event in events if event.key not in known}
    await append(connection, [event_row(session_id, event) for event in fresh.values()])
    return len(fresh)


async def keys(connection: AsyncConnection, sessions: Collection[UUID], wanted: Collection[str]) -> set[str]:
    """Those of the wanted keys that the sessions' logs have."""
    key = crawl_logs.c.details["key"].astext
    query = select(key).where(crawl_logs.c.session_id.in_(sessions), key.in_(wanted))
    return set((await connection.execute(query)).scalars())
