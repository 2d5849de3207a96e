"""Overlays: which are dismissed, by what, and what is never clicked."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from testkit.captured import details, doubts, html, picture, text
from testkit.pages import PageServer
from webaudit_capture.capture import Captured
from webaudit_capture.contract import Verdict, Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "<h1>Wool and wood</h1><p>" + "Things for the house, made to last. " * 20 + "</p>"
RED = (255, 0, 0)
BAR = "position:fixed;left:0;right:0;bottom:0;height:220px;background:#f00;z-index:999"
BOX = "position:fixed;left:20%;top:20%;width:60%;height:60%;background:#f00;z-index:999"
WHOLE = "position:fixed;inset:0;background:#f00;z-index:999"


def red(captured: Captured) -> int:
    colours = picture(captured).getcolors(maxcolors=1 << 24)
    assert colours is not None
    return sum(count for count, colour in colours if colour == RED)


def closing(label: str, attributes: str = "") -> str:
    return f'<button type="button" {attributes} onclick="document.getElementById(\'it\').remove()">{label}</button>'


async def test_a_known_consent_vendor_is_answered_by_its_rules(server: PageServer, take: Take) -> None:
    banner = f"""<div id="onetrust-consent-sdk"><div id="onetrust-banner-sdk" style="{BAR}">
      <p>We use cookies.</p>
      <button id="onetrust-pc-btn-handler">Settings</button>
      <button id="onetrust-reject-all-handler"
        onclick="this.closest('#onetrust-consent-sdk').remove(); document.title = 'refused'">Reject All</button>
      <button id="onetrust-accept-btn-handler" onclick="document.title = 'accepted'">Accept</button>
    </div></div>"""
    patient = DISMISSING.popups.model_copy(update={"vendor_timeout": 2.0})
    policy = DISMISSING.model_copy(update={"popups": patient})
    captured = await take(server.page("/", SHOP + banner), policy=policy)
    (event,) = details(captured, "popup_dismissed")
    assert (event["strategy"], event["result"]) == ("vendor", "gone")
    assert "<title>refused</title>" in html(captured)
    assert red(captured) == 0
    assert "overlay_remaining" not in doubts(captured)


async def test_a_home_made_german_banner_is_accepted(server: PageServer, take: Take) -> None:
    banner = f"""<div id="it" style="{BAR}"><p>Wir verwenden Cookies, siehe Datenschutz.</p>
      <button type="button">Einstellungen</button>{closing("Alle akzeptieren")}</div>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    (event,) = details(captured, "popup_dismissed")
    assert (event["kind"], event["name"], event["says"]) == ("consent", "alle akzeptieren", "accept")
    assert red(captured) == 0


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        ("Continuer sans accepter", "Tout accepter"),
        ("Rifiuta tutto", "Accetta tutto"),
        ("Odrzuć wszystkie", "Akceptuj wszystkie"),
    ],
)
async def test_refusing_comes_before_accepting(server: PageServer, take: Take, refuse: str, accept: str) -> None:
    banner = f"""<div id="it" role="dialog" style="{BOX}"><p>Cookies</p>
      <button type="button" onclick="document.title = 'accepted'; it.remove()">{accept}</button>
      <button type="button" onclick="document.title = 'refused'; it.remove()">{refuse}</button>
    </div>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert "<title>refused</title>" in html(captured)


async def test_a_newsletter_that_comes_with_scrolling_is_closed_before_the_screenshot(
    server: PageServer, take: Take
) -> None:
    late = f"""<div style="height:3000px"></div><template id="t"><div id="it" style="{WHOLE}">
      <h2>10% off your first order</h2><input type="email"><button>Subscribe</button>
      {closing("×", 'class="popup-close"')}</div></template>
      <script>addEventListener("scroll", () => document.body.append(t.content), {{once: true}})</script>"""
    captured = await take(server.page("/", SHOP + late), policy=DISMISSING)
    (event,) = details(captured, "popup_dismissed")
    assert (event["kind"], event["says"]) == ("newsletter", "close")
    assert red(captured) == 0
    assert "first order" not in text(captured)


async def test_an_overlay_that_comes_while_the_evidence_is_taken_has_it_taken_again(
    server: PageServer, take: Take
) -> None:
    # A screenshot finishes animations, and here that brings the overlay.
    late = f"""<style>@keyframes slow {{ to {{ left: 1px }} }}</style>
      <i id="moving" style="position: relative; animation: slow 60s">.</i>
      <template id="t"><div id="it" role="dialog" style="{BOX}"><h2>Newsletter</h2>{closing("No, thanks!")}</div>
      </template><script>moving.onanimationend = () => document.body.append(t.content)</script>"""
    captured = await take(server.page("/", SHOP + late), policy=DISMISSING)
    (event,) = details(captured, "popup_dismissed")
    assert (event["kind"], event["name"]) == ("newsletter", "no thanks")
    assert red(captured) == 0
    assert "screenshot#2" in captured.result.load_timings["stages"]


async def test_a_banner_and_the_overlay_under_it_are_both_dismissed(server: PageServer, take: Take) -> None:
    both = f"""<div id="news" role="dialog" style="{BOX};z-index:5"><h2>Join our newsletter</h2>
      <button type="button" aria-label="Close" onclick="this.parentElement.remove()"></button></div>
      <div id="it" role="dialog" style="{WHOLE}"><p>This site uses cookies</p>{closing("Got it")}</div>"""
    captured = await take(server.page("/", SHOP + both), policy=DISMISSING)
    assert {event["kind"] for event in details(captured, "popup_dismissed")} == {"consent", "newsletter"}
    assert red(captured) == 0


async def test_what_cannot_be_dismissed_is_hidden_once_and_scrolling_unlocked(server: PageServer, take: Take) -> None:
    wall = f'<div id="wall" style="{WHOLE}"><p style="visibility:visible">Nothing to press here</p></div>'
    lock = "<style>body { overflow: hidden }</style>"
    captured = await take(server.page("/", SHOP + wall, head=lock), policy=DISMISSING)
    (event,) = details(captured, "overlay_hide_fallback")
    assert (event["hidden"], event["unlocked"]) == (1, 1)
    assert red(captured) == 0
    assert "Nothing to press" not in text(captured)
    assert 'id="wall"' in html(captured)


async def test_a_banner_in_a_shadow_root_is_found(server: PageServer, take: Take) -> None:
    banner = f"""<div id="it"></div><script>
      const root = document.getElementById("it").attachShadow({{mode: "open"}});
      root.innerHTML = `<div style="{BAR}"><p>We value your privacy</p><button type="button">I agree</button></div>`;
      root.querySelector("button").onclick = () => document.getElementById("it").remove();
    </script>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert len(details(captured, "popup_dismissed")) == 1
    assert red(captured) == 0


