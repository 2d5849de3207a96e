"""schema.org as one graph, whether a page wrote it as JSON-LD or as microdata: nodes, types, values, references.

Says what the page declares; what that means for a product is decided in `offers` and `product`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from webaudit_capture.features import jsonld

MAX_DEPTH = 40
"""Nodes nested deeper are dropped: no real page needs them, and hostile ones must not exhaust the stack."""

_VOCABULARY = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]{1,200}+>")

PRODUCT_TYPES = frozenset(
    {"Product", "ProductGroup", "ProductModel", "IndividualProduct", "SomeProducts", "Vehicle", "Car"}
)
_SOLD_TYPES = frozenset({"Book", "MusicAlbum", "MusicRelease", "Movie", "VideoGame", "SoftwareApplication", "Course"})
# Below these a product is somebody else's page.
_ELSEWHERE = frozenset(
    {"itemListElement", "isRelatedTo", "isSimilarTo", "isAccessoryOrSparePartFor", "isConsumableFor", "hasVariant"}
)

Node = dict[str, Any]


def short(name: object) -> str:
    """`https://schema.org/Product` as `Product`."""
    return _VOCABULARY.sub("", str(name).strip()).rstrip("/")


def as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def types(node: Node) -> list[str]:
    return [short(name) for name in as_list(node.get("@type")) if isinstance(name, str) and short(name)]


def text(value: object) -> str | None:
    """Plain text of a value: entities and tags resolved, white space collapsed; a node gives its name."""
    if isinstance(value, dict):
        value = value.get("@value", value.get("name"))
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, bool | dict | list):
        return None
    return " ".join(_TAGS.sub(" ", jsonld.unescape(str(value))).split()) or None


@dataclass(frozen=True, slots=True)
class Found:
    """A node with the properties that lead to it from its block's root."""

    node: Node
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """All nodes of a page in the order they are written, JSON-LD before microdata."""

    found: tuple[Found, ...]
    by_id: dict[str, Node] = field(default_factory=dict)
    offered: dict[int, list[Node]] = field(default_factory=dict)
    """Offers by the identity of the node that they name as `itemOffered`."""

    @classmethod
    def of(cls, blocks: Iterable[str], microdata: Sequence[object] = ()) -> Graph:
        roots = [_plain(value, 0) for block in blocks for value in jsonld.parse(block)]
        roots += [_plain(item, 0) for item in microdata]
        found = tuple(each for root in roots for each in _walk(root, ()))
        by_id: dict[str, Node] = {}
        for each in found:
            identity = each.node.get("@id")
            if isinstance(identity, str) and len(each.node) > 1:
                by_id.setdefault(identity, each.node)
        graph = cls(found, by_id)
        for each in found:
            for item in graph.nodes(each.node, "itemOffered"):
                graph.offered.setdefault(id(item), []).append(each.node)
        return graph

    def values(self, node: Node, name: str) -> list[Any]:
        """A property's values with references followed one step."""
        return [self._follow(value) for value in as_list(node.get(name))]

    def nodes(self, node: Node, name: str) -> list[Node]:
        return [value for value in self.values(node, name) if isinstance(value, dict)]

    def text(self, node: Node, *names: str) -> str | None:
        """The first text among these properties."""
        return next((found for name in names for v in self.values(node, name) if (found := text(v))), None)

    def _follow(self, value: Any) -> Any:
        if isinstance(value, dict) and set(value) <= {"@id", "@type"}:
            return self.by_id.get(str(value.get("@id")), value)
        return value

    def types(self) -> list[str]:
        """Every type on the page, sorted."""
        return sorted({name for each in self.found for name in types(each.node)})

    def of_type(self, *names: str) -> list[Node]:
        return [each.node for each in self.found if not set(names).isdisjoint(types(each.node))]

    def products(self) -> list[Node]:
        """Products the page itself is about, as far as nesting tells: not those in lists, relations or variants."""
        variants = {id(node) for each in self.found for node in self.nodes(each.node, "hasVariant")}
        return [
            each.node
            for each in self.found
            if is_product(each.node) and _ELSEWHERE.isdisjoint(each.path) and id(each.node) not in variants
        ]

    def offers_for(self, product: Node) -> list[Node]:
        """Its own offers, and those that name it as what they offer."""
        return [*self.nodes(product, "offers"), *self.offered.get(id(product), ())]

    def listed_urls(self) -> list[str]:
        """Addresses of products that lists and teasers on this page name, in order."""
        urls: list[str] = []
        for each in self.found:
            if is_product(each.node):
                offers = self.nodes(each.node, "offers")
                urls += filter(None, [self.text(each.node, "url"), *(self.text(offer, "url") for offer in offers)][:2])
            elif "ListItem" in types(each.node) and "BreadcrumbList" not in each.path:
                urls += filter(None, [self._list_item_url(each.node)])
        return list(dict.fromkeys(urls))

    def _list_item_url(self, node: Node) -> str | None:
        item = next(iter(self.values(node, "item")), None)
        if isinstance(item, dict):
            return self.text(item, "url", "@id") if is_product(item) or not types(item) else None
        return text(item) or self.text(node, "url")


def is_product(node: Node) -> bool:
    """Products by type; works that are sold (books, games) when they come with an offer."""
    names = set(types(node))
    return not names.isdisjoint(PRODUCT_TYPES) or (not names.isdisjoint(_SOLD_TYPES) and "offers" in node)


def _property(name: str) -> str:
    """The name without its vocabulary; properties begin with a small letter, though some shops write `Offers`."""
    plain = short(name)
    return plain[:1].lower() + plain[1:]


def _plain(value: Any, depth: int) -> Any:
    """The value with its property names as schema.org has them."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {_property(name): _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    return value


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[Found]:
    if isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path)
    elif isinstance(value, dict):
        if types(value):
            yield Found(value, path)
        inside = (*path, "BreadcrumbList") if "BreadcrumbList" in types(value) else path
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from _walk(inner, inside if name == "@graph" else (*inside, name))
