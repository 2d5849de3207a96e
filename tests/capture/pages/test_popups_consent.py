"""Consent banners of known vendors: answered by the rule library, and what becomes of one that it cannot answer."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import (
    AWAY,
    BAR,
    BOX,
    COOKIES,
    HUE,
    REMAINS,
    SHOP,
    clicks,
    overlay,
    patient,
    shadowed,
    traces,
)
from testkit.captured import details, html, text
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PATIENT = patient(vendor_timeout=2.0)
REFUSED = "onclick=\"document.title = 'refused'; document.querySelector('.vendor').remove()\""
ACCEPTED = "onclick=\"document.title = 'accepted'; document.querySelector('.vendor').remove()\""

# The markup and the calls that each vendor's rule looks for.
VENDORS = {
    "Onetrust": f"""<div class="vendor" id="onetrust-consent-sdk"><div id="onetrust-banner-sdk" style="{BAR}">{COOKIES}
      <button id="onetrust-pc-btn-handler">Settings</button>
      <button id="onetrust-reject-all-handler" {REFUSED}>Reject All</button>
      <button id="onetrust-accept-btn-handler" {ACCEPTED}>Accept</button></div></div>""",
    "Cybotcookiebot": f"""<div class="vendor" id="CybotCookiebotDialog" style="{BAR}">{COOKIES}
      <button id="CybotCookiebotDialogBodyLevelButtonLevelOptinDeclineAll" {REFUSED}>Deny</button>
      <button id="CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll" {ACCEPTED}>Allow all</button></div>
      <script>Cookiebot = {{hasResponse: false, consented: false, dialog: {{visible: true}}, withdraw() {{}}}}
      </script>""",
    "didomi": f"""<div class="vendor" id="didomi-host"><div id="didomi-notice" style="{BAR}">{COOKIES}
      <span class="didomi-continue-without-agreeing" {REFUSED}>Continue without agreeing</span>
      <button id="didomi-notice-agree-button" {ACCEPTED}>Agree</button></div></div>""",
    "quantcast": f"""<div class="vendor qc-cmp2-container" id="qc-cmp2-container"><div id="qc-cmp2-main">
      <div id="qc-cmp2-ui" class="qc-cmp2-ui" role="dialog" aria-modal="true" style="{BOX}">{COOKIES}
      <div class="qc-cmp2-summary-buttons"><button mode="secondary" {REFUSED}>DISAGREE</button>
      <button mode="primary" {ACCEPTED}>AGREE</button></div></div></div></div>""",
    "TrustArc-top": f"""<div class="vendor" id="truste-consent-track" style="{BAR}"><div id="truste-consent-content">
      {COOKIES}<button id="truste-consent-button" {ACCEPTED}>Agree and proceed</button>
      <button id="truste-consent-required" {REFUSED}>Required only</button>
      <a id="truste-show-consent">Settings</a></div></div>""",
    "Complianz banner": f"""<div class="vendor" id="cmplz-cookiebanner-container"><div
      class="cmplz-cookiebanner cmplz-show" style="{BAR}">{COOKIES}
      <button class="cmplz-btn cmplz-accept" {ACCEPTED}>Accept</button>
      <button class="cmplz-btn cmplz-deny" {REFUSED}>Deny</button></div></div>""",
    "Klaro": f"""<div class="vendor klaro"><div class="cookie-notice" style="{BAR}">{COOKIES}
      <button class="cm-btn cn-decline" {REFUSED}>I decline</button>
      <button class="cm-btn cm-btn-success" {ACCEPTED}>That's ok</button></div></div>""",
    "shopify": f"""<div class="vendor" id="shopify-pc__banner" role="alertdialog" style="{BAR}">{COOKIES}
      <button id="shopify-pc__banner__btn-manage-prefs">Manage preferences</button>
      <button id="shopify-pc__banner__btn-accept" {ACCEPTED}>Accept</button>
      <button id="shopify-pc__banner__btn-decline" {REFUSED}>Decline</button></div>""",
    "cookieyes": f"""<div class="vendor cky-consent-container" style="{BAR}">{COOKIES}
      <button class="cky-btn" data-cky-tag="settings-button">Customize</button>
      <button class="cky-btn" data-cky-tag="reject-button" {REFUSED}>Reject All</button></div>""",
    "iubenda": f"""<div class="vendor" id="iubenda-cs-banner" style="{BAR}">{COOKIES}
      <button class="iubenda-cs-reject-btn" {REFUSED}>Reject</button>
      <button class="iubenda-cs-accept-btn" {ACCEPTED}>Accept</button></div>""",
}
ONETRUST = VENDORS["Onetrust"]
LYING_COOKIEBOT = """<div id="CybotCookiebotDialog" style="{bar}">{cookies}
  <button type="button" {press}>Allow all</button></div>
  <script>Cookiebot = {{hasResponse: false, consented: false, declined: false, dialog: {{visible: true}},
  withdraw() {{ this.declined = true }}, hide() {{}}}}</script>"""


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_known_vendor_is_refused_by_its_own_rules(server: PageServer, take: Take, vendor: str) -> None:
    captured = await take(server.page("/", SHOP + VENDORS[vendor]), policy=PATIENT)
    (event,) = clicks(captured)
    assert (event["strategy"], event["vendor"], event["result"]) == ("vendor", vendor, "gone")
    assert "<title>refused</title>" in html(captured)
    assert traces(captured) == set()


