"""The search for a product page in small shops of every kind, with a real browser and a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, Playwright

from testkit.chromium import chromium
from testkit.pages import PageServer
from webaudit_capture.contract import CaptureEvent, EventType, PdpDiscovery
from webaudit_capture.discovery import find_pdp
from webaudit_capture.discovery.sitemaps import Fetch
from webaudit_capture.failures import PageFailed
from webaudit_capture.policy import CrawlPolicy, Discovery
from webaudit_capture.timeline import Timeline

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"><rect width="400" height="400"/></svg>'


@dataclass(frozen=True, slots=True)
class Tabs:
    """One tab for the home page and one for all visits: opening new ones would be most of the time."""

    home: Page
    other: Page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tabs(playwright: Playwright) -> AsyncIterator[Tabs]:
    async with chromium(playwright) as browser:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        yield Tabs(await context.new_page(), await context.new_page())


@dataclass(frozen=True, slots=True)
class Loaded:
    """A page whose load event came: it waits for no more."""

    page: Page

    async def calm(self) -> bool:
        return True

    async def ready(self) -> None: ...


async def _fetch(url: str, max_bytes: int) -> bytes | None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
        return answer.content[:max_bytes] if answer.is_success else None


class Shop:
    """Pages of a shop, and the search through it."""

    def __init__(self, server: PageServer, tabs: Tabs) -> None:
        self.server = server
        self.tabs = tabs
        self.events: list[CaptureEvent] = []
        self.opened: list[str] = []
        server.document("/p.svg", PICTURE, content_type="image/svg+xml")

    def product(
        self, path: str, *, price: str = "$19.99", picture: str = "/p.svg", button: str = "Add to cart"
    ) -> None:
        image = f'<img src="{picture}" width="400" height="400" alt="">' if picture else ""
        self.server.page(path, f"<main>{image}<h1>Tea Cup</h1><p>{price}</p><button>{button}</button></main>")

    def page(self, path: str, body: str, **more: Any) -> None:
        self.server.page(path, body, **more)

    def sitemap(self, path: str, *names: str, index: bool = False) -> None:
        outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
        entries = "".join(f"<{inner}><loc>{self.server.url(name)}</loc></{inner}>" for name in names)
        self.server.document(path, f"<{outer}>{entries}</{outer}>", content_type="application/xml")

    async def search(self, *, fetch: Fetch = _fetch, **limits: Any) -> PdpDiscovery:
        timeline = Timeline(lambda: datetime.now(UTC), sink=self.events.append)
        policy = CrawlPolicy(discovery=Discovery(**limits))

        @asynccontextmanager
        async def visit(url: str) -> AsyncIterator[Loaded]:
            self.opened.append(url.removeprefix(self.server.url("")))
            response = await self.tabs.other.goto(url, wait_until="load")
            if response is not None and response.status >= 400:
                raise PageFailed(f"http_{response.status}", f"answered {response.status}")
            yield Loaded(self.tabs.other)

        await self.tabs.home.goto(self.server.url("/"), wait_until="load")
        return await find_pdp(self.tabs.home, policy, visit, fetch, timeline)

    def found(self, path: str) -> str:
        return self.server.url(path)

    def named(self, event: str) -> list[dict[str, Any]]:
        return [found.details for found in self.events if found.details["event"] == event]

    def rejections(self) -> list[tuple[str, str]]:
        base = self.server.url("")
        return [(each["url"].removeprefix(base), each["reason"]) for each in self.named("pdp_candidate_rejected")]


@pytest.fixture
def shop(server: PageServer, tabs: Tabs) -> Shop:
    return Shop(server, tabs)


def card(href: str, price: str = "$19.99", extra: str = "") -> str:
    return (
        f'<div class="card"><a href="{href}"><img src="/p.svg" width="200" height="200" alt=""></a>'
        f'<a href="{href}">Tea Cup</a>{extra}<b>{price}</b></div>'
    )


def grid(*cards: str) -> str:
    return f'<div class="grid">{"".join(cards)}</div>'


async def test_the_first_of_a_grid_is_found_before_links_above_it(shop: Shop) -> None:
    shop.page(
        "/",
        '<main><p>Read about <a href="/products/hero">our hero</a></p>'
        + grid(card("/blue-cup"), card("/red-cup"))
        + "</main>",
    )
    shop.product("/blue-cup")
    assert await shop.search() == PdpDiscovery(url=shop.found("/blue-cup"), source="grid", candidates_tried=1)
    (outcome,) = shop.named("pdp_found")
    assert (outcome["url"], outcome["source"], outcome["evidence"]) == (shop.found("/blue-cup"), "grid", ["price"])
    assert shop.rejections() == []


LINKS_INSIDE = '<a href="/brands/acme">Acme</a><a href="/wishlist/add/1">♥</a>'
BRANDED = '<div><a href="{}"><img src="/p.svg" width="99"></a><a href="/brands/acme">Acme</a><b>$5.00</b></div>'
WHOLE_LINK = '<a href="{}"><img src="/p.svg" width="99" height="99"><h3>Cup</h3>$5.00</a>'
VIEW = (
    '<div><p><a href="{0}">Cup</a><a class="btn" href="{0}">View</a></p><p><a href="/@{0}">i</a></p><b>$5.00</b></div>'
)
NO_PRICE = '<div><a href="{}"><img src="/p.svg"></a><button>Add to basket</button></div>'


@pytest.mark.parametrize(
    ("case", "home", "source"),
    [
        ("cards with more links", grid(card("/cup", extra=LINKS_INSIDE), card("/pot", extra=LINKS_INSIDE)), "grid"),
        ("a picture beside a brand", grid(BRANDED.format("/cup"), BRANDED.format("/pot")), "grid"),
        ("links like buttons", grid(VIEW.format("/cup"), VIEW.format("/pot")), "grid"),
        ("slides", f"<ul><li>{card('/cup')}</li><li>{card('/pot')}</li></ul>", "grid"),
        ("whole cards that are links", grid(WHOLE_LINK.format("/cup"), WHOLE_LINK.format("/pot")), "grid"),
        ("cart buttons and no prices", grid(NO_PRICE.format("/cup"), NO_PRICE.format("/pot")), "grid"),
        ("one lone card", card("/cup"), "link"),
    ],
)  # fmt: skip
async def test_cards_lead_to_products(shop: Shop, case: str, home: str, source: str) -> None:
    shop.page("/", f"<main><h1>Acme</h1>{home}</main>")
    shop.product("/cup")
    found = await shop.search()
    assert (found.url, found.source, found.candidates_tried) == (shop.found("/cup"), source, 1), case


@pytest.mark.parametrize("word", ["product", "products"])
async def test_products_with_small_numbers_are_found_by_their_cards(shop: Shop, word: str) -> None:
    cards = (f'<div><a href="/{word}/{n}">Cup</a><b>$19.99</b><button>Add to cart</button></div>' for n in range(1, 9))
    shop.page("/", f"<main><h1>Acme</h1>{grid(*cards)}</main>")
    shop.product(f"/{word}/1")
    found = await shop.search()
    assert (found.url, found.source, found.candidates_tried) == (shop.found(f"/{word}/1"), "grid", 1)


async def test_query_string_products_are_told_apart(shop: Shop) -> None:
    async def answer(request: web.Request) -> web.Response:
        number = request.query.get("product_id")
        body = grid(*(card(f"/index.php?route=product/product&amp;product_id={n}") for n in (40, 41)))
        if number is not None:
            price = "<b>$19.99</b>" if number == "41" else "Price on request"
            related = grid(*(card(f"/index.php?route=product/product&amp;product_id={n}") for n in (42, 43)))
            body = (
                f'<main><img src="/p.svg" width="400" height="400"><h1>Cup {number}</h1><p>{price}</p></main>{related}'
            )
        return web.Response(text=f"<!doctype html><body>{body}", content_type="text/html")

    shop.server.handler("/", answer)
    shop.server.handler("/index.php", answer)
    found = await shop.search()
    assert found.url == shop.found("/index.php?route=product/product&product_id=41")
    assert shop.rejections() == [("/index.php?route=product/product&product_id=40", "no_price")]


async def test_structured_data_alone_leads_to_a_product(shop: Shop) -> None:
    data = '{"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "position": 1, "url": "/blue-cup"}]}'
    shop.page("/", "<main><h1>Acme</h1></main>", head=f'<script type="application/ld+json">{data}</script>')
    shop.product("/blue-cup")
    found = await shop.search()
    assert (found.url, found.source) == (shop.found("/blue-cup"), "structured_data")


async def test_a_home_of_categories_only_leads_through_them(shop: Shop) -> None:
    shop.page(
        "/",
        '<header><a href="/">Acme</a><nav><a href="/about">About us</a><a href="/cups">Cups</a>'
        '<a href="/collections/empty">Empty</a></nav></header><main><h1>Acme</h1></main>',
    )
    shop.page("/collections/empty", "<main><h1>Nothing here</h1></main>")
    shop.page("/cups", f"<main><h1>Cups</h1>{grid(card('/blue-cup'), card('/red-cup'))}</main>")
    shop.product("/blue-cup")
    found = await shop.search()
    assert found == PdpDiscovery(url=shop.found("/blue-cup"), source="category", candidates_tried=1)
    assert shop.opened == ["/collections/empty", "/cups", "/blue-cup"]
    assert [read["candidates"] for read in shop.named("pdp_category_read")] == [0, 2]


async def test_no_more_categories_are_opened_than_allowed_and_broken_ones_are_told(shop: Shop) -> None:
    links = "".join(f'<a href="/collections/{n}">Shelf {n}</a>' for n in range(6))
    shop.page("/", f"<header><nav>{links}</nav></header>")
    found = await shop.search(max_categories=2)
    assert (found.url, found.candidates_tried) == (None, 0)
    assert shop.opened == ["/collections/0", "/collections/1"]
    assert [read["reason"] for read in shop.named("pdp_category_read")] == ["http_404", "http_404"]


async def test_a_home_that_links_nothing_leads_through_robots_txt_and_its_sitemaps(shop: Shop) -> None:
    shop.page("/", "<header><a href='/'>Acme</a></header><main></main><footer>© Acme</footer>")
    shop.server.document(
        "/robots.txt", f"User-agent: *\nSitemap: {shop.found('/index.xml')}", content_type="text/plain"
    )
    shop.sitemap("/index.xml", "/sitemap-pages.xml", "/sitemap-products.xml", index=True)
    shop.sitemap("/sitemap-pages.xml", "/about")
    shop.sitemap("/sitemap-products.xml", "/", "/accessories/tea-cup", "/accessories/tea-pot")
    shop.product("/accessories/tea-cup")
    found = await shop.search()
    assert found == PdpDiscovery(url=shop.found("/accessories/tea-cup"), source="sitemap", candidates_tried=1)
    assert [read["url"] for read in shop.named("pdp_sitemap_read")] == [
        shop.found("/index.xml"),
        shop.found("/sitemap-products.xml"),
    ]


async def test_a_shop_with_nothing_at_all_says_so(shop: Shop) -> None:
    shop.page("/", "<main><h1>Coming soon</h1></main>")
    found = await shop.search()
    assert found == PdpDiscovery(
        url=None, candidates_tried=0, reason="neither the home page, its categories nor a sitemap names a product"
    )
    assert [event.details["event"] for event in shop.events] == ["pdp_sitemap_read", "pdp_not_found"]
    assert shop.named("pdp_not_found")[0]["candidates_tried"] == 0


async def test_every_rejection_is_an_event_with_its_reason(shop: Shop) -> None:
    paths = ["/products/gift-card", "/products/text-only", "/products/gone", "/products/elsewhere", "/products/good"]
    shop.page("/", "<main>" + "".join(f'<p><a href="{path}">x</a></p>' for path in paths) + "</main>")
    shop.product("/products/gift-card", price="Choose an amount")
    shop.product("/products/text-only", picture="")
    shop.server.redirect("/products/elsewhere", "/?from=elsewhere")
    shop.product("/products/good")
    found = await shop.search()
    assert found == PdpDiscovery(url=shop.found("/products/good"), source="link", candidates_tried=5)
    assert shop.rejections() == [
        ("/products/gift-card", "no_price"),
        ("/products/text-only", "no_image"),
        ("/products/gone", "http_404"),
        ("/products/elsewhere", "redirected_home"),
    ]
    assert shop.named("pdp_candidate_rejected")[0]["missing"] == ["price"]


async def test_a_listing_behind_a_products_address_is_rejected(shop: Shop) -> None:
    shop.page("/", '<main><a href="/products/all-cups">Cups</a></main>')
    shop.page(
        "/products/all-cups",
        f'<main><h1>All cups</h1><img src="/p.svg" width="900">{grid(card("/a-cup"), card("/b-cup"))}</main>',
    )
    assert (await shop.search()).url is None
    assert shop.rejections() == [("/products/all-cups", "no_price")]


async def test_a_sold_out_product_is_valid(shop: Shop) -> None:
    shop.page("/", '<main><a href="/products/cup">Cup</a></main>')
    shop.product("/products/cup", button="Sold out")
    assert (await shop.search()).url == shop.found("/products/cup")


async def test_blog_posts_that_look_like_products_are_left_out_or_leave_room(shop: Shop) -> None:
    posts = "".join(
        f'<article><time>12 May</time><a href="/best-cups-{n}8151"><img src="/p.svg" width="90"></a></article>'
        for n in range(1, 4)
    )
    guides = "".join(f'<p><a href="/guide-to-tea-{n}8151">Guide</a></p>' for n in range(4, 9))
    shop.page(
        "/",
        '<header><nav><a href="/cups">Cups</a></nav></header>'
        f'<main><a href="/blog/product-48151">Blog</a>{posts}{guides}</main>',
    )
    for n in range(4, 9):
        shop.page(
            f"/guide-to-tea-{n}8151", f"<main><h1>Tea</h1><p>{'Some like it for $5.00 and more. ' * 20}</p></main>"
        )
    shop.page("/cups", f"<main>{grid(card('/blue-cup'), card('/red-cup'))}</main>")
    shop.product("/blue-cup")
    found = await shop.search()
    assert (found.url, found.source) == (shop.found("/blue-cup"), "category")
    assert shop.rejections() == [("/guide-to-tea-48151", "no_price"), ("/guide-to-tea-58151", "no_price")]


async def test_links_to_other_owners_are_never_opened(shop: Shop) -> None:
    shop.page("/", f"<main>{grid(card('http://localhost:1/products/a'), card('http://localhost:1/products/b'))}</main>")
    assert (await shop.search()).url is None
    assert shop.opened == []


async def test_at_most_five_candidates_are_tried(shop: Shop) -> None:
    links = "".join(f'<p><a href="/products/{n}x">x</a></p>' for n in range(9))
    shop.page("/", f'<header><nav><a href="/collections/a">A</a></nav></header><main>{links}</main>')
    found = await shop.search()
    assert found == PdpDiscovery(url=None, candidates_tried=5, reason="none of 5 candidates is a product page")
    assert shop.opened == [f"/products/{n}x" for n in range(5)]
    assert len(shop.rejections()) == 5


async def test_a_candidate_that_never_answers_is_given_up(shop: Shop) -> None:
    shop.page("/", '<main><p><a href="/products/slow">x</a></p><p><a href="/products/cup">x</a></p></main>')
    shop.server.silence("/products/slow")
    shop.product("/products/cup")
    found = await shop.search(candidate_timeout=2.0)
    assert found.url == shop.found("/products/cup")
    assert shop.rejections() == [("/products/slow", "candidate_timeout")]
    assert shop.events[0].event_type is EventType.TIMEOUT


async def test_the_whole_search_ends_at_its_timeout(shop: Shop) -> None:
    shop.page("/", '<main><a href="/products/slow">x</a></main>')
    shop.server.silence("/products/slow")
    found = await shop.search(timeout=1.0)
    assert found == PdpDiscovery(url=None, candidates_tried=1, reason="no product page within 1 s")
    assert shop.rejections() == [("/products/slow", "search_timeout")]
    assert [event.details["event"] for event in shop.events] == [
        "pdp_candidate_rejected",
        "pdp_discovery_timeout",
        "pdp_not_found",
    ]


async def test_a_timeout_that_is_not_the_searchs_own_passes_through(shop: Shop) -> None:
    async def fetch(url: str, max_bytes: int) -> bytes | None:
        raise TimeoutError("a fault of the fetcher")

    shop.page("/", "<main></main>")
    with pytest.raises(TimeoutError, match="a fault of the fetcher"):
        await shop.search(fetch=fetch)
    assert shop.events == []


async def test_cancelling_from_outside_is_not_taken_for_a_timeout(shop: Shop) -> None:
    asked = asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    shop.page("/", '<main><a href="/products/slow">x</a></main>')
    shop.server.handler("/products/slow", answer)
    search = asyncio.create_task(shop.search())
    await asyncio.wait_for(asked.wait(), 10)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    assert shop.events == []
