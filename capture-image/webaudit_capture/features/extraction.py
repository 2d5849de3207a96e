"""From a live page to its features: one look at the document, then pure work on what was seen."""

from __future__ import annotations

from collections.abc import Iterable

from playwright.async_api import Page

from webaudit_capture import urls
from webaudit_capture.contract import PageType
from webaudit_capture.features import ctas, reader
from webaudit_capture.features.model import Features, Meta, SchemaOrg
from webaudit_capture.features.product import MainProduct, main_product, pdp_core
from webaudit_capture.features.reviews import review_signals
from webaudit_capture.features.schema_org import Graph
from webaudit_capture.features.snapshot import Link, Snapshot
from webaudit_capture.policy import Features as Limits

DEFAULT_LIMITS = Limits()


async def extract(page: Page, page_type: PageType, url: str, limits: Limits = DEFAULT_LIMITS) -> Features:
    """The features of a page that is ready. `url` is its address after redirects.

    Raises what `reader.run` raises; like it, has no deadline of its own.
    """
    raw = await reader.run(
        page,
        "features.js",
        items=limits.max_items,
        textChars=limits.max_text_chars,
        urlChars=limits.max_url_chars,
        numbers=limits.max_numbers,
        structuredChars=limits.max_structured_chars,
    )
    return features_of(Snapshot.model_validate({**raw, "url": url}), page_type)


def features_of(page: Snapshot, page_type: PageType) -> Features:
    graph = Graph.of(page.jsonld, page.microdata)
    product = main_product(graph, page)
    calls = ctas.find(page.controls)
    core = pdp_core(page, graph, calls) if page_type is PageType.PDP else None
    return Features(
        page_type=page_type,
        meta=_meta(page),
        h1=tuple(heading.text for heading in page.h1),
        h2=tuple(heading.text for heading in page.h2),
        ctas=calls,
        main_nav_links=_once(page.nav_links or (link for link in page.header_links if _leads_into(page, link))),
        footer_links=_once(page.footer_links),
        pdp_core=core,
        schema_org=_schema_org(graph, product),
        review_signals=review_signals(graph, product.nodes if product else (), page.ratings),
        left_out=page.left_out,
        full=page.full,
    )


def _meta(page: Snapshot) -> Meta:
    return Meta(
        title=page.title or None,
        meta_description=page.meta("description"),
        canonical_url=page.canonical or None,
        lang=page.lang or None,
        robots=page.meta("robots"),
        og={
            name.removeprefix("og:"): content
            for name, content in reversed(page.metas)
            if name.startswith("og:") and content
        },
    )


def _schema_org(graph: Graph, product: MainProduct | None) -> SchemaOrg:
    if product is None:
        return SchemaOrg(types=tuple(graph.types()), product_detected=bool(graph.products()))
    rating = next((node for each in product.nodes for node in graph.nodes(each, "aggregateRating")), None)
    return SchemaOrg(
        types=tuple(graph.types()),
        product_detected=True,
        name=product.first_text(graph, "name"),
        sku=product.first_text(graph, "sku", "mpn", "productID"),
        brand=product.first_text(graph, "brand", "manufacturer"),
        offers=product.offers,
        aggregate_rating=None
        if rating is None
        else {
            "ratingValue": graph.text(rating, "ratingValue"),
            "bestRating": graph.text(rating, "bestRating"),
            "reviewCount": graph.text(rating, "reviewCount"),
            "ratingCount": graph.text(rating, "ratingCount"),
        },
    )


def _leads_into(page: Snapshot, link: Link) -> bool:
    """Whether a header's link, where nothing is marked as navigation, is more than the logo or a tool."""
    aim = link.href.split("#")[0]
    return aim not in (page.url, urls.join(page.url, "/")) and ctas.is_navigation(link.text)


def _once(links: Iterable[Link]) -> tuple[Link, ...]:
    return tuple(dict.fromkeys(Link(text=link.text, href=link.href, region="") for link in links))
