"""The record: one method per thing that happens, each one short transaction that may be repeated.

Every method raises StoreUnavailable or StoreMisconfigured. No SQL here, no Kubernetes, no bucket.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alembic.migration import MigrationContext

from webaudit_operator.store import breaks, captures, deletions, leftovers, logs, rebuild, restorations, sessions
from webaudit_operator.store import due as due_rows
from webaudit_operator.store import plan as plans
from webaudit_operator.store.due import Due
from webaudit_operator.store.engine import Database
from webaudit_operator.store.errors import SessionMissing, StoreMisconfigured, StoreUnavailable, place
from webaudit_operator.store.migrate import head, is_current
from webaudit_operator.store.plan import By
from webaudit_operator.store.rebuild import Known, Told, Written
from webaudit_operator.store.rows import (
    Approval,
    Backlog,
    Break,
    CaptureRow,
    Deferral,
    DeletedArtifact,
    DueCursor,
    Leftover,
    LiveArtifact,
    LogEvent,
    OpenSession,
    PageKey,
    Receipt,
    Recorded,
    Restoration,
    SessionRow,
    SessionStatus,
)

__all__ = ["SessionMissing", "Store", "StoreMisconfigured", "StoreUnavailable"]


class Store:
    """A pool of its own; close it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def from_url(cls, url: str) -> Store:
        """Connects lazily. Raises StoreMisconfigured for a URL that names no PostgreSQL."""
        return cls(Database(url))

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._database.close()

    async def check(self) -> None:
        """Connect once and see that the schema is there and migrated far enough."""
        async with self._database.transaction() as connection:
            found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
        if not is_current(found):
            raise StoreMisconfigured(
                f"{place(self._database.url)}: the schema is at {found or 'no revision'}, this program needs "
                f"{head()}; run `webaudit-operator migrate`"
            )

    async def open_session(self, session: SessionRow) -> bool:
        """Write the session as `queued` and its pages as `pending`. False when it was there already."""
        async with self._database.transaction() as connection:
            return await sessions.open_session(connection, session)

    async def start_session(self, session_id: UUID, *, attempts: int, at: datetime) -> bool:
        """queued -> running, or a higher `attempts`. False when nothing changed. Raises SessionMissing."""
        async with self._database.transaction() as connection:
            return await sessions.start_session(connection, session_id, attempts, at)

    async def finish_capture(self, session: SessionRow, capture: CaptureRow) -> bool:
        """Take one page out of `pending`, with its artifacts and events. False when it was out already.

        Opens the session first when it has no row. Raises ValueError for a page the session does not have.
        """
        async with self._database.transaction() as connection:
            return await captures.finish_capture(connection, session, capture)

    async def close_session(
        self,
        session_id: UUID,
        *,
        status: SessionStatus,
        at: datetime,
        attempts: int | None = None,
        low_confidence: bool = False,
        final_url: str | None = None,
        pdp_url: str | None = None,
        error_summary: str | None = None,
    ) -> bool:
        """queued or running -> a terminal status; pages still pending become `failed`. False when it was so.

        `low_confidence` is also set when a page's row has a reason; `attempts` never goes down.
        Raises SessionMissing, and ValueError for a status that is not terminal.
        """
        if not status.terminal:
            raise ValueError(f"a session is not closed as {status}")
        async with self._database.transaction() as connection:
            return await sessions.close_session(
                connection,
                session_id,
                status=status,
                at=at,
                attempts=attempts,
                low_confidence=low_confidence,
                final_url=final_url,
                pdp_url=pdp_url,
                error_summary=error_summary,
            )

    async def log(self, session_id: UUID, events: Sequence[LogEvent]) -> int:
        """Write the events whose key is new to the session; returns how many. Raises SessionMissing."""
        async with self._database.transaction() as connection:
            return await logs.append_new(connection, session_id, events)

    async def pending_pages(self, session_id: UUID) -> set[PageKey]:
        """Pages not yet finished; empty also for a session without a row."""
        async with self._database.transaction() as connection:
            return await sessions.pending_pages(connection, session_id)

    async def open_sessions(self, before: datetime) -> list[OpenSession]:
        """Sessions created before this time that are still queued or running, oldest first."""
        async with self._database.transaction() as connection:
            return await sessions.open_sessions(connection, before)

    async def due_artifacts(
        self, due: Due, limit: int, after: DueCursor | None = None, *, only: Approval | None = None
    ) -> list[LiveArtifact]:
        """What is to go now, oldest first, behind the cursor; `only` leaves out what that does not cover."""
        async with self._database.transaction() as connection:
            return await due_rows.due_artifacts(connection, due, limit, after, only)

    async def backlog(self, due: Due, *, enough: int, shares: int) -> Backlog:
        """What a pass would meet, counted as far as the breaker needs it."""
        async with self._database.transaction() as connection:
            return await due_rows.backlog(connection, due, enough=enough, shares=shares)

    async def session_artifacts(self, session_id: UUID) -> list[LiveArtifact]:
        """Live artifacts of one session; empty also for a session without a row."""
        async with self._database.transaction() as connection:
            return await due_rows.session_artifacts(connection, session_id)

    async def held_sessions(self, among: Collection[UUID]) -> set[UUID]:
        """Those of the sessions that a hold keeps."""
        async with self._database.transaction() as connection:
            return await due_rows.held_sessions(connection, among)

    async def record_deletions(
        self, receipts: Sequence[Receipt], deferrals: Sequence[Deferral] = (), *, at: datetime
    ) -> Recorded:
        """Mark rows deleted, with receipts, and put off those that could not go.

        A marked row gets no second receipt, and only the first deferral of an artifact is an event.
        """
        async with self._database.transaction() as connection:
            return await deletions.record_deletions(connection, receipts, deferrals, at)

    async def leftovers(self, now: datetime, limit: int) -> list[Leftover]:
        """Captures of which something may be left although their artifacts are gone, those that wait left out."""
        async with self._database.transaction() as connection:
            return await leftovers.due(connection, now, limit)

    async def settle_leftovers(
        self, done: Collection[UUID], put_off: Collection[UUID] = (), *, retry_at: datetime
    ) -> None:
        """Forget those of which nothing is left, and put off the others."""
        async with self._database.transaction() as connection:
            await leftovers.settle(connection, done, put_off, retry_at)

    async def forget_leftovers(self, session_id: UUID) -> None:
        """Nothing of the session is left in the bucket."""
        async with self._database.transaction() as connection:
            await leftovers.forget(connection, session_id)

    async def keep_break(self, broken: Break) -> bool:
        """Have this break open, instead of the one that is; True when none was."""
        async with self._database.transaction() as connection:
            return await breaks.keep(connection, broken)

    async def end_break(self, how: str) -> Break | None:
        """End the open break as `approved` or `cleared`; returns what it was."""
        async with self._database.transaction() as connection:
            return await breaks.end(connection, how)

    async def plan(self, due: Due, span: timedelta, by: By) -> list[dict[str, Any]]:
        """What is due within `span`, by state and key: artifacts, bytes, first and last time."""
        async with self._database.transaction() as connection:
            return await plans.plan(connection, due, span, by)

    async def holds_within(self, due: Due, span: timedelta) -> list[dict[str, Any]]:
        """Who keeps what would go within `span`."""
        async with self._database.transaction() as connection:
            return await plans.holds_within(connection, due, span)

    async def receipts(self, session_id: UUID) -> list[dict[str, Any]]:
        """The receipts of a session's deletions. Raises SessionMissing for one that has no row."""
        async with self._database.transaction() as connection:
            found = await plans.receipts(connection, session_id)
            if not found and not await sessions.is_known(connection, session_id):
                raise SessionMissing(f"the record knows no session {session_id}")
            return found

    async def known(self, session_ids: Collection[UUID]) -> dict[UUID, Known]:
        """How much of these sessions is there; nothing of a session without a row."""
        async with self._database.transaction() as connection:
            return await rebuild.known(connection, session_ids)

    async def bring_back(self, told: Told, at: datetime) -> Written:
        """Add the rows of a session that are missing, and leave alone those that are there."""
        async with self._database.transaction() as connection:
            return await rebuild.bring_back(connection, told, at)

    async def deleted_artifacts(self, session_id: UUID) -> list[DeletedArtifact]:
        """What is marked deleted of a session. Raises SessionMissing for one that has no row."""
        async with self._database.transaction() as connection:
            found = await restorations.deleted_artifacts(connection, session_id)
            if not found and not await sessions.is_known(connection, session_id):
                raise SessionMissing(f"the record knows no session {session_id}")
            return found

    async def record_restorations(
        self, restorations_: Sequence[Restoration], *, until: datetime, by: str, at: datetime
    ) -> dict[UUID, datetime | None]:
        """Have artifacts live again, until `until` or their own later time; their new times, by id."""
        async with self._database.transaction() as connection:
            return await restorations.record(connection, restorations_, until=until, by=by, at=at)

    async def open_break(self) -> Break | None:
        async with self._database.transaction() as connection:
            return await breaks.open_one(connection)
