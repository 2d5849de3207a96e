"""One pass over everything that is due, and passes for ever. Acts through store and bucket alone.

A pass asks its breaker first, then goes oldest first, on many workers. What fails stays due, is put off, and blocks
nobody; a bucket that is ill ends the pass.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import structlog

from webaudit_operator.blobs import BATCH_LIMIT, Blobs, BlobsMisconfigured, BlobsUnavailable
from webaudit_operator.clock import Clock
from webaudit_operator.retention import breaker, leftovers
from webaudit_operator.retention.brake import Brake
from webaudit_operator.retention.breaker import Limits
from webaudit_operator.retention.erasure import EXPIRED, erase
from webaudit_operator.retention.pace import Pace
from webaudit_operator.retention.rules import Rules
from webaudit_operator.retention.together import together
from webaudit_operator.store.breaks import CLEARED
from webaudit_operator.store.due import Due
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import Approval, Backlog, Break, DueCursor, LiveArtifact

log = structlog.get_logger(__name__)

WOULD_DELETE = "would_delete"
"""The outcome of a dry run."""
Spare = Callable[[], frozenset[UUID]]
LONGEST_PAUSE = 600.0
"""Seconds between passes while bucket or database are away."""


@dataclass(slots=True)
class Pass:
    """What one pass did, by artifact."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """deleted, already_absent, held, failed; unanswered: the bucket was silent; would_delete: in a dry run"""
    backlog: Backlog | None = None
    """What it met."""
    broken: Break | None = None
    """Why the breaker let none of it go, or only what was approved."""
    newly_broken: bool = False
    braked: bool = False
    """It ended early because the bucket is ill."""


async def run_once(store: Store, blobs: Blobs, *, clock: Clock, rules: Rules, spare: Spare = frozenset) -> Pass:
    """One pass. `spare`, asked before each batch: sessions whose resource says that they are held.

    Raises StoreUnavailable or StoreMisconfigured; a bucket that is ill only ends the pass.
    """
    done = Pass()
    brake = Brake()
    due = Due(clock.now(), spare(), rules.keep_newest)
    done.backlog = backlog = await store.backlog(due, enough=rules.limits.enough, shares=rules.limits.shares)
    try:
        done.broken = await _ask_breaker(blobs, backlog, due.now, rules.limits)
    except (BlobsUnavailable, BlobsMisconfigured) as error:
        log.warning("retention waits for the bucket", reason=str(error))
        done.braked = True
        return done
    if rules.dry_run:
        done.outcomes[WOULD_DELETE] = backlog.due
        return done
    only: Approval | None = None
    if done.broken is not None:
        done.newly_broken = await store.keep_break(done.broken)
        only = backlog.approval
    else:
        await store.end_break(CLEARED)
    while not brake.on and (left := await store.leftovers(due.now, BATCH_LIMIT)):
        await leftovers.clear(store, blobs, left, brake, clock.now())
    if backlog.oldest_due is not None and (done.broken is None or only is not None):
        await _Walk(store, blobs, due, spare, only, rules, brake, clock, done).to_the_end()
    done.braked = brake.on
    return done


async def _ask_breaker(blobs: Blobs, backlog: Backlog, now: datetime, limits: Limits) -> Break | None:
    if backlog.due == 0:
        return None
    return breaker.decide(backlog, now=now, bucket_time=await blobs.time(), limits=limits)


class _Walk:
    """Workers that take the due artifacts batch by batch, each one deleting and writing down its own."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        due: Due,
        spare: Spare,
        only: Approval | None,
        rules: Rules,
        brake: Brake,
        clock: Clock,
        done: Pass,
    ) -> None:
        self._store, self._blobs, self._due, self._spare, self._only = store, blobs, due, spare, only
        self._rules, self._brake, self._clock, self._done = rules, brake, clock, done
        self._pace = Pace(rules.rate, clock)
        self._turn = asyncio.Lock()
        self._cursor: DueCursor | None = None
        self._at_end = False

    async def to_the_end(self) -> None:
        """The first worker that raises ends the others."""
        await together(self._work() for _ in range(self._rules.workers))

    async def _work(self) -> None:
        while batch := await self._next():
            erased = await erase(self._blobs, batch, EXPIRED, self._brake, self._clock.now)
            now = self._clock.now()
            recorded = await self._store.record_deletions(erased.receipts, erased.deferrals, at=now)
            self._done.outcomes.update(receipt.outcome.value for receipt in erased.receipts)
            self._done.outcomes.update(deferral.kind.value for deferral in erased.deferrals)
            if unanswered := len(batch) - len(erased.receipts) - len(erased.deferrals):
                self._done.outcomes["unanswered"] += unanswered
            await leftovers.clear(self._store, self._blobs, recorded.leftovers, self._brake, now)

    async def _next(self) -> list[LiveArtifact]:
        """The next batch, read right before it goes; empty at the end, and when the bucket is ill."""
        async with self._turn:
            if self._at_end or self._brake.on:
                return []
            await self._pace.take(self._rules.batch)
            due = replace(self._due, spare=self._spare())
            batch = await self._store.due_artifacts(due, self._rules.batch, self._cursor, only=self._only)
            self._at_end = len(batch) < self._rules.batch
            if batch:
                # Behind the last one, whatever becomes of it: what is left due does not block what comes after.
                last = batch[-1]
                assert last.retention_until is not None
                self._cursor = DueCursor(last.retention_until, last.id)
            return batch


async def loop(
    store: Store,
    blobs: Blobs,
    *,
    clock: Clock,
    stop: asyncio.Event,
    interval: float,
    rules: Rules,
    spare: Spare = frozenset,
    on_pass: Callable[[Pass], Awaitable[None]] | None = None,
) -> None:
    """Passes with `interval` seconds in between, longer while bucket or database are away, until `stop` is set."""
    pause = interval
    while not stop.is_set():
        well = False
        try:
            done = await run_once(store, blobs, clock=clock, rules=rules, spare=spare)
        except (StoreUnavailable, StoreMisconfigured) as error:
            log.warning("retention waits", reason=str(error))
        else:
            if on_pass is not None:
                await on_pass(done)
            well = not done.braked
            tell(done)
        pause = interval if well else min(pause * 2, max(LONGEST_PAUSE, interval))
        await _sleep_or_stop(clock, stop, pause)


def tell(done: Pass) -> None:
    """The log line of a pass that had something to do."""
    if done.broken is not None:
        log.error(
            "retention stopped before its first deletion; see `webaudit-operator retention plan`, then "
            "`webaudit-operator retention approve`",
            reason=done.broken.reason.value,
            message=done.broken.message,
            due=done.broken.due_count,
        )
    if done.outcomes.total():
        log.info("retention pass", braked=done.braked, **done.outcomes)


async def _sleep_or_stop(clock: Clock, stop: asyncio.Event, seconds: float) -> None:
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, stopping):
            task.cancel()
        await asyncio.gather(sleeping, stopping, return_exceptions=True)
