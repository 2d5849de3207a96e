"""From what a capture left behind to a page's outcome: result.json is believed only where the bucket agrees. Pure.

A capture runs a stranger's page and counts as compromised: whatever it wrote is bounded and checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from pydantic import ValidationError

from webaudit_capture import urls
from webaudit_capture.contract import (
    ARTIFACT_FILES,
    CONTRACT_VERSION,
    ArtifactRecord,
    ArtifactType,
    Blame,
    CaptureEvent,
    CaptureResult,
    EventType,
    ExitCode,
    LogLevel,
    PageType,
    Verdict,
    capture_prefix,
)
from webaudit_operator.blobs import BlobInfo
from webaudit_operator.jobs import JobState, JobView, PodTrouble
from webaudit_operator.sessions import Session
from webaudit_operator.store.rows import ArtifactRow, BlobRef, CaptureRow, PageKey, PageStatus

MAX_RESULT_BYTES = 5 * 1024 * 1024
MAX_EVENTS = 500
MAX_MESSAGE = 500
MAX_REASON = 64
MAX_URL = 2048
NEEDED_WHEN_OK = frozenset({ArtifactType.HTML_GZ, ArtifactType.VISIBLE_TEXT, ArtifactType.FEATURES_JSON})
"""A screenshot may fail, with a doubt that says so."""
CONFIG_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
    }
)
SAID_BY_EXIT_CODE = {
    ExitCode.UNDELIVERED: ("upload_refused", Blame.PLATFORM, "the bucket refused the capture's uploads"),
    ExitCode.BAD_REQUEST: (
        "bad_request",
        Blame.CONFIG,
        "the capture image does not understand its request; operator and capture image must be of one version",
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A page settled: what status says of it, and the row that records it."""

    key: PageKey
    ok: bool
    reason: str
    """`TargetHttp404`, `PlatformOOMKilled`, ...; empty when ok."""
    message: str
    low_confidence: tuple[str, ...]
    url: str | None
    seconds: float | None
    pdp_url: str | None
    bytes: int
    row: CaptureRow


class Unusable(ValueError):
    """There is a result.json, but it can't be believed; the message says why, `code` becomes the page's reason."""

    def __init__(self, message: str, code: str = "result_unusable") -> None:
        super().__init__(message)
        self.code = code


def blamed(blame: Blame | None, code: str) -> str:
    """`(target, http_404)` -> `TargetHttp404`: a condition reason that starts with whose fault it is.

    Only ASCII letters and digits are left, and not many: the API server refuses a status with any other reason.
    """
    words = "".join(part[:1].upper() + part[1:] for part in re.findall(r"[A-Za-z0-9]+", code))
    return f"{(blame or Blame.PLATFORM).capitalize()}{words or 'Unknown'}"[:MAX_REASON]


