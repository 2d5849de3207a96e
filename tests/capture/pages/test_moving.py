"""Pages that do not stay where they were reached: where they end is what is judged and captured."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, CDPSession, Frame, Page

from capture.conftest import DISMISSING, TEXT, Take
from testkit.captured import details, text
from testkit.pages import PageServer
from webaudit_capture.contract import ExitCode, Verdict
from webaudit_capture.inpage import FrameWorld, ScriptError

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = f"<h1>Wool and wood</h1><p>{TEXT}</p>"
BAR = "position:fixed;left:0;right:0;bottom:0;height:220px;background:#f00;z-index:999"
WHOLE = "position:fixed;inset:0;background:#f00;z-index:999"
# The guard is up from the first calm moment to the end of the first pass: here for more than a second and a half.
LONG_HELD = DISMISSING.model_copy(update={"ready": DISMISSING.ready.model_copy(update={"network_quiet": 1.5})})


def when_read(script: str) -> str:
    """A script that runs when the screenshot is taken, which finishes animations."""
    return f"""<style>@keyframes slow {{ to {{ left: 1px }} }}</style>
      <i id="moving" style="position: relative; animation: slow 60s">.</i>
      <script>moving.onanimationend = () => {{ {script} }}</script>"""


@pytest.mark.parametrize(
    ("status", "content_type", "reason", "code"),
    [
        (404, "text/html", "http_404", ExitCode.PAGE_FAILED),
        (500, "text/html", "http_500", ExitCode.RETRY),
        (200, "application/json", "not_html", ExitCode.PAGE_FAILED),
    ],
)
@pytest.mark.parametrize("how", ["at once", "while it is read"])
async def test_a_page_that_leads_to_an_error_by_script_fails_with_it(
    server: PageServer, take: Take, how: str, status: int, content_type: str, reason: str, code: ExitCode
) -> None:
    server.document("/en", '{"sorry": true}', status=status, content_type=content_type)
    going = "location.href = '/en'"
    script = f"<script>{going}</script>" if how == "at once" else when_read(going)
    captured = await take(server.page("/", SHOP + script))
    assert (captured.result.verdict, captured.result.reason, captured.exit_code) == (Verdict.FAILED, reason, code)
    assert captured.artifacts == []
    assert (captured.result.message or "").startswith(server.url("/en"))


async def test_a_page_that_leads_to_a_busy_one_by_script_is_tried_again(server: PageServer, take: Take) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="busy", content_type="text/html")

    async def fine(_: web.Request) -> web.StreamResponse:
        return web.Response(text=SHOP, content_type="text/html")

    server.in_turn("/en", busy, fine)
    captured = await take(server.page("/", "<script>location.href = '/en'</script>"))
    assert (captured.result.verdict, captured.result.final_url) == (Verdict.OK, server.url("/en"))
    assert [retry["reason"] for retry in details(captured, "navigation_retry")] == ["status_503"]


async def test_a_wall_drawn_by_script_gets_its_one_reload(server: PageServer, take: Take) -> None:
    async def wall(_: web.Request) -> web.StreamResponse:
        page = "<p>One moment</p><script>setTimeout(() => { document.title = 'Just a moment...' }, 20)</script>"
        return web.Response(text=page, content_type="text/html")

    async def fine(_: web.Request) -> web.StreamResponse:
        return web.Response(text=SHOP, content_type="text/html")

    captured = await take(server.in_turn("/", wall, fine))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Wool and wood")
    assert [retry["reason"] for retry in details(captured, "navigation_retry")] == ["bot_wall"]

    captured = await take(server.handler("/walled", wall))
    assert (captured.result.reason, captured.exit_code) == ("bot_wall", ExitCode.PAGE_FAILED)
    assert server.hits["/walled"] == 2


@pytest.mark.parametrize(
    ("stub", "reason"),
    [
        ('<meta http-equiv="refresh" content="1;url=/en/">', "metaTagRefresh"),
        ("<script>setTimeout(() => { location = '/en/' }, 700)</script>", "scriptInitiated"),
    ],
)
async def test_a_redirect_of_the_pages_own_that_was_held_up_is_followed(
    server: PageServer, take: Take, stub: str, reason: str
) -> None:
    server.page("/en/", SHOP)
    captured = await take(server.page("/", "<p>You are being redirected</p>", head=stub), policy=LONG_HELD)
    assert (captured.result.verdict, captured.result.final_url) == (Verdict.OK, server.url("/en/"))
    assert text(captured).startswith("Wool and wood")
    (cancelled,) = details(captured, "navigation_cancelled")
    assert (cancelled["url"], cancelled["reason"], cancelled["own"]) == (server.url("/en/"), reason, True)
    assert [followed["url"] for followed in details(captured, "navigation_followed")] == [server.url("/en/")]
    assert server.hits["/en/"] == 1


async def test_a_held_up_redirect_to_an_error_fails_the_page(server: PageServer, take: Take) -> None:
    stub = '<meta http-equiv="refresh" content="1;url=/none">'
    captured = await take(server.page("/", "<p>You are being redirected</p>", head=stub), policy=LONG_HELD)
    assert (captured.result.verdict, captured.result.reason) == (Verdict.FAILED, "http_404")


async def test_where_a_click_leads_is_not_followed_however_late(server: PageServer, take: Take) -> None:
    banner = f"""<div id="it" style="{BAR}"><p>We use cookies</p><button type="button"
      onclick="it.remove(); setTimeout(() => {{ location.href = '/away' }}, 10)">Accept</button></div>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert captured.result.final_url == server.url("/")
    assert server.hits["/away"] == 0
    (cancelled,) = details(captured, "navigation_cancelled")
    assert (cancelled["url"], cancelled["own"]) == (server.url("/away"), False)
    assert details(captured, "navigation_followed") == []


