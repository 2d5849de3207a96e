"""The demo shop as a visitor without a browser sees it."""

from __future__ import annotations

import json
import select
import socket
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import httpx
import pytest

from testkit.demo_shop import SHOP, DemoShop

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
VOID = {"br", "hr", "img", "input", "link", "meta"}


@dataclass
class Page(HTMLParser):
    """A strict reader: an element closed out of order is an error."""

    headings: int = 0
    ids: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    canonical: str | None = None
    _open: list[str] = field(default_factory=list)
    _kind: str | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag not in VOID:
            self._open.append(tag)
        self.headings += tag == "h1"
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("href", "src", "data-src", "action") if given.get(name)]
        self._kind = given.get("type") if tag == "script" else tag
        if tag == "meta":
            self.meta[given.get("property") or given.get("name", "")] = given.get("content", "")
        if given.get("rel") == "canonical":
            self.canonical = given["href"]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else near {self.getpos()}"
        self._kind = None

    def handle_data(self, data: str) -> None:
        if self._kind == "application/ld+json":
            self.data.append(json.loads(data))
        if self._kind == "button":
            self.buttons.append(data)

    def product(self) -> dict[str, Any]:
        return next(entry for entry in self.data if entry["@type"] == "Product")


def read(response: httpx.Response) -> Page:
    page = Page()
    page.feed(response.text)
    page.close()
    assert not page._open, f"{response.url} leaves {page._open} open"
    return page


def paths_of_the_sitemap(shop: DemoShop) -> list[str]:
    document = ElementTree.fromstring(httpx.get(f"{shop.url}/sitemap.xml").content)
    return [element.text.removeprefix(shop.url) for element in document.iter(f"{SITEMAP}loc") if element.text]


def test_every_page_of_the_sitemap_is_well_formed_and_leads_nowhere_wrong(shop: DemoShop) -> None:
    paths = paths_of_the_sitemap(shop)
    assert len(paths) > 20
    addresses = set()
    with httpx.Client(base_url=shop.url) as visitor:
        for path in paths:
            response = visitor.get(path)
            assert response.status_code == 200
            page = read(response)
            assert page.headings == 1, path
            assert len(page.ids) == len(set(page.ids)), path
            assert page.canonical == shop.url + path
            addresses |= {urljoin(shop.url + path, address) for address in page.addresses}
        wrong = {address: visitor.get(address).status_code for address in addresses}
    assert {address for address, status in wrong.items() if status != 200} == set()


def test_robots_txt_names_the_sitemap(shop: DemoShop) -> None:
    assert f"Sitemap: {shop.url}/sitemap.xml" in httpx.get(f"{shop.url}/robots.txt").text.splitlines()


def test_a_product_says_the_same_to_people_and_to_machines(shop: DemoShop) -> None:
    response = httpx.get(f"{shop.url}/products/polarfjord-shell-jacket")
    page = read(response)
    product = page.product()
    assert product["offers"]["price"] == "189.00"
    assert product["offers"]["priceCurrency"] == "EUR"
    assert product["offers"]["availability"] == "https://schema.org/InStock"
    assert product["aggregateRating"]["ratingValue"] == "4.7"
    assert "€189.00" in response.text
    assert "€249.00" in response.text
    assert "4.7" in response.text
    assert page.meta["og:type"] == "product"
    assert page.meta["product:price:amount"] == "189.00"
    assert page.buttons.count("Add to cart") == 2
    crumbs = next(entry for entry in page.data if entry["@type"] == "BreadcrumbList")
    assert [crumb["name"] for crumb in crumbs["itemListElement"]] == [
        "Home",
        "Jackets & layers",
        "Polarfjord Shell Jacket",
    ]


def test_a_sold_out_product_cannot_be_bought(shop: DemoShop) -> None:
    page = read(httpx.get(f"{shop.url}/products/halo-3-tunnel-tent"))
    assert page.product()["offers"]["availability"] == "https://schema.org/OutOfStock"
    assert "Add to cart" not in page.buttons
    assert "Sold out" in page.buttons


def test_any_host_name_is_served_and_named_in_the_page(shop: DemoShop) -> None:
    page = read(httpx.get(f"{shop.url}/", headers={"Host": "alpha.test"}))
    assert page.canonical == "http://alpha.test/"
    assert page.meta["og:image"] == "http://alpha.test/img/hero.svg"


def test_a_host_name_cannot_write_markup_into_the_page(shop: DemoShop) -> None:
    response = httpx.get(f"{shop.url}/", headers={"Host": 'x"><script>alert(1)</script>'})
    assert "<script>alert" not in response.text


def test_two_runs_of_the_shop_serve_the_same_bytes(shop: DemoShop) -> None:
    with DemoShop.open() as again:
        for path in (
            *paths_of_the_sitemap(shop),
            "/img/hero.svg",
            "/img/ridge.svg",
            "/img/nordlys-2-tent-0-studio.svg",
        ):
            headers = {"Host": "same.test"}
            assert (
                httpx.get(again.url + path, headers=headers).content
                == httpx.get(shop.url + path, headers=headers).content
            ), path


def test_pictures_are_well_formed(shop: DemoShop) -> None:
    for name in ("hero", "ridge", "logo", "category-camp", "glimt-camp-lantern-1-outdoors"):
        response = httpx.get(f"{shop.url}/img/{name}.svg")
        assert response.headers["content-type"] == "image/svg+xml"
        assert ElementTree.fromstring(response.content).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/status/404", 404),
        ("/status/500", 500),
        ("/status/429", 429),
        ("/status/200", 404),
        ("/nowhere", 404),
        ("/products/nothing", 404),
        ("/category/nothing", 404),
        ("/img/nothing-0-studio.svg", 404),
        ("/img/nordlys-2-tent-9-studio.svg", 404),
        ("/shop/server.py", 404),
        ("/../server.py", 404),
    ],
)
def test_an_error_has_its_status_and_a_page(shop: DemoShop, path: str, status: int) -> None:
    response = httpx.get(shop.url + path)
    assert response.status_code == status
    assert read(response).headings == 1


def test_head_is_answered_without_a_body(shop: DemoShop) -> None:
    response = httpx.head(f"{shop.url}/")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 5000
    assert response.content == b""


@pytest.mark.parametrize("where", ["path", "port"])
def test_silence_takes_a_request_and_says_nothing(shop: DemoShop, where: str) -> None:
    port = shop.port if where == "path" else shop.silent_port
    with socket.create_connection(("127.0.0.1", port)) as visitor:
        visitor.sendall(b"GET /silent HTTP/1.1\r\nHost: silent.test\r\n\r\n")
        # Others are served meanwhile, and when they have been, nothing has come yet.
        for _ in range(20):
            assert httpx.get(f"{shop.url}/").status_code == 200
        assert select.select([visitor], [], [], 0)[0] == []


def test_the_shop_closes_at_once_when_asked() -> None:
    shop = DemoShop.open()
    with socket.create_connection(("127.0.0.1", shop.silent_port)):
        shop.close()
    assert shop.process.returncode == 0


def test_the_shop_fits_into_a_config_map() -> None:
    assert sum(file.stat().st_size for file in SHOP.iterdir() if file.is_file()) < 500_000


def test_the_shop_goes_on_answering_however_much_it_has_to_say_of_it(shop: DemoShop) -> None:
    """A line a request: two thousand of them are more than a pipe holds."""
    with httpx.Client(base_url=shop.url, timeout=10) as visitor:
        for number in range(2_000):
            assert visitor.get(f"/img/logo.svg?a-name-that-makes-its-line-longer={number}").status_code == 200
