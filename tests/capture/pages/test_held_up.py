"""What never arrives: files that hang or drip, a network lost in the middle, and what is kept all the same."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web

from capture.conftest import QUICK, Take, with_section
from capture.pages.pictures import GREEN, pixels, plain
from capture.pages.shops import SHOP
from testkit.captured import details, doubts, outcome, picture, text
from testkit.pages import PageServer, Wire
from webaudit_capture.contract import Blame, ExitCode, Verdict
from webaudit_capture.policy import CrawlPolicy

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SOON = QUICK.model_copy(
    update={
        "ready": QUICK.ready.model_copy(update={"ignore_request_after": 0.3}),
        "evidence": QUICK.evidence.model_copy(update={"drawing_wait": 0.4}),
    }
)
FACE = "<style>@font-face { font-family: shop; src: url(/file) } h1 { font-family: shop }</style>"


async def dripping(wire: Wire) -> None:
    wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\n\r\n")
    await wire.drip("a {}\n")


@pytest.mark.parametrize(
    ("head", "drips"),
    [("<link rel=stylesheet href=/file>", False), ("<link rel=stylesheet href=/file>", True), (FACE, False)],
    ids=["style sheet", "dripping style sheet", "font"],
)
async def test_a_file_that_holds_up_drawing_is_given_up_and_named(
    server: PageServer, take: Take, head: str, drips: bool
) -> None:
    file = server.wire("/file", dripping) if drips else server.silence("/file")
    captured = await take(server.page("/", SHOP, head=head), policy=SOON)
    assert captured.result.verdict is Verdict.OK
    assert outcome(captured, "drawing") == "timeout"
    (doubt,) = captured.result.low_confidence
    assert (doubt.code, doubt.detail) == ("not_ready", f"{file} was still loading when the screenshot was due")
    assert [given_up["url"] for given_up in details(captured, "loading_given_up")] == [file]
    plain_page = await take(server.page("/plain", SHOP))
    assert picture(captured).histogram() == picture(plain_page).histogram()


@pytest.mark.parametrize(
    "piece",
    [
        "<img src=/file width=200 height=200 alt=''>",
        "<script async src=/file></script>",
        "<script>fetch('/file')</script>",
        "<iframe src=/file></iframe>",
        "<iframe srcdoc='<link rel=stylesheet href=/file>'></iframe>",
        "<video src=/file autoplay muted></video>",
        "<link rel=preload as=font href=/file crossorigin>",
        "<link rel=stylesheet media=print href=/file>",
    ],
    ids=["picture", "script", "fetch", "frame", "style sheet of a frame", "film", "preload", "style sheet for print"],
)
async def test_a_file_that_hangs_beside_the_page_is_not_waited_for(server: PageServer, take: Take, piece: str) -> None:
    server.silence("/file")
    captured = await take(server.page("/", SHOP + piece), policy=SOON)
    assert (captured.result.verdict, doubts(captured)) == (Verdict.OK, set())
    assert outcome(captured, "ready") == "ok"
    assert text(captured).startswith("Wool and wood")


async def test_requests_that_follow_each_other_are_waited_for(server: PageServer, take: Take) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.08)
        return web.Response()

    for number in range(5):
        server.handler(f"/{number}", slow)
    script = (
        "(async () => { for (let i = 0; i < 5; i++) await fetch(`/${i}`); last.textContent = 'and all is here' })()"
    )
    captured = await take(server.page("/", f"{SHOP}<p id=last></p><script>{script}</script>"))
    assert text(captured).endswith("and all is here\n")


LOST = QUICK.model_copy(
    update={
        "navigation": QUICK.navigation.model_copy(update={"attempts": 2, "attempt_timeout": 0.8}),
        "ready": SOON.ready,
    }
)
PARTS = "".join(f"<img src=/{number}.png width=200 height=200 alt=''>" for number in range(8))


def losing(server: PageServer, after: int, script: str) -> None:
    """Eight pictures, of which so many arrive before the network is gone."""

    async def lost(wire: Wire) -> None:
        await (wire.stall() if script == "stalls" else wire.reset())

    for number in range(8):
        if number < after:
            server.document(f"/{number}.png", plain(GREEN), content_type="image/png")
        else:
            server.wire(f"/{number}.png", lost)


@pytest.mark.parametrize("how", ["stalls", "resets"])
async def test_a_network_lost_in_the_middle_costs_what_had_not_arrived(
    server: PageServer, take: Take, how: str
) -> None:
    losing(server, 3, how)
    captured = await take(server.page("/", SHOP + PARTS), policy=LOST)
    assert (captured.result.verdict, captured.result.reason) == (Verdict.OK, None)
    assert text(captured).startswith("Wool and wood")
    assert pixels(picture(captured), GREEN) == 3 * 200 * 200


@pytest.mark.parametrize(
    ("how", "reason"), [("stalls", "navigation_timeout"), ("resets", "net_err")], ids=["stalls", "resets"]
)
async def test_a_network_lost_before_the_next_document_fails_the_page(
    server: PageServer, take: Take, how: str, reason: str
) -> None:
    async def lost(wire: Wire) -> None:
        await (wire.stall() if how == "stalls" else wire.reset())

    server.wire("/en", lost)
    captured = await take(server.page("/", "<script>location = '/en'</script>"), policy=LOST)
    result = captured.result
    assert (result.verdict, result.blame, captured.exit_code) == (Verdict.FAILED, Blame.TARGET, ExitCode.RETRY)
    assert result.reason == reason
    assert server.url("/en") in (result.message or "")
    assert captured.artifacts == []


@pytest.mark.parametrize("answers", [False, True], ids=["name servers are silent", "name servers are in trouble"])
async def test_a_name_that_cannot_be_looked_up_now_is_worth_another_pod(take: Take, answers: bool) -> None:
    async def away(host: str, port: int) -> list[str]:
        if answers:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        await asyncio.Event().wait()
        raise AssertionError

    policy = with_section("navigation", resolve_timeout=0.3, attempts=2)
    captured = await take("http://shop.example/", resolver=away, policy=policy)
    assert (captured.result.reason, captured.exit_code) == ("dns_trouble", ExitCode.RETRY)
    assert [retry["reason"] for retry in details(captured, "navigation_retry")] == ["net_err"]


async def test_a_name_server_lost_in_the_middle_costs_the_hosts_it_was_to_find(server: PageServer, take: Take) -> None:
    async def only_the_shop(host: str, port: int) -> list[str]:
        if host == "127.0.0.1":
            return [host]
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    body = f"{SHOP}<img src=http://cdn.example/a.png alt=''><script src=http://tags.example/t.js></script>"
    captured = await take(server.page("/", body), resolver=only_the_shop)
    assert captured.result.verdict is Verdict.OK
    assert {refused["host"] for refused in details(captured, "connection_refused_by_proxy")} == {
        "cdn.example",
        "tags.example",
    }


@pytest.mark.parametrize(("grows", "policy"), [("scroll", QUICK), ("timer", with_section("scroll", timeout=0.6))])
async def test_a_page_that_grows_as_long_as_one_looks_is_bounded_and_says_so(
    server: PageServer, take: Take, grows: str, policy: CrawlPolicy
) -> None:
    grow = "main.append(Object.assign(document.createElement('section'), { textContent: 'more' }))"
    event = f"addEventListener('scroll', () => {grow})" if grows == "scroll" else f"setInterval(() => {grow}, 30)"
    small = policy.model_copy(
        update={
            "ready": policy.ready.model_copy(update={"timeout": 0.5, "settle_timeout": 0.3}),
            "scroll": policy.scroll.model_copy(update={"max_height": 6000}),
            "evidence": policy.evidence.model_copy(update={"screenshot_max_height": 2000}),
        }
    )
    style = "<style>section { height: 900px }</style>"
    url = server.page(
        "/", f"{style}{SHOP}<main id=main></main><script>for (let i = 0; i < 3; i++) {grow}; {event}</script>"
    )
    captured = await take(url, policy=small)
    assert captured.result.verdict is Verdict.OK
    assert picture(captured).height == 2000
    assert details(captured, "screenshot_cut")
    if grows == "scroll":
        assert details(captured, "scroll_bounded")
        assert doubts(captured) == set()
    else:
        assert doubts(captured) == {"not_ready"}
