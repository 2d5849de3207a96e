"""Reads from the bucket what a capture left there. Reading only: outcomes.py judges."""

from __future__ import annotations

import asyncio
from datetime import datetime

from webaudit_capture.contract import RESULT_FILE
from webaudit_operator import outcomes
from webaudit_operator.blobs import Blobs, BlobTooLarge
from webaudit_operator.jobs import JobView, PodTrouble
from webaudit_operator.outcomes import MAX_RESULT_BYTES, Outcome, Unusable
from webaudit_operator.secrets import object_name
from webaudit_operator.sessions import Session
from webaudit_operator.store.rows import PageKey


async def read_outcome(
    blobs: Blobs,
    session: Session,
    key: PageKey,
    *,
    job: JobView | None,
    trouble: PodTrouble | None,
    now: datetime,
) -> Outcome | None:
    """The outcome of a capture whose Job ended or is gone.

    None: the Job is gone and left nothing, so the capture never finished. Raises BlobsUnavailable and
    BlobsMisconfigured when the bucket can't be asked: then nothing is known, and nothing may be failed for it.
    """
    attempts = frozenset({job.attempt} if job else range(1, session.attempts + 1))
    doubt: Unusable | None = None
    try:
        raw = await blobs.read(object_name(session, key, RESULT_FILE), max_bytes=MAX_RESULT_BYTES)
        if raw is not None:
            result = outcomes.read_result(raw, session, key, attempts)
            names = [artifact.object_name for artifact in result.artifacts]
            stored = dict(zip(names, await asyncio.gather(*map(blobs.stat, names)), strict=True))
            return outcomes.judge(session, key, result, stored, blobs.bucket)
    except Unusable as error:
        doubt = error
    except BlobTooLarge as error:
        doubt = Unusable(str(error))
    return outcomes.without_verdict(key, job, trouble, doubt, now) if job else None
