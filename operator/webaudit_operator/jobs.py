"""Capture Jobs: from arguments to manifests, and from Jobs and pods back to small facts. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from webaudit_capture.contract import REQUEST_PATH, ExitCode, PageType, Viewport
from webaudit_operator.sessions import GROUP, KIND, VERSION, Manifest, Session, parse_time
from webaudit_operator.settings import Settings
from webaudit_operator.store.rows import PageKey

MANAGED_BY = {"app.kubernetes.io/managed-by": "webaudit", "app.kubernetes.io/component": "capture"}
SELECTOR = ",".join(f"{label}={value}" for label, value in MANAGED_BY.items())
UID_LABEL = f"{GROUP}/session-uid"
PAGE_LABEL = f"{GROUP}/page"
VIEWPORT_LABEL = f"{GROUP}/viewport"
ATTEMPT_LABEL = f"{GROUP}/attempt"
DOMAIN_ANNOTATION = f"{GROUP}/domain"
WIDTH_ANNOTATION = f"{GROUP}/session-width"
RESUMED_ANNOTATION = f"{GROUP}/resumed-as-attempt"
CONTAINER = "capture"
CAPTURE_UID = 10001
GRACE_SECONDS = 5
"""How long a pod that is told to end may take."""


class JobState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobView:
    """What the planner needs of a Job."""

    name: str
    capture: PageKey
    attempt: int
    state: JobState
    created: datetime
    deleting: bool = False
    reason: str = ""
    message: str = ""
    ended: datetime | None = None
    resumed: int = 0
    """Which of the session's starts last set it going again; 0: it was never suspended."""

    @property
    def live(self) -> bool:
        return self.state in (JobState.ACTIVE, JobState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """Why a pod ended, or why it does not run, in Kubernetes' own words."""

    job: str
    reason: str
    message: str
    exit_code: int | None = None


def job_stem(session: Session) -> str:
    """What the names of a session's Jobs and Secrets begin with: readable, and unique per uid."""
    readable = re.sub(r"[^a-z0-9-]+", "-", session.key.name)[:28].strip("-")
    return f"{readable}-{hashlib.sha256(session.uid.encode()).hexdigest()[:8]}"


def job_name(session: Session, key: PageKey, attempt: int) -> str:
    """Deterministic, at most 63 characters: so "already exists" means "already done"."""
    return f"{job_stem(session)}-{key.page}-{key.viewport}-{attempt}"


def session_labels(session: Session) -> dict[str, str]:
    return {**MANAGED_BY, UID_LABEL: session.uid}


def owner_reference(session: Session) -> dict[str, Any]:
    """Kubernetes deletes what a session owns once it is gone."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": session.key.name,
        "uid": session.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def build_job(
    session: Session, capture: PageKey, *, attempt: int, url: str | None, secret: str, settings: Settings
) -> dict[str, Any]:
    """The Job of one capture. `url` is given when the request in the Secret does not hold it yet.

    Exit codes and podFailurePolicy: KEP-3329; the codes are webaudit_capture.contract.ExitCode.
    """
    labels = {
        **session_labels(session),
        PAGE_LABEL: str(capture.page),
        VIEWPORT_LABEL: str(capture.viewport),
        ATTEMPT_LABEL: str(attempt),
    }
    final_codes = sorted((ExitCode.PAGE_FAILED, ExitCode.UNDELIVERED, ExitCode.BAD_REQUEST))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(session, capture, attempt),
            "namespace": session.key.namespace,
            "labels": labels,
            "annotations": {DOMAIN_ANNOTATION: session.domain, WIDTH_ANNOTATION: str(session.width)},
            "ownerReferences": [owner_reference(session)],
        },
        "spec": {
            "backoffLimit": 2,
            "activeDeadlineSeconds": settings.job_deadline_seconds,
            "ttlSecondsAfterFinished": settings.job_ttl_seconds,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": CONTAINER,
                            "operator": "In",
                            "values": [int(code) for code in final_codes],
                        },
                    },
                ]
            },
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod_spec(capture, url=url, secret=secret, settings=settings),
            },
        },
    }


def _pod_spec(capture: PageKey, *, url: str | None, secret: str, settings: Settings) -> dict[str, Any]:
    """Pod Security `restricted`, and no right to anything but its request."""
    seccomp = (
        {"type": "Localhost", "localhostProfile": settings.capture_seccomp_profile}
        if settings.capture_seccomp_profile
        else {"type": "RuntimeDefault"}
    )
    folder, file = REQUEST_PATH.rsplit("/", 1)
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": CAPTURE_UID,
            "runAsGroup": CAPTURE_UID,
            "fsGroup": CAPTURE_UID,
            "seccompProfile": seccomp,
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": settings.capture_image,
                "imagePullPolicy": settings.capture_image_pull_policy,
                # The kubelet expands $(...) in arguments, and reads $$ as a plain dollar sign.
                "args": ["pod", *(["--url", url.replace("$", "$$")] if url else [])],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {
                        "cpu": settings.capture_cpu_request,
                        "memory": settings.capture_memory_request,
                    },
                    "limits": {"memory": settings.capture_memory_limit},
                },
                "volumeMounts": [
                    {"name": "request", "mountPath": folder, "readOnly": True},
                    {"name": "tmp", "mountPath": "/tmp"},
                ],
            }
        ],
        "volumes": [
            {
                "name": "request",
                "secret": {"secretName": secret, "items": [{"key": request_key(capture), "path": file}]},
            },
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    }


def request_key(capture: PageKey) -> str:
    """The Secret's key that holds a capture's request."""
    return f"{capture.page}-{capture.viewport}.json"


def view_job(job: Manifest) -> JobView:
    """Read a Job this module built. Raises KeyError or ValueError for one whose labels were tampered with."""
    labels = job["metadata"]["labels"]
    status = job.get("status") or {}
    over = {c["type"]: c for c in status.get("conditions") or [] if c["status"] == "True"}
    created = parse_time(job["metadata"]["creationTimestamp"])
    assert created is not None, "the API server always sets creationTimestamp"
    condition = over.get("Complete") or over.get("Failed") or {}
    if "Complete" in over:
        state = JobState.SUCCEEDED
    elif "Failed" in over:
        state = JobState.FAILED
    else:
        state = JobState.SUSPENDED if job["spec"].get("suspend") else JobState.ACTIVE
    return JobView(
        name=job["metadata"]["name"],
        capture=PageKey(PageType(labels[PAGE_LABEL]), Viewport(labels[VIEWPORT_LABEL])),
        attempt=int(labels[ATTEMPT_LABEL]),
        state=state,
        created=created,
        deleting=bool(job["metadata"].get("deletionTimestamp")),
        reason=condition.get("reason", ""),
        message=condition.get("message", ""),
        ended=parse_time(condition.get("lastTransitionTime")),
        resumed=int((job["metadata"].get("annotations") or {}).get(RESUMED_ANNOTATION, 0)),
    )


def readable(job: Manifest) -> JobView | None:
    """The Job, or None for one that carries our labels but was not built here, or was tampered with."""
    try:
        return view_job(job)
    except (KeyError, ValueError):
        return None


def pod_trouble(pod: Manifest) -> PodTrouble | None:
    """What is wrong with a capture pod: how it ended, else why it does not run yet. None: nothing."""
    job = pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name", "")
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        if ended := state.get("terminated"):
            if ended["exitCode"] == ExitCode.OK:
                return None
            if status.get("reason") and ended["exitCode"] not in list(ExitCode):
                break  # evicted, or its node is gone: the container's own end says less
            return PodTrouble(job, ended.get("reason") or "Error", ended.get("message") or "", ended["exitCode"])
        waiting = state.get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return PodTrouble(job, waiting["reason"], waiting.get("message") or "")
    if status.get("reason"):
        return PodTrouble(job, status["reason"], status.get("message") or "")
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return PodTrouble(job, condition.get("reason") or "Unschedulable", condition.get("message") or "")
    return None
