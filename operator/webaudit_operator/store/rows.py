"""What callers hand to the record and get back: plain frozen values, no SQL.

The ids of pages and artifacts are made here, so that a repeated write meets its own row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from webaudit_capture.contract import (
    ArtifactType,
    CaptureEvent,
    EventType,
    LogLevel,
    Mode,
    PageType,
    Viewport,
)
from webaudit_capture.policy import Retention
from webaudit_operator.blobs import Deletion


class SessionStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    PARTIAL = "partial"

    @property
    def terminal(self) -> bool:
        """Whether a session in this state never changes again."""
        return self not in (SessionStatus.QUEUED, SessionStatus.RUNNING)


class RetentionPolicy(StrEnum):
    STANDARD = "standard"
    SHORT = "short"
    LONG = "long"


class PageStatus(StrEnum):
    OK = "ok"
    FAILED = "failed"
    PENDING = "pending"


class PageKey(NamedTuple):
    """One page type in one viewport; compares equal to the plain tuple."""

    page: PageType
    viewport: Viewport

    def __str__(self) -> str:
        return f"{self.page} {self.viewport}"


def page_id(session: UUID, page: PageKey) -> UUID:
    """`audit_pages.id`: UUIDv5 under the session's own id."""
    return uuid5(session, f"{page.page}/{page.viewport}")


def artifact_id(session: UUID, page: PageKey, kind: ArtifactType) -> UUID:
    """`artifacts.id`: UUIDv5 under the session's own id."""
    return uuid5(session, f"{page.page}/{page.viewport}/{kind}")


@dataclass(frozen=True, slots=True)
class BlobRef:
    """One generation of one object: what a `storage_uri` names."""

    bucket: str
    name: str
    generation: int

    @property
    def uri(self) -> str:
        return f"gs://{self.bucket}/{self.name}#{self.generation}"

    @classmethod
    def parse(cls, uri: str) -> BlobRef:
        """Raises ValueError when the text is not `gs://bucket/object#generation`."""
        scheme, _, rest = uri.partition("://")
        place, _, generation = rest.rpartition("#")
        bucket, _, name = place.partition("/")
        if scheme != "gs" or not bucket or not name or not (generation.isascii() and generation.isdigit()):
            raise ValueError(f'"{uri}" is not gs://bucket/object#generation')
        return cls(bucket, name, int(generation))


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it is admitted to the record: everything that never changes afterwards.

    Raises ValueError when the snapshot lacks the retention section.
    """

    id: UUID
    url: str
    mode: Mode
    retention_policy: RetentionPolicy
    crawl_policy_version: str
    config_snapshot: Mapping[str, Any]
    """`CrawlPolicy.model_dump(mode="json")` of the resolved policy; `retention` in it decides expiry."""
    created_at: datetime
    pages: tuple[PageKey, ...]

    def __post_init__(self) -> None:
        # Without it no artifact's expiry could be computed, long after there was anyone to ask.
        Retention.model_validate(self.config_snapshot.get("retention"))


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """An artifact that was checked against the bucket; the generation is the bucket's own."""

    type: ArtifactType
    blob: BlobRef
    size_bytes: int
    sha256: str
    """Lower-case hex, without prefix."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CaptureRow:
    """The outcome of one page in one viewport, ready to be written in one transaction."""

    page: PageKey
    status: PageStatus
    """`ok` or `failed`; `pending` is refused."""
    finished_at: datetime
    load_timings: Mapping[str, Any] = field(default_factory=dict)
    low_confidence_reasons: tuple[Mapping[str, Any], ...] = ()
    """Each {code, detail}."""
    artifacts: tuple[ArtifactRow, ...] = ()
    events: tuple[CaptureEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One `crawl_logs` row that the operator writes. `event` becomes `details.event`, `key` `details.key`."""

    key: str
    """Names the happening within its session: a second event with the same key is not written."""
    event: str
    message: str
    timestamp: datetime
    event_type: EventType = EventType.NAVIGATION
    level: LogLevel = LogLevel.INFO
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that the record still has as queued or running."""

    id: UUID
    url: str
    status: SessionStatus
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class LiveArtifact:
    """An artifact row that is not marked deleted."""

    id: UUID
    session_id: UUID
    page_id: UUID
    type: ArtifactType
    storage_uri: str
    size_bytes: int
    checksum: str | None
    retention_until: datetime | None
    tries: int = 0
    """Deletions of it that did not end with its object gone."""


@dataclass(frozen=True, slots=True)
class DeletedArtifact:
    """An artifact row that is marked deleted."""

    id: UUID
    session_id: UUID
    page_id: UUID
    type: ArtifactType
    storage_uri: str
    size_bytes: int
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Restoration:
    """The object of a deleted artifact is there again."""

    artifact: DeletedArtifact
    blob: BlobRef


class DueCursor(NamedTuple):
    """Where a walk over due artifacts stands; the next batch starts behind it."""

    retention_until: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Receipt:
    """One artifact's object is gone: `deleted` now, or `already_absent`."""

    artifact: LiveArtifact
    outcome: Deletion
    rule: str
    """Why it was to go: `expired` or `session_deleted`."""
    requested_at: datetime
    confirmed_at: datetime


class DeferralKind(StrEnum):
    """Why a due artifact is still there."""

    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deferral:
    """A due artifact that could not go, and when it is tried again."""

    artifact: LiveArtifact
    kind: DeferralKind
    reason: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person has let go after a break: what was due by then, and was there when it was approved."""

    due_until: datetime
    at: datetime
    """By the database's clock: ours may be the one that jumped."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a pass would meet. Counts end where the breaker has seen enough."""

    due: int
    """Artifacts that a pass would try to delete now, those that a person has approved apart."""
    live: int
    """All artifacts not marked deleted, counted only as far as the share needs it."""
    oldest_due: datetime | None
    newest_session: datetime | None
    """When the newest session of the record was created."""
    approval: Approval | None
    """The latest one that still lasts."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A capture whose artifacts are all marked deleted, and whose `result.json` may still be there."""

    page_id: UUID
    prefix: str
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What writing receipts came to."""

    marked: int
    leftovers: tuple[Leftover, ...]
    """Captures of which these were the last artifacts."""


class BreakReason(StrEnum):
    TOO_MANY = "too_many"
    TOO_LARGE_A_SHARE = "too_large_a_share"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Break:
    """Why retention stopped before its first deletion, and what it was about to delete."""

    reason: BreakReason
    message: str
    due_count: int
    due_until: datetime
    broke_at: datetime
