"""Prices in text: finding amounts of money, telling the one to pay from the others, and writing them as decimals.

Pure. What a page's structured data says about prices is not read here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from price_parser import Price as ParsedPrice

from webaudit_capture.features.currencies import (
    HOME_ONLY_SYMBOLS,
    ISO_4217,
    SYMBOLS,
    CurrencyContext,
    minor_units,
    resolve,
)
from webaudit_capture.features.price_words import AFTER, BEFORE, BETWEEN_RANGE, PriceRole

NO_CONTEXT = CurrencyContext()


@dataclass(frozen=True, slots=True)
class Price:
    """An amount to pay. `currency` is ISO 4217, None when the page does not tell."""

    amount: Decimal
    currency: str | None

    @property
    def text(self) -> str:
        """The amount with a decimal point and at least the currency's own digits: `1299.00`, `1200` for yen."""
        return decimal_text(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Money:
    """One amount found in a text, with what the words around it make of it."""

    price: Price
    start: int
    end: int
    role: PriceRole


def _alternatives(tokens: Iterable[str]) -> str:
    parts = []
    for token in sorted(tokens, key=lambda t: (-len(t), t)):
        before = r"(?<![^\W\d_])" if token[0].isalpha() else ""
        after = r"(?![^\W\d_])" if token[-1].isalpha() else ""
        parts.append(f"{before}{re.escape(token)}{after}")
    return "|".join(parts)


_CODE = rf"(?<![^\W\d_])(?:{'|'.join(sorted(ISO_4217))}|Eur|eur|Euro|usd|Usd)(?![^\W\d_])"
_SIGN = _alternatives([*SYMBOLS, *HOME_ONLY_SYMBOLS])
_CURRENCY = f"(?:{_CODE}|{_SIGN})"
_NUMBER = (
    r"(?<![\d,'])(?<!\d\.)"
    r"(?:\d{1,3}(?:[',.]\d{2,3}| \d{3}(?!\d))+(?!\d)|\d+|(?<![^\s$€£])(?=\.\d))"
    r"(?:[.,]\d{1,6})?"
    r"(?:[.,] ?[-–—]{1,2}|[-–—]{2})?"
)
_NUMBER_HERE = re.compile(_NUMBER)
# What may stand right before a number ("US$", "NZD $") and right after it.
_BEFORE_NUMBER = re.compile(rf"(?:(?P<code>{_CODE}) ?)?(?P<sign>{_CURRENCY}) ?$")
_AFTER_NUMBER = re.compile(rf" ?(?P<sign>{_CURRENCY})")
# Swedish for "kronor, no öre": `1 299:-`.
_KRONOR = re.compile(rf":[-–—](?!\d)(?: ?(?P<sign>{_CURRENCY}))?")
_CODE_AFTER = re.compile(rf" ?(?P<code>{_CODE})")
_CENTS_AFTER_EURO = re.compile(r"€(\d{2})(?!\d)")
_RANGE_DASH = re.compile(r" ?[-–—~〜] ?")
_LONGEST_SIGN = max(map(len, SYMBOLS)) + len("NZD  ")
# Words further away from an amount say nothing about it.
_WORDS_BEFORE = 60
_BARE = re.compile(rf"\s*(?P<number>{_NUMBER})\s*\*?\s*")
_SCHEMA_DECIMAL = re.compile(r"\d+(?:\.\d+)?")
# A longer text in structured data is no amount, whatever digits it consists of.
_LONGEST_AMOUNT = 100
_DIRECTION_MARKS = dict.fromkeys([0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_PUNCTUATION = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "٫": ".", "٬": ",", "，": ",", "．": ".", "＄": "$"}
)


def clean(text: str) -> str:
    """Same length in meaning, one notation: ASCII digits and separators, single plain spaces, line breaks kept."""
    text = text.translate(_DIRECTION_MARKS).translate(_PUNCTUATION)
    text = "".join(str(unicodedata.digit(c)) if not c.isascii() and c.isdecimal() else c for c in text)
    return re.sub(r" *\n\s*", "\n", re.sub(r"[^\S\n]+", " ", text)).strip()


def decimal_text(amount: Decimal, currency: str | None) -> str:
    """Plain notation, never an exponent; trailing zeros only as far as the currency has digits."""
    digits = minor_units(currency)
    exponent = amount.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{amount:.{max(digits, -exponent)}f}"


def _amount(number: str, currency: str | None) -> Decimal | None:
    digits = re.sub(r"(?:[.,] ?)?[-–—]+$", "", number).replace("'", "")
    separator = None
    if minor_units(currency) == 3 and (match := re.fullmatch(r"\d+([.,])\d{3}", digits)):
        separator = match.group(1)  # KD 1.250 is one and a quarter
    amount = ParsedPrice.fromstring(digits, decimal_separator=separator).amount
    return amount if isinstance(amount, Decimal) else None


def find_money(text: str, context: CurrencyContext = NO_CONTEXT) -> list[Money]:
    """Every amount with a currency beside it, in order. `text` must come from `clean`."""
    found: list[tuple[Price, int, int]] = []
    unsigned: re.Match[str] | None = None
    taken = 0
    for number in _NUMBER_HERE.finditer(text):
        if number.start() < taken:
            continue
        signed = _signed(text, number, taken, context)
        if signed is None:
            unsigned = number
            continue
        price, start, end = signed
        # "19,99 – 29,99 €": the sign stands once, and the lower price is the one that counts.
        if unsigned and start == number.start() and _RANGE_DASH.fullmatch(text, unsigned.end(), start):
            low = _amount(unsigned[0], price.currency)
            price, start = (Price(low, price.currency), unsigned.start()) if low is not None else (price, start)
        found.append((price, start, end))
        taken, unsigned = end, None
    starts = [*(start for _, start, _ in found), len(text)]
    money = []
    spoken_for = 0
    for i, (price, start, end) in enumerate(found):
        role, length = _role(text[spoken_for:start], text[end : starts[i + 1]])
        money.append(Money(price, start, end, role))
        spoken_for = end + length
    return money


def _signed(text: str, number: re.Match[str], taken: int, context: CurrencyContext) -> tuple[Price, int, int] | None:
    """The number with the currency beside it, and from where to where both stand; None when there is none."""
    start, end = number.span()
    before = _BEFORE_NUMBER.search(text, max(taken, start - _LONGEST_SIGN), start)
    if before is None and (cents := _CENTS_AFTER_EURO.match(text, end)):
        return Price(Decimal(f"{number[0]}.{cents[1]}"), "EUR"), start, cents.end()
    if before is not None:
        code = _CODE_AFTER.match(text, end)
        token = before["code"] or (code["code"] if code else before["sign"])
        start, end = before.start(), code.end() if code else end
    elif after := _AFTER_NUMBER.match(text, end) or _KRONOR.match(text, end):
        token, end = after["sign"] or "kr", after.end()
    else:
        return None
    currency = resolve("EUR" if token == "Euro" else token, context)
    amount = _amount(number[0], currency) if currency else None
    return None if amount is None else (Price(amount, currency), start, end)


def _role(before: str, after: str) -> tuple[PriceRole, int]:
    """The role, and how much of the words after the amount it took to tell."""
    folded = after.casefold()
    for role, pattern in AFTER:
        if match := pattern.match(folded):
            return role, min(match.end(), len(after))
    if len(before) > _WORDS_BEFORE:
        before = before[-_WORDS_BEFORE:].partition(" ")[2]
    before = before.casefold()
    matches = [(match.end(), role) for role, pattern in BEFORE for match in pattern.finditer(before)]
    return (max(matches, key=lambda found: found[0])[1] if matches else PriceRole.PLAIN), 0


def money_to_pay(text: str, context: CurrencyContext = NO_CONTEXT, *, units: bool = False) -> Money | None:
    """What a shopper pays according to one price tag's text; None when it names no such price.

    An old, monthly, saved or shipping amount is never it, a regular one or one before tax only where no other is
    named, one per unit only with `units`. Of a range the lower end is; of two amounts without a word between them, one
    of which must be the old price, the lower.
    """
    text = clean(text)
    money = [found for found in _without_upper_ends(find_money(text, context), text) if found.price.amount > 0]
    last = (PriceRole.NET, PriceRole.UNIT) if units else (PriceRole.NET,)
    for wanted in (PriceRole.CURRENT, PriceRole.PLAIN, PriceRole.FROM, PriceRole.REGULAR, *last):
        fitting = [found for found in money if found.role is wanted]
        if not fitting:
            continue
        if wanted is PriceRole.CURRENT:
            return fitting[-1]
        return min(fitting, key=lambda found: found.price.amount)
    return None


def _without_upper_ends(money: list[Money], text: str) -> list[Money]:
    """Of "from 20 to 30" without the 30, which has no word of its own."""
    return [
        found
        for before, found in zip([None, *money], money, strict=False)
        if not (
            before
            and before.role is PriceRole.FROM
            and found.role is PriceRole.PLAIN
            and BETWEEN_RANGE.fullmatch(text[before.end : found.start])
        )
    ]


def price_to_pay(text: str, context: CurrencyContext = NO_CONTEXT) -> Price | None:
    """The price of `money_to_pay`."""
    found = money_to_pay(text, context)
    return found.price if found else None


def is_range(text: str, context: CurrencyContext = NO_CONTEXT) -> bool:
    """Whether the text says "from A to B"."""
    text = clean(text)
    money = find_money(text, context)
    return len(money) >= 2 and BETWEEN_RANGE.fullmatch(text[money[0].end : money[1].start]) is not None


def share_of_text(text: str, context: CurrencyContext = NO_CONTEXT) -> float:
    """How much of the text is money: 1.0 for a bare price tag, little for a sentence that mentions a price."""
    text = clean(text)
    letters = sum(not c.isspace() for c in text)
    spent = sum(not c.isspace() for found in find_money(text, context) for c in text[found.start : found.end])
    return spent / letters if letters else 0.0


def has_money(text: str, context: CurrencyContext = NO_CONTEXT) -> bool:
    """Whether the text states a price above zero."""
    return any(found.price.amount > 0 for found in find_money(clean(text), context))


def bare_amount(text: str, currency: str | None) -> Decimal | None:
    """The number when the text is a number and nothing else, e.g. in an element marked up as the price."""
    match = _BARE.fullmatch(clean(text))
    return _amount(match["number"], currency) if match else None


def structured_amount(value: object, currency: str | None) -> Decimal | None:
    """An amount from structured data: a number, `"1299.00"` as schema.org wants it, or what shops write instead."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            return None
        return amount if amount.is_finite() and amount >= 0 else None
    text = str(value)
    if len(text) > _LONGEST_AMOUNT:
        return None
    text = clean(text)
    if _SCHEMA_DECIMAL.fullmatch(text):
        return Decimal(text)
    money = find_money(text, CurrencyContext(declared=(currency,) if currency else ()))
    return money[0].price.amount if money else bare_amount(text, currency)


def structured_currency(value: str | None) -> str | None:
    """The code that a price in structured data carries within itself: `12.50 EUR`. A sign may mean several, so none."""
    if value is None or len(value) > _LONGEST_AMOUNT:
        return None
    text = clean(value)
    named = {code.upper() for code in re.findall(_CODE, text)} & ISO_4217
    return named.pop() if len(named) == 1 and find_money(text) else None
