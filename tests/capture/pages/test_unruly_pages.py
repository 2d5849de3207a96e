"""Pages that do not behave: endless work, dialogs, windows, downloads, and ways out that lead to no page."""

from __future__ import annotations

import asyncio

import psutil
import pytest
from aiohttp import web

from capture.conftest import TEXT, Take, with_section
from capture.pages.shops import SHOP
from testkit.captured import doubts, outcome, text
from testkit.pages import PageServer
from webaudit_capture.browser import Browser
from webaudit_capture.contract import Blame, CaptureEvent, ExitCode, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HASTY = with_section("navigation", attempts=2, attempt_timeout=0.8, check_timeout=0.3)
# Time enough to be answered on a busy machine: only what comes afterwards is to run out of it.
ANSWERED = with_section("navigation", attempts=1, attempt_timeout=3.0, check_timeout=0.3)
BUSY = ANSWERED.model_copy(
    update={
        "ready": HASTY.ready.model_copy(update={"timeout": 0.6, "settle_timeout": 0.2}),
        "scroll": HASTY.scroll.model_copy(update={"timeout": 0.2}),
        "popups": HASTY.popups.model_copy(update={"timeout": 0.2, "hide_timeout": 0.2}),
        "evidence": HASTY.evidence.model_copy(update={"screenshot_timeout": 0.4, "extract_timeout": 0.3}),
    }
)


@pytest.mark.parametrize("work", ["for (;;) {}", "while (true) alert(1)"], ids=["loop", "alerts"])
async def test_a_page_that_works_for_ever_at_once_times_out_and_leaves_nothing_behind(
    server: PageServer, take: Take, work: str
) -> None:
    browsers: list[Browser] = []
    url = server.page("/", SHOP, head=f"<script>{work}</script>")
    captured = await take(url, policy=ANSWERED, on_browser=browsers.append)
    result = captured.result
    assert (result.reason, result.blame, captured.exit_code) == ("navigation_timeout", Blame.TARGET, ExitCode.RETRY)
    assert result.message == f"{url} answered, but its document did not end within 3 s"
    assert not psutil.pid_exists(browsers[0].pid)


@pytest.mark.parametrize("work", ["for (;;) {}", "while (true) alert(1)"], ids=["loop", "alerts"])
async def test_every_stage_ends_although_the_page_never_answers_again(
    server: PageServer, take: Take, work: str
) -> None:
    reached = asyncio.Event()

    async def when_reached(_: web.Request) -> web.StreamResponse:
        await reached.wait()
        return web.Response()

    def heard(event: CaptureEvent) -> None:
        if event.details["event"] == "navigated":
            reached.set()

    server.handler("/reached", when_reached)
    script = f"<script>fetch('/reached').then(() => {{ {work} }})</script>"
    captured = await take(server.page("/", SHOP + script), policy=BUSY, on_event=heard)
    assert (captured.result.reason, captured.exit_code) == ("page_unresponsive", ExitCode.RETRY)
    for stage in ("ready", "vitals", "check#2", "scroll", "settle", "popups_again", "screenshot", "extract"):
        assert outcome(captured, stage) == "timeout", stage


async def test_the_cap_says_what_it_interrupted(server: PageServer, take: Take) -> None:
    url = server.page("/", SHOP + "<script>onload = () => setTimeout(() => { for (;;) {} }, 20)</script>")
    captured = await take(url, policy=with_section("navigation", page_cap=1.5))
    assert captured.result.reason == "page_cap"
    before, _, stage = (captured.result.message or "").rpartition(" ")
    assert before == f"{url} took longer than 1.5 s in all and was not done with its"
    assert outcome(captured, stage) == "cancelled"


async def test_two_million_nodes_end_in_a_verdict_within_the_cap(server: PageServer, take: Take) -> None:
    grow = "for (let i = 0; i < 2000000; i++) heap.append(document.createElement('i'))"
    policy = with_section("navigation", page_cap=12.0, attempts=1, attempt_timeout=2.0, check_timeout=0.5)
    captured = await take(server.page("/", f"{SHOP}<div id=heap></div><script>{grow}</script>"), policy=policy)
    assert captured.result.verdict is Verdict.FAILED
    assert captured.result.reason in ("navigation_timeout", "too_much_memory")
    assert captured.result.blame is Blame.TARGET


