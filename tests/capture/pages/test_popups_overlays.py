"""Overlays of shops' own making: in whatever form, with whatever control, and whenever they come."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import (
    AWAY,
    BAR,
    BOX,
    COOKIES,
    OFFER,
    REMAINS,
    SHOP,
    TALL,
    WALL,
    button,
    clicks,
    ours,
    overlay,
    patient,
    tiled,
    tiles_left,
    traces,
)
from testkit.captured import details, html
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

GONE = 'onclick="gone(this)"'
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
CROSS = '<svg viewBox="0 0 9 9" width="20" height="20"><path d="M0 0L9 9M9 0L0 9" stroke="#000"/></svg>'
ICON = 'style="width:30px;height:30px;padding:0"'
BLOCK = 'style="display:block;width:30px;height:30px"'

BUTTONS = {
    "ok": f"<button {GONE}>OK!</button>",
    "input": f'<input type="button" value="Accept all cookies" {GONE}>',
    "role": f'<span role="button" {GONE}>I accept</span>',
    "div-onclick": f"<div {GONE}>Got it</div>",
    "div-pointer": '<div class="listens" style="cursor:pointer">Accept all</div>',
    "div-bare": '<div class="listens"><span>Accept</span></div>',
    "focusable": '<span class="listens" tabindex="0">Agree &amp; close</span>',
    "link-hash": f'<a href="#" {GONE}>Accept</a>',
    "link-void": f'<a href="javascript:void(0)" {GONE}>Accept</a>',
    "link-empty": f'<a href="javascript:;" {GONE}>Accept</a>',
    "link-call": "<a href=\"javascript:gone(document.querySelector('.call'))\" class='call'>Accept</a>",
    "link-bare": f"<a {GONE}>Accept</a>",
    "link-whole": f'<a href="/#" {GONE}>Accept</a>',
    "capitals": f'<button {GONE} style="text-transform:uppercase">Accept all</button>',
    "emoji": f"<button {GONE}>🍪 Accept cookies ✔️</button>",
}
CROSSES = {
    "sign": f"<div {GONE} style='width:20px'>×</div>",
    "label": f'<button aria-label="Close" {GONE} {ICON}></button>',
    "title": f'<button title="Dismiss" {GONE} {ICON}></button>',
    "svg-corner": f'<button {GONE} style="position:absolute;top:4px;right:4px;width:30px;height:30px">{CROSS}</button>',
    "svg-class": f'<button class="modal__close" {GONE} {ICON}>{CROSS}</button>',
    "svg-use": f'<button {GONE} {ICON}><svg width="20" height="20"><use href="#icon-close"/></svg></button>',
    "svg-title": f'<button {GONE} {ICON}><svg width="20" height="20"><title>Close</title></svg></button>',
    "before": f'<button class="drawn" {GONE} {ICON}></button>',
    "before-span": f'<span class="drawn" {GONE} {BLOCK}></span>',
    "alt": f'<button {GONE}><img alt="Close" src="{DOT}" width="20" height="20"></button>',
    "image-alone": f'<img alt="Close" {GONE} src="{DOT}" width="20" height="20">',
    "file": f'<button {GONE} {ICON}><img alt="" src="/icons/close.svg" width="20" height="20"></button>',
    "camel": f'<div class="popupClose" {GONE} {BLOCK}></div>',
    "font": f'<button {GONE} {ICON}><i class="fa fa-times"></i></button>',
    "dismiss": f'<button data-dismiss="modal" class="btn-close" {GONE} {ICON}></button>',
}


@pytest.mark.parametrize("tiles", [BUTTONS, CROSSES], ids=["buttons", "crosses"])
async def test_a_control_is_known_in_whatever_way_it_is_written(
    server: PageServer, take: Take, tiles: dict[str, str]
) -> None:
    page = tiled(tiles) + "<style>.drawn::before { content: '✕' }</style><script>"
    page += "for (const one of document.querySelectorAll('.listens')) one.onclick = () => gone(one)</script>"
    policy = patient(clicks_per_pass=16, settle_after_click=0.02, stable_wait=0.02, timeout=10.0)
    captured = await take(server.page("/", page), policy=policy)
    assert tiles_left(captured, tiles) == set()
    assert traces(captured) == set()
    assert captured.result.final_url == server.url("/")


DIALOGS = {
    "modal": f'<dialog id="it" style="{BOX}">{COOKIES}<button onclick="it.close()">Accept</button></dialog>'
    "<script>it.showModal()</script>",
    "modal-form": f'<dialog id="it" style="background:#f00">{OFFER}<form method="dialog"><button aria-label="Close">✕'
    "</button></form></dialog><script>it.showModal()</script>",
    "open": f'<dialog id="it" open style="{BAR}">{COOKIES}<button onclick="it.close()">Accept</button></dialog>',
    "popover": f'<div id="it" popover="manual" style="background:#f00;width:50%;height:50%">{OFFER}'
    '<button popovertarget="it" popovertargetaction="hide" aria-label="Close">x</button></div>'
    "<script>it.showPopover()</script>",
    "role": overlay(OFFER + button("Maybe later"), BOX, 'role="dialog"'),
    "alertdialog": overlay(OFFER + button("Not now"), BOX, 'role="alertdialog"'),
    "aria-modal": overlay(OFFER + button("No, thanks. I like full prices"), BOX, 'aria-modal="true"'),
    "absolute": overlay(OFFER + button("Skip"), BOX.replace("fixed", "absolute"), 'role="dialog"'),
}


@pytest.mark.parametrize("form", DIALOGS)
async def test_a_dialog_is_closed_in_whatever_way_it_is_made(server: PageServer, take: Take, form: str) -> None:
    captured = await take(server.page("/", SHOP + DIALOGS[form]), policy=DISMISSING)
    assert len(clicks(captured)) == 1
    assert traces(captured) == set()


ODD = {
    "under the pointer only": overlay(
        f"{COOKIES}<style>#b {{ visibility: hidden }} #it:hover #b {{ visibility: visible }}</style>"
        + button("Accept all", 'id="b"')
    ),
    "in motion": overlay(
        "<style>@keyframes hop { 50% { transform: translateY(12px) } } #b { animation: hop 1s infinite }</style>"
        + COOKIES
        + button("Accept all", 'id="b"')
    ),
    "slow to fade": overlay(
        f"""{COOKIES}<button type="button" onclick="it.style.transition = 'opacity .4s'; it.style.opacity = 0;
        setTimeout(() => it.remove(), 450)">Accept all</button>"""
    ),
    "below the fold": overlay(
        f"{COOKIES}<div style='height:1500px'></div>" + button("Accept all"), f"{BOX};overflow:auto", 'role="dialog"'
    ),
    "beside the box": f"""<div id="w"><div style="position:fixed;inset:0;background:#f00;z-index:9"></div>
      <div style="{BOX}">{OFFER}</div><button type="button" aria-label="Close" onclick="w.remove()"
      style="position:fixed;top:4%;right:15%;width:40px;height:40px;z-index:1000"></button></div>""",
    "in the page's header": f"<header>{overlay(COOKIES + button('Accept'))}<nav><a href='/a'>A</a></nav></header>",
    "in the page's own names": overlay(
        f"""{COOKIES}<form id="f"><input name="innerText"><input name="closest"><input name="querySelector">
        <input name="method"><button type="button" {AWAY}>Accept all</button></form>"""
    )
    + "<script>document.elementFromPoint = () => null; Array.prototype.map = null</script>",
}


