"""Artifacts as bytes with their checksums. Pure: equal input gives equal bytes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import google_crc32c

from webaudit_capture.contract import ARTIFACT_FILES, ArtifactType

_SAYS_UTF_8 = re.compile(r"<meta[^>]+charset=[\"']?utf-8", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of evidence."""

    type: ArtifactType
    data: bytes

    @property
    def file(self) -> str:
        return ARTIFACT_FILES[self.type][0]

    @property
    def content_type(self) -> str:
        return ARTIFACT_FILES[self.type][1]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def crc32c(self) -> str:
        return crc32c(self.data)


def crc32c(data: bytes) -> str:
    """Base64 of the big-endian checksum, as GCS states it."""
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode("ascii")


def cut_text(text: str, max_bytes: int) -> tuple[bytes, bool]:
    """UTF-8 of at most so many bytes, cut between characters; whether it was cut."""
    data = text.encode("utf-8", errors="replace")
    if len(data) <= max_bytes:
        return data, False
    return data[:max_bytes].decode("utf-8", errors="ignore").encode("utf-8"), True


def with_its_encoding(html: str) -> str:
    """A document that does not say in its first KiB that it is UTF-8, where browsers look, says so by a mark before it.

    It may have come in another encoding, and still name that one.
    """
    return html if _SAYS_UTF_8.search(html, 0, 1024) else f"\ufeff{html}"


def gzipped(data: bytes) -> bytes:
    """Without a time stamp or a name in the header."""
    return gzip.compress(data, mtime=0)


def as_json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode("utf-8", errors="replace")
