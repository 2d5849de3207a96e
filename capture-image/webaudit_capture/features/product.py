"""pdp_core: which product a page is about, and its title, price, availability and pictures.

Pure. Weighs what the structured data declares against what a shopper sees; the rules stand in the functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from webaudit_capture import urls
from webaudit_capture.features.cta_words import CtaKind
from webaudit_capture.features.ctas import BUYING, Cta
from webaudit_capture.features.currencies import CurrencyContext, country_of, is_code
from webaudit_capture.features.offers import Offer, most_available, offers_of, open_graph_offer
from webaudit_capture.features.prices import Price
from webaudit_capture.features.schema_org import Graph, Node, text
from webaudit_capture.features.snapshot import Snapshot
from webaudit_capture.features.stock_words import stated_availability
from webaudit_capture.features.visible_price import VisiblePrice, choose

_SEPARATOR = re.compile(r"\s+[-–—|·:]\s+$")
_ORIGIN = re.compile(r"^https?://[^/?#]*")


@dataclass(frozen=True, slots=True)
class PdpCore:
    """features.json's `pdp_core`. The price is a decimal as text, the currency ISO 4217."""

    title: str | None
    price: str | None
    currency: str | None
    availability: str | None
    add_to_cart_present: bool
    image_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MainProduct:
    """The nodes that describe the page's one product; several when it is declared twice."""

    nodes: tuple[Node, ...]
    offers: tuple[Offer, ...]

    def first_text(self, graph: Graph, *names: str) -> str | None:
        return next((found for node in self.nodes if (found := graph.text(node, *names))), None)


def main_product(graph: Graph, page: Snapshot) -> MainProduct | None:
    """The product the page is about, None where it declares none or, as a listing does, several.

    A lone product that names another page as its own and is not in the headline is a teaser.
    """
    products = graph.products()
    if not products:
        return None
    here = {_key(address) for address in (page.url, page.canonical) if address}
    headlines = [heading.text.casefold() for heading in page.h1]

    def addresses(node: Node) -> list[str]:
        own = [graph.text(node, "url"), graph.text(node, "@id"), graph.text(node, "mainEntityOfPage")]
        return [full for each in own if each and (full := urls.join(page.url, each))]

    def named_here(node: Node) -> bool:
        name = (graph.text(node, "name") or "").casefold()
        if not name:
            return False
        # A headline may add a brand or a size to the name, but not be mostly something else.
        headed = any(name in headline and len(name) * 2 >= len(headline) for headline in headlines)
        return headed or page.title.casefold().startswith(name)

    def at_home(node: Node) -> bool:
        return any(_key(address) in here for address in addresses(node))

    chosen = [node for node in products if at_home(node)] or [node for node in products if named_here(node)]
    if not chosen:
        names = {graph.text(node, "name") for node in products}
        if len(names) > 1 or any(graph.text(node, "url") for node in products):
            return None
        chosen = products
    name, group = _name(graph, chosen[0]), _group(graph, chosen[0])
    same = [node for node in chosen if _name(graph, node) == name or not group.isdisjoint(_group(graph, node))]
    above = [node for node in graph.nodes(chosen[0], "isVariantOf") if _name(graph, node)]
    nodes = tuple({id(node): node for node in (*above, *same)}.values())
    # The variant's own offers before those of the others.
    offers = dict.fromkeys(offer for node in (*same, *above) for offer in offers_of(graph, node))
    return MainProduct(nodes, tuple(offers))


def _name(graph: Graph, node: Node) -> str:
    return (graph.text(node, "name") or "").casefold()


def _group(graph: Graph, node: Node) -> set[str]:
    """What the variants of one product have in common; empty for a product that is none."""
    above = graph.nodes(node, "isVariantOf")
    ids = [graph.text(node, "inProductGroupWithID"), *(graph.text(one, "@id", "productGroupID") for one in above)]
    return {one for one in ids if one}


def _key(address: str) -> str:
    """Where a URL leads, without host (shops mix `www.` and http in) and without what does not change the product."""
    path, _, query = _ORIGIN.sub("", address).split("#")[0].partition("?")
    return f"{path.rstrip('/')}?{query}" if query and not query.startswith("variant=") else path.rstrip("/")


def currency_context(page: Snapshot, offers: Sequence[Offer]) -> CurrencyContext:
    """What the page says about its currency: its offers first, then its tags, then its scripts."""
    declared = [offer.currency for offer in offers if offer.currency]
    declared += [code for code in page.currencies if is_code(code)]
    locale = page.meta("og:locale")
    country = country_of(page.lang, urls.host(page.url)) or country_of(locale, "")
    return CurrencyContext(tuple(dict.fromkeys(declared)), country)


def pdp_core(page: Snapshot, graph: Graph, ctas: Sequence[Cta]) -> PdpCore:
    product = main_product(graph, page)
    tagged = open_graph_offer(page)
    offers = [*(product.offers if product else ()), *([tagged] if tagged else [])]
    context = currency_context(page, offers)
    buying = [cta for cta in ctas if cta.kind in BUYING and not cta.in_card]
    visible = choose(page.prices, context, _anchor(page, buying))
    price = price_of(offers, visible, context, page.url)
    return PdpCore(
        title=title(page, graph, product),
        price=price.text if price else None,
        currency=price.currency if price else None,
        availability=_availability(page, offers, price, ctas),
        add_to_cart_present=bool(buying),
        image_urls=_image_urls(page, graph, product),
    )


