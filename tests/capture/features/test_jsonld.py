"""JSON-LD blocks as shops write them: what can be read is read, and a broken block loses only itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webaudit_capture.features.jsonld import parse
from webaudit_capture.features.schema_org import MAX_DEPTH, Graph, text, types

PRODUCT = {"@type": "Product", "name": "Cup"}


def _listing(items: str) -> str:
    return '{"@type": "ItemList", "itemListElement": [' + items + "]}"


@pytest.mark.parametrize(
    "block",
    [
        '{"@type": "Product", "name": "Cup"}',
        '\ufeff  {"@type": "Product", "name": "Cup"}\n',
        '{"@type": "Product", "name": "Cup"};',
        '{"@type": "Product", "name": "Cup",}',
        '<!-- {"@type": "Product", "name": "Cup"} -->',
        '//<![CDATA[\n{"@type": "Product", "name": "Cup"}\n//]]>',
        '/* <![CDATA[ */ {"@type": "Product", "name": "Cup"} /* ]]> */',
        '// the product\n{"@type": "Product", /* its name */ "name": "Cup"}',
        "{&quot;@type&quot;: &quot;Product&quot;, &quot;name&quot;: &quot;Cup&quot;}",
    ],
)
def test_common_slips_are_forgiven(block: str) -> None:
    assert parse(block) == [PRODUCT]


@pytest.mark.parametrize(
    "block", ["", "   ", "{", "{{ product | json }}", '{"name": "27" screen"}', "null;null", "[" * 100_000, "undefined"]
)
def test_what_cannot_be_read_gives_no_node_and_no_error(block: str) -> None:
    assert [value for value in parse(block) if value is not None] == []


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ('{"a": "<!-- x --> // y, ]", /* b: */ "b": [1, /* last */ ], }', {"a": "<!-- x --> // y, ]", "b": [1]}),
        ('//<![CDATA[ {"a": "\\"//"} //]]>', {"a": '"//'}),
        ('{"a": 1} /* to be continued', {"a": 1}),
        ("{&quot;url&quot;: &quot;https://shop.test/a&quot;}", {"url": "https://shop.test/a"}),
    ],
)
def test_only_what_stands_outside_strings_is_repaired(block: str, value: object) -> None:
    assert parse(block) == [value]


LONG = 2_000_000


@pytest.mark.timeout(30)  # each takes about a second at most; before, several of them did not end
@pytest.mark.parametrize("start", ["{", '{"name": "'])
@pytest.mark.parametrize("piece", [" ", '"', '\\"', "/*", "// ", "<!-", "<![CDATA[", "]]>", ",]", "&#"])
def test_a_long_block_takes_time_in_proportion_to_its_length(start: str, piece: str) -> None:
    assert parse(start + piece * (LONG // len(piece)) + "x") == []


@pytest.mark.timeout(30)
@pytest.mark.parametrize("piece", ["<", "<a ", "&#"])
def test_a_long_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    assert text(piece * (LONG // len(piece)) + "Cup") is not None


def test_values_in_a_row_are_all_read() -> None:
    assert parse('{"a": 1} {"b": 2}\n;{"c": 3}') == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_what_stands_before_a_break_is_kept() -> None:
    assert parse('{"a": 1} {"b": ') == [{"a": 1}]


def test_raw_line_breaks_and_links_in_strings_stay_as_they_are() -> None:
    assert parse('{"a": "one\ntwo", "b": "https://shop.test/x", "c": "[1,]"}') == [
        {"a": "one\ntwo", "b": "https://shop.test/x", "c": "[1,]"}
    ]


def test_fractions_keep_their_digits() -> None:
    assert parse('{"price": 15.10, "other": NaN}') == [{"price": Decimal("15.10"), "other": None}]


def test_numbers_beyond_all_measure_are_none() -> None:
    assert parse('{"price": 1e99999999999999999999, "other": 1}') == [{"price": None, "other": 1}]


def test_an_entity_of_thousands_of_digits_stays_as_it_is() -> None:
    endless = f"&#{'9' * 5000};"
    assert text(endless) == endless
    assert parse(f'{{"a": "{endless}",,}}') == []


def test_a_broken_block_beside_a_good_one_loses_nothing() -> None:
    graph = Graph.of(['{"@type": "Product", "name": "Broken" ', "", '{"@type": "Product", "name": "Cup"}'])
    assert [graph.text(node, "name") for node in graph.products()] == ["Cup"]


@pytest.mark.parametrize(
    ("block", "names"),
    [
        ('{"@graph": [{"@type": "WebSite", "name": "S"}, {"@type": "Product", "name": "Cup"}]}', ["Cup"]),
        ('[{"@type": "Product", "name": "Cup"}, {"@type": "Organization", "name": "O"}]', ["Cup"]),
        ('{"@type": "WebPage", "mainEntity": {"@type": "Product", "name": "Cup"}}', ["Cup"]),
        ('{"@type": ["Thing", "http://schema.org/Product"], "name": "Cup"}', ["Cup"]),
        ('{"@type": "schema:Product", "schema:name": "Cup"}', ["Cup"]),
        ('{"@type": "https://schema.org/ProductGroup", "name": "Cup"}', ["Cup"]),
        ('{"@type": "Book", "name": "Cup", "offers": {"price": "1"}}', ["Cup"]),
        ('{"@type": "Book", "name": "Cup"}', []),
        ('{"@type": "ItemList", "itemListElement": [{"@type": "Product", "name": "Cup"}]}', []),
        ('{"@type": "Product", "name": "Cup", "isRelatedTo": {"@type": "Product", "name": "Pot"}}', ["Cup"]),
        ('{"@type": "ProductGroup", "name": "Cup", "hasVariant": [{"@type": "Product", "name": "Red"}]}', ["Cup"]),
    ],
)
def test_products_of_the_page_are_found_wherever_they_stand(block: str, names: list[str]) -> None:
    graph = Graph.of([block])
    assert [graph.text(node, "name") for node in graph.products()] == names


def test_references_are_followed() -> None:
    graph = Graph.of(
        [
            '{"@graph": [{"@type": "Product", "name": "Cup", "offers": {"@id": "#o"}},'
            ' {"@id": "#o", "@type": "Offer", "price": "3"}]}'
        ]
    )
    (product,) = graph.products()
    assert [graph.text(offer, "price") for offer in graph.nodes(product, "offers")] == ["3"]


@pytest.mark.parametrize(
    ("block", "urls"),
    [
        (
            _listing('{"@type": "ListItem", "url": "/a"}, {"@type": "ListItem", "url": "/b"}'),
            ["/a", "/b"],
        ),
        (_listing('{"@type": "ListItem", "item": {"@type": "Product", "url": "/a"}}'), ["/a"]),
        ('{"@type": "Product", "name": "Cup", "offers": {"url": "/cup"}}', ["/cup"]),
        ('{"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "item": "/shoes"}]}', []),
        (_listing('{"@type": "ListItem", "item": {"@type": "Article", "url": "/a"}}'), []),
    ],
)
def test_listed_products_are_named_by_their_urls(block: str, urls: list[str]) -> None:
    assert Graph.of([block]).listed_urls() == urls


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("  Tea &amp; more ", "Tea & more"),
        ("<b>Cup</b>", "Cup"),
        ({"@value": "Cup"}, "Cup"),
        ({"@type": "Brand", "name": "Acme"}, "Acme"),
        (["Cup", "Pot"], "Cup"),
        (Decimal("1.50"), "1.50"),
        ("", None),
        (None, None),
        (True, None),
        ({}, None),
    ],
)
def test_text_of_a_value_is_plain(value: object, plain: str | None) -> None:
    assert text(value) == plain


def test_nesting_beyond_reason_is_cut_not_followed() -> None:
    node: dict[str, Any] = {"@type": "Product", "name": "deep"}
    for _ in range(MAX_DEPTH + 5):
        node = {"@type": "Thing", "inner": node}
    graph = Graph.of([], [node])
    assert graph.products() == []
    assert 0 < len(graph.of_type("Thing")) <= MAX_DEPTH + 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["@type", "@id", "@graph", "name", "offers", "itemListElement"]), inner)
        ),
    )
)
def test_no_structure_breaks_the_graph(value: Any) -> None:
    graph = Graph.of([], [value])
    assert all(types(node) for node in graph.products())
    assert isinstance(graph.listed_urls(), list)
