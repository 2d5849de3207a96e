"""The status as people and tools read it: sums, sentences, bounds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from testkit.operator import BUCKET, HD, HM, NOW, PD, PM, POLICY, outcome, session, with_status
from webaudit_capture.contract import Blame, LowConfidence, LowConfidenceCode, Verdict
from webaudit_operator import status
from webaudit_operator.admission import Verdict as Obstacle
from webaudit_operator.sessions import Session, format_time
from webaudit_operator.status import Facts, PageState
from webaudit_operator.store.rows import PageKey

ALL = (HD, HM, PD, PM)
LATER = NOW + timedelta(minutes=5)


def facts(*pages: PageState, **changes: Any) -> Facts:
    plain = Facts(
        pages=pages,
        new=(),
        admitted=True,
        obstacle=None,
        attempts=1,
        pdp_url=None,
        policy_version=POLICY,
        bucket=BUCKET,
        now=NOW,
    )
    return replace(plain, **changes)


def page(key: PageKey, text: status.PageStatusText, **changes: Any) -> PageState:
    return PageState(key, text, **changes)


def pages(*texts: status.PageStatusText) -> tuple[PageState, ...]:
    return tuple(page(key, text) for key, text in zip(ALL, texts, strict=True))


def all_pages(text: status.PageStatusText) -> tuple[PageState, ...]:
    return pages(text, text, text, text)


def condition(of: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in of["conditions"] if c["type"] == kind)
    return found


@pytest.mark.parametrize(
    ("texts", "admitted", "phase"),
    [
        (("pending", "pending", "pending", "pending"), False, "Queued"),
        (("pending", "pending", "pending", "pending"), True, "Running"),
        (("ok", "ok", "ok", "running"), True, "Running"),
        (("ok", "failed", "pending", "pending"), True, "Running"),
        (("ok", "ok", "ok", "ok"), True, "Completed"),
        (("failed", "failed", "failed", "ok"), True, "Partial"),
        (("failed", "failed", "failed", "failed"), True, "Failed"),
        (("failed", "failed", "failed", "failed"), False, "Failed"),
    ],
)
def test_the_phase_follows_from_the_pages(texts: tuple[status.PageStatusText, ...], admitted: bool, phase: str) -> None:
    assert status.phase_of(facts(*pages(*texts), admitted=admitted)) == phase


@pytest.mark.parametrize(
    ("phase", "texts", "kinds"),
    [
        ("Queued", ("pending",) * 4, {"Admitted": "False", "Ready": "False", "Reconciling": "True"}),
        ("Running", ("running",) * 4, {"Admitted": "True", "Ready": "False", "Reconciling": "True"}),
        ("Completed", ("ok",) * 4, {"Admitted": "True", "Ready": "True", "Complete": "True"}),
        ("Partial", ("ok", "ok", "failed", "failed"), {"Admitted": "True", "Ready": "True", "Complete": "True"}),
        ("Failed", ("failed",) * 4, {"Admitted": "True", "Ready": "False", "Failed": "True", "Stalled": "True"}),
    ],
)
def test_each_phase_has_its_conditions_and_no_others(
    phase: str, texts: tuple[status.PageStatusText, ...], kinds: dict[str, str]
) -> None:
    built = status.build(session(), facts(*pages(*texts), admitted=phase != "Queued"))
    assert built["phase"] == phase
    assert {c["type"]: c["status"] for c in built["conditions"]} == kinds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (41, "41s"), (60, "1m0s"), (200, "3m20s"), (3599, "59m59s"), (3600, "1h0m"), (3900, "1h5m")],
)
def test_durations_read_as_kubectl_prints_ages(seconds: int, text: str) -> None:
    of = session(status={"startTime": format_time(NOW), "phase": "Running"})
    built = status.build(of, facts(*all_pages("ok"), now=NOW + timedelta(seconds=seconds)))
    assert built["duration"] == text


def test_times_are_set_once() -> None:
    first = status.build(session(), facts(*pages("running", "running", "pending", "pending")))
    assert first["startTime"] == format_time(NOW)
    assert "completionTime" not in first
    ended = status.build(with_status(session(), first), facts(*all_pages("ok"), now=LATER))
    assert (ended["startTime"], ended["completionTime"]) == (format_time(NOW), format_time(LATER))
    again = status.build(with_status(session(), ended), facts(*all_pages("ok"), now=LATER + timedelta(hours=1)))
    assert again["completionTime"] == format_time(LATER)


def test_who_waits_has_no_start() -> None:
    built = status.build(
        session(), facts(*all_pages("pending"), admitted=False, obstacle=Obstacle("OperatorLimit", "place 3"))
    )
    assert "startTime" not in built
    assert (condition(built, "Admitted")["reason"], condition(built, "Ready")["message"]) == (
        "OperatorLimit",
        "place 3",
    )


def test_who_runs_is_told_what_runs() -> None:
    built = status.build(session(), facts(*pages("ok", "running", "pending", "pending")))
    assert condition(built, "Ready")["message"].startswith("1 of 4 pages ok; running: ")
    assert built["summary"] == "1/4"


def test_the_summary_of_errors_names_the_first_and_counts_the_rest() -> None:
    bad = [page(key, "failed", reason="TargetHttp500", message="HTTP status 500") for key in (HM, PD)]
    assert status.error_summary([page(HD, "ok"), *bad]) == "homepage mobile: HTTP status 500 (and 1 more)"
    assert status.error_summary([page(HD, "ok")]) is None


def test_without_a_message_the_reason_speaks() -> None:
    assert status.error_summary([page(PD, "failed", reason="PlatformEvicted")]) == "pdp desktop: PlatformEvicted"


def test_a_missing_product_page_is_the_summary_only_when_nothing_else_failed() -> None:
    missing = [page(key, "failed", reason="TargetPdpNotFound", message="PDP not found") for key in (PD, PM)]
    assert status.error_summary([page(HD, "ok"), page(HM, "ok"), *missing]) == "PDP not found"
    mobile = page(HM, "failed", reason="TargetHttp403", message="HTTP status 403")
    assert status.error_summary([page(HD, "ok"), mobile, *missing]) == "homepage mobile: HTTP status 403 (and 2 more)"


def test_the_final_url_is_the_home_page_as_the_desktop_saw_it() -> None:
    seen = [page(key, "ok", url=f"https://acme.com/{key.page}-{key.viewport}") for key in reversed(ALL)]
    assert status.build(session(), facts(*seen))["finalUrl"] == "https://acme.com/homepage-desktop"
    failed = [replace(state, status="failed") if state.key == HD else state for state in seen]
    assert status.build(session(), facts(*failed))["finalUrl"] == "https://acme.com/homepage-mobile"


def test_evidence_adds_up_over_several_looks() -> None:
    of = with_status(session(), {"evidence": {"uri": "gs://old/", "artifacts": 4, "bytes": 1000}})
    built = status.build(of, facts(*pages("ok", "ok", "running", "running")))
    assert built["evidence"] == {
        "uri": f"gs://{BUCKET}/acme-shop.com__{of.uid}/",
        "artifacts": 4,
        "bytes": 1000,
    }


def test_no_evidence_is_promised_before_there_is_some() -> None:
    assert "evidence" not in status.build(session(), facts(*all_pages("running")))


def test_doubt_about_one_page_is_doubt_about_the_session() -> None:
    doubtful = page(HD, "ok", low_confidence=("missing_h1",))
    assert status.build(session(), facts(doubtful, page(HM, "ok")))["lowConfidence"] is True
    assert status.build(session(), facts(page(HM, "ok")))["lowConfidence"] is False


def test_a_page_keeps_nothing_that_is_not_known() -> None:
    assert page(HD, "pending").entry() == {"page": "homepage", "viewport": "desktop", "status": "pending"}


def test_a_page_reads_back_as_it_was_written() -> None:
    state = PageState(HD, "failed", "job-1", "TargetBotWall", "walled", ("missing_h1",), "https://acme.com/", 4.1)
    assert PageState.read(HD, state.entry()) == state


def test_a_page_settles_by_its_outcome() -> None:
    of = session()
    low = [LowConfidence(code=LowConfidenceCode.MISSING_H1, detail="no h1")]
    settled = PageState(HD, "running", "job-1", reason="ImagePullBackOff").settle(outcome(of, HD, low_confidence=low))
    assert settled == PageState(HD, "ok", "job-1", None, None, ("missing_h1",), of.url, 4.0)


def test_the_copy_in_the_record_is_told_without_touching_the_rest() -> None:
    built = status.build(session(), facts(*all_pages("running")))
    first = status.mirrored(built, ok=True, reason="UpToDate", message="", now=NOW)
    assert [c["type"] for c in first["conditions"]] == ["Admitted", "Ready", "Reconciling", "Mirrored"]
    again = status.mirrored(first, ok=True, reason="UpToDate", message="", now=LATER)
    assert again == first
    behind = status.mirrored(first, ok=False, reason="DatabaseUnavailable", message="no route", now=LATER)
    assert condition(behind, "Mirrored") == {
        "type": "Mirrored",
        "status": "False",
        "reason": "DatabaseUnavailable",
        "message": "no route",
        "observedGeneration": 1,
        "lastTransitionTime": format_time(LATER),
    }
    assert [c for c in behind["conditions"] if c["type"] != "Mirrored"] == built["conditions"]


def test_a_new_look_keeps_what_was_said_of_the_record() -> None:
    built = status.build(session(), facts(*all_pages("running")))
    told = status.mirrored(built, ok=False, reason="DatabaseUnavailable", message="no route", now=NOW)
    again = status.build(with_status(session(), told), facts(*all_pages("running"), now=LATER))
    assert again == told


def test_a_refused_job_is_pending_with_the_words_of_the_api_server() -> None:
    built = status.build(
        session(), facts(page(HD, "running", job="a-1"), page(HM, "running", job="a-2"), page(PD, "pending"))
    )
    told = status.with_refusals(built, {HM: Obstacle("JobRefused", "exceeded quota: " + "x" * 500)})
    desktop, mobile, pdp = told["pages"]
    assert (desktop, pdp) == (built["pages"][0], built["pages"][2])
    assert (mobile["status"], mobile["reason"], "job" in mobile) == ("pending", "JobRefused", False)
    assert mobile["message"].startswith("exceeded quota: ")
    assert len(mobile["message"]) == status.MAX_MESSAGE
    assert built["pages"][1]["status"] == "running", "the status given is not changed"


def test_a_status_stays_small_whatever_the_captures_say() -> None:
    of = session(name="n" * 253, spec={"url": "https://acme-shop.com/" + "u" * 2000})
    doubts = [LowConfidence(code=code, detail="d" * 10_000) for code in LowConfidenceCode] * 50
    big: dict[str, Any] = {
        "verdict": Verdict.FAILED,
        "reason": "r" * 100_000,
        "message": "m" * 100_000,
        "blame": Blame.TARGET,
        "final_url": "https://acme-shop.com/" + "f" * 1_000_000,
        "low_confidence": doubts,
    }
    found = tuple(outcome(of, key, **big) for key in ALL)
    settled = [PageState(o.key, job="j" * 63).settle(o) for o in found]
    built = status.build(of, facts(*settled, new=found, pdp_url=of.url))
    built = status.mirrored(built, ok=False, reason="DatabaseUnavailable", message="m" * 100_000, now=NOW)
    assert len(json.dumps(built)) < 64 * 1024
    assert max(len(p["lowConfidence"]) for p in built["pages"]) == len(LowConfidenceCode)


def test_an_edit_of_a_finished_session_is_seen() -> None:
    built = status.build(session(), facts(*all_pages("ok")))
    of = with_status(session(), built)
    edited = Session({**of.body, "metadata": {**of.body["metadata"], "generation": 7}})
    seen = status.observed(edited)
    assert seen["observedGeneration"] == 7
    assert {c["observedGeneration"] for c in seen["conditions"]} == {7}
    assert seen["pages"] == built["pages"]
