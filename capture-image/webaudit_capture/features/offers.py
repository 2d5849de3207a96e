"""What a page's structured data asks for its product: offers, price specifications, Open Graph prices, availability.

Pure. Which of them is the price to pay, seen beside the visible one, is decided in `product`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from webaudit_capture.features.currencies import is_code
from webaudit_capture.features.prices import decimal_text, structured_amount, structured_currency
from webaudit_capture.features.schema_org import MAX_DEPTH, Graph, Node, short, text
from webaudit_capture.features.snapshot import Snapshot

_AVAILABILITIES = {
    name.lower(): name
    for name in (
        "BackOrder", "Discontinued", "InStock", "InStoreOnly", "LimitedAvailability", "MadeToOrder",
        "OnlineOnly", "OutOfStock", "PreOrder", "PreSale", "Reserved", "SoldOut",
    )
}  # fmt: skip
_SPELLINGS = {
    "available": "InStock",
    "availablefororder": "BackOrder",
    "instorespickup": "InStoreOnly",
    "limitedstock": "LimitedAvailability",
    "lowstock": "LimitedAvailability",
    "notavailable": "OutOfStock",
    "oos": "OutOfStock",
    "unavailable": "OutOfStock",
    "yes": "InStock",
    "no": "OutOfStock",
}
# The price types with which schema.org marks a price that is not the one to pay.
_Met = tuple[int, str | None, str | None]
_CROSSED_OUT = frozenset({"ListPrice", "MSRP", "SRP", "StrikethroughPrice", "MinimumAdvertisedPrice", "RegularPrice"})


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to buy the product. A single price has `amount`, a span of prices `low` and `high`."""

    amount: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    currency: str | None = None
    availability: str | None = None
    url: str | None = None
    sku: str | None = None

    @property
    def lowest(self) -> Decimal | None:
        return self.amount if self.amount is not None else self.low

    def covers(self, amount: Decimal) -> bool:
        """Whether this offer may well cost that much."""
        if self.amount is not None:
            return self.amount == amount
        return self.low is not None and self.low <= amount <= (self.high if self.high is not None else self.low)

    def as_json(self) -> dict[str, str | None]:
        def written(amount: Decimal | None) -> str | None:
            return None if amount is None else decimal_text(amount, self.currency)

        return {
            "price": written(self.amount),
            "low_price": written(self.low),
            "high_price": written(self.high),
            "currency": self.currency,
            "availability": self.availability,
            "sku": self.sku,
            "url": self.url,
        }


def availability(value: object) -> str | None:
    """A schema.org availability by its short name, from a URL, a name or the spellings of product feeds."""
    word = text(value)
    if word is None:
        return None
    key = re.sub(r"[^a-z]", "", short(word).rpartition("/")[2].lower())
    return _AVAILABILITIES.get(key) or _SPELLINGS.get(key)


def currency_code(value: object) -> str | None:
    word = (text(value) or "").upper()
    return word if is_code(word) else None


def offers_of(graph: Graph, product: Node) -> list[Offer]:
    """The offers of a product, of its variants where it is a group, flat and in order."""
    offers: list[Offer] = []
    met: set[_Met] = set()
    for node in graph.offers_for(product):
        offers += _read(graph, node, met)
    for variant in graph.nodes(product, "hasVariant"):
        url, sku = graph.text(variant, "url"), graph.text(variant, "sku")
        for node in graph.offers_for(variant):
            offers += _read(graph, node, met, url, sku)
    if not offers and ("price" in product or "lowPrice" in product):
        offers = _read(graph, product, met)  # microdata whose offer has no scope of its own
    return list(dict.fromkeys(offers))


def _read(
    graph: Graph, node: Node, met: set[_Met], url: str | None = None, sku: str | None = None, depth: int = 0
) -> list[Offer]:
    """An offer and those inside it. References may lead in circles: what was met before is not read again."""
    if depth > MAX_DEPTH or (id(node), url, sku) in met:
        return []
    met.add((id(node), url, sku))
    nested = [offer for inner in graph.nodes(node, "offers") for offer in _read(graph, inner, met, depth=depth + 1)]
    specification = _specification(graph, node)
    currency = currency_code(graph.text(node, "priceCurrency")) or (
        currency_code(graph.text(specification, "priceCurrency")) if specification else None
    )
    currency = currency or structured_currency(graph.text(node, "price", "lowPrice"))
    price = graph.text(node, "price")
    for stated in graph.nodes(node, "price"):  # a MonetaryAmount
        currency = currency or currency_code(graph.text(stated, "currency"))
        price = price or graph.text(stated, "value")
    amount = structured_amount(price, currency)
    if specification and (specified := _specified(graph, specification, currency)) is not None:
        amount = specified
    low = structured_amount(graph.text(node, "lowPrice"), currency)
    high = structured_amount(graph.text(node, "highPrice"), currency)
    if low is not None and low == high:
        amount, low, high = low, None, None
    offer = Offer(
        amount=amount,
        low=low if amount is None else None,
        high=high if amount is None else None,
        currency=currency or next((inner.currency for inner in nested if inner.currency), None),
        availability=availability(graph.text(node, "availability"))
        or most_available(inner.availability for inner in nested),
        url=graph.text(node, "url") or url,
        sku=graph.text(node, "sku") or sku,
    )
    if offer.lowest is None and nested:
        return nested
    return [offer, *nested]


def _specification(graph: Graph, node: Node) -> Node | None:
    """The price specification of what is paid once: not crossed out, per unit, for members, or for delivery."""
    for found in graph.nodes(node, "priceSpecification"):
        names = {short(name) for name in graph.values(found, "@type") if isinstance(name, str)}
        kind = short(graph.text(found, "priceType") or "")
        per_unit = "referenceQuantity" in found or "billingDuration" in found
        if kind in _CROSSED_OUT or per_unit or "validForMemberTier" in found:
            continue
        if names & {"DeliveryChargeSpecification", "PaymentChargeSpecification"}:
            continue
        if _specified(graph, found, None) is not None:
            return found
    return None


def _specified(graph: Graph, specification: Node, currency: str | None) -> Decimal | None:
    return structured_amount(graph.text(specification, "price", "minPrice"), currency)


def most_available(values: Iterable[str | None]) -> str | None:
    """What a shopper can still get when variants differ: in stock beats anything else, then the first named."""
    named = [value for value in values if value]
    return "InStock" if "InStock" in named else next(iter(named), None)


def open_graph_offer(page: Snapshot) -> Offer | None:
    """The price that a page's Open Graph or product tags state, the sale price if there is one."""
    currency = currency_code(
        page.meta(
            "product:sale_price:currency", "product:price:currency", "og:price:currency", "pinterest:price:currency"
        )
    )
    stated = page.meta("product:sale_price:amount", "product:price:amount", "og:price:amount")
    amount = structured_amount(stated, currency) if stated else None
    stock = availability(page.meta("product:availability", "og:availability"))
    if amount is None and stock is None:
        return None
    return Offer(amount=amount, currency=currency, availability=stock)
