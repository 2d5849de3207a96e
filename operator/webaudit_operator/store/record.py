"""The record: one method per thing that happens, each one short transaction that may be repeated.

Every method raises StoreUnavailable or StoreMisconfigured. No SQL here, no Kubernetes, no bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from alembic.migration import MigrationContext

from webaudit_operator.store import captures, deletions, logs, sessions
from webaudit_operator.store.engine import Database
from webaudit_operator.store.errors import SessionMissing, StoreMisconfigured, StoreUnavailable, place
from webaudit_operator.store.migrate import head, is_current
from webaudit_operator.store.rows import (
    CaptureRow,
    DueCursor,
    LiveArtifact,
    LogEvent,
    OpenSession,
    PageKey,
    Receipt,
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

    async def due_artifacts(self, now: datetime, limit: int, after: DueCursor | None = None) -> list[LiveArtifact]:
        """Live artifacts whose time has come, oldest first, behind the cursor."""
        async with self._database.transaction() as connection:
            return await deletions.due_artifacts(connection, now, limit, after)

    async def session_artifacts(self, session_id: UUID) -> list[LiveArtifact]:
        """Live artifacts of one session; empty also for a session without a row."""
        async with self._database.transaction() as connection:
            return await deletions.session_artifacts(connection, session_id)

    async def record_deletions(self, receipts: Sequence[Receipt]) -> int:
        """Mark rows deleted and write the receipts; returns how many rows were marked.

        A marked row gets no second receipt, and a held one only one however often it is met.
        """
        async with self._database.transaction() as connection:
            return await deletions.record_deletions(connection, receipts)
