"""Shops whose home page names no product, and the sitemaps behind it: through the proxy, to a product page."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from aiohttp import web

from capture.conftest import QUICK, Take
from capture.discovery.homes import Home, product, sitemap
from testkit.pages import PageServer, Wire

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

XML = "application/xml"


@pytest.fixture
def home(server: PageServer, take: Take) -> Home:
    shop = Home(server, take)
    shop.links()
    shop.page("/tea-cup", product())
    shop.page("/products/pot", product("Pot"))
    return shop


def an_index_that_names_products_last(home: Home) -> None:
    home.robots("/sitemap_index.xml")
    names = ("/post-sitemap.xml", "/product_cat-sitemap.xml", "/page-sitemap.xml", "/product-sitemap.xml")
    home.sitemap("/sitemap_index.xml", *names, index=True)
    home.sitemap("/product-sitemap.xml", "/", "/tea-cup")


def packed_documents(home: Home) -> None:
    home.robots("/sitemap.xml.gz")
    index = sitemap(home.server.url("/sitemap-products.xml.gz"), index=True)
    home.server.document("/sitemap.xml.gz", gzip.compress(index.encode()), content_type="application/gzip")
    # Named packed and sent packed on top of it.
    twice = gzip.compress(gzip.compress(sitemap(home.server.url("/tea-cup")).encode()))
    packed = {"Content-Encoding": "gzip"}
    home.server.document("/sitemap-products.xml.gz", twice, content_type=XML, headers=packed)


def several_lines_one_of_another_owner(home: Home) -> None:
    home.robots("http://other.test/products.xml", "/sitemap-blog.xml", "/sitemap-products.xml")
    home.sitemap("/sitemap-products.xml", "/tea-cup")


def relative_and_foreign_addresses(home: Home) -> None:
    home.robots("sitemap/products.xml")
    text = sitemap("http://other.test/products/cup", "../tea-cup", "not a : url")
    home.server.document("/sitemap/products.xml", text, content_type=XML)


def a_document_that_breaks_off(home: Home) -> None:
    broken = sitemap(home.server.url("/blog/a-post-48151"), home.server.url("/products/pot")) + "<url><loc>&oops;<"
    home.server.document("/sitemap.xml", broken, content_type=XML)


def a_document_that_never_ends(home: Home) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": XML})
        await answer.prepare(request)
        await answer.write(sitemap(home.server.url("/products/pot")).removesuffix("</urlset>").encode())
        while True:
            await answer.write(f"<url><loc>/blog/{'x' * 900}</loc></url>".encode() * 100)

    home.server.handler("/sitemap.xml", endless)


def a_document_that_comes_in_drops(home: Home) -> None:
    async def dripping(wire: Wire) -> None:
        wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {XML}\r\nConnection: close\r\n\r\n")
        wire.send(sitemap(home.server.url("/products/pot")).removesuffix("</urlset>"))
        await wire.drip(" ")

    home.server.wire("/sitemap.xml", dripping)


def a_silent_document_before_another(home: Home) -> None:
    home.robots("/sitemap-products-1.xml", "/sitemap-products-2.xml")
    home.server.silence("/sitemap-products-1.xml")
    home.sitemap("/sitemap-products-2.xml", "/tea-cup")


def a_page_for_everything(home: Home) -> None:
    home.page("/robots.txt", "<h1>Acme</h1>Sitemap: of the house")
    home.sitemap("/sitemap.xml", "/products/pot")


MAPS: dict[Callable[[Home], None], tuple[str, list[str]]] = {
    an_index_that_names_products_last: ("/tea-cup", ["/sitemap_index.xml", "/product-sitemap.xml"]),
    packed_documents: ("/tea-cup", ["/sitemap.xml.gz", "/sitemap-products.xml.gz"]),
    several_lines_one_of_another_owner: ("/tea-cup", ["/sitemap-products.xml"]),
    relative_and_foreign_addresses: ("/tea-cup", ["/sitemap/products.xml"]),
    a_document_that_breaks_off: ("/products/pot", ["/sitemap.xml"]),
    a_document_that_never_ends: ("/products/pot", ["/sitemap.xml"]),
    a_document_that_comes_in_drops: ("/products/pot", ["/sitemap.xml"]),
    a_silent_document_before_another: ("/tea-cup", ["/sitemap-products-1.xml", "/sitemap-products-2.xml"]),
    a_page_for_everything: ("/products/pot", ["/sitemap.xml"]),
}
SHORT = QUICK.model_copy(update={"discovery": QUICK.discovery.model_copy(update={"sitemap_timeout": 1.0})})


@pytest.mark.parametrize("shop", MAPS, ids=lambda shop: shop.__name__.replace("_", " "))
async def test_sitemaps_lead_to_a_product(home: Home, shop: Callable[[Home], None]) -> None:
    shop(home)
    wanted, documents = MAPS[shop]
    found = await home.search(SHORT)
    assert (found.url, found.pdp.source, found.opened, found.rejected) == (wanted, "sitemap", [wanted], [])
    read = [one["url"].removeprefix(home.server.url("")) for one in found.told("pdp_sitemap_read")]
    assert read == documents


async def test_a_sitemap_of_what_is_no_product_costs_no_more_than_the_weak_tries(home: Home) -> None:
    home.sitemap("/sitemap.xml", "/about-4711", "/team-4712", "/press/4713", "/terms-4714", "/stores-4715", "/tea-cup")
    found = await home.search()
    assert found.rejected == [("/about-4711", "http_404"), ("/team-4712", "http_404")]
    assert (found.url, found.pdp.reason) == (None, "none of 2 candidates is a product page")