async def test_a_vendor_in_a_shadow_root_is_answered_on_a_phone(server: PageServer, take: Take) -> None:
    inner = f"""<div data-testid="uc-container" style="{BOX}">{COOKIES}
      <button data-testid="uc-deny-all-button">Deny</button></div>"""
    banner = shadowed(inner, host="usercentrics-root") + "<script>UC_UI = {isInitialized: () => true}</script>"
    captured = await take(server.page("/", SHOP + banner), policy=PATIENT, viewport=Viewport.MOBILE)
    (event,) = clicks(captured)
    assert (event["strategy"], event["result"]) == ("vendor", "gone")
    assert traces(captured) == set()


async def test_a_vendor_in_a_frame_of_another_site_is_refused_there(server: PageServer, take: Take) -> None:
    server.page(
        "/index.html",
        f"""{COOKIES}<div class="message type-modal"><button class="sp_choice_type_12">Options</button>
          <button class="sp_choice_type_13" onclick="parent.postMessage('refused', '*')">Reject all</button>
          <button class="sp_choice_type_11" onclick="parent.postMessage('accepted', '*')">Accept</button></div>""",
        head="<style>html { background: #f00 }</style>",
    )
    source = f"http://localhost:{server.port}/index.html?message_id=1&requestUUID=2"
    banner = f"""<div id="sp_message_container_1" style="{BOX}"><iframe src="{source}" style="width:100%;height:100%">
      </iframe></div><script>onmessage = (event) => {{ document.title = event.data; sp_message_container_1.remove() }}
      </script>"""
    allow = (server.host_port, f"localhost:{server.port}")
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING, allow=allow)
    (event,) = clicks(captured)
    assert (event["strategy"], event["says"], event["result"]) == ("frame", "reject", "gone")
    assert "<title>refused</title>" in html(captured)
    assert traces(captured) == set()


async def test_what_the_vendor_rules_call_done_is_dismissed_by_our_own_pass(server: PageServer, take: Take) -> None:
    banner = LYING_COOKIEBOT.format(bar=BAR, cookies=COOKIES, press='onclick="this.parentElement.remove()"')
    captured = await take(server.page("/", SHOP + banner), policy=PATIENT)
    (vendor,) = details(captured, "popup_remained")
    (own,) = details(captured, "popup_dismissed")
    assert (vendor["strategy"], vendor["result"]) == ("vendor", "remained")
    assert (own["strategy"], own["name"]) == ("geometry", "allow all")
    assert traces(captured) == set()


