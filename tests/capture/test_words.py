"""The phrases of languages.toml: each is one that a control's words, as the page's script reads them, can be."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields

import pytest

from webaudit_capture import words

ON_WITH_SHOPPING = ("continu", "weiter")
NO_LETTER = re.compile(r"[^\w\s×✕✖✗╳⨯❌…\u0300-\u036f\u064b-\u0652\u0900-\u097f\u0e00-\u0e7f]|_")


@pytest.mark.parametrize("language", words.languages())
def test_phrases_are_written_as_controls_are_read(language: str) -> None:
    lists = words.languages()[language]
    for field in fields(words.Language):
        phrases: list[str] = getattr(lists, field.name)
        assert phrases, f"{field.name} is empty"
        assert len(phrases) == len(set(phrases))
        assert [one for one in phrases if one != unicodedata.normalize("NFC", one.lower()).strip()] == []
        if not field.name.endswith("_topic"):
            assert [one for one in phrases if NO_LETTER.search(one)] == []
            assert [one for one in phrases if "…" in one[:-1]] == []


def test_nothing_that_buys_subscribes_or_opens_settings_is_pressed() -> None:
    lists = words.for_page()
    pressed = {one for name in ("close", "reject", "accept", "later", "gate") for one in lists[name]}
    never = re.compile(
        r"buy|cart|checkout|subscri|download|kauf|warenkorb|panier|comprar$|acquist|koszyk|abonn|settings$"
    )
    assert [one for one in pressed if never.search(one) and not one.startswith(ON_WITH_SHOPPING)] == []
