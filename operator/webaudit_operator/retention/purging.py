"""A whole session at once, as `deletionPolicy: Delete` promises it: the same erasure, with the same receipts."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import structlog

from webaudit_capture.contract import EventType
from webaudit_operator.blobs import BATCH_LIMIT, Blobs, Generation
from webaudit_operator.clock import Clock
from webaudit_operator.retention.brake import Brake
from webaudit_operator.retention.erasure import SESSION_DELETED, erase
from webaudit_operator.store.errors import SessionMissing
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import LogEvent

log = structlog.get_logger(__name__)


class EvidenceRemains(Exception):
    """Objects of a session are left (held, or not deletable now): what waits for them goes on waiting."""


class EvidenceHeld(EvidenceRemains):
    """A hold keeps the session's evidence: nothing of it was touched."""


async def purge_session(store: Store, blobs: Blobs, session_id: UUID, *, prefix: str, clock: Clock) -> Counter[str]:
    """Delete every object of a session, whatever its expiry: artifacts with receipts, then all else under `prefix`.

    Returns what became of the artifacts. Raises EvidenceHeld under a hold, EvidenceRemains when something could not
    go, ValueError for a prefix that is not this session's own, and the errors of store and bucket. A repeat goes on
    where the last one ended.
    """
    if not prefix.endswith(f"__{session_id}/"):
        raise ValueError(f'"{prefix}" is not the prefix of session {session_id}')
    if await store.held_sessions([session_id]):
        raise EvidenceHeld(f"the evidence of session {session_id} is held")
    outcomes: Counter[str] = Counter()
    brake = Brake()
    live = await store.session_artifacts(session_id)
    reasons: list[str] = []
    gone = 0
    for start in range(0, len(live), BATCH_LIMIT):
        erased = await erase(blobs, live[start : start + BATCH_LIMIT], SESSION_DELETED, brake, clock.now)
        await store.record_deletions(erased.receipts, erased.deferrals, at=clock.now())
        gone += len(erased.receipts)
        outcomes.update(receipt.outcome.value for receipt in erased.receipts)
        reasons += [deferral.reason for deferral in erased.deferrals]
        reasons += [erased.unanswered] if erased.unanswered else []
    if gone < len(live):
        raise EvidenceRemains(f"{len(live) - gone} of {len(live)} artifacts could not be deleted: {reasons[0]}")
    await _delete_the_rest(blobs, prefix)
    await store.forget_leftovers(session_id)
    await _note_purge(store, session_id, clock)
    return outcomes


async def _delete_the_rest(blobs: Blobs, prefix: str) -> None:
    """What has no row: results, and artifacts of captures that never reached the record. Raises EvidenceRemains."""
    rest: list[Generation] = []

    async def delete() -> None:
        for generation, removal in zip(rest, await blobs.delete(rest) if rest else [], strict=True):
            if not removal.gone:
                raise EvidenceRemains(f"{generation.name} could not be deleted: {removal.reason}")
        rest.clear()

    async for blob in blobs.list(prefix):
        rest.append(Generation(blob.name, blob.generation))
        if len(rest) == BATCH_LIMIT:
            await delete()
    await delete()


async def _note_purge(store: Store, session_id: UUID, clock: Clock) -> None:
    purged = LogEvent(
        key="evidence_purged",
        event="evidence_purged",
        event_type=EventType.ARTIFACT,
        message="every object of the session was deleted with its resource",
        timestamp=clock.now(),
        details={},  # the receipts count: a purge that was cut off and repeated saw only the rest
    )
    try:
        await store.log(session_id, [purged])
    except SessionMissing:
        log.info("purged a session without a row", session=str(session_id))
