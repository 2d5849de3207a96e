"""Reaching a page: what is tried again, what fails it, and the sentence it fails with."""

from __future__ import annotations

import socket

import pytest
from aiohttp import web

from capture.conftest import Take, with_section
from testkit.captured import details, doubts, events, html, text
from testkit.pages import PageServer
from webaudit_capture.contract import Blame, ExitCode, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PARAGRAPH = "<h1>Wool and wood</h1><p>" + "Things for the house, made to last. " * 10 + "</p>"


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_a_plain_page_is_ok_with_four_artifacts(server: PageServer, take: Take) -> None:
    captured = await take(server.page("/", PARAGRAPH))
    result = captured.result
    assert (result.verdict, captured.exit_code) == (Verdict.OK, ExitCode.OK)
    assert [artifact.file for artifact in captured.artifacts] == [
        "screenshot.png",
        "visible_text.txt",
        "features.json",
        "page.html.gz",
    ]
    assert text(captured).startswith("Wool and wood\nThings for the house")
    assert html(captured).startswith('<!DOCTYPE html>\n<html lang="en">')
    assert result.final_url == server.url("/")
    assert result.load_timings["browser"]["requests"] == 1
    assert result.browser_version is not None


@pytest.mark.parametrize(
    ("status", "reason", "sentence", "code"),
    [
        (404, "http_404", "answered 404 Not Found", ExitCode.PAGE_FAILED),
        (410, "http_410", "answered 410 Gone", ExitCode.PAGE_FAILED),
        (500, "http_500", "answered 500 Internal Server Error", ExitCode.RETRY),
    ],
)
async def test_a_final_status_fails_the_page_at_once(
    server: PageServer, take: Take, status: int, reason: str, sentence: str, code: ExitCode
) -> None:
    url = server.page("/gone", "<h1>Sorry</h1>", status=status)
    captured = await take(url)
    result = captured.result
    assert (result.verdict, result.reason, captured.exit_code) == (Verdict.FAILED, reason, code)
    assert result.message == f"{url} {sentence}"
    assert result.blame is Blame.TARGET
    assert captured.artifacts == []
    assert server.hits["/gone"] == 1


async def test_a_refused_connection_is_said_in_one_sentence(take: Take) -> None:
    port = closed_port()
    captured = await take(f"http://127.0.0.1:{port}/", allow=(f"127.0.0.1:{port}",))
    result = captured.result
    assert (result.reason, captured.exit_code) == ("connection_refused", ExitCode.RETRY)
    assert result.message == f"http://127.0.0.1:{port}/: 127.0.0.1:{port} refused the connection"
    assert [detail["reason"] for detail in details(captured, "navigation_retry")] == ["net_err", "net_err"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_without_address_is_no_such_host(take: Take, scheme: str) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    captured = await take(f"{scheme}://shop.invalid/", resolver=nowhere)
    assert (captured.result.reason, captured.exit_code) == ("no_such_host", ExitCode.PAGE_FAILED)
    assert "no such host" in (captured.result.message or "")


async def test_a_redirect_is_followed_and_its_end_recorded(server: PageServer, take: Take) -> None:
    server.page("/en/", PARAGRAPH)
    captured = await take(server.redirect("/", "/en/"))
    assert captured.result.requested_url == server.url("/")
    assert captured.result.final_url == server.url("/en/")


async def test_a_busy_shop_is_tried_again_as_long_as_it_asks(server: PageServer, take: Take) -> None:
    async def busy(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "1"}, text="busy", content_type="text/html")

    async def fine(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PARAGRAPH, content_type="text/html")

    captured = await take(server.in_turn("/", busy, fine))
    assert captured.result.verdict is Verdict.OK
    (retry,) = details(captured, "navigation_retry")
    assert (retry["reason"], retry["attempt"], retry["backoff_s"]) == ("status_503", 1, 1.0)


async def test_a_shop_that_stays_forbidden_fails_after_three_attempts(server: PageServer, take: Take) -> None:
    captured = await take(server.page("/", "<h1>No</h1>", status=403))
    assert (captured.result.reason, captured.exit_code) == ("status_403", ExitCode.PAGE_FAILED)
    assert server.hits["/"] == 3


async def test_a_silent_shop_times_out_and_says_so(server: PageServer, take: Take) -> None:
    policy = with_section("navigation", attempts=2, attempt_timeout=0.5)
    captured = await take(server.silence("/"), policy=policy)
    assert (captured.result.reason, captured.exit_code) == ("navigation_timeout", ExitCode.RETRY)
    assert captured.result.message == f"{server.url('/')} did not answer within 0.5 s"
    assert [detail["reason"] for detail in details(captured, "navigation_retry")] == ["navigation_timeout"]


