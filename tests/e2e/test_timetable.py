"""Schedules on the cluster: beside the CronJob controller itself, declared as Git would, and with the operator away."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.apiserver import audit_schedule
from testkit.audits import Audits, Resource, condition
from testkit.cronjobs import Timetable
from webaudit_cluster.paths import REPOSITORY
from webaudit_demo import evidence, install
from webaudit_demo.kube import Kube
from webaudit_demo.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KINDS = "auditschedules,auditsessions"


@pytest.fixture(scope="module")
def own(place: Platform) -> Iterator[Audits]:
    """A namespace of this module's."""
    name = f"scheduled-{secrets.token_hex(3)}"
    place.kube.run("create", "namespace", name)
    yield Audits(place.kube, name)
    place.kube.run("delete", "namespace", name, "--timeout=120s", timeout=150)


def apply(audits: Audits, name: str, url: str = "http://cedar.test/", **spec: Any) -> None:
    quick = {"url": url, "pages": ["homepage"], "viewports": ["desktop"]}
    body = {"schedule": "0 0 1 1 *", "sessionTemplate": {"spec": quick}, **spec}
    manifest = audit_schedule(body, name=name, namespace=audits.namespace)
    audits.kube.run("apply", "--filename", "-", stdin=json.dumps(manifest))


def schedule(audits: Audits, name: str) -> Resource:
    found = audits.kube.get("auditschedule", name, audits.namespace)
    assert found is not None
    return found


def patch(audits: Audits, name: str, **body: Any) -> None:
    what = (
        "patch",
        "auditschedule",
        name,
        "--namespace",
        audits.namespace,
        "--type=merge",
        "--patch",
        json.dumps(body),
    )
    audits.kube.run(*what)


def sessions(audits: Audits, name: str) -> list[Resource]:
    return [
        one
        for one in audits.all()
        if any(owner["name"] == name for owner in one["metadata"].get("ownerReferences") or [])
    ]


