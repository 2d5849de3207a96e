"""The planner as a table of situations: what was seen -> what is done and what status says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from testkit.operator import HD, HM, NOW, PD, PM, job, observed, outcome, session, with_status
from webaudit_capture.contract import Blame, Verdict
from webaudit_operator import planner
from webaudit_operator.admission import Verdict as Obstacle
from webaudit_operator.jobs import JobState, PodTrouble, job_name
from webaudit_operator.planner import (
    AddFinalizer,
    DeleteJob,
    DeleteSession,
    Plan,
    PurgeEvidence,
    ReleaseFinalizer,
    ResumeJob,
    StartCapture,
    SuspendJob,
)
from webaudit_operator.sessions import FINALIZER, Session
from webaudit_operator.status import mirrored, stopping, with_refusals

PDP = "https://www.acme-shop.com/products/tent"


def pages(plan: Plan) -> dict[str, str]:
    assert plan.status is not None
    return {f"{page['page']} {page['viewport']}": page["status"] for page in plan.status["pages"]}


def condition(plan: Plan, kind: str) -> dict[str, Any]:
    assert plan.status is not None
    return next(c for c in plan.status["conditions"] if c["type"] == kind)


def running(of: Session, **spec: Any) -> Session:
    """The session after its first look: home pages started."""
    plan = planner.plan(observed(of))
    assert plan.status is not None
    return with_status(of, plan.status, **spec)


def finished(of: Session, **spec: Any) -> Session:
    found = [outcome(of, HD, pdp=PDP), outcome(of, HM), outcome(of, PD), outcome(of, PM)]
    plan = planner.plan(observed(running(of), *(job(of, o.key, JobState.SUCCEEDED) for o in found), outcomes=(*found,)))
    assert plan.status is not None
    return with_status(of, mirrored(plan.status, ok=True, reason="UpToDate", message="", now=NOW), **spec)


def test_a_free_session_starts_its_home_pages_only() -> None:
    plan = planner.plan(observed(session()))
    assert plan.actions == (StartCapture(HD, 1, None), StartCapture(HM, 1, None))
    assert pages(plan) == {
        "homepage desktop": "running",
        "homepage mobile": "running",
        "pdp desktop": "pending",
        "pdp mobile": "pending",
    }
    assert plan.status is not None
    assert (plan.status["phase"], plan.status["summary"], plan.status["attempts"]) == ("Running", "0/4", 1)


def test_with_a_product_page_given_all_start_at_once() -> None:
    plan = planner.plan(observed(session(spec={"pdpUrl": PDP})))
    assert [action.key for action in plan.actions if isinstance(action, StartCapture)] == [HD, HM, PD, PM]


def test_who_waits_is_queued_and_told_why() -> None:
    plan = planner.plan(observed(session(), obstacle=Obstacle("DomainBusy", "acme is busy; place 2")))
    assert plan.actions == ()
    assert plan.status is not None
    assert plan.status["phase"] == "Queued"
    assert (condition(plan, "Admitted")["status"], condition(plan, "Admitted")["reason"]) == ("False", "DomainBusy")
    assert condition(plan, "Ready")["message"] == "acme is busy; place 2"


def test_spacing_is_waited_for_exactly() -> None:
    earliest = NOW + timedelta(seconds=1.5)
    plan = planner.plan(observed(session(), obstacle=Obstacle("DomainSpacing", "", earliest)))
    assert plan.look_again == timedelta(seconds=1.5)


def test_jobs_made_just_before_a_crash_count_as_started() -> None:
    of = session()
    plan = planner.plan(observed(of, job(of, HD), obstacle=Obstacle("DomainBusy", "")))
    assert plan.actions == (StartCapture(HM, 1, None),)


def test_the_product_page_waits_for_all_home_pages() -> None:
    of = running(session())
    first = planner.plan(
        observed(of, job(of, HD, JobState.SUCCEEDED), job(of, HM), outcomes=(outcome(of, HD, pdp=PDP),))
    )
    assert first.actions == ()
    assert first.status is not None
    assert first.status["pdpUrl"] == PDP
    of = with_status(of, first.status)
    second = planner.plan(observed(of, job(of, HM, JobState.SUCCEEDED), outcomes=(outcome(of, HM),)))
    assert second.actions == (StartCapture(PD, 1, PDP), StartCapture(PM, 1, PDP))


def test_four_good_pages_complete_the_session() -> None:
    of = finished(session())
    assert (of.status["phase"], of.status["summary"]) == ("Completed", "4/4")
    kinds = {c["type"]: c["status"] for c in of.status["conditions"]}
    assert kinds == {"Admitted": "True", "Ready": "True", "Complete": "True", "Mirrored": "True"}


def test_no_product_page_is_partial_and_says_so() -> None:
    of = running(session())
    done = (outcome(of, HD, pdp=None), outcome(of, HM))
    plan = planner.plan(observed(of, outcomes=done))
    assert plan.status is not None
    assert (plan.status["phase"], plan.status["errorSummary"]) == ("Partial", "PDP not found")
    assert condition(plan, "Ready")["reason"] == "PdpNotFound"
    assert plan.actions == ()


@pytest.mark.parametrize(
    ("code", "blame", "reason"),
    [("http_404", Blame.TARGET, "TargetHttp404"), ("renderer_crash", Blame.PLATFORM, "PlatformRendererCrash")],
)
def test_a_failed_shop_names_whose_fault_it_is(code: str, blame: Blame, reason: str) -> None:
    of = running(session())
    bad = {"verdict": Verdict.FAILED, "reason": code, "blame": blame, "message": "no luck"}
    plan = planner.plan(observed(of, outcomes=(outcome(of, HD, **bad), outcome(of, HM, **bad))))
    assert plan.status is not None
    assert plan.status["phase"] == "Failed"
    assert condition(plan, "Failed")["reason"] == condition(plan, "Stalled")["reason"] == reason
    assert plan.status["errorSummary"] == "homepage desktop: no luck (and 3 more)"
    assert plan.status["pages"][2]["reason"].endswith("HomepageFailed")


def test_a_job_deleted_by_hand_is_made_again() -> None:
    of = running(session())
    plan = planner.plan(observed(of, job(of, HM)))
    assert plan.actions == (StartCapture(HD, 1, None),)


def test_a_job_that_is_being_deleted_is_waited_for() -> None:
    of = running(session())
    plan = planner.plan(observed(of, job(of, HM), job(of, HD, deleting=True)))
    assert plan.actions == ()


def test_an_unreadable_bucket_fails_nothing() -> None:
    of = running(session())
    plan = planner.plan(
        observed(of, job(of, HD, JobState.SUCCEEDED), job(of, HM), unread={HD: "the bucket can't be read: 503"})
    )
    assert pages(plan)["homepage desktop"] == "running"
    assert plan.status is not None
    assert plan.status["pages"][0]["reason"] == "ResultUnread"


def test_an_unreadable_bucket_restarts_no_capture_whose_job_expired() -> None:
    of = running(session())
    plan = planner.plan(observed(of, unread={HD: "503", HM: "503"}))
    assert plan.actions == ()


def test_refused_uploads_are_signed_anew_once() -> None:
    of = running(session())
    refused = {"verdict": Verdict.FAILED, "reason": "upload_refused", "blame": Blame.PLATFORM}
    once = planner.plan(observed(of, job(of, HD, JobState.FAILED), job(of, HM), outcomes=(outcome(of, HD, **refused),)))
    assert once.actions == (StartCapture(HD, 2, None),)
    assert once.status is not None
    assert once.status["attempts"] == 2
    twice = planner.plan(
        observed(
            with_status(of, once.status),
            job(of, HD, JobState.FAILED),
            job(of, HD, JobState.FAILED, attempt=2),
            job(of, HM),
            outcomes=(outcome(of, HD, **refused),),
        )
    )
    assert twice.actions == ()
    assert pages(twice)["homepage desktop"] == "failed"


def test_a_pod_that_does_not_run_is_explained() -> None:
    of = running(session())
    trouble = PodTrouble(job_name(of, HD, 1), "ImagePullBackOff", "no such image")
    plan = planner.plan(observed(of, job(of, HD), job(of, HM), troubles=(trouble,)))
    assert plan.status is not None
    entry = plan.status["pages"][0]
    assert (entry["status"], entry["reason"], entry["message"]) == ("running", "ImagePullBackOff", "no such image")


def test_suspending_stops_running_jobs_and_resuming_lets_them_go_on() -> None:
    of = running(session(), suspend=True)
    plan = planner.plan(observed(of, job(of, HD), job(of, HM)))
    assert plan.actions == (SuspendJob(job_name(of, HD, 1)), SuspendJob(job_name(of, HM, 1)))
    assert (condition(plan, "Admitted")["reason"], condition(plan, "Ready")["reason"]) == ("Suspended", "Suspended")
    assert plan.status is not None
    of = with_status(of, plan.status, suspend=False)
    again = planner.plan(observed(of, job(of, HD, JobState.SUSPENDED), job(of, HM, JobState.SUSPENDED)))
    assert again.actions == (ResumeJob(HD, job_name(of, HD, 1), 1, 2), ResumeJob(HM, job_name(of, HM, 1), 1, 2))
    assert again.status is not None
    assert again.status["attempts"] == 2


def test_a_start_over_that_was_interrupted_goes_on_under_its_number() -> None:
    of = running(session())
    resumed, suspended = job(of, HD, resumed=2), job(of, HM, JobState.SUSPENDED)
    plan = planner.plan(observed(of, resumed, suspended))
    assert plan.actions == (ResumeJob(HM, job_name(of, HM, 1), 1, 2),)
    assert plan.status is not None
    assert plan.status["attempts"] == 2
    refused = {"verdict": Verdict.FAILED, "reason": "upload_refused", "blame": Blame.PLATFORM}
    signed_anew = (job(of, HD, JobState.FAILED), job(of, HD, attempt=2), job(of, HM, JobState.FAILED))
    plan = planner.plan(observed(of, *signed_anew, outcomes=(outcome(of, HM, **refused),)))
    assert plan.actions == (StartCapture(HM, 2, None),)
    assert plan.status is not None
    assert plan.status["attempts"] == 2


@pytest.mark.parametrize("start_over", ["signed anew", "resumed"])
def test_a_start_over_that_is_refused_again_and_again_is_one(start_over: str) -> None:
    of = running(session())
    refused = {"verdict": Verdict.FAILED, "reason": "upload_refused", "blame": Blame.PLATFORM}
    seen: dict[str, Any] = {"jobs": [job(of, HD, JobState.SUSPENDED), job(of, HM)]}
    if start_over == "signed anew":
        seen = {"jobs": [job(of, HD, JobState.FAILED), job(of, HM)], "outcomes": (outcome(of, HD, **refused),)}
    told = []
    for _ in range(3):
        plan = planner.plan(observed(of, *seen["jobs"], outcomes=seen.get("outcomes", ())))
        assert len(plan.actions) == 1
        assert plan.status is not None
        told.append(with_refusals(plan.status, {HD: Obstacle("SigningFailed", "403")}))
        of = with_status(of, told[-1])
    assert told[0]["attempts"] == 2
    assert told[0] == told[1] == told[2]


def test_a_session_of_which_nothing_could_be_started_waits_and_says_why() -> None:
    seen = observed(session())
    plan = planner.held_back(seen, Obstacle("JobRefused", "exceeded quota: pods"))
    assert plan.actions == ()
    assert plan.status is not None
    assert (plan.status["phase"], plan.status["attempts"], "startTime" in plan.status) == ("Queued", 0, False)
    assert condition(plan, "Admitted")["status"] == "False"
    assert (condition(plan, "Ready")["reason"], condition(plan, "Ready")["message"]) == (
        "JobRefused",
        "exceeded quota: pods",
    )
    assert plan.look_again is not None


def test_a_suspended_session_starts_nothing_new() -> None:
    of = running(session(), suspend=True)
    done = (outcome(of, HD, pdp=PDP), outcome(of, HM))
    assert planner.plan(observed(of, outcomes=done)).actions == ()


def test_looking_twice_changes_nothing() -> None:
    of = running(session())
    plan = planner.plan(observed(of, job(of, HD), job(of, HM), now=NOW + timedelta(minutes=1)))
    assert plan.actions == ()
    assert plan.status == dict(of.status)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"url": "https://user:pw@acme-shop.com/"}, "ConfigBadUrl", "without user name"),
        ({"pdpUrl": "https://other.com/p/1"}, "ConfigForeignPdpUrl", "spec.pdpUrl is on other.com"),
        ({"pages": ["pdp"]}, "ConfigPdpUrlMissing", "set spec.pdpUrl"),
    ],
)
def test_a_fault_in_the_manifest_fails_at_once_and_says_what_to_write(
    spec: dict[str, Any], reason: str, words: str
) -> None:
    plan = planner.plan(observed(session(spec=spec)))
    assert plan.actions == ()
    assert condition(plan, "Failed")["reason"] == reason
    assert words in condition(plan, "Failed")["message"]


def test_the_promise_to_delete_is_made_before_anything_starts() -> None:
    plan = planner.plan(observed(session(spec={"deletionPolicy": "Delete"})))
    assert plan.actions == (AddFinalizer(),)
    assert plan.status is None


def test_switching_to_retain_releases_the_promise_also_of_a_stuck_deletion() -> None:
    kept = session(finalizers=[FINALIZER])
    assert planner.plan(observed(kept)).actions == (ReleaseFinalizer(),)
    stuck = session(finalizers=[FINALIZER], deletionTimestamp="2026-03-01T11:00:00Z")
    assert planner.plan(observed(stuck, job(stuck, HD))).actions == (ReleaseFinalizer(),)


def test_a_deleted_session_loses_its_jobs_first_and_its_evidence_then() -> None:
    doomed = session(
        spec={"deletionPolicy": "Delete"}, finalizers=[FINALIZER], deletionTimestamp="2026-03-01T11:00:00Z"
    )
    first = planner.plan(observed(doomed, job(doomed, HD), job(doomed, HM, deleting=True)))
    assert first.actions == (DeleteJob(job_name(doomed, HD, 1)),)
    assert planner.plan(observed(doomed)).actions == (PurgeEvidence(), ReleaseFinalizer())


def test_a_finished_session_stays_as_it_is() -> None:
    assert planner.plan(observed(finished(session()))) == Plan()


def test_an_edit_of_a_finished_session_moves_only_the_generation() -> None:
    of = finished(session())
    edited = Session({**of.body, "metadata": {**of.body["metadata"], "generation": 2}})
    plan = planner.plan(observed(edited))
    assert plan.status is not None
    assert plan.status["observedGeneration"] == 2
    assert {c["observedGeneration"] for c in plan.status["conditions"]} == {2}
    assert {**plan.status, "observedGeneration": 1, "conditions": of.status["conditions"]} == of.status


def test_time_to_live_deletes_the_resource_only_when_the_record_has_it_all() -> None:
    of = finished(session(), ttlSecondsAfterFinished=60)
    assert planner.plan(observed(of)).look_again == timedelta(seconds=60)
    assert planner.plan(observed(of, now=NOW + timedelta(seconds=60))).actions == (DeleteSession(),)
    behind = mirrored(dict(of.status), ok=False, reason="DatabaseUnavailable", message="", now=NOW)
    assert planner.plan(observed(with_status(of, behind), now=NOW + timedelta(days=1))) == Plan()


def told_to_stop(of: Session, **spec: Any) -> Session:
    return with_status(of, stopping(of, "replaced by acme-2", NOW), **spec)


def test_a_session_that_is_to_stop_ends_its_jobs_first() -> None:
    of = told_to_stop(running(session()))
    plan = planner.plan(observed(of, job(of, HD), job(of, HM, deleting=True)))
    assert plan.actions == (DeleteJob(job_name(of, HD, 1)),)
    assert plan.status is not None
    assert (plan.status["phase"], condition(plan, "Stopping")["reason"]) == ("Running", "ConfigReplaced")
    assert condition(plan, "Ready")["message"] == "replaced by acme-2; its Jobs are ending"
    assert plan.look_again is not None


def test_a_session_that_was_stopped_is_failed_with_the_reason_and_keeps_what_it_has() -> None:
    of = told_to_stop(running(session()))
    done = outcome(of, HD, pdp=PDP)
    plan = planner.plan(observed(of, job(of, HD, JobState.SUCCEEDED), outcomes=(done,)))
    assert plan.actions == ()
    assert pages(plan) == {
        "homepage desktop": "ok",
        "homepage mobile": "failed",
        "pdp desktop": "failed",
        "pdp mobile": "failed",
    }
    assert plan.status is not None
    assert (plan.status["phase"], plan.status["errorSummary"]) == ("Failed", "replaced by acme-2")
    kinds = {c["type"]: (c["status"], c["reason"]) for c in plan.status["conditions"]}
    assert kinds["Failed"] == kinds["Stalled"] == ("True", "ConfigReplaced")
    assert "Stopping" not in kinds
    assert plan.status["evidence"]["artifacts"] == 4


def test_a_result_that_cannot_be_read_yet_is_waited_for_before_a_session_is_stopped() -> None:
    of = told_to_stop(running(session()))
    plan = planner.plan(observed(of, job(of, HD, JobState.SUCCEEDED), unread={HD: "the bucket is away"}))
    assert plan.status is not None
    assert plan.status["phase"] == "Running"
    assert plan.look_again is not None


def test_a_session_that_never_started_is_stopped_at_once_suspended_or_not() -> None:
    for of in (session(), session(spec={"suspend": True})):
        plan = planner.plan(observed(told_to_stop(of), obstacle=Obstacle("DomainBusy", "busy")))
        assert plan.actions == ()
        assert plan.status is not None
        assert (plan.status["phase"], plan.status.get("startTime")) == ("Failed", None)


def test_a_session_that_is_held_outlives_its_time_to_live() -> None:
    of = finished(session(annotations={"webaudit.dev/hold": "legal"}), ttlSecondsAfterFinished=0)
    assert planner.plan(observed(of, now=NOW + timedelta(days=1))).actions == ()
    let_go = finished(session(annotations={"webaudit.dev/hold": "false"}), ttlSecondsAfterFinished=0)
    assert planner.plan(observed(let_go, now=NOW + timedelta(days=1))).actions == (DeleteSession(),)
