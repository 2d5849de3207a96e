"""The programs of tests/tools, which ask libraries of Go: one JSON question a line, one JSON answer a line."""

from __future__ import annotations

import json
import os
import subprocess
import zoneinfo
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from webaudit_cluster import paths

Json = dict[str, Any]


def ask(program: str, questions: Iterable[Any], **env: str) -> list[Json]:
    binary = paths.test_programs() / program
    if not binary.exists():
        pytest.fail(f"{program} is not built; run `make machine`")
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    done = subprocess.run([binary], input=lines, text=True, capture_output=True, check=False, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def cronjob_times(questions: list[tuple[str, str, datetime, datetime]]) -> list[list[datetime] | str]:
    """When CronJob's own library fires, by schedule, zone, from (exclusive) and to; or what it has against it.

    It reads the same time zone database as Python does.
    """
    database = next(Path(path) for path in zoneinfo.TZPATH if Path(path, "Europe/Berlin").exists())
    asked = [
        {"schedule": schedule, "zone": zone, "from": int(begin.timestamp()), "to": int(end.timestamp())}
        for schedule, zone, begin, end in questions
    ]
    return [
        answer.get("error") or [datetime.fromtimestamp(at, UTC) for at in answer["times"]]
        for answer in ask("crontimes", asked, ZONEINFO=str(database))
    ]


def kstatus(objects: Iterable[Any]) -> list[str]:
    """How kstatus reads each object: InProgress, Current, Failed, Terminating, NotFound, Unknown."""
    return [answer["status"] for answer in ask("kstatus", objects)]


def argo(script: str, thing: Any, **parameters: Any) -> Any:
    """What a Lua script of Argo CD's says about an object."""
    (answer,) = ask("argolua", [{"script": script, "object": thing, "parameters": parameters}])
    assert "error" not in answer, answer["error"]
    return answer["result"]
