"""The operator's commands as processes of their own, on the test's record and bucket."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

from testkit.gcs_server import GcsServer
from testkit.process import OPERATOR, environment


@dataclass(frozen=True)
class Commands:
    settings: dict[str, str]

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = environment(**{**self.settings, **settings, "COLUMNS": "200"})
        return subprocess.run(
            [*OPERATOR, *arguments], env=env, input="", capture_output=True, text=True, timeout=60, check=False
        )

    def ok(self, *arguments: str, **settings: str) -> str:
        """Its answer."""
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fault(self, *arguments: str, code: int = 1, settings: dict[str, str] | None = None) -> str:
        """Its one line on stderr, without the program's name."""
        done = self.run(*arguments, **(settings or {}))
        assert done.returncode == code, done.stdout + done.stderr
        *_, line = done.stderr.splitlines()
        assert "Traceback" not in done.stderr
        return line.removeprefix("webaudit-operator: ")


@pytest.fixture
def commands(gcs: GcsServer, database_url: str) -> Commands:
    return Commands(
        {
            "WEBAUDIT_DATABASE_URL": database_url,
            "WEBAUDIT_BUCKET": gcs.bucket,
            "STORAGE_EMULATOR_HOST": gcs.url,
        }
    )
