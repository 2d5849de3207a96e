"""The chart against a real API server: valid to the last field, restricted, and with no right too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from testkit.apiserver import audit_session, create
from testkit.chart import CHART, GOOD, merged, one, render, write_values
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import Client, CommandFailed
from webaudit_cluster.waiting import until

pytestmark = pytest.mark.apiserver

OPERATOR = "system:serviceaccount:audits:wa-webaudit"
CRD = "crd/auditsessions.webaudit.dev"

FULL = merged(
    GOOD,
    {
        "bucket": {
            "signingKey": {"existingSecret": {"name": "signer"}},
            "credentials": {"existingSecret": {"name": "reader"}},
        },
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "small"},
        "tolerations": [{"key": "small", "operator": "Exists"}],
        "podAnnotations": {"note": "y"},
        "serviceAccount": {"annotations": {"iam.example/account": "webaudit"}},
    },
)
WITH_URL = {"bucket": {"name": "acme-evidence"}, "database": {"url": "postgresql://u:p@h/d"}}

MAY = {
    "auditsessions.webaudit.dev": ("get", "list", "watch", "create", "patch", "delete"),
    "auditschedules.webaudit.dev": ("get", "list", "watch"),
    "auditsessions.webaudit.dev/status": ("update",),
    "auditschedules.webaudit.dev/status": ("update",),
    "auditsessions.webaudit.dev/finalizers": ("update",),
    "auditschedules.webaudit.dev/finalizers": ("update",),
    "jobs.batch": ("list", "watch", "create", "patch", "delete"),
    "secrets": ("get", "create", "update"),
    "pods": ("list",),
    "events": ("create",),
}
MAY_NOT = {
    "auditsessions.webaudit.dev": ("update", "deletecollection"),
    "auditschedules.webaudit.dev": ("create", "update", "patch", "delete", "deletecollection"),
    "jobs.batch": ("deletecollection",),
    "secrets": ("list", "watch", "deletecollection"),
    "pods": ("create", "delete", "watch"),
    "pods/exec": ("create",),
    "pods/log": ("get",),
    "configmaps": ("get", "create"),
    "namespaces": ("get", "list"),
    "serviceaccounts/token": ("create",),
    "clusterroles.rbac.authorization.k8s.io": ("bind", "escalate"),
    "customresourcedefinitions.apiextensions.k8s.io": ("get", "patch"),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of its own: the chart brings the definitions, and takes them away again."""
    with ApiServer.start(tmp_path_factory.mktemp("chart")) as api:
        api.kubectl("create", "namespace", "audits")
        api.kubectl("label", "namespace", "audits", "pod-security.kubernetes.io/enforce=restricted")
        yield api


def _helm(cluster: ApiServer, folder: Path, verb: str, values: dict[str, Any], *options: str) -> str:
    """Without hooks: there is no node that could run the migration."""
    where = ("wa", str(CHART), "--namespace=audits", f"--values={write_values(folder, values)}", "--no-hooks", *options)
    return Client(cluster.kubeconfig).helm(verb, *where)


@pytest.fixture
def installed(cluster: ApiServer, tmp_path: Path) -> Iterator[ApiServer]:
    _helm(cluster, tmp_path, "install", GOOD)
    yield cluster
    Client(cluster.kubeconfig).helm("uninstall", "wa", "--namespace=audits", "--no-hooks")
    cluster.kubectl("delete", CRD, "--ignore-not-found")


