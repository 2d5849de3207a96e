"""Which artifacts live, which of them are to go now, and how many that would be. Called inside a transaction.

Spared, however long ago their time came: what a session's hold keeps, what was put off, and what the floor keeps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, Select, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_operator.store import breaks
from webaudit_operator.store.rows import Approval, Backlog, DueCursor, LiveArtifact, PageStatus, SessionStatus
from webaudit_operator.store.tables import (
    artifacts,
    audit_pages,
    audit_sessions,
    retention_deferrals,
    retention_holds,
    site_of,
)


@dataclass(frozen=True, slots=True)
class Due:
    """What a pass asks for."""

    now: datetime
    spare: frozenset[UUID] = frozenset()
    """Sessions whose resource says that they are held; the record may not know yet."""
    keep_newest: bool = False
    """The floor: keep the newest completed audit of a site's page until there is a newer one."""


_WITH_DEFERRALS = artifacts.outerjoin(retention_deferrals, retention_deferrals.c.artifact_id == artifacts.c.id)


def _live() -> Select[Any]:
    table = artifacts.c
    return (
        select(
            table.id,
            table.session_id,
            table.page_id,
            table.type,
            table.storage_uri,
            table.size_bytes,
            table.checksum,
            table.retention_until,
            func.coalesce(retention_deferrals.c.tries, 0),
        )
        .select_from(_WITH_DEFERRALS)
        .where(table.deleted_at.is_(None))
    )


def expired(now: datetime) -> ColumnElement[bool]:
    """The condition of `ix_artifacts_due`, and its first column."""
    table = artifacts.c
    return and_(table.deleted_at.is_(None), table.retention_until.is_not(None), table.retention_until <= now)


def is_held() -> ColumnElement[bool]:
    """Asked of a hash of all holds, which are few: as a join it would lead the planner away from the index."""
    return artifacts.c.session_id.in_(select(retention_holds.c.session_id))


def is_newest() -> ColumnElement[bool]:
    """Of a completed session, and no later completed one has the same page of the same site."""
    mine, later = audit_sessions.alias("mine"), audit_sessions.alias("later")
    page, same = audit_pages.alias("page").c, audit_pages.alias("same").c
    newer = (
        exists()
        .where(later.c.status == SessionStatus.COMPLETED, site_of(later) == site_of(mine))
        .where(later.c.created_at > mine.c.created_at)
        .where(same.session_id == later.c.id, same.status == PageStatus.OK)
        .where(same.page_type == page.page_type, same.viewport == page.viewport)
    )
    return (
        exists()
        .where(mine.c.id == artifacts.c.session_id, mine.c.status == SessionStatus.COMPLETED)
        .where(page.id == artifacts.c.page_id, ~newer)
    )


def _to_go(due: Due) -> ColumnElement[bool]:
    late = retention_deferrals.c
    conditions = [expired(due.now), ~is_held(), or_(late.retry_at.is_(None), late.retry_at <= due.now)]
    if due.spare:
        conditions.append(artifacts.c.session_id.not_in(due.spare))
    if due.keep_newest:
        conditions.append(~is_newest())
    return and_(*conditions)


def _covered(by: Approval) -> ColumnElement[bool]:
    return and_(artifacts.c.retention_until <= by.due_until, artifacts.c.created_at <= by.at)


def due_query(due: Due, limit: int, after: DueCursor | None, only: Approval | None = None) -> Select[Any]:
    """Walks `ix_artifacts_due`: its conditions and its order are those of the index.

    `only` leaves out what the approval does not cover.
    """
    table = artifacts.c
    query = _live().where(_to_go(due))
    if only is not None:
        query = query.where(_covered(only))
    if after is not None:
        query = query.where(tuple_(table.retention_until, table.id) > after)
    return query.order_by(table.retention_until, table.id).limit(limit)


async def due_artifacts(
    connection: AsyncConnection, due: Due, limit: int, after: DueCursor | None, only: Approval | None
) -> list[LiveArtifact]:
    return [LiveArtifact(*row) for row in await connection.execute(due_query(due, limit, after, only))]


async def session_artifacts(connection: AsyncConnection, session_id: UUID) -> list[LiveArtifact]:
    query = _live().where(artifacts.c.session_id == session_id).order_by(artifacts.c.storage_uri)
    return [LiveArtifact(*row) for row in await connection.execute(query)]


async def held_sessions(connection: AsyncConnection, among: Collection[UUID]) -> set[UUID]:
    """Those of the sessions that a hold keeps."""
    query = select(retention_holds.c.session_id).where(retention_holds.c.session_id.in_(among))
    return set((await connection.execute(query)).scalars())


async def backlog(connection: AsyncConnection, due: Due, *, enough: int, shares: int) -> Backlog:
    """`enough`: how many due ones are counted at most; `shares`: how many times as many live ones."""
    approval = await breaks.approval(connection)
    to_go = _to_go(due)
    oldest = (
        select(artifacts.c.retention_until)
        .select_from(_WITH_DEFERRALS)
        .where(to_go)
        .order_by(artifacts.c.retention_until, artifacts.c.id)
        .limit(1)
        .scalar_subquery()
    )
    fresh = to_go if approval is None else and_(to_go, ~_covered(approval))
    counted = _count_up_to(_WITH_DEFERRALS, fresh, enough)
    newest = [
        select(func.max(audit_sessions.c.created_at)).where(audit_sessions.c.status == status).scalar_subquery()
        for status in SessionStatus  # each is one step into ix_audit_sessions_status_created_at
    ]
    row = (await connection.execute(select(counted, oldest, func.greatest(*newest)))).one()
    live = 0
    if row[0]:
        live = (
            await connection.execute(
                select(_count_up_to(artifacts, artifacts.c.deleted_at.is_(None), row[0] * shares + 1))
            )
        ).scalar_one()
    return Backlog(row[0], live, row[1], row[2], approval)


def _count_up_to(of: FromClause, condition: ColumnElement[bool], most: int) -> ScalarSelect[int]:
    some = select(literal(1)).select_from(of).where(condition).limit(most).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
