"""Expiry on the cluster: an artifact whose time has come goes, with its object, and leaves a receipt."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from testkit.audits import Audits
from webaudit_demo import install
from webaudit_demo.secrets import DATABASE, USER

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


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