@pytest.mark.parametrize("values", [GOOD, FULL, WITH_URL], ids=["least", "full", "with url"])
def test_every_rendered_object_is_valid_to_the_last_field(
    cluster: ApiServer, tmp_path: Path, values: dict[str, Any]
) -> None:
    objects = render(tmp_path, values)
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    options = ("--server-side", "--dry-run=server", "--validate=strict", "--output=name")
    accepted = cluster.kubectl("apply", *options, "--filename=-", input=whole).split()
    assert sorted(name.partition("/")[2] for name in accepted) == sorted(each["metadata"]["name"] for each in objects)


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "wa-webaudit"), ("Job", "wa-webaudit-migrate")])
def test_pods_are_admitted_where_only_restricted_ones_are(
    cluster: ApiServer, tmp_path: Path, kind: str, name: str
) -> None:
    template = one(render(tmp_path, FULL), kind, name)["spec"]["template"]
    # Service accounts and pull secrets are looked up when a pod is made; here only its security is asked about.
    spec = {**template["spec"], "serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "audits"}, "spec": spec}
    assert create(cluster, pod, "--dry-run=server")["spec"]["securityContext"]["runAsUser"] == 10001
    (inner,) = spec["containers"]
    open_pod = {**pod, "spec": {**spec, "containers": [{**inner, "securityContext": {}}]}}
    with pytest.raises(CommandFailed, match="violates PodSecurity"):
        create(cluster, open_pod, "--dry-run=server")


def _can(cluster: ApiServer, verb: str, resource: str, *options: str) -> bool:
    name, _, subresource = resource.partition("/")
    extra = (f"--subresource={subresource}",) if subresource else ()
    try:
        answer = cluster.kubectl("auth", "can-i", verb, name, *extra, f"--as={OPERATOR}", *options)
    except CommandFailed as no:
        answer = no.stdout
    assert answer.strip() in ("yes", "no")
    return answer.strip() == "yes"


def test_the_operator_may_do_its_work_and_nothing_else(installed: ApiServer) -> None:
    def wrong(table: dict[str, tuple[str, ...]], wanted: bool) -> list[str]:
        return [
            f"{verb} {resource}"
            for resource, verbs in table.items()
            for verb in verbs
            if _can(installed, verb, resource, "--namespace=anywhere") is not wanted
        ]

    assert wrong(MAY, True) == []
    assert wrong(MAY_NOT, False) == []


def test_the_operators_role_has_exactly_the_verbs_it_uses(installed: ApiServer) -> None:
    role = json.loads(installed.kubectl("get", "clusterrole", "wa-webaudit", "-o", "json"))
    granted = {
        f"{name}.{group}" if group and "/" not in name else name.replace("/", f".{group}/"): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for name in rule["resources"]
    }
    assert granted == {resource: set(verbs) for resource, verbs in MAY.items()}


def test_viewers_and_editors_of_a_namespace_get_their_part(installed: ApiServer) -> None:
    for role, verbs in (("view", {"get", "list", "watch"}), ("edit", {"create", "update", "patch", "delete"})):
        found = json.loads(installed.kubectl("get", "clusterrole", f"wa-webaudit-{role}", "-o", "json"))
        assert found["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{role}"] == "true"
        (rule,) = found["rules"]
        assert rule["resources"] == ["auditsessions", "auditschedules"]
        assert verbs <= set(rule["verbs"])


def test_sessions_outlive_an_uninstall_and_a_new_install_takes_them_over(cluster: ApiServer, tmp_path: Path) -> None:
    _helm(cluster, tmp_path, "install", GOOD)
    cluster.kubectl("wait", "--for=condition=Established", CRD, "--timeout=30s")
    create(cluster, audit_session({"url": "https://www.acme-shop.com/"}, namespace="audits"))
    client = Client(cluster.kubeconfig)
    client.helm("uninstall", "wa", "--namespace=audits", "--no-hooks")
    assert cluster.kubectl("-n", "audits", "get", "audits", "-o", "name") == "auditsession.webaudit.dev/acme\n"
    _helm(cluster, tmp_path, "install", GOOD)
    unkept = merged(GOOD, {"crds": {"keep": False}})
    _helm(cluster, tmp_path, "upgrade", unkept)
    assert cluster.kubectl("-n", "audits", "get", "audits", "-o", "name") == "auditsession.webaudit.dev/acme\n"
    client.helm("uninstall", "wa", "--namespace=audits", "--no-hooks", "--wait")
    with pytest.raises(CommandFailed, match="NotFound"):
        cluster.kubectl("get", CRD)


def test_the_notes_say_what_to_do_next(cluster: ApiServer, tmp_path: Path) -> None:
    said = _helm(cluster, tmp_path, "install", GOOD, "--dry-run=server")
    notes = said.partition("NOTES:")[2]
    for words in ("gs://acme-evidence/", "rollout status deployment/wa-webaudit", "kubectl get auditsessions"):
        assert words in notes
    assert "kubectl delete crd auditsessions.webaudit.dev" in notes


ENDINGS = {
    "Complete": ("SuccessCriteriaMet", "CompletionsReached", {"succeeded": 1}),
    "Failed": ("FailureTarget", "BackoffLimitExceeded", {"failed": 3}),
}


def _end(cluster: ApiServer, job: str, kind: str) -> None:
    """What the Job controller writes when a Job has ended, there being none here."""
    first, reason, counts = ENDINGS[kind]
    at = "2026-11-23T06:00:00Z"
    said = {"status": "True", "reason": reason, "message": "", "lastProbeTime": at, "lastTransitionTime": at}
    over = {"completionTime": at} if kind == "Complete" else {}
    status = {"startTime": at, **counts, **over, "conditions": [{"type": each, **said} for each in (first, kind)]}
    patch = json.dumps({"status": status})
    cluster.kubectl("-n", "audits", "patch", "job", job, "--subresource=status", "--type=merge", "-p", patch)


def _install_with_migration(
    cluster: ApiServer, folder: Path, ending: str, *options: str
) -> tuple[str | None, list[str]]:
    """helm's complaint, and what was in the namespace beside the migration while that ran."""
    where = ("--namespace=audits", f"--values={write_values(folder, WITH_URL)}", "--timeout=60s", *options)

    def names() -> list[str]:
        found = cluster.kubectl("-n", "audits", "get", "deploy,job,secret,sa", "-o", "name").split()
        return [name for name in found if not name.startswith("secret/sh.helm.release.")]

    with ThreadPoolExecutor(1) as helper:
        helm = helper.submit(Client(cluster.kubeconfig).helm, "install", "wa", str(CHART), *where)
        until(lambda: helm.done() or "job.batch/wa-webaudit-migrate" in names(), 30, "no migration was started")
        meanwhile = names()
        _end(cluster, "wa-webaudit-migrate", ending)
        error = helm.exception(timeout=60)
    if error is not None and not isinstance(error, CommandFailed):
        raise error
    return (None if error is None else error.stderr), meanwhile


@pytest.fixture
def clean(cluster: ApiServer) -> Iterator[ApiServer]:
    yield cluster
    Client(cluster.kubeconfig).helm("uninstall", "wa", "--namespace=audits", "--no-hooks", "--ignore-not-found")
    cluster.kubectl("-n", "audits", "delete", "job,secret", "--all", "--cascade=background")
    cluster.kubectl("delete", CRD, "--ignore-not-found")


def test_the_operator_comes_after_the_migration_and_no_password_is_left_behind(
    clean: ApiServer, tmp_path: Path
) -> None:
    complaint, meanwhile = _install_with_migration(clean, tmp_path, "Complete")
    assert complaint is None
    assert meanwhile == ["job.batch/wa-webaudit-migrate", "secret/wa-webaudit-migrate"]
    clean.kubectl("-n", "audits", "get", "deployment/wa-webaudit", "secret/wa-webaudit-database")
    Client(clean.kubeconfig).helm("uninstall", "wa", "--namespace=audits", "--no-hooks")
    left = clean.kubectl("-n", "audits", "get", "secret,deployment,service,serviceaccount", "-o", "name").split()
    assert left == []


def test_a_failed_migration_fails_the_install_and_starts_no_operator(clean: ApiServer, tmp_path: Path) -> None:
    # The default strategy of helm 4 goes on waiting for a hook that has failed; this one ends with it.
    complaint, _ = _install_with_migration(clean, tmp_path, "Failed", "--wait=legacy")
    assert complaint is not None
    assert "BackoffLimitExceeded" in complaint
    found = clean.kubectl("-n", "audits", "get", "deployment", "-o", "name")
    assert found == ""
