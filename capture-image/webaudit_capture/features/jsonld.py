"""JSON-LD blocks as shops really write them: each script block on its own, so a broken one loses only itself.

From text to plain values; what they mean is decided in `schema_org`.
"""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

# Blocks come from anyone and may be long, and a pattern holds up all else while it matches: each of these takes time in
# proportion to the block. What is opened and never closed reaches to the end, and runs are possessive. Groups are not:
# in Python 3.11.2 a possessive group forgets where it stood (https://github.com/python/cpython/issues/106052).
_STRING = r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*"?)'
_MARK = r"<!--|-->|(?:(?://|/\*)\s*+)?(?:<!\[CDATA\[|\]\]>)(?:\s*+\*/)?"
_COMMENT = r"/\*.*?(?:\*/|\Z)|//[^\n]*+"
_ASIDE = re.compile(rf"{_STRING}|{_MARK}|{_COMMENT}", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*+[}}\]])", re.DOTALL)
_BETWEEN = re.compile(r"[\s;,\ufeff]*")


def _fraction(written: str) -> Decimal | None:
    try:
        return Decimal(written)
    except InvalidOperation:  # an exponent beyond what even Decimal holds
        return None


_DECODER = json.JSONDecoder(strict=False, parse_float=_fraction, parse_constant=lambda _name: None)


def parse(block: str) -> list[Any]:
    """The values of one script block, in order; empty when nothing of it can be read.

    Tolerated: several values in a row, comments, CDATA and HTML comment marks, trailing commas and semicolons, raw
    line breaks in strings, a block written with HTML entities. Fractions come as Decimal.
    """
    best: list[Any] = []
    for mend in (_as_it_is, _repaired, _repaired_as_html):
        values, whole = _read(mend(block))
        if whole:
            return values
        if len(values) > len(best):
            best = values
    return best


def unescape(text: str) -> str:
    """HTML entities as characters; unchanged where one is too long to be any."""
    try:
        return html.unescape(text)
    except ValueError:
        return text


def _as_it_is(block: str) -> str:
    return block


def _repaired(block: str) -> str:
    return _TRAILING_COMMA.sub(_keep_strings, _ASIDE.sub(_keep_strings, block))


def _repaired_as_html(block: str) -> str:
    return _repaired(unescape(block))


def _keep_strings(match: re.Match[str]) -> str:
    return match["string"] or ""


def _read(text: str) -> tuple[list[Any], bool]:
    """The values up to the first error, and whether there was none."""
    values: list[Any] = []
    position = _skip(text, 0)
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return values, False
        values.append(value)
        position = _skip(text, position)
    return values, True


def _skip(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position
