"""Builders of what the operator reads: sessions, Jobs, results. Small and real: as the API server would send them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from webaudit_capture.contract import (
    ARTIFACT_FILES,
    ArtifactRecord,
    CaptureResult,
    PageType,
    PdpDiscovery,
    Verdict,
    Viewport,
)
from webaudit_operator import outcomes
from webaudit_operator.admission import Verdict as Obstacle
from webaudit_operator.blobs import BlobInfo
from webaudit_operator.jobs import JobState, JobView, PodTrouble, build_job, job_name
from webaudit_operator.outcomes import Outcome
from webaudit_operator.planner import Observed
from webaudit_operator.schedules import Schedule
from webaudit_operator.secrets import object_name, secret_name
from webaudit_operator.sessions import Session, format_time
from webaudit_operator.settings import Settings
from webaudit_operator.store.rows import PageKey

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
POLICY = "default@1"
BUCKET = "evidence"

HD = PageKey(PageType.HOMEPAGE, Viewport.DESKTOP)
HM = PageKey(PageType.HOMEPAGE, Viewport.MOBILE)
PD = PageKey(PageType.PDP, Viewport.DESKTOP)
PM = PageKey(PageType.PDP, Viewport.MOBILE)

_serial = itertools.count(1)


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": "postgresql://webaudit@127.0.0.1/webaudit",
        "bucket": BUCKET,
        "capture_image": "localhost/webaudit-capture:test",
        **changes,
    }
    return Settings(**values)


def schedule(
    name: str = "daily", *, created: datetime = NOW, status: Mapping[str, Any] | None = None, **spec: Any
) -> Schedule:
    """Of one shop, every day at six, unless `spec` says otherwise."""
    shop = {} if "targets" in spec else {"sessionTemplate": {"spec": {"url": "https://www.acme-shop.com/"}}}
    return Schedule(
        {
            "apiVersion": "webaudit.dev/v1alpha1",
            "kind": "AuditSchedule",
            "metadata": {
                "name": name,
                "namespace": "audits",
                "uid": str(uuid5(NAMESPACE_URL, f"schedule/{name}")),
                "generation": 1,
                "resourceVersion": str(next(_serial)),
                "creationTimestamp": format_time(created),
            },
            "spec": {"schedule": "0 6 * * *", **shop, **spec},
            "status": dict(status or {"observedGeneration": -1}),
        }
    )


def session(
    name: str = "acme",
    *,
    namespace: str = "audits",
    uid: str | None = None,
    created: datetime = NOW - timedelta(minutes=1),
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> Session:
    return Session(
        {
            "apiVersion": "webaudit.dev/v1alpha1",
            "kind": "AuditSession",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid or str(uuid5(NAMESPACE_URL, f"{namespace}/{name}")),
                "generation": 1,
                "resourceVersion": str(next(_serial)),
                "creationTimestamp": format_time(created),
                **metadata,
            },
            "spec": {"url": "https://www.acme-shop.com/", **(spec or {})},
            "status": dict(status or {"observedGeneration": -1}),
        }
    )


def with_status(before: Session, status: Mapping[str, Any], **spec: Any) -> Session:
    """The session as the API server holds it after a status write (and an edit of the spec)."""
    meta = {**before.body["metadata"], "resourceVersion": str(next(_serial))}
    return Session({**before.body, "metadata": meta, "spec": {**before.body["spec"], **spec}, "status": dict(status)})


def job(
    of: Session,
    key: PageKey,
    state: JobState = JobState.ACTIVE,
    *,
    attempt: int = 1,
    reason: str = "",
    message: str = "",
    deleting: bool = False,
    resumed: int = 0,
) -> JobView:
    return JobView(
        name=job_name(of, key, attempt),
        capture=key,
        attempt=attempt,
        state=state,
        created=NOW - timedelta(seconds=5),
        deleting=deleting,
        reason=reason,
        message=message,
        ended=None if state in (JobState.ACTIVE, JobState.SUSPENDED) else NOW,
        resumed=resumed,
    )


def job_manifest(
    of: Session,
    key: PageKey = HD,
    state: JobState = JobState.ACTIVE,
    *,
    attempt: int = 1,
    reason: str = "",
    message: str = "",
    **metadata: Any,
) -> dict[str, Any]:
    """The Job as the API server holds it."""
    built = build_job(of, key, attempt=attempt, url=None, secret=secret_name(of, attempt), settings=settings())
    ended = {JobState.SUCCEEDED: "Complete", JobState.FAILED: "Failed"}.get(state)
    condition = {"type": ended, "status": "True", "reason": reason, "message": message}
    stamps = {"creationTimestamp": format_time(NOW - timedelta(seconds=5)), "resourceVersion": str(next(_serial))}
    return {
        **built,
        "metadata": {**built["metadata"], **stamps, **metadata},
        "spec": {**built["spec"], "suspend": state is JobState.SUSPENDED},
        "status": {"conditions": [{**condition, "lastTransitionTime": format_time(NOW)}]} if ended else {},
    }


def result(of: Session, key: PageKey, **changes: Any) -> CaptureResult:
    values: dict[str, Any] = {
        "session_id": of.uid,
        "attempt": 1,
        "page": key.page,
        "viewport": key.viewport,
        "verdict": Verdict.OK,
        "requested_url": of.url,
        "final_url": of.url,
        "policy_version": POLICY,
        "started_at": NOW - timedelta(seconds=4),
        "finished_at": NOW,
        **changes,
    }
    return CaptureResult(**values)


def outcome(of: Session, key: PageKey, *, pdp: str | None = None, **changes: Any) -> Outcome:
    """The outcome of a capture: ok and with all its evidence, unless the changes say otherwise."""
    found = PdpDiscovery(url=pdp, candidates_tried=1) if key == HD else None
    left = result(of, key, pdp=found, **{"artifacts": artifacts(of, key), **changes})
    return outcomes.judge(of, key, left, stored(left), BUCKET)


def artifacts(of: Session, key: PageKey) -> list[ArtifactRecord]:
    """One of each type, as a capture describes them."""
    return [
        ArtifactRecord(
            type=kind,
            object_name=object_name(of, key, file),
            content_type=content_type,
            size=100,
            sha256="0" * 64,
            crc32c="AAAAAA==",
        )
        for kind, (file, content_type) in ARTIFACT_FILES.items()
    ]


def stored(left: CaptureResult) -> dict[str, BlobInfo | None]:
    """The bucket's side of what a result describes, in full agreement."""
    return {
        one.object_name: BlobInfo(one.object_name, 1, one.size, one.crc32c, one.content_type, NOW)
        for one in left.artifacts
    }


def observed(
    of: Session,
    *jobs: JobView,
    outcomes: tuple[Outcome, ...] = (),
    unread: Mapping[PageKey, str] | None = None,
    troubles: tuple[PodTrouble, ...] = (),
    obstacle: Obstacle | None = None,
    now: datetime = NOW,
) -> Observed:
    return Observed(
        session=of,
        jobs=jobs,
        outcomes={found.key: found for found in outcomes},
        unread=unread or {},
        troubles={trouble.job: trouble for trouble in troubles},
        obstacle=obstacle,
        policy_version=POLICY,
        bucket=BUCKET,
        now=now,
    )
