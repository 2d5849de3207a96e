"""Which links of a page may lead to a product, and in which order they are tried.

Pure: works on the reported links. Opening them is `search`'s business.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

from webaudit_capture import urls
from webaudit_capture.discovery.url_shape import Shape, identity, is_list_view, is_locale_root, shape, visit_url
from webaudit_capture.features.cta_words import CtaKind
from webaudit_capture.features.ctas import kind_of
from webaudit_capture.features.prices import price_to_pay
from webaudit_capture.features.schema_org import Graph

Source = Literal["grid", "link", "structured_data", "category", "sitemap"]

# Cards that make a group of likes a product grid.
GRID_CARDS = 2
_CART_BUTTON = re.compile(r"add[-_ ]?to[-_ ]?(?:cart|bag|basket)|cart[-_/]add|quick[-_ ]?(?:add|buy|shop)")
_NOT_PAGE = frozenset({"consent", "cart", "breadcrumb"})
_MENUS = frozenset({"nav", "header", "footer", "dialog"})
# Hosts beside a shop's own: `blog.acme.com`.
_OTHER_HOSTS = frozenset(
    {
        "blog",
        "news",
        "help",
        "support",
        "careers",
        "jobs",
        "account",
        "accounts",
        "status",
        "press",
        "community",
        "forum",
    }
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Card(_Part):
    """What stands around a link."""

    text: str = ""
    buttons: tuple[str, ...] = ()
    picture: bool = False
    dated: bool = False
    """Shows a date or an author, or is called so, as articles do."""
    group: int | None = None
    """The same for cards that stand beside each other."""


class PageLink(_Part):
    href: str
    text: str = ""
    region: str = "main"
    language: str = ""
    """What it leads to is in another language than this page (hreflang)."""
    card: Card | None = None


class PageLinks(_Part):
    """One page's links in its order, and its structured data. Addresses that are no URL (`https://`) are left out."""

    links: tuple[PageLink, ...] = ()
    jsonld: tuple[str, ...] = ()
    microdata: tuple[dict[str, object], ...] = ()

    @field_validator("links")
    @classmethod
    def _that_lead_somewhere(cls, links: tuple[PageLink, ...]) -> tuple[PageLink, ...]:
        return tuple(link for link in links if urls.parses(link.href))


@dataclass(frozen=True, slots=True)
class Candidate:
    url: str
    source: Source
    evidence: tuple[str, ...]
    """Why: `url`, `id`, `price`, `add_to_cart`, `structured_data`, `sitemap`."""

    @property
    def weak(self) -> bool:
        """Only an id at the URL's end speaks for it."""
        return self.evidence == ("id",)


def candidates(page: PageLinks, page_url: str, home_url: str) -> list[Candidate]:
    """Candidates of one page, each product once: those in product grids first, then the others as they stand.

    Grids without pictures, which price filters look like, come after those with them; products named by structured
    data alone come last.
    """
    own = {identity(page_url), identity(home_url)}
    named = _named_products(page, page_url, home_url)
    judged = [
        (link, found)
        for link in page.links
        if _of_the_shop(link.href, home_url)
        and identity(link.href) not in own
        and not is_list_view(link.href, page_url)
        for found in [_evidence(link, identity(link.href) in named)]
        if found
    ]
    grids = _product_grids(judged)
    pictured = {link.card.group for link, _ in judged if link.card is not None and link.card.picture}
    in_grid = [
        Candidate(visit_url(link.href), "grid", evidence)
        for pictures in (True, False)
        for link, evidence in judged
        if link.card is not None and link.card.group in grids and (link.card.group in pictured) is pictures
    ]
    others = [
        Candidate(visit_url(link.href), _source(evidence), evidence)
        for link, evidence in judged
        if link.card is None or link.card.group not in grids
    ]
    unlinked = [Candidate(visit_url(url), "structured_data", ("structured_data",)) for url in named.values()]
    return unique([*in_grid, *others, *unlinked])


def _of_the_shop(url: str, home_url: str) -> bool:
    """On the shop's registrable domain, and there not on a host for something else."""
    if not urls.same_site(url, home_url):
        return False
    host = urls.host(url)
    return host == urls.host(home_url) or host.partition(".")[0] not in _OTHER_HOSTS


def unique(found: Iterable[Candidate]) -> list[Candidate]:
    first: dict[str, Candidate] = {}
    for candidate in found:
        first.setdefault(identity(candidate.url), candidate)
    return list(first.values())


def limit_weak(found: Sequence[Candidate], most: int) -> list[Candidate]:
    """At most that many candidates whose only sign is an id, so that they leave tries for better ones elsewhere."""
    left = most
    kept = []
    for candidate in found:
        left -= candidate.weak
        if not candidate.weak or left >= 0:
            kept.append(candidate)
    return kept


