"""Overlays in frames, of the page's own site and of others, and in shadow trees."""

from __future__ import annotations

import pytest

from capture.conftest import DISMISSING, Take
from capture.pages.popup_pages import BAR, BOX, COOKIES, OFFER, SHOP, WALL, clicks, meddling, shadowed, traces
from testkit.captured import details, text
from testkit.pages import PageServer
from webaudit_capture.contract import Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RED = "<style>html { background: #f00 } body { margin: 0 }</style>"
DONE = "onclick=\"top.postMessage('done', '*')\""
ANSWERED = "<script>onmessage = () => document.getElementById('it').remove()</script>"
FILL = "width:100%;height:100%;border:0"


def hosts(server: PageServer) -> tuple[str, tuple[str, ...]]:
    """Another site, and what the capture must be let to reach."""
    return f"http://localhost:{server.port}", (server.host_port, f"localhost:{server.port}")


@pytest.mark.parametrize("inner", [COOKIES, OFFER], ids=["consent", "newsletter"])
@pytest.mark.parametrize("form", ["same site", "other site", "bare", "in a frame", "srcdoc", "over all"])
async def test_an_overlay_in_a_frame_is_answered_there(server: PageServer, take: Take, form: str, inner: str) -> None:
    other, allow = hosts(server)
    control = "Accept all" if inner is COOKIES else "No, thanks"
    document = f"{inner}<button type='button' {DONE}>{control}</button>"
    server.page("/banner", document, head=RED)
    server.page("/outer", f'<iframe src="{other}/banner" style="position:fixed;inset:0;{FILL}"></iframe>')
    server.page("/clear", f'<div style="{BAR}">{document}</div>')
    quoted = (RED + document).replace("'", "&#39;")
    frames = {
        "same site": f'<div id="it" style="{BAR}"><iframe src="/banner" style="{FILL}"></iframe></div>',
        "other site": f'<div id="it" style="{BAR}"><iframe src="{other}/banner" style="{FILL}"></iframe></div>',
        "bare": f'<iframe id="it" src="{other}/banner" style="{BAR};border:0;width:100%"></iframe>',
        "in a frame": f'<div id="it" style="{BOX}"><iframe src="/outer" style="{FILL}"></iframe></div>',
        "srcdoc": f"<iframe id='it' srcdoc='{quoted}' style='{BAR};width:100%'></iframe>",
        "over all": f'<iframe id="it" src="{other}/clear" style="position:fixed;inset:0;z-index:99;{FILL}"></iframe>',
    }
    captured = await take(server.page("/", SHOP + frames[form] + ANSWERED), policy=DISMISSING, allow=allow)
    (event,) = clicks(captured)
    assert (event["strategy"], event["result"]) == ("frame", "gone")
    assert traces(captured) == set()


async def test_a_frame_is_closed_by_the_pages_cross_beside_it(server: PageServer, take: Take) -> None:
    other, allow = hosts(server)
    server.page("/offer", OFFER, head=RED)
    box = f"""<div id="it" style="{BOX}"><iframe src="{other}/offer" style="{FILL}"></iframe>
      <button type="button" aria-label="Close" style="position:absolute;top:0;right:0"
      onclick="it.remove()">×</button></div>"""
    captured = await take(server.page("/", SHOP + box), policy=DISMISSING, allow=allow, viewport=Viewport.MOBILE)
    (event,) = clicks(captured)
    assert (event["says"], event["result"]) == ("close", "gone")
    assert traces(captured) == set()


async def test_what_a_large_frame_shows_over_itself_is_dismissed_or_hidden(server: PageServer, take: Take) -> None:
    other, allow = hosts(server)
    server.page(
        "/asks",
        f'<p>Film</p><div id="it" style="{WALL}">{COOKIES}<button onclick="it.remove()">OK</button></div>',
    )
    server.page("/wall", f'<p>Film</p><div style="{WALL}">OVERLAY</div>')
    frames = "".join(
        f'<iframe src="{other}/{name}" style="width:1000px;height:800px;border:0"></iframe>'
        for name in ("asks", "wall")
    )
    captured = await take(server.page("/", frames + SHOP), policy=DISMISSING, allow=allow)
    assert [(event["strategy"], event["result"]) for event in clicks(captured)] == [("frame", "gone")]
    assert [event["hidden_in_frames"] for event in details(captured, "overlay_hide_fallback")] == [1]
    assert traces(captured) == set()


async def test_frames_that_are_no_overlays_are_left_alone(server: PageServer, take: Take) -> None:
    other, allow = hosts(server)
    server.page("/chat", "<p>Chat with us, see our privacy policy</p><button aria-label='Close'>x</button>")
    server.page("/film", f'<div style="{WALL}">FILM <button aria-label="Close">x</button></div>')
    furniture = f"""<iframe title="Chat" src="{other}/chat" style="position:fixed;right:9px;bottom:9px;width:380px;
        height:560px"></iframe>
      <div style="position:fixed;left:9px;bottom:9px;width:400px;height:240px;z-index:9"><iframe src="/film"
      style="{FILL}"></iframe></div><p>FURNITURE</p>"""
    captured = await take(server.page("/", SHOP + furniture), policy=DISMISSING, allow=allow)
    assert meddling(captured) == set()


@pytest.mark.parametrize("form", ["open", "nested", "slotted"])
async def test_an_overlay_in_a_shadow_tree_is_dismissed(server: PageServer, take: Take, form: str) -> None:
    banner = f'<div style="{BAR}">{COOKIES}<button>I agree</button></div>'
    pages = {
        "open": shadowed(banner),
        "nested": f"""<div id="it"></div><script>
          const grow = (host, html) => {{
            host.attachShadow({{mode: "open"}}).innerHTML = html;
            return host.shadowRoot;
          }};
          const bar = grow(it, `<div style="{BAR}"><x-text></x-text></div>`);
          const words = grow(bar.querySelector("x-text"), `<section>{COOKIES}<x-press></x-press></section>`);
          const press = grow(words.querySelector("x-press"), "<button>Accept all</button>");
          press.querySelector("button").onclick = () => it.remove()</script>""",
        "slotted": f"""<x-bar id="it"><div>{COOKIES}</div>
          <button slot="press" onclick="it.remove()">Accept all</button></x-bar>
          <script>it.attachShadow({{mode: "open"}}).innerHTML =
          `<div style="{BAR}"><slot></slot><slot name="press"></slot></div>`</script>""",
    }
    captured = await take(server.page("/", SHOP + pages[form]), policy=DISMISSING)
    assert [event["result"] for event in clicks(captured)] == ["gone"]
    assert traces(captured) == set()


async def test_a_wall_in_a_closed_shadow_tree_is_hidden_with_its_host(server: PageServer, take: Take) -> None:
    wall = shadowed(f'<div style="{WALL}">{COOKIES}<button>I agree</button></div>', mode="closed")
    captured = await take(server.page("/", SHOP + wall), policy=DISMISSING)
    (event,) = details(captured, "overlay_hide_fallback")
    assert (event["hidden"], clicks(captured)) == (1, [])
    assert traces(captured) == set()
    assert "Wool and wood" in text(captured)
