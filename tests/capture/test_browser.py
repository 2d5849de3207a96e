"""The browser's surroundings: its sandbox, its absence, and what happens when everything hangs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Playwright

from capture.conftest import QUICK, TEXT, Take, with_section
from testkit.captured import details
from testkit.pages import PageServer
from webaudit_capture.capture import capture, utc_now
from webaudit_capture.contract import Blame, CaptureRequest, CaptureResult, ExitCode, PageType, Verdict, Viewport
from webaudit_capture.timeline import Timeline

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def with_sandbox(
    playwright: Playwright, server: PageServer, wanted: str
) -> tuple[Verdict, str | None, bool | None, int]:
    request = CaptureRequest.model_validate(
        {
            "session_id": "1",
            "page": PageType.HOMEPAGE,
            "viewport": Viewport.DESKTOP,
            "url": server.page("/", "<h1>Shop</h1>"),
            "policy": QUICK,
            "allow": (server.host_port,),
            "sandbox": wanted,
            "uploads": {},
        }
    )
    captured = await capture(request, server.url("/"), playwright, Timeline(utc_now))
    result = captured.result
    return result.verdict, result.reason, result.sandbox, len(details(captured, "sandbox_off"))


async def test_a_preferred_sandbox_that_is_not_to_be_had_is_recorded(
    playwright: Playwright, server: PageServer
) -> None:
    verdict, _, sandbox, warnings = await with_sandbox(playwright, server, "preferred")
    assert verdict is Verdict.OK
    assert warnings == (0 if sandbox else 1)


async def test_a_required_sandbox_is_there_or_nothing_is_captured(playwright: Playwright, server: PageServer) -> None:
    verdict, reason, sandbox, _ = await with_sandbox(playwright, server, "required")
    assert (verdict, reason, sandbox) in [
        (Verdict.OK, None, True),
        (Verdict.FAILED, "sandbox_unavailable", None),
    ]
    assert (sandbox is True) == (os.geteuid() != 0 and sandbox is not None)


async def test_a_user_who_may_gets_the_sandbox_and_the_result_says_so(server: PageServer, tmp_path: Path) -> None:
    url = server.page("/", "<h1>Shop</h1>")
    # Root may not sandbox Chromium; in a user namespace the same process is somebody else.
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--user", "--map-user=1000", "--map-group=1000", sys.executable, "-m", "webaudit_capture", url),
        *("--out", str(tmp_path), "--allow", server.host_port, "--sandbox", "required"),
        *("--page", "homepage", "--viewport", "desktop"),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == ExitCode.OK, output.decode()
    result = CaptureResult.model_validate_json((tmp_path / "homepage" / "desktop" / "result.json").read_bytes())
    assert result.sandbox is True


async def test_a_stream_beyond_the_pages_bytes_is_cut_and_told(server: PageServer, take: Take) -> None:
    cut = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 10_000)
        finally:
            cut.set()

    server.handler("/endless", endless)
    page = server.page("/", f'<h1>Shop</h1><p>{TEXT}</p><script>fetch("/endless").then((all) => all.text())</script>')
    captured = await take(page, policy=with_section("evidence", max_page_bytes=300_000))
    await asyncio.wait_for(cut.wait(), 10)
    assert captured.result.verdict is Verdict.OK
    assert {told["reason"] for told in details(captured, "connection_refused_by_proxy")} == {"byte_budget"}
    assert captured.result.load_timings["browser"]["transferred_bytes"] < 600_000


async def test_a_missing_browser_is_the_platforms_fault(
    server: PageServer, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBAUDIT_BROWSER", "/nonexistent/chromium")
    captured = await take(server.page("/", "<h1>Shop</h1>"))
    assert (captured.result.reason, captured.result.blame) == ("browser_missing", Blame.PLATFORM)
    assert "WEBAUDIT_BROWSER" in (captured.result.message or "")


async def test_a_browser_that_is_none_does_not_start(
    server: PageServer, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBAUDIT_BROWSER", "/bin/false")
    captured = await take(server.page("/", "<h1>Shop</h1>"))
    assert (captured.result.reason, captured.exit_code) == ("browser_start", ExitCode.RETRY)


async def test_the_watchdog_ends_a_process_whose_own_loop_hangs() -> None:
    hung = "from webaudit_capture.pod import Watchdog\nwith Watchdog(0.05):\n    while True: pass"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", hung, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert await process.wait() == ExitCode.RETRY
