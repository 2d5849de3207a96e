"""Capture Jobs: the manifest in full, names that fit and never meet, and what Jobs and pods say of themselves."""

from __future__ import annotations

import re
from typing import Any

import pytest

from testkit.operator import HD, HM, NOW, PD, PM, job_manifest, session, settings
from webaudit_capture.contract import ExitCode
from webaudit_operator.jobs import (
    CONTAINER,
    JobState,
    JobView,
    PodTrouble,
    build_job,
    job_name,
    job_stem,
    pod_trouble,
    request_key,
    view_job,
)
from webaudit_operator.secrets import secret_name
from webaudit_operator.sessions import Session
from webaudit_operator.store.rows import PageKey

UID = "6f1c2a3b-0000-4000-8000-000000000001"
OF = session(uid=UID)
STEM = "acme-16dfc255"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""RFC 1123, as the API server checks names that become labels."""


def built(of: Session = OF, capture: PageKey = HD, *, url: str | None = None, **changes: Any) -> dict[str, Any]:
    return build_job(of, capture, attempt=1, url=url, secret="the-secret", settings=settings(**changes))


def pod_spec(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def test_the_whole_job() -> None:
    labels = {
        "app.kubernetes.io/managed-by": "webaudit",
        "app.kubernetes.io/component": "capture",
        "webaudit.dev/session-uid": UID,
        "webaudit.dev/page": "homepage",
        "webaudit.dev/viewport": "desktop",
        "webaudit.dev/attempt": "1",
    }
    assert built() == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{STEM}-homepage-desktop-1",
            "namespace": "audits",
            "labels": labels,
            "annotations": {"webaudit.dev/domain": "acme-shop.com", "webaudit.dev/session-width": "2"},
            "ownerReferences": [
                {
                    "apiVersion": "webaudit.dev/v1alpha1",
                    "kind": "AuditSession",
                    "name": "acme",
                    "uid": UID,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "backoffLimit": 2,
            "activeDeadlineSeconds": 600,
            "ttlSecondsAfterFinished": 3600,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "capture", "operator": "In", "values": [10, 12, 13]},
                    },
                ]
            },
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 5,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 10001,
                        "runAsGroup": 10001,
                        "fsGroup": 10001,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "capture",
                            "image": "localhost/webaudit-capture:test",
                            "imagePullPolicy": "IfNotPresent",
                            "args": ["pod"],
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "resources": {
                                "requests": {"cpu": "250m", "memory": "512Mi"},
                                "limits": {"memory": "1536Mi"},
                            },
                            "volumeMounts": [
                                {"name": "request", "mountPath": "/request", "readOnly": True},
                                {"name": "tmp", "mountPath": "/tmp"},
                            ],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "request",
                            "secret": {
                                "secretName": "the-secret",
                                "items": [{"key": "homepage-desktop.json", "path": "request.json"}],
                            },
                        },
                        {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
                    ],
                },
            },
        },
    }


DECIDES = {ExitCode.PAGE_FAILED, ExitCode.UNDELIVERED, ExitCode.BAD_REQUEST}
"""Exit codes after which another pod can't help; all others count against backoffLimit."""


@pytest.mark.parametrize("code", ExitCode)
def test_the_job_ends_at_once_on_exactly_the_codes_that_are_final(code: ExitCode) -> None:
    (rule,) = [r for r in built()["spec"]["podFailurePolicy"]["rules"] if r["action"] == "FailJob"]
    assert (code in rule["onExitCodes"]["values"]) == (code in DECIDES)


def test_a_disruption_is_never_the_pages_fault_whatever_the_exit_code() -> None:
    first = built()["spec"]["podFailurePolicy"]["rules"][0]
    assert (first["action"], first["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")


def test_a_seccomp_profile_of_the_nodes_is_used_when_there_is_one() -> None:
    profile = pod_spec(built(capture_seccomp_profile="chromium.json"))["securityContext"]["seccompProfile"]
    assert profile == {"type": "Localhost", "localhostProfile": "chromium.json"}


def test_settings_reach_the_pod() -> None:
    job = built(
        capture_image="registry/capture:2",
        capture_image_pull_policy="Never",
        capture_memory_limit="2Gi",
        capture_memory_request="1Gi",
        capture_cpu_request="1",
        job_deadline_seconds=120,
        job_ttl_seconds=400,
    )
    (container,) = pod_spec(job)["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry/capture:2", "Never")
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["ttlSecondsAfterFinished"]) == (120, 400)


def test_a_product_page_that_was_found_is_an_argument() -> None:
    (container,) = pod_spec(built(capture=PD, url="https://www.acme-shop.com/p/1"))["containers"]
    assert container["args"] == ["pod", "--url", "https://www.acme-shop.com/p/1"]


def test_a_pod_sees_its_own_request_only() -> None:
    keys = {request_key(capture) for capture in (HD, HM, PD, PM)}
    assert len(keys) == 4
    (mounted,) = pod_spec(built(capture=PM))["volumes"][0]["secret"]["items"]
    assert mounted["key"] == request_key(PM)


# --- names

