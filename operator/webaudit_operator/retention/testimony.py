"""Pure: what the bucket tells of one session, judged by the code that judged it when it was captured.

Nothing is guessed: what the results do not say and cannot be derived from them leaves the session out, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webaudit_capture import urls
from webaudit_capture.contract import (
    RESULT_FILE,
    ArtifactRecord,
    ArtifactType,
    Blame,
    CaptureResult,
    PageType,
    SessionRecord,
    Viewport,
)
from webaudit_operator import outcomes, planner, record
from webaudit_operator.blobs import BlobInfo
from webaudit_operator.outcomes import Outcome, Unusable
from webaudit_operator.planner import Observed
from webaudit_operator.sessions import TERMINAL_PHASES, Manifest, Session, format_time
from webaudit_operator.store.rebuild import Known, Told
from webaudit_operator.store.rows import PageKey, PageStatus, RetentionPolicy, SessionRow

_NAME = re.compile(
    rf"(?P<site>[^/]+)__(?P<id>[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})"
    rf"/(?P<page>{'|'.join(PageType)})/(?P<viewport>{'|'.join(Viewport)})/[^/]+"
)
ALL_ARTIFACTS = len(ArtifactType)
RESULT_MISSING = outcomes.blamed(Blame.PLATFORM, "result_missing")
RESULT_MISSING_MESSAGE = "the bucket has no result.json of it: whatever was known of this page is lost"


@dataclass(slots=True)
class Found:
    """One session's objects, as the bucket lists them."""

    site: str
    id: UUID
    objects: dict[str, BlobInfo] = field(default_factory=dict)
    results: dict[PageKey, str] = field(default_factory=dict)
    """Names of its result.json files."""

    @property
    def prefix(self) -> str:
        return f"{self.site}__{self.id}/"

    @property
    def newest(self) -> datetime:
        return max(info.created for info in self.objects.values())


class Untold(Exception):
    """The bucket does not tell enough of the session, or nothing that can be believed; the message says why."""


class StillOpen(Exception):
    """Results are missing, and may still come."""


def sort(found: Found | None, info: BlobInfo) -> Found | None:
    """The session that an object belongs to, the object added; `found` is the one of the object before it."""
    match = _NAME.fullmatch(info.name)
    if match is None:
        return None
    if found is None or (found.site, str(found.id)) != (match["site"], match["id"]):
        found = Found(match["site"], UUID(match["id"]))
    found.objects[info.name] = info
    if info.name.endswith(f"/{RESULT_FILE}"):
        found.results[PageKey(PageType(match["page"]), Viewport(match["viewport"]))] = info.name
    return found


def is_whole(found: Found, known: Known | None) -> bool:
    """Whether the record has all of it, as far as that can be seen without reading the results."""
    return (
        known is not None
        and known.over
        and known.closed
        and len(known.pages) == known.wanted
        and all(
            (page := known.pages.get(key)) is not None
            and page.told
            and page.status is not PageStatus.PENDING
            and (page.status is PageStatus.FAILED or page.artifacts == ALL_ARTIFACTS)
            for key in found.results
        )
    )


def tell(
    found: Found, results: Mapping[PageKey, CaptureResult], *, bucket: str, now: datetime, patience: timedelta
) -> Told:
    """The session as it was recorded. Raises Untold, and StillOpen while results may come for another `patience`."""
    told, policy = _agreed(results.values())
    session = _session(found, told, results)
    row = _row(session, told, policy, next(iter(results.values())).policy_version)
    known: dict[PageKey, Outcome] = {}
    gone: dict[PageKey, frozenset[ArtifactType]] = {}
    for key, result in results.items():
        try:
            known[key] = _judged(session, key, result, found, bucket)
        except Unusable as fault:
            raise Untold(f"{found.results[key]}: {fault}") from None
        absent = [artifact.type for artifact in result.artifacts if artifact.object_name not in found.objects]
        if absent:
            gone[key] = frozenset(absent)
    ended = max(result.finished_at for result in results.values())
    status = _planned(session, known, row, bucket, ended)
    while status["phase"] not in TERMINAL_PHASES:
        if now - max(found.newest, told.created_at) < patience:
            raise StillOpen
        for entry in status["pages"]:
            if entry["status"] == "running":
                key = PageKey(PageType(entry["page"]), Viewport(entry["viewport"]))
                known[key] = outcomes.failed(key, RESULT_MISSING, RESULT_MISSING_MESSAGE, ended)
        status = _planned(session, known, row, bucket, ended)
    pages = [(PageKey(PageType(entry["page"]), Viewport(entry["viewport"])), entry) for entry in status["pages"]]
    return Told(
        row=row,
        attempts=session.attempts,
        started_at=min(result.started_at for result in results.values()),
        captures=tuple((known.get(key) or _untried(key, entry, ended)).row for key, entry in pages),
        gone=gone,
        closing=record.closing(status),
    )


