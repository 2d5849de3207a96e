"""Text from pages, fit to be written: UTF-8 has no halves of a character, PostgreSQL no NUL, JavaScript has both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def well_formed(value: Any) -> Any:
    """The value with U+FFFD for every NUL and every half of a surrogate pair, in lists, tuples and dicts as well."""
    return _in_every_text(_well_formed, value)


def clipped(value: Any, most: int) -> Any:
    """The value with every text in it cut to so many characters."""
    return _in_every_text(lambda text: text if len(text) <= most else f"{text[: most - 1]}…", value)


def _well_formed(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _in_every_text(change: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_in_every_text(change, name): _in_every_text(change, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_in_every_text(change, inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(_in_every_text(change, inner) for inner in value)
    return value


def first_line(text: object) -> str:
    return str(text).strip().partition("\n")[0].rstrip()
