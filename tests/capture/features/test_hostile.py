"""Structured data that means harm: whatever a page declares, its features are written."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from webaudit_capture.artifacts import as_json
from webaudit_capture.contract import PageType
from webaudit_capture.features.extraction import features_of
from webaudit_capture.features.snapshot import Heading, Snapshot

NAMES = [
    *("@type", "@id", "@graph", "name", "offers", "hasVariant", "price", "lowPrice", "highPrice", "priceCurrency"),
    *("priceSpecification", "url", "image", "sku", "brand", "aggregateRating", "ratingValue", "bestRating"),
    *("reviewCount", "review", "item", "itemListElement", "availability"),
]
TRAPS = ["Product", "AggregateOffer", "#a", "#b", "9e999999", "1e-999999", "9e99999999999999999999", "9" * 5000, "NaN",
         "&#" + "9" * 5000 + ";", "\ud83d", "https://", "http://[", "-1", "0", "EUR", "5"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(TRAPS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from(PageType), st.text(max_size=20))
def test_no_structured_data_keeps_the_features_from_being_written(value: Any, page: PageType, words: str) -> None:
    seen = Snapshot(url="https://shop.test/cup", jsonld=(json.dumps(value), words), h1=(Heading(text=words),))
    assert json.loads(as_json(features_of(seen, page).as_json()))
