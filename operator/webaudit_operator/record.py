"""Keeps the record in Postgres in step with a session's status. Each step may be repeated; none is skipped.

Works from status and, for captures whose outcome is no longer at hand, from result.json: so it catches up after any
outage of the database, also in a new process, and also when the Jobs are long gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from webaudit_capture.contract import PageType, Viewport
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator import evidence, outcomes
from webaudit_operator.blobs import Blobs
from webaudit_operator.outcomes import Outcome
from webaudit_operator.sessions import TERMINAL_PHASES, Manifest, Session, parse_time
from webaudit_operator.status import PageState
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import PageKey, SessionRow, SessionStatus

log = structlog.get_logger()

CLOSED_BY_DELETION = "the AuditSession was deleted while it ran"


def session_row(session: Session, url: str, policy: CrawlPolicy) -> SessionRow:
    return SessionRow(
        id=UUID(session.uid),
        url=url,
        mode=session.mode,
        retention_policy=session.retention_policy,
        crawl_policy_version=policy.version,
        config_snapshot=policy.model_dump(mode="json"),
        created_at=session.created,
        pages=session.captures,
    )


async def mirror(
    store: Store,
    blobs: Blobs,
    session: Session,
    row: SessionRow,
    status: Manifest,
    at_hand: Mapping[PageKey, Outcome],
    now: datetime,
) -> None:
    """Bring the rows to what `status` says. Raises the errors of Store and Blobs: try again later."""
    await store.open_session(row)
    if started := parse_time(status.get("startTime")):
        await store.start_session(row.id, attempts=status.get("attempts", 1), at=started)
    settled = [state for entry in status.get("pages") or () if (state := _state(entry)).settled]
    missing = await store.pending_pages(row.id) if settled else set()
    for state in settled:
        if state.key in missing:
            outcome = at_hand.get(state.key) or await _recall(blobs, session, state, now)
            await store.finish_capture(row, outcome.row)
    if status["phase"] in TERMINAL_PHASES and status.get("completionTime"):
        await store.close_session(row.id, **closing(status))


async def close_deleted(store: Store, session_id: UUID, attempts: int, now: datetime) -> None:
    """The end of a session whose resource was deleted before it was over."""
    await store.close_session(
        session_id,
        status=SessionStatus.FAILED,
        at=now,
        attempts=attempts,
        low_confidence=False,
        error_summary=CLOSED_BY_DELETION,
    )


def closing(status: Manifest) -> dict[str, Any]:
    """A terminal status as `Store.close_session` takes it."""
    return {
        "status": SessionStatus(status["phase"].lower()),
        "at": parse_time(status["completionTime"]),
        "attempts": status.get("attempts"),
        "low_confidence": status.get("lowConfidence", False),
        "final_url": status.get("finalUrl"),
        "pdp_url": status.get("pdpUrl"),
        "error_summary": status.get("errorSummary"),
    }


def _state(entry: Manifest) -> PageState:
    return PageState.read(PageKey(PageType(entry["page"]), Viewport(entry["viewport"])), entry)


async def _recall(blobs: Blobs, session: Session, state: PageState, now: datetime) -> Outcome:
    """An outcome from result.json once more; for a page that left none, from what status kept of it."""
    if state.job is not None:
        found = await evidence.read_outcome(blobs, session, state.key, job=None, trouble=None, now=now)
        if found is not None and found.ok == (state.status == "ok"):
            return found
        log.warning("status and bucket disagree", session=str(session.key), page=str(state.key), status=state.status)
    ended = session.completed or now
    return outcomes.failed(state.key, state.reason or "PlatformUnknown", state.message or state.reason or "", ended)