def _one_line(text: str, most: int) -> str:
    """Without control characters: no line breaks in logs and tables, no NUL for PostgreSQL."""
    return " ".join(re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", text).split())[:most]


def decode(raw: bytes) -> CaptureResult:
    """result.json as it is, whoever's it is. Raises Unusable."""
    try:
        # PostgreSQL's JSON knows neither NUL nor NaN: the first becomes U+FFFD, the second null.
        result = CaptureResult.model_validate_json(raw.replace(rb"\u0000", rb"\ufffd"))
        result = CaptureResult.model_validate_json(result.model_dump_json())
    except ValidationError as error:
        fault = error.errors()[0]
        raise Unusable(
            f"result.json is broken at {'.'.join(map(str, fault['loc'])) or 'its start'}: {fault['msg']}"
        ) from None
    if result.contract_version != CONTRACT_VERSION:
        raise Unusable(f"result.json has contract version {result.contract_version}, not {CONTRACT_VERSION}")
    return result


def read_result(raw: bytes, session: Session, key: PageKey, attempts: frozenset[int]) -> CaptureResult:
    """Decode result.json. Raises Unusable if it is not this capture's, or not of one of these attempts."""
    result = decode(raw)
    vet(result, session, key, attempts)
    return result


def vet(result: CaptureResult, session: Session, key: PageKey, attempts: frozenset[int]) -> None:
    """Raises Unusable if a result is not this capture's, or not of one of these attempts."""
    if (result.session_id, result.page, result.viewport) != (session.uid, key.page, key.viewport):
        raise Unusable("result.json is another capture's")
    if result.attempt not in attempts:
        raise Unusable(f"result.json is of attempt {result.attempt}")
    if result.session is not None and result.session != session.record:
        raise Unusable("result.json tells another session than its resource")
    if result.started_at.tzinfo is None or result.finished_at.tzinfo is None:
        raise Unusable("result.json has times without a zone")
    prefix = capture_prefix(session.site, session.uid, key.page, key.viewport)
    for artifact in result.artifacts:
        if wrong := _misnamed(prefix, artifact):
            raise Unusable(wrong)
    if len({artifact.type for artifact in result.artifacts}) < len(result.artifacts):
        raise Unusable("result.json has an artifact twice")


def _misnamed(prefix: str, artifact: ArtifactRecord) -> str | None:
    """Each type has its one object, and a checksum is a checksum."""
    if artifact.object_name != f"{prefix}{ARTIFACT_FILES[artifact.type][0]}":
        return f"result.json names {artifact.object_name[:MAX_MESSAGE]} as {artifact.type}"
    if not re.fullmatch(r"[0-9a-f]{64}", artifact.sha256):
        return f"result.json has no SHA-256 for {artifact.type}"
    return None


def judge(
    session: Session, key: PageKey, result: CaptureResult, stored: Mapping[str, BlobInfo | None], bucket: str
) -> Outcome:
    """The outcome of a delivered verdict. Raises Unusable for evidence that the bucket does not hold as described."""
    for artifact in result.artifacts:
        if fault := _mismatch(artifact.object_name, artifact.size, artifact.crc32c, stored.get(artifact.object_name)):
            raise Unusable(fault, "evidence_mismatch")
    missing = NEEDED_WHEN_OK - {artifact.type for artifact in result.artifacts}
    if result.verdict is Verdict.OK and missing:
        raise Unusable(f"result.json says ok and names no {', '.join(sorted(missing))}", "evidence_mismatch")
    blobs = {name: info for name, info in stored.items() if info is not None}
    artifacts = tuple(
        ArtifactRow(
            type=artifact.type,
            blob=BlobRef(bucket, artifact.object_name, blobs[artifact.object_name].generation),
            size_bytes=artifact.size,
            sha256=artifact.sha256,
            created_at=blobs[artifact.object_name].created,
        )
        for artifact in result.artifacts
    )
    ok = result.verdict is Verdict.OK
    reason = "" if ok else blamed(result.blame or Blame.TARGET, result.reason or "unknown")
    return Outcome(
        key=key,
        ok=ok,
        reason=reason,
        message="" if ok else _one_line(result.message or reason, MAX_MESSAGE),
        low_confidence=tuple(dict.fromkeys(str(low.code) for low in result.low_confidence)),
        url=_one_line(result.final_url, MAX_URL) if result.final_url else None,
        seconds=max(0.0, round((result.finished_at - result.started_at).total_seconds(), 1)),
        pdp_url=_trusted_pdp(session, key, result),
        bytes=sum(artifact.size for artifact in result.artifacts),
        row=CaptureRow(
            page=key,
            status=PageStatus.OK if ok else PageStatus.FAILED,
            finished_at=result.finished_at,
            load_timings=result.load_timings,
            low_confidence_reasons=tuple(low.model_dump(mode="json") for low in result.low_confidence),
            artifacts=artifacts,
            events=_bounded(result.events),
        ),
    )


def _mismatch(name: str, size: int, crc32c: str, info: BlobInfo | None) -> str | None:
    if info is None:
        return f"{name} is not in the bucket"
    if info.size != size:
        return f"{name} has {info.size} bytes in the bucket, {size} in result.json"
    if info.crc32c != crc32c:
        return f"{name} has crc32c {info.crc32c} in the bucket, {crc32c} in result.json"
    return None


def _trusted_pdp(session: Session, key: PageKey, result: CaptureResult) -> str | None:
    """The product page found, if it lies on the site asked for or on the one it redirected to."""
    if key.page is not PageType.HOMEPAGE or result.pdp is None or result.pdp.url is None:
        return None
    try:
        found = urls.normalize(result.pdp.url)
        bases = [session.url, *([urls.normalize(result.final_url)] if result.final_url else [])]
    except urls.BadUrl:
        return None
    if len(found) > MAX_URL:
        return None
    return found if any(urls.same_site(found, base) for base in bases) else None


def _bounded(events: list[CaptureEvent]) -> tuple[CaptureEvent, ...]:
    return tuple(
        event.model_copy(update={"message": _one_line(event.message, MAX_MESSAGE)})
        for event in islice(events, MAX_EVENTS)
    )


def without_verdict(
    key: PageKey, job: JobView, trouble: PodTrouble | None, doubt: Unusable | None, now: datetime
) -> Outcome:
    """The outcome of a Job that ended and left no result worth believing: what Kubernetes knows, and the doubt."""
    ended = job.ended or now
    if trouble is not None and trouble.exit_code in SAID_BY_EXIT_CODE:
        code, blame, message = SAID_BY_EXIT_CODE[ExitCode(trouble.exit_code)]
        return failed(key, blamed(blame, code), message, ended)
    if trouble is not None and trouble.reason not in ("Error", "Completed"):
        blame = Blame.CONFIG if trouble.reason in CONFIG_REASONS else Blame.PLATFORM
        return failed(key, blamed(blame, trouble.reason), _sentence(trouble.reason, trouble.message), ended)
    if job.state is JobState.SUCCEEDED or doubt:
        doubt = doubt or Unusable("the capture left no result.json")
        return failed(key, blamed(Blame.PLATFORM, doubt.code), str(doubt), ended)
    exit_code = f", exit code {trouble.exit_code}" if trouble and trouble.exit_code is not None else ""
    return failed(
        key,
        blamed(Blame.PLATFORM, job.reason or "job_failed"),
        f"{job.message or job.reason or 'the Job failed'}{exit_code}",
        ended,
    )


def _sentence(reason: str, message: str) -> str:
    return f"{reason}: {message}" if message else f"the capture pod ended as {reason}"


def failed(key: PageKey, reason: str, message: str, at: datetime) -> Outcome:
    """A page that has no evidence, with one event that says so."""
    event = CaptureEvent(
        timestamp=at,
        level=LogLevel.ERROR,
        event_type=EventType.ERROR,
        message=_one_line(message, MAX_MESSAGE),
        details={
            "event": "page_failed",
            "reason": reason,
            "page": str(key.page),
            "viewport": str(key.viewport),
        },
    )
    return Outcome(
        key=key,
        ok=False,
        reason=reason,
        message=_one_line(message, MAX_MESSAGE),
        low_confidence=(),
        url=None,
        seconds=None,
        pdp_url=None,
        bytes=0,
        row=CaptureRow(page=key, status=PageStatus.FAILED, finished_at=at, events=(event,)),
    )
