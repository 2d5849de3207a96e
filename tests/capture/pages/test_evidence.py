"""What the evidence holds: lazy content, visible text, whole DOM, a bounded picture."""

from __future__ import annotations

import io

import pytest
from aiohttp import web
from PIL import Image

from capture.conftest import Take, with_section
from testkit.captured import details, doubts, events, html, outcome, picture, text
from testkit.pages import PageServer
from webaudit_capture.contract import Verdict, Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FILL = "<p>" + "Things for the house, made to last. " * 10 + "</p>"


def green_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (200, 200), (0, 255, 0)).save(out, "PNG")
    return out.getvalue()


async def test_lazy_pictures_are_in_the_screenshot(server: PageServer, take: Take) -> None:
    server.document("/lazy.png", green_png(), content_type="image/png")
    lazy = """<div style="height:5000px"></div><img data-src="/lazy.png" width="200" height="200"><script>
      new IntersectionObserver((seen, observer) => seen.filter((s) => s.isIntersecting).forEach((s) => {
        s.target.src = s.target.dataset.src; observer.disconnect();
      })).observe(document.querySelector("img"))</script>"""
    captured = await take(server.page("/", FILL + lazy))
    assert server.hits["/lazy.png"] == 1
    colours = picture(captured).getcolors(maxcolors=1 << 20)
    assert colours is not None
    assert (40_000, (0, 255, 0)) in colours


async def test_a_page_that_grows_for_ever_is_bounded(server: PageServer, take: Take) -> None:
    growing = """<main></main><script>
      const grow = () => document.querySelector("main").append(document.createElement("section"));
      grow(); grow(); addEventListener("scroll", grow)</script>"""
    policy = with_section("scroll", max_height=4000)
    policy = policy.model_copy(update={"evidence": policy.evidence.model_copy(update={"screenshot_max_height": 3000})})
    head = "<style>section { height: 900px; border: 1px solid }</style>"
    captured = await take(server.page("/", growing, head=head), policy=policy)
    assert captured.result.verdict is Verdict.OK
    assert events(captured, "scroll_bounded")
    (cut,) = details(captured, "screenshot_cut")
    assert cut["shown_px"] == 3000
    assert picture(captured).size == (1440, 3000)


async def test_the_phone_is_captured_at_css_scale(server: PageServer, take: Take) -> None:
    async def show(request: web.Request) -> web.StreamResponse:
        agent = request.headers["User-Agent"]
        body = (
            f"<meta name=viewport content='width=device-width'><h1>{agent}</h1><p>{request.headers['Accept-Language']}"
        )
        return web.Response(text=body, content_type="text/html")

    captured = await take(server.handler("/", show), viewport=Viewport.MOBILE)
    assert picture(captured).width == 412
    version = (captured.result.browser_version or "").partition(".")[0]
    assert f"Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Mobile" in text(captured)
    assert "en-US" in text(captured)


@pytest.mark.parametrize(
    ("viewport", "head", "width"),
    [
        (Viewport.DESKTOP, "", 1440),
        (Viewport.MOBILE, "<meta name='viewport' content='width=device-width'>", 412),
        (Viewport.MOBILE, "", 980),
        (Viewport.MOBILE, "<meta name='viewport' content='width=9000'>", 2000),
    ],
)
async def test_the_picture_is_as_wide_as_the_layout_whatever_sticks_out_of_it(
    server: PageServer, take: Take, viewport: Viewport, head: str, width: int
) -> None:
    wide = '<div style="width: 50000px; height: 10px; background: red"></div>'
    url = server.document("/", f"<!doctype html><head>{head}</head><body><h1>Shop</h1>{FILL}{wide}</body>")
    captured = await take(url, viewport=viewport)
    assert picture(captured).width == width
    assert "screenshot_failed" not in doubts(captured)


async def test_a_picture_too_large_to_be_stored_is_left_out_and_the_rest_is_kept(
    server: PageServer, take: Take
) -> None:
    captured = await take(server.page("/", FILL), policy=with_section("evidence", max_upload_bytes=2000))
    assert captured.result.verdict is Verdict.OK
    assert {artifact.file for artifact in captured.artifacts} == {"visible_text.txt", "features.json", "page.html.gz"}
    assert "screenshot_failed" in doubts(captured)


async def test_a_page_that_asks_for_thousands_of_private_addresses_does_not_flood_its_record(
    server: PageServer, take: Take
) -> None:
    pictures = "".join(f'<img src="http://10.0.{n // 250}.{n % 250 + 1}/">' for n in range(400))
    captured = await take(server.page("/", FILL + pictures), policy=with_section("evidence", max_events_alike=20))
    assert captured.result.verdict is Verdict.OK
    assert len(details(captured, "connection_refused_by_proxy")) == 20
    (rest,) = details(captured, "events_left_out")
    assert rest["of"] == "connection_refused_by_proxy"
    assert rest["left_out"] == 380


