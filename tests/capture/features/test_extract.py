"""Features of live pages in a real browser: what is seen, where it stands, and what a page cannot spoil."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, Playwright

from testkit.chromium import chromium
from testkit.pages import PageServer
from webaudit_capture.contract import LowConfidenceCode, PageType
from webaudit_capture.features import Features, extract, reader
from webaudit_capture.features.product import PdpCore
from webaudit_capture.inpage import ScriptError
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.policy import Features as Limits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"><rect width="600" height="600"/></svg>'
STRUCK = "text-decoration: line-through"
READERS_ONLY = "position: absolute; clip: rect(0 0 0 0); width: 1px; height: 1px; overflow: hidden"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    async with chromium(playwright) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desktop(browser: Browser) -> AsyncIterator[Page]:
    yield await browser.new_page(viewport={"width": 1440, "height": 900})


class Look:
    """Serves a body and tells its features."""

    def __init__(self, server: PageServer, page: Page) -> None:
        self.server = server
        self.page = page
        server.document("/p.svg", PICTURE, content_type="image/svg+xml")

    async def __call__(self, body: str, page_type: PageType = PageType.PDP, **more: Any) -> Features:
        await self.page.goto(self.server.page("/products/cup", body, **more), wait_until="load")
        return await extract(self.page, page_type, self.page.url)

    async def core(self, body: str, **more: Any) -> PdpCore:
        core = (await self(body, **more)).pdp_core
        assert core is not None
        return core


@pytest.fixture
def look(server: PageServer, desktop: Page) -> Look:
    return Look(server, desktop)


def product(price: str, *, extra: str = "", button: str = "<button>Add to cart</button>") -> str:
    return (
        '<header><a href="/">Acme</a><nav><a href="/cups">Cups</a><a href="/pots">Pots</a></nav>'
        '<div class="mini-cart">Cart: $0.00</div></header><main><div class="gallery">'
        '<img src="/p.svg" width="500" height="500" alt="A cup"></div><div class="info"><h1>Tea Cup</h1>'
        f'{price}<form action="/cart/add">{button}</form></div>{extra}</main>'
        '<footer><a href="/imprint">Imprint</a> Free shipping over $50</footer>'
    )


async def test_a_plain_product_page(look: Look) -> None:
    features = await look(product('<div class="price">$19.99</div>'), title="Tea Cup | Acme")
    assert features.pdp_core == PdpCore("Tea Cup", "19.99", "USD", "InStock", True, (look.server.url("/p.svg"),))
    document = features.as_json()
    assert document["meta"]["title"] == "Tea Cup | Acme"
    assert document["meta"]["lang"] == "en"
    assert document["headings"] == {"h1": ["Tea Cup"], "h2": []}
    assert [link["text"] for link in document["navigation"]["main_nav_links"]] == ["Cups", "Pots"]
    assert [link["text"] for link in document["navigation"]["footer_links"]] == ["Imprint"]
    assert document["ctas"] == [{"text": "Add to cart", "href": None, "kind": "add_to_cart", "above_fold": True}]


@pytest.mark.parametrize(
    ("case", "html", "price", "currency"),
    [
        ("old price struck by tag", "<p><del>$80.00</del> <ins>$59.99</ins></p>", "59.99", "USD"),
        ("old price struck by style", f'<p><span style="{STRUCK}">$80</span> <b>$59.99</b></p>', "59.99", "USD"),
        ("old price struck on a parent", "<s><i><b>$80</b></i></s> <span>$59.99</span>", "59.99", "USD"),
        ("old and new told by words", "<p>Was $80 Now $59.99</p>", "59.99", "USD"),
        ("words in elements of their own", "<p><i>Was</i> <b>$80</b> <i>Now</i> <b>$59.99</b></p>", "59.99", "USD"),
        ("the other block hidden", "<p hidden>Now <b>$80</b></p><p>Sale price <b>$59.99</b></p>", "59.99", "USD"),
        ("sign and number apart", "<div><span>$</span><span>19</span><span>.99</span></div>", "19.99", "USD"),
        ("raised cents", '<div class="price">$19<sup>99</sup></div>', "19.99", "USD"),
        ("deep nesting", "<p><span><bdi><span>€</span>19,99</bdi></span></p>", "19.99", "EUR"),
        ("a bare number called a price", '<span itemprop="price">19.99</span>', "19.99", None),
        ("unit price beside it", "<p><b>4,99 €</b><br><small>9,98 € / 100 g</small></p>", "4.99", "EUR"),
        ("instalments beside it", "<p><b>$120.00</b></p><p>or 4 payments of <b>$30.00</b></p>", "120.00", "USD"),
        ("Swiss", "<p>CHF 1’299.–</p>", "1299.00", "CHF"),
        ("Swedish", "<p>1 299:-</p>", "1299.00", "SEK"),
        ("Indian", "<p>₹1,29,999</p>", "129999.00", "INR"),
        ("Japanese", "<p>¥1,200 <small>(税込)</small></p>", "1200", "JPY"),
        ("Arabic digits", '<p dir="rtl">١٢٠٫٥٠ ر.س</p>', "120.50", "SAR"),
        ("a word for readers only", f'<p><span style="{READERS_ONLY}">Price</span>$19.99</p>', "19.99", "USD"),
        ("none", "<p>Price on request</p>", None, None),
    ],
)  # fmt: skip
async def test_the_visible_price_to_pay_is_read(
    look: Look, case: str, html: str, price: str | None, currency: str | None
) -> None:
    core = await look.core(product(html))
    assert (core.price, core.currency) == (price, currency), case


async def test_prices_of_other_products_are_not_the_pages(look: Look) -> None:
    cards = "".join(
        f'<div class="card"><a href="/products/{name}"><img src="/p.svg" width="200" height="200"></a>'
        f'<h3>{name}</h3><b style="font-size:30px">$5.00</b><button>Add to cart</button></div>'
        for name in ("pot", "pan")
    )
    related = f'<section><h2>You may also like</h2><div class="row">{cards}</div></section>'
    core = await look.core(product("<p>Price on request</p>", extra=related, button=""))
    assert (core.price, core.add_to_cart_present) == (None, False)
    assert core.image_urls == (look.server.url("/p.svg"),)
    core = await look.core(product('<p class="price">$19.99</p>', extra=related))
    assert (core.price, core.add_to_cart_present) == ("19.99", True)


async def test_a_listing_is_no_product(look: Look) -> None:
    cards = "".join(
        f'<li><a href="/products/{n}"><img src="/p.svg" width="200" height="200"><h3>Cup {n}</h3></a>'
        f"<b>${n}.00</b></li>"
        for n in range(1, 5)
    )
    core = await look.core(f"<main><h1>Cups</h1><ul>{cards}</ul></main>")
    assert (core.price, core.image_urls) == (None, ())


async def test_a_broken_block_beside_a_good_one_loses_nothing(look: Look) -> None:
    core = await look.core(
        product("<p>Price on request</p>"),
        head='<script type="application/ld+json">{"@type": "Product", "name": "27" screen"}</script>'
        '<script type="application/ld+json"></script>'
        '<script type="application/ld+json">/* <![CDATA[ */ {"@type": "Product", "name": "Tea Cup", '
        '"image": ["/a.jpg"], "offers": {"price": "19.99", "priceCurrency": "EUR", '
        '"availability": "https://schema.org/PreOrder"}}; /* ]]> */</script>',
    )
    assert (core.price, core.currency, core.availability) == ("19.99", "EUR", "PreOrder")
    assert core.image_urls == (look.server.url("/a.jpg"), look.server.url("/p.svg"))


async def test_microdata_is_read_with_nesting_references_and_addresses(look: Look) -> None:
    features = await look(
        '<main itemscope itemtype="https://schema.org/Product" itemref="more"><h1 itemprop="name">Tea Cup</h1>'
        '<img itemprop="image" src="/p.svg" width="300" height="300"><div itemprop="brand" itemscope '
        'itemtype="https://schema.org/Brand"><span itemprop="name">Acme</span></div>'
        '<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        '<meta itemprop="priceCurrency" content="GBP"><span itemprop="price" content="1299.00">£1,299</span>'
        '<link itemprop="availability" href="https://schema.org/InStock">'
        "</div></main><p id=more>Article <span itemprop=sku>C-1</span></p>"
    )
    assert features.pdp_core is not None
    assert (features.pdp_core.price, features.pdp_core.currency) == ("1299.00", "GBP")
    fields = features.as_json()["schema_org"]["product_fields"]
    assert (fields["name"], fields["brand"], fields["sku"]) == ("Tea Cup", "Acme", "C-1")
    assert fields["offers"][0]["availability"] == "InStock"
    assert features.pdp_core.image_urls[0] == look.server.url("/p.svg")


async def test_open_graph_fills_what_the_page_hides(look: Look) -> None:
    core = await look.core(
        "<main><p>See our app</p></main>",
        head='<meta property="og:type" content="product"><meta property="og:title" content="Tea Cup">'
        '<meta property="og:image" content="/og.jpg"><meta property="product:price:amount" content="19.99">'
        '<meta property="product:price:currency" content="SEK"><meta property="product:availability" content="oos">',
    )
    assert core == PdpCore("Tea Cup", "19.99", "SEK", "OutOfStock", False, (look.server.url("/og.jpg"),))


async def test_a_dollar_is_the_one_the_pages_scripts_name(look: Look) -> None:
    script = '<script>window.shop = {"currency": "CAD"}; var other = {"currencyCode":"XXX"}</script>'
    assert (await look.core(product("<p>$19.99</p>", extra=script))).currency == "CAD"


async def test_a_sold_out_product_keeps_its_price_and_says_so(look: Look) -> None:
    features = await look(product("<p>$19.99</p>", button="<button disabled>Sold out</button>"))
    assert features.pdp_core is not None
    assert (features.pdp_core.price, features.pdp_core.availability) == ("19.99", "OutOfStock")
    assert not features.pdp_core.add_to_cart_present
    assert features.low_confidence("x" * 200, CrawlPolicy()) == []


async def test_only_what_is_shown_counts(look: Look) -> None:
    features = await look(
        '<main><h1 style="display:none">Hidden</h1><h1 hidden>Hidden too</h1>'
        '<button style="visibility:hidden">Buy now</button>'
        '<p style="display:none">$5.00</p><h2>Seen</h2></main>'
    )
    assert features.h1 == ()
    assert features.h2 == ("Seen",)
    assert features.ctas == ()
    assert features.pdp_core is not None
    assert features.pdp_core.price is None


async def test_headlines_are_told_as_the_shop_spells_them(look: Look) -> None:
    features = await look(
        '<main><h1 style="text-transform:uppercase">Tea Cup</h1><h1><img src="/p.svg" alt="Acme Pottery"></h1>'
        "<h2>  Two \n lines </h2></main>"
    )
    assert features.h1 == ("Tea Cup", "Acme Pottery")
    assert features.h2 == ("Two lines",)


async def test_calls_know_whether_they_stand_above_the_fold(look: Look) -> None:
    features = await look(
        '<main><a href="/new" style="display: inline-block; padding: 12px 20px; background: #000">Shop new cups</a>'
        '<div style="height:2000px"></div><button>Subscribe</button><a href="/story">Our story</a></main>',
        PageType.HOMEPAGE,
    )
    assert [(cta.text, cta.kind.value, cta.above_fold) for cta in features.ctas] == [
        ("Shop new cups", "shop", True),
        ("Subscribe", "sign_up", False),
    ]


async def test_consent_banners_are_not_the_shops_calls(look: Look) -> None:
    features = await look(
        "<main><h1>Acme</h1></main>"
        '<div id="cookie-banner"><button>Accept all</button><button>Shop cookies</button></div>',
        PageType.HOMEPAGE,
    )
    assert features.ctas == ()
    assert [doubt.code for doubt in features.low_confidence("x" * 200, CrawlPolicy())] == [
        LowConfidenceCode.MISSING_PRIMARY_CTA
    ]


async def test_a_home_of_icons_only_is_short_and_headless_but_not_without_calls(look: Look) -> None:
    features = await look(
        '<header><a href="/" aria-label="Acme home"><svg width="30" height="30"></svg></a>'
        '<a href="#" aria-label="Search"><svg width="20" height="20"></svg></a>'
        '<a href="/account/login" aria-label="Sign in"><svg width="20" height="20"></svg></a>'
        '<button aria-label="Shopping cart with 0 items"><svg width="20" height="20"></svg></button></header>'
        "<main></main><footer>© Acme</footer>",
        PageType.HOMEPAGE,
    )
    assert [doubt.code for doubt in features.low_confidence("© Acme", CrawlPolicy())] == [
        LowConfidenceCode.MISSING_H1,
        LowConfidenceCode.TEXT_TOO_SHORT,
    ]
    assert features.main_nav_links == ()


async def test_shadow_roots_belong_to_the_page(look: Look) -> None:
    core = await look.core(
        "<main><h1>Tea Cup</h1><x-buy></x-buy></main>"
        '<script>customElements.define("x-buy", class extends HTMLElement { constructor() { super();'
        'this.attachShadow({mode: "open"}).innerHTML = "<b>$19.99</b><button>Add to cart</button>"; }});</script>'
    )
    assert (core.price, core.add_to_cart_present) == ("19.99", True)


async def test_a_page_that_breaks_every_built_in_is_read_all_the_same(look: Look) -> None:
    sabotage = (
        "<script>for (const name of ['querySelectorAll', 'querySelector', 'createTreeWalker']) "
        "document[name] = Document.prototype[name] = Element.prototype[name] = () => { throw 1 };"
        "JSON.stringify = Array.prototype.map = Array.prototype.filter = () => { throw 2 };"
        "window.getComputedStyle = Element.prototype.getBoundingClientRect = () => { throw 3 };</script>"
    )
    assert (await look.core(product('<p class="price">$19.99</p>', extra=sabotage))).price == "19.99"


async def test_form_fields_may_carry_any_name(look: Look) -> None:
    fields = "".join(
        f'<input name="{name}">'
        for name in ("id", "className", "action", "getAttribute", "parentElement", "children", "tagName", "title")
    )
    images = '<img name="querySelectorAll" src="/p.svg"><img name="body" src="/p.svg">'
    core = await look.core(product(f'<form><p class="price">$19.99</p>{fields}<button>Buy</button></form>{images}'))
    assert (core.price, core.add_to_cart_present) == ("19.99", True)


async def test_lists_and_texts_are_bounded(look: Look) -> None:
    await look("<main>" + "".join(f"<h2>{n} {'long ' * 50}</h2>" for n in range(50)) + "</main>")
    features = await extract(look.page, PageType.HOMEPAGE, look.page.url, Limits(max_items=5, max_text_chars=40))
    assert len(features.h2) == 5
    assert all(len(heading) <= 40 for heading in features.h2)


async def test_a_menu_of_hundreds_of_links_leaves_room_for_the_pages_own_controls(look: Look) -> None:
    menu = "".join(f"<a href=/menu/{n}>Menu {n}</a>" for n in range(600))
    features = await look(f"<nav>{menu}</nav><main><h1>Tea Cup</h1><button>Add to cart</button></main>")
    assert [cta.text for cta in features.ctas] == ["Add to cart"]
    assert len(features.main_nav_links) == 500


async def test_the_same_page_twice_gives_the_same_document(look: Look) -> None:
    body = product('<div class="price"><del>$30</del> $19.99</div>', extra="<button>Compare prices</button>")
    assert (await look(body)).as_json() == (await look(body)).as_json()


async def test_a_phone_sees_the_same_product(server: PageServer, browser: Browser, playwright: Playwright) -> None:
    server.document("/p.svg", PICTURE, content_type="image/svg+xml")
    context = await browser.new_context(**playwright.devices["Pixel 7"])
    url = server.page("/products/cup", product('<p class="price">$19.99</p>').replace('width="500"', 'width="100%"'))
    page = await context.new_page()
    await page.goto(url, wait_until="load")
    features = await extract(page, PageType.PDP, page.url)
    await context.close()
    assert features.pdp_core == PdpCore("Tea Cup", "19.99", "USD", "InStock", True, (server.url("/p.svg"),))


async def test_a_closed_page_raises_the_browsers_error(browser: Browser) -> None:
    page = await browser.new_page()
    await page.close()
    with pytest.raises(Error):
        await extract(page, PageType.HOMEPAGE, "https://shop.test/")


async def test_an_error_of_our_own_script_is_told_as_such(desktop: Page) -> None:
    with pytest.raises(ScriptError, match=r"features\.js"):
        await reader.run(desktop, "features.js", items=5, numbers=5, textChars=5, currencySigns=None)
