"""When an artifact expires: the table of the crawl policy, applied. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from webaudit_capture.contract import ArtifactType
from webaudit_capture.policy import Retention
from webaudit_operator.store.rows import RetentionPolicy


def retention_until(
    kind: ArtifactType, created_at: datetime, policy: RetentionPolicy, retention: Retention
) -> datetime | None:
    """The moment from which the artifact may be deleted; None keeps it for good."""
    rule = {
        RetentionPolicy.SHORT: retention.short,
        RetentionPolicy.STANDARD: retention.standard,
        RetentionPolicy.LONG: retention.long,
    }[policy]
    days = rule.html_gz_days if kind is ArtifactType.HTML_GZ else rule.evidence_days
    return None if days is None else created_at + timedelta(days=days)