def eventually(condition: Callable[[], object], seconds: float, words: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, words
        time.sleep(0.5)


def minutes(names: list[str]) -> set[int]:
    """Of sessions as of CronJob's Jobs: both put the planned minute at the end."""
    return {int(name.rpartition("-")[2]) for name in names}


def test_every_minute_it_fires_as_the_cronjob_controller_does(timetable: Timetable) -> None:
    """Both were made before the first test of the run. A kill of the operator is caught up on; after several of them
    Kubernetes lets it rest for longer than a minute, and what it did not make then it names as missed.
    """
    begun = timetable.begun()
    eventually(lambda: len(timetable.fired("every-minute") - {begun}) >= 3, 240, "nothing fires")
    window = range(begun + 1, max(timetable.fired("every-minute")))  # the latest minute may be in the making
    for name in timetable.schedules:
        ours = timetable.fired(name).intersection(window)
        theirs = timetable.fired_by_cronjob(name).intersection(window)
        assert ours <= theirs, name
        assert len(theirs - ours) <= timetable.missed(name), name
    assert len(timetable.fired_by_cronjob("every-minute").intersection(window)) == len(window)
    assert timetable.fired("suspended") == set()


@pytest.fixture(scope="module")
def declared(own: Audits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/gitops, with the production overlay put into this module's namespace."""
    folder = tmp_path_factory.mktemp("git") / "gitops"
    shutil.copytree(REPOSITORY / "examples" / "gitops", folder)
    top = folder / "overlays" / "test"
    top.mkdir()
    kustomization = {"namespace": own.namespace, "resources": ["../production"]}
    (top / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return top


def versions(audits: Audits) -> dict[str, str]:
    items = json.loads(audits.kube.run("get", KINDS, "--namespace", audits.namespace, "--output", "json"))["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}


def test_what_git_declares_can_be_applied_again_and_again(own: Audits, declared: Path) -> None:
    for way in ((), ("--server-side", "--force-conflicts")):
        own.kube.run("apply", *way, "--kustomize", str(declared))
        (launch,) = own.finished("launch", seconds=180)
        eventually(
            lambda: all((condition(schedule(own, name), "Ready") or {}).get("status") == "True" for name in NAMES),
            30,
            "a schedule is not ready",
        )
        before = versions(own)
        own.kube.run("apply", *way, "--kustomize", str(declared))
        own.kube.run("diff", *way, "--kustomize", str(declared))  # ends with 1 when there is a difference
        assert versions(own) == before
        (again,) = own.finished("launch", seconds=10)
        assert again["status"]["attempts"] == launch["status"]["attempts"] == 1


NAMES = ("shops", "marketplaces")


def test_run_now_fires_once_and_a_deleted_schedule_takes_its_sessions_but_no_evidence(
    own: Audits, tmp_path: Path
) -> None:
    apply(own, "on-demand", suspend=True)
    for _ in range(2):
        patch(own, "on-demand", metadata={"annotations": {"webaudit.dev/run-now": "once"}})
    eventually(lambda: sessions(own, "on-demand"), 20, "nothing was made")
    (made,) = sessions(own, "on-demand")
    (session,) = own.finished(made["metadata"]["name"], seconds=180)
    assert session["status"]["phase"] == "Completed"
    events = own.kube.run("describe", "auditschedule", "on-demand", "--namespace", own.namespace)
    assert f"started {session['metadata']['name']}" in events
    own.kube.run("delete", "auditschedule", "on-demand", "--namespace", own.namespace)
    eventually(lambda: not sessions(own, "on-demand"), 60, "its sessions are still there")
    objects = own.objects(session, tmp_path)
    assert len(objects) == 5
    record = own.record(session)
    assert record.session["status"] == "completed"
    assert evidence.faults(record.artifacts, objects) == []


def scale(kube: Kube, replicas: int) -> None:
    selector = "app.kubernetes.io/name=webaudit,app.kubernetes.io/component=operator"
    what = ("scale", "deployment", "--selector", selector, "--namespace", install.NAMESPACE)
    kube.run(*what, f"--replicas={replicas}")


def test_with_the_operator_away_over_two_firings_the_last_is_caught_up_on_and_the_missed_one_is_named(
    own: Audits, place: Platform
) -> None:
    quick = {"url": "http://cedar.test/", "suspend": True}
    apply(own, "lenient", schedule="* * * * *", sessionTemplate={"spec": quick}, suspend=True)
    apply(own, "strict", schedule="* * * * *", sessionTemplate={"spec": quick}, suspend=True, startingDeadlineSeconds=0)
    for name in ("lenient", "strict"):
        eventually(lambda name=name: "nextScheduleTimes" in schedule(own, name)["status"], 30, "it was not looked at")  # type: ignore[misc]
    scale(place.kube, 0)
    try:
        for name in ("lenient", "strict"):
            patch(own, name, spec={"suspend": False})
        started = datetime.now(UTC)
        second = started.replace(second=0, microsecond=0) + timedelta(minutes=2)
        # What is missed can't be hurried: the clock of a cluster is the machine's.
        eventually(lambda: datetime.now(UTC) > second + timedelta(seconds=1), 130, "time stands still")
    finally:
        scale(place.kube, 1)
    eventually(lambda: sessions(own, "lenient"), 60, "nothing was caught up on")
    planned = minutes([one["metadata"]["name"] for one in sessions(own, "lenient")])
    assert min(planned) >= int(second.timestamp()) // 60, "one of them, the last, is caught up on"
    status = schedule(own, "lenient")["status"]
    assert status["missed"] >= 1
    assert status["lastMissed"][-1]["reason"] == "Superseded"
    eventually(lambda: schedule(own, "strict")["status"].get("missed"), 30, "nothing was counted")
    (missed,) = schedule(own, "strict")["status"]["lastMissed"]
    assert (missed["reason"], missed["count"] >= 2) == ("DeadlineExceeded", True)
    own.kube.run("delete", "auditschedules", "--all", "--namespace", own.namespace)
