"""Low confidence: none about pages that are fine in odd ways, and exactly the right codes about those that are not."""

from __future__ import annotations

import pytest

from capture.conftest import TEXT, Take
from capture.pages.pictures import GREEN, plain
from testkit.captured import doubts
from testkit.pages import PageServer
from webaudit_capture.contract import PageType, Verdict, Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HIDDEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip: rect(0 0 0 0); white-space: nowrap"
PROSE = f"<p>{TEXT}</p>"
SHOP_NOW = "<a href=/sale>Shop now</a>"
ARABIC = "منتجات صوفية وخشبية للبيت، صنعت لتدوم طويلا وتناسب كل غرفة. " * 6
HEBREW = "מוצרי צמר ועץ לבית, עשויים להחזיק מעמד שנים רבות ומתאימים לכל חדר. " * 6
JAPANESE = "暮らしの道具をていねいに作る小さな店です。羊毛と木の品を長く使えるように仕上げています。" * 6
HERO = "<img src=/hero.png alt='' style='width: 100%; height: 600px'>"
FEW_WORDS = "<p>Maison Laine. Since 1897. " + "Autumn in the mountains of the Jura, in wool and in beech. " * 4 + "</p>"
SHADOW = """<shop-title></shop-title><script>
  customElements.define("shop-title", class extends HTMLElement {
    connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = "<h1>Wool and wood</h1>" } })</script>"""

SIZE = "width=300 height=80"
DARK = "<style>body, a {{ background: #0b0b0b; color: {} }}</style>"
AIRY = "<style>body { color: #c9c4bd; font: 300 15px serif } main { padding: 300px }</style>"
BORDERED = "<a href=/sale style='border: 1px solid; padding: 1em'>Discover</a>"
CART_ICON = "<button aria-label='Add to cart'><svg width=24 height=24><rect width=24 height=24 /></svg></button>"
SALE_PICTURE = "<a href=/sale><img src=/hero.png alt='Shop the sale' width=200 height=60></a>"
SCROLLING = "<div style='position: fixed; inset: 0; overflow: auto'>{}<div style='height: 4000px'></div></div>"
CAPTCHA = "<p>Protected by reCAPTCHA: we may ask you to verify you are human.</p><div class=g-recaptcha></div>"

FINE = {
    "h1 is a picture": f"<h1><img src=/hero.png alt='Wool and wood' width=300 height=80></h1>{PROSE}{SHOP_NOW}",
    "h1 is a labelled svg": f"<h1><svg role=img aria-label=Wool {SIZE}><rect {SIZE} /></svg></h1>{PROSE}{SHOP_NOW}",
    "h1 for screen readers": f"<h1 style='{HIDDEN}'>Wool and wood</h1>{PROSE}{SHOP_NOW}",
    "h1 in shadow": f"{SHADOW}{PROSE}{SHOP_NOW}",
    "h1 far below": f"{SHOP_NOW}{PROSE}<div style='height: 4000px'></div><h1>Wool and wood</h1>",
    "dark": f"{DARK.format('#e8e8e8')}<h1>Wool</h1>{PROSE}{SHOP_NOW}",
    "dark, little contrast": f"{DARK.format('#777')}<h1>Wool</h1>{PROSE}{SHOP_NOW}",
    "few words": f"<h1>Maison Laine</h1>{HERO}{FEW_WORDS}{BORDERED}",
    "pale and airy": f"{AIRY}<main><h1>Laine</h1>{FEW_WORDS}{SHOP_NOW}</main>",
    "call is an icon": f"<h1>Wool</h1>{PROSE}{CART_ICON}",
    "call is a picture": f"<h1>Wool</h1>{PROSE}{SALE_PICTURE}",
    "call is a submit": f"<h1>Wool</h1>{PROSE}<form action=/buy><input type=submit value='Buy now'></form>",
    "call is a div": f"<h1>Wool</h1>{PROSE}<div role=button tabindex=0>Shop now</div>",
    "pale and very long": f"{AIRY}<h1>Wool</h1>{PROSE}{SHOP_NOW}<div style='height: 15000px'></div><p>The end</p>",
    "arabic": f"<div dir=rtl lang=ar><h1>الصوف والخشب</h1><p>{ARABIC}</p><a href=/sale>تسوق الآن</a></div>",
    "hebrew": f"<div dir=rtl lang=he><h1>צמר ועץ</h1><p>{HEBREW}</p><a href=/sale>קנו עכשיו</a></div>",
    "japanese": f"<div lang=ja><h1>羊毛と木</h1><p>{JAPANESE}</p><a href=/cart>カートに入れる</a></div>",
    "everything in a scrolling box": SCROLLING.format(f"<h1>Wool</h1>{PROSE}{SHOP_NOW}"),
    "everything in columns": f"<div style='columns: 3'><h1>Wool</h1>{PROSE}{SHOP_NOW}</div>",
    "speaks of captchas": f"<h1>Wool</h1>{PROSE}{SHOP_NOW}{CAPTCHA}",
}  # fmt: skip