def _source(evidence: tuple[str, ...]) -> Source:
    return "structured_data" if evidence == ("structured_data",) else "link"


def _named_products(page: PageLinks, page_url: str, home_url: str) -> dict[str, str]:
    """Products that the page's structured data names, by identity."""
    listed = Graph.of(page.jsonld, page.microdata).listed_urls()
    absolute = [full for url in listed if (full := urls.join(page_url, url))]
    named: dict[str, str] = {}
    for url in absolute:
        fitting = url.startswith(("http://", "https://")) and urls.same_site(url, home_url)
        if fitting and shape(url) not in (Shape.NEVER, Shape.CATEGORY):
            named.setdefault(identity(url), url)
    return {key: url for key, url in named.items() if key not in (identity(page_url), identity(home_url))}


def _evidence(link: PageLink, named: bool) -> tuple[str, ...]:
    """What speaks for the link as a product's; empty when nothing does or its URL speaks against it."""
    form = shape(link.href)
    if link.region in _NOT_PAGE or form is Shape.NEVER:
        return ()
    found = []
    if form is Shape.PRODUCT:
        found.append("url")
    if named:
        found.append("structured_data")
    if link.region not in _MENUS and form is not Shape.CATEGORY:
        if form is Shape.WEAK and not (link.card and link.card.dated):
            found.append("id")
        if link.card and not link.card.dated:
            if _names_price(link.card.text):
                found.append("price")
            if any(_sells(button) for button in link.card.buttons):
                found.append("add_to_cart")
    return tuple(found)


@lru_cache(maxsize=4096)
def _names_price(text: str) -> bool:
    """Cached because picture and name of a card are links of their own with the same card."""
    return price_to_pay(text) is not None


def _sells(button: str) -> bool:
    return _CART_BUTTON.search(button.lower()) is not None or kind_of(button) in (
        CtaKind.ADD_TO_CART,
        CtaKind.BUY_NOW,
        CtaKind.PRE_ORDER,
        CtaKind.CHOOSE_OPTIONS,
        CtaKind.SOLD_OUT,
    )


def _product_grids(judged: Sequence[tuple[PageLink, tuple[str, ...]]]) -> frozenset[int]:
    """Groups of likes of which several show a price, a cart button, or a picture above a product's URL."""
    cards: Counter[int] = Counter()
    for group, _ in {
        (link.card.group, identity(link.href))
        for link, evidence in judged
        if link.card is not None and link.card.group is not None and link.region not in _MENUS
        if {"price", "add_to_cart"} & set(evidence)
        or (link.card.picture and {"url", "structured_data"} & set(evidence))
    }:
        cards[group] += 1
    return frozenset(group for group, count in cards.items() if count >= GRID_CARDS)


def categories(page: PageLinks, home_url: str) -> list[str]:
    """Pages that may list products: links of the menus first named so by their URL, then the others as they stand.

    Where the menus lead nowhere, links anywhere on the page whose URL names a category.
    """
    inside = _inside(page, home_url)
    menus = [link for link in inside if link.region in ("nav", "header")]
    ranked = [
        *(link for link in menus if shape(link.href) is Shape.CATEGORY),
        *(link for link in menus if shape(link.href) in (Shape.PLAIN, Shape.WEAK) and _leads_into(link.text)),
    ] or [link for link in inside if shape(link.href) is Shape.CATEGORY]
    return _addresses(ranked)


def subcategories(page: PageLinks, page_url: str, home_url: str) -> list[str]:
    """Pages that a category page without products leads on to: categories outside the menus, and what lies below it."""
    below = urlsplit(page_url).path.removesuffix(".html").rstrip("/") + "/"
    return _addresses(
        link
        for link in _inside(page, home_url)
        if link.region not in _MENUS
        and not is_list_view(link.href, page_url)
        and identity(link.href) != identity(page_url)
        if shape(link.href) is Shape.CATEGORY
        or (shape(link.href) is not Shape.NEVER and urlsplit(link.href).path.startswith(below))
    )


def _inside(page: PageLinks, home_url: str) -> list[PageLink]:
    """Links that lead further into the shop; the home page, in whatever language, is not further."""
    home = identity(home_url)
    return [
        link
        for link in page.links
        if _of_the_shop(link.href, home_url) and identity(link.href) != home and link.region not in _NOT_PAGE
        if not link.language and not is_locale_root(link.href)
    ]


def _addresses(links: Iterable[PageLink]) -> list[str]:
    first: dict[str, str] = {}
    for link in links:
        first.setdefault(identity(link.href), visit_url(link.href))
    return list(first.values())


def _leads_into(label: str) -> bool:
    return kind_of(label) not in (CtaKind.ACCOUNT, CtaKind.CART, CtaKind.CHECKOUT, CtaKind.SIGN_UP, CtaKind.ENQUIRE)
