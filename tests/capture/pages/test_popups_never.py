"""What is never done: nothing is submitted, followed, bought, or taken for an overlay that is a part of the page."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import (
    AWAY,
    BAR,
    BOX,
    COOKIES,
    REMAINS,
    SHOP,
    TALL,
    clicks,
    meddling,
    ours,
    overlay,
    patient,
    tiled,
    tiles_left,
    traces,
)
from testkit.captured import details, doubts, text
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINKS = {
    "link": '<a href="/bad">Accept all</a>',
    "new-window": '<a href="/bad" target="_blank">Accept all</a>',
    "link-in-frame": '<iframe name="l" hidden></iframe><a href="/bad" target="l">Accept all</a>',
    "button-in-link": '<a href="/bad"><button type="button">Accept all</button></a>',
    "role-in-link": '<a href="/bad"><span role="button">Accept all</span></a>',
    "mail": '<a href="mailto:a@b.c">OK</a>',
    "telephone": '<a href="tel:123">Accept</a>',
    "market": '<a href="market://details">OK</a>',
    "download": '<a href="/bad" download>Accept</a>',
    "script-leads": "<a href=\"javascript:location='/bad'\">Accept</a>",
    "hash-elsewhere": '<a href="/bad#top">Accept</a>',
}
FORMS = {
    "submit": '<form action="/bad"><button>Accept all</button></form>',
    "post": '<form action="/bad" method="post"><button type="submit">Accept all</button></form>',
    "handler": "<form onsubmit=\"fetch('/bad'); return false\"><button>Accept all</button></form>",
    "window": '<form action="/bad" target="_blank"><button>Accept all</button></form>',
    "frame": '<iframe name="f" hidden></iframe><form action="/bad" target="f"><button>Accept</button></form>',
    "outside": '<form id="o" action="/bad"></form><button form="o">Accept all</button>',
    "action": '<form><button formaction="/bad">Accept all</button></form>',
    "input": '<form action="/bad"><input type="submit" value="OK"></form>',
    "image": '<form action="/bad"><input type="image" alt="Close" src="x.png" width="20" height="20"></form>',
    "label": '<form action="/bad"><input type="submit" id="s" hidden><label for="s">Accept all</label></form>',
}


@pytest.mark.parametrize("tiles", [LINKS, FORMS], ids=["links", "forms"])
async def test_nothing_is_followed_and_nothing_is_submitted(
    server: PageServer, take: Take, tiles: dict[str, str]
) -> None:
    captured = await take(server.page("/", tiled(tiles)), policy=patient(vendor_timeout=1.2, clicks_per_pass=16))
    assert server.hits["/bad"] == 0
    assert captured.result.final_url == server.url("/")
    assert ours(captured) == []
    assert tiles_left(captured, tiles) == set(tiles)
    assert traces(captured) == REMAINS


@pytest.mark.parametrize("trap", ["new-window", "link-in-frame", "frame", "window", "handler"])
async def test_not_even_by_the_vendor_rules(server: PageServer, take: Take, trap: str) -> None:
    banner = overlay(COOKIES + (LINKS | FORMS)[trap])
    captured = await take(server.page("/", SHOP + banner), policy=patient(vendor_timeout=1.2))
    assert server.hits["/bad"] == 0
    assert traces(captured) == REMAINS


BUYING = [
    "Buy now",
    "Add to cart",
    "Subscribe",
    "Checkout",
    "Download",
    "Get my code",
    "In den Warenkorb",
    "Jetzt kaufen",
    "Ajouter au panier",
    "S'inscrire",
    "Comprar ahora",
    "Acquista",
    "In winkelwagen",
    "Kup teraz",
    "カートに入れる",
    "立即购买",
]


async def test_nothing_is_bought(server: PageServer, take: Take) -> None:
    tiles = {
        name: f'<button type="button" class="close-out" onclick="fetch(\'/bad\')">{name}</button>' for name in BUYING
    }
    captured = await take(server.page("/", tiled(tiles)), policy=patient(clicks_per_pass=16))
    assert server.hits["/bad"] == 0
    assert ours(captured) == []
    assert tiles_left(captured, tiles) == set(tiles)


LEADING = {
    "script": "location = '/away'; it.remove()",
    "form.submit": "f.submit(); it.remove()",
    "form in a frame": "f.target = 'inner'; f.submit(); it.remove()",
    "window.open": "window.open('/away'); it.remove()",
    "requestSubmit": "g.requestSubmit(); it.remove()",
    "reload": "it.remove(); location.reload()",
    "pushState": "it.remove(); history.pushState({}, '', '/away')",
    "replaceState": "it.remove(); history.replaceState({}, '', '/away')",
    "fragment": "it.remove(); location.hash = 'away'",
}


@pytest.mark.parametrize("way", LEADING)
async def test_a_button_that_leads_away_does_not_get_there(server: PageServer, take: Take, way: str) -> None:
    trap = (
        '<form id="f" action="/away"></form><iframe name="inner" hidden></iframe>'
        + "<form id='g' onsubmit=\"fetch('/away')\"></form>"
        + overlay(f'{COOKIES}<button type="button" onclick="{LEADING[way]}">Accept</button>')
    )
    captured = await take(server.page("/", SHOP + trap), policy=DISMISSING)
    assert (server.hits["/away"], server.hits["/"]) == (0, 1)
    assert captured.result.final_url == server.url("/")
    assert traces(captured) == set()


async def test_what_slips_under_the_pointer_is_not_clicked(server: PageServer, take: Take) -> None:
    trap = (
        overlay(
            f"""{COOKIES}<button type="button" id="yes" {AWAY}>Accept all</button>
        <button type="button" id="buy" hidden onclick="fetch('/bought')">Buy now</button>"""
        )
        + """<script>
      const swap = () => { yes.hidden = true; buy.hidden = false };
      yes.addEventListener("pointerenter", swap); yes.addEventListener("pointerdown", swap)</script>"""
    )
    captured = await take(server.page("/", SHOP + trap), policy=DISMISSING)
    assert server.hits["/bought"] == 0
    assert traces(captured) == REMAINS


async def test_a_button_that_runs_away_is_let_go(server: PageServer, take: Take) -> None:
    trap = (
        overlay(f"{COOKIES}<button type='button' id='b' style='position:absolute'>Accept all</button>")
        + """<script>
      let at = 0; b.onpointerover = () => { b.style.left = `${at = (at + 300) % 900}px` }</script>"""
    )
    captured = await take(server.page("/", SHOP + trap), policy=DISMISSING)
    assert [event["result"] for event in ours(captured)] == ["remained"] * len(ours(captured))
    assert traces(captured) == REMAINS


async def test_a_page_that_swallows_every_click_is_told_of(server: PageServer, take: Take) -> None:
    deaf = "<script>for (const type of ['click', 'mousedown', 'pointerdown'])"
    deaf += " addEventListener(type, (event) => event.stopImmediatePropagation(), true)</script>"
    captured = await take(
        server.page("/", SHOP + overlay(f"{COOKIES}<button type='button' {AWAY}>OK</button>"), head=deaf),
        policy=DISMISSING,
    )
    assert {event["result"] for event in clicks(captured)} == {"remained"}
    assert traces(captured) == REMAINS


DIALOG = 'role="dialog" aria-modal="true"'
FURNITURE = """<header style="position:sticky;top:0;height:80px;background:#eee;z-index:50">FURNITURE
    <nav><a href="/a">A</a></nav><button type="button" aria-label="Close menu">x</button></header>
  <div style="position:sticky;top:80px;height:40px;background:#fe0;z-index:49">Sign up: 20% off everything
    <button type="button" aria-label="Close">x</button></div>
  {shop}
  <div style="position:fixed;right:10px;bottom:10px;width:60px;height:60px;background:#00f;z-index:99">Chat</div>
  <div class="chat-window" style="position:fixed;right:10px;bottom:80px;width:340px;height:400px;z-index:99">
    How can we help? <a href="/privacy">Privacy</a><button type="button" aria-label="Close">x</button></div>
  <div role="status" style="position:fixed;left:10px;top:200px;width:240px;height:80px;z-index:50">Anna bought a stool
    <button type="button" aria-label="Close">x</button></div>
  <div style="position:fixed;left:10px;bottom:100px;width:180px;height:60px;z-index:9"><button>Get 10%
      off</button></div>
  <div style="position:fixed;left:10px;bottom:170px;width:180px;height:50px;z-index:9"><a>Cookie settings</a></div>
  <div style="position:fixed;left:0;right:0;bottom:0;height:80px;background:#fff;z-index:9">Beech stool € 89, -20% off
    <button type="button">Add to cart</button></div>
  <div id="cart-drawer" {dialog} style="position:fixed;right:-400px;top:0;bottom:0;width:400px;z-index:99">Your cart
    <button type="button" aria-label="Close">x</button></div>
  <div {dialog} style="position:fixed;inset:0;visibility:hidden;z-index:99">Zoom <button>Close</button></div>
  <div {dialog} style="position:fixed;inset:0;opacity:0;z-index:99;pointer-events:none">Zoom
      <button>Close</button></div>
  <div {dialog} style="position:fixed;inset:0;transform:translateX(-100%);z-index:99">Menu <button>Close</button></div>
  <div style="position:fixed;inset:0;pointer-events:none;z-index:999"></div>
  <dialog>Size guide <button>Close</button></dialog>
  <div role="dialog" aria-label="Size guide"><h2>Size guide</h2><p>S M L</p></div>
  <footer>We use cookies, see our privacy policy and the GDPR. <form action="/bad"><input
      type="email"><button>OK</button>
    </form></footer>"""


@pytest.mark.parametrize("viewport", list(Viewport))
async def test_the_furniture_of_a_shop_is_left_alone(server: PageServer, take: Take, viewport: Viewport) -> None:
    page = FURNITURE.format(shop=TALL, dialog=DIALOG)
    captured = await take(server.page("/", page), policy=DISMISSING, viewport=viewport)
    assert meddling(captured) == set()
    assert server.hits["/bad"] == 0


FOOT = "position:{};left:0;right:0;bottom:0;height:120px;background:#eee"
LAYOUTS = {
    "unseen cover": f'{SHOP}<p>FURNITURE</p><div style="position:fixed;inset:0;opacity:0;z-index:99"></div>',
    "cart drawer": f"""{SHOP}<div role="dialog" aria-label="Cart"
      style="position:fixed;right:0;top:0;bottom:0;width:400px;
      background:#fff;z-index:99">FURNITURE Your cart <button type="button" aria-label="Close">×</button></div>""",
    "cookie policy": "<main><h1>FURNITURE cookie policy</h1>"
    + "<p>We use cookies. You can accept cookies or reject cookies. Things for the house.</p>" * 30
    + "<button type='button' onclick=\"fetch('/bad')\">Accept all</button></main>",
    "cookie policy in a box": "<div style='position:fixed;inset:0;overflow:auto;z-index:10'><h1>FURNITURE</h1>"
    + "<p>We use cookies. You can accept cookies or reject cookies. Things for the house.</p>" * 30
    + "<button type='button' onclick=\"fetch('/bad')\">Accept all</button></div>",
    "fixed box": f"""<div style="position:fixed;inset:0;overflow:auto;z-index:10">FURNITURE{SHOP.replace("main", "div")}
      <form><input type="email"><button>Subscribe</button></form>{SHOP.replace("main", "div")}</div>""",
    "locked box": f"""<style>html, body {{ overflow: hidden; height: 100% }}</style>
      <div style="position:absolute;inset:0;overflow:auto;z-index:10">FURNITURE{
        SHOP.replace("main", "div") * 2
    }</div>""",
    "absolute box": f'<div style="position:absolute;top:0;left:0;width:100%;z-index:10">FURNITURE{TALL}</div>',
    "fixed ground": f"""<div style="position:fixed;inset:0;z-index:-1;background:#eee"></div>
      <div style="position:relative;z-index:20">FURNITURE{TALL}</div>""",
    "hero": f"""<section style="position:relative;height:700px"><div
      style="position:absolute;inset:0;z-index:20;background:#0a0">
      <h2>FURNITURE: summer sale, 20% off, join our newsletter</h2><input type="email"></div></section>{TALL}""",
    "hero that stays": f"""<div style="position:fixed;inset:0;background:#0a0;z-index:0"><h2>FURNITURE: sale, 20%
      off</h2></div>
      <div style="position:relative;z-index:1;margin-top:100vh;background:#fff">{TALL}</div>""",
    "hero that sticks": f"""<div style="height:2400px"><section
      style="position:sticky;top:0;height:700px;background:#0a0">
      <h2>FURNITURE</h2><button type="button" aria-label="Close">x</button></section></div>{SHOP}""",
    "filters": f"""<div style="display:flex"><div
      style="position:sticky;top:0;align-self:start;width:420px;height:880px">
      FURNITURE <label><input type="checkbox">Wood</label><button type="button" aria-label="Close">x</button></div>
      <div>{TALL}</div></div>""",
    "side menu": f"""<div style="position:fixed;left:0;top:0;bottom:0;width:260px;z-index:20">FURNITURE <a
      href="/a">Lamps</a>
      <a href="/b">Chairs</a> <a href="/p">Privacy, cookies</a></div><div style="margin-left:270px">{TALL}</div>""",
    "fixed foot": f"""{TALL}<div style="{FOOT.format("fixed")};z-index:9">FURNITURE <a href="/privacy">Privacy
      policy</a>
      <a href="/imprint">Imprint</a> <a href="/cookies">Cookie settings</a></div>""",
    "cookies for sale": f"""{TALL}<div style="{FOOT.format("fixed")};z-index:9">FURNITURE: chocolate chip cookies,
      twelve of them, € 9.00 <button type="button">Add to cart</button></div>""",
    "shipping in the top bar": f"""<div style="position:fixed;left:0;right:0;top:0;height:90px;z-index:9">
      FURNITURE, deliver to: <select><option>USA</select><button type="button">Confirm</button></div>
      <div style="height:90px"></div>{TALL}""",
    "sticky foot": f"""{TALL}<footer style="{FOOT.format("sticky")}">FURNITURE: we use cookies, see our <a
      href="/privacy">
      privacy policy</a></footer>""",
}


