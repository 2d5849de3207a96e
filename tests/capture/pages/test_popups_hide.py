"""The last resort: what blocks the page is hidden, once, by the policy's rule, and the page can be scrolled again."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import BOX, REMAINS, SHOP, TALL, WALL, traces
from testkit.captured import details, html, picture, text
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BLOCK = '<div id="wall" style="{}">OVERLAY</div>'
LOCKS = {
    "none": ("", 0),
    "html": ("<style>html { overflow: hidden }</style>", 1),
    "body": ("<style>body { overflow: hidden }</style>", 1),
    "both": ("<style>html, body { overflow: hidden !important; height: 100vh !important }</style>", 2),
    "clip": ("<style>body { overflow-y: clip }</style>", 1),
    "fixed": ("<style>body { position: fixed; top: -300px; left: 0; width: 100% }</style>", 1),
    "touch": ("<style>html { overflow: hidden } body { touch-action: none; overscroll-behavior: none }</style>", 1),
    "class": (
        """<style>.open { overflow: hidden } .open body { overflow: hidden; height: 100%; position: relative }</style>
        <script>document.documentElement.className = "open"</script>""",
        2,
    ),
}


@pytest.mark.parametrize("lock", LOCKS)
async def test_a_wall_is_hidden_and_scrolling_unlocked(server: PageServer, take: Take, lock: str) -> None:
    head, unlocked = LOCKS[lock]
    viewport = Viewport.MOBILE if lock == "touch" else Viewport.DESKTOP
    end = '<div style="height:50px;background:#0f0">The end</div>'
    page = server.page("/", TALL + end + BLOCK.format(WALL), head=head)
    captured = await take(page, policy=DISMISSING, viewport=viewport)
    (event,) = details(captured, "overlay_hide_fallback")
    assert (event["hidden"], event["hidden_in_frames"], event["unlocked"]) == (1, 0, unlocked)
    assert traces(captured) == set()
    assert 'id="wall"' in html(captured)
    shown = picture(captured)
    assert shown.height > 2400
    assert (0, 255, 0) in {shown.getpixel((9, row)) for row in range(shown.height - 60, shown.height)}


HIDDEN = {
    "absolute": BLOCK.format("position:absolute;left:0;top:0;width:100%;height:900px;background:#f00;z-index:10"),
    "two": BLOCK.format(WALL) + f'<div style="{WALL};z-index:1000">OVERLAY, too</div>',
    "parts that insist": f'<div style="{WALL}">OVERLAY<p style="visibility:visible !important">OVERLAY</p></div>',
    "in a shadow tree": f"""<div id="host"></div><script>host.attachShadow({{mode: "open"}}).innerHTML =
      `<div style="{WALL}">OVERLAY <b style="visibility:visible">text</b></div>`</script>""",
    "modal dialog": f'<dialog id="d" style="{WALL};width:90%;height:90%">OVERLAY</dialog>'
    "<script>d.showModal()</script>",
    "aside, and locked": BLOCK.format("position:fixed;left:0;top:0;width:45%;height:100%;background:#f00;z-index:10")
    + "<style>body { overflow: hidden }</style>",
}


@pytest.mark.parametrize("form", HIDDEN)
async def test_what_blocks_the_page_by_the_rule_is_hidden(server: PageServer, take: Take, form: str) -> None:
    captured = await take(server.page("/", SHOP + HIDDEN[form]), policy=DISMISSING)
    (event,) = details(captured, "overlay_hide_fallback")
    assert event["hidden"] == (2 if form == "two" else 1)
    assert traces(captured) == set()


SPARED = {
    "lower layer": BLOCK.format("position:fixed;inset:0;background:#f00;z-index:9"),
    "two fifths": BLOCK.format("position:fixed;left:0;top:0;width:100%;height:40%;background:#f00;z-index:99")
    + "<style>body { overflow: hidden }</style>",
    "off the centre": BLOCK.format("position:fixed;left:0;top:0;width:45%;height:100%;background:#f00;z-index:99"),
    "small dialog": f'<dialog id="d" style="{BOX};width:40%;height:40%">OVERLAY</dialog><script>d.showModal()</script>',
}


@pytest.mark.parametrize("form", SPARED)
async def test_what_falls_short_of_the_rule_is_not_hidden_but_told_of(
    server: PageServer, take: Take, form: str
) -> None:
    captured = await take(server.page("/", SHOP + SPARED[form]), policy=DISMISSING)
    assert details(captured, "overlay_hide_fallback") == []
    assert traces(captured) == REMAINS


@pytest.mark.parametrize("tag", ["main", "header", "nav", "footer"])
async def test_the_pages_own_parts_are_never_hidden(server: PageServer, take: Take, tag: str) -> None:
    shop = SHOP.replace("main", "div")
    part = f'<{tag} style="position:fixed;inset:0;z-index:99;background:#0a0">FURNITURE</{tag}>'
    page = server.page("/", shop + part, head="<style>body { overflow: hidden }</style>")
    captured = await take(page, policy=DISMISSING)
    assert details(captured, "overlay_hide_fallback") == []
    assert "FURNITURE" in text(captured)


async def test_a_wall_that_shows_itself_again_is_told_of(server: PageServer, take: Take) -> None:
    stubborn = "<script>setInterval(() => { wall.style.visibility = 'visible' }, 20)</script>"
    captured = await take(server.page("/", SHOP + BLOCK.format(WALL) + stubborn), policy=DISMISSING)
    assert len(details(captured, "overlay_hide_fallback")) == 1
    assert traces(captured) == REMAINS
