"""The bound of features.json: what is cut, in which order, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from webaudit_capture.artifacts import as_json
from webaudit_capture.contract import PageType
from webaudit_capture.features import features_of
from webaudit_capture.features.bounds import bounded
from webaudit_capture.features.snapshot import Heading, Link, Snapshot
from webaudit_capture.policy import Evidence
from webaudit_capture.policy import Features as Limits

LIMITS = Limits(max_items=40, max_text_chars=50, max_url_chars=60)
ROOM = 1_000_000


def _document(page_type: PageType = PageType.PDP, **parts: Any) -> dict[str, Any]:
    return features_of(Snapshot(url="https://shop.test/cup", **parts), page_type).as_json()


def _links(count: int) -> tuple[Link, ...]:
    return tuple(Link(text=f"Page {n}", href=f"https://shop.test/{n}") for n in range(count))


@pytest.mark.parametrize("page_type", PageType)
def test_what_is_within_its_limits_stays_as_it_is(page_type: PageType) -> None:
    document = _document(page_type, title="Cup", nav_links=_links(40), metas=(("og:title", "Cup"),))
    kept = bounded(document, LIMITS, ROOM)
    assert (kept.document, kept.left_out) == (document, {})


def test_lists_keep_their_first_entries_and_what_is_left_out_is_counted() -> None:
    document = _document(nav_links=_links(45), h2=(Heading(text="Soup"), Heading(text="Tea")))
    kept = bounded(document, LIMITS, ROOM)
    assert kept.document["navigation"]["main_nav_links"] == document["navigation"]["main_nav_links"][:40]
    assert kept.document["headings"] == {"h1": [], "h2": ["Soup", "Tea"]}
    assert kept.left_out == {"main_nav_links": 5}


def test_texts_are_cut_and_addresses_that_are_too_long_are_left_out() -> None:
    declared = f'{{"@type": "Product", "name": "{"C" * 90}", "image": ["/{"a" * 90}.png", "/b.png"]}}'
    core = bounded(_document(jsonld=(declared,)), LIMITS, ROOM).document["pdp_core"]
    assert (core["title"], core["image_urls"]) == ("C" * 50, ["https://shop.test/b.png"])


def test_of_a_document_that_is_still_too_large_every_list_keeps_equally_many() -> None:
    document = _document(nav_links=_links(40), footer_links=_links(40), h2=(Heading(text="Soup"),))
    kept = bounded(document, LIMITS, 3000)
    navigation = kept.document["navigation"]
    count = len(navigation["main_nav_links"])
    assert len(navigation["footer_links"]) == count
    assert kept.document["headings"]["h2"] == ["Soup"]
    assert kept.left_out == {"main_nav_links": 40 - count, "footer_links": 40 - count}
    assert len(as_json(kept.document)) <= 3000 < len(as_json(bounded(document, LIMITS, 3300).document))


def test_the_smallest_bound_that_a_policy_may_have_is_kept_by_the_worst_of_documents() -> None:
    """Characters that take the most bytes, everywhere as many as the limits allow."""
    limits, most = Limits(), Evidence(max_features_bytes=256 * 1024).max_features_bytes
    worst, url = "\x01" * 600, "https://shop.test/" + "\x01" * 3900
    document = _document(
        title=worst,
        lang=worst,
        canonical=url,
        h1=(Heading(text=worst),) * 500,
        footer_links=(Link(text=worst, href=url),),
    )
    document["ctas"] = [{"text": worst, "href": url, "kind": "other", "above_fold": True}] * 500
    document["pdp_core"]["image_urls"] = [url] * 500
    document["schema_org"]["product_fields"]["offers"] = [
        {"price": worst, "low_price": worst, "high_price": worst, "availability": worst, "sku": worst, "url": url}
    ] * 500
    kept = bounded(document, limits, most)
    assert len(as_json(kept.document)) <= most
    assert len(kept.document["pdp_core"]["image_urls"]) >= 1