async def test_the_cap_ends_a_page_from_outside_the_browser(server: PageServer, take: Take) -> None:
    policy = with_section("navigation", page_cap=1.5, attempt_timeout=30.0)
    captured = await take(server.silence("/"), policy=policy)
    assert (captured.result.reason, captured.exit_code) == ("page_cap", ExitCode.RETRY)
    assert (
        captured.result.message
        == f"{server.url('/')} took longer than 1.5 s in all and was not done with its navigation"
    )


async def test_a_bot_wall_is_reloaded_once_and_never_stored(server: PageServer, take: Take) -> None:
    url = server.page("/", "<p>Checking your browser before accessing</p>", title="Just a moment...", status=403)
    captured = await take(url)
    assert (captured.result.reason, captured.exit_code) == ("bot_wall", ExitCode.PAGE_FAILED)
    assert captured.artifacts == []
    assert server.hits["/"] == 2
    assert [detail["reason"] for detail in details(captured, "navigation_retry")] == ["bot_wall"]


async def test_a_wall_that_lets_us_through_on_reload_is_no_failure(server: PageServer, take: Take) -> None:
    async def wall(_: web.Request) -> web.StreamResponse:
        page = "<title>Attention Required! | Cloudflare</title><p>One more step</p>"
        return web.Response(text=page, content_type="text/html")

    async def shop(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PARAGRAPH, content_type="text/html")

    captured = await take(server.in_turn("/", wall, shop))
    assert captured.result.verdict is Verdict.OK


async def test_a_shop_that_only_speaks_of_captchas_is_no_wall(server: PageServer, take: Take) -> None:
    body = PARAGRAPH * 5 + "<p>Our form asks you to verify you are human.</p><div class='g-recaptcha'></div>"
    captured = await take(server.page("/", body))
    assert captured.result.verdict is Verdict.OK


async def test_a_redirect_to_a_private_address_names_the_address(server: PageServer, take: Take) -> None:
    captured = await take(server.redirect("/", "http://169.254.169.254/latest/meta-data/"))
    result = captured.result
    assert (result.reason, result.blame, captured.exit_code) == (
        "blocked_address",
        Blame.TARGET,
        ExitCode.PAGE_FAILED,
    )
    assert "169.254.169.254 is not public (link-local)" in (result.message or "")
    assert server.hits["/"] == 1


async def test_a_private_address_asked_for_is_the_askers_mistake(take: Take) -> None:
    captured = await take("http://127.0.0.1/", allow=())
    assert (captured.result.reason, captured.result.blame) == ("blocked_address", Blame.CONFIG)


async def test_a_page_that_moves_on_to_a_private_address_by_script_fails(server: PageServer, take: Take) -> None:
    script = "<script>location.href = 'http://10.0.0.1/'</script>"
    captured = await take(server.page("/", PARAGRAPH + script))
    assert (captured.result.verdict, captured.result.reason) == (Verdict.FAILED, "blocked_address")


async def test_a_page_that_moves_on_by_script_is_captured_where_it_ends(server: PageServer, take: Take) -> None:
    server.page("/en", PARAGRAPH)
    captured = await take(server.page("/", "<script>location.href = '/en'</script>"))
    assert captured.result.final_url == server.url("/en")
    assert text(captured).startswith("Wool and wood")


async def test_an_endless_poll_does_not_hold_the_page_open(server: PageServer, take: Take) -> None:
    async def news(_: web.Request) -> web.StreamResponse:
        return web.json_response({})

    server.handler("/news", news)
    script = "<script>setInterval(() => fetch('/news?' + Math.random()), 60)</script>"
    captured = await take(server.page("/", PARAGRAPH + script))
    assert captured.result.verdict is Verdict.OK
    assert "not_ready" not in doubts(captured)


async def test_a_page_that_never_stands_still_is_captured_and_marked(server: PageServer, take: Take) -> None:
    script = """<script>
      setInterval(() => document.body.append(Object.assign(document.createElement("p"), {textContent: "more"})), 50)
    </script>"""
    captured = await take(server.page("/", PARAGRAPH + script), policy=with_section("ready", timeout=1.0))
    assert captured.result.verdict is Verdict.OK
    assert "not_ready" in doubts(captured)
    assert events(captured, "stage_timeout")


async def test_two_runs_give_the_same_bytes_and_pixels(server: PageServer, take: Take) -> None:
    style = "<style>@keyframes spin {to {transform: rotate(1turn)}} i {animation: spin 1s infinite}</style>"
    url = server.page("/", PARAGRAPH + "<i>turning</i><input autofocus>", head=style)
    one, other = await take(url), await take(url)
    assert (one.result.verdict, other.result.verdict, len(one.artifacts)) == (Verdict.OK, Verdict.OK, 4)
    assert {artifact.file: artifact.sha256 for artifact in one.artifacts} == {
        artifact.file: artifact.sha256 for artifact in other.artifacts
    }
