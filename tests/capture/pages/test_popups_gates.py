"""Gates before a shop: one is let in where a press of a button does, and never by telling a birth date."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import BOX, SHOP, WALL, button, clicks, overlay, traces
from testkit.captured import details, html
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NO = "<button type='button' onclick=\"location = '/out'\">{}</button>"
AGE = {
    "yes or no": "<h2>OVERLAY: are you over 18?</h2>" + NO.format("No") + button("Yes"),
    "enter or leave": "<h2>OVERLAY: you must be 21 or older</h2><a href='/out'>Leave</a>" + button("Enter site"),
    "in a sentence": "<h2>OVERLAY: age verification</h2>"
    + NO.format("No, I am under 18")
    + button("Yes, I am 18 or older"),
    "German": "<h2>OVERLAY: Sind Sie volljährig?</h2>" + NO.format("Nein") + button("Ja, ich bin über 18"),
    "with cookies": "<h2>OVERLAY: are you of legal age? We use cookies.</h2>" + NO.format("No") + button("I'm over 21"),
}
COUNTRY = {
    "stay here": "<h2>OVERLAY: it looks like you're in Germany</h2><a href='/out'>Go to the German shop</a>"
    + button("Stay on the US shop"),
    "a cross": "<h2>OVERLAY: select your country</h2><a href='/out'>France</a><a href='/out'>España</a>"
    + button("×", 'aria-label="Close"'),
    "as it is set": "<h2>OVERLAY: choose your country or region</h2><a href='/out'>France</a>"
    "<select><option>USA</select>" + button("Continue"),
    "French": "<h2>OVERLAY: choisissez votre pays</h2><a href='/out'>Belgique</a>" + button("Rester sur ce site"),
}


@pytest.mark.parametrize(
    ("gate", "style"),
    [*((gate, WALL) for gate in AGE.values()), *((gate, BOX) for gate in COUNTRY.values())],
    ids=[*(f"age, {name}" for name in AGE), *(f"country, {name}" for name in COUNTRY)],
)
async def test_a_gate_is_passed_by_the_button_that_lets_in(
    server: PageServer, take: Take, gate: str, style: str
) -> None:
    captured = await take(server.page("/", SHOP + overlay(gate, style)), policy=DISMISSING)
    (event,) = clicks(captured)
    assert (event["kind"], event["result"]) == ("gate", "gone")
    assert server.hits["/out"] == 0
    assert captured.result.final_url == server.url("/")
    assert traces(captured) == set()


@pytest.mark.parametrize(
    "form",
    [
        "<form action='/told'><input name='day'><input name='month'><input name='year'><button>Enter</button></form>",
        "<form action='/told'><select><option>1</select><select><option>1990</select><button>Yes</button></form>",
        "<a href='/told'>Deutschland</a><a href='/told'>France</a>",
    ],
    ids=["birth date in fields", "birth date from lists", "countries as links"],
)
async def test_a_gate_that_wants_an_answer_gets_none_and_is_hidden(server: PageServer, take: Take, form: str) -> None:
    gate = overlay(f"<h2>OVERLAY: age verification, and choose your country</h2>{form}", WALL)
    page = server.page("/", SHOP + gate, head="<style>body { overflow: hidden }</style>")
    captured = await take(page, policy=DISMISSING, viewport=Viewport.MOBILE)
    (event,) = details(captured, "overlay_hide_fallback")
    assert (event["hidden"], event["unlocked"]) == (1, 1)
    assert clicks(captured) == []
    assert server.hits["/told"] == 0
    assert 'id="it"' in html(captured)
    assert traces(captured) == set()