def _agreed(results: Iterable[CaptureResult]) -> tuple[SessionRecord, dict[str, Any]]:
    """What all results say of their session. They come from pods that do not know each other."""
    said: list[tuple[SessionRecord, dict[str, Any]]] = []
    for result in results:
        if result.session is not None and result.policy is not None and (result.session, result.policy) not in said:
            said.append((result.session, result.policy))
    if not said:
        raise Untold(
            "its results are older than the version that writes the session's URL, mode, retention and policy into them"
        )
    if len(said) > 1:
        raise Untold("its results do not agree on what their session was")
    return said[0]


def _session(found: Found, told: SessionRecord, results: Mapping[PageKey, CaptureResult]) -> Session:
    """The resource, as far as captures and record ever saw it. Raises Untold when it cannot have been this one."""
    if told.created_at.tzinfo is None:
        raise Untold("its results have a created_at without a zone")
    status: dict[str, Any] = {
        "attempts": max(result.attempt for result in results.values()),
        "startTime": format_time(min(result.started_at for result in results.values())),
        "pdpUrl": _product_page(told, results),
    }
    body: Manifest = {
        "metadata": {
            "namespace": "",
            "name": found.site,
            "uid": str(found.id),
            "creationTimestamp": told.created_at.isoformat(),
        },
        "spec": {
            "url": told.url,
            "mode": told.mode.value,
            "retentionPolicy": told.retention_policy,
            "pages": sorted({page.value for page, _ in told.pages}),
            "viewports": sorted({port.value for _, port in told.pages}),
            "pdpUrl": told.pdp_url,
        },
        "status": {name: value for name, value in status.items() if value is not None},
    }
    session = Session(body)
    if fault := planner.config_fault(session):
        raise Untold(f"its results tell of a session that cannot have run: {fault.message}")
    if session.record != told or session.site != found.site or not set(results) <= set(session.captures):
        raise Untold("its results tell another session than their names do")
    return session


def _product_page(told: SessionRecord, results: Mapping[PageKey, CaptureResult]) -> str | None:
    """The product page that was found, by the captures made of it: the one who found it may have left no result."""
    for key, result in results.items():
        try:
            if key.page is PageType.PDP and urls.same_site(url := urls.normalize(result.requested_url), told.url):
                return url
        except urls.BadUrl:
            continue
    return None


def _row(session: Session, told: SessionRecord, policy: dict[str, Any], version: str) -> SessionRow:
    try:
        return SessionRow(
            id=UUID(session.uid),
            url=told.url,
            mode=told.mode,
            retention_policy=RetentionPolicy(told.retention_policy),
            crawl_policy_version=version,
            config_snapshot=policy,
            created_at=told.created_at,
            pages=session.captures,
        )
    except ValueError as error:
        raise Untold(f"its results have no readable retention rules: {' '.join(str(error).split())}") from None


def _judged(session: Session, key: PageKey, result: CaptureResult, found: Found, bucket: str) -> Outcome:
    """As when it was captured. What was deleted since then stands as the capture described it. Raises Unusable."""
    outcomes.vet(result, session, key, frozenset({result.attempt}))
    stored = {
        each.object_name: found.objects.get(each.object_name) or _as_described(each, result.finished_at)
        for each in result.artifacts
    }
    return outcomes.judge(session, key, result, stored, bucket)


def _as_described(artifact: ArtifactRecord, at: datetime) -> BlobInfo:
    generation = artifact.generation or ""
    number = int(generation) if generation.isascii() and generation.isdigit() else 0
    return BlobInfo(artifact.object_name, number, artifact.size, artifact.crc32c, artifact.content_type, at)


def _planned(
    session: Session, known: Mapping[PageKey, Outcome], row: SessionRow, bucket: str, ended: datetime
) -> Manifest:
    """The status that the operator would write."""
    status = planner.plan(
        Observed(
            session=session,
            jobs=(),
            outcomes=known,
            unread={},
            troubles={},
            obstacle=None,
            policy_version=row.crawl_policy_version,
            bucket=bucket,
            now=ended,
        )
    ).status
    assert status is not None, "a session that is not over always has a status to write"
    return status


def _untried(key: PageKey, entry: Manifest, ended: datetime) -> Outcome:
    return outcomes.failed(key, entry["reason"], entry.get("message") or entry["reason"], ended)
