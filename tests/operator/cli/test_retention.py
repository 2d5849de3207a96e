"""`webaudit-operator retention` as its own process, on a real record and a real bucket server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from testkit.commands import Commands
from testkit.gcs_server import GcsServer
from testkit.retained import captured, deleted
from testkit.samples import DOMAIN, NOW, SESSION
from webaudit_operator.store.record import Store

pytestmark = pytest.mark.postgres


async def two_sessions(store: Store, gcs: GcsServer, url: str) -> None:
    """Two sessions of policy `short`: the HTML files are due since an hour, the rest in ten days."""
    for number in range(2):
        await captured(store, gcs, UUID(int=number))
    now = datetime.now(UTC)
    with psycopg.connect(url) as connection:
        later = "UPDATE artifacts SET retention_until = %s WHERE (type = 'html_gz') = %s"
        connection.execute(later, [now - timedelta(hours=1), True])
        connection.execute(later, [now + timedelta(days=10), False])


async def test_a_plan_says_what_goes_when_and_how_much(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await two_sessions(store, gcs, database_url)
    week = json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json"))
    (html,) = week["plan"]
    assert (html["state"], html["policy"], html["artifacts"]) == ("overdue", "short", 2)
    sizes = [len(each.body) for name, each in gcs.objects.items() if name.endswith("html.gz")]
    assert html["bytes"] == sum(sizes)
    by_type = json.loads(
        commands.ok("retention", "plan", "--without-cluster", "--until", "2w", "--by", "type", "-o", "json")
    )["plan"]
    assert [(row["state"], row["type"], row["artifacts"]) for row in by_type] == [
        ("overdue", "html_gz", 2),
        ("coming", "features_json", 2),
        ("coming", "screenshot", 2),
        ("coming", "visible_text", 2),
    ]
    table = commands.ok("retention", "plan", "--without-cluster", "--until", "14d", "--by", "domain")
    assert DOMAIN in table
    assert "Within 14 days 8 artifacts" in table
    assert "2 are overdue, 0 stay for the reason given." in table


async def test_a_plan_of_nothing_says_so(store: Store, commands: Commands) -> None:
    assert commands.ok("retention", "plan", "--without-cluster") == "Nothing is due within 7 days.\n"
    assert json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json")) == {
        "plan": [],
        "holds": [],
        "stopped": None,
    }


async def test_a_plan_names_what_stays_and_who_keeps_it(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await two_sessions(store, gcs, database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO retention_holds (session_id, reason, source, placed_at) "
            "VALUES (%s, 'case 4711', 'command', %s)",
            [UUID(int=1), NOW],
        )
    told = json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json"))
    assert [(row["state"], row["artifacts"]) for row in told["plan"]] == [("held", 1), ("overdue", 1)]
    assert [(hold["session"], hold["reason"], hold["artifacts"]) for hold in told["holds"]] == [
        (str(UUID(int=1)), "case 4711", 1)
    ]
    assert "case 4711" in commands.ok("retention", "plan", "--without-cluster")


async def test_the_newest_audit_stays_under_the_floor_and_the_plan_says_so(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await two_sessions(store, gcs, database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE audit_sessions SET status = 'completed'")
        connection.execute(
            "UPDATE audit_sessions SET created_at = created_at - interval '1 day' WHERE id = %s", [UUID(int=0)]
        )
    floor = {"WEBAUDIT_RETENTION_KEEP_NEWEST": "true"}
    told = json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json", **floor))["plan"]
    assert [(row["state"], row["artifacts"]) for row in told] == [("kept as newest", 1), ("overdue", 1)]
    ran = json.loads(commands.ok("retention", "run", "--once", "--without-cluster", "-o", "json", **floor))
    assert ran["outcomes"] == {"deleted": 1}
    assert [name.split("/")[0] for name in gcs.objects if name.endswith("html.gz")] == [f"{DOMAIN}__{UUID(int=1)}"]
    assert json.loads(commands.ok("retention", "run", "--once", "--without-cluster", "-o", "json"))["outcomes"] == {
        "deleted": 1
    }


async def test_a_run_deletes_what_is_due_and_receipts_tell_it(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await two_sessions(store, gcs, database_url)
    assert commands.ok("retention", "run", "--once", "--without-cluster", "--dry-run") == "2 would delete\n"
    assert deleted(database_url) == 0
    assert commands.ok("retention", "run", "--once", "--without-cluster") == "2 deleted\n"
    assert deleted(database_url) == 2
    assert commands.ok("retention", "run", "--once", "--without-cluster") == "nothing was due\n"
    (receipt,) = json.loads(commands.ok("retention", "receipts", str(UUID(int=1)), "-o", "json"))
    assert (receipt["type"], receipt["outcome"], receipt["rule"]) == ("html_gz", "deleted", "expired")
    assert "html_gz" in commands.ok("retention", "receipts", str(UUID(int=1)))


async def test_a_session_nobody_knows_has_no_receipts(store: Store, gcs: GcsServer, commands: Commands) -> None:
    assert commands.fault("retention", "receipts", str(SESSION)) == f"the record knows no session {SESSION}"
    await captured(store, gcs)
    assert commands.ok("retention", "receipts", str(SESSION)) == f"Nothing of session {SESSION} was deleted.\n"


async def test_what_the_breaker_stopped_waits_for_an_approval(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands
) -> None:
    await two_sessions(store, gcs, database_url)
    one = {"WEBAUDIT_RETENTION_MAX_ARTIFACTS": "1"}
    run = ("retention", "run", "--once", "--without-cluster")
    words = "at least 2 artifacts are due, more than the 1 of one pass"
    assert commands.fault(*run, code=3, settings=one) == words
    assert deleted(database_url) == 0
    assert (
        json.loads(commands.ok("retention", "plan", "--without-cluster", "-o", "json"))["stopped"]["reason"]
        == "too_many"
    )
    assert words in commands.ok("retention", "plan", "--without-cluster")
    unsure = commands.run("retention", "approve")
    assert unsure.returncode == 1
    assert "Delete it?" in unsure.stderr
    assert commands.ok("retention", "approve", "--yes").startswith("Approved: 2 artifacts, due by ")
    assert commands.ok("retention", "approve", "--yes") == "Nothing waits for an approval.\n"
    assert commands.ok(*run, **one) == "2 deleted\n"


def test_a_run_without_end_is_not_offered(commands: Commands) -> None:
    assert commands.fault("retention", "run").startswith("write --once")


@pytest.mark.parametrize("command", ["plan", "run", "approve", "receipts"])
def test_help_has_an_example(commands: Commands, command: str) -> None:
    assert f"Example: webaudit-operator retention {command}" in commands.ok("retention", command, "--help")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("receipts", "acme"), '"acme" is no session id'),
        (("plan", "--until", "soon"), '"soon" is no span of time'),
        (("plan", "--until", "9999999999w"), "longer than can be reckoned with"),
        (("plan", "--by", "colour"), "'colour' is not one of"),
    ],
)
def test_a_wrong_argument_is_named(commands: Commands, arguments: tuple[str, ...], words: str) -> None:
    done = commands.run("retention", *arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_one_line(commands: Commands) -> None:
    nowhere = {"WEBAUDIT_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}
    said = commands.fault("retention", "plan", "--without-cluster", settings=nowhere)
    assert said.startswith('database "x" at 127.0.0.1:1: connection failed')
    assert "hunter2" not in said


async def test_a_plan_and_a_run_without_a_cluster_to_ask_say_so_and_delete_nothing(
    store: Store, gcs: GcsServer, database_url: str, commands: Commands, tmp_path: Path
) -> None:
    await two_sessions(store, gcs, database_url)
    nowhere = {"KUBECONFIG": str(tmp_path / "none"), "KUBERNETES_SERVICE_HOST": ""}
    for command in (("plan",), ("run", "--once")):
        assert "kubeconfig" in commands.fault("retention", *command, settings=nowhere)
    assert deleted(database_url) == 0
