"""The one Secret of a session's start: what each of its captures may do, and until when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webaudit_capture.contract import (
    ARTIFACT_FILES,
    RESULT_CONTENT_TYPE,
    RESULT_FILE,
    CaptureRequest,
    PageType,
    UploadTarget,
    capture_prefix,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator.jobs import job_stem, owner_reference, request_key, session_labels
from webaudit_operator.outcomes import MAX_RESULT_BYTES
from webaudit_operator.sessions import GROUP, Manifest, Session, format_time, parse_time
from webaudit_operator.settings import Settings
from webaudit_operator.store.rows import PageKey

SIGNED_UNTIL = f"{GROUP}/signed-until"

Uploads = Mapping[PageKey, Mapping[str, UploadTarget]]
"""Signed PUTs by capture and file name."""


def secret_name(session: Session, attempt: int) -> str:
    return f"{job_stem(session)}-{attempt}"


def files(policy: CrawlPolicy) -> dict[str, tuple[str, int]]:
    """What a capture may upload: file name -> (content type, most bytes)."""
    artifacts = {name: (kind, policy.evidence.max_upload_bytes) for name, kind in ARTIFACT_FILES.values()}
    return {**artifacts, RESULT_FILE: (RESULT_CONTENT_TYPE, MAX_RESULT_BYTES)}


def object_name(session: Session, key: PageKey, file: str) -> str:
    return f"{capture_prefix(session.site, session.uid, key.page, key.viewport)}{file}"


def build_request(
    session: Session,
    key: PageKey,
    *,
    attempt: int,
    policy: CrawlPolicy,
    uploads: Mapping[str, UploadTarget],
    settings: Settings,
) -> CaptureRequest:
    return CaptureRequest(
        session_id=session.uid,
        attempt=attempt,
        page=key.page,
        viewport=key.viewport,
        url=session.url if key.page is PageType.HOMEPAGE else session.pdp_url,
        discover_pdp=key == session.discoverer,
        mode=session.mode,
        policy=policy,
        allow=settings.allow_targets,
        sandbox=settings.capture_sandbox,
        image=settings.capture_image,
        session=session.record,
        uploads=dict(uploads),
    )


def build_secret(
    session: Session,
    *,
    attempt: int,
    policy: CrawlPolicy,
    uploads: Uploads,
    signed_until: datetime,
    settings: Settings,
) -> dict[str, Any]:
    requests = {
        request_key(key): build_request(
            session, key, attempt=attempt, policy=policy, uploads=uploads[key], settings=settings
        ).model_dump_json()
        for key in session.captures
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": secret_name(session, attempt),
            "namespace": session.key.namespace,
            "labels": session_labels(session),
            "annotations": {SIGNED_UNTIL: format_time(signed_until)},
            "ownerReferences": [owner_reference(session)],
        },
        "stringData": requests,
    }


def good_until(secret: Manifest) -> datetime | None:
    """Until when the Secret's signatures hold; None for a Secret that does not say so."""
    return parse_time((secret["metadata"].get("annotations") or {}).get(SIGNED_UNTIL))
