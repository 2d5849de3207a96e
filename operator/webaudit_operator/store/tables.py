"""The tables of docs/db-schema.md as SQLAlchemy Core sees them. No queries here.

The migrations make the schema; a test compares these tables, the migrated database and the document.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    FromClause,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from webaudit_capture.contract import ArtifactType, EventType, LogLevel, Mode, PageType, Viewport
from webaudit_operator.store.rows import PageStatus, RetentionPolicy, SessionStatus
from webaudit_operator.store.types import PageJson, PageText

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _enum(kind: type[StrEnum], name: str) -> Enum:
    """A native enum that stores the members' values."""
    return Enum(
        kind,
        name=name,
        metadata=metadata,
        values_callable=lambda members: [member.value for member in members],
    )


session_status = _enum(SessionStatus, "audit_session_status_enum")
audit_mode = _enum(Mode, "audit_mode_enum")
retention_policy = _enum(RetentionPolicy, "retention_policy_enum")
page_type = _enum(PageType, "page_type_enum")
viewport = _enum(Viewport, "viewport_enum")
page_status = _enum(PageStatus, "page_status_enum")
artifact_type = _enum(ArtifactType, "artifact_type_enum")
log_level = _enum(LogLevel, "log_level_enum")
event_type = _enum(EventType, "event_type_enum")

_TIME = DateTime(timezone=True)


def _session_id() -> Column[object]:
    return Column("session_id", Uuid, ForeignKey("audit_sessions.id", ondelete="CASCADE"), nullable=False)


audit_sessions = Table(
    "audit_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("url", PageText, nullable=False),
    Column("status", session_status, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    Column("final_url", PageText),
    Column("mode", audit_mode, nullable=False),
    Column("retention_policy", retention_policy, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error_summary", PageText),
    Column("crawl_policy_version", PageText, nullable=False),
    Column("config_snapshot", PageJson, nullable=False),
    Column("low_confidence", Boolean, nullable=False, server_default=text("false")),
    Column("pdp_url", PageText),
    Index("ix_audit_sessions_status_created_at", "status", "created_at"),
    Index("ix_audit_sessions_crawl_policy_version", "crawl_policy_version"),
)


def site_of(sessions: FromClause) -> ColumnElement[str]:
    """The host of a session's URL without `www.` and port: what the names of its objects begin with."""
    authority = func.split_part(sessions.c.url, text("'/'"), text("3"))
    parts = text(r"'^www\.|\.?(:[0-9]+)?$'")
    return func.regexp_replace(authority, parts, text("''"), text("'g'"))


audit_pages = Table(
    "audit_pages",
    metadata,
    Column("id", Uuid, primary_key=True),
    _session_id(),
    Column("page_type", page_type, nullable=False),
    Column("viewport", viewport, nullable=False),
    Column("status", page_status, nullable=False),
    Column("load_timings", PageJson, nullable=False),
    Column("low_confidence_reasons", PageJson, nullable=False),
    Index("ix_audit_pages_session_page_viewport", "session_id", "page_type", "viewport"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", Uuid, primary_key=True),
    _session_id(),
    Column("page_id", Uuid, ForeignKey("audit_pages.id", ondelete="CASCADE"), nullable=False),
    Column("type", artifact_type, nullable=False),
    Column("storage_uri", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    Column("retention_until", _TIME),
    Column("deleted_at", _TIME),
    Column("checksum", Text),
    Index("ix_artifacts_session_type", "session_id", "type"),
)
Index(
    "ix_artifacts_due",
    artifacts.c.retention_until,
    artifacts.c.id,
    postgresql_where=artifacts.c.deleted_at.is_(None) & artifacts.c.retention_until.is_not(None),
)

crawl_logs = Table(
    "crawl_logs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _session_id(),
    Column("level", log_level, nullable=False),
    Column("event_type", event_type, nullable=False),
    Column("message", PageText, nullable=False),
    Column("details", PageJson, nullable=False),
    Column("timestamp", _TIME, nullable=False, server_default=func.now()),
    Index("ix_crawl_logs_session_timestamp", "session_id", "timestamp"),
)

# --- what retention remembers of its own (migration 0003)

retention_holds = Table(
    "retention_holds",
    metadata,
    # No foreign key: a hold may come before the session's row does, and outlives it.
    Column("session_id", Uuid, primary_key=True),
    Column("reason", PageText, nullable=False),
    Column("source", Text, nullable=False),
    Column("placed_at", _TIME, nullable=False),
    Column("released_at", _TIME),
)

retention_deferrals = Table(
    "retention_deferrals",
    metadata,
    Column("artifact_id", Uuid, ForeignKey("artifacts.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("reason", PageText, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("first_at", _TIME, nullable=False),
    Column("retry_at", _TIME, nullable=False),
)

retention_leftovers = Table(
    "retention_leftovers",
    metadata,
    # Captures whose artifacts are all marked deleted, and whose other objects may still be there.
    Column("page_id", Uuid, ForeignKey("audit_pages.id", ondelete="CASCADE"), primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("retry_at", _TIME, nullable=False),
)

retention_breaks = Table(
    "retention_breaks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("due_count", BigInteger, nullable=False),
    Column("due_until", _TIME, nullable=False),
    Column("broke_at", _TIME, nullable=False),
    Column("ended_at", _TIME),
    Column("ended_as", Text),
)
Index(
    "ix_retention_breaks_open",
    retention_breaks.c.ended_at.is_(None),
    unique=True,
    postgresql_where=retention_breaks.c.ended_at.is_(None),
)

orphan_receipts = Table(
    "orphan_receipts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("object", PageText, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("crc32c", Text, nullable=False),
    Column("object_created_at", _TIME, nullable=False),
    Column("requested_at", _TIME, nullable=False),
    Column("confirmed_at", _TIME, nullable=False),
    Column("outcome", Text, nullable=False),
)

Index("ix_artifacts_live", artifacts.c.session_id, postgresql_where=artifacts.c.deleted_at.is_(None))
Index(
    "ix_audit_sessions_site",
    site_of(audit_sessions),
    audit_sessions.c.created_at,
    postgresql_where=text("status = 'completed'"),
)
