"""What the chart makes of its values: the objects, and what they must and must not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.chart import GOOD, container, environment, merged, one, render
from webaudit_cluster.paths import REPOSITORY

pytestmark = pytest.mark.binaries

OWN_URL = "postgresql://webaudit:s3cret@postgres:5432/webaudit"
WITH_URL = {"bucket": {"name": "acme-evidence"}, "database": {"url": OWN_URL}}
HOOK = "helm.sh/hook"


def _hook(each: dict[str, Any]) -> str | None:
    hook: str | None = each["metadata"].get("annotations", {}).get(HOOK)
    return hook


@pytest.mark.parametrize("kind", ["auditsessions", "auditschedules"])
def test_definitions_are_rendered_unchanged_and_kept(tmp_path: Path, kind: str) -> None:
    source = yaml.safe_load((REPOSITORY / "crds" / f"{kind}.yaml").read_text())
    rendered = one(render(tmp_path, GOOD), "CustomResourceDefinition", f"{kind}.webaudit.dev")
    assert rendered["spec"] == source["spec"]
    assert rendered["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_definitions_can_be_left_out_or_left_to_uninstall(tmp_path: Path) -> None:
    without = render(tmp_path, merged(GOOD, {"crds": {"install": False}}))
    assert [each for each in without if each["kind"] == "CustomResourceDefinition"] == []
    unkept = render(tmp_path, merged(GOOD, {"crds": {"keep": False}}))
    assert "annotations" not in one(unkept, "CustomResourceDefinition", "auditsessions.webaudit.dev")["metadata"]


def test_one_operator_runs_at_a_time(tmp_path: Path) -> None:
    spec = one(render(tmp_path, GOOD), "Deployment", "wa-webaudit")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_migration_runs_before_anything_of_the_release_exists(tmp_path: Path) -> None:
    objects = render(tmp_path, WITH_URL)
    job = one(objects, "Job", "wa-webaudit-migrate")
    assert _hook(job) == "pre-install,pre-upgrade"
    assert container(job)["command"] == ["webaudit-operator", "migrate"]
    pod = job["spec"]["template"]["spec"]
    assert "serviceAccountName" not in pod
    assert pod["automountServiceAccountToken"] is False
    hooks = {(each["kind"], each["metadata"]["name"]) for each in objects if _hook(each)}
    assert hooks == {("Job", "wa-webaudit-migrate"), ("Secret", "wa-webaudit-migrate")}


def test_a_given_url_is_in_secrets_only_and_the_hooks_one_is_there_first(tmp_path: Path) -> None:
    objects = render(tmp_path, WITH_URL)
    for name, workload in (("wa-webaudit-migrate", "Job"), ("wa-webaudit-database", "Deployment")):
        secret = one(objects, "Secret", name)
        assert secret["stringData"] == {"url": OWN_URL}
        found = one(objects, workload, "wa-webaudit-migrate" if workload == "Job" else "wa-webaudit")
        assert environment(found)["WEBAUDIT_DATABASE_URL"] == f"{name}/url"
    hooked = one(objects, "Secret", "wa-webaudit-migrate")["metadata"]["annotations"]
    assert int(hooked["helm.sh/hook-weight"]) < 0
    assert hooked["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    elsewhere = [each for each in objects if each["kind"] != "Secret"]
    assert "s3cret" not in yaml.safe_dump(elsewhere)


def test_a_new_url_makes_a_new_operator_pod(tmp_path: Path) -> None:
    def annotations(url: str) -> Any:
        objects = render(tmp_path, merged(WITH_URL, {"database": {"url": url}}))
        return one(objects, "Deployment", "wa-webaudit")["spec"]["template"]["metadata"]["annotations"]

    assert annotations(OWN_URL) == annotations(OWN_URL)
    assert annotations(OWN_URL) != annotations(f"{OWN_URL}2")


def test_an_existing_secret_is_used_by_both_and_none_is_made(tmp_path: Path) -> None:
    secret = {"database": {"existingSecret": {"name": "pg", "key": "dsn"}}}
    objects = render(tmp_path, merged(GOOD, secret))
    assert [each for each in objects if each["kind"] == "Secret"] == []
    for kind, name in (("Job", "wa-webaudit-migrate"), ("Deployment", "wa-webaudit")):
        assert environment(one(objects, kind, name))["WEBAUDIT_DATABASE_URL"] == "pg/dsn"


def test_keys_are_mounted_where_their_variables_point(tmp_path: Path) -> None:
    keys = {
        "signingKey": {"existingSecret": {"name": "signer", "key": "s.json"}},
        "credentials": {"existingSecret": {"name": "reader"}},
    }
    deployment = one(render(tmp_path, merged(GOOD, {"bucket": keys})), "Deployment", "wa-webaudit")
    known = environment(deployment)
    mounts = {mount["name"]: mount for mount in container(deployment)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    for name, variable, secret, key in (
        ("signing-key", "WEBAUDIT_SIGNING_KEY_FILE", "signer", "s.json"),
        ("credentials", "GOOGLE_APPLICATION_CREDENTIALS", "reader", "key.json"),
    ):
        assert known[variable] == f"{mounts[name]['mountPath']}/{key}"
        assert mounts[name]["readOnly"] is True
        assert volumes[name]["secret"]["secretName"] == secret
        assert volumes[name]["secret"]["items"] == [{"key": key, "path": key}]


def test_what_is_unset_leaves_no_trace(tmp_path: Path) -> None:
    deployment = one(render(tmp_path, GOOD), "Deployment", "wa-webaudit")
    known = environment(deployment)
    for variable in ("WEBAUDIT_SIGNING_KEY_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        assert variable not in known
    assert [volume["name"] for volume in deployment["spec"]["template"]["spec"]["volumes"]] == ["tmp"]


def test_probes_and_service_follow_the_port(tmp_path: Path) -> None:
    objects = render(tmp_path, merged(GOOD, {"httpPort": 9090}))
    operator = container(one(objects, "Deployment", "wa-webaudit"))
    assert operator["ports"] == [{"name": "http", "containerPort": 9090}]
    assert operator["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert operator["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    service = one(objects, "Service", "wa-webaudit")["spec"]
    assert service["ports"] == [{"name": "http", "port": 9090, "targetPort": "http"}]


def test_the_service_finds_the_operator_and_not_the_migration(tmp_path: Path) -> None:
    objects = render(tmp_path, GOOD)
    selector = one(objects, "Service", "wa-webaudit")["spec"]["selector"].items()
    operator = one(objects, "Deployment", "wa-webaudit")["spec"]
    assert selector <= operator["template"]["metadata"]["labels"].items()
    assert selector <= operator["selector"]["matchLabels"].items()
    migration = one(objects, "Job", "wa-webaudit-migrate")["spec"]["template"]["metadata"]["labels"]
    assert not selector <= migration.items()


def test_placing_and_pulling_hold_for_operator_and_migration(tmp_path: Path) -> None:
    placing = {
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"pool": "small"},
        "tolerations": [{"key": "small", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
    }
    labels = {"podLabels": {"team": "audits"}, "podAnnotations": {"note": "y"}}
    objects = render(tmp_path, merged(GOOD, {**placing, **labels}))
    for kind, name in (("Job", "wa-webaudit-migrate"), ("Deployment", "wa-webaudit")):
        template = one(objects, kind, name)["spec"]["template"]
        assert {key: template["spec"].get(key) for key in placing} == placing
        assert template["metadata"]["labels"]["team"] == "audits"
        assert template["metadata"]["annotations"]["note"] == "y"


def test_names_that_yaml_would_misread_stay_text(tmp_path: Path) -> None:
    objects = render(tmp_path, merged(GOOD, {"bucket": {"name": "007"}, "image": {"tag": "1.10"}}))
    deployment = one(objects, "Deployment", "wa-webaudit")
    assert environment(deployment)["WEBAUDIT_BUCKET"] == "007"
    assert container(deployment)["image"] == "webaudit-operator:1.10"
