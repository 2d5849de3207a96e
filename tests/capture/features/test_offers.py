"""Offers and availability as pages declare them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from webaudit_capture.features.offers import Offer, availability, offers_of, open_graph_offer
from webaudit_capture.features.schema_org import Graph
from webaudit_capture.features.snapshot import Snapshot


def _offers(**product: Any) -> list[Offer]:
    graph = Graph.of([json.dumps({"@type": "Product", "name": "Cup", **product})])
    return offers_of(graph, graph.products()[0])


def test_a_plain_offer() -> None:
    offer = {
        "@type": "Offer",
        "price": "15.00",
        "priceCurrency": "eur",
        "availability": "https://schema.org/InStock",
        "url": "/cup",
        "sku": "C1",
    }
    assert _offers(offers=offer) == [
        Offer(amount=Decimal("15.00"), currency="EUR", availability="InStock", url="/cup", sku="C1")
    ]


def test_an_aggregate_offer_spans_its_prices_and_lists_its_parts() -> None:
    aggregate = {
        "@type": "AggregateOffer",
        "lowPrice": 10,
        "highPrice": "20",
        "priceCurrency": "USD",
        "offers": [{"price": "10", "priceCurrency": "USD"}, {"price": "20", "priceCurrency": "USD"}],
    }
    first, *parts = _offers(offers=aggregate)
    assert (first.low, first.high, first.amount) == (Decimal(10), Decimal(20), None)
    assert [part.amount for part in parts] == [Decimal(10), Decimal(20)]
    assert first.covers(Decimal("12.50"))
    assert not first.covers(Decimal("20.01"))


def test_an_aggregate_offer_of_one_price_is_that_price() -> None:
    (offer,) = _offers(offers={"@type": "AggregateOffer", "lowPrice": "9.90", "highPrice": "9.90"})
    assert (offer.amount, offer.low) == (Decimal("9.90"), None)


def test_an_aggregate_offer_without_prices_is_its_parts() -> None:
    aggregate = {"@type": "AggregateOffer", "offers": [{"price": "10"}, {"price": "20"}]}
    assert [offer.amount for offer in _offers(offers=aggregate)] == [Decimal(10), Decimal(20)]


def test_variants_of_a_group_bring_their_offers() -> None:
    graph = Graph.of(
        [
            json.dumps(
                {
                    "@type": "ProductGroup",
                    "name": "Cup",
                    "hasVariant": [
                        {"@type": "Product", "sku": "R", "url": "/cup?variant=1", "offers": {"price": "10"}},
                        {"@type": "Product", "sku": "B", "url": "/cup?variant=2", "offers": {"price": "12"}},
                    ],
                }
            )
        ]
    )
    offers = offers_of(graph, graph.products()[0])
    assert [(offer.amount, offer.sku, offer.url) for offer in offers] == [
        (Decimal(10), "R", "/cup?variant=1"),
        (Decimal(12), "B", "/cup?variant=2"),
    ]


@pytest.mark.parametrize(
    ("specification", "amount"),
    [
        ({"@type": "UnitPriceSpecification", "price": "49.00", "priceCurrency": "EUR"}, "49.00"),
        ([{"priceType": "https://schema.org/ListPrice", "price": "80"}, {"price": "59"}], "59"),
        ([{"priceType": "https://schema.org/StrikethroughPrice", "price": "80"}, {"price": "59"}], "59"),
        ([{"price": "59"}, {"price": "5.90", "referenceQuantity": {"value": 100}}], "59"),
        ([{"validForMemberTier": {"name": "Gold"}, "price": "50"}, {"price": "59"}], "59"),
        ([{"@type": "DeliveryChargeSpecification", "price": "4.90"}, {"price": "59"}], "59"),
        ({"minPrice": "59", "maxPrice": "80"}, "59"),
    ],
)
def test_the_specification_of_what_is_paid_once_counts(specification: Any, amount: str) -> None:
    (offer,) = _offers(offers={"@type": "Offer", "priceCurrency": "EUR", "priceSpecification": specification})
    assert (offer.amount, offer.currency) == (Decimal(amount), "EUR")


def test_a_specified_price_beats_the_plain_one_beside_a_list_price() -> None:
    offer = {
        "price": "80",
        "priceSpecification": [{"priceType": "ListPrice", "price": "80"}, {"priceType": "SalePrice", "price": "59"}],
    }
    assert [found.amount for found in _offers(offers=offer)] == [Decimal(59)]


def test_offers_that_refer_to_each_other_are_read_once() -> None:
    block = [
        {"@type": "Product", "name": "Cup", "offers": {"@id": "#a"}},
        {"@id": "#a", "@type": "AggregateOffer", "lowPrice": "5", "highPrice": "6", "offers": {"@id": "#b"}},
        {"@id": "#b", "@type": "AggregateOffer", "lowPrice": "7", "highPrice": "8", "offers": {"@id": "#a"}},
    ]
    graph = Graph.of([json.dumps(block)])
    assert [offer.low for offer in offers_of(graph, graph.products()[0])] == [Decimal(5), Decimal(7)]


def test_a_long_chain_and_a_thicket_of_offers_end() -> None:
    chain = [{"@id": f"#{n}", "@type": "AggregateOffer", "offers": {"@id": f"#{n + 1}"}} for n in range(3000)]
    thicket = [{"@id": f"*{n}", "@type": "AggregateOffer", "offers": [{"@id": f"*{n + 1}"}] * 2} for n in range(40)]
    end = {"@id": "*40", "@type": "Offer", "price": "5"}
    product = {"@type": "Product", "name": "Cup", "offers": [{"@id": "#0"}, {"@id": "*0"}]}
    graph = Graph.of([json.dumps([product, *chain, *thicket, end])])
    assert Decimal(5) in [offer.amount for offer in offers_of(graph, graph.products()[0])]


@pytest.mark.parametrize("offers", [[], None, "none", {"@type": "Offer"}, {"price": "call"}])
def test_offers_without_a_price_name_none(offers: Any) -> None:
    assert [offer.lowest for offer in _offers(offers=offers) if offer.lowest is not None] == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("https://schema.org/InStock", "InStock"),
        ("http://schema.org/OutOfStock", "OutOfStock"),
        ("https://schema.org/OutOfStock/", "OutOfStock"),
        ("schema:PreOrder", "PreOrder"),
        ("InStock", "InStock"),
        ("instock", "InStock"),
        ("in stock", "InStock"),
        ("in_stock", "InStock"),
        ("out of stock", "OutOfStock"),
        ("oos", "OutOfStock"),
        ("available for order", "BackOrder"),
        ("preorder", "PreOrder"),
        ("https://schema.org/LimitedAvailability", "LimitedAvailability"),
        ("https://schema.org/SoldOut", "SoldOut"),
        ("Discontinued", "Discontinued"),
        ("perhaps", None),
        ("", None),
        (None, None),
    ],
)
def test_availability_is_schema_orgs_short_name(written: str | None, name: str | None) -> None:
    assert availability(written) == name


def test_open_graph_prefers_the_sale_price() -> None:
    page = Snapshot(
        url="https://shop.test/cup",
        metas=(
            ("product:price:amount", "80.00"),
            ("product:price:currency", "EUR"),
            ("product:sale_price:amount", "59.00"),
            ("product:availability", "in stock"),
        ),
    )
    assert open_graph_offer(page) == Offer(amount=Decimal("59.00"), currency="EUR", availability="InStock")


def test_open_graph_without_price_and_stock_offers_nothing() -> None:
    assert open_graph_offer(Snapshot(url="https://shop.test/", metas=(("og:title", "Cup"),))) is None
