"""The bucket, as narrow as the operator needs it: sign, stat, read, list, delete a generation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

BATCH_LIMIT = 100
"""Calls in one batch, as the service has it: https://cloud.google.com/storage/docs/batch"""


class BlobsUnavailable(Exception):
    """The bucket cannot be asked right now (network, 408, 429, 5xx): wait and ask again."""


class BlobsMisconfigured(Exception):
    """The bucket refuses or does not exist (401, 403, 404 on the bucket), or there is no key to sign with."""


class BlobTooLarge(Exception):
    """An object is larger than the caller is willing to read."""


class Deletion(StrEnum):
    """What became of a generation that was to be deleted."""

    DELETED = "deleted"
    ALREADY_ABSENT = "already_absent"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of one object."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Removal:
    """The bucket's own word on one deletion. No outcome: whether the object is gone is not known."""

    outcome: Deletion | None
    reason: str = ""
    """Why it is held, or what went wrong, in one line."""
    until: datetime | None = None
    """When what holds it ends by itself, if the bucket says so."""

    @property
    def gone(self) -> bool:
        """Whether it is certain that the object is not there any more."""
        return self.outcome in (Deletion.DELETED, Deletion.ALREADY_ABSENT)


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """An object as the bucket states it. crc32c is base64, as in the JSON API."""

    name: str
    generation: int
    size: int
    crc32c: str
    content_type: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class SoftDeleted:
    """A deleted generation that the bucket still has."""

    info: BlobInfo
    recoverable_until: datetime


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A V4-signed PUT: the headers must be sent exactly as given."""

    url: str
    headers: dict[str, str]


class Blobs(Protocol):
    bucket: str

    async def check(self) -> None:
        """Raises BlobsMisconfigured or BlobsUnavailable."""

    async def sign_put(self, name: str, *, content_type: str, max_bytes: int, expires_in: timedelta) -> SignedPut: ...

    async def stat(self, name: str) -> BlobInfo | None: ...

    async def stat_many(self, names: Sequence[str]) -> Sequence[BlobInfo | None]:
        """As `stat`, for at most BATCH_LIMIT names in one call; raises when the answer to one of them is no answer."""

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """The newest generation's bytes, or None when there is no such object. Raises BlobTooLarge."""

    def list(self, prefix: str) -> AsyncIterator[BlobInfo]: ...

    async def delete(self, doomed: Sequence[Generation]) -> Sequence[Removal]:
        """Delete exactly these generations, at most BATCH_LIMIT; newer ones under the same names stay.

        Each has its own answer, in the same order. Raises BlobsUnavailable or BlobsMisconfigured when the bucket as a
        whole did not answer: then what became of each is not known.
        """

    def soft_deleted(self, prefix: str) -> AsyncIterator[SoftDeleted]:
        """Deleted generations that can be restored; none in a bucket without soft delete."""

    async def restore(self, gone: Generation) -> BlobInfo | None:
        """Bring back exactly this generation, which gets a new number.

        None: it cannot be restored any more, or a live object has its name.
        """

    async def soft_delete_window(self) -> timedelta | None:
        """How long what is deleted can be restored; None: not at all. Raises BlobsMisconfigured when that is secret."""

    async def time(self) -> datetime:
        """What the bucket's own clock says, to the second (the Date of an answer)."""