async def test_elements_nested_too_deep_for_the_browser_are_its_crash(server: PageServer, take: Take) -> None:
    nest = "let at = deep; for (let i = 0; i < 20000; i++) at = at.appendChild(document.createElement('div'))"
    captured = await take(server.page("/", f"{SHOP}<div id=deep></div><script>{nest}</script>"))
    assert (captured.result.reason, captured.exit_code) == ("renderer_crash", ExitCode.RETRY)


@pytest.mark.parametrize(
    "script",
    [
        "setInterval(() => { alert(1); confirm(2); prompt(3); print() }, 50)",
        "for (let i = 0; i < 20; i++) window.open('/none?' + i)",
        "addEventListener('beforeunload', (event) => { event.preventDefault(); event.returnValue = 'stay' })",
        "window.close(); window.stop(); open('', '_self').close()",
        "let i = 0; setInterval(() => history.pushState({}, '', '?' + i++), 20)",
        "let i = 0; setInterval(() => { location.hash = i++ }, 20)",
        "location = '/file'",
        "const link = document.createElement('a'); link.href = '/file'; link.download = ''; link.click()",
        "document.body.append(Object.assign(document.createElement('iframe'), { src: '/file' }))",
        "location = 'mailto:shop@example.com'",
        "location = 'intent://shop#Intent;scheme=shop;end'",
        "location = 'shop-app://open'",
        "const f = document.createElement('iframe'); f.src = location.href; document.body.append(f)",
        "new EventSource('/silence'); fetch('/silence'); navigator.sendBeacon('/silence'); new WebSocket('/silence')",
    ],
    ids=[
        "dialogs",
        "windows",
        "beforeunload",
        "close and stop",
        "history",
        "hash",
        "download",
        "download link",
        "download frame",
        "mail",
        "intent",
        "app",
        "itself in frames",
        "endless requests",
    ],
)  # fmt: skip
async def test_what_a_page_does_beside_being_a_page_changes_nothing_about_its_evidence(
    server: PageServer, take: Take, script: str
) -> None:
    server.document("/file", b"wool" * 100, headers={"Content-Disposition": "attachment"})
    server.silence("/silence")
    captured = await take(server.page("/", f"{SHOP}<script>{script}</script>"))
    assert captured.result.verdict is Verdict.OK
    assert text(captured) == f"Wool and wood\n{TEXT.strip()}\nShop now\n"
    assert doubts(captured) == set()


@pytest.mark.parametrize(
    ("head", "script"),
    [("", "location.reload()"), ('<meta http-equiv="refresh" content="0">', "")],
    ids=["reload", "refresh"],
)
async def test_a_page_that_never_stays_is_the_shops_own_fault(
    server: PageServer, take: Take, head: str, script: str
) -> None:
    hasty = HASTY.model_copy(update={"ready": BUSY.ready})
    captured = await take(server.page("/", f"{SHOP}<script>{script}</script>", head=head), policy=hasty)
    result = captured.result
    assert (result.verdict, result.blame, captured.artifacts) == (Verdict.FAILED, Blame.TARGET, [])
    assert result.reason in ("never_stays", "navigation_timeout")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("location = 'about:blank'", "led to about:blank, not to a web page"),
        ("onload = () => document.documentElement.remove()", "is an empty document, not a web page"),
    ],
    ids=["blank", "nothing left"],
)
async def test_a_page_that_turns_into_none_is_no_page(server: PageServer, take: Take, script: str, words: str) -> None:
    captured = await take(server.page("/", f"{SHOP}<script>{script}</script>"))
    assert (captured.result.reason, captured.exit_code) == ("not_html", ExitCode.PAGE_FAILED)
    assert words in (captured.result.message or "")


async def test_a_page_written_anew_in_place_is_the_one_on_record(server: PageServer, take: Take) -> None:
    anew = f"<h1>Written anew</h1><p>{TEXT}</p><a href=/sale>Shop now</a>"
    script = f"onload = () => setTimeout(() => {{ document.write(`{anew}`); document.close() }}, 20)"
    captured = await take(server.page("/", f"{SHOP}<script>{script}</script>"))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Written anew\n")
    assert doubts(captured) == set()
