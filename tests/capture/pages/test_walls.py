"""Bot walls: only unmistakable signs, one reload, and never stored as if they were the shop."""

from __future__ import annotations

import pytest

from capture.conftest import TEXT, Take, with_section
from capture.pages.shops import SHOP
from testkit.captured import details, text
from testkit.pages import PageServer
from webaudit_capture.contract import Blame, ExitCode, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# Whether there is a wall is what matters here, and not how long a look may take.
LOOKING_CLOSELY = with_section("navigation", check_timeout=15.0)
COVERING = "position: fixed; inset: 0; width: 100%; height: 100%; border: 0"
WALLS = {
    "cloudflare": (403, "Just a moment...", "<h1>shop.example</h1><p>Verify you are human by completing this.</p>"),
    "cloudflare without words": (503, "One moment", "<div id=challenge-running></div><p>Please stand by</p>"),
    "blocked by cloudflare": (403, "Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1>"),
    "perimeterx": (200, "Access", "<div id=px-captcha></div><p>Press &amp; Hold to confirm you are a human.</p>"),
    "imperva": (200, "Pardon Our Interruption", "<p>Something made us think you were a bot.</p>"),
    "amazon": (200, "Shop", "<h4>Enter the characters you see below</h4><p>Are you a robot?</p>"),
    "datadome": (403, "shop.example", f"<iframe src='/captcha-delivery.com/' style='{COVERING}'></iframe>"),
    "ddos-guard": (429, "DDoS-Guard", "<p>Checking your browser before accessing shop.example</p>"),
}


@pytest.mark.parametrize(("status", "title", "body"), WALLS.values(), ids=WALLS.keys())
async def test_a_wall_fails_the_page_after_one_reload(
    server: PageServer, take: Take, status: int, title: str, body: str
) -> None:
    server.page("/captcha-delivery.com/", "<p>Slide right to complete the puzzle</p>")
    captured = await take(server.page("/", body, title=title, status=status), policy=LOOKING_CLOSELY)
    result = captured.result
    assert (result.reason, result.blame, captured.exit_code) == ("bot_wall", Blame.TARGET, ExitCode.PAGE_FAILED)
    assert "asks visitors to prove that they are human" in (result.message or "")
    assert [retry["reason"] for retry in details(captured, "navigation_retry")] == ["bot_wall"]
    assert (server.hits["/"], captured.artifacts) == (2, [])


FRAME = "<iframe src='/recaptcha/' style='width: 304px; height: 78px'></iframe>"
SHOPS = {
    "names its product so": ("Captcha T-shirt – Wool and wood", SHOP + "<p>For those who are not a robot.</p>"),
    "protects its form": ("Wool and wood", SHOP + f"<form>{FRAME}<p>Please verify you are human.</p></form>"),
    "explains its protection": ("Wool and wood", SHOP + "<p>While checking your browser before accessing we wait.</p>"),
    "has a question for a heading": ("Are there robots in the wood?", SHOP),
    "sells puzzles": ("Just a moment of wool", "<h1>Are you human?</h1>" + SHOP + f"<p>{TEXT * 4}</p>"),
}


@pytest.mark.parametrize(("title", "body"), SHOPS.values(), ids=SHOPS.keys())
async def test_a_shop_that_only_sounds_like_a_wall_is_captured(
    server: PageServer, take: Take, title: str, body: str
) -> None:
    server.page("/recaptcha/", "<p>I'm not a robot</p>")
    captured = await take(server.page("/", body, title=title))
    assert captured.result.verdict is Verdict.OK
    assert "Things for the house" in text(captured)
