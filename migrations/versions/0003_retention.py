"""What retention remembers of its own: holds, what is put off, what is left to do, what its breaker met, orphans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("orphan_receipts", "retention_breaks", "retention_leftovers", "retention_deferrals", "retention_holds")
SITE = r"regexp_replace(split_part(url, '/', 3), '^www\.|\.?(:[0-9]+)?$', '', 'g')"
"""The host without `www.` and port, of a URL as the operator normalises it."""


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.TIMESTAMP(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "retention_holds",
        # No foreign key: a hold may come before the session's row does, and outlives it.
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        _time("placed_at"),
        _time("released_at", nullable=True),
        sa.PrimaryKeyConstraint("session_id", name="pk_retention_holds"),
    )
    op.create_table(
        "retention_deferrals",
        sa.Column("artifact_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        _time("first_at"),
        _time("retry_at"),
        sa.PrimaryKeyConstraint("artifact_id", name="pk_retention_deferrals"),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name="fk_retention_deferrals_artifact_id_artifacts", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "retention_leftovers",
        sa.Column("page_id", sa.Uuid, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default=sa.text("0")),
        _time("retry_at"),
        sa.PrimaryKeyConstraint("page_id", name="pk_retention_leftovers"),
        sa.ForeignKeyConstraint(
            ["page_id"], ["audit_pages.id"], name="fk_retention_leftovers_page_id_audit_pages", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "retention_breaks",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("due_count", sa.BigInteger, nullable=False),
        _time("due_until"),
        _time("broke_at"),
        _time("ended_at", nullable=True),
        sa.Column("ended_as", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_retention_breaks"),
    )
    # At most one is open.
    op.create_index(
        "ix_retention_breaks_open",
        "retention_breaks",
        [sa.text("(ended_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "orphan_receipts",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("crc32c", sa.Text, nullable=False),
        _time("object_created_at"),
        _time("requested_at"),
        _time("confirmed_at"),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orphan_receipts"),
    )
    op.create_index("ix_artifacts_live", "artifacts", ["session_id"], postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_index(
        "ix_audit_sessions_site",
        "audit_sessions",
        [sa.text(SITE), "created_at"],
        postgresql_where=sa.text("status = 'completed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_sessions_site", "audit_sessions")
    op.drop_index("ix_artifacts_live", "artifacts")
    for table in TABLES:
        op.drop_table(table)
