"""Captures whose artifacts are all marked deleted, until nothing of them is left. Called inside a transaction.

`result.json` has no row, so this is what remembers it: written with the last receipt, gone with the object.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_operator.store.rows import BlobRef, Leftover
from webaudit_operator.store.tables import artifacts, audit_pages, retention_leftovers


def prefix_of(storage_uri: str) -> str | None:
    """Where the capture's objects lie; None when the artifact's is no object."""
    try:
        return BlobRef.parse(storage_uri).name.rpartition("/")[0] + "/"
    except ValueError:
        return None


async def lock_pages(connection: AsyncConnection, pages: Collection[UUID]) -> None:
    """Before any of their artifacts is marked or unmarked: of two recorders of one capture's last artifacts the second
    sees what the first has marked. In the order of their ids, and before artifacts, so that nobody dead-locks.
    """
    table = audit_pages.c
    query = select(table.id).where(table.id.in_(pages)).order_by(table.id).with_for_update(key_share=True)
    await connection.execute(query)


async def remember(
    connection: AsyncConnection, prefixes: Mapping[UUID, str | None], at: datetime
) -> tuple[Leftover, ...]:
    """Those of the captures, by page id, that have no live artifact any more. Their pages' rows are locked."""
    page = audit_pages.c
    # session_id as well: it is the column that has an index
    live = exists().where(
        artifacts.c.session_id == page.session_id, artifacts.c.page_id == page.id, artifacts.c.deleted_at.is_(None)
    )
    finished = (await connection.execute(select(page.id).where(page.id.in_(prefixes), ~live))).scalars()
    found = tuple(Leftover(each, prefix) for each in finished if (prefix := prefixes[each]) is not None)
    if found:
        rows = [{"page_id": each.page_id, "prefix": each.prefix, "retry_at": at} for each in found]
        await connection.execute(insert(retention_leftovers).on_conflict_do_nothing(), rows)
    return found


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[Leftover]:
    table = retention_leftovers.c
    query = select(table.page_id, table.prefix, table.tries).where(table.retry_at <= now).order_by(table.page_id)
    return [Leftover(*row) for row in await connection.execute(query.limit(limit))]


async def settle(
    connection: AsyncConnection, done: Collection[UUID], put_off: Collection[UUID], retry_at: datetime
) -> None:
    table = retention_leftovers.c
    if done:
        await connection.execute(delete(retention_leftovers).where(table.page_id.in_(done)))
    if put_off:
        again = update(retention_leftovers).where(table.page_id.in_(put_off))
        await connection.execute(again.values(tries=table.tries + 1, retry_at=retry_at))


async def forget(connection: AsyncConnection, session_id: UUID) -> None:
    pages = select(audit_pages.c.id).where(audit_pages.c.session_id == session_id)
    await connection.execute(delete(retention_leftovers).where(retention_leftovers.c.page_id.in_(pages)))
