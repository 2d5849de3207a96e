"""Settings: each fault is one line that names its variable, and none shows a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from webaudit_operator.settings import PREFIX, DatabaseSettings, Settings, SettingsError, load

NEEDED = {
    "WEBAUDIT_DATABASE_URL": "postgresql://webaudit:hunter2@db:5432/webaudit",
    "WEBAUDIT_BUCKET": "evidence",
    "WEBAUDIT_CAPTURE_IMAGE": "registry/capture:1",
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables that are needed and no others of ours."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def fault() -> str:
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert "hunter2" not in text
    return text


def test_what_is_needed_is_enough(env: pytest.MonkeyPatch) -> None:
    found = load(Settings)
    assert (found.database_url, found.bucket, found.capture_image) == tuple(NEEDED.values())
    assert (found.max_captures, found.signing_key_file, found.allow_targets) == (20, None, ())


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_variable_is_named(env: pytest.MonkeyPatch, name: str) -> None:
    env.delenv(name)
    assert fault() == f"{name}: is not set"


def test_all_that_is_missing_is_named_at_once(env: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        env.delenv(name)
    assert fault() == "; ".join(f"{name}: is not set" for name in NEEDED)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "URL scheme should be"),
        ("DATABASE_URL", "webaudit", "valid URL"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d", "invalid port number"),
        ("DATABASE_URL", "", "valid URL"),
        ("BUCKET", "gs://evidence", "without gs://"),
        ("BUCKET", "evidence/audits", "without a path"),
        ("BUCKET", "e", "at least 3 characters"),
        ("CAPTURE_IMAGE", "", "at least 1 character"),
        ("CAPTURE_IMAGE_PULL_POLICY", "Sometimes", "'Always', 'IfNotPresent' or 'Never'"),
        ("CAPTURE_SANDBOX", "on", "'required', 'preferred' or 'off'"),
        ("ALLOW_TARGETS", "shop.local", '"shop.local" is not host:port'),
        ("ALLOW_TARGETS", ":80", '":80" is not host:port'),
        ("ALLOW_TARGETS", "shop:80,other:http", '"other:http" is not host:port'),
        ("MAX_CAPTURES", "0", "greater than or equal to 1"),
        ("MAX_CAPTURES", "many", "valid integer"),
        ("MAX_CAPTURES_PER_NAMESPACE", "-1", "greater than or equal to 1"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("RESYNC_SECONDS", "0", "greater than 0"),
        ("RETENTION_INTERVAL_SECONDS", "soon", "valid number"),
        ("RETENTION_BATCH", "101", "less than or equal to 100"),
        ("SIGNED_URL_HOURS", "169", "less than or equal to 168"),
        ("JOB_DEADLINE_SECONDS", "59", "greater than or equal to 60"),
        ("JOB_TTL_SECONDS", "0", "greater than or equal to 300"),
        ("HTTP_PORT", "65536", "less than or equal to 65535"),
        ("LOG_FORMAT", "xml", "'json' or 'text'"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_wrong(
    env: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    env.setenv(PREFIX + name, value)
    said = fault()
    assert said.startswith(f"{PREFIX}{name}: ")
    assert words in said


def test_several_faults_are_one_line(env: pytest.MonkeyPatch) -> None:
    env.setenv("WEBAUDIT_BUCKET", "gs://evidence")
    env.setenv("WEBAUDIT_WORKERS", "0")
    assert [part.partition(":")[0] for part in fault().split("; WEBAUDIT")] == ["WEBAUDIT_BUCKET", "_WORKERS"]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("", ()),
        ("shop.local:8080", ("shop.local:8080",)),
        (" a:1 , b:2 ,", ("a:1", "b:2")),
        ("[::1]:8080", ("[::1]:8080",)),
    ],
)
def test_targets_are_a_comma_separated_list(env: pytest.MonkeyPatch, text: str, targets: tuple[str, ...]) -> None:
    env.setenv("WEBAUDIT_ALLOW_TARGETS", text)
    assert load(Settings).allow_targets == targets


def test_a_signing_key_is_a_path(env: pytest.MonkeyPatch) -> None:
    env.setenv("WEBAUDIT_SIGNING_KEY_FILE", "/etc/webaudit/key.json")
    assert load(Settings).signing_key_file == Path("/etc/webaudit/key.json")


def test_migrating_needs_the_database_and_nothing_else(env: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        env.delenv(name)
    env.setenv("WEBAUDIT_DATABASE_URL", NEEDED["WEBAUDIT_DATABASE_URL"])
    assert load(DatabaseSettings).database_url == NEEDED["WEBAUDIT_DATABASE_URL"]
    env.delenv("WEBAUDIT_DATABASE_URL")
    with pytest.raises(SettingsError, match=r"^WEBAUDIT_DATABASE_URL: is not set$"):
        load(DatabaseSettings)
