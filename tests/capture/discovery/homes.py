"""Whole shops for the search: their pages, a capture of their home page, and what the search told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from capture.conftest import QUICK, TEXT, Take, with_section
from testkit.captured import details
from testkit.pages import PageServer
from webaudit_capture.capture import Captured
from webaudit_capture.contract import ARTIFACT_FILES, PdpDiscovery, Verdict
from webaudit_capture.policy import CrawlPolicy

HOSTS = ("shop.test", "m.shop.test", "blog.shop.test", "other.test")
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"><rect width="400" height="400"/></svg>'
IMG = '<img src="/p.svg" width="200" height="200" alt="">'
HURRIED = with_section("discovery", candidate_timeout=2.5, look_timeout=1.2)
"""For shops with a page that does not end by itself."""


async def _resolve(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def product(name: str = "Tea cup", price: str = "$19.99", button: str = "Add to cart", more: str = "") -> str:
    return (
        f'<main><img src="/p.svg" width="400" height="400" alt=""><h1>{name}</h1><p class="price">{price}</p>'
        f"<button>{button}</button><p>{TEXT}</p>{more}</main>"
    )


def card(href: str, price: str = "$19.99", more: str = "") -> str:
    return (
        f'<div class="card"><a href="{href}">{IMG}</a><h3><a href="{href}">Tea cup</a></h3>'
        f'<span class="price">{price}</span>{more}</div>'
    )


def grid(*hrefs: str) -> str:
    return f'<div class="grid">{"".join(card(href) for href in hrefs)}</div>'


def menu(*links: tuple[str, str]) -> str:
    items = "".join(f'<li><a href="{href}">{text}</a></li>' for href, text in links)
    return f'<header><a href="/">Acme</a><nav><ul>{items}</ul></nav></header>'


def document(body: str, head: str = "") -> str:
    return f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Acme</title>{head}</head><body>{body}'


@dataclass(frozen=True, slots=True)
class Search:
    """What a capture says about its search; addresses without the server's."""

    captured: Captured
    pdp: PdpDiscovery
    url: str | None
    rejected: list[tuple[str, str]]
    opened: list[str]
    """Every page the browser asked for after the home page, in order."""

    def told(self, event: str) -> list[dict[str, Any]]:
        return details(self.captured, event)

    @property
    def tried(self) -> list[str]:
        return [url for url, _ in self.rejected] + ([self.url] if self.url else [])


class Home:
    """A shop on the test's server. Any host of `.test` leads there too, where a search may go by it."""

    def __init__(self, server: PageServer, take: Take) -> None:
        self.server = server
        self.take = take
        server.document("/p.svg", PICTURE, content_type="image/svg+xml")

    def page(self, path: str, body: str, **more: Any) -> None:
        self.server.page(path, body, **more)

    def links(self, *hrefs: str) -> None:
        """A home page that only links so, each in a paragraph of its own."""
        links = "".join(f'<p><a href="{href}">A link</a></p>' for href in hrefs)
        self.page("/", f"<main><h1>Acme</h1><p>{TEXT}</p>{links}</main>")

    def by_query(self, path: str, pages: Mapping[str, str]) -> None:
        """One script that answers by its query, as it stands; any other is 404."""

        async def answer(request: web.Request) -> web.StreamResponse:
            body = pages.get(request.query_string)
            if body is None:
                return web.Response(status=404, text="not found")
            return web.Response(text=document(body), content_type="text/html")

        self.server.handler(path, answer)

    def sitemap(self, path: str, *locs: str, index: bool = False, **more: Any) -> None:
        self.server.document(path, sitemap(*map(self._full, locs), index=index), content_type="application/xml", **more)

    def robots(self, *locs: str) -> None:
        lines = "".join(f"Sitemap: {self._full(loc)}\n" for loc in locs)
        self.server.document("/robots.txt", f"User-agent: *\nDisallow: /cart\n\n{lines}", content_type="text/plain")

    def _full(self, loc: str) -> str:
        return self.server.url(loc) if loc.startswith("/") else loc

    async def search(self, policy: CrawlPolicy = QUICK, *, start: str = "/", host: str = "", **more: Any) -> Search:
        """Capture the home page with a search, and say what came of it. The home page itself is always fine."""
        base = f"http://{host}:{self.server.port}" if host else self.server.url("")
        allow = tuple(f"{name}:{self.server.port}" for name in ("127.0.0.1", *HOSTS))
        captured = await self.take(
            f"{base}{start}", policy=policy, discover_pdp=True, allow=allow, resolver=_resolve, **more
        )
        assert captured.result.verdict is Verdict.OK, captured.result.message
        pdp = captured.result.pdp
        assert pdp is not None
        rejected = details(captured, "pdp_candidate_rejected")
        asked = [one.path_qs for one in self.server.requests if one.headers.get("Accept", "").startswith("text/html")]
        assert len(captured.artifacts) == len(ARTIFACT_FILES)
        return Search(
            captured,
            pdp,
            None if pdp.url is None else pdp.url.removeprefix(base),
            [(one["url"].removeprefix(base), one["reason"]) for one in rejected],
            asked[1:],
        )


def sitemap(*locs: str, index: bool = False) -> str:
    outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
    entries = "".join(f"<{inner}><loc>{loc.replace('&', '&amp;')}</loc></{inner}>" for loc in locs)
    return f'<{outer} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</{outer}>'
