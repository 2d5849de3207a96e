"""Expiry on the cluster: an artifact whose time has come goes, with its object, and leaves a receipt."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from testkit.audits import Audits
from testkit.waiting import until
from webaudit_demo import install
from webaudit_demo.secrets import DATABASE, USER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


OPERATOR = "deployment/webaudit"


def command(audits: Audits, *arguments: str) -> str:
    """A command of the operator, as a person runs it: in its own pod."""
    exec_it = ("exec", "--namespace", install.NAMESPACE, OPERATOR, "--", "webaudit-operator")
    return audits.kube.run(*exec_it, *arguments)


@contextmanager
def expiry_clock_ahead(audits: Audits, span: timedelta) -> Iterator[None]:
    """The clock that expiry goes by, moved by a setting that only tests have."""
    variable = "WEBAUDIT_CLOCK_OFFSET_SECONDS"

    def set_to(value: str) -> None:
        audits.kube.run("set", "env", "--namespace", install.NAMESPACE, OPERATOR, f"{variable}{value}")
        audits.kube.run("rollout", "status", "--namespace", install.NAMESPACE, OPERATOR, "--timeout=120s", timeout=150)

    set_to(f"={span.total_seconds():g}")
    try:
        yield
    finally:
        set_to("-")


def psql(audits: Audits, statement: str) -> str:
    command = ("psql", "--username", USER, "--dbname", DATABASE, "--no-psqlrc", "--tuples-only", "--no-align")
    return audits.kube.run(
        *("exec", "--namespace", install.NAMESPACE, "deployment/postgres", "--", *command, "--command", statement)
    ).strip()


def test_what_has_expired_goes_and_the_rest_stays(audits: Audits, tmp_path: Path) -> None:
    audits.apply("expiring", "http://cedar.test/", pages=["homepage"], viewports=["desktop"], retentionPolicy="short")
    (session,) = audits.finished("expiring", seconds=180)
    uid = session["metadata"]["uid"]
    (page,) = [row for row in audits.record(session).artifacts if row["type"] == "html_gz"]
    psql(
        audits,
        "UPDATE artifacts SET retention_until = now() - interval '1 day' "
        f"WHERE session_id = '{uid}' AND type = 'html_gz'",
    )
    deadline = time.monotonic() + 60
    while psql(audits, f"SELECT count(*) FROM artifacts WHERE session_id = '{uid}' AND deleted_at IS NULL") != "3":
        assert time.monotonic() < deadline, "the expired artifact is still there"
    names = {each.name.rpartition("/")[2] for each in audits.objects(session, tmp_path / "left")}
    assert names == {"screenshot.png", "visible_text.txt", "features.json", "result.json"}
    receipt = json.loads(
        psql(
            audits,
            f"SELECT details FROM crawl_logs WHERE session_id = '{uid}' AND details->>'outcome' = 'deleted'",
        )
    )
    assert receipt["object"] in page["storage_uri"]


def test_a_clock_that_jumped_deletes_nothing_until_a_person_approves(audits: Audits, tmp_path: Path) -> None:
    audits.apply("short-lived", "http://cedar.test/", pages=["homepage"], viewports=["mobile"], retentionPolicy="short")
    (session,) = audits.finished("short-lived", seconds=180)
    uid = session["metadata"]["uid"]
    assert json.loads(command(audits, "retention", "plan", "-o", "json"))["stopped"] is None
    with expiry_clock_ahead(audits, timedelta(days=7, hours=1)):
        until(lambda: json.loads(command(audits, "retention", "plan", "-o", "json"))["stopped"] is not None, 60)
        told = command(audits, "retention", "plan", "--by", "type")
        assert "7 days ahead of the bucket's" in told
        assert "overdue" in told
        assert len(audits.objects(session, tmp_path / "all")) == 5
        events = audits.kube.run(
            *("get", "events", "--namespace", install.NAMESPACE, "--field-selector", "reason=RetentionStopped"),
            *("--output", "jsonpath={.items[*].message}"),
        )
        assert "nothing was deleted" in events
        assert command(audits, "retention", "approve", "--yes").startswith("Approved: ")
        until(lambda: json.loads(command(audits, "retention", "receipts", uid, "-o", "json")) != [], 60)
        (receipt,) = json.loads(command(audits, "retention", "receipts", uid, "-o", "json"))
    assert (receipt["type"], receipt["outcome"], receipt["rule"]) == ("html_gz", "deleted", "expired")
    assert len(audits.objects(session, tmp_path / "left")) == 4
