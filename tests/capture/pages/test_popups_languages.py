"""The words of overlays in the languages of the big shop markets, as shops there write them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Playwright

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import BAR, SHOP, WALL, button, clicks, overlay, traces
from capture.pages.spoken import SPOKEN
from testkit.chromium import chromium
from testkit.pages import PageServer
from webaudit_capture import words
from webaudit_capture.contract import Viewport
from webaudit_capture.inpage import InPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def blank(playwright: Playwright) -> AsyncIterator[tuple[Page, InPage]]:
    async with chromium(playwright) as browser:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        yield page, await InPage.attach(page)


LIMITS = {"minCover": 0.02, "modalCover": 0.25, "minText": 200}


async def judged(blank: tuple[Page, InPage], overlays: dict[str, str], language: str) -> dict[str, tuple[str, str]]:
    """Kind of each overlay, and what its control is held for: by the name that was given to it."""
    page, inpage = blank
    size = "position:fixed;width:30%;height:30%"
    tiles = [
        f'<div style="{size};left:{33 * (place % 3)}%;top:{33 * (place // 3)}%">{inner}</div>'
        for place, inner in enumerate(overlays.values())
    ]
    await page.goto("about:blank")
    await page.set_content(f'<html lang="{language}"><body>{SHOP}{"".join(tiles)}</body></html>')
    found = await inpage.call("overlays", words.for_page(), LIMITS)
    by_text = {one["text"]: (one["kind"], one.get("says")) for one in found}
    plain = {name: re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", inner)).strip() for name, inner in overlays.items()}
    return {name: by_text.get(shown, ("none", "")) for name, shown in plain.items()}


@pytest.mark.parametrize("language", SPOKEN)
async def test_what_shops_say_is_understood(blank: tuple[Page, InPage], language: str) -> None:
    say = SPOKEN[language]
    overlays = {
        "accept": f"<p>{say.cookies}</p><button>{say.accept}</button>",
        "reject": f"<p>{say.cookies}</p><button>{say.accept}</button><button>{say.reject}</button>",
        "close": f"<p>{say.cookies}</p><button>{say.close}</button>",
        "news": f"<h2>{say.news}</h2><input type='email'><button>OK</button><a>{say.later}</a>",
        "news, closed": f"<h2>{say.news}</h2><span>{say.close}</span>",
        "gate": f"<h2>{say.age}</h2><button>{say.no}</button><button>{say.yes}</button>",
    }
    assert await judged(blank, overlays, language) == {
        "accept": ("consent", "accept"),
        "reject": ("consent", "reject"),
        "close": ("consent", "close"),
        "news": ("newsletter", "later"),
        "news, closed": ("newsletter", "close"),
        "gate": ("gate", "gate"),
    }


async def test_no_language_is_without_its_test() -> None:
    assert set(SPOKEN) == set(words.languages())


@pytest.mark.parametrize(
    ("language", "viewport", "style", "direction"),
    [
        ("ja", Viewport.DESKTOP, BAR, "ltr"),
        ("ar", Viewport.MOBILE, BAR, "rtl"),
        ("de", Viewport.MOBILE, WALL, "ltr"),
    ],
)
async def test_a_banner_in_its_language_is_gone_from_the_evidence(
    server: PageServer, take: Take, language: str, viewport: Viewport, style: str, direction: str
) -> None:
    say = SPOKEN[language]
    banner = f"<p>OVERLAY {say.cookies}</p><button type='button'>…</button>{button(say.accept)}"
    page = f"<div dir='{direction}' lang='{language}'>{SHOP}{overlay(banner, style)}</div>"
    captured = await take(server.page("/", page), policy=DISMISSING, viewport=viewport)
    assert [event["result"] for event in clicks(captured)] == ["gone"]
    assert traces(captured) == set()
