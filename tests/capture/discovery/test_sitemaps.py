"""Sitemaps: reading them, choosing among them, and never more than allowed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webaudit_capture.discovery.sitemaps import (
    Sitemap,
    page_candidates,
    parse,
    rank,
    read_products,
    robots_sitemaps,
    unpack,
)
from webaudit_capture.policy import Discovery

HOME = "https://shop.test/"
MAX = 1_000_000


def _urlset(*urls: str) -> bytes:
    inner = "".join(f"<url><loc>{url}</loc><lastmod>2026-01-01</lastmod></url>" for url in urls)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</urlset>'.encode()


def _index(*urls: str) -> bytes:
    inner = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</sitemapindex>'.encode()


@pytest.mark.parametrize(
    ("robots", "sitemaps"),
    [
        ("User-agent: *\nSitemap: https://shop.test/s.xml\n", ["https://shop.test/s.xml"]),
        ("SITEMAP : /s.xml\r\nsitemap: /t.xml\r\nSitemap: /s.xml", ["/s.xml", "/t.xml"]),
        ("User-agent: *\nDisallow: /sitemap.xml", []),
        ("", []),
    ],
)
def test_robots_txt_names_sitemaps(robots: str, sitemaps: list[str]) -> None:
    assert robots_sitemaps(robots) == sitemaps


@pytest.mark.timeout(30)  # takes a moment; before, an empty robots.txt of 20,000 lines took seconds
@pytest.mark.parametrize("piece", ["\n", " ", "\t\n", "sitemap", "sitemap:\n", "sitemap : "])
def test_a_long_robots_txt_takes_time_in_proportion_to_its_length(piece: str) -> None:
    hostile = piece * (2_000_000 // len(piece))
    assert robots_sitemaps(f"Sitemap: /s.xml\n{hostile}")[0] == "/s.xml"


IMAGES = (
    b'<urlset xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>https://shop.test/a</loc>'
    b"<image:image><image:loc>https://shop.test/a.jpg</image:loc></image:image></url></urlset>"
)


@pytest.mark.parametrize(
    ("case", "document", "expected"),
    [
        ("pages", _urlset("https://shop.test/a", " https://shop.test/b "), Sitemap(pages=("https://shop.test/a", "https://shop.test/b"))),
        ("an index", _index("https://shop.test/p.xml"), Sitemap(sitemaps=("https://shop.test/p.xml",))),
        ("packed", gzip.compress(_urlset("https://shop.test/a")), Sitemap(pages=("https://shop.test/a",))),
        ("pictures are not pages", IMAGES, Sitemap(pages=("https://shop.test/a",))),
        ("escaped", _urlset("https://shop.test/?a=1&amp;b=2"), Sitemap(pages=("https://shop.test/?a=1&b=2",))),
        ("cut off", _urlset("https://shop.test/a", "https://shop.test/b")[:-60], Sitemap(pages=("https://shop.test/a",))),
        ("broken later", _urlset("https://shop.test/a") + b"<oops", Sitemap(pages=("https://shop.test/a",))),
        ("plain text", b"https://shop.test/a\nhttps://shop.test/b\n", Sitemap(pages=("https://shop.test/a", "https://shop.test/b"))),
        ("a web page", b"<html><body>Not found</body></html>", Sitemap()),
        ("nothing", b"", Sitemap()),
        ("broken gzip", b"\x1f\x8bnot really", Sitemap()),
    ],
)  # fmt: skip
def test_documents_are_read(case: str, document: bytes, expected: Sitemap) -> None:
    assert parse(document, MAX) == expected, case


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded_in_whatever_encoding(encoding: str) -> None:
    doctype = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    bomb = (
        f"<?xml version='1.0' encoding='{encoding}'?>{doctype}<urlset><url><loc>https://a.test/&b;</loc></url></urlset>"
    )
    assert parse(bomb.encode(encoding), MAX) == Sitemap()


def test_a_document_in_another_encoding_is_read() -> None:
    document = "<?xml version='1.0' encoding='utf-16'?><urlset><url><loc>https://shop.test/käse</loc></url></urlset>"
    assert parse(document.encode("utf-16"), MAX) == Sitemap(pages=("https://shop.test/käse",))


def test_a_packed_document_is_never_unpacked_beyond_the_limit() -> None:
    assert len(unpack(gzip.compress(b"x" * 50_000_000), 1000)) == 1000


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(document: bytes) -> None:
    assert isinstance(parse(document, 200), Sitemap)
    assert isinstance(parse(b"\x1f\x8b" + document, 200), Sitemap)
    assert isinstance(parse(zlib.compress(document, wbits=31), 200), Sitemap)


def test_documents_named_after_products_come_first_and_those_named_after_something_else_last() -> None:
    documents = [
        *("/sitemap-pages.xml", "/product_cat-sitemap.xml", "/sitemap_1.xml", "/sitemap_products_1.xml"),
        *("/post-sitemap.xml", "/products-images.xml"),
    ]
    assert sorted((f"https://shop.test{path}" for path in documents), key=rank) == [
        "https://shop.test/sitemap_products_1.xml",
        "https://shop.test/sitemap_1.xml",
        "https://shop.test/sitemap-pages.xml",
        "https://shop.test/product_cat-sitemap.xml",
        "https://shop.test/post-sitemap.xml",
        "https://shop.test/products-images.xml",
    ]


def test_in_a_product_document_plain_addresses_count_elsewhere_only_product_urls() -> None:
    pages = (HOME, "/shop/", "/blue-shirt", "/products/hat", "https://elsewhere.test/products/x", "/blog/post-1")

    def found(document: str) -> list[str]:
        return [candidate.url for candidate in page_candidates(document, pages, HOME)]

    assert found("https://shop.test/product-sitemap.xml") == [
        "https://shop.test/blue-shirt",
        "https://shop.test/products/hat",
    ]
    assert found("https://shop.test/sitemap.xml") == ["https://shop.test/products/hat"]


class Web:
    """Documents by path, and what was asked for."""

    def __init__(self, **documents: bytes) -> None:
        self.documents = {f"https://shop.test/{name.replace('_dot_', '.')}": body for name, body in documents.items()}
        self.asked: list[str] = []

    async def fetch(self, url: str, max_bytes: int) -> bytes | None:
        self.asked.append(url.removeprefix("https://shop.test/"))
        body = self.documents.get(url)
        return None if body is None else body[:max_bytes]

    async def read(self, limits: Discovery | None = None) -> list[str]:
        reads = [read async for read in read_products(HOME, self.fetch, limits or Discovery())]
        return [candidate.url.removeprefix("https://shop.test/") for read in reads for candidate in read.candidates]


def _product_urls(names: Sequence[str]) -> bytes:
    return _urlset(*(f"https://shop.test/{name}" for name in names))


async def test_robots_txt_leads_to_the_index_and_the_index_to_the_products() -> None:
    web = Web(
        robots_dot_txt=b"Sitemap: https://shop.test/index.xml",
        index_dot_xml=_index("https://shop.test/pages.xml", "https://shop.test/products.xml"),
        products_dot_xml=_product_urls(["blue-shirt", "hat"]),
        pages_dot_xml=_product_urls(["about"]),
    )
    assert await web.read() == ["blue-shirt", "hat"]
    assert web.asked == ["robots.txt", "index.xml", "products.xml", "pages.xml"]


async def test_without_robots_txt_the_usual_address_is_tried() -> None:
    web = Web(sitemap_dot_xml=_product_urls(["products/hat"]))
    assert await web.read() == ["products/hat"]
    assert web.asked == ["robots.txt", "sitemap.xml"]


async def test_no_more_documents_than_allowed_are_asked_for() -> None:
    index = _index(*(f"https://shop.test/products-{n}.xml" for n in range(9)))
    web = Web(sitemap_dot_xml=index)
    assert await web.read() == []
    assert web.asked == ["robots.txt", "sitemap.xml", "products-0.xml", "products-1.xml"]


async def test_an_index_that_names_itself_is_read_once() -> None:
    web = Web(sitemap_dot_xml=_index("https://shop.test/sitemap.xml"))
    assert await web.read() == []
    assert web.asked == ["robots.txt", "sitemap.xml"]


async def test_sitemaps_of_other_owners_are_not_asked_for() -> None:
    web = Web(
        robots_dot_txt=b"Sitemap: https://elsewhere.test/sitemap.xml",
        sitemap_dot_xml=_index("https://elsewhere.test/products.xml"),
    )
    assert await web.read() == []
    assert web.asked == ["robots.txt", "sitemap.xml"]


async def test_a_document_cut_at_its_limit_gives_what_it_has() -> None:
    web = Web(sitemap_dot_xml=_product_urls([f"products/{n:04}x" for n in range(1000)]))
    found = await web.read(Discovery(sitemap_max_bytes=2000))
    assert found[:2] == ["products/0000x", "products/0001x"]
    assert len(found) < 40
