"""An index for what retention asks all the time: which live artifacts are due, oldest first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # `id` makes the order total, so that a walk in batches can go on exactly where the last batch ended.
    op.create_index(
        "ix_artifacts_due",
        "artifacts",
        ["retention_until", "id"],
        postgresql_where=sa.text("deleted_at IS NULL AND retention_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_artifacts_due", "artifacts")
