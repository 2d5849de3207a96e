"""Home pages full of what is no product, and candidates that fail in every way: who is opened, who wins, why not."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from aiohttp import web

from capture.conftest import DISMISSING, QUICK, TEXT, Take, with_section
from capture.discovery.homes import HURRIED, IMG, Home, card, document, grid, menu, product
from testkit.captured import events
from testkit.chromium import renderers
from testkit.pages import PageServer, Wire
from webaudit_capture.browser import Browser
from webaudit_capture.contract import EventType, LogLevel

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CUP = "/products/cup"


@pytest.fixture
def home(server: PageServer, take: Take) -> Home:
    return Home(server, take)


NEVER = [
    *("/cart", "/account", "/wishlist/add/4711", "/compare/4711", "/checkout", "/search?q=cup", "/order/4711"),
    *("/blog/best-product-2024", "/news/12345", "/2024/05/our-product-4711", "/pages/about", "/collections/all"),
    *("/manual-4711.pdf", "/pictures/product-4711.jpg", "/products/cup.webp", "/#reviews", "/?sort=price", "#top"),
    *("/products/cup?add-to-cart=12", "/products/cup?view=quick-view", "/quickview/4711", "/products/cup/reviews"),
    *("mailto:cup-4711@shop.test", "tel:+4912345678", "javascript:void(0)", "https://", "ftp://shop.test/product/1"),
]


async def test_what_is_no_product_is_never_opened(home: Home) -> None:
    port = home.server.port
    elsewhere = [f"http://other.test:{port}/products/cup", f"http://blog.shop.test:{port}/best-cup-48151"]
    post = f'<article class="blog-card"><a href="/cups-for-tea-{{}}8151">{IMG}The best cups for $20</a></article>'
    home.links(*NEVER, *elsewhere, CUP)
    bare = home.server.served("/")

    async def with_posts(request: web.Request) -> web.StreamResponse:
        answer = await bare(request)
        assert isinstance(answer, web.Response)
        posts = "".join(post.format(n) for n in range(4))
        assert isinstance(answer.body, bytes)
        return web.Response(
            body=answer.body.replace(b"<main>", f"<main><div>{posts}</div>".encode()), content_type="text/html"
        )

    home.server.handler("/", with_posts)
    home.page(CUP, product())
    found = await home.search(host="shop.test")
    assert (found.url, found.pdp.source, found.rejected) == (CUP, "link", [])
    assert found.opened == [CUP]


async def test_what_lacks_price_title_or_picture_is_rejected_and_a_sold_out_product_is_valid(home: Home) -> None:
    home.links(
        "/products/gift-card", "/products/gone", "/products/nameless", "/products/text-only", "/products/sold-out"
    )
    home.page("/products/gift-card", product("Gift card", "Choose an amount"))
    home.page(
        "/products/gone",
        '<main><h1>Page not found</h1><p>Nothing here. Free shipping over $50.00!</p><img src="/p.svg" width="300"'
        f' height="300"><h2>You may like</h2>{grid("/products/a", "/products/b")}</main>',
    )
    home.page("/products/nameless", product().replace("<h1>Tea cup</h1>", ""))
    home.page("/products/text-only", product().replace("<img ", "<i "))
    home.page("/products/sold-out", product(button="Sold out"))
    found = await home.search()
    assert found.rejected == [
        ("/products/gift-card", "no_price"),
        ("/products/gone", "no_price"),
        ("/products/nameless", "no_title"),
        ("/products/text-only", "no_image"),
    ]
    assert (found.url, found.pdp.candidates_tried) == ("/products/sold-out", 5)
    assert [event.event_type for event in events(found.captured, "pdp_candidate_rejected")] == [
        EventType.NAVIGATION
    ] * 4


async def test_a_candidate_that_leads_away_is_rejected_and_one_on_another_host_of_the_shop_is_fine(home: Home) -> None:
    port = home.server.port
    mobile = f"http://m.shop.test:{port}/products/pot"
    home.links("/products/old", "/products/sold", "/products/moved", "/products/again", mobile)
    home.server.redirect("/products/old", "/?gone=1")
    home.server.redirect("/products/sold", f"http://other.test:{port}/products/cup")
    home.page("/products/moved", "<script>setTimeout(() => location.replace('/products/landing'), 30)</script>")
    home.page("/products/landing", product(price="On request"))
    home.server.redirect("/products/again", "/products/landing")
    home.page("/products/cup", product())
    home.page("/products/pot", product("Pot"))
    found = await home.search(host="shop.test")
    assert found.rejected == [
        ("/products/old", "redirected_home"),
        ("/products/sold", "left_site"),
        ("/products/moved", "no_price"),
        ("/products/again", "already_tried"),
    ]
    assert found.url == mobile


async def test_a_candidate_that_cannot_be_opened_has_its_navigations_reason(home: Home) -> None:
    async def reset(wire: Wire) -> None:
        await wire.reset()

    home.links("/products/gone", "/products/busy", "/products/walled", "/products/sheet", "/products/reset")
    home.server.redirect("/products/gone", "/404")
    home.page("/products/busy", "Too many", status=429)
    home.page("/products/walled", "<p>Checking</p>", title="Just a moment...")
    home.server.document("/products/sheet", b"%PDF-1.7", content_type="application/pdf")
    home.server.wire("/products/reset", reset)
    found = await home.search()
    assert found.rejected == [
        ("/products/gone", "http_404"),
        ("/products/busy", "status_429"),
        ("/products/walled", "bot_wall"),
        ("/products/sheet", "not_html"),
        ("/products/reset", "net_err"),
    ]
    assert (found.url, found.pdp.reason) == (None, "none of 5 candidates is a product page")
    assert found.opened[:2] == ["/products/gone", "/404"]


async def test_after_a_candidate_that_is_silent_endless_or_crashes_the_next_is_tried(home: Home) -> None:
    browsers: list[Browser] = []

    async def strike(_: web.Request) -> web.Response:
        for renderer in renderers(browsers[0].pid):
            os.kill(renderer, signal.SIGSEGV)
        return web.Response()

    home.server.handler("/now", strike)
    home.links("/products/silent", "/products/crash", "/products/hangs", "/products/restless")
    home.server.silence("/products/silent")
    home.page("/products/hangs", "<script>fetch('/silence'); setTimeout(() => { for (;;) {} }, 400)</script>")
    home.server.silence("/silence")
    home.page("/products/crash", "<script>fetch('/now')</script>")
    # Never calm, never ready: judged as it stands when its time is up.
    home.page(
        "/products/restless",
        "<script>setTimeout(() => { document.querySelector('main').hidden = false }, 300);"
        "setInterval(() => document.body.append(Object.assign(document.createElement('p'), { textContent: 'x' })), 20)"
        f"</script>{product().replace('<main>', '<main hidden>')}",
    )
    found = await home.search(HURRIED, on_browser=browsers.append)
    assert found.rejected[:2] == [("/products/silent", "navigation_timeout"), ("/products/crash", "renderer_crash")]
    # Whether a page hangs before its document has come or after depends on what the browser was at.
    assert found.rejected[2:] in [[("/products/hangs", f"{what}_timeout")] for what in ("navigation", "candidate")]
    assert found.url == "/products/restless"


async def test_a_browser_lost_in_the_search_ends_it_and_leaves_the_home_pages_evidence(home: Home) -> None:
    browsers: list[Browser] = []

    async def strike(_: web.Request) -> web.StreamResponse:
        os.killpg(browsers[0].pid, signal.SIGKILL)
        await asyncio.Event().wait()
        raise AssertionError

    home.links("/products/deadly", CUP)
    home.server.handler("/products/deadly", strike)
    home.page(CUP, product())
    found = await home.search(on_browser=browsers.append)
    assert found.rejected == [("/products/deadly", "browser_lost")]
    assert (found.url, found.pdp.reason) == (None, "the browser ended while it was in use")
    (event,) = events(found.captured, "discovery_failed")
    assert event.level is LogLevel.ERROR


async def test_a_candidate_that_takes_memory_without_end_ends_the_search_and_says_so(home: Home) -> None:
    home.links("/products/greedy", CUP)
    hoard = "const all = []; setInterval(() => all.push(new Uint8Array(20e6).fill(1)), 5); fetch('/silence')"
    home.server.silence("/silence")
    home.page("/products/greedy", f"<script>{hoard}</script>")
    home.page(CUP, product())
    found = await home.search(with_section("browser", max_memory=400 * 1024 * 1024))
    assert found.rejected == [("/products/greedy", "browser_lost")]
    assert (found.url, found.pdp.reason) == (None, "the page takes more than 400 MiB of memory")


UNHURRIED = with_section("ready", dom_quiet=1.0).model_copy(
    update={"discovery": QUICK.discovery.model_copy(update={"calm_after": 0.05})}
)


@pytest.mark.parametrize(
    ("page", "at"),
    [
        (
            f"<b id=root></b><script>onload = () => setTimeout(() => {{ root.innerHTML = `{product()}` }}, @)</script>",
            250,
        ),
        (f"{product()}<script>onload = () => setTimeout(() => document.body.replaceChildren(), @)</script>", 950),
    ],
    ids=["drawn after the first calm", "there at the first calm"],
)
async def test_a_product_is_found_as_soon_as_it_is_there(home: Home, page: str, at: int) -> None:
    home.links(CUP)
    home.page(CUP, page.replace("@", str(at)))
    assert (await home.search(UNHURRIED)).url == CUP


async def test_a_gate_passed_on_the_home_page_stays_open_for_the_product(home: Home) -> None:
    gate = (
        '<div id="gate" role="dialog" style="position:fixed;inset:0;background:#f00;z-index:99"><h2>Over 18?</h2>'
        "<button onclick=\"document.cookie = 'of_age=1;path=/'; gate.remove()\">Yes, I am over 18</button></div>"
    )

    async def gated(request: web.Request) -> web.Response:
        body = product("Gin", "$30.00") if "of_age" in request.cookies else f"<h1>Age check</h1>{gate}"
        return web.Response(text=document(body), content_type="text/html")

    home.page("/", f"<main><h1>Acme</h1><p>{TEXT}</p><a href='/products/gin'>Gin</a></main>{gate}")
    home.server.handler("/products/gin", gated)
    assert (await home.search(DISMISSING)).url == "/products/gin"


async def test_a_gate_over_a_product_page_does_not_hide_the_product(home: Home) -> None:
    home.links("/products/gin")
    gate = '<div style="position:fixed;inset:0;background:#f00;z-index:99"><h2>Are you over 18?</h2></div>'
    home.page("/products/gin", product("Gin", "$30.00") + gate)
    assert (await home.search()).url == "/products/gin"


async def test_categories_two_levels_deep_lead_to_a_product_past_filters_pages_and_sorting(home: Home) -> None:
    home.page("/", f"{menu(('/women.html', 'Women'), ('/men.html', 'Men'))}<main><h1>Acme</h1><p>{TEXT}</p></main>")
    home.page(
        "/women.html",
        f"{menu(('/women.html', 'Women'), ('/men.html', 'Men'))}<main><h1>Women</h1>"
        f'<p><a href="/women/dresses.html">{IMG}Dresses</a><a href="/women/coats.html">{IMG}Coats</a></p></main>',
    )
    filters = "".join(
        f'<li><a href="/women/dresses.html?price={n}0"><span>${n}0.00</span> - <span>${n}9.99</span> (3)</a></li>'
        for n in range(1, 7)
    )
    pages = '<ul class="pages"><li><a href="/women/dresses.html?p=2">2</a></li></ul>'
    home.page(
        "/women/dresses.html",
        f'<main><h1>Dresses</h1><ol>{filters}</ol><a href="/women/dresses.html?order=price">By price</a>'
        f"{grid('/red-dress.html', '/blue-dress.html')}{pages}</main>",
    )
    home.page("/red-dress.html", product("Red dress"))
    found = await home.search()
    assert found.opened == ["/women.html", "/women/dresses.html", "/red-dress.html"]
    assert (found.url, found.pdp.source) == ("/red-dress.html", "category")
    assert [read["candidates"] for read in found.told("pdp_category_read")] == [0, 2]


async def test_a_home_with_nothing_at_all_is_partial_for_want_of_candidates(home: Home) -> None:
    home.links()
    found = await home.search()
    assert (found.url, found.pdp.candidates_tried, found.opened, found.rejected) == (None, 0, [], [])
    assert found.pdp.reason == "neither the home page, its categories nor a sitemap names a product"
    assert [event.level for event in events(found.captured, "pdp_not_found")] == [LogLevel.WARN]


async def test_one_product_by_many_addresses_is_one_candidate(home: Home) -> None:
    same = ["/products/a?utm_source=home", "/collections/x/products/a", "/products/a/?variant=3", "/products/a#reviews"]
    home.links(*same, "/products/b?ref=home&fbclid=x")
    home.page("/products/a", product(price="On request"))
    home.page("/products/b", product())
    found = await home.search()
    assert found.opened == ["/products/a", "/products/b"]


async def test_the_home_page_is_no_product_however_it_looks(home: Home) -> None:
    home.page("/", product(more=card(f"{CUP}") + '<a href="/?utm_source=x">Acme</a>'))
    home.page(CUP, product())
    found = await home.search()
    assert found.opened == [CUP]
