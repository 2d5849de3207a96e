"""What dismissing controls say, and what overlays speak of, in the languages shops speak: reads languages.toml.

Only reads it: how a page's words are compared with these is the page script's business (js/controls.js).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Language:
    """The phrases of one language; the file says what each list is for."""

    close: list[str]
    reject: list[str]
    accept: list[str]
    save: list[str]
    later: list[str]
    gate: list[str]
    consent_topic: list[str]
    privacy_topic: list[str]
    newsletter_topic: list[str]
    gate_topic: list[str]
    app_topic: list[str]


@lru_cache(maxsize=1)
def languages() -> dict[str, Language]:
    """By BCP 47 tag. Raises TypeError when a language lacks a list or has one too many."""
    text = resources.files("webaudit_capture").joinpath("languages.toml").read_text(encoding="utf-8")
    return {tag: Language(**lists) for tag, lists in tomllib.loads(text).items()}


@lru_cache(maxsize=1)
def for_page() -> dict[str, list[str]]:
    """All languages together, as the in-page script takes them."""
    return {
        field.name: sorted({phrase for language in languages().values() for phrase in getattr(language, field.name)})
        for field in fields(Language)
    }
