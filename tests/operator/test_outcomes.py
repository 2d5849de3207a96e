"""What becomes of a capture: a result is believed only where the bucket agrees, and none can harm the operator."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from testkit.operator import BUCKET, HD, HM, NOW, PD, job, result, session
from webaudit_capture.contract import (
    ARTIFACT_FILES,
    ArtifactRecord,
    ArtifactType,
    Blame,
    CaptureEvent,
    CaptureResult,
    EventType,
    ExitCode,
    LogLevel,
    LowConfidence,
    LowConfidenceCode,
    PdpDiscovery,
    Verdict,
)
from webaudit_operator import outcomes
from webaudit_operator.blobs import BlobInfo
from webaudit_operator.jobs import JobState, PodTrouble, job_name
from webaudit_operator.outcomes import MAX_EVENTS, MAX_MESSAGE, Outcome, Unusable, without_verdict
from webaudit_operator.secrets import object_name
from webaudit_operator.sessions import Session
from webaudit_operator.store.rows import BlobRef, PageKey, PageStatus

OF = session()
CONDITION_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
"""As the API server checks it."""


def artifact(kind: ArtifactType, *, key: PageKey = HD, **changes: Any) -> ArtifactRecord:
    file, content_type = ARTIFACT_FILES[kind]
    values: dict[str, Any] = {
        "type": kind,
        "object_name": object_name(OF, key, file),
        "content_type": content_type,
        "size": 100,
        "sha256": "ab" * 32,
        "crc32c": "AAAAAA==",
        "generation": "666",
        **changes,
    }
    return ArtifactRecord(**values)


ALL = [artifact(kind) for kind in ArtifactType]


def stored(*records: ArtifactRecord, **changes: Any) -> dict[str, BlobInfo | None]:
    """The bucket's own view of these objects."""
    found: dict[str, BlobInfo | None] = {}
    for generation, record in enumerate(records, start=1001):
        info = BlobInfo(record.object_name, generation, record.size, record.crc32c, record.content_type, NOW)
        found[record.object_name] = replace(info, **changes)
    return found


def judge(bucket: Mapping[str, BlobInfo | None] | None = None, *, key: PageKey = HD, **changes: Any) -> Outcome:
    """All the evidence, and a bucket that agrees, unless told otherwise."""
    whole = [artifact(kind, key=key) for kind in ArtifactType]
    changes = {"artifacts": whole, **changes}
    return outcomes.judge(OF, key, result(OF, key, **changes), stored(*whole) if bucket is None else bucket, BUCKET)


def raw(**changes: Any) -> bytes:
    """result.json with these fields as they are, right or wrong."""
    return json.dumps({**result(OF, HD).model_dump(mode="json"), **changes}).encode()


def read(
    text: bytes, *, of: Session = OF, key: PageKey = HD, attempts: frozenset[int] = frozenset({1})
) -> CaptureResult:
    return outcomes.read_result(text, of, key, attempts)


# --- reading result.json


def test_a_good_result_is_read() -> None:
    assert read(raw(artifacts=[a.model_dump(mode="json") for a in ALL])).artifacts == ALL


def test_a_results_word_on_its_session_is_its_resources() -> None:
    told = OF.record.model_dump(mode="json")
    assert read(raw(session=told)).session == OF.record
    assert read(raw(session=None)).session is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(b"", "broken at its start", id="empty"),
        pytest.param(b"{", "broken at its start", id="cut"),
        pytest.param(b"[]", "broken at its start", id="no object"),
        pytest.param(b'\xff\xfe{"a": 1}', "broken at its start", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "broken at its start", id="deep"),
        pytest.param(b"{}", "broken at session_id", id="nothing in it"),
        pytest.param(raw(verdict="maybe"), "broken at verdict", id="unknown verdict"),
        pytest.param(raw(surprise=1), "broken at surprise", id="unknown field"),
        pytest.param(raw(contract_version=2), "contract version 2, not 1", id="another contract"),
        pytest.param(raw(session_id=session("other").uid), "another capture's", id="another session"),
        pytest.param(raw(page="pdp"), "another capture's", id="another page"),
        pytest.param(raw(viewport="mobile"), "another capture's", id="another viewport"),
        pytest.param(raw(attempt=2), "of attempt 2", id="another attempt"),
        pytest.param(
            raw(session={**OF.record.model_dump(mode="json"), "retention_policy": "long"}),
            "another session than its resource",
            id="another retention",
        ),
        pytest.param(raw(started_at="2026-03-01T12:00:00"), "without a zone", id="start without zone"),
        pytest.param(raw(finished_at="2026-03-01T12:00:00"), "without a zone", id="end without zone"),
    ],
)
def test_a_result_that_is_not_this_captures_is_unusable(text: bytes, words: str) -> None:
    with pytest.raises(Unusable, match=words):
        read(text)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("secrets/key.json", id="elsewhere"),
        pytest.param(object_name(session("other"), HD, "screenshot.png"), id="another session"),
        pytest.param(object_name(OF, HM, "screenshot.png"), id="another capture"),
        pytest.param(object_name(OF, HD, "../mobile/screenshot.png"), id="a way out"),
        pytest.param(object_name(OF, HD, "result.json"), id="the result itself"),
        pytest.param(object_name(OF, HD, "page.html.gz"), id="another artifact's"),
        pytest.param(object_name(OF, HD, ""), id="the folder"),
    ],
)
def test_an_artifact_is_the_one_object_of_its_type(name: str) -> None:
    stray = artifact(ArtifactType.SCREENSHOT, object_name=name)
    with pytest.raises(Unusable, match="as screenshot"):
        read(raw(artifacts=[stray.model_dump(mode="json")]))


