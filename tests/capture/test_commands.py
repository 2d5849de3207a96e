"""The command line as people and pods use it: real processes against real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from capture.conftest import QUICK
from capture.requests import Bucket, request_file
from testkit.pages import PageServer
from webaudit_capture.contract import (
    ARTIFACT_FILES,
    RESULT_FILE,
    CaptureResult,
    ExitCode,
    PageType,
    Verdict,
    Viewport,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Ended:
    code: int
    output: str
    errors: str


async def run(*arguments: str, **environment: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "webaudit_capture",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200", **environment},
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(QUICK.model_dump_json())
    return path


async def test_a_laptop_gets_all_four_captures_and_an_index(shop: PageServer, tmp_path: Path, policy: Path) -> None:
    out = tmp_path / "evidence"
    ended = await run(
        shop.url("/"), "--out", str(out), "--allow", shop.host_port, "--policy", str(policy), "--sandbox", "off"
    )
    assert ended.code == ExitCode.OK, ended.output + ended.errors
    assert "4/4 captured" in ended.output
    for page in PageType:
        for viewport in Viewport:
            folder = out / page / viewport
            files = {name for name, _ in ARTIFACT_FILES.values()}
            assert {file.name for file in folder.iterdir()} == {*files, RESULT_FILE}
            result = CaptureResult.model_validate_json((folder / RESULT_FILE).read_bytes())
            assert (result.verdict, result.page, result.viewport) == (Verdict.OK, page, viewport)
            for record in result.artifacts:
                assert (out / record.object_name).stat().st_size == record.size
    index = (out / "index.html").read_text()
    assert 'src="pdp/mobile/screenshot.png"' in index
    assert "Beech stool" in index
    assert "http://127.0.0.1" in index
    assert "<script" not in index


async def test_a_shop_that_fails_ends_with_its_sentence_and_a_pods_code(shop: PageServer, tmp_path: Path) -> None:
    ended = await run(
        *("capture", shop.url("/none"), "--out", str(tmp_path), "--allow", shop.host_port),
        *("--viewport", "desktop", "--sandbox", "off"),
    )
    assert ended.code == ExitCode.PAGE_FAILED
    assert f"{shop.url('/none')} answered 404 Not Found" in ended.output
    assert "no product page was looked for" in ended.output
    assert "Traceback" not in ended.errors


async def test_evidence_that_cannot_be_written_is_told_in_one_line(
    shop: PageServer, tmp_path: Path, policy: Path
) -> None:
    (tmp_path / "homepage").write_text("in the way")
    ended = await run(
        *(shop.url("/"), "--out", str(tmp_path), "--allow", shop.host_port, "--policy", str(policy)),
        *("--page", "homepage", "--viewport", "desktop", "--sandbox", "off"),
    )
    assert ended.code == ExitCode.UNDELIVERED
    assert f"the evidence cannot be written: {tmp_path}/homepage" in ended.output
    assert "Traceback" not in ended.output + ended.errors


async def test_ctrl_c_ends_everything_at_once_and_without_a_traceback(server: PageServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "webaudit_capture", server.silence("/"), "--out", str(tmp_path)),
        *("--allow", server.host_port, "--sandbox", "off"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        start_new_session=True,  # as a terminal's foreground job: the signal reaches the browsers as well
    )
    assert process.stdout is not None
    output = ""
    while output.count("loading") < len(Viewport):
        output += (await process.stdout.readline()).decode()
    started = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output += (await process.stdout.read()).decode()
    assert await process.wait() == 130
    assert output.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in output
    assert "never retrieved" not in output
    assert started
    _, alive = await asyncio.to_thread(psutil.wait_procs, started, timeout=10)
    assert alive == []


async def test_help_names_both_commands() -> None:
    ended = await run("--help")
    assert ended.code == 0
    assert "capture" in ended.output
    assert "pod" in ended.output


async def test_a_pod_delivers_its_artifacts_and_the_result_last(shop: PageServer, tmp_path: Path) -> None:
    bucket = Bucket(shop)
    ended = await run("pod", "--request", str(request_file(tmp_path, shop, bucket)))
    assert ended.code == ExitCode.OK, ended.output + ended.errors
    assert list(bucket.stored)[-1] == RESULT_FILE
    result = CaptureResult.model_validate_json(bucket.stored[RESULT_FILE])
    assert {record.type: record.size for record in result.artifacts} == {
        kind: len(bucket.stored[file]) for kind, (file, _) in ARTIFACT_FILES.items()
    }
    assert {record.generation for record in result.artifacts} == {"5"}
    assert result.image == "registry.example/capture@sha256:0"
    lines = [json.loads(line) for line in ended.output.splitlines()]
    assert {line["page"] for line in lines} == {"homepage"}
    assert [line["event"] for line in lines][-1] == "artifact_uploaded"
