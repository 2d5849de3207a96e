"""What retention's breaker met: at most one open break, and how each ended. Called inside a transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_operator.store.rows import Approval, Break, BreakReason
from webaudit_operator.store.tables import retention_breaks

CLEARED = "cleared"
APPROVED = "approved"
APPROVAL_LASTS = timedelta(days=7)
"""Afterwards an approval covers nothing more: it was given for what was seen then."""
_OPEN = retention_breaks.c.ended_at.is_(None)
_COLUMNS = (
    retention_breaks.c.reason,
    retention_breaks.c.message,
    retention_breaks.c.due_count,
    retention_breaks.c.due_until,
    retention_breaks.c.broke_at,
)


async def keep(connection: AsyncConnection, broken: Break) -> bool:
    """An open break is brought up to date and keeps the time it began; True when none was open."""
    seen = {
        "reason": broken.reason,
        "message": broken.message,
        "due_count": broken.due_count,
        "due_until": broken.due_until,
    }
    updated = await connection.execute(update(retention_breaks).where(_OPEN).values(seen))
    if updated.rowcount:
        return False
    new = insert(retention_breaks).values({**seen, "broke_at": broken.broke_at})
    # Two operators at once, by mistake: one of them opens it.
    return bool((await connection.execute(new.on_conflict_do_nothing())).rowcount)


async def end(connection: AsyncConnection, how: str) -> Break | None:
    """By the database's clock: ours may be the one that jumped."""
    ended = update(retention_breaks).where(_OPEN).values(ended_at=func.now(), ended_as=how).returning(*_COLUMNS)
    return _read((await connection.execute(ended)).first())


async def open_one(connection: AsyncConnection) -> Break | None:
    return _read((await connection.execute(select(*_COLUMNS).where(_OPEN))).first())


async def approval(connection: AsyncConnection) -> Approval | None:
    """The latest one that still lasts."""
    table = retention_breaks.c
    lasting = (
        select(table.due_until, table.ended_at)
        .where(table.ended_as == APPROVED, table.ended_at > func.now() - APPROVAL_LASTS)
        .order_by(table.id.desc())
        .limit(1)
    )
    found = (await connection.execute(lasting)).first()
    return Approval(*found) if found else None


def _read(row: Row[str, str, int, datetime, datetime] | None) -> Break | None:
    if row is None:
        return None
    return Break(BreakReason(row[0]), row[1], row[2], row[3], row[4])
