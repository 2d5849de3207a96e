"""Review signals: how many reviews a product has and how it is rated, declared or seen.

Pure. Declared figures win over seen ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from webaudit_capture.features.prices import clean
from webaudit_capture.features.schema_org import Graph, Node
from webaudit_capture.features.snapshot import Note

_NUMBER = r"(\d{1,2}(?:[.,]\d{1,3})?)"
_OF = r"(?:out of|of|von|sur|de|su|van|na|av|af|z|из|/|üzerinden|中)"
_RATED = re.compile(rf"(?<![\d.,]){_NUMBER}\s*(?:stars?\s*)?{_OF}\s*(5|10|100)(?![\d.,])", re.IGNORECASE)
_RATED_STARS = re.compile(
    rf"(?<![\d.,]){_NUMBER}[\s-]*(?:stars?|sternen?|étoiles?|estrellas?|stelle|estrelas?|sterren|gwiazdk\w+|stjärnor|stjerner)(?!\w)",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:[ .,']\d{3})+|\d+)\s*(?:customer |global |verified |total )?"
    r"(?:reviews?|ratings?|bewertung(?:en)?|rezension(?:en)?|kundenbewertungen|avis|évaluations?|opiniones"
    r"|reseñas|valoraciones|recensioni|valutazioni|avaliaç(?:ão|ões)|opiniões|beoordelingen|reviews|opini[ie]|ocen|recensioner|omdömen"
    r"|anmeldelser|arvostelua?|hodnocení|recenz[íe]|értékelés"
    r"|recenzii|отзыв(?:а|ов)?|відгук(?:и|ів)?|değerlendirme|yorum|κριτικές|تقييم(?:ات)?|ביקורות"
    r"|件のレビュー|条评价|則評論|개의? 리뷰)",
    re.IGNORECASE,
)
_JUST_BEFORE = re.compile(r"(?<![\d.,])([0-5](?:[.,]\d{1,2})?)[^\w.,]*$")
_BRACKETED = re.compile(r"^(?:\D{0,12}|[^\d]{0,8}[0-5](?:[.,]\d{1,2})?\W{0,4})\((\d{1,3}(?:[ .,']\d{3})+|\d+)\)$")
_RATING_NAME = re.compile(r"rating|review|stars?(?![a-z])")


@dataclass(frozen=True, slots=True)
class ReviewSignals:
    """The rating is on a scale of five, rounded to two places."""

    review_count: int | None = None
    rating_value: float | None = None


def review_signals(graph: Graph, products: Sequence[Node], notes: Iterable[Note]) -> ReviewSignals:
    """From the product's own rating, else from any rating the page declares, else from what is seen."""
    rated = [node for product in products for node in graph.nodes(product, "aggregateRating")]
    declared = _declared(graph, rated or graph.of_type("AggregateRating"))
    seen = _seen(notes)
    written = sum(len(graph.nodes(product, "review")) for product in products)
    return ReviewSignals(
        review_count=_first(declared.review_count, seen.review_count, written or None),
        rating_value=_first(declared.rating_value, seen.rating_value),
    )


_T = TypeVar("_T")


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)


def _declared(graph: Graph, ratings: Sequence[Node]) -> ReviewSignals:
    for node in ratings:
        count = _whole(graph.text(node, "reviewCount") or graph.text(node, "ratingCount"))
        value = _decimal(graph.text(node, "ratingValue"))
        best = _decimal(graph.text(node, "bestRating")) or Decimal(5)
        if count is not None or value is not None:
            return ReviewSignals(count, _of_five(value, best))
    return ReviewSignals()


def _seen(notes: Iterable[Note]) -> ReviewSignals:
    count: int | None = None
    value: float | None = None
    for note in notes:
        if not _RATING_NAME.search(note.names) and not note.label:
            continue
        for text in (note.label, note.text):
            text = clean(text)
            if value is None and (match := _RATED.search(text)):
                value = _of_five(_decimal(match[1]), Decimal(match[2]))
            if value is None and (match := _RATED_STARS.search(text)):
                value = _of_five(_decimal(match[1]), Decimal(5))
            if counted := _COUNT.search(text) or _BRACKETED.match(text):
                count = _whole(counted[1]) if count is None else count
                # "4.7 · 212 reviews" and "4,7 (212)" leave the scale of five unsaid.
                if value is None and (match := _JUST_BEFORE.search(text[: counted.start(1)])):
                    value = _of_five(_decimal(match[1]), Decimal(5))
    return ReviewSignals(count, value)


def _of_five(value: Decimal | None, best: Decimal) -> float | None:
    if value is None or best <= 0 or not 0 <= value <= best:
        return None
    return float(round(value / best * 5, 2))  # in this order nothing overflows, however large both are


def _decimal(text: str | None) -> Decimal | None:
    try:
        found = Decimal((text or "").strip().replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _whole(text: str | None) -> int | None:
    digits = re.sub(r"[ .,']", "", text or "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