def _anchor(page: Snapshot, buying: Sequence[Cta]) -> int | None:
    tops = [heading.top for heading in page.h1 if heading.region == "main"] or [cta.top for cta in buying]
    return tops[0] if tops else None


def price_of(
    offers: Sequence[Offer], visible: VisiblePrice | None, context: CurrencyContext, page_url: str
) -> Price | None:
    """The price to pay.

    Where an offer agrees with the visible price, or spans it, that is it. Where they differ the offer holds, except
    when it is the old price, the same digits with the point elsewhere, or in another currency than the page shows:
    then the shopper pays what is seen.
    """
    priced = [offer for offer in offers if offer.lowest]
    if not priced:
        return visible.price if visible else None
    if visible:
        amount = visible.price.amount
        agreeing = next((offer for offer in priced if offer.covers(amount)), None)
        if agreeing:
            return Price(amount, agreeing.currency or visible.price.currency)
        crossed_out = any(offer.lowest in visible.struck for offer in priced)
        foreign = visible.price.currency not in {None, *(offer.currency for offer in priced)}
        misplaced = any(offer.lowest and _same_digits(offer.lowest, amount) for offer in priced)
        if crossed_out or misplaced or (foreign and all(offer.currency for offer in priced)):
            return visible.price
    offer = _offer_of(priced, page_url)
    assert offer.lowest is not None
    fallback = (visible.price.currency if visible else None) or next(iter(context.declared), None)
    return Price(offer.lowest, offer.currency or fallback)


def _same_digits(declared: Decimal, seen: Decimal) -> bool:
    """Declared in cents, or with a point for thousands: 6400 for 64.00, 1.299 for 1299."""
    return declared in (seen * 100, seen * 1000, seen / 1000)


def _offer_of(offers: Sequence[Offer], page_url: str) -> Offer:
    """Of several: the one for this very address, else the first in stock, else the first."""
    exact = [offer for offer in offers if offer.url and urls.join(page_url, offer.url) == page_url]
    in_stock = [offer for offer in offers if offer.availability == "InStock"]
    return (exact or in_stock or list(offers))[0]


def title(page: Snapshot, graph: Graph, product: MainProduct | None) -> str | None:
    """The declared name as the headline spells it, else the declared name, else the headline, else Open Graph's.

    Some declare the page's title as the product's name; the shop's name at its end is none of the product's.
    """
    shops = [
        *(graph.text(node, "name") for node in graph.of_type("WebSite", "Organization")),
        page.meta("og:site_name"),
    ]
    declared = [
        _without_shop(name, shops) for node in (product.nodes if product else ()) if (name := graph.text(node, "name"))
    ]
    headlines = [heading.text for heading in page.h1 if heading.region == "main"]
    for headline in headlines:
        if any(name.casefold() == headline.casefold() for name in declared):
            return headline
    tagged = page.meta("og:title")
    # A headline in the page's header is the shop's name more often than the product's.
    others = [_without_shop(tagged, shops) if tagged else None, *(heading.text for heading in page.h1)]
    return next((title for title in (*declared, *headlines, *others) if title), None)


def _without_shop(name: str, shops: Iterable[str | None]) -> str:
    for shop in shops:
        if shop and name.casefold().endswith(shop.casefold()):
            rest = _SEPARATOR.sub("", name[: -len(shop)])
            if rest and rest != name[: -len(shop)]:
                return rest
    return name


def _availability(page: Snapshot, offers: Sequence[Offer], price: Price | None, ctas: Sequence[Cta]) -> str | None:
    """Declared for the chosen offer or the product as a whole, else stated in words, else told by the buy button."""
    chosen = [offer for offer in offers if price and offer.covers(price.amount)] or list(offers)
    declared = most_available(offer.availability for offer in chosen) or most_available(o.availability for o in offers)
    if declared:
        return declared
    stated = stated_availability([note.text or note.label for note in page.stock])
    if stated:
        return stated
    own = [cta for cta in ctas if not cta.in_card]
    if any(cta.kind is CtaKind.PRE_ORDER and not cta.disabled for cta in own):
        return "PreOrder"
    if any(cta.kind in BUYING and not cta.disabled for cta in own):
        return "InStock"
    return "OutOfStock" if any(cta.kind in (CtaKind.SOLD_OUT, CtaKind.NOTIFY_ME) for cta in own) else None


def _image_urls(page: Snapshot, graph: Graph, product: MainProduct | None) -> tuple[str, ...]:
    """Declared pictures of the product, then those seen on the page outside teasers; absolute, each once."""
    found: list[str | None] = []
    for node in product.nodes if product else ():
        for name in ("image", "photo"):
            found += [_image(graph, value) for value in graph.values(node, name)]
    found += [picture.url for picture in page.images if picture.region == "main" and not picture.card]
    if (page.meta("og:type") or "").startswith("product"):
        found.append(page.meta("og:image:secure_url", "og:image"))
    absolute = [urls.join(page.url, address) for address in found if address]
    return tuple(dict.fromkeys(url for url in absolute if url and url.startswith(("http://", "https://"))))


def _image(graph: Graph, value: object) -> str | None:
    if isinstance(value, dict):
        return graph.text(value, "contentUrl", "url", "@id")
    return text(value)
