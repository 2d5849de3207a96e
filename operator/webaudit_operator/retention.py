"""Expiry: due artifacts lose their object first and are marked afterwards, with a receipt. Knows rows and bucket alone.

A row is never marked while its object may exist. What fails stays due and is met again in the next pass.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from webaudit_capture.contract import RESULT_FILE, EventType
from webaudit_operator.blobs import Blobs, BlobsMisconfigured, BlobsUnavailable, Deletion
from webaudit_operator.clock import Clock
from webaudit_operator.store.errors import SessionMissing, StoreMisconfigured, StoreUnavailable
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import BlobRef, DueCursor, LiveArtifact, LogEvent, Receipt

log = structlog.get_logger(__name__)

CONCURRENCY = 8
"""Deletions at once; as many as the bucket's client has threads."""
BRAKE_AFTER = 5
"""Failures in a row after which the bucket counts as ill and the pass ends."""
LONGEST_PAUSE = 600.0
"""Seconds between passes while bucket or database are away."""

EXPIRED = "expired"
SESSION_DELETED = "session_deleted"


class EvidenceRemains(Exception):
    """Objects of a session are left (held in the bucket, or not deletable now): what waits for them goes on waiting."""


@dataclass(slots=True)
class Pass:
    """What one pass did, by artifact. `braked` says that it ended early because the bucket is ill."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """deleted, already_absent, held, failed"""
    braked: bool = False


@dataclass(slots=True)
class Brake:
    """Tells one bad object from a bucket that is ill: only failures in a row count."""

    limit: int = BRAKE_AFTER
    in_a_row: int = 0

    def succeeded(self) -> None:
        self.in_a_row = 0

    def failed(self) -> None:
        self.in_a_row += 1

    @property
    def on(self) -> bool:
        return self.in_a_row >= self.limit


def capture_result(name: str) -> str:
    """The `result.json` beside an artifact."""
    return f"{name.rpartition('/')[0]}/{RESULT_FILE}"


def finished_captures(gone: Iterable[LiveArtifact]) -> dict[UUID, list[LiveArtifact]]:
    """Captures, by page id, of which nothing is left once these artifacts are marked deleted."""
    by_page: dict[UUID, list[LiveArtifact]] = {}
    for artifact in gone:
        by_page.setdefault(artifact.page_id, []).append(artifact)
    return {page: members for page, members in by_page.items() if len(members) >= members[0].live_in_capture}


def parse_place(artifact: LiveArtifact, bucket: str) -> BlobRef:
    """Where its object lies. Raises ValueError when that is not a generation in this bucket."""
    ref = BlobRef.parse(artifact.storage_uri)
    if ref.bucket != bucket:
        raise ValueError(f'it lies in bucket "{ref.bucket}", this operator works on "{bucket}"')
    return ref


async def run_once(
    store: Store, blobs: Blobs, now: datetime, *, batch: int, confirm: Callable[[], datetime] | None = None
) -> Pass:
    """One pass over everything due at `now`, oldest first. `confirm` gives the time of each deletion, else `now`.

    Raises StoreUnavailable or StoreMisconfigured; an ill bucket only ends the pass.
    """
    done = Pass()
    brake = Brake()
    cursor: DueCursor | None = None
    while not brake.on:
        due = await store.due_artifacts(now, batch, cursor)
        if not due:
            break
        receipts = await _delete(blobs, due, EXPIRED, brake, done, confirm or (lambda: now))
        await store.record_deletions(receipts)
        # Behind the last one, whatever became of it: what is left due does not block what comes after.
        last = due[-1]
        assert last.retention_until is not None
        cursor = DueCursor(last.retention_until, last.id)
    done.braked = brake.on
    return done


async def purge_session(store: Store, blobs: Blobs, session_id: UUID, *, prefix: str, clock: Clock) -> Pass:
    """Delete every object of a session, whatever its expiry: artifacts with receipts, then all else under `prefix`.

    Raises EvidenceRemains when something could not go, ValueError for a prefix that is not this session's own, and the
    errors of store and bucket. A repeat goes on where the last one ended.
    """
    if not prefix.endswith(f"__{session_id}/"):
        raise ValueError(f'"{prefix}" is not the prefix of session {session_id}')
    done = Pass()
    brake = Brake()
    live = await store.session_artifacts(session_id)
    receipts = await _delete(blobs, live, SESSION_DELETED, brake, done, clock.now)
    await store.record_deletions(receipts)
    done.braked = brake.on
    left = done.outcomes["held"] + len(live) - len(receipts)
    if left:
        raise EvidenceRemains(f"{left} artifacts of session {session_id} could not be deleted ({_told(done)})")
    async for blob in blobs.list(prefix):
        if await blobs.delete(blob.name, blob.generation) is Deletion.HELD:
            raise EvidenceRemains(f"{blob.name} is held in the bucket")
    await _note_purge(store, session_id, clock.now())
    return done


async def loop(
    store: Store,
    blobs: Blobs,
    *,
    clock: Clock,
    stop: asyncio.Event,
    interval: float,
    batch: int,
    on_pass: Callable[[Pass], None] = lambda _: None,
) -> None:
    """Passes with `interval` seconds in between, longer while bucket or database are away, until `stop` is set."""
    pause = interval
    while not stop.is_set():
        well = False
        try:
            done = await run_once(store, blobs, clock.now(), batch=batch, confirm=clock.now)
        except (StoreUnavailable, StoreMisconfigured) as error:
            log.warning("retention waits", reason=str(error))
        else:
            on_pass(done)
            well = not done.braked
            if done.outcomes:
                log.info("retention pass", braked=done.braked, **done.outcomes)
        pause = interval if well else min(pause * 2, max(LONGEST_PAUSE, interval))
        await _sleep_or_stop(clock, stop, pause)


async def _delete(
    blobs: Blobs,
    artifacts: Sequence[LiveArtifact],
    rule: str,
    brake: Brake,
    done: Pass,
    clock: Callable[[], datetime],
) -> list[Receipt]:
    """Receipts of what is certain. Nothing is raised: what fails is counted and has no receipt."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(artifact: LiveArtifact) -> Receipt | None:
        async with slots:
            requested = clock()
            outcome = await _delete_object(blobs, artifact, brake)
        return None if outcome is None else Receipt(artifact, outcome, rule, requested, clock())

    receipts = [receipt for receipt in await asyncio.gather(*map(one, artifacts)) if receipt is not None]
    gone = [receipt.artifact for receipt in receipts if receipt.outcome is not Deletion.HELD]
    unfinished: set[UUID] = set()
    for page, members in finished_captures(gone).items():
        if not await _delete_result(blobs, members[0], brake):
            unfinished.update(artifact.id for artifact in members)
            log.warning("result.json stays, and its last artifacts stay due", page=str(page))
    certain = [receipt for receipt in receipts if receipt.artifact.id not in unfinished]
    done.outcomes.update(receipt.outcome.value for receipt in certain)
    if failed := len(artifacts) - len(certain):
        done.outcomes["failed"] += failed
    return certain


