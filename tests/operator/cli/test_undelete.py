"""`webaudit-operator undelete`, and what plan and receipts say of it, as processes on a real record and bucket."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from testkit.commands import Commands
from testkit.gcs_server import GcsServer
from testkit.retained import captured, deleted
from testkit.samples import SESSION
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres

RUN = ("retention", "run", "--once", "--without-cluster")
RECEIPTS = ("retention", "receipts", str(SESSION))


async def with_html_due(store: Store, gcs: GcsServer, url: str) -> None:
    """One session whose HTML is due since an hour, the rest never."""
    await captured(store, gcs)
    with psycopg.connect(url) as connection:
        due = datetime.now(UTC) - timedelta(hours=1)
        connection.execute("UPDATE artifacts SET retention_until = CASE WHEN type = 'html_gz' THEN %s END", [due])


async def test_what_was_deleted_comes_back_and_is_told(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    gcs.state.soft_delete = timedelta(days=7)
    await with_html_due(store, gcs, database_url)
    (due,) = json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json"))["plan"]
    week = datetime.now(UTC) + timedelta(days=7)
    assert abs(datetime.fromisoformat(due["recoverable_until"]) - week) < timedelta(minutes=5)
    assert "What goes can be restored for 7 days" in commands.ok("retention", "plan", "--without-cluster")
    assert commands.ok("undelete", str(SESSION)) == f"Nothing of session {SESSION} is deleted.\n"

    commands.ok(*RUN)
    (receipt,) = json.loads(commands.ok(*RECEIPTS, "-o", "json"))
    assert abs(datetime.fromisoformat(receipt["recoverable_until"]) - week) < timedelta(minutes=5)
    assert "recoverable until" in commands.ok(*RECEIPTS)

    told = json.loads(commands.ok("undelete", str(SESSION), "--keep", "90d", "--by", "ada", "-o", "json"))
    assert told["lost"] == []
    (back,) = told["restored"]
    assert (back["type"], back["old_generation"]) == ("html_gz", receipt["generation"])
    assert datetime.fromisoformat(back["retention_until"]) > datetime.now(UTC) + timedelta(days=89)
    assert deleted(database_url) == 0
    assert commands.ok(*RUN) == "nothing was due\n"


async def test_a_bucket_without_soft_delete_is_told_as_one(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await with_html_due(store, gcs, database_url)
    assert "gone for good" in commands.ok("retention", "plan", "--without-cluster")
    commands.ok(*RUN)
    said = commands.fault("undelete", str(SESSION))
    assert said == 'bucket "evidence" has no soft delete: what was deleted is gone for good'
    (receipt,) = json.loads(commands.ok(*RECEIPTS, "-o", "json"))
    assert receipt["recoverable_until"] is None


async def test_rights_that_are_lacking_are_named_and_hide_nothing_else(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await with_html_due(store, gcs, database_url)
    gcs.fail_next("GET", r"/b/evidence\?", 403, times=9)
    plan = commands.ok("retention", "plan", "--without-cluster")
    assert "How long it can be restored is not known" in plan
    assert "overdue" in plan
    commands.ok(*RUN)
    assert "storage.buckets.get" in commands.fault("undelete", str(SESSION))
    gcs.fail_next("GET", "softDeleted", 403, times=9)
    done = commands.run(*RECEIPTS, "-o", "json")
    assert (done.returncode, len(json.loads(done.stdout))) == (0, 1)
    assert "recoverable_until is not known" in done.stderr
    assert "403" in commands.fault("undelete", str(SESSION))


async def test_a_part_that_cannot_come_back_ends_with_3(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    gcs.state.soft_delete = timedelta(days=7)
    await with_html_due(store, gcs, database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE artifacts SET retention_until = now() WHERE type = 'visible_text'")
    commands.ok(*RUN)
    gcs.state.graveyard = [dead for dead in gcs.state.graveyard if dead.name.endswith("html.gz")]
    done = commands.run("undelete", str(SESSION), "-o", "json")
    assert (done.returncode, done.stderr) == (3, "webaudit-operator: 1 of 2 artifacts stay deleted\n")
    told = json.loads(done.stdout)
    assert [back["type"] for back in told["restored"]] == ["html_gz"]
    assert [(lost["type"], lost["reason"]) for lost in told["lost"]] == [
        ("visible_text", "the bucket does not have it any more")
    ]
    assert deleted(database_url) == 1


def test_a_session_nobody_knows_is_one_line(commands: Commands) -> None:
    assert commands.fault("undelete", str(SESSION)) == f"the record knows no session {SESSION}"


def test_a_span_beyond_reckoning_is_one_line(commands: Commands) -> None:
    assert "longer than a century" in commands.fault("undelete", str(SESSION), "--keep", "9999999w")


def test_help_has_an_example(commands: Commands) -> None:
    assert "Example: webaudit-operator undelete" in commands.ok("undelete", "--help")
