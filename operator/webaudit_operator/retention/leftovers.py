"""What a capture leaves beside its artifacts: `result.json`. It goes when the last artifact's row is marked.

The record remembers it from that moment, so a kill in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from webaudit_capture.contract import RESULT_FILE
from webaudit_operator.blobs import Blobs, BlobsMisconfigured, BlobsUnavailable, Generation
from webaudit_operator.retention.brake import Brake, retry_failed
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import Leftover

log = structlog.get_logger(__name__)


async def clear(store: Store, blobs: Blobs, leftovers: Sequence[Leftover], brake: Brake, now: datetime) -> None:
    """Delete what is left of at most BATCH_LIMIT captures. Raises the store's errors."""
    if not leftovers:
        return
    tries = max(each.tries for each in leftovers)
    try:
        found = await blobs.stat_many([each.prefix + RESULT_FILE for each in leftovers])
        there = [
            (each, Generation(info.name, info.generation)) for each, info in zip(leftovers, found, strict=True) if info
        ]
        removals = await blobs.delete([generation for _, generation in there]) if there else []
    except (BlobsUnavailable, BlobsMisconfigured) as error:
        brake.ill()
        log.warning("results stay", captures=len(leftovers), reason=str(error))
        await store.settle_leftovers((), [each.page_id for each in leftovers], retry_at=retry_failed(now, tries))
        return
    stuck = set()
    for (leftover, generation), removal in zip(there, removals, strict=True):
        if not removal.gone:
            log.warning("result stays", object=generation.name, reason=removal.reason)
            stuck.add(leftover.page_id)
    done = [each.page_id for each in leftovers if each.page_id not in stuck]
    await store.settle_leftovers(done, stuck, retry_at=retry_failed(now, tries))
