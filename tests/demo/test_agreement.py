"""Whether evidence and a shop's own database agree: pure, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from webaudit_demo import agreement
from webaudit_demo.agreement import Evidence, Product, Row

CUP = Product(title="Ceramic Coffee Cup - White", price="15.0000", currency="USD", availability="InStock")
DESERVED = {"homepage": ("missing_h1", "text_too_short")}
WHERE = "features.json of pdp/mobile"


def core(**changes: Any) -> dict[str, Any]:
    seen = {"title": CUP.title, "price": "15.00", "currency": "USD", "availability": "InStock"}
    return {**seen, "add_to_cart_present": True, "image_urls": [], **changes}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in core().items() if name != field}


def mobile(found: dict[str, Any] | None) -> Evidence:
    return Evidence("mobile", {"schema_version": 1, "pdp_core": found})


@pytest.mark.parametrize(
    ("product", "found"),
    [
        pytest.param(CUP, core(), id="as it is"),
        pytest.param(CUP, core(price="15"), id="15 is 15.0000"),
        pytest.param(CUP, core(price="15.0"), id="15.0 is 15.0000"),
        pytest.param(
            Product("Vase", "50", "EUR", "InStock"), core(title="Vase", price="50.00", currency="EUR"), id="50"
        ),
        pytest.param(
            Product("Vase  -\tgreen ", "15", "USD", "InStock"),
            core(title="Vase - green"),
            id="white space as on a page",
        ),
        pytest.param(
            Product("Vase", "15", "USD", "OutOfStock"),
            core(title="Vase", availability="OutOfStock"),
            id="both sold out",
        ),
    ],
)
def test_what_means_the_same_is_no_difference(product: Product, found: dict[str, Any]) -> None:
    assert agreement.differences(product, [mobile(found)]) == []


@pytest.mark.parametrize(
    ("found", "seen", "database"),
    [
        pytest.param(core(title="Candy Bowl"), 'title "Candy Bowl"', f'"{CUP.title}"', id="another title"),
        pytest.param(core(title=CUP.title.upper()), f'title "{CUP.title.upper()}"', f'"{CUP.title}"', id="in capitals"),
        pytest.param(core(price="1500.00"), 'price "1500.00"', '"15.0000"', id="cents for units"),
        pytest.param(core(price="15,00"), 'price "15,00"', '"15.0000"', id="no decimal point"),
        pytest.param(core(price=15.0), "price 15.0", '"15.0000"', id="a number, not text"),
        pytest.param(core(price=None), "price null", '"15.0000"', id="a price of null"),
        pytest.param(without("price"), "no price", '"15.0000"', id="a missing price"),
        pytest.param(core(currency="CAD"), 'currency "CAD"', '"USD"', id="another dollar"),
        pytest.param(core(currency=None), "currency null", '"USD"', id="a currency of null"),
        pytest.param(core(availability="OutOfStock"), 'availability "OutOfStock"', '"InStock"', id="out of stock"),
    ],
)
def test_a_difference_is_one_sentence(found: dict[str, Any], seen: str, database: str) -> None:
    assert agreement.differences(CUP, [mobile(found)]) == [f"{WHERE} has {seen}, the shop's database {database}"]


def test_what_is_sold_out_and_captured_as_in_stock_is_a_difference() -> None:
    sold_out = Product(CUP.title, "15.0000", "USD", "OutOfStock")
    assert agreement.differences(sold_out, [mobile(core())]) == [
        f'{WHERE} has availability "InStock", the shop\'s database "OutOfStock"'
    ]


@pytest.mark.parametrize("features", [{"pdp_core": None}, {}], ids=["null", "missing"])
def test_features_without_a_product_are_one_sentence_and_not_four(features: dict[str, Any]) -> None:
    assert agreement.differences(CUP, [Evidence("mobile", features)]) == [
        f"{WHERE} has no pdp_core to compare with the shop's database"
    ]


def test_evidence_without_features_is_one_sentence_and_not_four() -> None:
    assert agreement.differences(CUP, [Evidence("mobile", None)]) == [
        f"there is no {WHERE} to compare with the shop's database"
    ]


def test_each_viewport_and_field_is_told_apart() -> None:
    captures = [Evidence("desktop", {"pdp_core": core(price="1")}), mobile(core(title="a", price="2"))]
    found = agreement.differences(CUP, captures)
    assert [sentence.partition(", the")[0] for sentence in found] == [
        'features.json of pdp/desktop has price "1"',
        f'{WHERE} has title "a"',
        f'{WHERE} has price "2"',
    ]


def test_both_sides_are_shown_as_they_spell_it() -> None:
    captures = [mobile(core(currency=None)), mobile(without("title")), Evidence("mobile", None), mobile(None)]
    assert agreement.rows(CUP, captures) == [
        Row("title", CUP.title, (CUP.title, "missing", "missing", "missing")),
        Row("price", "15.0000", ("15.00", "15.00", "missing", "missing")),
        Row("currency", "USD", ("null", "USD", "missing", "missing")),
        Row("availability", "InStock", ("InStock", "InStock", "missing", "missing")),
    ]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://evershop.test/ceramic-coffee-cup-white", "ceramic-coffee-cup-white"),
        ("http://evershop.test/de/accessories/cup/?color=3#top", "cup"),
        ("http://evershop.test/caf%C3%A9-cup", "café-cup"),
        ("http://evershop.test/", ""),
    ],
)
def test_a_product_is_found_by_the_last_part_of_its_address(url: str, key: str) -> None:
    assert agreement.url_key(url) == key


def entry(page: str, *codes: str, status: str = "ok") -> dict[str, Any]:
    return {"page": page, "viewport": "desktop", "status": status, **({"lowConfidence": list(codes)} if codes else {})}


@pytest.mark.parametrize(
    ("page", "sentences"),
    [
        pytest.param(entry("homepage", "text_too_short", "missing_h1"), [], id="as deserved"),
        pytest.param(entry("pdp"), [], id="none deserved, none given"),
        pytest.param(entry("homepage", status="failed"), [], id="a failed capture has no doubts"),
        pytest.param(
            entry("homepage", "missing_h1", "text_too_short", "overlay_remaining", "not_ready"),
            ["homepage/desktop is given the doubt not_ready, overlay_remaining and does not deserve it"],
            id="undeserved",
        ),
        pytest.param(
            entry("homepage", "missing_h1"),
            ["homepage/desktop deserves the doubt text_too_short and is not given it"],
            id="too few",
        ),
        pytest.param(
            entry("pdp", "missing_h1"),
            ["pdp/desktop is given the doubt missing_h1 and does not deserve it"],
            id="deserved by another page",
        ),
    ],
)
def test_other_doubts_than_a_page_deserves_are_told(page: dict[str, Any], sentences: list[str]) -> None:
    assert agreement.wrong_doubts([page], DESERVED) == sentences