def test_an_artifact_comes_once() -> None:
    twice = [artifact(ArtifactType.SCREENSHOT).model_dump(mode="json")] * 2
    with pytest.raises(Unusable, match="an artifact twice"):
        read(raw(artifacts=twice))


@pytest.mark.parametrize("sha256", ["", "AB" * 32, "ab" * 31, "ab" * 32 + "\n"])
def test_a_checksum_is_a_checksum(sha256: str) -> None:
    wrong = artifact(ArtifactType.SCREENSHOT, sha256=sha256).model_dump(mode="json")
    with pytest.raises(Unusable, match="no SHA-256 for screenshot"):
        read(raw(artifacts=[wrong]))


def test_what_the_database_can_not_hold_is_taken_out() -> None:
    text = raw(load_timings={"name": "a\0b", "ttfb": float("nan"), "lcp": float("inf")}, message="a\0b")
    assert b"\\u0000" in text
    assert b"NaN" in text
    found = read(text)
    assert found.load_timings == {"name": "a\ufffdb", "ttfb": None, "lcp": None}
    assert found.message == "a\ufffdb"


# --- judging it by the bucket


def test_evidence_the_bucket_agrees_with_is_recorded_with_the_buckets_own_generations() -> None:
    found = judge(stored(*ALL), artifacts=ALL, load_timings={"ttfb": 12})
    assert (found.ok, found.reason, found.message, found.bytes, found.seconds) == (True, "", "", 400, 4.0)
    assert (found.row.page, found.row.status, found.row.load_timings) == (HD, PageStatus.OK, {"ttfb": 12})
    first = found.row.artifacts[0]
    assert first.blob == BlobRef(BUCKET, ALL[0].object_name, 1001)
    assert (first.type, first.size_bytes, first.sha256, first.created_at) == (ALL[0].type, 100, "ab" * 32, NOW)
    assert [a.blob.generation for a in found.row.artifacts] == [1001, 1002, 1003, 1004]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"size": 99}, "99 bytes in the bucket, 100 in result.json", id="size"),
        pytest.param({"crc32c": "BBBBBB=="}, "crc32c BBBBBB== in the bucket, AAAAAA==", id="checksum"),
    ],
)
def test_evidence_the_bucket_does_not_agree_with_is_not_believed(changes: dict[str, Any], words: str) -> None:
    bucket = {**stored(*ALL), **stored(ALL[2], **changes)}
    with pytest.raises(Unusable, match=words) as unusable:
        judge(bucket, artifacts=ALL)
    assert ALL[2].object_name in str(unusable.value)
    assert unusable.value.code == "evidence_mismatch"


@pytest.mark.parametrize("bucket", [{}, {ALL[0].object_name: None}])
def test_evidence_that_is_not_there_is_not_believed(bucket: dict[str, BlobInfo | None]) -> None:
    with pytest.raises(Unusable, match=f"{ALL[0].object_name} is not in the bucket"):
        judge(bucket, artifacts=ALL[:1])


def test_an_ok_without_evidence_is_not_believed_but_a_screenshot_may_fail() -> None:
    with pytest.raises(Unusable, match="says ok and names no features_json, html_gz, visible_text"):
        judge(artifacts=[])
    rest = [one for one in ALL if one.type is not ArtifactType.SCREENSHOT]
    assert judge(artifacts=rest).ok


def test_a_mismatch_leaves_the_reason_to_kubernetes_where_it_has_one() -> None:
    mismatch = Unusable("other bytes", "evidence_mismatch")
    killed = without_verdict(HD, job(OF, HD, JobState.FAILED), pod("OOMKilled", exit_code=137), mismatch, NOW)
    assert killed.reason == "PlatformOOMKilled"
    assert (
        without_verdict(HD, job(OF, HD, JobState.SUCCEEDED), None, mismatch, NOW).reason == "PlatformEvidenceMismatch"
    )


