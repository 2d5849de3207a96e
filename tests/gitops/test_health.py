"""How deployment tools read our kinds at every moment of their lives: kstatus itself, and Argo CD's Lua in its Lua."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml

from testkit import standin
from testkit.gcs_server import GcsServer
from testkit.gotools import argo, kstatus
from testkit.stage import Stage, staged
from testkit.standin import StandIn
from testkit.timetable import Timetable
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import Client
from webaudit_cluster.paths import REPOSITORY
from webaudit_operator.sessions import Key, Manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres, pytest.mark.binaries]

ARGO = REPOSITORY / "docs" / "gitops" / "argocd"
CUSTOMIZATION = "resource.customizations"


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


@pytest.fixture(scope="session")
def customizations(kube_api: ApiServer) -> dict[str, str]:
    """The keys of argocd-cm, as kustomize renders them."""
    rendered = Client(kube_api.kubeconfig).kubectl("kustomize", str(ARGO))
    data: dict[str, str] = yaml.safe_load(rendered)["data"]
    return data


class Reader:
    """Reads what is on the API server now."""

    def __init__(self, stage: Stage, customizations: dict[str, str]) -> None:
        self._stage, self._customizations = stage, customizations

    def get(self, kind: str, key: Key) -> Manifest:
        body: Manifest = json.loads(self._stage.api.kubectl("get", kind, key.name, "-n", key.namespace, "-o", "json"))
        return body

    def health(self, kind: str, key: Key) -> tuple[str, str]:
        body = self.get(kind, key)
        said = argo(self._customizations[f"{CUSTOMIZATION}.health.webaudit.dev_{kind}"], body)
        assert said["message"], "it says why"
        (status,) = kstatus([body])
        return status, said["status"]

    def session(self, key: Key) -> tuple[str, str]:
        return self.health("AuditSession", key)

    def schedule(self, key: Key) -> tuple[str, str]:
        return self.health("AuditSchedule", key)


@pytest.fixture
def read(stage: Stage, customizations: dict[str, str]) -> Reader:
    return Reader(stage, customizations)


AT_WORK = ("InProgress", "Progressing")
WELL = ("Current", "Healthy")
BAD = ("Failed", "Degraded")


async def test_a_session_from_its_first_second_to_its_end(stage: Stage, read: Reader) -> None:
    key = stage.apply("acme")
    assert read.session(key) == AT_WORK, "nobody has looked at it yet"
    operator = stage.operator()
    await operator.resync()
    await operator.reconciler.reconcile(key)
    assert (await stage.session(key)).phase == "Running"
    assert read.session(key) == AT_WORK
    second = stage.apply("acme-again", url="https://www.acme.com/")
    await operator.reconciler.reconcile(second)
    assert (await stage.session(second)).phase == "Queued"
    assert read.session(second) == AT_WORK
    stage.patch(key, suspend=True)
    assert read.session(key) == AT_WORK, "the edit was not seen yet"
    await operator.reconciler.reconcile(key)
    assert read.session(key) == ("InProgress", "Suspended")
    stage.patch(key, suspend=False)
    await stage.settle(operator, key)
    assert read.session(key) == WELL
    stage.patch(key, deletionPolicy="Delete")
    assert read.session(key) == AT_WORK
    await operator.reconciler.reconcile(key)
    await operator.reconciler.reconcile(key)
    assert read.session(key) == WELL
    stage.api.kubectl("delete", "auditsession", key.name, "-n", key.namespace, "--wait=false")
    assert read.session(key) == ("Terminating", "Progressing")
    await operator.reconciler.reconcile(key)
    await stage.collect_garbage()
    await operator.reconciler.reconcile(key)
    assert await stage.kube.get_session(key) is None


@pytest.mark.parametrize(
    ("behaviour", "phase", "seen"),
    [(standin.not_found, "Failed", BAD), (standin.without_product, "Partial", WELL), (standin.dies, "Failed", BAD)],
    ids=["the shop is missing", "no product page", "pods die"],
)
async def test_a_session_that_does_not_go_well(
    stage: Stage, read: Reader, monkeypatch: pytest.MonkeyPatch, behaviour: Any, phase: str, seen: tuple[str, str]
) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(behaviour))
    session = await stage.settle(stage.operator(), stage.apply("acme"))
    assert session.phase == phase
    assert read.session(session.key) == seen


async def test_a_session_that_is_wrong_or_suspended_from_the_start(stage: Stage, read: Reader) -> None:
    operator = stage.operator()
    held = stage.apply("held", suspend=True)
    await operator.reconciler.reconcile(held)
    assert read.session(held) == ("InProgress", "Suspended")
    wrong = stage.apply("wrong", url="https://shop-a.co.uk/", pdpUrl="https://shop-b.co.uk/p/1")
    await operator.reconciler.reconcile(wrong)
    assert read.session(wrong) == BAD


async def test_a_schedule_at_every_moment(stage: Stage, read: Reader) -> None:
    table = await Timetable.daily(stage, concurrencyPolicy="Replace")
    key = table.key
    assert read.schedule(key) == AT_WORK, "nobody has looked at it yet"
    await table.look()
    assert read.schedule(key) == WELL
    await table.fire(0)
    assert read.schedule(key) == WELL
    first = Key(key.namespace, table.name(0))
    assert read.session(first) == AT_WORK
    await table.operator.reconciler.reconcile(first)
    await table.fire(1)
    assert read.session(first) == AT_WORK, "it is being stopped"
    for _ in range(2):
        await table.operator.reconciler.reconcile(first)
        await stage.collect_garbage()
    assert read.session(first) == BAD
    assert read.schedule(key) == WELL, "how a session went is the session's"
    table.patch({"spec": {"suspend": True}})
    assert read.schedule(key) == AT_WORK
    await table.look()
    assert read.schedule(key) == ("Current", "Suspended")
    table.patch({"spec": {"suspend": False, "timeZone": "Mars/Olympus"}})
    await table.look()
    assert read.schedule(key) == BAD
    shops = [{"name": "acme", "url": "https://acme.com/", "pdpUrl": "https://elsewhere.org/"}]
    table.patch({"spec": {"timeZone": None, "targets": shops, "sessionTemplate": None}})
    await table.fire(2)
    assert (await table.ready())[1] == "SessionRefused"
    assert read.schedule(key) == AT_WORK
    stage.api.kubectl("delete", "auditschedule", key.name, "-n", key.namespace, "--wait=false", "--cascade=foreground")
    assert read.schedule(key) == ("Terminating", "Progressing")
    assert await table.look() is None


def action(customizations: dict[str, str], kind: str, name: str, thing: Manifest) -> Manifest:
    """What Argo CD would write for an action of its menu, which must be offered there."""
    actions = yaml.safe_load(customizations[f"{CUSTOMIZATION}.actions.webaudit.dev_{kind}"])
    offered = argo(actions["discovery.lua"], thing)
    assert not offered[name].get("disabled"), f"{name} is not offered"
    (script,) = [each["action.lua"] for each in actions["definitions"] if each["name"] == name]
    changed: Manifest = argo(script, thing)
    return changed


def offered(customizations: dict[str, str], kind: str, thing: Manifest) -> set[str]:
    actions = yaml.safe_load(customizations[f"{CUSTOMIZATION}.actions.webaudit.dev_{kind}"])
    assert {each["name"] for each in actions["definitions"]} == set(argo(actions["discovery.lua"], thing))
    return {name for name, state in argo(actions["discovery.lua"], thing).items() if not state.get("disabled")}


def write(stage: Stage, body: Manifest) -> None:
    """As Argo CD does: a patch of what the script changed."""
    meta = body["metadata"]
    patch = {"metadata": {"annotations": meta.get("annotations") or None}, "spec": {"suspend": body["spec"]["suspend"]}}
    what = (body["kind"], meta["name"], "-n", meta["namespace"])
    stage.api.kubectl("patch", *what, "--type=merge", "-p", json.dumps(patch))


async def test_the_actions_of_a_schedule_do_what_they_say(
    stage: Stage, read: Reader, customizations: dict[str, str]
) -> None:
    table = await Timetable.daily(stage)
    kind = "AuditSchedule"
    assert offered(customizations, kind, read.get(kind, table.key)) == {"run-now", "suspend"}
    write(stage, action(customizations, kind, "suspend", read.get(kind, table.key)))
    await table.fire(0)
    assert await table.names() == []
    assert offered(customizations, kind, read.get(kind, table.key)) == {"run-now", "resume"}
    write(stage, action(customizations, kind, "run-now", read.get(kind, table.key)))
    await table.look()
    assert len(await table.names()) == 1
    write(stage, action(customizations, kind, "resume", read.get(kind, table.key)))
    await table.look()
    assert len(await table.names()) == 2


async def test_the_actions_of_a_session_do_what_they_say(
    stage: Stage, read: Reader, customizations: dict[str, str]
) -> None:
    table = await Timetable.daily(stage, successfulSessionsHistoryLimit=0)
    await table.fire(0)
    kind, key = "AuditSession", Key(table.key.namespace, table.name(0))
    operator = table.operator
    await operator.reconciler.reconcile(key)
    assert offered(customizations, kind, read.get(kind, key)) == {"suspend", "hold"}
    write(stage, action(customizations, kind, "suspend", read.get(kind, key)))
    await operator.reconciler.reconcile(key)
    assert all(job["spec"]["suspend"] for job in await stage.kube.jobs())
    assert offered(customizations, kind, read.get(kind, key)) == {"resume", "hold"}
    write(stage, action(customizations, kind, "resume", read.get(kind, key)))
    write(stage, action(customizations, kind, "hold", read.get(kind, key)))
    await table.settle(key.name)
    await table.look()
    assert await table.names() == [key.name], "it is held"
    assert offered(customizations, kind, read.get(kind, key)) == {"release"}
    write(stage, action(customizations, kind, "release", read.get(kind, key)))
    await operator.reconciler.reconcile(key)
    await table.look()
    assert await table.names() == []


def test_there_is_a_script_for_each_kind_and_none_that_is_not_used(customizations: dict[str, str]) -> None:
    kinds = {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in (REPOSITORY / "crds").iterdir()}
    assert set(customizations) == {
        f"{CUSTOMIZATION}.{part}.webaudit.dev_{kind}" for part in ("health", "actions") for kind in kinds
    }
    texts = {path.read_text() for path in (ARGO / "webaudit.dev").rglob("*.*")}
    assert texts == set(customizations.values())


async def test_neither_ttl_nor_hold_is_in_the_way_of_the_other(stage: Stage) -> None:
    key = stage.apply("acme", ttlSecondsAfterFinished=0)
    stage.api.kubectl("annotate", "auditsession", key.name, "-n", key.namespace, "webaudit.dev/hold=1")
    operator = stage.operator()
    await stage.settle(operator, key)
    await operator.reconciler.reconcile(key)
    assert await stage.kube.get_session(key) is not None
    stage.api.kubectl("annotate", "auditsession", key.name, "-n", key.namespace, "webaudit.dev/hold-")
    await operator.reconciler.reconcile(key)
    assert await stage.kube.get_session(key) is None
