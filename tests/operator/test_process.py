"""The operator as a process: it watches, it is killed, it starts again, and it says what is wrong with its settings."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from testkit.gcs_server import GcsServer
from testkit.postgres import PostgresServer, free_port
from testkit.process import environment, operator_process, run_once
from testkit.stage import Stage, staged
from webaudit_cluster.apiserver import ApiServer
from webaudit_operator.sessions import Key, Session

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres]


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


@pytest.fixture
def env(kube_api: ApiServer, gcs: GcsServer, database_url: str) -> dict[str, str]:
    return environment(
        KUBECONFIG=str(kube_api.kubeconfig),
        STORAGE_EMULATOR_HOST=gcs.url,
        WEBAUDIT_DATABASE_URL=database_url,
        WEBAUDIT_BUCKET=gcs.bucket,
        WEBAUDIT_SIGNING_KEY_FILE=str(gcs.service_account_file),
        WEBAUDIT_CAPTURE_IMAGE="localhost/capture:test",
    )


async def finished(stage: Stage, key: Key) -> Session:
    """Let Jobs end as they come, until the session is finished and recorded."""
    async with asyncio.timeout(60):
        while True:
            await stage.kube.work()
            session = await stage.session(key)
            mirrored = session.condition("Mirrored")
            if session.finished and mirrored and mirrored["status"] == "True":
                return session


async def test_a_running_operator_takes_a_session_from_apply_to_completed(
    stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    with operator_process(env, tmp_path / "log") as operator:
        await operator.ready()
        session = await finished(stage, stage.apply("watched"))
        assert session.status["phase"] == "Completed"
        assert operator.probe("/healthz") == 200
        assert operator.end(signal.SIGTERM) == 0
        assert "Traceback" not in operator.log


async def test_killed_again_and_again_the_session_still_ends_with_all_its_evidence(
    stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    key = stage.apply("stubborn")
    for _ in range(3):
        with operator_process(env, tmp_path / "log") as operator:
            before = (await stage.session(key)).body["metadata"]["resourceVersion"]
            async with asyncio.timeout(60):
                while (await stage.session(key)).body["metadata"]["resourceVersion"] == before:
                    operator.probe("/healthz")
            operator.end(signal.SIGKILL)
        await stage.kube.work()
    with operator_process(env, tmp_path / "log"):
        session = await finished(stage, key)
    rows = await stage.rows(session)
    assert [row["status"] for row in rows["audit_pages"]] == ["ok"] * 4
    assert len(rows["artifacts"]) == 16
    uploaded = [row for row in rows["crawl_logs"] if row["details"].get("outcome") == "uploaded"]
    assert len(uploaded) == 16


async def test_an_operator_that_starts_while_postgres_is_away_runs_all_the_same(
    stage: Stage, env: dict[str, str], tmp_path: Path
) -> None:
    away = f"postgresql://webaudit:x@127.0.0.1:{free_port()}/webaudit"
    with operator_process({**env, "WEBAUDIT_DATABASE_URL": away}, tmp_path / "log") as operator:
        await operator.ready()
        key = stage.apply("unrecorded")
        async with asyncio.timeout(60):
            while not (session := await stage.session(key)).finished:
                await stage.kube.work()
    mirrored = session.condition("Mirrored")
    assert mirrored is not None
    assert (mirrored["status"], mirrored["reason"]) == ("False", "DatabaseUnavailable")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"WEBAUDIT_BUCKET": "no-such-bucket"}, 'bucket "no-such-bucket"'),
        ({"WEBAUDIT_SIGNING_KEY_FILE": "/nowhere/key.json"}, "WEBAUDIT_SIGNING_KEY_FILE"),
        ({"STORAGE_EMULATOR_HOST": "http://no-such-host.invalid:4443"}, "no-such-host.invalid"),
        ({"WEBAUDIT_DATABASE_URL": "mysql://u:p@h/d"}, "WEBAUDIT_DATABASE_URL"),
        ({"WEBAUDIT_DATABASE_URL": "postgresql://u:p@no-such-host.invalid/d"}, "no-such-host.invalid"),
        ({"WEBAUDIT_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d?colour=red"}, "colour"),
        ({"WEBAUDIT_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d?sslmode=red"}, "sslmode"),
        ({"WEBAUDIT_DATABASE_URL": "postgresql://u:p@one:5432,two:5432/d"}, "WEBAUDIT_DATABASE_URL"),
        ({"KUBECONFIG": "/nowhere/kubeconfig"}, "kubeconfig"),
    ],
    ids=[
        "bucket",
        "signing key",
        "bucket host",
        "not postgres",
        "database host",
        "database option",
        "database option's value",
        "two databases",
        "no cluster",
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(env: dict[str, str], change: dict[str, str], words: str) -> None:
    must_end_with_one_line(env | change, words)


def test_a_port_that_is_taken_stops_the_start_with_one_line(env: dict[str, str]) -> None:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
        must_end_with_one_line(
            env | {"WEBAUDIT_HTTP_PORT": str(port)}, f"WEBAUDIT_HTTP_PORT: cannot listen on port {port}"
        )


def test_a_wrong_password_or_database_stops_the_start_with_one_line_without_the_password(
    env: dict[str, str], database_url: str, postgres_server: PostgresServer
) -> None:
    where = f"127.0.0.1:{postgres_server.port}"
    must_end_with_one_line(
        env | {"WEBAUDIT_DATABASE_URL": f"postgresql://webaudit:hunter2@{where}/postgres"}, "password"
    )
    must_end_with_one_line(env | {"WEBAUDIT_DATABASE_URL": postgres_server.url("no_such_database")}, "no_such_database")


def test_a_database_that_was_not_migrated_stops_the_start_and_names_the_command(
    env: dict[str, str], empty_database_url: str
) -> None:
    must_end_with_one_line(env | {"WEBAUDIT_DATABASE_URL": empty_database_url}, "webaudit-operator migrate")


def test_migrating_makes_an_empty_database_ready(env: dict[str, str], empty_database_url: str) -> None:
    own = env | {"WEBAUDIT_DATABASE_URL": empty_database_url, "WEBAUDIT_BUCKET": "no-such-bucket"}
    assert run_once("migrate", own).returncode == 0
    assert run_once("migrate", own).returncode == 0
    must_end_with_one_line(own, "no-such-bucket")


def must_end_with_one_line(env: dict[str, str], words: str) -> None:
    done = run_once("run", env)
    said = done.stderr.strip()
    assert done.returncode == 1, done.stdout + said
    assert words in said
    assert len(said.splitlines()) == 1, said
    assert "Traceback" not in done.stdout + said
    assert "hunter2" not in done.stdout + said
