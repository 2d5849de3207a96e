"""features.json of a page that declares without end: within its bound, and the page's own product still there."""

from __future__ import annotations

import json

import pytest

from capture.conftest import TEXT, Take, with_section
from capture.pages.pictures import GREEN, plain
from testkit.captured import artifact, details, doubts, events
from testkit.pages import PageServer
from webaudit_capture.contract import ArtifactType, PageType, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ADD = """const add = (value) => document.head.append(Object.assign(document.createElement("script"),
    { type: "application/ld+json", textContent: JSON.stringify({ "@context": "https://schema.org", ...value }) }));"""
OTHERS = """for (let n = 0; n < 1000; n++) add({ "@type": "Product", name: `Stool ${n}`, offers: { price: n } });
  for (let n = 0; n < 20; n++) add({ "@type": "Article", text: "x".repeat(100_000) });
  add({ "@type": "Product", name: "Bench", description: "x".repeat(3_000_000) });"""
OWN = """const many = (make) => Array.from({ length: 3000 }, (_, n) => make(n));
  add({ "@type": "Product", name: "Oak stool", sku: "S".repeat(100_000), image: many((n) => `/${n}.png`),
    offers: many((n) => ({ price: 95 + n, priceCurrency: "GBP", url: `/stool?variant=${n}`, sku: "S".repeat(60),
      availability: "InStock" })) });"""
MICRODATA = """<p itemscope itemtype=https://schema.org/Product><b itemprop=name>Chair</b><i itemprop=sku>{}</i>"""
LINKS = """const nav = document.querySelector("nav"), link = (href, text) => nav.append(
    Object.assign(document.createElement("a"), { href, textContent: text }));
  for (let n = 0; n < 10; n++) link(`/long/${n}/${"a".repeat(100_000)}`, `Long ${n}`);
  for (let n = 0; n < 900; n++) link(`/menu/${n}/${"a".repeat(500)}`, `Menu ${n} ${"b".repeat(300)}`);"""


async def test_a_page_that_declares_without_end_keeps_its_product_within_the_bound(
    server: PageServer, take: Take
) -> None:
    server.document("/p.png", plain(GREEN, 500, 500), content_type="image/png")
    others = f"<div hidden>{MICRODATA.format('x' * 400) * 2000}</div>"
    body = f"""<nav style="height: 200px; overflow: auto"></nav>
      <main><h1>Oak stool</h1><img src=/p.png width=500 height=500><button>Add to basket</button>
      <p>{TEXT}</p>{others}</main><script>{ADD}{OTHERS}{OWN}{OTHERS}{LINKS}</script>"""
    policy = with_section("evidence", max_features_bytes=256 * 1024, extract_timeout=10.0)
    captured = await take(server.page("/stool", body), page=PageType.PDP, policy=policy)

    assert captured.result.verdict is Verdict.OK
    data = artifact(captured, ArtifactType.FEATURES_JSON)
    assert len(data) <= 256 * 1024
    features = json.loads(data)
    core = features["pdp_core"]
    assert (core["title"], core["price"], core["currency"], core["availability"], core["add_to_cart_present"]) == (
        "Oak stool",
        "95.00",
        "GBP",
        "InStock",
        True,
    )
    fields = features["schema_org"]["product_fields"]
    assert (fields["name"], fields["sku"], fields["offers"][0]["price"]) == ("Oak stool", "S" * 500, "95.00")
    assert core["image_urls"][:2] == [server.url("/0.png"), server.url("/1.png")]
    assert doubts(captured) == set()

    (cut,) = details(captured, "features_cut")
    left_out = cut["left_out"]
    assert left_out["jsonld_blocks"] == 2043 - 500
    assert left_out["long_urls"] == 10
    assert left_out["microdata_items"] == 2000 - 500
    assert left_out["offers"] == 3000 - len(fields["offers"]) > 2000
    assert left_out["image_urls"] == 3001 - len(core["image_urls"]) > 2000
    assert len(fields["offers"]) == len(core["image_urls"]) == len(features["navigation"]["main_nav_links"]) > 100
    assert {"ctas", "main_nav_links"} <= set(cut["full"])
    assert "jsonld_blocks left out" in events(captured, "features_cut")[0].message
