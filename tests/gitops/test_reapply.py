"""Manifests that Git declares: applied again they change nothing, and the operator owns no field of theirs."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from testkit.apiserver import audit_schedule
from testkit.gcs_server import GcsServer
from testkit.stage import Stage, staged
from testkit.timetable import Timetable
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import Client
from webaudit_cluster.paths import REPOSITORY
from webaudit_operator.kube import FIELD_MANAGER
from webaudit_operator.schedules import child_of
from webaudit_operator.sessions import Key, Manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres, pytest.mark.binaries]

EXAMPLES = REPOSITORY / "examples" / "gitops"
OVERLAYS = sorted(path.name for path in (EXAMPLES / "overlays").iterdir())
KINDS = "auditschedules,auditsessions"


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


def build(api: ApiServer, overlay: str, namespace: str, folder: Path) -> str:
    """The overlay, rendered into the test's own namespace by an overlay over it."""
    shutil.copytree(EXAMPLES, folder / "gitops")
    top = folder / "gitops" / "overlays" / "test"
    top.mkdir()
    kustomization = {"namespace": namespace, "resources": [f"../{overlay}"]}
    (top / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return Client(api.kubeconfig).kubectl("kustomize", str(top))


def state(api: ApiServer, namespace: str) -> dict[str, Any]:
    """Version and generation of all there is, by kind and name."""
    items = json.loads(api.kubectl("get", KINDS, "-n", namespace, "-o", "json"))["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": (
            item["metadata"]["resourceVersion"],
            item["metadata"]["generation"],
        )
        for item in items
    }


def contents(api: ApiServer, namespace: str) -> list[Manifest]:
    """All there is, without its version: the API server writes down status' default at the first chance it gets."""
    items: list[Manifest] = json.loads(api.kubectl("get", KINDS, "-n", namespace, "-o", "json"))["items"]
    return [
        {**item, "metadata": {name: value for name, value in item["metadata"].items() if name != "resourceVersion"}}
        for item in items
    ]


@pytest.mark.parametrize("way", [(), ("--server-side",)], ids=["client side", "server side"])
@pytest.mark.parametrize("overlay", OVERLAYS)
async def test_applying_the_examples_again_changes_nothing(
    stage: Stage, overlay: str, way: tuple[str, ...], tmp_path: Path
) -> None:
    rendered = build(stage.api, overlay, stage.namespace, tmp_path)

    def apply() -> str:
        return stage.api.kubectl("apply", "-f", "-", *way, input=rendered)

    assert "auditsession.webaudit.dev/launch" in apply()
    first = contents(stage.api, stage.namespace)
    apply()
    assert contents(stage.api, stage.namespace) == first
    assert {generation for _, generation in state(stage.api, stage.namespace).values()} == {1}
    launch = Key(stage.namespace, "launch")
    operator = stage.operator()
    await operator.resync()
    for name in ("shops", "marketplaces"):
        await operator.schedules.reconciler.reconcile(Key(stage.namespace, name))
    done = await stage.settle(operator, launch)
    after = state(stage.api, stage.namespace)
    apply()
    assert state(stage.api, stage.namespace) == after
    for _ in range(2):
        await operator.reconciler.reconcile(launch)
    again = await stage.session(launch)
    assert (again.uid, again.attempts, again.status) == (done.uid, 1, done.status), "it is not audited twice"
    assert state(stage.api, stage.namespace) == after


def owned(body: Manifest) -> dict[str, set[str]]:
    """By manager: the parts of the object that it owns fields of, such as `spec` or `metadata.finalizers`."""
    found: dict[str, set[str]] = {}
    for entry in body["metadata"]["managedFields"]:
        for part, inner in entry["fieldsV1"].items():
            parts = {part.removeprefix("f:")}
            if part == "f:metadata":
                parts = {f"metadata.{name.removeprefix('f:')}" for name in inner if name != "."}
            found.setdefault(entry["manager"], set()).update(parts)
    return found


def read(stage: Stage, kind: str, key: Key) -> Manifest:
    what = ("get", kind, key.name, "-n", key.namespace, "-o", "json", "--show-managed-fields")
    body: Manifest = json.loads(stage.api.kubectl(*what))
    return body


async def test_the_operator_owns_status_and_its_finalizer_and_nothing_else(stage: Stage) -> None:
    table = await Timetable.daily(stage)
    await table.look()
    await table.fire(0)
    assert owned(read(stage, "auditschedule", table.key))[FIELD_MANAGER] == {"status"}
    key = stage.apply("acme", deletionPolicy="Delete")
    operator = stage.operator()
    for _ in range(3):
        await operator.reconciler.reconcile(key)
    assert owned(read(stage, "auditsession", key))[FIELD_MANAGER] == {"status", "metadata.finalizers"}


MARKS: dict[str, Any] = {
    "labels": {"app.kubernetes.io/instance": "audits", "kustomize.toolkit.fluxcd.io/name": "audits"},
    "annotations": {"argocd.argoproj.io/tracking-id": "audits:webaudit.dev/AuditSchedule:audits/daily"},
}


async def test_sessions_of_a_schedule_are_no_drift_and_are_not_pruned(stage: Stage) -> None:
    """kubectl prunes by label and the mark of its own apply; Argo CD and Flux by theirs, never what has an owner."""
    manifest = audit_schedule({}, namespace=stage.namespace, **MARKS)
    prune = ("--prune", "-l", "app.kubernetes.io/instance=audits")
    allow = tuple(f"--prune-allowlist=webaudit.dev/v1alpha1/{kind}" for kind in ("AuditSchedule", "AuditSession"))

    def apply() -> None:
        stage.api.kubectl("apply", "-f", "-", "-n", stage.namespace, *prune, *allow, input=json.dumps(manifest))

    table = await Timetable.daily(stage, marks=MARKS)
    apply()
    await table.fire(0)
    await table.fire(1)
    apply()
    assert len(await table.names()) == 2
    stage.api.kubectl("diff", "-f", "-", input=json.dumps(manifest))  # ends with 1 when there is a difference
    for session in await table.sessions():
        meta = session.body["metadata"]
        assert "labels" not in meta
        assert "annotations" not in meta
        child = child_of(session)
        assert child is not None
        assert child.owner == table.key