@pytest.mark.parametrize("place", ODD)
async def test_a_control_is_reached_where_it_is_hard_to_get_at(server: PageServer, take: Take, place: str) -> None:
    captured = await take(server.page("/", SHOP + ODD[place]), policy=DISMISSING)
    assert [event["result"] for event in ours(captured)] in ([], ["gone"])
    assert traces(captured) == set()


@pytest.mark.parametrize(
    ("viewport", "inner", "style"),
    [
        (
            Viewport.DESKTOP,
            "<h2>OVERLAY: spin the wheel and win a discount</h2><input placeholder='Your email'>"
            f"<button type='button' onclick=\"fetch('/spun')\">Spin now</button><i class='wheel-close' {AWAY} "
            "style='display:block;width:24px;height:24px'></i>",
            WALL,
        ),
        (
            Viewport.MOBILE,
            "<p>OVERLAY: get our app</p><a href='https://apps.apple.com/x'>Open</a>"
            + button("×", 'aria-label="Close"'),
            BAR.replace("bottom:0", "top:0").replace("220px", "80px"),
        ),
        (
            Viewport.MOBILE,
            "<p>OVERLAY: shop faster in the app</p><a href='market://x'>Open app</a>" + button("Continue in browser"),
            WALL,
        ),
    ],
    ids=["wheel", "app banner", "app wall"],
)
async def test_an_advertisement_is_closed_and_not_taken_up(
    server: PageServer, take: Take, viewport: Viewport, inner: str, style: str
) -> None:
    captured = await take(server.page("/", SHOP + overlay(inner, style)), policy=DISMISSING, viewport=viewport)
    assert [event["says"] for event in clicks(captured)] in (["close"], ["later"])
    assert server.hits["/spun"] == 0
    assert traces(captured) == set()


async def test_a_newsletters_form_is_neither_filled_in_nor_sent(server: PageServer, take: Take) -> None:
    news = overlay(
        f"""<form action="/subscribe" onsubmit="fetch('/sent')" oninput="fetch('/typed')" method="post">
        <h2>OVERLAY: 10% off your first order</h2><input type="email" name="email"><button>OK</button>
        <button type="button" aria-label="Close" {AWAY}>×</button></form>""",
        BOX,
    )
    captured = await take(server.page("/", SHOP + news), policy=DISMISSING, viewport=Viewport.MOBILE)
    (event,) = clicks(captured)
    assert (event["kind"], event["says"], event["result"]) == ("newsletter", "close", "gone")
    assert {"/subscribe", "/sent", "/typed"}.isdisjoint(server.hits)
    assert traces(captured) == set()


