"""Pages as the shop systems of the world mark them up, in `shops/` and `homes/`: each beside what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.pictures import GREEN, plain
from testkit.captured import artifact, doubts, events
from testkit.pages import PageServer
from webaudit_capture.contract import ArtifactType, PageType, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOPS = Path(__file__).parent / "shops"
HOMES = Path(__file__).parent / "homes"
PRODUCT_PAGES = sorted(file.stem for file in SHOPS.glob("*.json"))
HOME_PAGES = sorted(file.stem for file in HOMES.glob("*.json"))


@pytest.mark.parametrize("name", PRODUCT_PAGES)
async def test_a_product_page_is_read_as_a_shopper_would_and_doubted_only_where_it_lacks_something(
    server: PageServer, take: Take, name: str
) -> None:
    expected = json.loads((SHOPS / f"{name}.json").read_bytes())
    server.document("/p.png", plain(GREEN, 600, 600), content_type="image/png")
    url = server.document(expected["path"], (SHOPS / f"{name}.html").read_bytes())
    captured = await take(url, page=PageType.PDP)

    assert captured.result.verdict is Verdict.OK
    features = json.loads(artifact(captured, ArtifactType.FEATURES_JSON))
    wanted = expected["pdp_core"]
    wanted["image_urls"] = [server.url(one) if one.startswith("/") else one for one in wanted["image_urls"]]
    schema = features["schema_org"]
    assert features["pdp_core"] == wanted
    assert schema["product_detected"] is expected.get("product_detected", True)
    assert named(schema["product_fields"], expected.get("product_fields", {})) == expected.get("product_fields", {})
    assert schema["types"] == expected.get("types", schema["types"])
    assert features["review_signals"] == expected.get("review_signals", features["review_signals"])
    assert doubts(captured) == set(expected.get("low_confidence", []))
    assert not events(captured, "features_cut")


def named(found: Any, expected: Any) -> Any:
    """Of what was found as much as is expected by name; lists in full length."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {name: named(found.get(name), inner) for name, inner in expected.items()}
    if isinstance(found, list) and isinstance(expected, list):
        return [named(one, inner) for one, inner in zip(found, expected, strict=False)] + found[len(expected) :]
    return found


@pytest.mark.parametrize("name", HOME_PAGES)
async def test_a_home_page_tells_its_ways_in_and_leaves_banners_and_drawers_out(
    server: PageServer, take: Take, name: str
) -> None:
    expected = json.loads((HOMES / f"{name}.json").read_bytes())
    server.document("/p.png", plain(GREEN, 600, 600), content_type="image/png")
    captured = await take(server.document("/", (HOMES / f"{name}.html").read_bytes()), policy=DISMISSING)

    assert captured.result.verdict is Verdict.OK
    features = json.loads(artifact(captured, ArtifactType.FEATURES_JSON))
    navigation = features["navigation"]
    assert features["headings"]["h1"] == expected["h1"]
    assert [f"{cta['kind']}: {cta['text']}" for cta in features["ctas"]] == expected["ctas"]
    assert [link["text"] for link in navigation["main_nav_links"]] == expected["main_nav_links"]
    assert [link["text"] for link in navigation["footer_links"]] == expected["footer_links"]
    assert features["pdp_core"] is None
    assert doubts(captured) == set(expected.get("low_confidence", []))
