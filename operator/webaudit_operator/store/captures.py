"""The transaction that takes one page out of `pending`. Called inside a transaction of the record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from webaudit_capture.contract import EventType
from webaudit_capture.policy import Retention
from webaudit_operator.store import logs, sessions
from webaudit_operator.store.expiry import retention_until
from webaudit_operator.store.rows import (
    ArtifactRow,
    CaptureRow,
    LogEvent,
    PageStatus,
    SessionRow,
    artifact_id,
    page_id,
)
from webaudit_operator.store.tables import artifacts, audit_pages, audit_sessions

CHECKSUM_PREFIX = "sha256:"


async def finish_capture(connection: AsyncConnection, session: SessionRow, capture: CaptureRow) -> bool:
    """Write the page, its artifacts and its events, unless the page is done already."""
    if capture.status is PageStatus.PENDING:
        raise ValueError("a finished capture is ok or failed, not pending")
    await sessions.open_session(connection, session)
    page = page_id(session.id, capture.page)
    status = select(audit_pages.c.status).where(audit_pages.c.id == page).with_for_update()
    found = (await connection.execute(status)).scalar_one_or_none()
    if found is None:
        raise ValueError(f"session {session.id} has no page {capture.page.page}/{capture.page.viewport}")
    if found is not PageStatus.PENDING:
        return False
    await settle_page(connection, session, capture)
    if capture.artifacts:
        rows = await artifact_rows(connection, session, capture)
        await connection.execute(insert(artifacts), rows)
    own = [logs.capture_event_row(session.id, capture.page, event) for event in capture.events]
    uploads = [logs.event_row(session.id, uploaded(capture, artifact, session)) for artifact in capture.artifacts]
    await logs.append(connection, [*own, *uploads])
    return True


async def settle_page(connection: AsyncConnection, session: SessionRow, capture: CaptureRow) -> None:
    await connection.execute(
        update(audit_pages)
        .where(audit_pages.c.id == page_id(session.id, capture.page))
        .values(
            status=capture.status,
            load_timings=capture.load_timings,
            low_confidence_reasons=list(capture.low_confidence_reasons),
        )
    )


async def artifact_rows(connection: AsyncConnection, session: SessionRow, capture: CaptureRow) -> list[dict[str, Any]]:
    # What the row was opened with decides, not what the caller believes now: the record agrees with itself.
    table = audit_sessions.c
    frozen = select(table.retention_policy, table.config_snapshot["retention"]).where(table.id == session.id)
    policy, retention = (await connection.execute(frozen)).one()
    rule = Retention.model_validate(retention)
    return [
        {
            "id": artifact_id(session.id, capture.page, artifact.type),
            "session_id": session.id,
            "page_id": page_id(session.id, capture.page),
            "type": artifact.type,
            "storage_uri": artifact.blob.uri,
            "size_bytes": artifact.size_bytes,
            "created_at": artifact.created_at,
            "retention_until": retention_until(artifact.type, artifact.created_at, policy, rule),
            "checksum": CHECKSUM_PREFIX + artifact.sha256,
        }
        for artifact in capture.artifacts
    ]


def uploaded(capture: CaptureRow, artifact: ArtifactRow, session: SessionRow) -> LogEvent:
    page = capture.page
    return LogEvent(
        key=f"artifact_uploaded/{artifact_id(session.id, page, artifact.type)}",
        event="artifact_uploaded",
        event_type=EventType.ARTIFACT,
        message=f"{artifact.type} of {page.page} on {page.viewport} stored ({artifact.size_bytes} bytes)",
        timestamp=capture.finished_at,
        details={
            "outcome": "uploaded",
            "page": page.page,
            "viewport": page.viewport,
            "type": artifact.type,
            "object": artifact.blob.name,
            "generation": str(artifact.blob.generation),
            "size": artifact.size_bytes,
            "sha256": artifact.sha256,
        },
    )