def event(message: str) -> CaptureEvent:
    return CaptureEvent(
        timestamp=NOW, level=LogLevel.INFO, event_type=EventType.NAVIGATION, message=message, details={"event": "x"}
    )


def test_a_failed_page_says_whose_fault_it_is_and_keeps_its_evidence() -> None:
    found = judge(
        stored(ALL[0]),
        artifacts=ALL[:1],
        verdict=Verdict.FAILED,
        reason="http_404",
        blame=Blame.TARGET,
        message="HTTP status 404",
    )
    assert (found.ok, found.reason, found.message) == (False, "TargetHttp404", "HTTP status 404")
    assert len(found.row.artifacts) == 1


def test_a_failed_page_that_gives_no_reason_has_one_all_the_same() -> None:
    found = judge(verdict=Verdict.FAILED)
    assert (found.reason, found.message) == ("TargetUnknown", "TargetUnknown")


@pytest.mark.parametrize(
    ("blame", "code", "reason"),
    [
        (Blame.TARGET, "http_404", "TargetHttp404"),
        (Blame.PLATFORM, "OOMKilled", "PlatformOOMKilled"),
        (Blame.CONFIG, "bad-url", "ConfigBadUrl"),
        (None, "job_failed", "PlatformJobFailed"),
        (Blame.TARGET, "", "TargetUnknown"),
        (Blame.TARGET, "ü ... \n", "TargetUnknown"),
        (Blame.TARGET, "net::ERR_FAILED (-2)", "TargetNetERRFAILED2"),
        (Blame.TARGET, "x" * 10_000, "TargetX" + "x" * 57),
    ],
)
def test_any_code_makes_a_reason_the_api_server_takes(blame: Blame | None, code: str, reason: str) -> None:
    assert outcomes.blamed(blame, code) == reason
    assert CONDITION_REASON.fullmatch(reason)


def test_what_a_capture_says_is_one_line_and_bounded() -> None:
    long = "first\nsecond\r\x1b[31m\0third " + "x" * 10_000
    found = judge(verdict=Verdict.FAILED, reason="e", message=long, final_url="https://acme.com/\n" + "y" * 10_000)
    assert found.message.startswith("first second [31m\ufffdthird xxx")
    assert len(found.message) == MAX_MESSAGE
    assert found.url is not None
    assert len(found.url) == 2048
    assert "\n" not in found.url


def test_events_are_bounded_in_number_and_length() -> None:
    found = judge(events=[event("one\ntwo" + "x" * 10_000)] * (MAX_EVENTS + 100))
    assert len(found.row.events) == MAX_EVENTS
    assert found.row.events[0].message.startswith("one twoxxx")
    assert {len(e.message) for e in found.row.events} == {MAX_MESSAGE}


def test_doubts_are_codes_once_each_and_details_go_to_the_record() -> None:
    doubts = [LowConfidence(code=LowConfidenceCode.MISSING_H1, detail=detail) for detail in ("one", "two")]
    found = judge(low_confidence=doubts)
    assert found.low_confidence == ("missing_h1",)
    assert found.row.low_confidence_reasons == (
        {"code": "missing_h1", "detail": "one"},
        {"code": "missing_h1", "detail": "two"},
    )


def test_a_clock_that_went_back_is_no_negative_duration() -> None:
    assert judge(started_at=NOW, finished_at=NOW - timedelta(seconds=5)).seconds == 0


# --- the product page that was found