@pytest.mark.parametrize("body", FINE.values(), ids=FINE.keys())
async def test_nothing_is_doubtful_about_a_page_that_is_fine_in_an_odd_way(
    server: PageServer, take: Take, body: str
) -> None:
    server.document("/hero.png", plain(GREEN), content_type="image/png")
    captured = await take(server.page("/", body))
    assert captured.result.verdict is Verdict.OK
    assert {doubt.code: doubt.detail for doubt in captured.result.low_confidence} == {}


def boxes(ground: str, box: str, *, shimmer: bool = False) -> str:
    """Grey boxes where products are to come."""
    fill = f"linear-gradient(90deg, {box} 25%, {ground} 50%, {box} 75%)" if shimmer else box
    moves = "@keyframes shine { to { background-position: 800px 0 } } b { animation: shine 1s infinite }"
    style = (
        f"body {{ background: {ground}; color: #888 }} b {{ display: inline-block; margin: 20px; background: {fill} }}"
    )
    cards = "".join(
        "<b style='width: 300px; height: 300px'></b><b style='width: 200px; height: 20px'></b>" for _ in range(6)
    )
    return f"<style>{style} {moves}</style>{cards}"


LOADER = (
    "<svg width=1200 height=700 fill='#eee'><rect width=300 height=300 /><rect x=330 width=300 height=300 />"
    "<rect y=340 width=600 height=30 /><circle cx=800 cy=100 r=90 /></svg>"
)
HEADER = "<header><a href=/>Wool and wood</a> <a href=/rugs>Rugs</a> <a href=/stools>Stools</a></header>"
BANDS = (
    "<style>body { margin: 0 } main { height: 220px } footer { background: #f4f4f5; border-top: solid #ddd }</style>"
    f"{HEADER}<main></main><footer style='height: 300px'>© Wool and wood</footer>"
)
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
PLACEHOLDERS = f"<img width=300 height=300 style='background: #eee' src='{DOT}'>" * 4
SPINNER = "<div style='margin: 40vh 48vw; width: 20px; height: 20px; background: #888'></div>"

BARE = {"missing_h1", "missing_primary_cta", "text_too_short"}
DOUBTFUL = {
    "nothing": ("", BARE | {"screenshot_blank"}),
    "white text on white": (f"<style>* {{ color: #fff }}</style><h1>Wool</h1>{PROSE}{SHOP_NOW}", {"screenshot_blank"}),
    "a spinner": (SPINNER, BARE | {"screenshot_blank"}),
    "a pale skeleton": (boxes("#fff", "#eee"), BARE | {"screenshot_blank"}),
    "a dark skeleton": (boxes("#111", "#222"), BARE | {"screenshot_blank"}),
    "a shining skeleton": (boxes("#fff", "#e4e4e4", shimmer=True), BARE | {"screenshot_blank"}),
    "a skeleton below a header": (HEADER + boxes("#fff", "#eee"), BARE | {"screenshot_blank"}),
    "a skeleton drawn as svg": (LOADER, BARE | {"screenshot_blank"}),
    "bands behind next to nothing": (BANDS, BARE),
    "pictures still to come": (PLACEHOLDERS, BARE | {"screenshot_blank"}),
    "pictures and no words": (HERO, BARE),
    "no h1": (f"<h2>Wool</h2>{PROSE}{SHOP_NOW}", {"missing_h1"}),
    "a hidden h1": (f"<h1 hidden>Wool</h1>{PROSE}{SHOP_NOW}", {"missing_h1"}),
    "an empty h1": (f"<h1> </h1>{PROSE}{SHOP_NOW}", {"missing_h1"}),
    "nothing to do": (f"<h1>Wool</h1>{PROSE}", {"missing_primary_cta"}),
    "few words": (f"<h1>Wool</h1><p>Things for the house.</p>{SHOP_NOW}{HERO}", {"text_too_short"}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "codes"), DOUBTFUL.values(), ids=DOUBTFUL.keys())
async def test_what_is_missing_is_said_and_no_more(server: PageServer, take: Take, body: str, codes: set[str]) -> None:
    server.document("/hero.png", plain(GREEN), content_type="image/png")
    captured = await take(server.page("/", body))
    assert captured.result.verdict is Verdict.OK
    assert doubts(captured) == codes
    assert all(doubt.detail for doubt in captured.result.low_confidence)


STOOL = "<h1>Beech stool</h1><img src=/hero.png width=500 height=500 alt=''>"
BUY = "<button>Add to cart</button>"
PRICE = "<p class=price>€ 89.00</p>"


@pytest.mark.parametrize(
    ("parts", "codes"),
    [
        (STOOL + PRICE + BUY, set()),
        (STOOL + BUY, {"pdp_missing_price"}),
        (PRICE + BUY, {"missing_h1", "pdp_missing_title", "pdp_missing_image"}),
    ],
    ids=["whole", "without price", "without title and picture"],
)
async def test_a_product_page_is_asked_for_what_makes_it_one(
    server: PageServer, take: Take, parts: str, codes: set[str]
) -> None:
    server.document("/hero.png", plain(GREEN, 500, 500), content_type="image/png")
    captured = await take(server.page("/", f"<main>{parts}{PROSE}</main>"), page=PageType.PDP, viewport=Viewport.MOBILE)
    assert doubts(captured) == codes
