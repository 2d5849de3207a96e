"""How passes are made: the operator's settings, as retention knows them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from webaudit_operator.blobs import BATCH_LIMIT
from webaudit_operator.retention.breaker import Limits
from webaudit_operator.settings import RetentionSettings


@dataclass(frozen=True, slots=True)
class Rules:
    limits: Limits = field(default_factory=Limits)
    keep_newest: bool = False
    dry_run: bool = False
    batch: int = BATCH_LIMIT
    workers: int = 8
    rate: float = 500.0
    """Deletions per second, at most."""


def rules_of(settings: RetentionSettings) -> Rules:
    """The same for the operator's loop and for `retention run`."""
    return Rules(
        limits=Limits(
            max_artifacts=settings.retention_max_artifacts,
            max_share=settings.retention_max_share,
            max_skew=timedelta(seconds=settings.retention_max_clock_skew_seconds),
        ),
        keep_newest=settings.retention_keep_newest,
        dry_run=settings.retention_mode == "dry-run",
        batch=settings.retention_batch,
        workers=settings.retention_workers,
        rate=settings.retention_rate,
    )
