"""Rows that were lost, added from what the bucket tells. Called inside a transaction.

Rows that are there are never changed, but for a session or page still open: that is finished as its results say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import ArtifactType, EventType
from webaudit_operator.store import captures, leftovers, logs, sessions
from webaudit_operator.store.leftovers import prefix_of
from webaudit_operator.store.rows import (
    CaptureRow,
    LogEvent,
    PageKey,
    PageStatus,
    SessionRow,
    SessionStatus,
    artifact_id,
    page_id,
)
from webaudit_operator.store.tables import artifacts, audit_pages, audit_sessions, crawl_logs

Gone = Mapping[PageKey, frozenset[ArtifactType]]
"""Artifacts whose objects are not in the bucket any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the bucket tells of one session that is over."""

    row: SessionRow
    attempts: int
    started_at: datetime
    captures: tuple[CaptureRow, ...]
    """Of every wanted page."""
    gone: Gone
    closing: Mapping[str, Any]
    """As `Store.close_session` takes it."""


class KnownPage(NamedTuple):
    status: PageStatus
    artifacts: int
    told: bool
    """There is an event of the capture's own."""


@dataclass(frozen=True, slots=True)
class Known:
    """How much of a session the record has."""

    over: bool
    wanted: int | None
    """Captures, by its first event; None: that event is missing."""
    closed: bool
    """Its last event is there."""
    pages: Mapping[PageKey, KnownPage]


@dataclass(frozen=True, slots=True)
class Written:
    """Rows added, by table."""

    sessions: int = 0
    pages: int = 0
    artifacts: int = 0
    events: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Written)))

    def __sub__(self, other: Written) -> Written:
        return Written(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(Written)))

    @property
    def total(self) -> int:
        return self.sessions + self.pages + self.artifacts + self.events


async def known(connection: AsyncConnection, session_ids: Collection[UUID]) -> dict[UUID, Known]:
    """In four statements, however many sessions."""
    details = crawl_logs.c.details
    statuses = select(audit_sessions.c.id, audit_sessions.c.status).where(audit_sessions.c.id.in_(session_ids))
    key = details["key"].astext
    ends = select(crawl_logs.c.session_id, key, details["pages"].astext).where(
        crawl_logs.c.session_id.in_(session_ids), key.in_((sessions.QUEUED, sessions.CLOSED))
    )
    own = select(crawl_logs.c.session_id, details["page"].astext, details["viewport"].astext).distinct()
    own = own.where(crawl_logs.c.session_id.in_(session_ids), key.is_(None))
    page = audit_pages.c
    rows = (
        select(page.session_id, page.page_type, page.viewport, page.status, func.count(artifacts.c.id))
        .outerjoin(artifacts, (artifacts.c.page_id == page.id) & (artifacts.c.session_id == page.session_id))
        .where(page.session_id.in_(session_ids))
        .group_by(page.id)
    )
    over = {session: status.terminal for session, status in await connection.execute(statuses)}
    events = {(session, name): pages for session, name, pages in await connection.execute(ends)}
    told = {tuple(row) for row in await connection.execute(own)}
    pages: dict[UUID, dict[PageKey, KnownPage]] = {session: {} for session in over}
    for session, kind, port, status, count in await connection.execute(rows):
        pages[session][PageKey(kind, port)] = KnownPage(status, count, (session, kind, port) in told)
    return {
        session: Known(
            over=over[session],
            wanted=int(count) if (count := events.get((session, sessions.QUEUED))) else None,
            closed=(session, sessions.CLOSED) in events,
            pages=pages[session],
        )
        for session in over
    }


async def bring_back(connection: AsyncConnection, told: Told, at: datetime) -> Written:
    """Add what is missing, and one event that says so; a session that is whole gets none."""
    session_id = told.row.id
    before = await _count(connection, session_id)
    is_new = await sessions.open_session(connection, told.row)
    if not is_new:
        await sessions.add_pages(connection, told.row)
    await sessions.start_session(connection, session_id, told.attempts, told.started_at)
    for capture in told.captures:
        if is_new:
            await captures.finish_capture(connection, told.row, capture)
            fresh = {artifact_id(session_id, capture.page, artifact.type) for artifact in capture.artifacts}
        else:
            fresh = await _complete(connection, told.row, capture)
        await _mark_gone(connection, told, capture, fresh, at)
    if not await sessions.close_session(connection, session_id, **told.closing):
        await _complete_events(connection, told)
    written = await _count(connection, session_id) - before
    if written.total:
        await logs.append_new(connection, session_id, [_rebuilt(told, written, at)])
    return written


