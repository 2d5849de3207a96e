"""pdp_core: the page's one product, weighed from what is declared and what is seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webaudit_capture.contract import PageType
from webaudit_capture.features import features_of
from webaudit_capture.features.currencies import CurrencyContext
from webaudit_capture.features.product import PdpCore
from webaudit_capture.features.snapshot import Control, Heading, Link, Note, Picture, PriceTag, Snapshot
from webaudit_capture.features.visible_price import choose

URL = "https://shop.test/products/cup"


def _page(*jsonld: Any, **parts: Any) -> Snapshot:
    return Snapshot(url=URL, jsonld=tuple(json.dumps(block) for block in jsonld), **parts)


def _core(*jsonld: Any, **parts: Any) -> PdpCore:
    core = features_of(_page(*jsonld, **parts), PageType.PDP).pdp_core
    assert core is not None
    return core


def _product(**fields: Any) -> dict[str, Any]:
    return {"@type": "Product", "name": "Cup", **fields}


def _offer(price: Any, currency: str | None = "EUR", **more: Any) -> dict[str, Any]:
    return {"@type": "Offer", "price": price, "priceCurrency": currency, **more}


def _tag(text: str, **more: Any) -> PriceTag:
    return PriceTag(text=text, **more)


def test_everything_declared_is_everything_told() -> None:
    core = _core(
        _product(
            offers=_offer("15.00", availability="https://schema.org/InStock"), image=["/a.jpg", {"url": "/b.jpg"}]
        ),
        controls=(Control(text="Add to cart"),),
    )
    assert core == PdpCore(
        title="Cup",
        price="15.00",
        currency="EUR",
        availability="InStock",
        add_to_cart_present=True,
        image_urls=("https://shop.test/a.jpg", "https://shop.test/b.jpg"),
    )


def test_everything_seen_is_enough() -> None:
    core = _core(
        h1=(Heading(text="Cup", top=100),),
        prices=(_tag("15,00 €", top=140, size=24),),
        images=(Picture(url="/cup.jpg", width=400, height=400),),
        controls=(Control(text="In den Warenkorb"),),
    )
    assert core == PdpCore("Cup", "15.00", "EUR", "InStock", True, ("https://shop.test/cup.jpg",))


@pytest.mark.parametrize(
    ("case", "offers", "tags", "price", "currency"),
    [
        ("offer and tag agree", _offer("15"), [_tag("15,00 €")], "15.00", "EUR"),
        ("the offer holds against another number", _offer("15"), [_tag("19,00 €")], "15.00", "EUR"),
        (
            "the offer is the crossed-out price",
            _offer("80"),
            [_tag("80,00 €", struck=True), _tag("59,00 €", names="price")],
            "59.00",
            "EUR",
        ),
        ("the offer is the price called old", _offer("49"), [_tag("Jetzt 39,00 € statt 49,00 €")], "39.00", "EUR"),
        ("an old one in another tag", _offer("49"), [_tag("39,00 €"), _tag("UVP 49,00 €")], "39.00", "EUR"),
        (
            "a lower one of the last days",
            _offer("49"),
            [_tag("39,00 €"), _tag("UVP 49,00 €"), _tag("Niedrigster Preis: 29 €")],
            "39.00",
            "EUR",
        ),
        ("the offer in cents", _offer(6400, "USD"), [_tag("$64.00")], "64.00", "USD"),
        ("a point for thousands", _offer("1.299"), [_tag("1.299,00 €")], "1299.00", "EUR"),
        ("an amount with its currency", _offer({"value": "15", "currency": "SEK"}, None), [], "15.00", "SEK"),
        ("a code in the amount", _offer("15.00 SEK", None), [], "15.00", "SEK"),
        ("the page shows another currency", _offer("15", "USD"), [_tag("14,00 €")], "14.00", "EUR"),
        ("a dollar sign is the offer's dollar", _offer("15", "CAD"), [_tag("$15.00")], "15.00", "CAD"),
        (
            "the seen variant of a span",
            {"@type": "AggregateOffer", "lowPrice": "10", "highPrice": "30", "priceCurrency": "EUR"},
            [_tag("20,00 €")],
            "20.00",
            "EUR",
        ),
        (
            "the low end of a span",
            {"@type": "AggregateOffer", "lowPrice": "10", "highPrice": "30", "priceCurrency": "EUR"},
            [],
            "10.00",
            "EUR",
        ),
        ("the seen one of several", [_offer("10"), _offer("12")], [_tag("12,00 €")], "12.00", "EUR"),
        (
            "the one for this address, even sold out",
            [_offer("10", url="/x", availability="InStock"), _offer("12", url=URL, availability="OutOfStock")],
            [],
            "12.00",
            "EUR",
        ),
        (
            "the one in stock",
            [_offer("10", availability="OutOfStock"), _offer("12", availability="InStock")],
            [],
            "12.00",
            "EUR",
        ),
        ("an offer of zero is none", _offer("0.00"), [_tag("15,00 €")], "15.00", "EUR"),
        ("a currency left unsaid is the seen one", _offer("15", None), [_tag("15 kr")], "15.00", "SEK"),
        ("nothing at all", [], [], None, None),
    ],
)
def test_the_price_is_the_one_to_pay(
    case: str, offers: Any, tags: list[PriceTag], price: str | None, currency: str | None
) -> None:
    core = _core(_product(offers=offers), prices=tuple(tags))
    assert (core.price, core.currency) == (price, currency), case


@pytest.mark.parametrize(
    ("case", "blocks", "parts", "title"),
    [
        ("the headline's spelling", [_product(name="CUP")], {"h1": (Heading(text="Cup"),)}, "Cup"),
        ("the name where the headline adds the brand", [_product()], {"h1": (Heading(text="Acme Cup"),)}, "Cup"),
        ("the name without a headline", [_product()], {}, "Cup"),
        ("the headline without a name", [], {"h1": (Heading(text="Pot"),)}, "Pot"),
        (
            "not the logo's headline",
            [],
            {"h1": (Heading(text="Acme Shop", region="header"), Heading(text="Pot"))},
            "Pot",
        ),
        ("Open Graph at last", [], {"metas": (("og:title", "Pan"),)}, "Pan"),
        ("none", [], {}, None),
    ],
)
def test_the_title(case: str, blocks: list[Any], parts: dict[str, Any], title: str | None) -> None:
    assert _core(*blocks, **parts).title == title, case


@pytest.mark.parametrize(
    ("case", "blocks", "parts", "detected"),
    [
        ("one product", [_product(offers=_offer("1"))], {}, "1.00"),
        ("declared twice, filled differently", [_product(sku="C1"), _product(offers=_offer("2"))], {}, "2.00"),
        (
            "several, one of this address",
            [_product(offers=_offer("1"), url="/products/other", name="Other"), _product(offers=_offer("2"), url=URL)],
            {},
            "2.00",
        ),
        (
            "several, one in the headline",
            [_product(offers=_offer("1"), name="Other"), _product(offers=_offer("2"))],
            {"h1": (Heading(text="Cup"),)},
            "2.00",
        ),
        (
            "several, none of this page: a listing",
            [_product(name="A", offers=_offer("1")), _product(name="B", offers=_offer("2"))],
            {},
            None,
        ),
        ("one of another page: a teaser", [_product(url="/products/other", offers=_offer("1"))], {}, None),
        (
            "this page on another host of the shop",
            [_product(url="http://www.shop.test/products/cup/", offers=_offer("1"))],
            {},
            "1.00",
        ),
        (
            "the canonical address",
            [_product(url="https://shop.test/cup-canonical", offers=_offer("1"))],
            {"canonical": "https://shop.test/cup-canonical"},
            "1.00",
        ),
    ],
)  # fmt: skip
def test_the_product_is_the_pages_own(
    case: str, blocks: list[Any], parts: dict[str, Any], detected: str | None
) -> None:
    assert _core(*blocks, **parts).price == detected, case


@pytest.mark.parametrize(
    ("case", "parts", "availability"),
    [
        ("stated in words", {"stock": (Note(text="Only 3 left in stock", names="stock"),)}, "LimitedAvailability"),
        ("not in stock is not in stock", {"stock": (Note(text="Currently not in stock"),)}, "OutOfStock"),
        ("German", {"stock": (Note(text="Sofort lieferbar"),)}, "InStock"),
        ("a buy button", {"controls": (Control(text="Buy now"),)}, "InStock"),
        ("a pre-order button", {"controls": (Control(text="Pre-order"),)}, "PreOrder"),
        ("a sold-out button", {"controls": (Control(text="Sold out", disabled=True),)}, "OutOfStock"),
        ("a waiting list", {"controls": (Control(text="Notify me when available"),)}, "OutOfStock"),
        ("a disabled buy button tells nothing", {"controls": (Control(text="Add to cart", disabled=True),)}, None),
        ("a teaser's button tells nothing", {"controls": (Control(text="Add to cart", card=True),)}, None),
        ("nothing", {}, None),
    ],
)
def test_availability_without_a_declaration(case: str, parts: dict[str, Any], availability: str | None) -> None:
    assert _core(**parts).availability == availability, case


def test_a_declared_availability_beats_the_words_around_it() -> None:
    core = _core(
        _product(offers=_offer("1", availability="OutOfStock")),
        stock=(Note(text="In stock", names="stock"),),
        controls=(Control(text="Add to cart"),),
    )
    assert core.availability == "OutOfStock"


def test_pictures_are_absolute_unique_and_the_products_own() -> None:
    core = _core(
        _product(image=["/a.jpg", "//cdn.test/b.jpg", "data:image/gif;base64,R0"]),
        images=(
            Picture(url="https://shop.test/a.jpg"),
            Picture(url="/teaser.jpg", card=True),
            Picture(url="/logo.png", region="header"),
            Picture(url="/c.jpg"),
        ),
        metas=(("og:image", "/share.jpg"), ("og:type", "website")),
    )
    assert core.image_urls == ("https://shop.test/a.jpg", "https://cdn.test/b.jpg", "https://shop.test/c.jpg")


@pytest.mark.parametrize(
    ("case", "tags", "amount"),
    [
        ("the bigger", [_tag("$5.00", size=12), _tag("$20.00", size=28)], "20.00"),
        ("the one called a price", [_tag("$5.00"), _tag("$20.00", names="product-price")], "20.00"),
        ("the nearer to the title", [_tag("$5.00", top=1400), _tag("$20.00", top=210)], "20.00"),
        ("never a teaser's", [_tag("$5.00", card=True, size=40)], None),
        ("never the cart's", [_tag("$5.00", region="cart"), _tag("$9.00", region="header")], None),
        ("never a crossed-out one", [_tag("$80.00", struck=True, size=30), _tag("$59.00")], "59.00"),
        ("not one called old", [_tag("$80.00", names="price price--old"), _tag("$59.00", names="price")], "59.00"),
        (
            "not one that words around call old",
            [_tag("$80.00", around="Was $80.00 Now $59.00"), _tag("$59.00")],
            "59.00",
        ),
        ("not one per unit", [_tag("$2.00", around="$2.00 / 100 g", size=30), _tag("$20.00")], "20.00"),
        ("not a delivery fee", [_tag("$4.90", names="shipping-price"), _tag("$20.00", names="price")], "20.00"),
        ("not a sentence that mentions money", [_tag("We once paid about $20.00 for such a thing at home")], None),
        ("a bare number called a price", [_tag("20.00", names="product-price")], "20.00"),
        ("not a bare number called nothing", [_tag("20.00")], None),
        ("the first of equals", [_tag("$20.00"), _tag("$30.00")], "20.00"),
        ("with tax rather than without", [_tag("$20.00 excl. VAT", size=26), _tag("$24.00 incl. VAT")], "24.00"),
        ("without tax where there is no other", [_tag("$20.00 excl. VAT")], "20.00"),
        ("by the metre where there is no other", [_tag("$20.00 / m"), _tag("Shipping $5.00")], "20.00"),
    ],
)  # fmt: skip
def test_the_visible_price_is_chosen_by_place_looks_and_words(
    case: str, tags: list[PriceTag], amount: str | None
) -> None:
    chosen = choose(tags, CurrencyContext(declared=("USD",)), anchor_top=200)
    assert (chosen.price.text if chosen else None) == amount, case


SHORT = {
    "@type": "Product",
    "@id": "#short",
    "name": "Cup, short",
    "sku": "A",
    "offers": _offer("15", url="/products/cup?variant=1"),
}
TALL = {
    "@type": "Product",
    "@id": "#tall",
    "name": "Cup, tall",
    "sku": "B",
    "offers": _offer("18", url="/products/cup?variant=2"),
}
GROUP = {"@type": "ProductGroup", "@id": "#cups", "name": "Cup", "url": "/products/cup"}
_OF = {"isVariantOf": {"@id": "#cups"}}


@pytest.mark.parametrize(
    "blocks",
    [
        [{"@graph": [SHORT, TALL, GROUP | {"hasVariant": [{"@id": "#short"}, {"@id": "#tall"}]}]}],
        [SHORT | _OF | {"url": "/products/cup?variant=1"}, TALL | _OF | {"url": "/products/cup?variant=2"}, GROUP],
        [one | {"url": URL, "isVariantOf": {"name": "Cup", "productGroupID": "7"}} for one in (SHORT, TALL)],
        [SHORT | {"url": URL, "isVariantOf": GROUP | {"hasVariant": [TALL]}}],
    ],
    ids=["referred to", "refer to their group", "each with its group", "one with its group and the others"],
)
def test_variants_that_stand_apart_are_one_product(blocks: list[Any]) -> None:
    features = features_of(_page(*blocks, h1=(Heading(text="Cup"),)), PageType.PDP)
    assert features.pdp_core is not None
    assert (features.pdp_core.title, features.pdp_core.price) == ("Cup", "15.00")
    assert [offer.as_json()["price"] for offer in features.schema_org.offers] == ["15.00", "18.00"]


@pytest.mark.parametrize(
    "parts",
    [
        {"jsonld": ['{"@type": "Offer", "price": 15, "priceCurrency": "EUR",'
                    ' "itemOffered": {"@type": "Product", "name": "Cup"}}']},
        {"microdata": [{"@type": ["Product"], "name": ["Cup"], "offers": ["15 €"], "price": ["15,00"],
                        "priceCurrency": ["EUR"]}]},
        {"jsonld": ['{"@type": "Product", "name": "Cup", "aggregateRating": {"ratingValue": 4}}',
                    '{"@type": "Product", "name": "CUP", "Offers": {"Price": "15", "PriceCurrency": "EUR"}}']},
    ],
    ids=["named by its offer", "its offer has no scope", "declared twice, spelled differently"],
)  # fmt: skip
def test_an_offer_is_found_where_it_is_not_written_as_it_should_be(parts: dict[str, Any]) -> None:
    core = features_of(Snapshot(url=URL, h1=(Heading(text="Cup"),), **parts), PageType.PDP).pdp_core
    assert core is not None
    assert (core.title, core.price, core.currency) == ("Cup", "15.00", "EUR")


def test_a_home_page_has_no_pdp_core() -> None:
    features = features_of(_page(_product(offers=_offer("1"))), PageType.HOMEPAGE)
    assert features.pdp_core is None
    assert features.as_json()["pdp_core"] is None


def test_the_document_has_schema_version_one_in_full() -> None:
    features = features_of(
        _page(
            _product(
                sku="C1",
                brand={"@type": "Brand", "name": "Acme"},
                offers=_offer("15.00", availability="InStock"),
                image="/a.jpg",
                aggregateRating={"@type": "AggregateRating", "ratingValue": "4.6", "reviewCount": "12"},
            ),
            {"@type": "BreadcrumbList"},
            title="Cup | Acme",
            lang="en",
            canonical=URL,
            metas=(("description", "A cup."), ("robots", "index"), ("og:type", "product"), ("og:title", "Cup")),
            h1=(Heading(text="Cup"),),
            h2=(Heading(text="Details"),),
            controls=(Control(text="Add to cart", top=300),),
            nav_links=(Link(text="Cups", href="https://shop.test/cups"),) * 2,
            footer_links=(Link(text="Imprint", href="https://shop.test/imprint", region="footer"),),
        ),
        PageType.PDP,
    )
    assert features.as_json() == {
        "schema_version": 1,
        "meta": {
            "title": "Cup | Acme",
            "meta_description": "A cup.",
            "canonical_url": URL,
            "lang": "en",
            "robots": "index",
            "og": {"title": "Cup", "type": "product"},
        },
        "headings": {"h1": ["Cup"], "h2": ["Details"]},
        "ctas": [{"text": "Add to cart", "href": None, "kind": "add_to_cart", "above_fold": True}],
        "navigation": {
            "main_nav_links": [{"text": "Cups", "href": "https://shop.test/cups"}],
            "footer_links": [{"text": "Imprint", "href": "https://shop.test/imprint"}],
        },
        "pdp_core": {
            "title": "Cup",
            "price": "15.00",
            "currency": "EUR",
            "availability": "InStock",
            "add_to_cart_present": True,
            "image_urls": ["https://shop.test/a.jpg"],
        },
        "schema_org": {
            "product_detected": True,
            "product_fields": {
                "name": "Cup",
                "sku": "C1",
                "brand": "Acme",
                "offers": [
                    {
                        "price": "15.00",
                        "low_price": None,
                        "high_price": None,
                        "currency": "EUR",
                        "availability": "InStock",
                        "sku": None,
                        "url": None,
                    }
                ],
                "aggregateRating": {"ratingValue": "4.6", "bestRating": None, "reviewCount": "12", "ratingCount": None},
            },
            "types": ["AggregateRating", "Brand", "BreadcrumbList", "Offer", "Product"],
        },
        "review_signals": {
            "review_count_present": True,
            "rating_value_present": True,
            "review_count": 12,
            "rating_value": 4.6,
        },
    }
