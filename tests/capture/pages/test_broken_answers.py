"""Servers that break off, lie about what they send, or never end it: what is said of them, and how soon."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable

import pytest

from capture.conftest import PNG, Take, with_section
from capture.pages.shops import DOCUMENT, HEAD, SHOP
from testkit.captured import details, doubts, text
from testkit.pages import PageServer, Wire
from webaudit_capture.contract import Blame, ExitCode, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

IMPATIENT = with_section("navigation", attempts=2, attempt_timeout=0.8)


async def short_of_its_length(wire: Wire) -> None:
    wire.send(f"{HEAD}Content-Length: 100000\r\n\r\n{DOCUMENT}")


async def reset_in_the_middle(wire: Wire) -> None:
    wire.send(f"{HEAD}Content-Length: 100000\r\n\r\n{DOCUMENT}")
    await wire.reset()


async def chunks_that_are_none(wire: Wire) -> None:
    wire.send(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{len(DOCUMENT):x}\r\n{DOCUMENT}\r\nwool\r\n")


async def chunks_without_the_last(wire: Wire) -> None:
    wire.send(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{len(DOCUMENT):x}\r\n{DOCUMENT}\r\n")


async def text_that_claims_to_be_gzip(wire: Wire) -> None:
    wire.send(f"{HEAD}Content-Encoding: gzip\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n{DOCUMENT}")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (short_of_its_length, "its answer broke off (net::ERR_CONTENT_LENGTH_MISMATCH)"),
        (reset_in_the_middle, "its answer broke off (net::ERR_CONTENT_LENGTH_MISMATCH)"),
        (chunks_that_are_none, "its answer is not as HTTP has it (net::ERR_INVALID_CHUNKED_ENCODING)"),
        (chunks_without_the_last, "its answer broke off (net::ERR_INCOMPLETE_CHUNKED_ENCODING)"),
        (text_that_claims_to_be_gzip, "what it sent cannot be unpacked (net::ERR_CONTENT_DECODING_FAILED)"),
    ],
)
async def test_a_document_that_breaks_off_is_told_from_a_slow_one_at_once(
    server: PageServer, take: Take, script: Callable[[Wire], Awaitable[None]], why: str
) -> None:
    url = server.wire("/", script)
    captured = await take(url)
    result = captured.result
    assert (result.verdict, result.reason, result.blame) == (Verdict.FAILED, "net_err", Blame.TARGET)
    assert result.message == f"{url} could not be loaded: {why}"
    assert (captured.exit_code, captured.artifacts) == (ExitCode.RETRY, [])
    assert [retry["reason"] for retry in details(captured, "navigation_retry")] == ["net_err", "net_err"]
    assert "timeout" not in {event.event_type for event in result.events}


async def test_a_document_that_broke_off_once_is_captured_whole(server: PageServer, take: Take) -> None:
    server.wire("/broken", short_of_its_length)
    server.page("/whole", SHOP)
    captured = await take(server.in_turn("/", server.served("/broken"), server.served("/whole")))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Wool and wood")


async def test_a_connection_reset_before_any_answer_is_a_network_error(server: PageServer, take: Take) -> None:
    captured = await take(server.wire("/", Wire.reset))
    assert (captured.result.reason, captured.exit_code) == ("net_err", ExitCode.RETRY)
    assert "ERR_EMPTY_RESPONSE" in (captured.result.message or "")


async def endless_document(wire: Wire) -> None:
    wire.send(f"{HEAD}\r\n{DOCUMENT}")
    await wire.drip("<p>and more</p>")


async def endless_head(wire: Wire) -> None:
    wire.send("HTTP/1.1 200 OK\r\n")
    await wire.drip("X-More: 1\r\n")


async def stalled_document(wire: Wire) -> None:
    wire.send(f"{HEAD}Content-Length: 100000\r\n\r\n{DOCUMENT}")
    await wire.stall()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (endless_head, "did not answer within 0.8 s"),
        (endless_document, "answered, but its document did not end within 0.8 s"),
        (stalled_document, "answered, but its document did not end within 0.8 s"),
    ],
)
async def test_a_document_that_does_not_end_says_how_far_it_came(
    server: PageServer, take: Take, script: Callable[[Wire], Awaitable[None]], sentence: str
) -> None:
    url = server.wire("/", script)
    captured = await take(url, policy=IMPATIENT)
    assert (captured.result.reason, captured.exit_code) == ("navigation_timeout", ExitCode.RETRY)
    assert captured.result.message == f"{url} {sentence}"


async def test_a_script_that_holds_the_document_up_for_ever_is_named(server: PageServer, take: Take) -> None:
    script = server.silence("/tag.js")
    url = server.page("/", f"{SHOP}<script src='/tag.js'></script><p>below</p>")
    captured = await take(url, policy=IMPATIENT)
    assert captured.result.reason == "navigation_timeout"
    assert (
        captured.result.message == f"{url} answered, but its document did not end within 0.8 s: it waits for {script}"
    )


async def test_the_last_attempt_ends_before_the_cap_and_says_what_it_met(server: PageServer, take: Take) -> None:
    # The cap counts from before the browser starts, so a slow start leaves fewer attempts, never another verdict.
    policy = with_section("navigation", page_cap=6.0, attempt_timeout=3.0, check_timeout=0.4)
    captured = await take(server.silence("/"), policy=policy)
    assert captured.result.reason == "navigation_timeout"
    assert "did not answer within" in (captured.result.message or "")


@pytest.mark.parametrize("status", [204, 205])
async def test_an_answer_without_a_document_is_no_page(server: PageServer, take: Take, status: int) -> None:
    captured = await take(server.document("/", "", status=status))
    assert (captured.result.reason, captured.exit_code) == (f"http_{status}", ExitCode.PAGE_FAILED)
    assert (captured.result.message or "").endswith("which is no page")
    assert server.hits["/"] == 1


@pytest.mark.parametrize(
    ("target", "reason", "words"),
    [
        ("mailto:shop@example.com", "not_html", "led to mailto:shop@example.com, not to a web page"),
        ("data:text/html,<h1>Shop</h1>", "net_err", "ERR_UNSAFE_REDIRECT"),
        ("/", "net_err", "ERR_TOO_MANY_REDIRECTS"),
    ],
)
async def test_a_redirect_that_leads_to_no_page_says_where(
    server: PageServer, take: Take, target: str, reason: str, words: str
) -> None:
    captured = await take(server.redirect("/", target))
    assert (captured.result.verdict, captured.result.reason) == (Verdict.FAILED, reason)
    assert words in (captured.result.message or "")


PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"


@pytest.mark.parametrize(
    ("content", "content_type", "words"),
    [
        (PDF, "application/pdf", "is a download"),
        (PNG, "image/png", "is image/png"),
        (b"{}", "application/json", "is application/json"),
        (b"Wool", "text/plain", "is text/plain"),
        (b"<shop/>", "application/xml", "is application/xml"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "is image/svg+xml"),
        (b"PK", "application/zip", "is a download"),
        (DOCUMENT.encode(), "text/plain", "is text/plain"),
        (DOCUMENT.encode(), "video/mp4", "is video/mp4"),
    ],
    ids=["pdf", "picture", "json", "text", "xml", "svg", "zip", "page called text", "page called film"],
)
async def test_what_is_no_web_page_is_said_to_be_what_it_is(
    server: PageServer, take: Take, content: bytes, content_type: str, words: str
) -> None:
    url = server.document("/", content, content_type=content_type)
    captured = await take(url)
    assert (captured.result.reason, captured.exit_code) == ("not_html", ExitCode.PAGE_FAILED)
    assert captured.result.message == f"{url} {words}, not a web page"
    assert captured.artifacts == []


async def test_a_page_that_asks_to_be_saved_is_a_download(server: PageServer, take: Take) -> None:
    url = server.page("/", SHOP, headers={"Content-Disposition": "attachment; filename=shop.html"})
    assert (await take(url)).result.message == f"{url} is a download, not a web page"


async def without_a_type(wire: Wire) -> None:
    wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n{DOCUMENT}")


async def after_early_hints(wire: Wire) -> None:
    wire.send("HTTP/1.1 103 Early Hints\r\nLink: </none.css>; rel=preload; as=style\r\n\r\n")
    wire.send(f"{HEAD}Content-Length: {len(DOCUMENT)}\r\n\r\n{DOCUMENT}")


async def until_closed(wire: Wire) -> None:
    wire.send(f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{DOCUMENT}")


async def in_an_unknown_encoding(wire: Wire) -> None:
    wire.send(f"{HEAD}Content-Encoding: wool\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n{DOCUMENT}")


async def gzip_with_something_after_it(wire: Wire) -> None:
    packed = gzip.compress(DOCUMENT.encode()) + b"and more"
    wire.send(f"{HEAD}Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n")
    wire.send(packed)


@pytest.mark.parametrize(
    "script", [without_a_type, after_early_hints, until_closed, in_an_unknown_encoding, gzip_with_something_after_it]
)
async def test_an_odd_answer_that_browsers_read_is_a_page(
    server: PageServer, take: Take, script: Callable[[Wire], Awaitable[None]]
) -> None:
    captured = await take(server.wire("/", script))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Wool and wood")
    assert doubts(captured) == set()
