"""Which links are candidates, and in which order."""

from __future__ import annotations

import json

import pytest

from webaudit_capture.discovery.candidates import (
    Candidate,
    Card,
    PageLink,
    PageLinks,
    candidates,
    categories,
    limit_weak,
    subcategories,
)

HOME = "https://shop.test/"


def _link(path: str, region: str = "main", label: str = "", **card: object) -> PageLink:
    href = path if path.startswith("http") else f"https://shop.test{path}"
    return PageLink(href=href, region=region, text=label, card=Card.model_validate(card) if card else None)


def _found(*links: PageLink, jsonld: object = None) -> list[tuple[str, str, tuple[str, ...]]]:
    page = PageLinks(links=links, jsonld=(json.dumps(jsonld),) if jsonld else ())
    return [
        (candidate.url.removeprefix("https://shop.test"), candidate.source, candidate.evidence)
        for candidate in candidates(page, HOME, HOME)
    ]


def _paths(*links: PageLink) -> list[str]:
    return [url for url, _, _ in _found(*links)]


def test_a_grid_comes_before_earlier_single_links() -> None:
    assert _found(
        _link("/products/hero"),
        _link("/a", group=1, picture=True, text="A $5.00"),
        _link("/b", group=1, picture=True, text="B $6.00"),
        _link("/products/last"),
    ) == [
        ("/a", "grid", ("price",)),
        ("/b", "grid", ("price",)),
        ("/products/hero", "link", ("url",)),
        ("/products/last", "link", ("url",)),
    ]


def test_a_grid_with_pictures_comes_before_price_filters() -> None:
    filters = [_link(f"/shoes/price-{n}0", group=1, text=f"${n}0.00 - ${n}9.99 (3)") for n in range(1, 3)]
    cards = [_link(f"/{name}", group=2, picture=True, text="$15.00") for name in ("a", "b")]
    assert _paths(*filters, *cards) == ["/a", "/b", "/shoes/price-10", "/shoes/price-20"]


@pytest.mark.parametrize(
    ("case", "links", "grid"),
    [
        ("prices", [_link("/a", group=1, text="A €5"), _link("/b", group=1, text="B €6")], True),
        (
            "cart buttons",
            [
                _link("/a", group=1, buttons=("Add to cart",)),
                _link("/b", group=1, buttons=("+ product-form__submit quick-add",)),
            ],
            True,
        ),
        (
            "pictures above product URLs",
            [_link("/p/a1", group=1, picture=True), _link("/p/b1", group=1, picture=True)],
            True,
        ),
        ("text links to product URLs", [_link("/p/a1", group=1), _link("/p/b1", group=1)], False),
        ("one card only", [_link("/p/a1", group=1, text="A €5")], False),
        ("a menu", [_link("/p/a1", "nav", group=1, text="€5"), _link("/p/b1", "nav", group=1, text="€6")], False),
    ],
)  # fmt: skip
def test_what_makes_a_product_grid(case: str, links: list[PageLink], grid: bool) -> None:
    assert [source for _, source, _ in _found(*links)] == ["grid" if grid else "link"] * len(links), case


@pytest.mark.parametrize(
    ("case", "link", "evidence"),
    [
        ("a product URL", _link("/products/a"), ("url",)),
        ("a small number with a price", _link("/products/8", text="Cup $19.99"), ("id", "price")),
        ("a small number in a menu", _link("/products/8", "nav"), None),
        ("a query-string product", _link("/index.php?route=product/product&product_id=4"), ("url",)),
        ("a price beside it", _link("/blue-shirt", text="Blue shirt €19"), ("price",)),
        ("a cart button beside it", _link("/blue-shirt", buttons=("In den Warenkorb",)), ("add_to_cart",)),
        ("an id", _link("/blue-shirt-48151"), ("id",)),
        ("a free-shipping banner", _link("/shipping-info", text="Free shipping over €50"), None),
        ("a category with a starting price", _link("/collections/shoes", text="Shoes from €20"), None),
        ("a blog post with an id", _link("/blog/best-shoes-48151", text="The best €20 shoes"), None),
        ("a dated card with an id", _link("/best-shoes-48151", dated=True, text="12 May"), None),
        ("a dated card with a price", _link("/best-shoes", dated=True, text="The best for €20"), None),
        ("another shop", _link("https://elsewhere.test/products/a"), None),
        ("a subdomain of the shop", _link("https://m.shop.test/products/a"), ("url",)),
        ("a host of the shop for something else", _link("https://blog.shop.test/products/a"), None),
        ("a filter of the same list", _link("/?price=10-20", text="$10.00 - $19.99"), None),
        ("the home page itself", _link("/?utm_source=x"), None),
        ("the cart", _link("/products/a", "cart"), None),
        ("breadcrumbs", _link("/products/a", "breadcrumb"), None),
        ("a menu's product", _link("/products/a", "nav"), ("url",)),
        ("a menu's id", _link("/shoes-48151", "nav"), None),
        ("a footer's price", _link("/shoes", "footer", text="€5"), None),
        ("a plain page", _link("/our-craft"), None),
    ],
)
def test_what_speaks_for_a_link(case: str, link: PageLink, evidence: tuple[str, ...] | None) -> None:
    assert [found for _, _, found in _found(link)] == ([] if evidence is None else [evidence]), case


