"""The command line as a person meets it: what is wrong is one line on stderr, never a traceback."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from testkit.process import environment, run_once
from webaudit_operator.__main__ import app
from webaudit_operator.settings import PREFIX, Settings

NEEDED = {
    "WEBAUDIT_DATABASE_URL": "postgresql://webaudit:hunter2@127.0.0.1:1/webaudit",
    "WEBAUDIT_BUCKET": "evidence",
    "WEBAUDIT_CAPTURE_IMAGE": "registry/capture:1",
}
UNSET = dict.fromkeys(name for name in os.environ if name.startswith(PREFIX))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            {},
            "WEBAUDIT_DATABASE_URL: is not set; WEBAUDIT_BUCKET: is not set; WEBAUDIT_CAPTURE_IMAGE: is not set",
            id="nothing set",
        ),
        pytest.param(
            {**NEEDED, "WEBAUDIT_BUCKET": "gs://evidence", "WEBAUDIT_LOG_LEVEL": "loud"},
            'WEBAUDIT_BUCKET: "gs://evidence" is not a bucket name; write it without gs:// and without a path; '
            "WEBAUDIT_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'",
            id="wrong",
        ),
    ],
)
def test_a_process_with_wrong_settings_ends_at_once_with_one_line(settings: dict[str, str], said: str) -> None:
    ended = run_once("run", environment(**settings))
    assert (ended.returncode, ended.stderr, ended.stdout) == (1, f"webaudit-operator: {said}\n", "")


@pytest.mark.parametrize("url", [None, "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d"])
def test_migrating_names_what_is_wrong_with_the_database_url(url: str | None) -> None:
    ended = CliRunner().invoke(app, ["migrate"], env={**UNSET, "WEBAUDIT_DATABASE_URL": url})
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("webaudit-operator: WEBAUDIT_DATABASE_URL: ")
    assert len(ended.stderr.splitlines()) == 1
    assert "hunter2" not in ended.stderr


def test_every_setting_is_listed_with_its_variable() -> None:
    ended = CliRunner().invoke(app, ["settings"], env={"COLUMNS": "200"})
    assert (ended.exit_code, ended.stderr) == (0, "")
    listed = {line.split()[0] for line in ended.stdout.splitlines() if line.startswith(f" {PREFIX}")}
    assert listed == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_an_unknown_command_is_refused_without_a_traceback() -> None:
    ended = CliRunner().invoke(app, ["dance"])
    assert ended.exit_code == 2
    assert "No such command" in ended.stderr


def test_without_a_command_there_is_help() -> None:
    ended = CliRunner().invoke(app, [])
    for command in ("run", "migrate", "settings"):
        assert command in ended.output
