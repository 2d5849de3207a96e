"""A browser that is killed, hangs, eats memory or has no room: whose fault it is, how soon it is said, what is left."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Callable

import psutil
import pytest
from aiohttp import web

from capture.conftest import Take, with_section
from capture.pages.shops import DOCUMENT, SHOP
from testkit.captured import doubts, text
from testkit.chromium import group, renderers
from testkit.pages import PageServer
from webaudit_capture.browser import Browser
from webaudit_capture.contract import Blame, ExitCode, Verdict
from webaudit_capture.policy import CrawlPolicy

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHORT = with_section("navigation", page_cap=3.0, check_timeout=0.3)
MEBI = 1024 * 1024


LISTENING = SHORT.model_copy(
    update={"browser": SHORT.browser.model_copy(update={"answer_timeout": 0.5, "close_timeout": 0.5})}
)


def at_most(mebibytes: int) -> CrawlPolicy:
    return with_section("browser", max_memory=mebibytes * MEBI)


def unpacking_to(mebibytes: int) -> bytes:
    """A page of so much text, packed. What unpacks it never sees the checksum that is missing at the end."""
    packer = zlib.compressobj(level=9, wbits=31)
    start = packer.compress(DOCUMENT.encode()) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b"wool" * (MEBI // 4)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + piece * mebibytes


class Fate:
    """What happens to the browser as soon as the page asks for `/now`, and what is left of it."""

    def __init__(self, server: PageServer) -> None:
        self._browsers: list[Browser] = []
        self._strike: Callable[[int], None] = lambda pid: None
        server.handler("/now", self._now)
        self.url = server.page("/", f"{SHOP}<script>onload = () => fetch('/now')</script>")

    def befall(self, strike: Callable[[int], None]) -> Callable[[Browser], None]:
        self._strike = strike
        return self._browsers.append

    async def _now(self, _: web.Request) -> web.StreamResponse:
        self._strike(self._browsers[0].pid)
        return web.Response()

    def left(self) -> list[psutil.Process]:
        return group(self._browsers[0].pid)


@pytest.fixture
def fate(server: PageServer) -> Fate:
    return Fate(server)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV], ids=["killed", "crashed"])
async def test_a_renderer_that_dies_fails_the_page_at_once(take: Take, fate: Fate, how: signal.Signals) -> None:
    def strike(pid: int) -> None:
        for renderer in renderers(pid):
            os.kill(renderer, how)

    captured = await take(fate.url, on_browser=fate.befall(strike))
    assert (captured.result.reason, captured.result.blame) == ("renderer_crash", Blame.TARGET)
    assert (captured.exit_code, captured.artifacts, fate.left()) == (ExitCode.RETRY, [], [])
    assert captured.result.message == f"the browser crashed on {fate.url}"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV], ids=["killed", "ended", "crashed"])
async def test_a_browser_that_dies_is_the_platforms_fault_and_worth_another_pod(
    take: Take, fate: Fate, how: signal.Signals
) -> None:
    captured = await take(fate.url, on_browser=fate.befall(lambda pid: os.kill(pid, how)))
    assert (captured.result.reason, captured.result.blame) == ("browser_gone", Blame.PLATFORM)
    assert (captured.exit_code, captured.artifacts, fate.left()) == (ExitCode.RETRY, [], [])
    assert captured.result.message == "the browser ended while it was in use"


async def test_a_browser_that_hangs_is_the_platforms_fault_and_killed_at_the_cap(take: Take, fate: Fate) -> None:
    on_browser = fate.befall(lambda pid: os.killpg(pid, signal.SIGSTOP))
    captured = await take(fate.url, policy=LISTENING, on_browser=on_browser)
    assert (captured.result.reason, captured.result.blame) == ("browser_hung", Blame.PLATFORM)
    assert (captured.exit_code, captured.artifacts, fate.left()) == (ExitCode.RETRY, [], [])
    took = captured.result.finished_at - captured.result.started_at
    assert took.total_seconds() < LISTENING.navigation.page_cap + LISTENING.browser.close_timeout


async def test_a_page_that_hangs_in_a_browser_that_does_not_is_the_shops_fault(take: Take, fate: Fate) -> None:
    def strike(pid: int) -> None:
        for renderer in renderers(pid):
            os.kill(renderer, signal.SIGSTOP)

    captured = await take(fate.url, policy=LISTENING, on_browser=fate.befall(strike))
    assert captured.result.reason in ("page_cap", "navigation_timeout")
    assert captured.result.blame is Blame.TARGET
    assert (captured.exit_code, fate.left()) == (ExitCode.RETRY, [])


@pytest.mark.parametrize("kind", ["gpu-process", "utility"])
async def test_a_helper_process_that_dies_costs_no_page(take: Take, fate: Fate, kind: str) -> None:
    def strike(pid: int) -> None:
        for process in group(pid):
            if f"--type={kind}" in process.cmdline():
                process.kill()

    captured = await take(fate.url, on_browser=fate.befall(strike))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Wool and wood")
    assert (doubts(captured), fate.left()) == (set(), [])


async def test_a_stopped_helper_process_does_not_outlive_the_capture(take: Take, fate: Fate) -> None:
    def strike(pid: int) -> None:
        for process in group(pid):
            if "--type=utility" in process.cmdline():
                process.suspend()

    captured = await take(fate.url, policy=with_section("browser", close_timeout=0.5), on_browser=fate.befall(strike))
    assert captured.result.verdict is Verdict.OK
    assert fate.left() == []


async def test_a_document_that_unpacks_to_gigabytes_ends_at_the_bound_of_memory(server: PageServer, take: Take) -> None:
    browsers: list[Browser] = []
    bomb = unpacking_to(512)
    most: list[int] = [0]

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})

    memory = Browser.memory

    def weighed(self: Browser) -> int:
        most.append(memory(self))
        return most[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Browser, "memory", weighed)
        captured = await take(server.handler("/", answer), policy=at_most(400), on_browser=browsers.append)
    result = captured.result
    assert (result.reason, result.blame, captured.exit_code) == ("too_much_memory", Blame.TARGET, ExitCode.PAGE_FAILED)
    assert result.message == "the page takes more than 400 MiB of memory"
    assert max(most) < 900 * MEBI
    assert (captured.artifacts, group(browsers[0].pid)) == ([], [])


async def test_a_script_that_takes_memory_without_end_ends_at_the_same_bound(server: PageServer, take: Take) -> None:
    hoard = "const all = []; setInterval(() => all.push(new Uint8Array(20e6).fill(1)), 5)"
    captured = await take(server.page("/", f"{SHOP}<script>{hoard}</script>"), policy=at_most(300))
    assert (captured.result.reason, captured.artifacts) == ("too_much_memory", [])
