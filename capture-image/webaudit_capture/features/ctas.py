"""Calls to action: which controls are, what each does, and whether a page has the one it needs.

Pure; the phrases stand in `cta_words`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from webaudit_capture.contract import PageType
from webaudit_capture.features.cta_words import KINDS, UTILITY, CtaKind, Fit
from webaudit_capture.features.prices import clean, find_money
from webaudit_capture.features.snapshot import Control

# A text this long is a teaser or a sentence, not a label.
MAX_LABEL = 60
# A linked picture of this share of the viewport is a banner: the page's own "come in".
MIN_BANNER = 0.12
_CART_NAMES = re.compile(
    r"add[-_]?to[-_]?(?:cart|bag|basket)|addtocart|btn-?cart|cart[-_/]add|/cart/add|single_add_to_cart|in-?den-?warenkorb|product-form__submit"
)
_DECORATION = re.compile(r"[→➔›»>⟶↗\u2190-\u21ff\u25a0-\u27bf\U0001f300-\U0001faff\ufe0f*|•·]+")

_LETTERS = re.compile(r"\w")

BUYING = frozenset({CtaKind.ADD_TO_CART, CtaKind.BUY_NOW, CtaKind.PRE_ORDER})
_PDP_PRIMARY = BUYING | frozenset(
    {
        CtaKind.NOTIFY_ME,
        CtaKind.SOLD_OUT,
        CtaKind.CHOOSE_OPTIONS,
        CtaKind.ENQUIRE,
    }
)


@dataclass(frozen=True, slots=True)
class Cta:
    """`in_card` is not published: it marks teasers' controls, which say nothing about the page's own product."""

    text: str
    href: str | None
    kind: CtaKind
    above_fold: bool
    disabled: bool = False
    in_card: bool = False
    top: int = 0


def kind_of(label: str) -> CtaKind | None:
    """What a label says its control does; None when it says nothing known. Prices and arrows do not matter."""
    words = _words(label)
    for kind, fit, pattern in KINDS:
        match = {Fit.ANYWHERE: pattern.search, Fit.START: pattern.match, Fit.WHOLE: pattern.fullmatch}[fit](words)
        if match is not None:
            return kind
    return None


def _words(label: str) -> str:
    text = clean(label)
    for money in reversed(find_money(text)):
        text = text[: money.start] + text[money.end :]
    return " ".join(_DECORATION.sub(" ", text).casefold().split()).strip(" -–—.:!()[]")


def is_navigation(label: str) -> bool:
    """Whether a link of this label leads into the shop, not to the account, the cart or a tool of the page."""
    return kind_of(label) not in (CtaKind.ACCOUNT, CtaKind.CART, CtaKind.CHECKOUT) and not _is_utility(label)


def find(controls: Sequence[Control]) -> tuple[Cta, ...]:
    """The page's calls to action in its order; the same label with the same aim counts once."""
    found: dict[tuple[str, str | None, CtaKind], Cta] = {}
    for control in controls:
        kind = _kind(control)
        if kind is not None:
            cta = Cta(
                text=control.text if _LETTERS.search(control.text) else control.label or control.text,
                href=control.href,
                kind=kind,
                above_fold=control.above_fold,
                disabled=control.disabled,
                in_card=control.card,
                top=control.top,
            )
            known = found.get((cta.text, cta.href, kind))
            if known is None or (known.in_card and not cta.in_card):
                found[cta.text, cta.href, kind] = cta
    return tuple(found.values())


def _kind(control: Control) -> CtaKind | None:
    short = len(control.text) <= MAX_LABEL
    kind = (kind_of(control.text) if short else None) or (kind_of(control.label) if control.label else None)
    links_only = control.region in ("nav", "breadcrumb", "footer") and not control.button and not control.filled
    if kind in (CtaKind.ADD_TO_CART, CtaKind.BUY_NOW, CtaKind.PRE_ORDER, CtaKind.SOLD_OUT, CtaKind.NOTIFY_ME):
        return None if links_only else kind
    if control.button and _CART_NAMES.search(control.names) and not _is_utility(control.text):
        return CtaKind.ADD_TO_CART
    if kind in (CtaKind.ACCOUNT, CtaKind.CART):
        return kind if control.region != "footer" else None
    if links_only or _is_utility(control.text):
        return None
    if kind is not None:
        return kind
    if control.picture >= MIN_BANNER and control.href and control.region == "main":
        return CtaKind.SHOP
    if short and control.filled and control.text and control.region in ("main", "header", "aside", "dialog"):
        return CtaKind.OTHER
    return None


def _is_utility(label: str) -> bool:
    words = _words(label)
    return not words or UTILITY.fullmatch(words) is not None


def has_primary(ctas: Sequence[Cta], page_type: PageType) -> bool:
    """Whether the page offers its visitor something to act on.

    A product page must have a control for this product: buy, choose, ask, be told; a "sold out" one counts, since it
    stands where the buy button would. On a home page any call counts, down to signing in or opening the cart: a page
    without even these is not a shop's home as a shopper would see it.
    """
    if page_type is PageType.PDP:
        return any(cta.kind in _PDP_PRIMARY and not cta.in_card for cta in ctas)
    return bool(ctas)