NAMES = ["a", "acme", "0", "a" * 253, "shop.example.com", "x" * 27 + ".y", "x" * 27 + "-" + "y" * 50, "1." * 126 + "1"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attempt", [1, 9999])
def test_names_fit_where_kubernetes_wants_labels(name: str, attempt: int) -> None:
    of = session(name)
    for made in (job_name(of, HD, attempt), job_name(of, PM, attempt), secret_name(of, attempt)):
        assert len(made) <= 63
        assert LABEL.fullmatch(made)


def test_sessions_whose_names_begin_alike_have_jobs_of_their_own() -> None:
    long = "shop-of-the-company-with-the-longest-name"
    made = [job_name(session(name, uid=uid), HD, 1) for name, uid in ((long, "1"), (long + "-2", "2"), (long, "3"))]
    assert len(set(made)) == 3


def test_a_session_created_anew_has_jobs_of_its_own() -> None:
    assert job_name(session(uid="1"), HD, 1) != job_name(session(uid="2"), HD, 1)


def test_every_capture_and_start_has_its_own_name_and_always_the_same() -> None:
    made = [job_name(OF, capture, attempt) for capture in (HD, HM, PD, PM) for attempt in (1, 2)]
    assert len(set(made)) == 8
    assert made == [job_name(session(uid=UID), capture, attempt) for capture in (HD, HM, PD, PM) for attempt in (1, 2)]


def test_names_begin_readably() -> None:
    assert job_stem(session("shop.example.com", uid=UID)).startswith("shop-example-com-")


# --- reading Jobs


@pytest.mark.parametrize("state", JobState)
def test_a_job_reads_back_as_it_is(state: JobState) -> None:
    over = state in (JobState.SUCCEEDED, JobState.FAILED)
    made = job_manifest(OF, PM, state, attempt=3, reason="R" if over else "", message="m" if over else "")
    seen = view_job(made)
    assert seen == JobView(
        name=f"{STEM}-pdp-mobile-3",
        capture=PM,
        attempt=3,
        state=state,
        created=seen.created,
        reason="R" if over else "",
        message="m" if over else "",
        ended=NOW if over else None,
    )
    assert seen.live != over


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="no status yet"),
        pytest.param({"active": 1}, id="a pod runs"),
        pytest.param({"conditions": [{"type": "Failed", "status": "False"}]}, id="a condition that does not hold"),
        pytest.param({"conditions": [{"type": "FailureTarget", "status": "True"}]}, id="its pods are still ending"),
        pytest.param({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, id="not quite complete"),
    ],
)
def test_a_job_is_live_until_all_its_pods_have_ended(status: dict[str, Any] | None) -> None:
    assert view_job({**job_manifest(OF), "status": status}).state is JobState.ACTIVE


def test_a_job_that_is_being_deleted_says_so() -> None:
    assert view_job(job_manifest(OF, deletionTimestamp="2026-03-01T12:00:00Z")).deleting


@pytest.mark.parametrize("labels", [{}, {"webaudit.dev/page": "basket"}, {"webaudit.dev/attempt": "many"}])
def test_a_job_with_labels_that_are_not_ours_is_refused(labels: dict[str, str]) -> None:
    made = job_manifest(OF)
    tampered = {**made["metadata"], "labels": {**made["metadata"]["labels"], **labels} if labels else {}}
    with pytest.raises((KeyError, ValueError)):
        view_job({**made, "metadata": tampered})


# --- reading pods


def pod(status: dict[str, Any] | None) -> dict[str, Any]:
    return {"metadata": {"labels": {"batch.kubernetes.io/job-name": "the-job"}}, "status": status}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": CONTAINER, "state": state}]}


def unscheduled(reason: str | None) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/1 nodes are available"}
    return {"phase": "Pending", "conditions": [condition]}


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        pytest.param(None, None, id="just created"),
        pytest.param({"phase": "Pending"}, None, id="pending"),
        pytest.param(container(running={}), None, id="running"),
        pytest.param(container(waiting={"reason": "ContainerCreating"}), None, id="being created"),
        pytest.param(container(waiting={"reason": "PodInitializing"}), None, id="being initialised"),
        pytest.param(container(waiting={}), None, id="waiting without a reason"),
        pytest.param(container(terminated={"exitCode": 0, "reason": "Completed"}), None, id="well ended"),
        pytest.param(
            container(waiting={"reason": "ImagePullBackOff", "message": "back-off"}),
            ("ImagePullBackOff", "back-off", None),
            id="no image",
        ),
        pytest.param(
            container(waiting={"reason": "CreateContainerConfigError"}),
            ("CreateContainerConfigError", "", None),
            id="no secret",
        ),
        pytest.param(
            container(terminated={"exitCode": 137, "reason": "OOMKilled"}), ("OOMKilled", "", 137), id="out of memory"
        ),
        pytest.param(
            container(terminated={"exitCode": 12, "reason": "Error", "message": "403"}),
            ("Error", "403", 12),
            id="exit 12",
        ),
        pytest.param(container(terminated={"exitCode": 1}), ("Error", "", 1), id="crash without a reason"),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
            ("Evicted", "low on memory", None),
            id="evicted",
        ),
        pytest.param(unscheduled("Unschedulable"), ("Unschedulable", "0/1 nodes are available", None), id="no room"),
        pytest.param(unscheduled(None), ("Unschedulable", "0/1 nodes are available", None), id="no room, no word"),
        pytest.param({"conditions": [{"type": "PodScheduled", "status": "True"}]}, None, id="scheduled"),
    ],
)
def test_a_pod_tells_why_it_ended_or_does_not_run(
    status: dict[str, Any] | None, trouble: tuple[str, str, int | None] | None
) -> None:
    assert pod_trouble(pod(status)) == (PodTrouble("the-job", *trouble) if trouble else None)