def test_a_product_is_one_candidate_however_often_it_is_linked() -> None:
    assert _paths(_link("/p/a1"), _link("/p/a1?variant=2"), _link("/p/a1?utm_source=x"), _link("/p/a1/")) == ["/p/a1"]


@pytest.mark.parametrize(
    "href", ["https://", "http://", "https://exa mple.com/", "http://host:99999/", "https://[/p/1"]
)
def test_a_link_that_is_no_url_is_as_if_it_were_not_there(href: str) -> None:
    menu = PageLink(href=href, region="nav", text="Shoes")
    page = PageLinks(links=(menu, PageLink(href=href), _link("/products/hat"), _link("/collections/shoes", "nav")))
    assert [found.url for found in candidates(page, HOME, HOME)] == ["https://shop.test/products/hat"]
    assert categories(page, HOME) == ["https://shop.test/collections/shoes"]


def test_structured_data_names_links_and_adds_what_is_not_linked() -> None:
    listed = {
        "@type": "ItemList",
        "itemListElement": [
            {"@type": "ListItem", "url": "/blue-shirt"},
            {"@type": "ListItem", "url": "/red-shirt"},
            {"@type": "ListItem", "url": "/collections/shirts"},
            {"@type": "ListItem", "url": "https://elsewhere.test/shirt"},
            {"@type": "ListItem", "url": "javascript:void(0)"},
        ],
    }
    assert _found(_link("/products/hat"), _link("/red-shirt"), jsonld=listed) == [
        ("/products/hat", "link", ("url",)),
        ("/red-shirt", "structured_data", ("structured_data",)),
        ("/blue-shirt", "structured_data", ("structured_data",)),
    ]


def test_few_weak_candidates_are_kept_so_that_better_ones_get_a_try() -> None:
    weak = [Candidate(f"https://shop.test/x-{n}", "link", ("id",)) for n in range(4)]
    strong = Candidate("https://shop.test/p/1", "link", ("url",))
    assert limit_weak([*weak[:3], strong, weak[3]], 2) == [*weak[:2], strong]


@pytest.mark.parametrize(
    ("case", "links", "expected"),
    [
        (
            "categories of the menu by URL first, the others as they stand",
            [
                _link("/new", "nav", "New"),
                _link("/collections/shoes", "nav", "Shoes"),
                _link("/about", "nav", "About us"),
                _link("/account", "header", "Sign in"),
                _link("/mens", "header", "Men"),
                _link("/products/a", "nav", "Best seller"),
                _link("https://elsewhere.test/category/x", "nav", "Partner"),
                _link("/", "header", "Acme"),
            ],
            ["/collections/shoes", "/new", "/mens"],
        ),
        (
            "without a menu, links that name a category",
            [_link("/our-craft"), _link("/collections/shoes"), _link("/collections/hats", "footer")],
            ["/collections/shoes", "/collections/hats"],
        ),
        ("each once", [_link("/shoes", "nav", "Shoes"), _link("/shoes?utm_source=m", "nav", "Shoes")], ["/shoes"]),
        (
            "not the home page in other languages",
            [_link("/fr-fr/", "nav", "Français"), _link("/en", "header", "English"), _link("/cups", "nav", "Cups")],
            ["/cups"],
        ),
        ("none", [_link("/our-craft")], []),
    ],
)
def test_which_pages_may_list_products(case: str, links: list[PageLink], expected: list[str]) -> None:
    found = categories(PageLinks(links=tuple(links)), HOME)
    assert [url.removeprefix("https://shop.test") for url in found] == expected, case


def test_a_category_leads_on_to_what_lies_below_it_and_to_other_categories_in_its_midst() -> None:
    links = (
        _link("/women", "nav", "Women"),
        _link("/women", "main", "All"),
        _link("/women?sort=price"),
        _link("/men", "main", "Men"),
        _link("/women/dresses"),
        _link("/women/blog/how-to"),
        _link("/collections/coats"),
        _link("/collections/hats", "footer"),
    )
    found = subcategories(PageLinks(links=links), "https://shop.test/women", HOME)
    assert [url.removeprefix("https://shop.test") for url in found] == ["/women/dresses", "/collections/coats"]
