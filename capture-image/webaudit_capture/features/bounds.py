"""The bound of features.json, whatever a page declares: what is cut from the document, and what is said about it.

Pure, and the last step: what a page's product costs and is called has been decided from all that was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webaudit_capture.artifacts import as_json
from webaudit_capture.policy import Features as Limits

_LISTS = (
    ("meta", "og"),
    ("headings", "h1"),
    ("headings", "h2"),
    ("ctas",),
    ("navigation", "main_nav_links"),
    ("navigation", "footer_links"),
    ("pdp_core", "image_urls"),
    ("schema_org", "product_fields", "offers"),
    ("schema_org", "types"),
)
_ADDRESSES = frozenset({"canonical_url", "href", "url", "image_urls"})


@dataclass(frozen=True, slots=True)
class Bounded:
    """`left_out` counts by list what the document no longer holds."""

    document: dict[str, Any]
    left_out: dict[str, int]


def bounded(document: dict[str, Any], limits: Limits, max_bytes: int) -> Bounded:
    """The document within its limits.

    Texts are cut, addresses that are too long are left out, and every list keeps its first entries: as many as the
    limits say, or where the whole would still be larger than `max_bytes`, as many as fit, the same number of each.
    """
    short = _shortened(document, "", limits)
    fits = _first(short, limits.max_items)
    if len(as_json(fits)) > max_bytes:
        # Between what fits and what does not: a longer list never makes a smaller document.
        low, high = 0, limits.max_items
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if len(as_json(_first(short, middle))) > max_bytes else (middle, high)
        fits = _first(short, low)
    counts = {path[-1]: len(_at(document, path)) - len(_at(fits, path)) for path in _LISTS}
    return Bounded(fits, {name: count for name, count in counts.items() if count})


def _shortened(value: Any, name: str, limits: Limits) -> Any:
    if isinstance(value, dict):
        return {key[: limits.max_text_chars]: _shortened(inner, key, limits) for key, inner in value.items()}
    if isinstance(value, list):
        inner = [_shortened(each, name, limits) for each in value]
        return [each for each in inner if each is not None] if name in _ADDRESSES else inner
    if isinstance(value, str):
        if name in _ADDRESSES:
            return value if len(value) <= limits.max_url_chars else None
        return value[: limits.max_text_chars]
    return value


def _at(document: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = document
    for name in path:
        value = value[name] if value is not None else []
    return value


def _first(document: dict[str, Any], count: int) -> dict[str, Any]:
    """The document with lists of at most so many entries."""
    cut = dict(document)
    for path in _LISTS:
        value = _at(document, path)
        if len(value) > count:
            _put(cut, path, dict(list(value.items())[:count]) if isinstance(value, dict) else value[:count])
    return cut


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *above, name = path
    for step in above:
        document[step] = dict(document[step])
        document = document[step]
    document[name] = value
