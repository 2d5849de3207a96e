"""features.json, schema version 1: its content and how it is written.

No page is read here. A change that a reader of version 1 would misunderstand raises SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webaudit_capture.contract import LowConfidence, PageType
from webaudit_capture.features import doubts
from webaudit_capture.features.ctas import Cta
from webaudit_capture.features.offers import Offer
from webaudit_capture.features.product import PdpCore
from webaudit_capture.features.reviews import ReviewSignals
from webaudit_capture.features.snapshot import Link
from webaudit_capture.policy import CrawlPolicy

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Meta:
    title: str | None
    meta_description: str | None
    canonical_url: str | None
    lang: str | None
    robots: str | None
    og: dict[str, str]


@dataclass(frozen=True, slots=True)
class SchemaOrg:
    """What the page declares, as it declares it: the main product's fields, and every type on the page."""

    types: tuple[str, ...]
    product_detected: bool
    name: str | None = None
    sku: str | None = None
    brand: str | None = None
    offers: tuple[Offer, ...] = ()
    aggregate_rating: dict[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Features:
    page_type: PageType
    meta: Meta
    h1: tuple[str, ...]
    h2: tuple[str, ...]
    ctas: tuple[Cta, ...]
    main_nav_links: tuple[Link, ...]
    footer_links: tuple[Link, ...]
    pdp_core: PdpCore | None
    schema_org: SchemaOrg
    review_signals: ReviewSignals
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What of the page was too much to be read, as in Snapshot; said in an event, no part of the document."""
    full: tuple[str, ...] = ()

    def low_confidence(self, visible_text: str, policy: CrawlPolicy) -> list[LowConfidence]:
        """What one would expect of such a page and is not there, in the order of the policy's list."""
        return doubts.low_confidence(self.page_type, self.h1, self.ctas, self.pdp_core, visible_text, policy)

    def as_json(self) -> dict[str, Any]:
        """The document, in the order in which people read it. Lists keep the page's order, so equal pages give
        equal documents."""
        schema, reviews = self.schema_org, self.review_signals
        return {
            "schema_version": SCHEMA_VERSION,
            "meta": {
                "title": self.meta.title,
                "meta_description": self.meta.meta_description,
                "canonical_url": self.meta.canonical_url,
                "lang": self.meta.lang,
                "robots": self.meta.robots,
                "og": dict(sorted(self.meta.og.items())),
            },
            "headings": {"h1": list(self.h1), "h2": list(self.h2)},
            "ctas": [
                {"text": cta.text, "href": cta.href, "kind": cta.kind.value, "above_fold": cta.above_fold}
                for cta in self.ctas
            ],
            "navigation": {
                "main_nav_links": [{"text": link.text, "href": link.href} for link in self.main_nav_links],
                "footer_links": [{"text": link.text, "href": link.href} for link in self.footer_links],
            },
            "pdp_core": None if self.pdp_core is None else _core(self.pdp_core),
            "schema_org": {
                "product_detected": schema.product_detected,
                "product_fields": {
                    "name": schema.name,
                    "sku": schema.sku,
                    "brand": schema.brand,
                    "offers": [offer.as_json() for offer in schema.offers],
                    "aggregateRating": schema.aggregate_rating,
                },
                "types": list(schema.types),
            },
            "review_signals": {
                "review_count_present": reviews.review_count is not None,
                "rating_value_present": reviews.rating_value is not None,
                "review_count": reviews.review_count,
                "rating_value": reviews.rating_value,
            },
        }


def _core(core: PdpCore) -> dict[str, Any]:
    return {
        "title": core.title,
        "price": core.price,
        "currency": core.currency,
        "availability": core.availability,
        "add_to_cart_present": core.add_to_cart_present,
        "image_urls": list(core.image_urls),
    }
