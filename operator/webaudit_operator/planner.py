"""What to do about a session: a pure function of what was seen and the time. Nothing here acts.

Reads top to bottom as the life of a session: gone, over, faulty, waiting, running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from webaudit_capture import urls
from webaudit_capture.contract import Blame, PageType
from webaudit_operator import status
from webaudit_operator.admission import Verdict
from webaudit_operator.jobs import JobState, JobView, PodTrouble, job_name
from webaudit_operator.outcomes import Outcome, blamed
from webaudit_operator.sessions import FINALIZER, Session
from webaudit_operator.status import PDP_NOT_FOUND, Facts, PageState
from webaudit_operator.store.rows import PageKey

UPLOAD_REFUSED = blamed(Blame.PLATFORM, "upload_refused")
RECHECK_WAITING = timedelta(seconds=30)
RECHECK_RUNNING = timedelta(seconds=15)
RECHECK_STOPPING = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class StartCapture:
    """Create the Secret of this attempt if need be, then the Job."""

    key: PageKey
    attempt: int
    url: str | None
    """Only when the request in the Secret does not hold it: a product page that was found."""


@dataclass(frozen=True, slots=True)
class SuspendJob:
    name: str


@dataclass(frozen=True, slots=True)
class ResumeJob:
    """Let the Job's pods run again, with fresh signatures."""

    key: PageKey
    name: str
    attempt: int
    """Whose Secret its pods mount."""
    resumed: int
    """Which start of the session this is."""


@dataclass(frozen=True, slots=True)
class DeleteJob:
    name: str


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Before anything is started: the promise of deletionPolicy Delete."""


@dataclass(frozen=True, slots=True)
class PurgeEvidence:
    """Delete the session's objects, with receipts, and close its record."""


@dataclass(frozen=True, slots=True)
class ReleaseFinalizer:
    """Let Kubernetes delete the resource."""


@dataclass(frozen=True, slots=True)
class DeleteSession:
    """ttlSecondsAfterFinished has passed."""


Action = (
    StartCapture | SuspendJob | ResumeJob | DeleteJob | AddFinalizer | PurgeEvidence | ReleaseFinalizer | DeleteSession
)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything one look has found."""

    session: Session
    jobs: tuple[JobView, ...]
    outcomes: Mapping[PageKey, Outcome]
    """Of captures that ended and are not settled in status yet."""
    unread: Mapping[PageKey, str]
    """Captures that ended but whose result can't be read now, and why."""
    troubles: Mapping[str, PodTrouble]
    """By Job: why its pod does not run, or how it ended."""
    obstacle: Verdict | None
    policy_version: str
    bucket: str
    now: datetime

    def job_of(self, key: PageKey) -> JobView | None:
        return newest_job(self.jobs, key)


@dataclass(frozen=True, slots=True)
class Plan:
    actions: tuple[Action, ...] = ()
    status: dict[str, Any] | None = None
    """None: leave it as it is."""
    look_again: timedelta | None = None


def newest_job(jobs: tuple[JobView, ...], key: PageKey) -> JobView | None:
    """Of a capture's Jobs the one that counts."""
    return max((job for job in jobs if job.capture == key), key=lambda job: job.attempt, default=None)


def plan(seen: Observed) -> Plan:
    """Decide. The actions are in order, each safe to repeat."""
    session = seen.session
    if session.deleting:
        return _plan_deletion(seen)
    if session.deletes_evidence and FINALIZER not in session.finalizers:
        return Plan(actions=(AddFinalizer(),), look_again=timedelta(0))
    if not session.deletes_evidence and FINALIZER in session.finalizers:
        return Plan(actions=(ReleaseFinalizer(),), look_again=timedelta(0))
    if session.finished:
        return _plan_finished(seen)
    if fault := config_fault(session):
        pages = tuple(PageState(key, "failed", reason=fault.reason, message=fault.message) for key in session.captures)
        return Plan(status=status.build(session, _facts(seen, pages, admitted=False)))
    if session.stopping is not None:
        return _plan_stopping(seen, Verdict(session.stopping["reason"], session.stopping["message"]))
    if not admitted(session, seen.jobs) and seen.obstacle is not None:
        return _plan_waiting(seen, seen.obstacle)
    return _plan_running(seen)


def admitted(session: Session, jobs: tuple[JobView, ...]) -> bool:
    """Once started, a session keeps its place: by its status, or by Jobs made just before a crash."""
    return session.started is not None or bool(jobs)


