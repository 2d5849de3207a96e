"""What a user does and sees: the chart on a real cluster, real pods, a real browser, a shop."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from testkit.audits import Audits, Resource, condition, kill_operator, restarts
from webaudit_demo import evidence
from webaudit_demo.platform import Platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_a_shop_is_audited_whole(audits: Audits, tmp_path: Path) -> None:
    audits.apply("whole", "http://www.acme.test/")
    audits.kube.run(
        *("wait", "auditsession/whole", "--namespace", audits.namespace, "--for=condition=Complete", "--timeout=180s"),
        timeout=200,
    )
    (session,) = audits.finished("whole", seconds=30)
    status = session["status"]
    assert (status["phase"], status["summary"], status["lowConfidence"]) == ("Completed", "4/4", False)
    record = audits.record(session)
    assert [page["status"] for page in record.pages] == ["ok"] * 4
    assert len(record.artifacts) == 16
    objects = audits.objects(session, tmp_path / "evidence")
    assert len(objects) == 20
    assert evidence.faults(record.artifacts, objects) == []
    features = json.loads((tmp_path / "evidence/pdp/desktop/features.json").read_text())
    assert features["pdp_core"]["currency"] == "EUR"
    assert features["pdp_core"]["price"]


def test_kubectl_get_answers_the_question(audits: Audits) -> None:
    audits.apply("seen", "http://cedar.test/", pages=["homepage"])
    audits.finished("seen", seconds=180)
    table = audits.kube.run("get", "audits", "--namespace", audits.namespace, "seen").splitlines()
    assert table[0].split() == ["NAME", "STATUS", "PAGES", "LOW-CONF", "REASON", "AGE"]
    assert table[1].split()[:5] == ["seen", "Completed", "2/2", "false", "AllPagesOk"]
    assert max(map(len, table)) <= 80
    events = audits.kube.run("describe", "auditsession", "seen", "--namespace", audits.namespace)
    assert "auditing http://cedar.test/ in 2 captures" in events
    assert "2/2 pages ok" in events


def test_ten_sessions_on_three_shops_take_turns_and_all_end(audits: Audits) -> None:
    names = [f"turn-{number}" for number in range(10)]
    for number, name in enumerate(names):
        shop = ("acme.test", "www.birch.test", "cedar.test")[number % 3]
        audits.apply(name, f"http://{shop}/", pages=["homepage"])
    told: set[str] = set()

    def listen() -> None:
        for session in audits.all():
            admitted = condition(session, "Admitted")
            if admitted is not None and admitted["status"] == "False":
                told.add(admitted["reason"])

    sessions = audits.finished(*names, seconds=600, meanwhile=listen)
    assert {session["status"]["phase"] for session in sessions} == {"Completed"}
    assert "DomainBusy" in told
    for shop, spans in spans_by_shop(sessions, audits.jobs()).items():
        for (_, ended), (started, _) in itertools.pairwise(spans):
            assert started - ended >= timedelta(seconds=2), f"two sessions were too close to each other at {shop}"


def spans_by_shop(sessions: list[Resource], jobs: list[Resource]) -> dict[str, list[tuple[datetime, datetime]]]:
    """From a session's first Job's start to its last Job's end, in order, by shop."""
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for session in sessions:
        uid = session["metadata"]["uid"]
        own = [job["status"] for job in jobs if job["metadata"]["labels"]["webaudit.dev/session-uid"] == uid]
        begun = min(datetime.fromisoformat(status["startTime"]) for status in own)
        over = max(datetime.fromisoformat(status["completionTime"]) for status in own)
        spans[session["spec"]["url"].removeprefix("http://").removeprefix("www.")].append((begun, over))
    assert len(spans) == 3
    return {shop: sorted(found) for shop, found in spans.items()}


@pytest.mark.parametrize("phase", ["Queued", "Running", "pages"])
def test_an_operator_killed_in_the_middle_ends_in_the_same_rows_and_objects(
    place: Platform, audits: Audits, tmp_path: Path, phase: str
) -> None:
    name = f"killed-{phase.lower()}"
    if phase == "Queued":
        before = kill_operator(place.kube)
    audits.apply(name, "http://birch.test/")
    if phase != "Queued":
        wanted = "{.status.phase}=Running" if phase == "Running" else "{.status.pages[0].status}=ok"
        audits.kube.run(
            *("wait", f"auditsession/{name}", "--namespace", audits.namespace),
            *(f"--for=jsonpath={wanted}", "--timeout=120s"),
            timeout=150,
        )
        before = kill_operator(place.kube)
    (session,) = audits.finished(name, seconds=300)
    assert restarts(place.kube) > before
    assert (session["status"]["phase"], session["status"]["attempts"]) == ("Completed", 1)
    record = audits.record(session)
    assert [page["status"] for page in record.pages] == ["ok"] * 4
    assert len({row["storage_uri"] for row in record.artifacts}) == len(record.artifacts) == 16
    objects = audits.objects(session, tmp_path / "evidence")
    assert len(objects) == 20
    assert evidence.faults(record.artifacts, objects) == []


def test_deleting_with_policy_delete_takes_the_evidence_along(audits: Audits, tmp_path: Path) -> None:
    audits.apply("shredded", "http://cedar.test/", pages=["homepage"], viewports=["mobile"], deletionPolicy="Delete")
    (session,) = audits.finished("shredded", seconds=180)
    assert len(audits.objects(session, tmp_path / "before")) == 5
    audits.kube.run("delete", "auditsession", "shredded", "--namespace", audits.namespace, "--timeout=90s")
    assert audits.objects(session, tmp_path / "after") == []
    record = audits.record(session)
    assert record.session["status"] == "completed"
    assert record.artifacts == []  # those not marked deleted


@pytest.mark.parametrize(
    ("name", "reason", "words", "minutes"),
    [
        ("nowhere", "TargetNoSuchHost", "no such host", 2),
        ("refused", "TargetConnectionRefused", "refused the connection", 2),
        ("missing", "TargetHttp404", "answered 404", 2),
        ("broken", "TargetHttp500", "answered 500", 2),
        ("silent", "TargetNavigationTimeout", "http://silent.test/ did not answer within", 10),
    ],
)
def test_a_shop_that_fails_says_so_in_one_line_and_in_time(
    failing: Audits, name: str, reason: str, words: str, minutes: int
) -> None:
    (session,) = failing.finished(name, seconds=600)
    status = session["status"]
    took = datetime.fromisoformat(status["completionTime"]) - datetime.fromisoformat(status["startTime"])
    assert took <= timedelta(minutes=minutes)
    assert status["phase"] == "Failed"
    failed = condition(session, "Failed")
    assert failed is not None
    assert failed["reason"] == reason
    assert words in status["errorSummary"]
    assert "\n" not in status["errorSummary"]
