"""Rows as tests of the record and of retention need them: plausible, small, and the same every time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from webaudit_capture.contract import (
    ARTIFACT_FILES,
    ArtifactType,
    CaptureEvent,
    EventType,
    LogLevel,
    Mode,
    PageType,
    Viewport,
    capture_prefix,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator.store.rows import (
    ArtifactRow,
    BlobRef,
    CaptureRow,
    PageKey,
    PageStatus,
    RetentionPolicy,
    SessionRow,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SESSION = UUID("5e551000-0000-4000-8000-000000000001")
BUCKET = "evidence"
DOMAIN = "acme-shop.com"
HOME_DESKTOP = PageKey(PageType.HOMEPAGE, Viewport.DESKTOP)
PDP_MOBILE = PageKey(PageType.PDP, Viewport.MOBILE)
ALL_PAGES = tuple(PageKey(page, viewport) for page in PageType for viewport in Viewport)


def session_row(
    session_id: UUID = SESSION,
    *,
    retention: RetentionPolicy = RetentionPolicy.STANDARD,
    pages: tuple[PageKey, ...] = ALL_PAGES,
    created_at: datetime = NOW,
) -> SessionRow:
    policy = CrawlPolicy()
    return SessionRow(
        id=session_id,
        url=f"https://www.{DOMAIN}/",
        mode=Mode.STANDARD,
        retention_policy=retention,
        crawl_policy_version=policy.version,
        config_snapshot=policy.model_dump(mode="json"),
        created_at=created_at,
        pages=pages,
    )


def content(kind: ArtifactType) -> bytes:
    return f"the bytes of a {kind}".encode()


def object_name(session_id: UUID, page: PageKey, kind: ArtifactType) -> str:
    return capture_prefix(DOMAIN, str(session_id), page.page, page.viewport) + ARTIFACT_FILES[kind][0]


def artifact_row(
    page: PageKey,
    kind: ArtifactType,
    *,
    session_id: UUID = SESSION,
    generation: int = 1700000000000001,
    created_at: datetime = NOW,
) -> ArtifactRow:
    body = content(kind)
    return ArtifactRow(
        type=kind,
        blob=BlobRef(BUCKET, object_name(session_id, page, kind), generation),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        created_at=created_at,
    )


def capture_row(page: PageKey = HOME_DESKTOP, *, artifacts: tuple[ArtifactRow, ...] | None = None) -> CaptureRow:
    if artifacts is None:
        artifacts = tuple(artifact_row(page, kind) for kind in ArtifactType)
    return CaptureRow(
        page=page,
        status=PageStatus.OK,
        finished_at=NOW,
        load_timings={"navigation": {"start": 0, "duration_ms": 812, "outcome": "ok"}},
        artifacts=artifacts,
        events=(event("page_loaded"),),
    )


def event(name: str, **details: object) -> CaptureEvent:
    return CaptureEvent(
        timestamp=NOW,
        level=LogLevel.INFO,
        event_type=EventType.NAVIGATION,
        message=f"{name} happened",
        details={"event": name, **details},
    )
