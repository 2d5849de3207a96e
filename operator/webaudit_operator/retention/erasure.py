"""The only place where artifacts lose their objects. Writes nothing down: what is certain is returned as receipts.

An object goes by its recorded generation, so a newer one under its name stays; one that is gone already is success.
Whatever is not certain is no receipt, so its row stays and is met again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from webaudit_operator.blobs import Blobs, BlobsMisconfigured, BlobsUnavailable, Deletion, Generation, Removal
from webaudit_operator.retention.brake import Brake, retry_failed, retry_held
from webaudit_operator.store.rows import BlobRef, Deferral, DeferralKind, LiveArtifact, Receipt

log = structlog.get_logger(__name__)

EXPIRED = "expired"
SESSION_DELETED = "session_deleted"


@dataclass(slots=True)
class Erased:
    """What became of some artifacts; of those in neither list nothing is known, because the bucket did not answer."""

    receipts: list[Receipt] = field(default_factory=list)
    deferrals: list[Deferral] = field(default_factory=list)
    unanswered: str | None = None
    """Why the bucket as a whole did not answer."""


def place_of(artifact: LiveArtifact, bucket: str) -> Generation:
    """Where its object lies. Raises ValueError when that is not a generation in this bucket."""
    ref = BlobRef.parse(artifact.storage_uri)
    if ref.bucket != bucket:
        raise ValueError(f'it lies in bucket "{ref.bucket}", this operator works on "{bucket}"')
    return Generation(ref.name, ref.generation)


async def erase(
    blobs: Blobs, artifacts: Sequence[LiveArtifact], rule: str, brake: Brake, clock: Callable[[], datetime]
) -> Erased:
    """Delete the objects of at most BATCH_LIMIT artifacts in one call. Nothing is raised for what the bucket says."""
    erased = Erased()
    doomed: list[tuple[LiveArtifact, Generation]] = []
    for artifact in artifacts:
        try:
            doomed.append((artifact, place_of(artifact, blobs.bucket)))
        except ValueError as error:
            erased.deferrals.append(_failed(artifact, str(error), clock()))
    if not doomed:
        return erased
    requested = clock()
    try:
        removals = await blobs.delete([generation for _, generation in doomed])
    except (BlobsUnavailable, BlobsMisconfigured) as error:
        brake.ill()
        log.warning("artifacts stay due", artifacts=len(doomed), reason=str(error))
        erased.unanswered = str(error)
        return erased
    confirmed = clock()
    for (artifact, _), removal in zip(doomed, removals, strict=True):
        if removal.outcome is None:
            brake.failed()
            erased.deferrals.append(_failed(artifact, removal.reason, confirmed))
            continue
        brake.succeeded()
        if removal.outcome is Deletion.HELD:
            erased.deferrals.append(_held(artifact, removal, confirmed))
        else:
            erased.receipts.append(Receipt(artifact, removal.outcome, rule, requested, confirmed))
    return erased


def _failed(artifact: LiveArtifact, reason: str, now: datetime) -> Deferral:
    retry_at = retry_failed(now, artifact.tries)
    log.warning("artifact stays due", artifact=str(artifact.id), object=artifact.storage_uri, reason=reason)
    return Deferral(artifact, DeferralKind.FAILED, reason, retry_at)


def _held(artifact: LiveArtifact, removal: Removal, now: datetime) -> Deferral:
    return Deferral(artifact, DeferralKind.HELD, removal.reason, retry_held(now, removal.until))
