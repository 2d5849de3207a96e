"""The demo shop is worth auditing: the laptop command on it, whole."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testkit.demo_shop import DemoShop
from webaudit_capture.contract import ARTIFACT_FILES, CaptureResult, EventType, Verdict

pytestmark = pytest.mark.browser

CAPTURES = [("homepage", "desktop"), ("homepage", "mobile"), ("pdp", "desktop"), ("pdp", "mobile")]


@pytest.fixture(scope="module")
def evidence(shop: DemoShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    command = [sys.executable, "-m", "webaudit_capture", f"{shop.url}/", "--out", str(folder), "--allow", shop.allow]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def result(evidence: Path, page: str, viewport: str) -> CaptureResult:
    return CaptureResult.model_validate_json((evidence / page / viewport / "result.json").read_bytes())


def features(evidence: Path, page: str, viewport: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((evidence / page / viewport / "features.json").read_bytes())
    return found


@pytest.mark.parametrize(("page", "viewport"), CAPTURES)
def test_every_capture_is_ok_and_beyond_doubt(evidence: Path, page: str, viewport: str) -> None:
    found = result(evidence, page, viewport)
    assert found.verdict is Verdict.OK
    assert found.low_confidence == []
    assert {artifact.type for artifact in found.artifacts} == set(ARTIFACT_FILES)


@pytest.mark.parametrize(("page", "viewport"), CAPTURES)
def test_both_overlays_are_dismissed_and_leave_no_trace(evidence: Path, page: str, viewport: str) -> None:
    events = [event.message for event in result(evidence, page, viewport).events if event.event_type is EventType.POPUP]
    assert any("consent" in message for message in events)
    assert any("newsletter" in message for message in events)
    text = (evidence / page / viewport / "visible_text.txt").read_text()
    assert "no crumbs in the tent" not in text
    assert "10 % off your first order" not in text


def test_the_product_page_is_the_first_of_the_grid(evidence: Path, shop: DemoShop) -> None:
    pdp = result(evidence, "homepage", "desktop").pdp
    assert pdp is not None
    assert pdp.url == f"{shop.url}/products/polarfjord-shell-jacket"
    assert result(evidence, "pdp", "mobile").final_url == pdp.url


def test_the_product_is_read_as_the_shop_means_it(evidence: Path) -> None:
    core = features(evidence, "pdp", "desktop")["pdp_core"]
    assert (core["title"], core["price"], core["currency"]) == ("Polarfjord Shell Jacket", "189.00", "EUR")
    assert core["add_to_cart_present"] is True
    assert len(core["image_urls"]) == 4


def test_pictures_that_come_late_are_in_the_evidence(evidence: Path) -> None:
    html = gzip.decompress((evidence / "homepage" / "desktop" / "page.html.gz").read_bytes()).decode()
    assert html.count('class="arrived"') == 5
    assert "data-src" not in html