async def _delete_object(blobs: Blobs, artifact: LiveArtifact, brake: Brake) -> Deletion | None:
    """None when it is not certain that the object is gone, or held."""
    if brake.on:
        return None
    try:
        ref = parse_place(artifact, blobs.bucket)
    except ValueError as error:
        log.error("artifact cannot be deleted", artifact=str(artifact.id), reason=str(error))
        return None
    try:
        outcome = await blobs.delete(ref.name, ref.generation)
    except (BlobsUnavailable, BlobsMisconfigured) as error:
        brake.failed()
        log.warning("artifact stays due", artifact=str(artifact.id), object=ref.name, reason=str(error))
        return None
    brake.succeeded()
    return outcome


async def _delete_result(blobs: Blobs, artifact: LiveArtifact, brake: Brake) -> bool:
    """Before the rows are marked: afterwards nothing would remember it."""
    if brake.on:
        return False
    name = capture_result(parse_place(artifact, blobs.bucket).name)
    try:
        found = await blobs.stat(name)
        outcome = Deletion.ALREADY_ABSENT if found is None else await blobs.delete(name, found.generation)
    except (BlobsUnavailable, BlobsMisconfigured) as error:
        brake.failed()
        log.warning("result stays", object=name, reason=str(error))
        return False
    brake.succeeded()
    return outcome is not Deletion.HELD


async def _note_purge(store: Store, session_id: UUID, at: datetime) -> None:
    purged = LogEvent(
        key="evidence_purged",
        event="evidence_purged",
        event_type=EventType.ARTIFACT,
        message="every object of the session was deleted with its resource",
        timestamp=at,
        details={},  # the receipts count: a purge that was cut off and repeated saw only the rest
    )
    try:
        await store.log(session_id, [purged])
    except SessionMissing:
        log.info("purged a session without a row", session=str(session_id))


def _told(done: Pass) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.outcomes.items())) or "none tried"


async def _sleep_or_stop(clock: Clock, stop: asyncio.Event, seconds: float) -> None:
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, stopping):
            task.cancel()
        await asyncio.gather(sleeping, stopping, return_exceptions=True)