def config_fault(session: Session) -> Verdict | None:
    """What the CRD's rules can't see and no retry can mend."""
    try:
        session.url, session.pdp_url  # noqa: B018 - reading is the check
    except urls.BadUrl as error:
        return Verdict(blamed(Blame.CONFIG, "bad_url"), str(error))
    if session.pdp_url and not urls.same_site(session.url, session.pdp_url):
        return Verdict(
            blamed(Blame.CONFIG, "foreign_pdp_url"),
            f"spec.pdpUrl is on {urls.registrable_domain(session.pdp_url)}, spec.url on {session.domain}; "
            "both must be of one registrable domain",
        )
    wants_pdp = any(key.page is PageType.PDP for key in session.captures)
    if wants_pdp and session.pdp_url is None and session.discoverer is None:
        return Verdict(
            blamed(Blame.CONFIG, "pdp_url_missing"),
            "spec.pages has no homepage to find the product page from; set spec.pdpUrl",
        )
    return None


def _plan_deletion(seen: Observed) -> Plan:
    """Without our finalizer Kubernetes cleans up alone; with it, Jobs go first, so that nothing is uploaded later."""
    session = seen.session
    if FINALIZER not in session.finalizers:
        return Plan()
    if not session.deletes_evidence:
        return Plan(actions=(ReleaseFinalizer(),))
    if seen.jobs:
        doomed = tuple(DeleteJob(job.name) for job in seen.jobs if not job.deleting)
        return Plan(actions=doomed, look_again=RECHECK_STOPPING)
    return Plan(actions=(PurgeEvidence(), ReleaseFinalizer()))


def _plan_finished(seen: Observed) -> Plan:
    """A terminal status never changes; what may be left is to say that an edit was seen, and the time to live."""
    session = seen.session
    if session.status["observedGeneration"] != session.generation:
        return Plan(status=status.observed(session), look_again=timedelta(0))
    if session.held or session.ttl_seconds is None or session.completed is None or not session.mirrored:
        return Plan()
    left = session.completed + timedelta(seconds=session.ttl_seconds) - seen.now
    if left > timedelta(0):
        return Plan(look_again=left)
    # The time to live is the resource's, never the evidence's: the promise to delete goes first.
    kept = (ReleaseFinalizer(),) if FINALIZER in session.finalizers else ()
    return Plan(actions=(*kept, DeleteSession()))


def _plan_stopping(seen: Observed, why: Verdict) -> Plan:
    """Its Jobs go first, so that nobody is let into the shop while they run; what is not settled then is failed."""
    session = seen.session
    pages = [_look(key, seen) for key in session.captures]
    live = [job for job in seen.jobs if job.live or job.deleting]
    if not live and not seen.unread:
        pages = [
            page if page.settled else replace(page, status="failed", reason=why.reason, message=why.message)
            for page in pages
        ]
    facts = _facts(seen, tuple(pages), admitted=admitted(session, seen.jobs), pdp_url=_pdp_url(seen))
    doomed = tuple(DeleteJob(job.name) for job in live if not job.deleting)
    written = status.build(session, replace(facts, stopped=why)) if facts.settled or facts.admitted else None
    return Plan(actions=doomed, status=written, look_again=None if facts.settled else RECHECK_STOPPING)


def _plan_waiting(seen: Observed, obstacle: Verdict) -> Plan:
    pages = tuple(PageState(key) for key in seen.session.captures)
    pause: timedelta | None = RECHECK_WAITING
    if obstacle.earliest is not None:
        pause = max(timedelta(0), obstacle.earliest - seen.now)
    if obstacle.reason == "Suspended":
        pause = None  # the edit that resumes it is an event of its own
    return Plan(status=status.build(seen.session, _facts(seen, pages, admitted=False)), look_again=pause)


def held_back(seen: Observed, refusal: Verdict) -> Plan:
    """For a session of which nothing could be started: it waits, and its shop is free for others meanwhile."""
    return _plan_waiting(replace(seen, obstacle=refusal), refusal)


def _plan_running(seen: Observed) -> Plan:
    session = seen.session
    pages = [_look(key, seen) for key in session.captures]
    pdp_url = _pdp_url(seen)
    pages = [_without_product_page(page, pages, session, pdp_url) for page in pages]
    actions: list[Action] = []
    attempts, following = _starts(session, seen.jobs)
    for index, page in enumerate(pages):
        job = seen.job_of(page.key)
        if job is not None and job.deleting:
            continue  # its name is taken until it is gone
        if session.suspended:
            if job is not None and job.state is JobState.ACTIVE:
                actions.append(SuspendJob(job.name))
                pages[index] = replace(page, status="pending", reason="Suspended")
        elif job is not None and job.state is JobState.SUSPENDED:
            attempts = following
            actions.append(ResumeJob(page.key, job.name, job.attempt, following))
            pages[index] = replace(page, status="running", reason=None, message=None)
        elif page.status == "pending" and _may_start(page, pages, session, pdp_url):
            attempt = attempts
            if job is not None and not job.live:
                attempt = attempts = max(following, job.attempt + 1)  # its own name is taken
            found = pdp_url if page.key.page is PageType.PDP and session.discoverer else None
            actions.append(StartCapture(page.key, attempt, found))
            pages[index] = replace(page, status="running", job=job_name(session, page.key, attempt))
    facts = _facts(seen, tuple(pages), admitted=True, attempts=attempts, pdp_url=pdp_url)
    return Plan(
        actions=tuple(actions),
        status=status.build(session, facts),
        look_again=None
        if facts.settled or (session.suspended and not actions and not seen.unread)
        else RECHECK_RUNNING,
    )


