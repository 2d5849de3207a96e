"""Many small calls in one request, each with its own answer. Knows Google's client, and nothing of retention.

https://cloud.google.com/storage/docs/batch
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from google.api_core.exceptions import Forbidden, GoogleAPICallError, RetryError, ServiceUnavailable, from_http_response
from google.api_core.retry import Retry
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption
from requests import Response

from webaudit_operator.blobs import BATCH_LIMIT, Deletion, Removal

TRANSIENT = (408, 429)
_NO_BATCHES = (404, 405, 501)
_NO_PARTS = "not multi-part"
"""The client's word for an answer without parts; fake-gcs-server gives it to parts that have no Content-ID."""
_HELD_REASON = "retentionPolicyNotMet"
_HELD_WORDS = re.compile(r"is under active .*hold and cannot|is subject to .*retention", re.IGNORECASE)
_TIME = re.compile(r"until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))")

Call = Callable[[], Any]
"""One call of the client, whose result is not looked at: it only exists once the batch is sent."""


class NoBatches(Exception):
    """The server takes no batches: emulators may not."""


def send(client: Client, calls: Sequence[Call], retry: Retry) -> list[Response]:
    """The answers, in the order of the calls; parts that are put off (408, 429, 5xx) are sent again for a while.

    Raises NoBatches, and the client's errors when the batch as a whole is not answered.
    """
    assert 0 < len(calls) <= BATCH_LIMIT
    answers: dict[int, Response] = {}

    def turn() -> None:
        pending = [place for place in range(len(calls)) if place not in answers or is_transient(answers[place])]
        answers.update(zip(pending, _post(client, [calls[place] for place in pending]), strict=True))
        if any(is_transient(answer) for answer in answers.values()):
            raise ServiceUnavailable("parts of the batch were put off")

    try:
        retry(turn)()
    except (RetryError, ServiceUnavailable):
        if not answers:
            raise
    return [answers[place] for place in range(len(calls))]


def _post(client: Client, calls: Iterable[Call]) -> list[Response]:
    batch = client.batch(raise_exception=False)
    try:
        with batch:
            for call in calls:
                call()
    except GoogleAPICallError as error:
        if error.code in _NO_BATCHES:
            raise NoBatches(str(error)) from error
        raise
    except ValueError as error:
        if _NO_PARTS in str(error):
            raise NoBatches("it answers a batch without a single part") from error
        raise DataCorruption(None, f"the answer to a batch cannot be read: {error}") from error
    return list(batch._responses)


def is_transient(answer: Response) -> bool:
    return answer.status_code in TRANSIENT or answer.status_code >= 500


def fault(answer: Response) -> GoogleAPICallError | None:
    """What a part failed with, as the client would have raised it."""
    if 200 <= answer.status_code < 300:
        return None
    error: GoogleAPICallError = from_http_response(answer)
    return error


def removal(error: GoogleAPICallError | None) -> Removal:
    """What a deletion's answer means for the object."""
    if error is None:
        return Removal(Deletion.DELETED)
    words = said(error)
    if error.code == 404:
        return Removal(Deletion.ALREADY_ABSENT)
    if isinstance(error, Forbidden) and is_hold(error):
        return Removal(Deletion.HELD, words, held_until(words))
    return Removal(None, f"{int(error.code or 0)} {words}")


def is_hold(error: Forbidden) -> bool:
    """A hold, or a retention policy, of the bucket or the object; not a lack of rights."""
    reasons = {detail.get("reason") for detail in error.errors if isinstance(detail, dict)}
    return _HELD_REASON in reasons or _HELD_WORDS.search(said(error)) is not None


def held_until(words: str) -> datetime | None:
    """The time that a refusal under a retention policy names."""
    found = _TIME.search(words)
    return datetime.fromisoformat(found[1]) if found else None


def said(error: GoogleAPICallError) -> str:
    """The server's own sentence, in one line."""
    for detail in error.errors:
        if isinstance(detail, dict) and detail.get("message"):
            return " ".join(str(detail["message"]).split())
    return " ".join(str(error.message).split())
