"""Amounts in text: every common notation, and which of several is the one to pay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webaudit_capture.features.currencies import CurrencyContext, country_of, resolve
from webaudit_capture.features.price_words import PriceRole
from webaudit_capture.features.prices import (
    bare_amount,
    clean,
    decimal_text,
    find_money,
    price_to_pay,
    share_of_text,
    structured_amount,
)


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("1.299,00 €", "1299.00", "EUR"),
        ("€1,299.00", "1299.00", "EUR"),
        ("€ 1 299,-", "1299.00", "EUR"),
        ("29,90 EUR*", "29.90", "EUR"),
        ("12,5 €", "12.50", "EUR"),
        ("35€99", "35.99", "EUR"),
        ("1 299,00\u00a0€", "1299.00", "EUR"),
        ("1\u202f299,00 €", "1299.00", "EUR"),
        ("CHF 1’299.–", "1299.00", "CHF"),
        ("1'299.00 CHF", "1299.00", "CHF"),
        ("Fr. 12.50", "12.50", "CHF"),
        ("12.- CHF", "12.00", "CHF"),
        ("¥1,200", "1200", "JPY"),
        ("1,200円", "1200", "JPY"),
        ("￥１，２００", "1200", "JPY"),
        ("₩12,900", "12900", "KRW"),
        ("₹1,29,999", "129999.00", "INR"),
        ("₹ 1,29,999.00", "129999.00", "INR"),
        ("Rs. 450", "450.00", "INR"),
        ("$19.99", "19.99", "USD"),
        ("$.75", "0.75", "USD"),
        ("US$12.00", "12.00", "USD"),
        ("$12.00 USD", "12.00", "USD"),
        ("NZD $123", "123.00", "NZD"),
        ("A$ 12", "12.00", "AUD"),
        ("C$ 12.50", "12.50", "CAD"),
        ("HK$120", "120.00", "HKD"),
        ("NT$1,200", "1200.00", "TWD"),
        ("S$ 5", "5.00", "SGD"),
        ("R$ 1.299,90", "1299.90", "BRL"),
        ("£1,299", "1299.00", "GBP"),
        ("1 299 kr", "1299.00", "SEK"),
        ("kr 19,-", "19.00", "SEK"),
        ("1 299:-", "1299.00", "SEK"),
        ("1\u00a0299:–", "1299.00", "SEK"),
        ("299:- NOK", "299.00", "NOK"),
        ("kr 299:-", "299.00", "SEK"),
        ("1 299,00 zł", "1299.00", "PLN"),
        ("1 299 Kč", "1299.00", "CZK"),
        ("12 990 Ft", "12990.00", "HUF"),
        ("129,99 lei", "129.99", "RON"),
        ("24,90 лв.", "24.90", "BGN"),
        ("12 000 ₽", "12000.00", "RUB"),
        ("1 299 грн", "1299.00", "UAH"),
        ("₺1.299,90", "1299.90", "TRY"),
        ("1.299,90 TL", "1299.90", "TRY"),
        ("ر.س 120", "120.00", "SAR"),
        ("١٢٠٫٥٠ ر.س", "120.50", "SAR"),
        ("AED 1,250", "1250.00", "AED"),
        ("₪ 89.90", "89.90", "ILS"),
        ("KD 1.250", "1.250", "KWD"),
        ("Rp 1.250.000", "1250000.00", "IDR"),
        ("1.250.000 ₫", "1250000", "VND"),
        ("฿1,290", "1290.00", "THB"),
        ("RM 49.90", "49.90", "MYR"),
        ("S/ 49.90", "49.90", "PEN"),
        ("S/.49.90", "49.90", "PEN"),
        ("Rs.1,299", "1299.00", "INR"),
        ("Rp.1.250.000", "1250000.00", "IDR"),
        ("د.إ.\u200f 1,299.00", "1299.00", "AED"),
        ("\u200f١٬٢٩٩٫٠٠ ر.س.\u200f", "1299.00", "SAR"),
        ("€1,299.00 EUR", "1299.00", "EUR"),
        ("12.50 EUR", "12.50", "EUR"),
    ],
)
def test_every_common_notation_is_read(written: str, amount: str, currency: str) -> None:
    price = price_to_pay(written)
    assert price is not None
    assert (price.text, price.currency) == (amount, currency)


@pytest.mark.parametrize(
    ("tag", "amount"),
    [
        ("Was $80 Now $59.99", "59.99"),
        ("1 499:- 1 299:-", "1299.00"),
        ("$59.99 $80.00", "59.99"),
        ("$80.00 $59.99", "59.99"),
        ("RRP £45 £29", "29.00"),
        ("UVP 49,90 € jetzt nur 39,90 €", "39.90"),
        ("statt 49,90 € 39,90 €", "39.90"),
        ("Prix conseillé 49,90 € 39,90 €", "39.90"),
        ("De R$ 150 por R$ 99", "99.00"),
        ("R$ 99 em até 3x de R$ 33,00", "99.00"),
        ("Regular price $80.00 Sale price $59.99", "59.99"),
        ("Regular price $80.00", "80.00"),
        ("You save $20 $80", "80.00"),
        ("$80 ($20 off)", "80.00"),
        ("19,99 € 12,50 €/100 g", "19.99"),
        ("4,99 € (Grundpreis: 9,98 € pro kg)", "4.99"),
        ("$120 or 4 payments of $30.00", "120.00"),
        ("899 € oder 37,46 €/Monat", "899.00"),
        ("24,90 € zzgl. 4,90 € Versand", "24.90"),
        ("from $20", "20.00"),
        ("ab 12,90 €", "12.90"),
        ("$19.99 - $29.99", "19.99"),
        ("$19.99 – 29.99", "19.99"),
        ("19,99 – 29,99 €", "19.99"),
        ("From £20.00 to £30.00", "20.00"),
        ("Rs.1,299Rs.1,999", "1299.00"),
        ("12,50 € TTC (10,42 € HT)", "12.50"),
        ("119,00 € inkl. MwSt. 100,00 € netto", "119.00"),
        ("£60.00 ex VAT £72.00 inc VAT", "72.00"),
        ("¥11,000（税抜）¥12,100（税込）", "12100"),
        ("税抜 ¥11,000 税込 ¥12,100", "12100"),
        ("24 990 Ft (19 677 Ft + ÁFA)", "24990.00"),
        ("1 299 kr 1 039 kr exkl. moms", "1299.00"),
        ("€ 99,17 excl. btw", "99.17"),
        ("2 for £20.00 £12.00 each", "12.00"),
        ("49,00 € Lowest price in 30 days: €45.00", "49.00"),
        ("Streichpreis 59,00 € 49,00 €", "49.00"),
        ("Great value $59.99", "59.99"),
        ("$59.99 (a $120 value)", "59.99"),
    ],
)
def test_the_price_to_pay_is_chosen_among_several(tag: str, amount: str) -> None:
    price = price_to_pay(tag)
    assert price is not None
    assert price.text == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Free",
        "-20%",
        "Only 3 left",
        "Size 42",
        "Result 10:-5",
        "Hours 9:30 - 18:00",
        "Note :- 20",
        "iPhone 15",
        "Was $80",
        "12 €/kg",
        "$15.00/month",
        "4 x $12.50",
        "Free shipping over $50",
        "Versandkostenfrei ab einem Bestellwert von 50 €",
        "Save $20",
        "24,90 € / m",
        "12 mal 9,90 €",
        "30-Tage-Bestpreis: 45,00 €",
        "Prix le plus bas des 30 derniers jours : 45,00 €",
        "dont 0,50 € d’éco-participation",
        "Trade-in value up to $200",
        "10 € Gutschein",
        "$0.00",
        "Model R 18",
        "PLANS 20",
    ],
)
def test_what_is_no_price_to_pay_gives_none(text: str) -> None:
    assert price_to_pay(text) is None


def test_each_amount_knows_its_part() -> None:
    text = clean("Was $80 now $60, $30/kg, save $20, from $10, 3 x $20")
    assert [money.role for money in find_money(text)] == [
        PriceRole.OLD,
        PriceRole.CURRENT,
        PriceRole.UNIT,
        PriceRole.SAVING,
        PriceRole.FROM,
        PriceRole.INSTALMENT,
    ]


@pytest.mark.parametrize(
    ("sign", "declared", "country", "currency"),
    [
        ("$", (), None, "USD"),
        ("$", ("CAD",), None, "CAD"),
        ("$", (), "AU", "AUD"),
        ("$", ("EUR",), "MX", "MXN"),
        ("kr", (), "NO", "NOK"),
        ("kr", (), "DK", "DKK"),
        ("kr", ("ISK",), "SE", "ISK"),
        ("¥", (), "CN", "CNY"),
        ("¥", (), None, "JPY"),
        ("£", (), "EG", "EGP"),
        ("€", ("USD",), "US", "EUR"),
        ("R", (), "ZA", "ZAR"),
        ("R", (), "US", None),
        ("USD", ("EUR",), "DE", "USD"),
        ("XYZ", (), None, None),
    ],
)
def test_a_sign_means_what_the_page_makes_of_it(
    sign: str, declared: tuple[str, ...], country: str | None, currency: str | None
) -> None:
    assert resolve(sign, CurrencyContext(declared, country)) == currency


@pytest.mark.parametrize(
    ("lang", "host", "country"),
    [
        ("en-GB", "shop.com", "GB"),
        ("de_AT", "shop.de", "AT"),
        ("en", "shop.com.au", "AU"),
        ("zh-Hant-TW", "shop.com", "TW"),
        ("sv", "shop.com", "SE"),
        ("en", "shop.co", None),
        ("en", "shop.io", None),
        ("", "127.0.0.1", None),
        (None, "shop.ch", "CH"),
    ],
)
def test_the_country_is_told_by_region_then_host_then_language(
    lang: str | None, host: str, country: str | None
) -> None:
    assert country_of(lang, host) == country


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        ("1299.00", "EUR", "1299.00"),
        ("19.990000", "EUR", "19.990000"),
        (15, "USD", "15"),
        (19.9, "USD", "19.9"),
        ("1.299,00", "EUR", "1299.00"),
        ("29,90 €", "EUR", "29.90"),
        ("$1,299.00", "USD", "1299.00"),
        ("1,299", None, "1299"),
        ("1.250", "KWD", "1.250"),
        ("", "EUR", None),
        ("call us", "EUR", None),
        (True, "EUR", None),
        (float("nan"), "EUR", None),
        (-5, "EUR", None),
        (None, "EUR", None),
        ("9" * 1_200_000, "EUR", None),
    ],
)
def test_declared_amounts_are_read_as_written_or_as_shops_write_them(
    value: object, currency: str | None, amount: str | None
) -> None:
    assert structured_amount(value, currency) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [("15", "USD", "15.00"), ("15", "JPY", "15"), ("1.25", "KWD", "1.250"), ("1E+3", None, "1000.00"),
     ("0.12345", "EUR", "0.12345"), ("19.990000", "EUR", "19.99")],
)  # fmt: skip
def test_decimal_text_has_the_digits_of_its_currency(amount: str, currency: str | None, text: str) -> None:
    assert decimal_text(Decimal(amount), currency) == text


def test_a_bare_number_is_an_amount_only_when_alone() -> None:
    assert bare_amount("19,90", "EUR") == Decimal("19.90")
    assert bare_amount("19,90 each", "EUR") is None


def test_a_price_tag_is_mostly_money_and_a_sentence_is_not() -> None:
    assert share_of_text("$19.99") == 1.0
    assert share_of_text("Our guests paid around $19.99 for it last summer") < 0.2


@given(st.integers(min_value=1, max_value=10**8), st.sampled_from(["{:,.2f} USD", "US${:,.2f}", "${:.2f}"]))
def test_any_amount_survives_being_written_the_american_way(cents: int, style: str) -> None:
    price = price_to_pay(style.format(Decimal(cents) / 100))
    assert price is not None
    assert price.amount == Decimal(cents) / 100


@given(st.integers(min_value=1, max_value=10**8))
def test_any_amount_survives_being_written_the_german_way(cents: int) -> None:
    american = f"{Decimal(cents) / 100:,.2f}"
    price = price_to_pay(american.translate(str.maketrans(",.", ".,")) + " €")
    assert price is not None
    assert price.amount == Decimal(cents) / 100


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    price = price_to_pay(text)
    assert price is None or price.amount > 0
