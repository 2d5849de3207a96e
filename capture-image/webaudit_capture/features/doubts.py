"""Low confidence about a page's features: which of them one would expect and did not find.

Pure. Doubts about screenshots, overlays and loading are raised where those are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from webaudit_capture.contract import LowConfidence, LowConfidenceCode, PageType
from webaudit_capture.features.ctas import Cta, has_primary
from webaudit_capture.features.product import PdpCore
from webaudit_capture.policy import CrawlPolicy


def low_confidence(
    page_type: PageType,
    h1: Sequence[str],
    ctas: Sequence[Cta],
    core: PdpCore | None,
    visible_text: str,
    policy: CrawlPolicy,
) -> list[LowConfidence]:
    """The reasons in the order of the policy's list; empty for a page that is as it should be."""
    found: list[LowConfidence] = []

    def doubt(code: LowConfidenceCode, detail: str) -> None:
        found.append(LowConfidence(code=code, detail=detail))

    if not h1:
        doubt(LowConfidenceCode.MISSING_H1, "no visible h1 with text")
    if not has_primary(ctas, page_type):
        wanted = "buy, choose or ask for the product" if page_type is PageType.PDP else "act on"
        doubt(LowConfidenceCode.MISSING_PRIMARY_CTA, f"no visible control to {wanted}")
    length = len(" ".join(visible_text.split()))
    if length < policy.low_confidence.min_text_chars:
        doubt(
            LowConfidenceCode.TEXT_TOO_SHORT,
            f"{length} characters of visible text, fewer than {policy.low_confidence.min_text_chars}",
        )
    if core is not None:
        if core.price is None:
            doubt(LowConfidenceCode.PDP_MISSING_PRICE, "neither an offer nor a visible price")
        if core.title is None:
            doubt(LowConfidenceCode.PDP_MISSING_TITLE, "neither a declared name nor a headline")
        if not core.image_urls:
            doubt(LowConfidenceCode.PDP_MISSING_IMAGE, "neither a declared nor a visible product picture")
    return found
