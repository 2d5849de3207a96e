"""The bucket, as narrow as the operator needs it: sign, stat, read, list, delete a generation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


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
class BlobInfo:
    """An object as the bucket states it. crc32c is base64, as in the JSON API."""

    name: str
    generation: int
    size: int
    crc32c: str
    content_type: str | None
    created: datetime


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

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """The newest generation's bytes, or None when there is no such object. Raises BlobTooLarge."""

    def list(self, prefix: str) -> AsyncIterator[BlobInfo]: ...

    async def delete(self, name: str, generation: int) -> Deletion:
        """Delete exactly this generation; a newer one under the same name stays."""