def _starts(session: Session, jobs: tuple[JobView, ...]) -> tuple[int, int]:
    """Which start of the session's work this is, and which one a start over would be.

    Jobs that are ahead of the status tell of one that was cut off, a status that is ahead of the Jobs of one that was
    refused: going on with either is no further one.
    """
    written = max(1, session.attempts)
    begun = max((max(job.attempt, job.resumed) for job in jobs), default=0)
    latest = max(written, begun)
    return latest, latest + 1 if begun == written else latest


def _look(key: PageKey, seen: Observed) -> PageState:
    """A capture's state by its previous entry, its Job, and its result."""
    before = PageState.read(key, seen.session.page(key))
    if before.settled:
        return before
    job = seen.job_of(key)
    if (outcome := seen.outcomes.get(key)) is not None:
        if outcome.reason == UPLOAD_REFUSED and _refusals(key, seen) < 2:
            return replace(before, status="pending", reason="Resigning", message=outcome.message)
        return replace(before, job=job.name if job else before.job).settle(outcome)
    if (doubt := seen.unread.get(key)) is not None:
        name = job.name if job else before.job
        return replace(before, status="running", job=name, reason="ResultUnread", message=doubt[: status.MAX_MESSAGE])
    if job is None:
        return replace(before, status="pending", reason=None, message=None)
    if job.state is JobState.SUSPENDED:
        return replace(before, status="pending", job=job.name, reason="Suspended", message=None)
    trouble = seen.troubles.get(job.name)
    return replace(
        before,
        status="running",
        job=job.name,
        reason=trouble.reason if trouble else None,
        message=trouble.message[: status.MAX_MESSAGE] or None if trouble else None,
    )


def _refusals(key: PageKey, seen: Observed) -> int:
    """How often this capture's uploads were refused: one Job each."""
    return sum(job.capture == key and not job.live for job in seen.jobs)


def _pdp_url(seen: Observed) -> str | None:
    session = seen.session
    if session.discoverer is None:
        return session.pdp_url
    outcome = seen.outcomes.get(session.discoverer)
    return (outcome.pdp_url if outcome else None) or session.status.get("pdpUrl")


def _without_product_page(page: PageState, pages: list[PageState], session: Session, pdp_url: str | None) -> PageState:
    """A product page that can't be tried is failed with that reason, once the home page has had its say."""
    if page.key.page is not PageType.PDP or page.status != "pending" or session.discoverer is None or pdp_url:
        return page
    home = next(other for other in pages if other.key == session.discoverer)
    if not home.settled:
        return page
    if home.status == "ok":
        reason, message = blamed(Blame.TARGET, PDP_NOT_FOUND), "PDP not found"
    else:
        blame = next((b for b in Blame if (home.reason or "").startswith(b.capitalize())), Blame.PLATFORM)
        reason, message = blamed(blame, "HomepageFailed"), "not tried: the home page failed"
    return replace(page, status="failed", reason=reason, message=message)


def _may_start(page: PageState, pages: list[PageState], session: Session, pdp_url: str | None) -> bool:
    """Home pages and a given product page at once; one to be found when the home pages are done with the shop."""
    if page.key.page is PageType.HOMEPAGE or session.discoverer is None:
        return True
    return pdp_url is not None and all(p.settled for p in pages if p.key.page is PageType.HOMEPAGE)


def _facts(
    seen: Observed,
    pages: tuple[PageState, ...],
    *,
    admitted: bool,
    attempts: int | None = None,
    pdp_url: str | None = None,
) -> Facts:
    settled = {page.key for page in pages if page.settled}
    before = {key for key in settled if PageState.read(key, seen.session.page(key)).settled}
    return Facts(
        pages=pages,
        new=tuple(outcome for key, outcome in seen.outcomes.items() if key in settled - before),
        admitted=admitted,
        obstacle=seen.obstacle,
        attempts=attempts if attempts is not None else seen.session.attempts,
        pdp_url=pdp_url,
        policy_version=seen.policy_version,
        bucket=seen.bucket,
        now=seen.now,
    )
