"""The price a shopper sees on a product page, chosen among all price tags by place, looks and words.

Pure: works on the reported price tags alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from webaudit_capture.features.currencies import CurrencyContext
from webaudit_capture.features.price_words import PriceRole
from webaudit_capture.features.prices import Price, bare_amount, clean, find_money, price_to_pay, share_of_text
from webaudit_capture.features.snapshot import PriceTag

# A text that is mostly money is a price tag; one that merely mentions money is not.
MIN_SHARE = 0.3
_NAMED = re.compile(r"price|preis|prix|precio|prezzo|preço|preco|prijs|cena|hinta|fiyat|amount|money")
_CURRENT_NAME = re.compile(r"sale|current|final|special|now|actual|promo|discounted|to-?pay")
_OLD_NAME = re.compile(
    r"\bold|was|regular|compare|list-?price|rrp|uvp|msrp|before|strike|crossed|previous|original|statt"
)
_ASIDE_NAME = re.compile(
    r"shipping|versand|deliver|instal?ment|klarna|afterpay|unit-?price|grundpreis|base-?price|per-?unit|saving|discount-amount|tax|vat"
)
_REJECTED = frozenset({PriceRole.OLD, PriceRole.UNIT, PriceRole.INSTALMENT, PriceRole.SAVING, PriceRole.CONDITION})


@dataclass(frozen=True, slots=True)
class VisiblePrice:
    """The chosen price and the crossed-out amounts beside it."""

    price: Price
    marked: bool
    """Its element is called a price, so it is more than a number with a currency."""
    struck: frozenset[Decimal]


def choose(tags: Sequence[PriceTag], context: CurrencyContext, anchor_top: int | None) -> VisiblePrice | None:
    """The main price. `anchor_top` is where the product's title or buy button stands; near it is better.

    Tags in teasers for other products, in the header, the cart or a dialog are never it.
    """
    ours = [tag for tag in tags if tag.region in ("main", "aside") and not tag.card]
    struck = frozenset(
        found.price.amount for tag in ours if tag.struck for found in find_money(clean(tag.text), context)
    )
    best: tuple[float, int, Price, bool] | None = None
    for order, tag in enumerate(ours):
        price = _price(tag, context)
        if price is None:
            continue
        score = _score(tag, anchor_top)
        if best is None or score > best[0]:
            best = (score, order, price, _NAMED.search(tag.names) is not None)
    return None if best is None else VisiblePrice(best[2], best[3], struck)


def _price(tag: PriceTag, context: CurrencyContext) -> Price | None:
    if tag.struck:
        return None
    named = _NAMED.search(tag.names) is not None
    text = clean(tag.text)
    if not find_money(text, context):
        amount = bare_amount(text, context.declared[0] if context.declared else None) if named else None
        currency = context.declared[0] if context.declared else None
        return Price(amount, currency) if amount else None
    if not named and share_of_text(text, context) < MIN_SHARE:
        return None
    price = price_to_pay(text, context)
    if price is None or _role_around(tag, price, context) in _REJECTED:
        return None
    return price


def _role_around(tag: PriceTag, price: Price, context: CurrencyContext) -> PriceRole:
    """What the words outside the tag make of its price; a tag that names a role itself is believed."""
    inside = [found.role for found in find_money(clean(tag.text), context) if found.price == price]
    if not tag.around or PriceRole.PLAIN not in inside:
        return PriceRole.PLAIN
    return next(
        (found.role for found in find_money(clean(tag.around), context) if found.price == price), PriceRole.PLAIN
    )


def _score(tag: PriceTag, anchor_top: int | None) -> float:
    """Higher is likelier. Weights: name and size speak loudest, then closeness to the title."""
    score = min(tag.size, 48) / 8
    score += 3 if _NAMED.search(tag.names) else 0
    score += 2 if _CURRENT_NAME.search(tag.names) else 0
    score -= 4 if _OLD_NAME.search(tag.names) and not _CURRENT_NAME.search(tag.names) else 0
    score -= 4 if _ASIDE_NAME.search(tag.names) else 0
    score -= 1 if tag.region == "aside" else 0
    if anchor_top is not None:
        score -= min(abs(tag.top - anchor_top) / 200, 5)
    return score
