"""The price a shopper sees on a product page, chosen among all price tags by place, looks and words.

Pure: works on the reported price tags alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from webaudit_capture.features.ctas import BUYING, kind_of
from webaudit_capture.features.currencies import CurrencyContext
from webaudit_capture.features.price_words import PriceRole
from webaudit_capture.features.prices import Price, bare_amount, clean, find_money, money_to_pay, share_of_text
from webaudit_capture.features.snapshot import PriceTag

# A text that is mostly money is a price tag, and so is a buy button; one that merely mentions money is not.
MIN_SHARE = 0.3
_NAMED = re.compile(r"price|preis|prix|precio|prezzo|preço|preco|prijs|cena|hinta|fiyat|amount|money")
_CURRENT_NAME = re.compile(r"sale|current|final|special|now|actual|promo|discounted|to-?pay")
_OLD_NAME = re.compile(
    r"\bold|was|regular|compare|list-?price|rrp|uvp|msrp|before|strike|crossed|previous|original|statt"
)
_ASIDE_NAME = re.compile(
    r"shipping|versand|deliver|instal?ment|klarna|afterpay|unit-?price|grundpreis|base-?price|per-?unit|saving|discount-amount|tax|vat"
)
_REJECTED = frozenset({PriceRole.OLD, PriceRole.INSTALMENT, PriceRole.SAVING, PriceRole.CONDITION})
_NOT_PAID = frozenset({PriceRole.OLD, PriceRole.REGULAR})


@dataclass(frozen=True, slots=True)
class VisiblePrice:
    """The chosen price and the amounts beside it that are crossed out or called the old or regular ones."""

    price: Price
    marked: bool
    """Its element is called a price, so it is more than a number with a currency."""
    struck: frozenset[Decimal]


def choose(tags: Sequence[PriceTag], context: CurrencyContext, anchor_top: int | None) -> VisiblePrice | None:
    """The main price. `anchor_top` is where the product's title or buy button stands; near it is better.

    Tags in teasers for other products, in the header, the cart or a dialog are never it.
    """
    ours = [tag for tag in tags if tag.region in ("main", "aside") and not tag.card]
    # What is sold by the metre has no other price than one per unit.
    best = _best(ours, context, anchor_top) or _best(ours, context, anchor_top, units=True)
    if best is None:
        return None
    tag, price = best
    struck = frozenset(
        found.price.amount
        for tag in ours
        for found in find_money(clean(tag.text), context)
        if (tag.struck or found.role in _NOT_PAID) and found.price.amount > price.amount
    )
    return VisiblePrice(price, _NAMED.search(tag.names) is not None, struck)


def _best(
    tags: Sequence[PriceTag], context: CurrencyContext, anchor_top: int | None, *, units: bool = False
) -> tuple[PriceTag, Price] | None:
    """The likeliest tag and its price; of equals the first."""
    best: tuple[float, PriceTag, Price] | None = None
    for tag in tags:
        read = _price(tag, context, units=units)
        if read is None:
            continue
        price, role = read
        score = _score(tag, anchor_top) - (6 if role is PriceRole.NET else 0)
        if best is None or score > best[0]:
            best = (score, tag, price)
    return best[1:] if best else None


def _price(tag: PriceTag, context: CurrencyContext, *, units: bool) -> tuple[Price, PriceRole] | None:
    """What the tag asks for, and in which role."""
    if tag.struck:
        return None
    named = _NAMED.search(tag.names) is not None
    text = clean(tag.text)
    if not find_money(text, context):
        amount = bare_amount(text, context.declared[0] if context.declared else None) if named else None
        currency = context.declared[0] if context.declared else None
        return (Price(amount, currency), PriceRole.PLAIN) if amount else None
    if not named and share_of_text(text, context) < MIN_SHARE and kind_of(text) not in BUYING:
        return None
    found = money_to_pay(text, context, units=units)
    if found is None:
        return None
    role = found.role if found.role is not PriceRole.PLAIN else _role_around(tag, found.price, context)
    if role in _REJECTED or (role is PriceRole.UNIT and not units):
        return None
    return found.price, role


def _role_around(tag: PriceTag, price: Price, context: CurrencyContext) -> PriceRole:
    """What the words outside the tag make of its price."""
    if not tag.around:
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