@pytest.mark.parametrize(
    ("found", "final", "trusted"),
    [
        pytest.param("https://www.acme-shop.com/p/1#x", None, "https://www.acme-shop.com/p/1", id="same host"),
        pytest.param("https://shop.acme-shop.com/p/1", None, "https://shop.acme-shop.com/p/1", id="same domain"),
        pytest.param("https://other.com/p/1", None, None, id="another shop"),
        pytest.param("https://acme.de/p/1", "https://www.acme.de/", "https://acme.de/p/1", id="after a redirect"),
        pytest.param("https://other.com/p/1", "garbage", None, id="no telling where it ended"),
        pytest.param("javascript:alert(1)", None, None, id="no web address"),
        pytest.param("https://user:pw@www.acme-shop.com/", None, None, id="with credentials"),
        pytest.param("https://www.acme-shop.com/" + "p" * 3000, None, None, id="longer than any address"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_a_product_page_is_trusted_only_on_the_shops_own_site(
    found: str | None, final: str | None, trusted: str | None
) -> None:
    assert judge(pdp=PdpDiscovery(url=found), final_url=final).pdp_url == trusted


def test_only_a_home_page_finds_product_pages() -> None:
    url = "https://www.acme-shop.com/p/1"
    assert judge(key=PD, pdp=PdpDiscovery(url=url)).pdp_url is None
    assert judge(key=HM).pdp_url is None


# --- without a result


def ended(
    trouble: PodTrouble | None = None,
    *,
    state: JobState = JobState.FAILED,
    reason: str = "BackoffLimitExceeded",
    message: str = "Job has reached the specified backoff limit",
    doubt: str | None = None,
) -> Outcome:
    unusable = Unusable(doubt) if doubt else None
    return without_verdict(HD, job(OF, HD, state, reason=reason, message=message), trouble, unusable, NOW)


def pod(reason: str, message: str = "", exit_code: int | None = None) -> PodTrouble:
    return PodTrouble(job_name(OF, HD, 1), reason, message, exit_code)


@pytest.mark.parametrize(
    ("found", "reason", "message"),
    [
        pytest.param(
            ended(pod("OOMKilled", exit_code=137)),
            "PlatformOOMKilled",
            "the capture pod ended as OOMKilled",
            id="memory",
        ),
        pytest.param(
            ended(pod("Evicted", "node low on memory")), "PlatformEvicted", "Evicted: node low on memory", id="evicted"
        ),
        pytest.param(
            ended(pod("ImagePullBackOff", 'Back-off pulling image "x"'), reason="DeadlineExceeded"),
            "ConfigImagePullBackOff",
            'ImagePullBackOff: Back-off pulling image "x"',
            id="image",
        ),
        pytest.param(
            ended(pod("Unschedulable", "0/1 nodes are available"), reason="DeadlineExceeded"),
            "PlatformUnschedulable",
            "Unschedulable: 0/1 nodes are available",
            id="no room",
        ),
        pytest.param(
            ended(pod("Error", exit_code=ExitCode.UNDELIVERED), reason="PodFailurePolicy"),
            "PlatformUploadRefused",
            "the bucket refused the capture's uploads",
            id="exit code 12",
        ),
        pytest.param(
            ended(pod("Error", exit_code=ExitCode.BAD_REQUEST), reason="PodFailurePolicy"),
            "ConfigBadRequest",
            "the capture image does not understand its request; operator and capture image must be of one version",
            id="exit code 13",
        ),
        pytest.param(
            ended(reason="DeadlineExceeded", message="Job was active longer than specified deadline"),
            "PlatformDeadlineExceeded",
            "Job was active longer than specified deadline",
            id="deadline",
        ),
        pytest.param(
            ended(pod("Error", exit_code=1)),
            "PlatformBackoffLimitExceeded",
            "Job has reached the specified backoff limit, exit code 1",
            id="crash",
        ),
        pytest.param(ended(reason="", message=""), "PlatformJobFailed", "the Job failed", id="nothing known"),
        pytest.param(
            ended(state=JobState.SUCCEEDED, reason="", message=""),
            "PlatformResultUnusable",
            "the capture left no result.json",
            id="well, but without a word",
        ),
        pytest.param(
            ended(doubt="result.json is another capture's"),
            "PlatformResultUnusable",
            "result.json is another capture's",
            id="with an unusable result",
        ),
    ],
)
def test_without_a_result_the_page_fails_with_what_kubernetes_knows(found: Outcome, reason: str, message: str) -> None:
    assert (found.ok, found.reason, found.message) == (False, reason, message)
    assert CONDITION_REASON.fullmatch(reason)


def test_a_failure_is_one_event_of_the_record_at_the_jobs_end() -> None:
    late = NOW + timedelta(hours=1)
    found = without_verdict(HD, job(OF, HD, JobState.FAILED, reason="DeadlineExceeded"), None, None, late)
    (told,) = found.row.events
    assert (told.level, told.event_type, told.timestamp) == (LogLevel.ERROR, EventType.ERROR, NOW)
    assert told.details == {
        "event": "page_failed",
        "reason": "PlatformDeadlineExceeded",
        "page": "homepage",
        "viewport": "desktop",
    }
    assert (found.row.status, found.row.artifacts, found.row.finished_at) == (PageStatus.FAILED, (), NOW)


def test_a_job_that_does_not_say_when_it_ended_ended_now() -> None:
    open_ended = replace(job(OF, HD, JobState.FAILED), ended=None)
    assert without_verdict(HD, open_ended, None, None, datetime(2027, 1, 1, tzinfo=UTC)).row.finished_at.year == 2027
