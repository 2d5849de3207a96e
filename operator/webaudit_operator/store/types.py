"""Column types that PostgreSQL accepts whatever a web page put into the value. No tables here.

PostgreSQL refuses U+0000 in text and jsonb, lone surrogates, and NaN or infinity in jsonb. Pages contain all of
them, and a capture's evidence must not be lost for that: the offending characters are replaced on the way in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable_text(value: str) -> str:
    """The same text with U+0000 and lone surrogates replaced by U+FFFD."""
    if "\x00" in value:
        value = value.replace("\x00", REPLACEMENT)
    try:
        value.encode()
    except UnicodeEncodeError:
        return "".join(REPLACEMENT if "\ud800" <= char <= "\udfff" else char for char in value)
    return value


def storable_json(value: object) -> object:
    """The same value with every text storable, and null for numbers that JSON has no notation for."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]
    return value


class PageText(TypeDecorator[str]):
    """`text`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable_text(value)


class PageJson(TypeDecorator[Any]):
    """`jsonb`."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return storable_json(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """`details["key"]` compares like jsonb's own operators, not like another document."""
        return self.impl_instance.coerce_compared_value(op, value)
