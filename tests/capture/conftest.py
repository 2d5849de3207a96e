"""What capture tests share: one Playwright driver for all, a page server each, and a policy with short waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Playwright, async_playwright

from testkit.pages import PageServer
from webaudit_capture.browser import Browser
from webaudit_capture.capture import Captured, capture, utc_now
from webaudit_capture.contract import CaptureEvent, CaptureRequest, PageType, Viewport
from webaudit_capture.policy import CrawlPolicy, Evidence, Navigation, Popups, Ready, Scroll
from webaudit_capture.proxy import Resolver, resolve
from webaudit_capture.timeline import Timeline

QUICK = CrawlPolicy(
    version="quick@1",
    navigation=Navigation(
        attempt_timeout=5.0,
        page_cap=20.0,
        backoff=(0.02, 0.04),
        jitter=0.0,
        bot_wall_wait=0.05,
        check_timeout=2.0,
    ),
    ready=Ready(
        network_quiet=0.1, dom_quiet=0.12, poll_interval=0.03, timeout=4.0, settle_timeout=1.0, ignore_request_after=1.0
    ),
    popups=Popups(passes=0),
    scroll=Scroll(dwell=0.05, timeout=4.0),
    evidence=Evidence(screenshot_timeout=10.0, extract_timeout=5.0),
)
"""The rules are the built-in policy's; only the waits are shorter, and overlays are left alone."""

DISMISSING = QUICK.model_copy(
    update={
        "popups": Popups(watch_after=0.05, vendor_timeout=0.3, settle_after_click=0.15, stable_wait=0.05, timeout=5.0)
    }
)


def with_section(section: str, **values: Any) -> CrawlPolicy:
    """QUICK with other values in one section."""
    return QUICK.model_copy(update={section: getattr(QUICK, section).model_copy(update=values)})


class Take(Protocol):
    """Captures a page of the test's server."""

    def __call__(
        self,
        url: str,
        *,
        viewport: Viewport = ...,
        page: PageType = ...,
        policy: CrawlPolicy = ...,
        discover_pdp: bool = ...,
        allow: tuple[str, ...] | None = ...,
        resolver: Resolver = ...,
        on_browser: Callable[[Browser], None] = ...,
        on_event: Callable[[CaptureEvent], None] | None = ...,
    ) -> Awaitable[Captured]: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[PageServer]:
    async with PageServer() as running:
        yield running


@pytest.fixture
def take(playwright: Playwright, server: PageServer) -> Take:
    async def run(
        url: str,
        *,
        viewport: Viewport = Viewport.DESKTOP,
        page: PageType = PageType.HOMEPAGE,
        policy: CrawlPolicy = QUICK,
        discover_pdp: bool = False,
        allow: tuple[str, ...] | None = None,
        resolver: Resolver = resolve,
        on_browser: Callable[[Browser], None] = lambda browser: None,
        on_event: Callable[[CaptureEvent], None] | None = None,
    ) -> Captured:
        request = CaptureRequest(
            session_id="3f1c0d2e-0000-4000-8000-000000000001",
            page=page,
            viewport=viewport,
            url=url,
            discover_pdp=discover_pdp,
            policy=policy,
            allow=(server.host_port,) if allow is None else allow,
            sandbox="off",
            uploads={},
        )
        timeline = Timeline(utc_now, sink=on_event)
        return await capture(request, url, playwright, timeline, resolver=resolver, on_browser=on_browser)

    return run


PRODUCT = """<main><h1>Beech stool</h1><img src="/stool.png" width="600" height="600" alt="Beech stool">
  <p class="price">€ 89.00</p><button type="button">Add to cart</button><p>{text}</p></main>
  <script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Product", "name": "Beech stool",
  "image": "/stool.png", "offers": {{"@type": "Offer", "price": "89.00", "priceCurrency": "EUR"}}}}</script>"""
TEXT = "Things for the house, made to last. " * 10
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c636068f80f000282017f3aa0b1fa0000000049454e44ae426082"
)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(server: PageServer) -> PageServer:
    server.document("/stool.png", PNG, content_type="image/png")
    link = '<a href="/products/beech-stool"><img src="/stool.png" alt=""> Beech stool € 89.00</a>'
    server.page("/", f"<h1>Wool and wood</h1><p>{TEXT}</p><a href='/sale'>Shop now</a><main>{link}</main>")
    server.page("/products/beech-stool", PRODUCT.format(text=TEXT))
    return server