async def test_visible_text_is_what_can_be_seen_line_by_line(server: PageServer, take: Take) -> None:
    body = """<h1>  Wool
        and   wood </h1>
      <p>One<br>two <b>thr</b>ee</p><ul><li>four</li><li>five</li></ul>
      <table><tr><td>six</td><td>seven</td></tr></table>
      <p style="text-transform:uppercase">eight</p>
      <p style="display:none">not</p><p style="visibility:hidden">not <i style="visibility:visible">nine</i></p>
      <p hidden>not</p><p aria-hidden="true">not</p><details><summary>ten</summary>not</details>
      <select><option>not</option><option selected>eleven</option></select>
      <script>not()</script><noscript>not</noscript><template>not</template>
      <div id="host"><span slot="s">twelve</span><span>not</span></div>
      <form><input name="tagName"><input name="childNodes">thirteen</form>
      <script>host.attachShadow({mode: "open"}).innerHTML = "<p>eleven and a half</p><slot name='s'></slot>"</script>"""
    captured = await take(server.page("/", body))
    assert text(captured).splitlines() == [
        "Wool and wood",
        "One",
        "two three",
        "four",
        "five",
        "six seven",
        "EIGHT",
        "nine",
        "ten",
        "eleven",
        "eleven and a half",
        "twelve",
        "thirteen",
    ]


async def test_the_dom_is_stored_with_its_shadow_roots(server: PageServer, take: Take) -> None:
    body = (
        FILL
        + """<div id="host"></div><script>
      host.attachShadow({mode: "open"}).innerHTML = "<p>in the shadow</p>"</script>"""
    )
    captured = await take(server.page("/", body))
    assert '<template shadowrootmode="open"><p>in the shadow</p></template>' in html(captured)
    assert html(captured).rstrip().endswith("</html>")


async def test_a_page_that_breaks_the_languages_own_tools_is_read_all_the_same(server: PageServer, take: Take) -> None:
    sabotage = """<script>
      Array.from = Array.prototype.map = Array.prototype.filter = JSON.stringify = () => { throw Error("no") };
      Element.prototype.checkVisibility = getComputedStyle = Document.prototype.querySelectorAll = () => null;
      Object.defineProperty(Node.prototype, "childNodes", {get: () => []});
      window.webaudit = {visibleText: () => "forged"};
    </script><img name="body" alt="">"""
    captured = await take(server.page("/", "<h1>Honest</h1>" + FILL + sabotage))
    assert captured.result.verdict is Verdict.OK
    assert text(captured).startswith("Honest\nThings")


async def test_an_empty_page_is_marked_and_not_failed(server: PageServer, take: Take) -> None:
    captured = await take(server.page("/", ""))
    assert captured.result.verdict is Verdict.OK
    assert {"screenshot_blank", "text_too_short", "missing_h1"} <= doubts(captured)


async def test_long_text_and_html_are_cut_and_said_so(server: PageServer, take: Take) -> None:
    policy = with_section("evidence", max_text_bytes=100, max_html_bytes=200)
    captured = await take(server.page("/", FILL * 5), policy=policy)
    assert len(text(captured)) == 100
    assert {detail["artifact"] for detail in details(captured, "artifact_cut")} == {"visible_text", "html_gz"}


async def test_a_page_that_moves_while_it_is_read_is_read_again(server: PageServer, take: Take) -> None:
    # The screenshot finishes animations; this one leads to another page, which is then the one on record.
    moving = """<style>@keyframes slow { to { left: 1px } }</style>
      <i id="moving" style="position: relative; animation: slow 60s">.</i>
      <script>moving.onanimationend = () => location.href = "/end"</script>"""
    server.page("/end", "<h1>The end</h1>" + FILL)
    captured = await take(server.page("/", FILL + moving))
    assert captured.result.verdict is Verdict.OK
    assert captured.result.final_url == server.url("/end")
    assert text(captured).startswith("The end")


async def test_every_stage_says_how_it_ended(server: PageServer, take: Take) -> None:
    captured = await take(server.page("/", "<h1>Shop</h1>" + FILL))
    stages = captured.result.load_timings["stages"]
    assert {"launch", "navigation", "ready", "scroll", "settle", "screenshot", "extract"} <= set(stages)
    assert {stage["outcome"] for stage in stages.values()} == {"ok"}
    assert outcome(captured, "ready") == "ok"
    numbers = captured.result.load_timings["browser"]
    assert numbers["lcp_ms"] > 0
    assert numbers["transferred_bytes"] > 0