async def test_a_bar_to_buy_from_is_left_alone_on_a_phone(server: PageServer, take: Take) -> None:
    bar = f"""<div style="{FOOT.format("fixed")};height:260px;z-index:9">FURNITURE: beech stool € 89
      <label>Size <select><option>S</select></label><button type="button">Add to cart</button></div>"""
    captured = await take(server.page("/", TALL + bar), policy=DISMISSING, viewport=Viewport.MOBILE)
    assert meddling(captured) == set()


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_page_is_not_taken_for_an_overlay(server: PageServer, take: Take, layout: str) -> None:
    captured = await take(server.page("/", LAYOUTS[layout]), policy=DISMISSING)
    assert meddling(captured) == set()
    assert "Things for the house" in text(captured)
    assert server.hits["/bad"] == 0


async def test_a_chat_that_asks_for_consent_is_answered(server: PageServer, take: Take) -> None:
    banner = overlay(f"{COOKIES}<button type='button' {AWAY}>Accept</button>", BOX, 'class="messenger"')
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert details(captured, "overlay_hide_fallback") == []
    assert "overlay_remaining" not in doubts(captured)
    assert traces(captured) == set()


async def test_a_bar_is_not_lost_among_the_furniture(server: PageServer, take: Take) -> None:
    page = FURNITURE.format(shop=TALL, dialog=DIALOG) + overlay(
        f"{COOKIES}<button type='button' {AWAY}>Accept</button>", BAR + ";height:300px"
    )
    captured = await take(server.page("/", page), policy=DISMISSING)
    assert traces(captured) == set()
