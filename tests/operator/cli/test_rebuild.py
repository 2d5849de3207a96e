"""`webaudit-operator rebuild` as its own process, on a real record and a real bucket server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import psycopg
import pytest

from testkit.commands import Commands
from testkit.gcs_server import GcsServer
from testkit.gcs_state import crc32c
from testkit.operator import HD, result, session
from testkit.samples import content
from webaudit_capture.contract import ARTIFACT_FILES, RESULT_FILE, ArtifactRecord
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator.secrets import object_name

pytestmark = pytest.mark.postgres

ONE_PAGE = {"pages": ["homepage"], "viewports": ["desktop"], "retentionPolicy": "short"}


def left_by_a_capture(gcs: GcsServer, name: str = "acme") -> str:
    """One page's objects, as a pod leaves them; the session's prefix."""
    of = session(name, spec=ONE_PAGE)
    records = []
    for kind, (file, content_type) in ARTIFACT_FILES.items():
        body = content(kind)
        gcs.put(object_name(of, HD, file), body, content_type)
        digest = hashlib.sha256(body).hexdigest()
        records.append(
            ArtifactRecord(
                type=kind,
                object_name=object_name(of, HD, file),
                content_type=content_type,
                size=len(body),
                sha256=digest,
                crc32c=crc32c(body),
            )
        )
    told = result(of, HD, artifacts=records, session=of.record, policy=CrawlPolicy().model_dump(mode="json"))
    gcs.put(object_name(of, HD, RESULT_FILE), told.model_dump_json().encode(), "application/json")
    return f"{of.site}__{of.uid}/"


def test_a_lost_record_comes_back_and_a_repeat_adds_nothing(
    gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    for name in ("acme", "other"):
        left_by_a_capture(gcs, name)
    said = commands.ok("rebuild", "--without-cluster")
    assert said.startswith("2 sessions seen: 2 rebuilt, 0 were whole, 0 still run. Added 2 sessions, 2 pages, 8 art")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT status, retention_policy FROM audit_sessions").fetchall()
    assert rows == [("completed", "short")] * 2
    again = json.loads(commands.ok("rebuild", "--without-cluster", "-o", "json"))
    nothing = {"sessions": 0, "pages": 0, "artifacts": 0, "events": 0}
    assert (again["whole"], again["rebuilt"], again["written"], again["left"]) == (2, 0, nothing, [])


def test_what_is_left_out_is_named_and_ends_with_3(gcs: GcsServer, commands: Commands) -> None:
    left_by_a_capture(gcs)
    prefix = left_by_a_capture(gcs, "other")
    gcs.overwrite(f"{prefix}homepage/desktop/{RESULT_FILE}", b"{}")
    done = commands.run("rebuild", "--without-cluster", "-o", "json")
    assert (done.returncode, done.stderr) == (3, "webaudit-operator: 1 sessions are left out\n")
    told = json.loads(done.stdout)
    assert (told["rebuilt"], [left["prefix"] for left in told["left"]]) == (1, [prefix])
    assert "result.json is broken at session_id" in told["left"][0]["reason"]
    assert f"left out: {prefix}: " in commands.run("rebuild", "--without-cluster").stdout


def test_only_sessions_under_the_prefix_are_looked_at(gcs: GcsServer, commands: Commands) -> None:
    prefix = left_by_a_capture(gcs)
    left_by_a_capture(gcs, "other")
    told = json.loads(commands.ok("rebuild", "--without-cluster", "--prefix", prefix, "-o", "json"))
    assert (told["seen"], told["rebuilt"]) == (1, 1)
    assert "names a part of a session" in commands.fault("rebuild", "--without-cluster", "--prefix", f"{prefix}pdp/")


def test_without_a_cluster_to_ask_nothing_is_guessed(gcs: GcsServer, commands: Commands, tmp_path: Path) -> None:
    left_by_a_capture(gcs)
    nowhere = {"KUBECONFIG": str(tmp_path / "none"), "KUBERNETES_SERVICE_HOST": ""}
    assert "--without-cluster" in commands.fault("rebuild", settings=nowhere)


def test_help_has_an_example(commands: Commands) -> None:
    assert "Example: webaudit-operator rebuild" in commands.ok("rebuild", "--help")


def test_a_database_that_is_away_is_one_line(commands: Commands) -> None:
    nowhere = {"WEBAUDIT_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}
    assert commands.fault("rebuild", settings=nowhere).startswith('database "x" at 127.0.0.1:1: connection failed')
