"""Migrations on a real database: up, down, up again, twice at once, by each of the ways there are to run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Enum, create_engine

from testkit.postgres import PostgresServer
from testkit.waiting import until
from webaudit_operator.store import migrate
from webaudit_operator.store.engine import psycopg_url
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable
from webaudit_operator.store.migrate import alembic_config, head, is_current, upgrade_to_head
from webaudit_operator.store.tables import metadata

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]


def leftovers(url: str) -> list[str]:
    """Everything in the schema but Alembic's own table."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace"
        )
        return sorted(name for (name,) in rows if "alembic_version" not in name)


def move(url: str, target: str) -> None:
    engine = create_engine(psycopg_url(url))
    with engine.begin() as connection:
        config = alembic_config(connection)
        if target == "base":
            command.downgrade(config, "base")
        else:
            command.upgrade(config, target)
    engine.dispose()


def test_down_leaves_nothing_behind_and_up_works_again(empty_database_url: str) -> None:
    move(empty_database_url, "head")
    assert "audit_sessions" in leftovers(empty_database_url)
    assert "viewport_enum" in leftovers(empty_database_url)
    move(empty_database_url, "base")
    assert leftovers(empty_database_url) == []
    assert upgrade_to_head(empty_database_url) == head()


def test_every_step_can_be_taken_alone(empty_database_url: str) -> None:
    move(empty_database_url, "0001")
    assert "ix_artifacts_due" not in leftovers(empty_database_url)
    move(empty_database_url, "head")
    assert "ix_artifacts_due" in leftovers(empty_database_url)


def test_a_repeat_changes_nothing(database_url: str) -> None:
    before = leftovers(database_url)
    assert upgrade_to_head(database_url) == head()
    assert leftovers(database_url) == before


def test_two_at_once_take_turns(empty_database_url: str) -> None:
    program = "import sys; from webaudit_operator.store.migrate import *; print(upgrade_to_head(sys.argv[1]))"
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/operator:{ROOT}/capture-image"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    answers = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert "audit_sessions" in leftovers(empty_database_url)


def test_a_migration_waits_for_the_one_that_holds_the_lock(empty_database_url: str) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with (
        psycopg.connect(empty_database_url) as holder,
        psycopg.connect(empty_database_url, autocommit=True) as observer,
        ThreadPoolExecutor(1) as threads,
    ):
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [0x7765_6261_7564_6974])
        migration = threads.submit(upgrade_to_head, empty_database_url)
        until(lambda: observer.execute(waiting).fetchone() == (1,))
        assert leftovers(empty_database_url) == []
        holder.commit()
        assert migration.result(timeout=60) == head()


def test_the_tables_in_code_are_the_tables_in_the_database(database_url: str) -> None:
    engine = create_engine(psycopg_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_enums_in_code_are_the_enums_in_the_database(database_url: str) -> None:
    """Alembic's comparison does not look at labels."""
    in_code = {
        column.type.name: column.type.enums
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Enum)
    }
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT typname, array_agg(enumlabel::text ORDER BY enumsortorder)"
            " FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid GROUP BY typname"
        ).fetchall()
    assert in_code == dict(rows)


def alembic(*args: str, url: str | None) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "WEBAUDIT_DATABASE_URL"}
    if url is not None:
        env["WEBAUDIT_DATABASE_URL"] = url
    return subprocess.run(
        [sys.executable, "-m", "alembic", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_the_alembic_command_in_the_project_root_does_the_same(empty_database_url: str) -> None:
    done = alembic("upgrade", "head", url=empty_database_url)
    assert done.returncode == 0, done.stderr
    assert "audit_sessions" in leftovers(empty_database_url)
    checked = alembic("check", url=empty_database_url)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "WEBAUDIT_DATABASE_URL: is not set"),
        ("postgresql://u:p@127.0.0.1:1/x", 'database "x" at 127.0.0.1:1: .*Connection refused'),
    ],
)
def test_the_alembic_command_says_in_one_line_what_is_wrong(url: str | None, words: str) -> None:
    done = alembic("upgrade", "head", url=url)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(words, done.stdout + done.stderr)


def test_the_statements_can_be_written_out_for_a_person_to_run(empty_database_url: str) -> None:
    done = alembic("upgrade", "head", "--sql", url=None)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(done.stdout.encode())
    assert upgrade_to_head(empty_database_url) == head()
    assert "ix_artifacts_due" in leftovers(empty_database_url)


def test_a_wheel_brings_its_migrations(empty_database_url: str, tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    program = (
        "import sys; from webaudit_operator.store.migrate import *; "
        "print(migrations_folder()); upgrade_to_head(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, empty_database_url],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(installed / "webaudit_operator" / "_migrations"))
    assert "audit_sessions" in leftovers(empty_database_url)


def test_it_waits_for_a_server_that_is_still_starting(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database()
    own_postgres.stop()
    pauses: list[float] = []

    def start_meanwhile(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            own_postgres.start()

    assert upgrade_to_head(url, sleep=start_meanwhile) == head()
    assert len(pauses) == 2


def test_it_gives_up_after_its_bound(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database()
    own_postgres.stop()
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        upgrade_to_head(url, wait_seconds=0)


def test_a_wrong_password_is_not_waited_for(database_url: str) -> None:
    def never(seconds: float) -> None:
        raise AssertionError("waited")

    with pytest.raises(StoreMisconfigured, match="refuses user and password"):
        upgrade_to_head(database_url.replace("%40ss", "x"), sleep=never)


@pytest.mark.parametrize(
    ("revision", "answer"), [(None, False), ("0002", False), ("0003", True), ("9999", True), ("f00", False)]
)
def test_a_database_newer_than_the_program_is_good_enough(revision: str | None, answer: bool) -> None:
    assert head() == "0003"
    assert is_current(revision) is answer


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert upgrade_to_head(database_url) == "9999"


def test_somebody_elses_database_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'f00'")
    with pytest.raises(StoreMisconfigured, match="f00"):
        upgrade_to_head(database_url)


def test_an_installation_without_migrations_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(migrate, "_PACKAGE", tmp_path / "a" / "b")
    with pytest.raises(StoreMisconfigured, match="no migrations"):
        migrate.migrations_folder()
