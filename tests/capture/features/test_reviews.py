"""Review signals, declared or seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webaudit_capture.features.reviews import ReviewSignals, review_signals
from webaudit_capture.features.schema_org import Graph
from webaudit_capture.features.snapshot import Note


def _signals(product: dict[str, Any] | None = None, *notes: Note) -> ReviewSignals:
    graph = Graph.of([json.dumps({"@type": "Product", **product})] if product is not None else [])
    return review_signals(graph, graph.products(), notes)


@pytest.mark.parametrize(
    ("rating", "count", "value"),
    [
        ({"ratingValue": "4.6", "reviewCount": "1,234"}, 1234, 4.6),
        ({"ratingValue": 4.6, "ratingCount": 12}, 12, 4.6),
        ({"ratingValue": "4,6", "reviewCount": 0}, 0, 4.6),
        ({"ratingValue": "92", "bestRating": "100", "reviewCount": 5}, 5, 4.6),
        ({"ratingValue": "9.2", "bestRating": 10}, None, 4.6),
        ({"ratingValue": "7"}, None, None),
        ({"ratingValue": "9e999999", "bestRating": "9e999999"}, None, 5.0),
        ({"ratingValue": "4e999999"}, None, None),
        ({"ratingValue": "n/a", "reviewCount": "many"}, None, None),
    ],
)
def test_declared_ratings_are_put_on_a_scale_of_five(rating: Any, count: int | None, value: float | None) -> None:
    assert _signals({"aggregateRating": {"@type": "AggregateRating", **rating}}) == ReviewSignals(count, value)


@pytest.mark.parametrize(
    ("text", "count", "value"),
    [
        ("4.7 out of 5 stars", None, 4.7),
        ("Rated 4.7 out of 5 based on 212 reviews", 212, 4.7),
        ("4,7 von 5 Sternen (1.234 Bewertungen)", 1234, 4.7),
        ("4,7/5", None, 4.7),
        ("★ 4.7 · 212 reviews", 212, 4.7),
        ("4.7 (212)", 212, 4.7),
        ("★★★★☆ (36)", 36, None),
        ("1 234 avis", 1234, None),
        ("4.5 stars", None, 4.5),
        ("5 件のレビュー", 5, None),
        ("Read reviews", None, None),
        ("Write a review in 2 minutes", None, None),
    ],
)
def test_visible_ratings_are_read(text: str, count: int | None, value: float | None) -> None:
    assert _signals(None, Note(text=text, names="product-rating")) == ReviewSignals(count, value)


def test_a_label_speaks_for_its_stars() -> None:
    assert _signals(None, Note(text="★★★★★", label="4.8 out of 5", names="stars")) == ReviewSignals(None, 4.8)


def test_names_that_only_look_like_ratings_are_ignored() -> None:
    assert _signals(None, Note(text="4.7 (212)", names="variant-option-start")) == ReviewSignals()


def test_declared_figures_beat_seen_ones_and_seen_ones_fill_gaps() -> None:
    rating = {"@type": "AggregateRating", "ratingValue": "4.6"}
    note = Note(text="4.9 out of 5 (10 reviews)", names="rating")
    assert _signals({"aggregateRating": rating}, note) == ReviewSignals(10, 4.6)


def test_written_reviews_are_counted_when_nothing_else_counts_them() -> None:
    assert _signals({"review": [{"@type": "Review"}, {"@type": "Review"}]}) == ReviewSignals(2, None)
