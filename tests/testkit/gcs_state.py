"""What a bucket remembers and what it refuses: generations, preconditions, holds, retention, soft delete. No HTTP.

After Google's documentation of the JSON API (objects, buckets) and its error messages as clients have reported them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import google_crc32c


class Refused(Exception):
    """An answer other than 2xx. `code` is the XML API's name for it, `reason` the JSON API's."""

    def __init__(self, status: int, reason: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.code = code or reason


def crc32c(body: bytes) -> str:
    """Base64 of the big-endian checksum, as GCS states it."""
    return base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()


def md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@dataclass
class GcsObject:
    """One generation."""

    name: str
    generation: int
    body: bytes
    content_type: str
    created: datetime
    content_encoding: str | None = None
    metageneration: int = 1
    temporary_hold: bool = False
    event_based_hold: bool = False
    soft_deleted_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def crc32c(self) -> str:
        return crc32c(self.body)

    @property
    def md5(self) -> str:
        return md5(self.body)


@dataclass(frozen=True)
class Conditions:
    """Preconditions of a request; 0 for `generation_match` means "only if there is none"."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None


@dataclass
class Bucket:
    name: str
    now: Callable[[], datetime]
    retention_period: timedelta | None = None
    soft_delete: timedelta | None = None
    objects: dict[str, GcsObject] = field(default_factory=dict)
    """The live generation of each name."""
    graveyard: list[GcsObject] = field(default_factory=list)
    """Soft-deleted generations."""
    _last: int = 0

    def put(
        self,
        name: str,
        body: bytes,
        content_type: str = "application/octet-stream",
        *,
        content_encoding: str | None = None,
        conditions: Conditions | None = None,
    ) -> GcsObject:
        """A new generation; the one before it goes the way of a deletion."""
        before = self.objects.get(name)
        check(before, conditions)
        if before is not None:
            self._refuse_if_kept(before)
            self._bury(before)
        fresh = GcsObject(name, self._next_generation(), body, content_type, self.now(), content_encoding)
        self.objects[name] = fresh
        return fresh

    def get(
        self,
        name: str,
        *,
        generation: int | None = None,
        conditions: Conditions | None = None,
        soft_deleted: bool = False,
    ) -> GcsObject:
        found = self._dead(name, generation) if soft_deleted else self.objects.get(name)
        if found is None or (generation is not None and found.generation != generation):
            raise Refused(404, "notFound", f"No such object: {self.name}/{name}", "NoSuchKey")
        check(found, conditions)
        return found

    def delete(self, name: str, *, generation: int | None = None, conditions: Conditions | None = None) -> None:
        found = self.get(name, generation=generation, conditions=conditions)
        self._refuse_if_kept(found)
        del self.objects[name]
        self._bury(found)

    def restore(self, name: str, generation: int, conditions: Conditions | None = None) -> GcsObject:
        """A soft-deleted generation comes back under a new number; it stays soft-deleted beside it."""
        dead = self._dead(name, generation)
        if dead is None:
            raise Refused(404, "notFound", f"No such object: {self.name}/{name}", "NoSuchKey")
        back = self.put(
            name, dead.body, dead.content_type, content_encoding=dead.content_encoding, conditions=conditions
        )
        back.metadata = dict(dead.metadata)
        return back

    def listed(self, prefix: str, *, soft_deleted: bool = False) -> Iterator[GcsObject]:
        source = self._alive_graves() if soft_deleted else list(self.objects.values())
        yield from sorted(
            (each for each in source if each.name.startswith(prefix)), key=lambda each: (each.name, each.generation)
        )

    def _next_generation(self) -> int:
        """Microseconds since 1970, as real ones are, and always higher than the last."""
        self._last = max(self._last + 1, int(self.now().timestamp() * 1_000_000))
        return self._last

    def _bury(self, gone: GcsObject) -> None:
        if self.soft_delete is not None:
            gone.soft_deleted_at = self.now()
            self.graveyard.append(gone)

    def _alive_graves(self) -> list[GcsObject]:
        window = self.soft_delete or timedelta()
        return [each for each in self.graveyard if each.soft_deleted_at and self.now() < each.soft_deleted_at + window]

    def _dead(self, name: str, generation: int | None) -> GcsObject | None:
        if generation is None:
            raise Refused(400, "required", "Required parameter: generation")
        wanted = (name, generation)
        return next((each for each in self._alive_graves() if (each.name, each.generation) == wanted), None)

    def _refuse_if_kept(self, found: GcsObject) -> None:
        tail = "and cannot be deleted, overwritten or archived until"
        for kind, held in (("Temporary", found.temporary_hold), ("Event-Based", found.event_based_hold)):
            if held:
                raise Refused(
                    403,
                    "forbidden",
                    f"Object '{self.name}/{found.name}' is under active {kind} hold {tail} hold is removed.",
                    "AccessDenied",
                )
        if self.retention_period is not None and self.now() < found.created + self.retention_period:
            until = (found.created + self.retention_period).isoformat()
            raise Refused(
                403,
                "retentionPolicyNotMet",
                f"Object '{self.name}/{found.name}' is subject to bucket's retention policy {tail} {until}",
                "AccessDenied",
            )


def check(found: GcsObject | None, conditions: Conditions | None) -> None:
    """Raises Refused(412) when a precondition does not hold."""
    if conditions is None:
        return
    generation = found.generation if found else 0
    metageneration = found.metageneration if found else 0
    failed = (
        (conditions.generation_match is not None and conditions.generation_match != generation)
        or (conditions.generation_not_match is not None and conditions.generation_not_match == generation)
        or (conditions.metageneration_match is not None and conditions.metageneration_match != metageneration)
    )
    if failed:
        raise Refused(
            412,
            "conditionNotMet",
            "At least one of the pre-conditions you specified did not hold.",
            "PreconditionFailed",
        )


def utc_now() -> datetime:
    return datetime.now(UTC)
