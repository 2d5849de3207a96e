"""The record as docs/db-schema.md has it: sessions, pages, artifacts, logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out here and not taken from the code: what has been migrated once must not change with the code.
ENUMS = {
    "audit_session_status_enum": ("queued", "running", "completed", "failed", "partial"),
    "audit_mode_enum": ("standard", "debug", "evidence_pack"),
    "retention_policy_enum": ("standard", "short", "long"),
    "page_type_enum": ("homepage", "pdp"),
    "viewport_enum": ("desktop", "mobile"),
    "page_status_enum": ("ok", "failed", "pending"),
    "artifact_type_enum": ("screenshot", "visible_text", "features_json", "html_gz"),
    "log_level_enum": ("info", "warn", "error"),
    "event_type_enum": ("navigation", "popup", "retry", "timeout", "error", "artifact"),
}


def _enum(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*ENUMS[name], name=name, create_type=False)


def _time(name: str, *, default_now: bool = False, nullable: bool = False) -> sa.Column[object]:
    default = sa.func.now() if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=default)


def _belongs_to(column: str, table: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{owner}.id"], name=f"fk_{table}_{column}_{owner}", ondelete="CASCADE")


def upgrade() -> None:
    for name, labels in ENUMS.items():
        op.execute(f"CREATE TYPE {name} AS ENUM ({', '.join(repr(label) for label in labels)})")

    op.create_table(
        "audit_sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("status", _enum("audit_session_status_enum"), nullable=False),
        _time("created_at", default_now=True),
        sa.Column("final_url", sa.Text),
        sa.Column("mode", _enum("audit_mode_enum"), nullable=False),
        sa.Column("retention_policy", _enum("retention_policy_enum"), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("error_summary", sa.Text),
        sa.Column("crawl_policy_version", sa.Text, nullable=False),
        sa.Column("config_snapshot", postgresql.JSONB, nullable=False),
        sa.Column("low_confidence", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("pdp_url", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_audit_sessions"),
    )
    op.create_index("ix_audit_sessions_status_created_at", "audit_sessions", ["status", "created_at"])
    op.create_index("ix_audit_sessions_crawl_policy_version", "audit_sessions", ["crawl_policy_version"])

    op.create_table(
        "audit_pages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("page_type", _enum("page_type_enum"), nullable=False),
        sa.Column("viewport", _enum("viewport_enum"), nullable=False),
        sa.Column("status", _enum("page_status_enum"), nullable=False),
        sa.Column("load_timings", postgresql.JSONB, nullable=False),
        sa.Column("low_confidence_reasons", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_pages"),
        _belongs_to("session_id", "audit_pages", "audit_sessions"),
    )
    op.create_index("ix_audit_pages_session_page_viewport", "audit_pages", ["session_id", "page_type", "viewport"])

    op.create_table(
        "artifacts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("page_id", sa.Uuid, nullable=False),
        sa.Column("type", _enum("artifact_type_enum"), nullable=False),
        sa.Column("storage_uri", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        _time("created_at", default_now=True),
        _time("retention_until", nullable=True),
        _time("deleted_at", nullable=True),
        sa.Column("checksum", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        _belongs_to("session_id", "artifacts", "audit_sessions"),
        _belongs_to("page_id", "artifacts", "audit_pages"),
    )
    op.create_index("ix_artifacts_session_type", "artifacts", ["session_id", "type"])

    op.create_table(
        "crawl_logs",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("level", _enum("log_level_enum"), nullable=False),
        sa.Column("event_type", _enum("event_type_enum"), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
        _time("timestamp", default_now=True),
        sa.PrimaryKeyConstraint("id", name="pk_crawl_logs"),
        _belongs_to("session_id", "crawl_logs", "audit_sessions"),
    )
    op.create_index("ix_crawl_logs_session_timestamp", "crawl_logs", ["session_id", "timestamp"])


def downgrade() -> None:
    for table in ("crawl_logs", "artifacts", "audit_pages", "audit_sessions"):
        op.drop_table(table)
    for name in ENUMS:
        op.execute(f"DROP TYPE {name}")