async def _mark_gone(
    connection: AsyncConnection, told: Told, capture: CaptureRow, fresh: set[UUID], at: datetime
) -> None:
    """Of the artifacts that came back those without an object; a capture that has none left is to be cleared."""
    gone = told.gone.get(capture.page, frozenset())
    doomed = fresh & {artifact_id(told.row.id, capture.page, kind) for kind in gone}
    if doomed:
        await connection.execute(update(artifacts).where(artifacts.c.id.in_(doomed)).values(deleted_at=at))
        prefix = prefix_of(capture.artifacts[0].blob.uri)
        await leftovers.remember(connection, {page_id(told.row.id, capture.page): prefix}, at)


async def _complete(connection: AsyncConnection, session: SessionRow, capture: CaptureRow) -> set[UUID]:
    """What is missing of a page, unless the record has it finished otherwise than the bucket; the new artifacts."""
    page = page_id(session.id, capture.page)
    status = select(audit_pages.c.status).where(audit_pages.c.id == page).with_for_update()
    found = (await connection.execute(status)).scalar_one()
    if found is PageStatus.PENDING:
        await captures.settle_page(connection, session, capture)
    elif found is not capture.status:
        return set()
    details = crawl_logs.c.details
    own = select(crawl_logs.c.id).where(
        crawl_logs.c.session_id == session.id,
        details["key"].astext.is_(None),
        details["page"].astext == capture.page.page.value,
        details["viewport"].astext == capture.page.viewport.value,
    )
    if (await connection.execute(own.limit(1))).first() is None:
        await logs.append(
            connection, [logs.capture_event_row(session.id, capture.page, event) for event in capture.events]
        )
    if not capture.artifacts:
        return set()
    rows = await captures.artifact_rows(connection, session, capture)
    new = insert(artifacts).values(rows).on_conflict_do_nothing().returning(artifacts.c.id)
    fresh = set((await connection.execute(new)).scalars())
    uploads = [captures.uploaded(capture, artifact, session) for artifact in capture.artifacts]
    await logs.append_new(connection, session.id, uploads)
    return fresh


async def _complete_events(connection: AsyncConnection, told: Told) -> None:
    """The first and the last events of a session that was over already, as its own row has them."""
    table = audit_sessions.c
    query = select(table.attempts, table.status, table.error_summary).where(table.id == told.row.id)
    attempts, status, summary = (await connection.execute(query)).one()
    events = [sessions.queued_event(told.row)]
    if attempts:
        events.append(sessions.started_event(attempts, told.started_at))
    events.append(sessions.closed_event(SessionStatus(status), summary, told.closing["at"]))
    await logs.append_new(connection, told.row.id, events)


async def _count(connection: AsyncConnection, session_id: UUID) -> Written:
    counts = [
        select(func.count()).select_from(table).where(column == session_id).scalar_subquery()
        for table, column in (
            (audit_sessions, audit_sessions.c.id),
            (audit_pages, audit_pages.c.session_id),
            (artifacts, artifacts.c.session_id),
            (crawl_logs, crawl_logs.c.session_id),
        )
    ]
    return Written(*(await connection.execute(select(*counts))).one())


def _rebuilt(told: Told, written: Written, at: datetime) -> LogEvent:
    gone = sorted(f"{page.page}/{page.viewport}/{kind}" for page, kinds in told.gone.items() for kind in kinds)
    return LogEvent(
        key=f"rebuilt/{at.isoformat()}",
        event="rebuilt",
        event_type=EventType.ARTIFACT,
        message=f"{written.total} rows were added from what the bucket tells",
        timestamp=at,
        details={
            "sessions": written.sessions,
            "pages": written.pages,
            "artifacts": written.artifacts,
            "events": written.events,
            "without_object": gone,
        },
    )
