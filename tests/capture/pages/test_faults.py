"""Whatever goes wrong, there is a verdict: pages full of traps, and faults of our own."""

from __future__ import annotations

from typing import NoReturn

import pytest

from capture.conftest import DISMISSING, TEXT, Take
from testkit.captured import events
from testkit.pages import PageServer
from webaudit_capture import capture as capturing
from webaudit_capture import discovery
from webaudit_capture.contract import Blame, ExitCode, LogLevel, PageType, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def broken(*_: object, **__: object) -> NoReturn:
    raise RecursionError("too deep\nin here")


async def test_a_fault_of_our_own_is_the_platforms_and_worth_another_pod(
    server: PageServer, take: Take, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capturing, "scroll_through", broken)
    captured = await take(server.page("/", f"<h1>Shop</h1><p>{TEXT}</p>"))
    result = captured.result
    assert (result.verdict, result.reason, result.blame) == (Verdict.FAILED, "internal_error", Blame.PLATFORM)
    assert (captured.exit_code, captured.artifacts) == (ExitCode.RETRY, [])
    assert result.message == "RecursionError too deep"
    assert "Traceback" in capsys.readouterr().err


async def test_a_fault_in_the_search_for_a_product_page_leaves_the_home_pages_evidence(
    server: PageServer, take: Take, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(discovery, "find_pdp", broken)
    captured = await take(server.page("/", f"<h1>Shop</h1><p>{TEXT}</p>"), discover_pdp=True)
    assert (captured.result.verdict, captured.exit_code, len(captured.artifacts)) == (Verdict.OK, ExitCode.OK, 4)
    assert captured.result.pdp is not None
    assert captured.result.pdp.url is None
    (event,) = events(captured, "discovery_failed")
    assert event.level is LogLevel.ERROR
    assert event.message == captured.result.pdp.reason
    assert "RecursionError: too deep" in capsys.readouterr().err


async def test_a_home_page_with_links_that_are_no_urls_leads_to_its_product(server: PageServer, take: Take) -> None:
    links = '<a href="https://">a</a><a href="http://host:99999/">b</a><nav><a href="https://exa mple.com/">c</a></nav>'
    server.document("/p.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', content_type="image/svg+xml")
    picture = '<img src="/p.svg" width="400" height="400" alt="">'
    server.page("/products/cup", f"<main>{picture}<h1>Tea Cup</h1><p>$19.99</p><button>Add to cart</button></main>")
    home = server.page("/", f"<h1>Shop</h1><p>{TEXT}</p>{links}<main><a href='/products/cup'>Cup</a></main>")
    captured = await take(home, discover_pdp=True)
    assert captured.result.verdict is Verdict.OK
    assert captured.result.pdp is not None
    assert captured.result.pdp.url == server.url("/products/cup")


async def test_structured_data_full_of_traps_is_read_around(server: PageServer, take: Take) -> None:
    trap = """<script type="application/ld+json">{"@type": "Product", "name": "Cup &#" , "offers": {"@id": "#a"},
      "aggregateRating": {"@type": "AggregateRating", "ratingValue": 9e999999, "bestRating": 9e999999}}</script>
      <script type="application/ld+json">[{"@id": "#a", "@type": "AggregateOffer", "offers": {"@id": "#b"}},
      {"@id": "#b", "@type": "AggregateOffer", "offers": {"@id": "#a"}}]</script>"""
    captured = await take(server.page("/", f"<h1>Cup</h1><p>{TEXT}</p>{trap}"), page=PageType.PDP)
    assert captured.result.verdict is Verdict.OK
    assert len(captured.artifacts) == 4


async def test_a_banner_cut_in_the_middle_of_a_character_is_told(server: PageServer, take: Take) -> None:
    bar = "position:fixed;left:0;right:0;bottom:0;height:220px;background:#f00;z-index:999"
    banner = f'<div role="dialog" style="{bar}">!{"🍪" * 100} cookies</div>'
    captured = await take(server.page("/", f"<h1>Shop</h1><p>{TEXT}</p>{banner}"), policy=DISMISSING)
    assert captured.result.verdict is Verdict.OK
    (doubt,) = [found for found in captured.result.low_confidence if found.code == "overlay_remaining"]
    assert doubt.detail.endswith("🍪\ufffd")
    assert captured.result.model_dump_json()


async def test_a_wall_whose_title_is_cut_in_the_middle_of_a_character_fails_as_a_wall(
    server: PageServer, take: Take
) -> None:
    captured = await take(server.page("/", "<p>One moment</p>", title=f"Just a moment{'🤖' * 60}"))
    assert captured.result.reason == "bot_wall"
    assert "🤖\ufffd" in (captured.result.message or "")
    assert captured.result.model_dump_json()