async def test_overlays_over_each_other_are_dismissed_one_by_one(server: PageServer, take: Take) -> None:
    stacked = f"""<div id="gate" style="{WALL};z-index:3">OVERLAY: choose your country <a href="/us">US</a>
        <button type="button" onclick="gate.remove()">Stay on this site</button></div>
      <div id="news" role="dialog" style="{BOX};z-index:5">{OFFER}
        <button type="button" aria-label="Close" onclick="news.remove()"></button></div>
      <div id="bar" style="{BAR};z-index:9">{COOKIES}
        <button type="button" onclick="bar.remove()">Got it</button></div>"""
    captured = await take(server.page("/", SHOP + stacked), policy=DISMISSING)
    assert {event["kind"] for event in clicks(captured)} == {"consent", "newsletter", "gate"}
    assert server.hits["/us"] == 0
    assert traces(captured) == set()


LATE = f'<template id="t">{overlay(OFFER + button("No, thanks!"), BOX, "role=dialog")}</template>'
COMING = {
    "while scrolling": (
        f"""{TALL}{LATE}<script>
        addEventListener("scroll", () => document.body.append(t.content), {{once: true}})</script>""",
        "popups_again",
    ),
    # A screenshot finishes animations, and here that brings the overlay.
    "while the evidence is taken": (
        f"""{SHOP}{LATE}<style>@keyframes slow {{ to {{ left: 1px }} }}</style>
        <i id="moving" style="position: relative; animation: slow 60s">.</i>
        <script>moving.onanimationend = () => document.body.append(t.content)</script>""",
        "screenshot#2",
    ),
    "upon another one's end": (
        f"""{SHOP}{LATE}<div id="bar" style="{BAR}">{COOKIES}<button type="button"
        onclick="bar.remove(); document.body.append(t.content)">Accept</button></div>""",
        "settle_after_popups",
    ),
}


@pytest.mark.parametrize("when", COMING)
async def test_an_overlay_that_comes_late_is_closed_before_the_evidence_counts(
    server: PageServer, take: Take, when: str
) -> None:
    page, stage = COMING[when]
    captured = await take(server.page("/", page), policy=DISMISSING)
    assert "no thanks" in [event.get("name") for event in details(captured, "popup_dismissed")]
    assert stage in captured.result.load_timings["stages"]
    assert traces(captured) == set()


async def test_an_overlay_that_comes_when_the_pointer_leaves_does_not_come(server: PageServer, take: Take) -> None:
    leaving = f"""{SHOP}{LATE}<script>document.documentElement.addEventListener("mouseleave",
      () => document.body.append(t.content))</script><div id="bar" style="{BAR}">{COOKIES}
      <button type="button" onclick="bar.remove()">Accept</button></div>"""
    captured = await take(server.page("/", leaving), policy=DISMISSING)
    assert len(clicks(captured)) == 1
    assert traces(captured) == set()


@pytest.mark.parametrize("after", [0, 60], ids=["at once", "a moment later"])
async def test_an_overlay_that_puts_itself_up_again_gets_one_click_in_each_pass(
    server: PageServer, take: Take, after: int
) -> None:
    again = (
        overlay(f"{COOKIES}<button type='button'>Accept</button>")
        + f"""<script>
      const kept = it.outerHTML;
      document.addEventListener("click", ({{ target }}) => {{
        if (target.tagName !== "BUTTON") return;
        target.closest("#it").remove();
        const put = () => document.body.insertAdjacentHTML("beforeend", kept);
        {after} ? setTimeout(put, {after}) : put();
      }})</script>"""
    )
    captured = await take(server.page("/", SHOP + again), policy=DISMISSING)
    assert len(ours(captured)) == 2
    assert traces(captured) == REMAINS


async def test_a_thousand_overlays_end_with_the_passes(server: PageServer, take: Take) -> None:
    crowd = f"""<template id="t"><div style="{BOX}">{OFFER}<button type="button" aria-label="Close"
      onclick="this.parentElement.remove()"></button></div></template><script>
      for (let i = 0; i < 1000; i++) {{ document.body.append(t.content.cloneNode(true)) }}</script>"""
    captured = await take(server.page("/", SHOP + crowd), policy=DISMISSING)
    assert len(clicks(captured)) == 2
    assert traces(captured) == REMAINS


async def test_a_page_that_hangs_upon_a_click_is_left_to_its_deadline(server: PageServer, take: Take) -> None:
    hang = "const until = Date.now() + 900; while (Date.now() < until);"
    banner = overlay(f'{COOKIES}<button type="button" onclick="{hang} it.remove()">Accept all</button>')
    captured = await take(server.page("/", SHOP + banner), policy=patient(timeout=0.5))
    stages = captured.result.load_timings["stages"]
    assert "timeout" in {stages["popups"]["outcome"], stages.get("popups_again", stages["popups"])["outcome"]}
    assert "Wool and wood" in html(captured)
