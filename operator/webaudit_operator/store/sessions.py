"""Statements over `audit_sessions` and what goes with their changes. Called inside a transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import EventType, LogLevel
from webaudit_operator.store import logs
from webaudit_operator.store.errors import SessionMissing
from webaudit_operator.store.rows import (
    LogEvent,
    OpenSession,
    PageKey,
    PageStatus,
    SessionRow,
    SessionStatus,
    page_id,
)
from webaudit_operator.store.tables import audit_pages, audit_sessions

_OPEN = (SessionStatus.QUEUED, SessionStatus.RUNNING)
QUEUED, CLOSED = "session_queued", "session_closed"
"""Keys of a session's first and last event."""
_CLOSING_LEVEL = {
    SessionStatus.COMPLETED: LogLevel.INFO,
    SessionStatus.PARTIAL: LogLevel.WARN,
    SessionStatus.FAILED: LogLevel.ERROR,
}


async def open_session(connection: AsyncConnection, session: SessionRow) -> bool:
    """Insert the session with its pages and first event, or nothing when it is there."""
    row = {
        "id": session.id,
        "url": session.url,
        "status": SessionStatus.QUEUED,
        "created_at": session.created_at,
        "mode": session.mode,
        "retention_policy": session.retention_policy,
        "crawl_policy_version": session.crawl_policy_version,
        "config_snapshot": session.config_snapshot,
    }
    new = insert(audit_sessions).values(row).on_conflict_do_nothing().returning(audit_sessions.c.id)
    if (await connection.execute(new)).first() is None:
        return False
    await add_pages(connection, session)
    await logs.append(connection, [logs.event_row(session.id, queued_event(session))])
    return True


async def add_pages(connection: AsyncConnection, session: SessionRow) -> None:
    """The session's pages as `pending`, those that are there left as they are."""
    pages = [
        {
            "id": page_id(session.id, page),
            "session_id": session.id,
            "page_type": page.page,
            "viewport": page.viewport,
            "status": PageStatus.PENDING,
            "load_timings": {},
            "low_confidence_reasons": [],
        }
        for page in session.pages
    ]
    if pages:
        await connection.execute(insert(audit_pages).on_conflict_do_nothing(), pages)


def queued_event(session: SessionRow) -> LogEvent:
    return LogEvent(
        key=QUEUED,
        event="session_queued",
        message=f"session queued for {session.url}",
        timestamp=session.created_at,
        details={"pages": len(session.pages), "policy": session.crawl_policy_version},
    )


async def start_session(connection: AsyncConnection, session_id: UUID, attempts: int, at: datetime) -> bool:
    table = audit_sessions.c
    change = (
        update(audit_sessions)
        .where(table.id == session_id, table.status.in_(_OPEN))
        .where(or_(table.status == SessionStatus.QUEUED, table.attempts < attempts))
        .values(status=SessionStatus.RUNNING, attempts=attempts)
        .returning(table.attempts)
    )
    if (await connection.execute(change)).first() is None:
        await _must_exist(connection, session_id)
        return False
    await logs.append(connection, [logs.event_row(session_id, started_event(attempts, at))])
    return True


def started_event(attempts: int, at: datetime) -> LogEvent:
    again = attempts > 1
    return LogEvent(
        key=f"session_started/{attempts}",
        event="session_restarted" if again else "session_started",
        event_type=EventType.RETRY if again else EventType.NAVIGATION,
        message=f"capture work started again (start {attempts})" if again else "capture work started",
        timestamp=at,
        details={"attempts": attempts},
    )


async def close_session(
    connection: AsyncConnection,
    session_id: UUID,
    *,
    status: SessionStatus,
    at: datetime,
    attempts: int | None,
    low_confidence: bool,
    final_url: str | None,
    pdp_url: str | None,
    error_summary: str | None,
) -> bool:
    table = audit_sessions.c
    doubtful_page = exists().where(
        audit_pages.c.session_id == session_id,
        audit_pages.c.low_confidence_reasons != text("'[]'::jsonb"),
    )
    change = (
        update(audit_sessions)
        .where(table.id == session_id, table.status.in_(_OPEN))
        .values(
            status=status,
            attempts=table.attempts if attempts is None else func.greatest(table.attempts, attempts),
            low_confidence=or_(literal(low_confidence), doubtful_page),
            final_url=final_url,
            pdp_url=pdp_url,
            error_summary=error_summary,
        )
        .returning(table.attempts)
    )
    if (await connection.execute(change)).first() is None:
        await _must_exist(connection, session_id)
        return False
    untried = await _fail_pending_pages(connection, session_id)
    events = [
        LogEvent(
            key=f"page_not_captured/{page.page}/{page.viewport}",
            event="page_not_captured",
            event_type=EventType.ERROR,
            level=LogLevel.WARN,
            message=f"{page.page} on {page.viewport} was not captured before the session ended",
            timestamp=at,
            details={"page": page.page, "viewport": page.viewport},
        )
        for page in untried
    ]
    closed = closed_event(status, error_summary, at)
    await logs.append(connection, [logs.event_row(session_id, event) for event in (*events, closed)])
    return True


def closed_event(status: SessionStatus, error_summary: str | None, at: datetime) -> LogEvent:
    return LogEvent(
        key=CLOSED,
        event=f"session_{status}",
        level=_CLOSING_LEVEL[status],
        message=f"session {status}" + (f": {error_summary}" if error_summary else ""),
        timestamp=at,
        details={"error_summary": error_summary} if error_summary else {},
    )


async def _fail_pending_pages(connection: AsyncConnection, session_id: UUID) -> list[PageKey]:
    table = audit_pages.c
    change = (
        update(audit_pages)
        .where(table.session_id == session_id, table.status == PageStatus.PENDING)
        .values(status=PageStatus.FAILED)
        .returning(table.page_type, table.viewport)
    )
    return sorted(PageKey(*row) for row in await connection.execute(change))


async def _must_exist(connection: AsyncConnection, session_id: UUID) -> None:
    query = select(audit_sessions.c.id).where(audit_sessions.c.id == session_id)
    if (await connection.execute(query)).first() is None:
        raise SessionMissing(f"session {session_id} has no row")


async def pending_pages(connection: AsyncConnection, session_id: UUID) -> set[PageKey]:
    table = audit_pages.c
    query = select(table.page_type, table.viewport).where(
        table.session_id == session_id, table.status == PageStatus.PENDING
    )
    return {PageKey(*row) for row in await connection.execute(query)}


async def open_sessions(connection: AsyncConnection, before: datetime) -> list[OpenSession]:
    table = audit_sessions.c
    query = (
        select(table.id, table.url, table.status, table.created_at, table.attempts)
        .where(table.status.in_(_OPEN), table.created_at < before)
        .order_by(table.created_at, table.id)
    )
    return [OpenSession(*row) for row in await connection.execute(query)]


async def is_known(connection: AsyncConnection, session_id: UUID) -> bool:
    query = select(audit_sessions.c.id).where(audit_sessions.c.id == session_id)
    return (await connection.execute(query)).first() is not None
