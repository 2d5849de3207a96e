"""What retention will do and what it has done, as people ask for it. Reads only. Called inside a transaction."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Text, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_operator.store import due as due_rows
from webaudit_operator.store.due import Due
from webaudit_operator.store.rows import DeferralKind
from webaudit_operator.store.tables import (
    artifacts,
    audit_sessions,
    crawl_logs,
    retention_deferrals,
    retention_holds,
    site_of,
)


class By(StrEnum):
    """What a plan is broken down by."""

    POLICY = "policy"
    DOMAIN = "domain"
    TYPE = "type"


_KEYS = {
    By.POLICY: cast(audit_sessions.c.retention_policy, Text),
    By.DOMAIN: site_of(audit_sessions),
    By.TYPE: cast(artifacts.c.type, Text),
}


def _state(due: Due) -> Any:
    """Why an artifact goes or stays, the strongest reason first."""
    late, until = retention_deferrals.c, artifacts.c.retention_until
    waits = late.retry_at > due.now
    reasons = [
        (due_rows.is_held(), literal("held")),
        ((until <= due.now) & waits & (late.kind == DeferralKind.HELD), literal("held in the bucket")),
        ((until <= due.now) & waits, literal("put off")),
        (until <= due.now, literal("overdue")),
    ]
    if due.spare:
        reasons.insert(0, (artifacts.c.session_id.in_(due.spare), literal("held")))
    if due.keep_newest:
        reasons.insert(-1, (due_rows.is_newest(), literal("kept as newest")))
    return case(*reasons, else_=literal("coming"))


async def plan(connection: AsyncConnection, due: Due, span: timedelta, by: By) -> list[dict[str, Any]]:
    """What is due within `span`, by state and key: artifacts, bytes, first and last time."""
    key, state = _KEYS[by].label(by.value), _state(due).label("state")
    table = artifacts.c
    query = (
        select(
            state,
            key,
            func.count().label("artifacts"),
            cast(func.sum(table.size_bytes), artifacts.c.size_bytes.type).label("bytes"),
            func.min(table.retention_until).label("first_due"),
            func.max(table.retention_until).label("last_due"),
        )
        .select_from(artifacts)
        .join(audit_sessions, audit_sessions.c.id == table.session_id)
        .outerjoin(retention_deferrals, retention_deferrals.c.artifact_id == table.id)
        .where(due_rows.expired(due.now + span))
        .group_by(state, key)
        .order_by(func.min(table.retention_until), state, key)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def holds_within(connection: AsyncConnection, due: Due, span: timedelta) -> list[dict[str, Any]]:
    """Who keeps what would go within `span`."""
    hold = retention_holds.c
    query = (
        select(
            hold.session_id.label("session"),
            hold.reason,
            hold.source,
            hold.placed_at,
            func.count().label("artifacts"),
            cast(func.sum(artifacts.c.size_bytes), artifacts.c.size_bytes.type).label("bytes"),
        )
        .join(artifacts, artifacts.c.session_id == hold.session_id)
        .where(due_rows.expired(due.now + span))
        .group_by(*retention_holds.primary_key, hold.reason, hold.source, hold.placed_at)
        .order_by(hold.placed_at, hold.session_id)
    )
    return [dict(row) for row in (await connection.execute(query)).mappings()]


async def receipts(connection: AsyncConnection, session: UUID) -> list[dict[str, Any]]:
    """The receipts of one session's deletions, in the order they were written."""
    details = crawl_logs.c.details
    query = (
        select(details)
        .where(crawl_logs.c.session_id == session, details["event"].astext == "artifact_deleted")
        .order_by(crawl_logs.c.id)
    )
    return [
        {name: told for name, told in row.items() if name not in ("event", "key")}
        for row in (await connection.execute(query)).scalars()
    ]
