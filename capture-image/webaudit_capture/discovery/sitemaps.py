"""Sitemaps: where robots.txt says they are, what they list, and which of them to read first.

Pure, except `read_products`, which fetches through a function it is given.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.parsers import expat

from webaudit_capture import urls
from webaudit_capture.discovery.candidates import Candidate
from webaudit_capture.discovery.url_shape import Shape, identity, shape, visit_url
from webaudit_capture.policy import Discovery

Fetch = Callable[[str, int], Awaitable[bytes | None]]

_PRODUCT_NAME = re.compile(
    r"product|produkt|produit|producto|prodott|produto|artikel|(?<![a-z])items?(?![a-z])|goods|pdp|sku", re.IGNORECASE
)
# Lists of what products have, not of products: `product_cat-sitemap.xml`.
_OF_PRODUCTS = re.compile(r"prod\w*?[-_]?(?:cat|tag|brand|type|attribute|image|video|review)", re.IGNORECASE)
_OTHER_NAME = re.compile(
    r"categor|kategor|collection|page|blog|post|article|news|image|video|author|tag|brand|store|static|cms|recipe",
    re.IGNORECASE,
)
_SITEMAP_LINE = re.compile(r"^[ \t]*+sitemap[ \t]*+:[ \t]*+(\S++)", re.IGNORECASE | re.MULTILINE)
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """One document: the documents it points to, or the pages it lists."""

    sitemaps: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SitemapRead:
    """One look at a document: what it gave, or that there was nothing to read."""

    url: str
    readable: bool
    candidates: tuple[Candidate, ...]


def robots_sitemaps(robots: str) -> list[str]:
    return list(dict.fromkeys(_SITEMAP_LINE.findall(robots)))


def parse(document: bytes, max_bytes: int) -> Sitemap:
    """Read a sitemap, an index, or a plain list of URLs; packed or not, at most `max_bytes` of it unpacked.

    A document that is cut off or broken gives what stands before the break. Entities are never expanded: a document
    with a DTD is not a sitemap and gives nothing.
    """
    text = unpack(document, max_bytes)
    if b"<" not in text[:1024]:
        lines = text.decode("utf-8", "replace").split()
        return Sitemap(pages=tuple(line for line in lines if line.startswith(("http://", "https://"))))
    reader = _Reader()
    try:
        reader.read(text)
    except _DoctypeMet:
        return Sitemap()
    except expat.ExpatError:
        pass  # cut off or broken
    return Sitemap(tuple(reader.found["sitemap"]), tuple(reader.found["url"]))


class _DoctypeMet(Exception):
    pass


class _Reader:
    """Collects each `loc` that stands in a `sitemap` or `url`, whatever encoding the document is in."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {"sitemap": [], "url": []}
        self._inside: list[str] = []
        self._words: list[str] | None = None

    def read(self, document: bytes) -> None:
        """Raises _DoctypeMet, and ExpatError where the document breaks."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(document, True)

    def _doctype(self, *_: object) -> None:
        raise _DoctypeMet

    def _start(self, name: str, _: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        self._words = [] if name == "loc" and self._inside and self._inside[-1] in self.found else None
        self._inside.append(name)

    def _text(self, words: str) -> None:
        if self._words is not None:
            self._words.append(words)

    def _end(self, _: str) -> None:
        self._inside.pop()
        if self._words and (address := "".join(self._words).strip()):
            self.found[self._inside[-1]].append(address)
        self._words = None


def unpack(document: bytes, max_bytes: int) -> bytes:
    """Undo gzip, never to more than `max_bytes`; a broken stream gives what came before the break."""
    if not document.startswith(_GZIP_MAGIC):
        return document[:max_bytes]
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(document, max_bytes)
    except zlib.error:
        return b""


def rank(url: str) -> int:
    """0 for documents named after products, 2 for those named after something else, 1 for the rest."""
    path = urlsplit(url).path
    if _PRODUCT_NAME.search(path) and not _OF_PRODUCTS.search(path):
        return 0
    return 2 if _OTHER_NAME.search(path) or _OF_PRODUCTS.search(path) else 1


def page_candidates(document_url: str, pages: tuple[str, ...], home_url: str) -> list[Candidate]:
    """Pages of one document that may be products.

    By URL as anywhere; in a document named after products every page below the home page counts, since shops give
    their products plain addresses there.
    """
    product_map = rank(document_url) == 0
    found: list[Candidate] = []
    for page in pages:
        url = urls.join(document_url, page)
        if not url or not urls.same_site(url, home_url) or identity(url) == identity(home_url):
            continue
        form = shape(url)
        if form is Shape.PRODUCT:
            found.append(Candidate(visit_url(url), "sitemap", ("sitemap", "url")))
        elif form in (Shape.WEAK, Shape.PLAIN) and product_map:
            found.append(Candidate(visit_url(url), "sitemap", ("sitemap",)))
        elif form is Shape.WEAK:
            found.append(Candidate(visit_url(url), "sitemap", ("id",)))
    return found


async def read_products(home_url: str, fetch: Fetch, limits: Discovery) -> AsyncIterator[SitemapRead]:
    """Read documents, likeliest first, until `limits.sitemap_documents` were asked for; robots.txt is not one of them.

    Only documents of the shop's own registrable domain are read. Who iterates may stop at any time.
    """
    robots = await fetch(_at(home_url, "/robots.txt"), limits.sitemap_max_bytes)
    named = robots_sitemaps(robots.decode("utf-8", "replace")) if robots else []
    waiting = _fitting([full for each in named if (full := urls.join(home_url, each))], home_url)
    waiting = waiting or [_at(home_url, "/sitemap.xml")]
    asked: set[str] = set()
    while waiting and len(asked) < limits.sitemap_documents:
        waiting.sort(key=rank)
        url = waiting.pop(0)
        if url in asked:
            continue
        asked.add(url)
        body = await fetch(url, limits.sitemap_max_bytes)
        if body is None:
            yield SitemapRead(url, False, ())
            continue
        sitemap = parse(body, limits.sitemap_max_bytes)
        inner = [full for each in sitemap.sitemaps if (full := urls.join(url, each))]
        waiting = [*_fitting(inner, home_url), *waiting]
        yield SitemapRead(
            url, bool(sitemap.pages or sitemap.sitemaps), tuple(page_candidates(url, sitemap.pages, home_url))
        )


def _at(home_url: str, path: str) -> str:
    parts = urlsplit(home_url)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _fitting(found: list[str], home_url: str) -> list[str]:
    return [url for url in dict.fromkeys(found) if url.startswith("http") and urls.same_site(url, home_url)]
