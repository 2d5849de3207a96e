"""Fills the record from the bucket's `result.json` files: walks the bucket, and acts through store and bucket alone.

A repeat adds nothing, and one that was cut off goes on: what the record has is passed over without being read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from webaudit_capture.contract import CaptureResult
from webaudit_operator import outcomes
from webaudit_operator.blobs import BlobInfo, Blobs, BlobTooLarge
from webaudit_operator.clock import Clock
from webaudit_operator.outcomes import MAX_RESULT_BYTES, Unusable
from webaudit_operator.retention import testimony
from webaudit_operator.retention.testimony import Found, StillOpen, Untold
from webaudit_operator.retention.together import together
from webaudit_operator.store.rebuild import Known, Written
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import PageKey

AT_ONCE = 4
"""Sessions read and written at the same time."""
CHUNK = 100
"""Sessions that the record is asked about in one question."""
PATIENCE = timedelta(hours=24)
"""After as long nothing more comes of a session: no signature and no Job lives longer as they are set by default."""


@dataclass(slots=True)
class Rebuilt:
    """What a walk came to, by session."""

    seen: int = 0
    whole: int = 0
    """The record had all of them."""
    rebuilt: int = 0
    running: int = 0
    """Left to the operator."""
    written: Written = field(default_factory=Written)
    without_object: int = 0
    """Artifacts that came back as deleted."""
    left: list[tuple[str, str]] = field(default_factory=list)
    """(prefix, why) of what a person must look at."""


async def rebuild(
    store: Store,
    blobs: Blobs,
    *,
    prefix: str = "",
    clock: Clock,
    running: Collection[UUID] = frozenset(),
    patience: timedelta = PATIENCE,
    on_progress: Callable[[Rebuilt], None] = lambda done: None,
) -> Rebuilt:
    """Add the rows that are missing of all sessions under `prefix`. `running`: sessions the operator is at work on.

    Raises ValueError for a prefix that may cut a session in two, and the errors of store and bucket.
    """
    if "/" in prefix.rstrip("/"):
        raise ValueError(f'"{prefix}" names a part of a session; end it at the session, as in acme.com__0b6f9a1e')
    walk = _Walk(store, blobs, clock, running, patience, on_progress)
    async for chunk in _chunks(_sessions(blobs.list(prefix))):
        await walk.take(chunk)
    return walk.done


class _Walk:
    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        clock: Clock,
        running: Collection[UUID],
        patience: timedelta,
        on_progress: Callable[[Rebuilt], None],
    ) -> None:
        self._store, self._blobs, self._clock = store, blobs, clock
        self._running, self._patience, self._on_progress = running, patience, on_progress
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.done = Rebuilt()

    async def take(self, chunk: Sequence[Found]) -> None:
        """The first session whose store or bucket is away ends the others."""
        known = await self._store.known([found.id for found in chunk])
        await together(self._session(found, known.get(found.id)) for found in chunk)

    async def _session(self, found: Found, known: Known | None) -> None:
        async with self._turns:
            done = self.done
            if found.id in self._running:
                done.running += 1
            elif testimony.is_whole(found, known):
                done.whole += 1
            else:
                try:
                    await self._bring_back(found)
                except StillOpen:
                    done.running += 1
                except Untold as why:
                    done.left.append((found.prefix, str(why)))
            done.seen += 1
            self._on_progress(done)

    async def _bring_back(self, found: Found) -> None:
        results = await self._read(found)
        now = self._clock.now()
        told = testimony.tell(found, results, bucket=self._blobs.bucket, now=now, patience=self._patience)
        written = await self._store.bring_back(told, now)
        if written.total:
            self.done.rebuilt += 1
            self.done.written += written
            self.done.without_object += sum(map(len, told.gone.values()))
        else:
            self.done.whole += 1

    async def _read(self, found: Found) -> Mapping[PageKey, CaptureResult]:
        """All its results. Raises Untold for one that cannot be read."""
        results: dict[PageKey, CaptureResult] = {}
        for key, name in found.results.items():
            try:
                raw = await self._blobs.read(name, max_bytes=MAX_RESULT_BYTES)
                if raw is None:
                    raise Untold(f"{name} was deleted while the bucket was read")
                results[key] = outcomes.decode(raw)
            except Unusable as fault:
                raise Untold(f"{name}: {fault}") from None
            except BlobTooLarge as fault:
                raise Untold(str(fault)) from None
        return results


async def _sessions(listed: AsyncIterator[BlobInfo]) -> AsyncIterator[Found]:
    """Sessions that have a result, one after the other: a listing is in the order of names."""
    found: Found | None = None
    async for info in listed:
        now = testimony.sort(found, info)
        if now is None:
            continue
        if found is not None and found is not now and found.results:
            yield found
        found = now
    if found is not None and found.results:
        yield found


async def _chunks(sessions: AsyncIterator[Found]) -> AsyncIterator[list[Found]]:
    chunk: list[Found] = []
    async for found in sessions:
        chunk.append(found)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
