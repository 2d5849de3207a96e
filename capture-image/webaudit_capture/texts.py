"""Text from pages, fit to be written: UTF-8 has no halves of a character, PostgreSQL no NUL, JavaScript has both."""

from __future__ import annotations

from typing import Any


def well_formed(value: Any) -> Any:
    """The value with U+FFFD for every NUL and every half of a surrogate pair, in lists, tuples and dicts as well."""
    if isinstance(value, str):
        value = value.replace("\0", "\ufffd")
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, dict):
        return {well_formed(name): well_formed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [well_formed(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(well_formed(inner) for inner in value)
    return value


def first_line(text: object) -> str:
    return str(text).strip().partition("\n")[0].rstrip()
