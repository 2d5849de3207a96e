"""Home pages as the common shop systems make them: the search ends at the product a shopper would see first."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from capture.conftest import TEXT, Take
from capture.discovery.homes import IMG, Home, grid, menu, product
from testkit.pages import PageServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def home(server: PageServer, take: Take) -> Home:
    return Home(server, take)


@dataclass(frozen=True, slots=True)
class System:
    """A home page, the pages behind it by address, and what the search must end at and never open."""

    home: str
    behind: dict[str, str]
    found: str
    source: str = "grid"
    head: str = ""
    opened: list[str] = field(default_factory=list)


def repeat(template: str, *values: str) -> str:
    return "".join(template.replace("@", value) for value in values)


SHOPIFY = System(
    '<div class="shopify-section section-header"><header class="header"><nav><ul><li><a href="/collections/all">All'
    '</a></li></ul></nav><a href="/account/login">Log in</a><a href="/cart">Cart</a></header></div><main>'
    '<div class="banner"><a href="/collections/summer"><h2>From $9.00</h2></a><a href="/products/hero">Hero</a></div>'
    '<ul class="product-grid">'
    + repeat(
        f'<li class="grid__item"><div class="card"><div class="card__media">{IMG}</div><h3 class="card__heading">'
        '<a href="/collections/frontpage/products/@?_pos=1&amp;_ss=c" class="full-unstyled-link">@</a></h3>'
        '<div class="price"><span class="price-item--regular">$19.00 USD</span></div>'
        '<form action="/cart/add"><input type="hidden" name="id" value="4711"><button name="add">Add to cart</button>'
        "</form></div></li>",
        "gift-card",
        "blue-cup",
        "red-cup",
    )
    + "</ul>"
    # The same first product once more, by its other address.
    + f'<p><a href="/products/gift-card">{IMG} Gift card</a></p></main>',
    {
        "/collections/frontpage/products/gift-card": product("Gift card", "Choose an amount"),
        "/products/gift-card": product("Gift card", "Choose an amount"),
        "/collections/frontpage/products/blue-cup": product("Blue cup", "$19.00"),
    },
    "/collections/frontpage/products/blue-cup",
    opened=["/collections/frontpage/products/gift-card", "/collections/frontpage/products/blue-cup"],
)
WOOCOMMERCE = System(
    menu(("/shop/", "Shop"), ("/product-category/cups/", "Cups"), ("/my-account/", "My account"))
    + '<main><ul class="products columns-4">'
    + repeat(
        f'<li class="product type-product post-@ status-publish"><a href="/product/@/?add-to-cart=@">{IMG}</a>'
        f'<a href="/product/@/" class="woocommerce-LoopProduct-link">{IMG}<h2>Cup</h2><span class="price">'
        "<del><bdi>$25.00</bdi></del> <ins><bdi>$19.00</bdi></ins></span></a>"
        '<a href="/?add-to-cart=@" class="button add_to_cart_button ajax_add_to_cart" rel="nofollow">Add to cart</a>'
        '<a href="/?add_to_wishlist=@" class="add_to_wishlist">Add to wishlist</a>'
        '<a href="/?action=yith-woocompare-add-product&amp;id=@" class="compare">Compare</a>'
        '<a href="/product/@/#reviews">3 reviews</a></li>',
        "101",
        "102",
    )
    + "</ul></main>",
    {"/product/101/": product("Cup", "$19.00")},
    "/product/101/",
    opened=["/product/101/"],
)
MAGENTO = System(
    '<header class="page-header"><nav class="navigation"><a href="/women.html">Women</a></nav></header>'
    f'<main><div class="block-promo"><a href="/sale.html">{IMG}<strong>Up to 20% off</strong></a></div>'
    '<ol class="products list items product-items">'
    + repeat(
        f'<li class="item product product-item"><a href="/@.html" class="product photo">{IMG}</a>'
        '<strong class="product-item-name"><a class="product-item-link" href="/@.html">Tee</a></strong>'
        '<div class="price-box"><span data-price-amount="22"><span class="price">$22.00</span></span></div>'
        '<a href="/catalog/product_compare/add/product/1556/" class="action tocompare">Compare</a>'
        '<a href="/wishlist/index/add/product/1556/" class="action towishlist">Wish list</a>'
        '<a href="/checkout/cart/add/uenc/aHR0/product/1556/">Add to Cart</a></li>',
        "radiant-tee",
        "breathe-easy-tank",
    )
    + "</ol></main>",
    {"/radiant-tee.html": product("Radiant tee", "$22.00")},
    "/radiant-tee.html",
    opened=["/radiant-tee.html"],
)
SHOPWARE = System(
    '<header class="header-main"><a href="/">Acme</a><a href="/account">Konto</a></header>'
    '<nav class="main-navigation"><a href="/navigation/0192f3a4c5d67e8f90a1b2c3d4e5f607">Tassen</a></nav><main>'
    '<p><a href="/detail/0192f3a4c5d67e8f90a1b2c3d4e5f6ff">Unsere liebste Tasse</a></p></main>',
    {"/detail/0192f3a4c5d67e8f90a1b2c3d4e5f6ff": product("Tasse", "19,00 €*", "In den Warenkorb")},
    "/detail/0192f3a4c5d67e8f90a1b2c3d4e5f6ff",
    "link",
    opened=["/detail/0192f3a4c5d67e8f90a1b2c3d4e5f6ff"],
)
PRESTASHOP = System(
    menu(("/3-clothes", "Clothes"), ("/content/4-about-us", "About us"))
    + '<main><p><a href="/content/2-legal-notice">Legal notice</a></p>'
    f'<p><a href="/men/1-1-hummingbird-t-shirt.html#/1-size-s/8-color-white">{IMG}</a></p></main>',
    {"/men/1-1-hummingbird-t-shirt.html": product("Hummingbird t-shirt", "€19.12")},
    "/men/1-1-hummingbird-t-shirt.html",
    "link",
    opened=["/men/1-1-hummingbird-t-shirt.html"],
)
BIGCOMMERCE = System(
    menu(("/shop-all/", "Shop all"), ("/blog/", "Blog"))
    + '<main><ul class="productGrid">'
    + repeat(
        f'<li class="product"><article class="card"><figure><a href="/@/">{IMG}</a><a href="#" class="quickview">Quick'
        ' view</a><label><a href="/compare/86">Compare</a></label><a href="/cart.php?action=add&amp;product_id=86" '
        'class="button card-figcaption-button">Add to cart</a></figure>'
        '<h4 class="card-title"><a href="/@/">Cart</a></h4><a href="/wishlist.php?action=add&amp;product_id=86">♥</a>'
        "</article></li>",
        "canvas-laundry-cart",
        "dustpan",
    )
    + "</ul></main>",
    {"/canvas-laundry-cart/": product("Canvas laundry cart", "$200.00")},
    "/canvas-laundry-cart/",
    opened=["/canvas-laundry-cart/"],
)
CAROUSEL = System(
    '<main><div class="slick-track">'
    + f'<div class="slick-slide"><a href="/products/vase">{IMG}Vase $5.00</a></div>' * 6
    + '</div><ul class="grid">'
    + repeat(f'<li><a href="/products/@">{IMG}@ <b>$7.00</b></a></li>', "pot", "pan")
    + "</ul></main>",
    {"/products/vase": product("Vase", "On request"), "/products/pot": product("Pot", "$7.00")},
    "/products/pot",
    opened=["/products/pot"],
)
MEGA_MENU = System(
    '<header><nav><ul><li class="has-mega"><button aria-expanded="false">Shop</button><div style="display:none">'
    '<ul><li><a href="#">All</a></li><li><a href="/pottery/cups">Cups</a></li></ul>'
    f'<a href="/our-guide-to-tea-48151">{IMG}Guide, $5.00</a></div></li></ul></nav></header><main><h1>Acme</h1></main>',
    {"/pottery/cups": f"<main><h1>Cups</h1>{grid('/blue-cup', '/red-cup')}</main>", "/blue-cup": product("Blue cup")},
    "/blue-cup",
    "category",
    opened=["/pottery/cups", "/blue-cup"],
)
LANGUAGES = System(
    '<header><a href="/de-de/">Acme</a><nav><a href="/en" hreflang="en">English</a><a href="/fr-fr/">Français</a>'
    '<a href="/de-de/tassen">Tassen</a></nav></header><main><h1>Acme</h1></main>',
    {
        "/de-de/tassen": f"<main><h1>Tassen</h1>{grid('/de-de/tasse-blau', '/de-de/tasse-rot')}</main>",
        "/de-de/tasse-blau": product("Tasse", "19,00 €", "In den Warenkorb"),
    },
    "/de-de/tasse-blau",
    "category",
    opened=["/de-de/tassen", "/de-de/tasse-blau"],
)
REACT = System(
    menu(("/about", "About"))
    + "<main><div id=root></div></main><script>addEventListener('load', () => fetch('/api/goods').then((r) => r.text())"
    ".then((html) => setTimeout(() => (root.innerHTML = html), 60)))</script>",
    {"/api/goods": grid("/blue-cup", "/red-cup"), "/blue-cup": product("Blue cup")},
    "/blue-cup",
    opened=["/blue-cup"],
)
SYSTEMS = {
    "shopify": SHOPIFY,
    "woocommerce": WOOCOMMERCE,
    "magento": MAGENTO,
    "shopware": SHOPWARE,
    "prestashop": PRESTASHOP,
    "bigcommerce": BIGCOMMERCE,
    "a carousel of one product": CAROUSEL,
    "a mega menu hidden until hover": MEGA_MENU,
    "language prefixes": LANGUAGES,
    "a grid drawn late by script": REACT,
}


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
async def test_a_home_leads_to_the_first_product_a_shopper_sees(home: Home, system: System) -> None:
    start = "/de-de/" if system is LANGUAGES else "/"
    home.page(start, f"{system.home}<footer><p>{TEXT}</p></footer>", head=system.head)
    for path, body in system.behind.items():
        home.page(path, body)
    found = await home.search(start=start)
    assert (found.url, found.pdp.source, found.opened) == (system.found, system.source, system.opened)


QUERIES = {
    "opencart": (
        "/index.php",
        [
            "route=account/wishlist/add&product_id=42",
            "route=product/compare&product_id=42",
            "route=product/product/review&product_id=42",
            "route=checkout/cart/add&product_id=42",
            "route=product/category&path=20_27",
        ],
        "route=product/product&product_id=42",
    ),
    "wordpress": ("/", ["add-to-cart=123", "page_id=7", "s=cup", "p=2", "cat=4", "replytocom=9"], "p=123"),
    "zen cart": (
        "/index.php",
        ["main_page=shopping_cart&action=add_product&products_id=9", "main_page=login", "main_page=index&cPath=3"],
        "main_page=product_info&products_id=9",
    ),
    "prestashop": (
        "/index.php",
        ["controller=cart&add=1&id_product=9", "controller=category&id_category=3", "controller=cms&id_cms=4"],
        "id_product=9&controller=product",
    ),
}


@pytest.mark.parametrize(("path", "never", "found"), QUERIES.values(), ids=QUERIES.keys())
async def test_of_query_strings_only_the_products_is_opened(
    home: Home, path: str, never: list[str], found: str
) -> None:
    links = "".join(f'<p><a href="{path}?{query.replace("&", "&amp;")}">x</a></p>' for query in [*never, found])
    start = f"<main><h1>Acme</h1><p>{TEXT}</p>{links}</main>"
    home.by_query(path, {"": start, found: product()})
    home.page("/start", start)
    search = await home.search(start="/start" if path != "/" else "/")
    assert (search.url, search.pdp.source, search.opened) == (f"{path}?{found}", "link", [f"{path}?{found}"])
