"""The status of a session: from settled facts to the dict that people and tools read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from webaudit_capture.contract import PageType, Viewport, session_prefix
from webaudit_operator import conditions
from webaudit_operator.admission import Verdict
from webaudit_operator.conditions import Condition
from webaudit_operator.outcomes import Outcome
from webaudit_operator.sessions import STOPPING, TERMINAL_PHASES, Manifest, Session, format_time, parse_time
from webaudit_operator.store.rows import PageKey

PageStatusText = Literal["pending", "running", "ok", "failed"]
Phase = Literal["Queued", "Running", "Completed", "Partial", "Failed"]
MAX_MESSAGE = 300
PDP_NOT_FOUND = "PdpNotFound"
JOB_REFUSED = "JobRefused"
SIGNING_FAILED = "SigningFailed"
REPLACED = "ConfigReplaced"
REFUSALS = frozenset({JOB_REFUSED, SIGNING_FAILED})
"""Why a capture that may run can't be started: the API server takes no Job, or nobody signs its uploads."""


@dataclass(frozen=True, slots=True)
class PageState:
    """One entry of status.pages."""

    key: PageKey
    status: PageStatusText = "pending"
    job: str | None = None
    reason: str | None = None
    message: str | None = None
    low_confidence: tuple[str, ...] = ()
    url: str | None = None
    seconds: float | None = None

    @property
    def settled(self) -> bool:
        return self.status in ("ok", "failed")

    @classmethod
    def read(cls, key: PageKey, entry: Manifest) -> PageState:
        return cls(
            key=key,
            status=entry.get("status", "pending"),
            job=entry.get("job"),
            reason=entry.get("reason"),
            message=entry.get("message"),
            low_confidence=tuple(entry.get("lowConfidence") or ()),
            url=entry.get("url"),
            seconds=entry.get("durationSeconds"),
        )

    def settle(self, outcome: Outcome) -> PageState:
        return replace(
            self,
            status="ok" if outcome.ok else "failed",
            reason=outcome.reason or None,
            message=outcome.message[:MAX_MESSAGE] or None,
            low_confidence=outcome.low_confidence,
            url=outcome.url,
            seconds=outcome.seconds,
        )

    def entry(self) -> dict[str, Any]:
        return without_none(
            {
                "page": str(self.key.page),
                "viewport": str(self.key.viewport),
                "status": self.status,
                "job": self.job,
                "reason": self.reason,
                "message": self.message,
                "lowConfidence": list(self.low_confidence) or None,
                "url": self.url,
                "durationSeconds": self.seconds,
            }
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a status is made of, besides the session itself and its previous status."""

    pages: tuple[PageState, ...]
    new: tuple[Outcome, ...]
    """Outcomes that this look settles: their evidence is counted now."""
    admitted: bool
    obstacle: Verdict | None
    attempts: int
    pdp_url: str | None
    policy_version: str
    bucket: str
    now: datetime
    stopped: Verdict | None = None
    """Why it ends before its captures did."""

    @property
    def settled(self) -> bool:
        return all(page.settled for page in self.pages)


def phase_of(facts: Facts) -> Phase:
    """crawl policy, section 9."""
    if not facts.admitted and not facts.settled:
        return "Queued"
    if not facts.settled:
        return "Running"
    if facts.stopped is not None:
        return "Failed"
    ok = sum(page.status == "ok" for page in facts.pages)
    if ok == len(facts.pages):
        return "Completed"
    return "Partial" if ok else "Failed"


def error_summary(pages: Sequence[PageState]) -> str | None:
    """Why not all pages are ok, in one line."""
    bad = [page for page in pages if page.status == "failed"]
    if not bad:
        return None
    if all((page.reason or "").endswith(PDP_NOT_FOUND) for page in bad):
        return "PDP not found"
    first = bad[0]
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{first.key}: {first.message or first.reason}{more}"


def build(session: Session, facts: Facts) -> dict[str, Any]:
    """The whole status but for the Mirrored condition, which `mirrored` adds once the record was tried."""
    phase = phase_of(facts)
    over = phase in TERMINAL_PHASES
    before = session.status
    started = parse_time(before.get("startTime")) or (facts.now if facts.admitted else None)
    ended = (session.completed or facts.now) if over else None
    evidence = before.get("evidence") or {}
    domain_known = bool(evidence) or any(outcome.row.artifacts for outcome in facts.new)
    home = _final_url(facts.pages) or before.get("finalUrl")
    summary = (facts.stopped.message if facts.stopped else error_summary(facts.pages)) if over else None
    return without_none(
        {
            "observedGeneration": session.generation,
            "phase": phase,
            "conditions": conditions.merge(
                before.get("conditions") or [],
                _conditions(session, facts, phase, summary),
                generation=session.generation,
                now=facts.now,
            ),
            "attempts": facts.attempts,
            "startTime": format_time(started) if started else None,
            "completionTime": format_time(ended) if ended else None,
            "duration": _duration(ended - started) if ended and started else None,
            "finalUrl": home,
            "pdpUrl": facts.pdp_url,
            "lowConfidence": any(page.low_confidence for page in facts.pages),
            "errorSummary": summary,
            "crawlPolicyVersion": facts.policy_version,
            "evidence": {
                "uri": f"gs://{facts.bucket}/{session_prefix(session.site, session.uid)}",
                "artifacts": evidence.get("artifacts", 0) + sum(len(o.row.artifacts) for o in facts.new),
                "bytes": evidence.get("bytes", 0) + sum(o.bytes for o in facts.new),
            }
            if domain_known
            else None,
            "summary": f"{sum(page.status == 'ok' for page in facts.pages)}/{len(facts.pages)}",
            "pages": [page.entry() for page in facts.pages],
        }
    )


def observed(session: Session) -> dict[str, Any]:
    """The same status, of the newest generation: an edit that changes nothing of a finished session."""
    newer = {"observedGeneration": session.generation}
    conditions_now = [{**condition, **newer} for condition in session.status.get("conditions") or ()]
    return {**session.status, **newer, "conditions": conditions_now}


def stopping(session: Session, message: str, now: datetime) -> dict[str, Any]:
    """The same status, with the word that the session is to end now."""
    generation = max(0, session.status.get("observedGeneration", 0))
    entry = conditions.merge([], [Condition(STOPPING, True, REPLACED, message)], generation=generation, now=now)
    return {**session.status, "conditions": [*(session.status.get("conditions") or []), *entry]}


def with_refusals(status: dict[str, Any], refused: Mapping[PageKey, Verdict]) -> dict[str, Any]:
    """The status with captures put back to pending that could not be started, and why."""
    pages = []
    for entry in status["pages"]:
        no = next((said for key, said in refused.items() if tuple(key) == (entry["page"], entry["viewport"])), None)
        if no is not None:
            entry = {**entry, "status": "pending", "reason": no.reason, "message": no.message[:MAX_MESSAGE]}
            entry.pop("job", None)
        pages.append(entry)
    first = next(iter(refused.values()), None)
    told = [
        {**condition, "reason": first.reason, "message": first.message[:MAX_MESSAGE]}
        if first and condition["type"] in ("Ready", "Reconciling")
        else condition
        for condition in status["conditions"]
    ]
    return {**status, "conditions": told, "pages": pages}


def mirrored(status: dict[str, Any], *, ok: bool, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """The status with what became of its copy in Postgres."""
    conditions_now = status.get("conditions") or []
    kept = [c for c in conditions_now if c["type"] != "Mirrored"]
    before = [c for c in conditions_now if c["type"] == "Mirrored"]
    wanted = [Condition("Mirrored", ok, reason, message)]
    entry = conditions.merge(before, wanted, generation=status["observedGeneration"], now=now)
    return {**status, "conditions": [*kept, *entry]}


def _conditions(session: Session, facts: Facts, phase: Phase, summary: str | None) -> list[Condition]:
    pages = facts.pages
    done = f"{sum(page.status == 'ok' for page in pages)} of {len(pages)} pages ok"
    found = [_admitted(session, facts)]
    match phase:
        case "Queued":
            why = facts.obstacle or Verdict("Starting", "about to start")
            found += [
                Condition("Ready", False, why.reason, why.message),
                Condition("Reconciling", True, why.reason, why.message),
            ]
        case "Running" if facts.stopped is not None:
            reason, message = facts.stopped.reason, f"{facts.stopped.message}; its Jobs are ending"
            found += [
                Condition("Ready", False, reason, message),
                Condition("Reconciling", True, reason, message),
            ]
        case "Running":
            reason = "Suspended" if session.suspended else "Capturing"
            running = [str(p.key) for p in pages if p.status == "running"]
            message = f"{done}; running: {', '.join(running)}" if running else done
            found += [
                Condition("Ready", False, reason, message),
                Condition("Reconciling", True, reason, message),
            ]
        case "Completed":
            found += [
                Condition("Ready", True, "AllPagesOk", done),
                Condition("Complete", True, "AllPagesOk", done),
            ]
        case "Partial":
            reason = PDP_NOT_FOUND if summary == "PDP not found" else "SomePagesFailed"
            message = f"{done}; {summary}"
            found += [Condition("Ready", True, reason, message), Condition("Complete", True, reason, message)]
        case "Failed" if facts.stopped is not None:
            reason, message = facts.stopped.reason, facts.stopped.message
            found += [Condition(kind, kind != "Ready", reason, message) for kind in ("Ready", "Failed", "Stalled")]
        case "Failed":
            reason = next((p.reason for p in pages if p.status == "failed" and p.reason), "PlatformUnknown")
            message = summary or done
            found += [Condition(kind, kind != "Ready", reason, message) for kind in ("Ready", "Failed", "Stalled")]
    if facts.stopped is not None and phase == "Running":
        found.append(Condition(STOPPING, True, facts.stopped.reason, facts.stopped.message))
    if before := session.condition("Mirrored"):
        found.append(Condition("Mirrored", before["status"] == "True", before["reason"], before["message"]))
    return found


def _admitted(session: Session, facts: Facts) -> Condition:
    if facts.admitted and not (session.suspended and not facts.settled):
        return Condition("Admitted", True, "Started", "captures may run")
    if session.suspended:
        return Condition("Admitted", False, "Suspended", "spec.suspend is true; set it to false to go on")
    if facts.obstacle is None:  # settled without ever starting: a fault in the manifest
        return Condition("Admitted", False, "NotStarted", "there was nothing that could be started")
    return Condition("Admitted", False, facts.obstacle.reason, facts.obstacle.message)


def _final_url(pages: Sequence[PageState]) -> str | None:
    """Where the home page ended up, as the desktop saw it first."""
    order = sorted(
        pages,
        key=lambda page: (page.key.page is not PageType.HOMEPAGE, page.key.viewport is not Viewport.DESKTOP),
    )
    return next((page.url for page in order if page.url and page.status == "ok"), None)


def _duration(span: timedelta) -> str:
    """As kubectl prints ages: `41s`, `3m20s`, `1h5m`."""
    seconds = max(0, int(span.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def without_none(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}
