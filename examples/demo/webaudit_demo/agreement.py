"""Whether evidence agrees with a shop's own database about the captured product, and has the doubts it deserves.

Pure: takes what both say. Reading and showing it is catalog.py's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote, urlsplit

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the shop has it, under the names of `pdp_core`; the price is a decimal in any notation."""

    title: str
    price: str
    currency: str
    availability: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a capture of the product page left: `features` is its features.json, None when there is none."""

    viewport: str
    features: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One field, as the database and as each viewport has it, in the order of the evidence."""

    field: str
    database: str
    evidence: tuple[str, ...]


def url_key(url: str) -> str:
    """The last part of a product's address: there may be categories or a language before it."""
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])


def rows(product: Product, captures: Sequence[Evidence]) -> list[Row]:
    """Both sides beside each other, to be looked at."""
    return [
        Row(field, value, tuple(_cell(capture.features, field) for capture in captures))
        for field, value in asdict(product).items()
    ]


def differences(product: Product, captures: Iterable[Evidence]) -> list[str]:
    """Where a capture says something else than the database, or nothing; one sentence each."""
    return [sentence for capture in captures for sentence in _differences(product, capture)]


def _differences(product: Product, capture: Evidence) -> list[str]:
    file = f"features.json of pdp/{capture.viewport}"
    if capture.features is None:
        return [f"there is no {file} to compare with the shop's database"]
    core = capture.features.get("pdp_core")
    if core is None:
        return [f"{file} has no pdp_core to compare with the shop's database"]
    return [
        f"{file} has {_spelled(core, field)}, the shop's database {json.dumps(value, ensure_ascii=False)}"
        for field, value in asdict(product).items()
        if field not in core or not _same(field, value, core[field])
    ]


def _same(field: str, database: str, evidence: object) -> bool:
    if not isinstance(evidence, str):
        return False
    if field == "price":
        return _amount(database) == _amount(evidence)
    return " ".join(database.split()) == " ".join(evidence.split())  # as a page shows white space


def _amount(text: str) -> Decimal | str:
    """Decimals are equal whatever their notation; what is none is only equal to itself."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _spelled(core: Mapping[str, Any], field: str) -> str:
    return f"{field} {json.dumps(core[field], ensure_ascii=False)}" if field in core else f"no {field}"


def _cell(features: Mapping[str, Any] | None, field: str) -> str:
    core = None if features is None else features.get("pdp_core")
    if core is None or field not in core:
        return "missing"
    value = core[field]
    return value if isinstance(value, str) else json.dumps(value)


def wrong_doubts(pages: Iterable[Entry], deserved: Mapping[str, Collection[str]]) -> list[str]:
    """Where a good capture has other low-confidence codes than its page deserves; one sentence each.

    `pages` are the entries of a session's `status.pages`, `deserved` has the codes by page.
    """
    sentences = []
    for entry in pages:
        if entry.get("status") != "ok":
            continue
        capture = f"{entry['page']}/{entry['viewport']}"
        found, right = set(entry.get("lowConfidence") or ()), set(deserved.get(entry["page"], ()))
        if found - right:
            sentences.append(f"{capture} is given the doubt {_listed(found - right)} and does not deserve it")
        if right - found:
            sentences.append(f"{capture} deserves the doubt {_listed(right - found)} and is not given it")
    return sentences


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(sorted(codes))
