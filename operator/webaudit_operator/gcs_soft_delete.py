"""What a bucket with soft delete still has of deleted objects. Knows Google's client, and nothing of retention.

https://cloud.google.com/storage/docs/soft-delete
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
from google.api_core.retry import Retry
from google.cloud.storage import Bucket, Client

from webaudit_operator.blobs import BlobsMisconfigured, Generation

FIELDS = "name,generation,size,crc32c,contentType,timeCreated,softDeleteTime,hardDeleteTime"
PAGE_SIZE = 1000
Timeout = tuple[float, float]


def pages(client: Client, bucket: Bucket, prefix: str, timeout: Timeout, retry: Retry) -> Iterator[Any]:
    """Soft-deleted generations, a page of the client's blobs at a time."""
    found: Iterator[Any] = client.list_blobs(
        bucket, prefix=prefix, soft_deleted=True, page_size=PAGE_SIZE, fields=f"items({FIELDS}),nextPageToken",
        timeout=timeout, retry=retry,
    ).pages  # fmt: skip
    return found


def restore(bucket: Bucket, gone: Generation, timeout: Timeout, retry: Retry) -> Any | None:
    """The blob under its new generation; None when it is not there any more, or its name is taken by a live object."""
    try:
        return bucket.restore_blob(
            gone.name, generation=gone.number, if_generation_match=0, timeout=timeout, retry=retry
        )
    except (NotFound, PreconditionFailed):
        return None


def window(bucket: Bucket, timeout: Timeout, retry: Retry) -> timedelta | None:
    """How long deleted objects are kept; None: not at all. Raises BlobsMisconfigured without storage.buckets.get."""
    try:
        bucket.reload(timeout=timeout, retry=retry)
    except Forbidden:
        raise BlobsMisconfigured(
            f'whether bucket "{bucket.name}" keeps deleted objects for a while is not known: the credentials lack '
            "storage.buckets.get"
        ) from None
    seconds = int((bucket._properties.get("softDeletePolicy") or {}).get("retentionDurationSeconds") or 0)
    return timedelta(seconds=seconds) if seconds else None