async def test_a_page_that_reloads_itself_for_ever_is_captured_without_its_overlay(
    server: PageServer, take: Take
) -> None:
    offer = f"""<div id="it" style="{WHOLE}"><h2>10% off your first order</h2><input type="email">
      <button type="button" onclick="it.remove()">No thanks</button></div>"""
    body = SHOP + offer + "<script>setInterval(() => location.reload(), 700)</script>"
    hasty = LONG_HELD.model_copy(update={"ready": LONG_HELD.ready.model_copy(update={"timeout": 1.5})})
    captured = await take(server.page("/", body), policy=hasty)
    assert captured.result.verdict is Verdict.OK
    assert len(details(captured, "navigation_followed")) == hasty.navigation.follows
    assert details(captured, "popup_dismissed")


async def test_a_page_that_moves_on_while_its_numbers_are_read_is_captured_where_it_ends(
    server: PageServer, take: Take
) -> None:
    # With nothing to report the numbers take this long, so that the page goes in the middle of it.
    patient = DISMISSING.ready.model_copy(update={"poll_interval": 1.5})
    server.page("/en", SHOP)
    url = server.page("/", "<script>setTimeout(() => { location.href = '/en' }, 700)</script>")
    captured = await take(url, policy=DISMISSING.model_copy(update={"ready": patient}))
    assert (captured.result.verdict, captured.result.final_url) == (Verdict.OK, server.url("/en"))
    assert captured.result.load_timings["browser"]["fcp_ms"] is not None


async def test_a_frame_that_vanishes_while_it_is_looked_at_is_passed_over(
    server: PageServer, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_session, call = BrowserContext.new_cdp_session, FrameWorld.call
    gone: list[str] = []

    async def vanishing(self: BrowserContext, target: Page | Frame) -> CDPSession:
        if isinstance(target, Page):
            return await new_session(self, target)
        gone.append(target.url)
        session = await new_session(self, target.page)
        await session.detach()
        return session

    async def throws(self: FrameWorld, name: str, *arguments: Any) -> Any:
        if name == "frameOverlay":
            gone.append(name)
            raise ScriptError("frameOverlay: nothing there")
        return await call(self, name, *arguments)

    monkeypatch.setattr(BrowserContext, "new_cdp_session", vanishing)
    monkeypatch.setattr(FrameWorld, "call", throws)
    server.page("/ad", "<p>An ad</p>")
    captured = await take(server.page("/", f'{SHOP}<iframe src="/ad" style="{WHOLE}"></iframe>'), policy=DISMISSING)
    assert captured.result.verdict is Verdict.OK
    assert {server.url("/ad"), "frameOverlay"} <= set(gone)


async def test_after_the_evidence_is_taken_again_there_is_one_pass_and_the_last_resort(
    server: PageServer, take: Take
) -> None:
    late = f"""document.body.insertAdjacentHTML("beforeend", `<div id="it" style="{WHOLE}"><p>We use cookies</p>
      <button type="button" onclick="it.remove()">Accept</button></div>`)"""
    server.page("/end", SHOP + when_read(late))
    captured = await take(server.page("/", SHOP + when_read("location.href = '/end'")), policy=DISMISSING)
    assert (captured.result.verdict, captured.result.final_url) == (Verdict.OK, server.url("/end"))
    assert details(captured, "popup_dismissed") == []
    assert len(details(captured, "overlay_hide_fallback")) == 1


async def test_a_name_that_speaks_of_crashes_is_no_crash(take: Take) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    captured = await take("http://crashpads.invalid/", resolver=nowhere)
    assert captured.result.reason == "no_such_host"
