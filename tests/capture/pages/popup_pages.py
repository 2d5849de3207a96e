"""Pages with overlays, and what their captures must show: an overlay speaks and is red, and nothing of the shop is."""

from __future__ import annotations

from typing import Any

from capture.conftest import DISMISSING, TEXT
from testkit.captured import details, doubts, picture, text
from webaudit_capture.capture import Captured
from webaudit_capture.contract import Verdict
from webaudit_capture.policy import CrawlPolicy

SHOP = f"<main><h1>Wool and wood</h1><p>{TEXT * 2}</p><a href='/sale'>Shop now</a></main>"
TALL = (
    f"<main><h1>Wool and wood</h1><p>{TEXT * 2}</p><a href='/sale'>Shop now</a><div style='height:2400px'></div></main>"
)
RED = (255, 0, 0)
HUE = "background:#f00;z-index:999"
BAR = f"position:fixed;left:0;right:0;bottom:0;height:220px;{HUE}"
BOX = f"position:fixed;left:20%;top:10%;width:60%;height:60%;{HUE}"
WALL = f"position:fixed;inset:0;{HUE}"
COOKIES = "<p>OVERLAY: we use cookies to make our shop better.</p>"
OFFER = "<h2>OVERLAY: 10% off your first order</h2><input type='email'><button type='button'>Subscribe</button>"
AWAY = "onclick=\"document.getElementById('it').remove()\""


def patient(**popups: Any) -> CrawlPolicy:
    """DISMISSING with other values for overlays."""
    return DISMISSING.model_copy(update={"popups": DISMISSING.popups.model_copy(update=popups)})


def overlay(inner: str, style: str = BAR, attributes: str = "") -> str:
    return f'<div id="it" style="{style}" {attributes}>{inner}</div>'


def button(label: str, attributes: str = "") -> str:
    return f'<button type="button" {attributes} {AWAY}>{label}</button>'


def shadowed(inner: str, mode: str = "open", host: str = "it") -> str:
    """An element whose shadow tree holds `inner`, where a press of a button removes it all."""
    return f"""<div id="{host}"></div><script>{{
      const host = document.getElementById("{host}"), tree = host.attachShadow({{mode: "{mode}"}});
      tree.innerHTML = `{inner}`;
      for (const one of tree.querySelectorAll("button")) one.onclick = () => host.remove();
    }}</script>"""


def tiled(tiles: dict[str, str]) -> str:
    """Up to sixteen overlays side by side, each with its name in its text; `gone(this)` removes the caller's."""
    assert len(tiles) <= 16
    boxes = [
        f'<div class="tile" style="position:fixed;left:{25 * (place % 4)}%;top:{25 * (place // 4)}%;width:24%;'
        f'height:24%;background:#f00;z-index:99"><p>OVERLAY-{name}: we use cookies to serve you.</p>{inner}</div>'
        for place, (name, inner) in enumerate(tiles.items())
    ]
    return f"<script>const gone = (at) => at.closest('.tile').remove()</script>{SHOP}{''.join(boxes)}"


def tiles_left(captured: Captured, tiles: dict[str, str]) -> set[str]:
    shown = text(captured)
    return {name for name in tiles if f"OVERLAY-{name}:" in shown}


def red(captured: Captured) -> int:
    """Pixels of overlays in the screenshot."""
    colours = picture(captured).getcolors(maxcolors=1 << 24)
    assert colours is not None
    return sum(count for count, colour in colours if colour == RED)


def clicks(captured: Captured) -> list[dict[str, Any]]:
    """What is told of clicks: dismissals first."""
    return details(captured, "popup_dismissed") + details(captured, "popup_remained")


def ours(captured: Captured) -> list[dict[str, Any]]:
    """The same without what the vendor rules did."""
    return [click for click in clicks(captured) if click["strategy"] != "vendor"]


def traces(captured: Captured) -> set[str]:
    """What the evidence shows of overlays: empty when it is the shop's alone, and whole."""
    found = {
        "text": "OVERLAY" in text(captured),
        "colour": red(captured) > 0,
        "doubt": "overlay_remaining" in doubts(captured),
        "page lost": captured.result.verdict is not Verdict.OK or "Things for the house" not in text(captured),
    }
    return {name for name, true in found.items() if true}


REMAINS = {"text", "colour", "doubt"}
"""The traces of an overlay that is in the evidence and said to be."""


def meddling(captured: Captured) -> set[str]:
    """What was done to a page that has nothing to dismiss, or said of it."""
    found = {
        "clicked": clicks(captured) != [],
        "hidden": details(captured, "overlay_hide_fallback") != [],
        "doubted": "overlay_remaining" in doubts(captured),
        "lost": captured.result.verdict is not Verdict.OK or "FURNITURE" not in text(captured),
    }
    return {name for name, true in found.items() if true}
