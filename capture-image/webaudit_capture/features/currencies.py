"""Currencies: the ISO 4217 codes, how shops write them, and which country uses which.

Tables and their lookup only; no numbers are read here.
"""

from __future__ import annotations

from dataclasses import dataclass


def _codes(table: str) -> list[str]:
    return table.split()


ISO_4217 = frozenset(
    _codes(
        """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """
    )
)
"""Active national currencies; funds, metals and test codes left out."""

_MINOR_UNITS = {
    **dict.fromkeys(_codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(_codes("BHD IQD JOD KWD LYD OMR TND"), 3),
}

# How a currency is written on price tags, the likeliest meaning first. Letters count only as whole words.
SYMBOLS: dict[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "MXN", "ARS", "CLP", "COP", "HKD", "SGD", "TWD", "UYU", "DOP", "BND"),
    "US$": ("USD",),
    "U$S": ("USD",),
    "C$": ("CAD", "NIO"),
    "CA$": ("CAD",),
    "CAD$": ("CAD",),
    "A$": ("AUD",),
    "AU$": ("AUD",),
    "NZ$": ("NZD",),
    "HK$": ("HKD",),
    "NT$": ("TWD",),
    "S$": ("SGD",),
    "MX$": ("MXN",),
    "AR$": ("ARS",),
    "CL$": ("CLP",),
    "COL$": ("COP",),
    "CO$": ("COP",),
    "R$": ("BRL",),
    "RD$": ("DOP",),
    "$U": ("UYU",),
    "J$": ("JMD",),
    "TT$": ("TTD",),
    "B/.": ("PAB",),
    "S/.": ("PEN",),
    "S/": ("PEN",),
    "€": ("EUR",),
    "euro": ("EUR",),
    "euros": ("EUR",),
    "£": ("GBP", "EGP", "GIP"),
    "¥": ("JPY", "CNY"),
    "￥": ("JPY", "CNY"),
    "円": ("JPY",),
    "元": ("CNY", "TWD"),
    "RMB": ("CNY",),
    "₩": ("KRW",),
    "원": ("KRW",),
    "₹": ("INR",),
    "Rs": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "Rs.": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "₨": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "৳": ("BDT",),
    "Rp": ("IDR",),
    "Rp.": ("IDR",),
    "RM": ("MYR",),
    "₱": ("PHP",),
    "฿": ("THB",),
    "บาท": ("THB",),
    "₫": ("VND",),
    "đ": ("VND",),
    "₮": ("MNT",),
    "₸": ("KZT",),
    "₾": ("GEL",),
    "₼": ("AZN",),
    "֏": ("AMD",),
    "₪": ("ILS",),
    'ש"ח': ("ILS",),
    "₺": ("TRY",),
    "TL": ("TRY",),
    "₽": ("RUB",),
    "руб": ("RUB", "BYN"),
    "руб.": ("RUB", "BYN"),
    "р.": ("RUB", "BYN"),
    "₴": ("UAH",),
    "грн": ("UAH",),
    "грн.": ("UAH",),
    "лв": ("BGN",),
    "лв.": ("BGN",),
    "ден": ("MKD",),
    "дин": ("RSD",),
    "дин.": ("RSD",),
    "din": ("RSD",),
    "din.": ("RSD",),
    "КМ": ("BAM",),
    "KM": ("BAM",),
    "Kč": ("CZK",),
    "zł": ("PLN",),
    "Ft": ("HUF",),
    "lei": ("RON", "MDL"),
    "Lei": ("RON", "MDL"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "kr.": ("DKK", "SEK", "NOK", "ISK"),
    "Kr": ("SEK", "NOK", "DKK", "ISK"),
    "Kr.": ("DKK", "SEK", "NOK", "ISK"),
    "Fr.": ("CHF",),
    "SFr.": ("CHF",),
    "sFr.": ("CHF",),
    "₦": ("NGN",),
    "₵": ("GHS",),
    "GH₵": ("GHS",),
    "KSh": ("KES",),
    "Ksh": ("KES",),
    "₡": ("CRC",),
    "₲": ("PYG",),
    "Bs": ("BOB", "VES"),
    "Bs.": ("BOB", "VES"),
    "ر.س": ("SAR",),
    "ر.س.": ("SAR",),
    "د.إ": ("AED",),
    "د.إ.": ("AED",),
    "ج.م": ("EGP",),
    "ج.م.": ("EGP",),
    "ر.ق": ("QAR",),
    "ر.ق.": ("QAR",),
    "د.ك": ("KWD",),
    "د.ك.": ("KWD",),
    "ر.ع": ("OMR",),
    "ر.ع.": ("OMR",),
    "د.ب": ("BHD",),
    "د.ب.": ("BHD",),
    "د.م": ("MAD",),
    "د.م.": ("MAD",),
    "درهم": ("AED", "MAD"),
    "ريال": ("SAR", "QAR", "OMR", "YER"),
    "جنيه": ("EGP",),
    "دينار": ("KWD", "JOD", "BHD"),
    "KD": ("KWD",),
    "BD": ("BHD",),
    "QR": ("QAR",),
    "SR": ("SAR",),
    "Dhs": ("AED",),
    "Dhs.": ("AED",),
    "Dh": ("AED", "MAD"),
    "DH": ("MAD", "AED"),
}

# Too short to be believed anywhere but at home: `R 199` is a price in South Africa only, `Q 199` in Guatemala.
HOME_ONLY_SYMBOLS = {"R": "ZAR", "Q": "GTQ", "L": "HNL"}

_EURO = _codes("AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK AD MC ME SM VA XK")
_BY_COUNTRY = {
    **dict.fromkeys(_EURO, "EUR"),
    **dict(
        pair.split(":")
        for pair in _codes(
            """
        US:USD CA:CAD AU:AUD NZ:NZD MX:MXN AR:ARS CL:CLP CO:COP HK:HKD SG:SGD TW:TWD UY:UYU DO:DOP BN:BND JM:JMD TT:TTD
        GB:GBP UK:GBP EG:EGP GI:GIP JP:JPY CN:CNY KR:KRW IN:INR PK:PKR LK:LKR NP:NPR MU:MUR BD:BDT ID:IDR MY:MYR PH:PHP
        TH:THB VN:VND MN:MNT KZ:KZT GE:GEL AZ:AZN AM:AMD IL:ILS TR:TRY RU:RUB BY:BYN UA:UAH BG:BGN MK:MKD RS:RSD BA:BAM
        CZ:CZK PL:PLN HU:HUF RO:RON MD:MDL SE:SEK NO:NOK DK:DKK IS:ISK CH:CHF LI:CHF NG:NGN GH:GHS KE:KES CR:CRC PY:PYG
        BO:BOB VE:VES SA:SAR AE:AED QA:QAR KW:KWD OM:OMR BH:BHD JO:JOD MA:MAD TN:TND BR:BRL PE:PEN PA:PAB NI:NIO ZA:ZAR
        GT:GTQ HN:HNL
        """
        )
    ),
}

# Languages that tell the country well enough to read an ambiguous sign.
_COUNTRY_OF_LANGUAGE = {
    "sv": "SE",
    "da": "DK",
    "nb": "NO",
    "nn": "NO",
    "no": "NO",
    "is": "IS",
    "ja": "JP",
    "zh": "CN",
    "ko": "KR",
    "ru": "RU",
    "be": "BY",
    "hi": "IN",
    "ne": "NP",
    "si": "LK",
    "ur": "PK",
}

# Second-level names under which a country's shops register, and endings that are words rather than countries.
_GENERIC_ENDINGS = frozenset(_codes("co me tv io ai cc ws fm to la"))


@dataclass(frozen=True, slots=True)
class CurrencyContext:
    """What a page tells about its money apart from the price itself."""

    declared: tuple[str, ...] = ()
    """ISO codes the page names in its structured data, the most telling first."""
    country: str | None = None
    """ISO 3166 code."""


def minor_units(currency: str | None) -> int:
    """Digits after the decimal point; 2 for an unknown currency."""
    return _MINOR_UNITS.get(currency or "", 2)


def is_code(text: str) -> bool:
    return text in ISO_4217


def country_of(lang: str | None, host: str) -> str | None:
    """The country a page is made for: the language tag's region, then the host's ending, then the language."""
    parts = (lang or "").replace("_", "-").split("-")
    region = next((part.upper() for part in parts[1:] if len(part) == 2), None)
    if region in _BY_COUNTRY and region is not None:
        return region
    ending = host.rpartition(".")[2].lower()
    if len(ending) == 2 and ending not in _GENERIC_ENDINGS and ending.upper() in _BY_COUNTRY:
        return ending.upper()
    return _COUNTRY_OF_LANGUAGE.get(parts[0].lower())


def resolve(token: str, context: CurrencyContext) -> str | None:
    """The ISO code a sign or abbreviation stands for on this page; None when it is no currency here.

    An ambiguous sign is read as the page declares, else as its country does, else by its commonest meaning.
    """
    if token.upper() in ISO_4217 and len(token) == 3:
        return token.upper()
    home = _BY_COUNTRY.get(context.country or "")
    if token in HOME_ONLY_SYMBOLS:
        code = HOME_ONLY_SYMBOLS[token]
        return code if code == home or code in context.declared else None
    meanings = SYMBOLS.get(token, ())
    for code in (*context.declared, *([home] if home else [])):
        if code in meanings:
            return code
    return meanings[0] if meanings else None
