"""Brings back what was deleted of a session, while the bucket's soft delete keeps it: objects first, then rows.

Only exactly the recorded generation comes back. A repeat finishes what was cut off between object and row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from webaudit_capture.contract import RESULT_FILE
from webaudit_operator.blobs import BlobInfo, Blobs, Generation, SoftDeleted
from webaudit_operator.clock import Clock
from webaudit_operator.retention.together import together
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import BlobRef, DeletedArtifact, Restoration

Graves = Mapping[tuple[str, int], SoftDeleted]
"""Soft-deleted generations, by name and number."""


@dataclass(slots=True)
class Undeleted:
    """What came back of a session, and what did not."""

    deleted: int = 0
    """Artifacts that were marked deleted."""
    restored: list[tuple[DeletedArtifact, BlobInfo, datetime | None]] = field(default_factory=list)
    """(as it was, its object now, when it expires)"""
    lost: list[tuple[DeletedArtifact, str]] = field(default_factory=list)
    """(as it is, why it stays deleted)"""


@dataclass(frozen=True, slots=True)
class Bones:
    """What the bucket has under a session's prefix."""

    graves: Graves
    live: Mapping[str, BlobInfo]


class Lost(Exception):
    """An object cannot come back; the message says why."""


async def undelete(
    store: Store, blobs: Blobs, session_id: UUID, *, keep: timedelta, by: str, clock: Clock
) -> Undeleted:
    """Restore what is marked deleted, and keep it for `keep` at least, so that the next pass does not delete it again.

    Raises SessionMissing, and the errors of store and bucket.
    """
    deleted = await store.deleted_artifacts(session_id)
    done = Undeleted(deleted=len(deleted))
    refs: dict[DeletedArtifact, BlobRef] = {}
    for artifact in deleted:
        try:
            refs[artifact] = _ref(artifact, blobs.bucket)
        except Lost as why:
            done.lost.append((artifact, str(why)))
    bones = await _dig(blobs, {ref.name.partition("/")[0] + "/" for ref in refs.values()})
    found: dict[DeletedArtifact, BlobInfo] = {}

    async def bring_back(artifact: DeletedArtifact, ref: BlobRef) -> None:
        try:
            found[artifact] = await _restore(blobs, artifact, ref, bones)
        except Lost as why:
            done.lost.append((artifact, str(why)))

    await together(bring_back(artifact, ref) for artifact, ref in refs.items())
    await _restore_results(blobs, {refs[artifact].name.rpartition("/")[0] + "/" for artifact in found}, bones)
    now = clock.now()
    rows = [
        Restoration(artifact, BlobRef(blobs.bucket, info.name, info.generation)) for artifact, info in found.items()
    ]
    kept = await store.record_restorations(rows, until=now + keep, by=by, at=now) if rows else {}
    done.restored = [(each, info, kept[each.id]) for each, info in found.items() if each.id in kept]
    return done


def _ref(artifact: DeletedArtifact, bucket: str) -> BlobRef:
    try:
        ref = BlobRef.parse(artifact.storage_uri)
    except ValueError as error:
        raise Lost(str(error)) from None
    if ref.bucket != bucket:
        raise Lost(f'it lay in bucket "{ref.bucket}", this operator works on "{bucket}"')
    return ref


async def graves_under(blobs: Blobs, prefix: str) -> Graves:
    """All soft-deleted generations under a prefix."""
    return {(gone.info.name, gone.info.generation): gone async for gone in blobs.soft_deleted(prefix)}


async def recoverable(blobs: Blobs, places: Iterable[str]) -> dict[tuple[str, str], datetime]:
    """Until when deleted objects of a session can be restored, by (`gs://bucket/object`, generation)."""
    start = f"gs://{blobs.bucket}/"
    found: dict[tuple[str, str], datetime] = {}
    for prefix in {place[len(start) :].partition("/")[0] + "/" for place in places if place.startswith(start)}:
        for (name, number), gone in (await graves_under(blobs, prefix)).items():
            found[f"{start}{name}", str(number)] = gone.recoverable_until
    return found


async def _dig(blobs: Blobs, prefixes: set[str]) -> Bones:
    graves: dict[tuple[str, int], SoftDeleted] = {}
    live: dict[str, BlobInfo] = {}
    for prefix in prefixes:
        graves.update(await graves_under(blobs, prefix))
        live.update({info.name: info async for info in blobs.list(prefix)})
    return Bones(graves, live)


async def _restore(blobs: Blobs, artifact: DeletedArtifact, ref: BlobRef, bones: Bones) -> BlobInfo:
    """The artifact's object, live. Raises Lost."""
    grave = bones.graves.get((ref.name, ref.generation))
    standing = bones.live.get(ref.name)
    if standing is not None:
        return await _same(blobs, standing, artifact, ref, grave)
    if grave is None:
        raise Lost("the bucket does not have it any more")
    back = await blobs.restore(Generation(ref.name, ref.generation))
    if back is None:
        # An answer that was lost on its way, or somebody else who restores the same.
        standing = await blobs.stat(ref.name)
        if standing is None:
            raise Lost("the bucket does not have it any more")
        return await _same(blobs, standing, artifact, ref, grave)
    return back


async def _same(
    blobs: Blobs, standing: BlobInfo, artifact: DeletedArtifact, ref: BlobRef, grave: SoftDeleted | None
) -> BlobInfo:
    """A live object under its name, if it is the deleted one that was restored before. Raises Lost."""
    if standing.generation == ref.generation:
        return standing
    if grave is not None:
        same = (standing.size, standing.crc32c) == (grave.info.size, grave.info.crc32c)
    else:
        same = await _has_its_bytes(blobs, standing, artifact)
    if not same or standing.size != artifact.size_bytes:
        raise Lost("another object lies under its name")
    return standing


async def _has_its_bytes(blobs: Blobs, standing: BlobInfo, artifact: DeletedArtifact) -> bool:
    """By the recorded SHA-256: the bucket's own checksum of the deleted generation is gone with it."""
    if standing.size != artifact.size_bytes:
        return False
    body = await blobs.read(standing.name, max_bytes=artifact.size_bytes)
    return body is not None and artifact.checksum == f"sha256:{hashlib.sha256(body).hexdigest()}"


async def _restore_results(blobs: Blobs, prefixes: set[str], bones: Bones) -> None:
    """What captures left beside the artifacts that came back; the record knows no generation of it: the newest."""

    async def bring_back(name: str) -> None:
        numbers = [number for grave, number in bones.graves if grave == name]
        if numbers and name not in bones.live:
            await blobs.restore(Generation(name, max(numbers)))

    await together(bring_back(prefix + RESULT_FILE) for prefix in prefixes)