async def test_a_banner_in_a_frame_is_answered_there(server: PageServer, take: Take) -> None:
    server.page(
        "/consent",
        """<p>We use cookies</p>
          <button type="button" onclick="parent.postMessage('done', '*')">Accept all</button>""",
        head="<style>html { background: #f00 }</style>",
    )
    banner = f"""<div id="it" style="{BAR}"><iframe src="/consent" style="width:100%;height:100%"></iframe></div>
      <script>onmessage = () => document.getElementById("it").remove()</script>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    (event,) = details(captured, "popup_dismissed")
    assert (event["strategy"], event["name"]) == ("frame", "accept all")
    assert red(captured) == 0


async def test_a_modal_dialog_is_closed_on_a_phone(server: PageServer, take: Take) -> None:
    dialog = """<dialog id="it"><h2>Sign up</h2>
      <form method="dialog"><button aria-label="Close dialog">✕</button></form></dialog>
      <script>it.showModal()</script>"""
    captured = await take(server.page("/", SHOP + dialog), policy=DISMISSING, viewport=Viewport.MOBILE)
    assert len(details(captured, "popup_dismissed")) == 1
    assert '<dialog id="it" open' not in html(captured)


async def test_a_country_gate_keeps_to_this_site(server: PageServer, take: Take) -> None:
    gate = f"""<div id="it" style="{WHOLE}"><h2>Choose your country</h2><a href="/us">United States</a>
      {closing("Stay on this site")}</div>"""
    captured = await take(server.page("/", SHOP + gate), policy=DISMISSING)
    (event,) = details(captured, "popup_dismissed")
    assert event["kind"] == "gate"
    assert server.hits["/us"] == 0


async def test_nothing_is_submitted_followed_or_bought(server: PageServer, take: Take) -> None:
    trap = f"""<div id="it" role="dialog" style="{BOX}"><p>Cookies and privacy</p>
      <a href="/elsewhere">Accept all</a>
      <form action="/subscribe"><button>OK</button><input type="submit" value="Continue"></form>
      <button type="button" onclick="fetch('/cart')">Add to cart</button></div>"""
    captured = await take(server.page("/", SHOP + trap), policy=DISMISSING)
    assert {"/elsewhere", "/subscribe", "/cart"}.isdisjoint(server.hits)
    assert captured.result.final_url == server.url("/")
    clicks = details(captured, "popup_dismissed") + details(captured, "popup_remained")
    assert [click for click in clicks if click["strategy"] != "vendor"] == []


async def test_a_button_that_leads_away_does_not_get_there(server: PageServer, take: Take) -> None:
    trap = f"""<div id="it" style="{BAR}"><p>We use cookies</p>
      <button type="button" onclick="location.href = '/away'; this.parentElement.remove()">Accept</button></div>"""
    captured = await take(server.page("/", SHOP + trap), policy=DISMISSING)
    assert server.hits["/away"] == 0
    assert captured.result.final_url == server.url("/")
    (event,) = details(captured, "popup_dismissed")
    assert event["cancelled_navigations"] == [server.url("/away")]


async def test_a_click_that_does_nothing_is_recorded_and_fails_nothing(server: PageServer, take: Take) -> None:
    banner = f'<div style="{BAR}"><p>We use cookies</p><button type="button">Accept all</button></div>'
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert captured.result.verdict is Verdict.OK
    assert details(captured, "popup_remained")
    assert "overlay_remaining" in doubts(captured)


async def test_headers_and_chat_buttons_are_left_alone(server: PageServer, take: Take) -> None:
    furniture = """<header style="position:sticky;top:0;height:80px;background:#0f0;z-index:50">
      <nav><a href="/a">A</a></nav><button type="button" aria-label="Close menu">x</button></header>
      <div style="position:fixed;right:10px;bottom:10px;width:60px;height:60px;background:#00f;z-index:99">Chat</div>"""
    captured = await take(server.page("/", furniture + SHOP + "<div style='height:2000px'></div>"), policy=DISMISSING)
    assert details(captured, "popup_dismissed") == details(captured, "overlay_hide_fallback") == []
    assert doubts(captured).isdisjoint({"overlay_remaining"})


async def test_a_hero_laid_out_with_high_layers_is_not_hidden(server: PageServer, take: Take) -> None:
    hero = """<section style="position:relative;height:700px">
      <div style="position:absolute;inset:0;z-index:20;background:#0a0"><h1>Summer sale</h1></div></section>
      <div style="height:2000px">More</div>"""
    captured = await take(server.page("/", hero), policy=DISMISSING)
    assert details(captured, "overlay_hide_fallback") == []
    assert "Summer sale" in text(captured)