async def test_a_banner_that_nothing_moves_is_told_of_and_fails_nothing(server: PageServer, take: Take) -> None:
    banner = LYING_COOKIEBOT.format(bar=BAR, cookies=COOKIES, press="")
    captured = await take(server.page("/", SHOP + banner), policy=PATIENT)
    assert {event["result"] for event in clicks(captured)} == {"remained"}
    assert traces(captured) == REMAINS


async def test_a_vendors_banner_that_comes_late_is_refused(server: PageServer, take: Take) -> None:
    # The page stays busy until its banner is there, so that it comes within the capture on any machine.
    late = f"""<template id="t">{ONETRUST}</template><script>
      const busy = setInterval(() => document.body.append(document.createElement("hr")), 40);
      setTimeout(() => {{ clearInterval(busy); document.body.append(t.content) }}, 1000)</script>"""
    captured = await take(server.page("/", SHOP + late), policy=PATIENT)
    (event,) = clicks(captured)
    assert (event["vendor"], event["result"]) == ("Onetrust", "gone")
    assert traces(captured) == set()


async def test_what_loads_only_after_consent_is_in_the_evidence(server: PageServer, take: Take) -> None:
    server.document("/map", "MAP of our shops")
    banner = overlay(
        f"""{COOKIES}<button type="button" onclick="it.remove(); setTimeout(async () => {{
          const answer = await fetch('/map'); document.querySelector('h1').append(await answer.text())
        }}, 90)">Accept all</button>"""
    )
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert "MAP of our shops" in text(captured)
    assert "settle_after_popups" in captured.result.load_timings["stages"]
    assert traces(captured) == set()


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        ("Continuer sans accepter", "Tout accepter"),
        ("Rifiuta tutto", "Accetta tutto"),
        ("Odrzuć wszystkie", "Akceptuj wszystkie"),
    ],
)
async def test_refusing_comes_before_accepting(server: PageServer, take: Take, refuse: str, accept: str) -> None:
    banner = f"""<div class="vendor" role="dialog" style="{BOX}">{COOKIES}
      <button type="button" {ACCEPTED}>{accept}</button><button type="button" {REFUSED}>{refuse}</button></div>"""
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert "<title>refused</title>" in html(captured)
    assert traces(captured) == set()


async def test_a_banner_in_two_steps_is_answered_in_two_passes(server: PageServer, take: Take) -> None:
    banner = overlay(
        f"""<div id="one">{COOKIES}<button type="button" onclick="one.hidden = true; two.hidden = false">Reject all
          </button></div><div id="two" hidden><p>OVERLAY: are you sure about the cookies?</p>
          <button type="button" {AWAY}>Confirm my choices</button></div>"""
    )
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert [event["result"] for event in details(captured, "popup_remained")] == ["changed"]
    assert [event["says"] for event in details(captured, "popup_dismissed")] == ["save"]
    assert traces(captured) == set()


async def test_a_banner_that_only_leads_to_settings_is_left_and_told_of(server: PageServer, take: Take) -> None:
    banner = overlay(f"{COOKIES}<button type='button' onclick=\"document.title = 'settings'\">Cookie settings</button>")
    captured = await take(server.page("/", SHOP + banner), policy=DISMISSING)
    assert "<title>A shop</title>" in html(captured)
    assert traces(captured) == REMAINS


async def test_a_wall_in_the_way_is_refused_even_where_it_says_nothing_of_cookies(
    server: PageServer, take: Take
) -> None:
    wall = f"""<div id="it" style="position:fixed;inset:0;{HUE}"><h2>OVERLAY: privacy</h2>
      <button type="button" onclick="document.title = 'accepted'; it.remove()">I agree</button></div>"""
    captured = await take(server.page("/", SHOP + wall), policy=DISMISSING)
    (event,) = clicks(captured)
    assert (event["kind"], event["says"]) == ("consent", "accept")
    assert traces(captured) == set()
