"""Small documents through the proxy: what is fetched, and where reading stops."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from testkit.pages import PageServer
from webaudit_capture.discovery.sitemaps import read_products
from webaudit_capture.fetch import Fetcher
from webaudit_capture.policy import Discovery
from webaudit_capture.proxy import FilteringProxy, Refusal, RefusalReason

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def fetch(server: PageServer) -> AsyncIterator[Fetcher]:
    async with FilteringProxy(
        allow=(server.host_port,), max_bytes=50_000_000, max_connections=9, resolve_timeout=5, connect_timeout=5
    ) as proxy:
        yield Fetcher(proxy.url, user_agent="shopper", timeout=5)


def urlset(server: PageServer, products: int) -> bytes:
    entries = "".join(f"<url><loc>{server.url(f'/products/{n:06}x')}</loc></url>" for n in range(products))
    return f"<urlset>{entries}</urlset>".encode()


async def test_a_document_comes_whole_and_as_the_browser_would_ask(server: PageServer, fetch: Fetcher) -> None:
    assert await fetch(server.document("/robots.txt", "hello"), 5) == b"hello"
    assert server.requests[0].headers["User-Agent"] == "shopper"


async def test_of_a_longer_document_the_beginning_comes_and_the_rest_is_not_read(
    server: PageServer, fetch: Fetcher
) -> None:
    broke_off = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"0123456789" * 1000)
        finally:
            broke_off.set()

    assert await fetch(server.handler("/sitemap.xml", endless), 25_003) == (b"0123456789" * 2501)[:25_003]
    await asyncio.wait_for(broke_off.wait(), 10)


async def test_a_compressed_answer_counts_as_what_it_becomes(server: PageServer, fetch: Fetcher) -> None:
    url = server.document("/bomb", gzip.compress(b"x" * 5_000_000), headers={"Content-Encoding": "gzip"})
    assert await fetch(url, 1000) == b"x" * 1000


async def test_what_is_no_success_or_out_of_reach_is_none(server: PageServer, fetch: Fetcher) -> None:
    assert await fetch(server.url("/none"), 1000) is None
    assert await fetch("http://127.0.0.1:1/", 1000) is None
    assert await fetch("https://", 1000) is None


async def test_a_redirect_is_checked_like_any_address(server: PageServer) -> None:
    refusals: list[Refusal] = []
    async with FilteringProxy(
        allow=(server.host_port,),
        max_bytes=1000,
        max_connections=9,
        resolve_timeout=5,
        connect_timeout=5,
        on_refusal=refusals.append,
    ) as proxy:
        fetch = Fetcher(proxy.url, user_agent="shopper", timeout=5)
        for target in ("http://10.0.0.1/", "https://169.254.169.254/", "http://10.0.0.1:22/", "file:///etc/passwd"):
            assert await fetch(server.redirect("/robots.txt", target), 1000) is None
    assert [(refusal.host, refusal.port, refusal.reason) for refusal in refusals] == [
        ("10.0.0.1", 80, RefusalReason.BLOCKED_ADDRESS),
        ("169.254.169.254", 443, RefusalReason.BLOCKED_ADDRESS),
        ("10.0.0.1", 22, RefusalReason.PORT_NOT_ALLOWED),
    ]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_sitemap_beyond_the_limit_still_leads_to_products(
    server: PageServer, fetch: Fetcher, packed: bool
) -> None:
    whole = urlset(server, 1000)
    body = gzip.compress(whole, compresslevel=0) if packed else whole
    server.document("/sitemap.xml", body, content_type="application/gzip" if packed else "application/xml")
    limits = Discovery(sitemap_max_bytes=20_000)
    (read,) = [found async for found in read_products(server.url("/"), fetch, limits)]
    assert 100 < len(read.candidates) < 1000
    assert read.candidates[0].url == server.url("/products/000000x")
