"""The same page twice gives the same bytes of text, features and DOM, and the same pixels, however much moves on it."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from capture.conftest import TEXT, Take
from testkit.captured import artifact, picture
from testkit.pages import PageServer
from webaudit_capture.contract import ArtifactType, Verdict, Viewport

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def moving_gif() -> bytes:
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "blue", "green", "black")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=40, loop=0)
    return out.getvalue()


def noise_png() -> bytes:
    out = io.BytesIO()
    Image.effect_mandelbrot((300, 200), (-2, -1.2, 0.8, 1.2), 30).save(out, "PNG")
    return out.getvalue()


PAGES = {
    "endless animation": """<style>@keyframes spin { to { transform: rotate(1turn) } }
        .s { width: 90px; height: 90px; background: conic-gradient(red, blue); animation: spin .7s linear infinite }
        </style><div class="s"></div>""",
    "finite transition": """<style>.f { height: 60px; background: red; transition: background 3s }</style>
        <div class="f"></div><script>
        setTimeout(() => document.querySelector(".f").style.background = "blue", 50)</script>""",
    "blinking": """<style>@keyframes b { 50% { opacity: 0 } } .b { animation: b .5s infinite }</style>
        <p class="b">SALE</p>""",
    "animated picture": '<img src="/moving.gif" width="120" height="80" alt="">',
    "moving vector picture": """<svg width="200" height="50"><rect width="40" height="40" fill="teal">
        <animate attributeName="x" from="0" to="150" dur="1s" repeatCount="indefinite"/></rect></svg>""",
    "smooth scrolling with a sticky header": """<style>html { scroll-behavior: smooth }
        .top { position: sticky; top: 0; background: #eee }</style><div class="top">Menu</div>
        <div style="height:3000px;background:linear-gradient(#fff,#000)"></div>""",
    "lazy pictures far down": """<div style="height:2500px"></div>
        <img loading="lazy" src="/noise.png" width="300" height="200" alt="">""",
    "picture that fades in when seen": """<div style="height:1500px"></div>
        <img id="in" src="/noise.png" width="300" height="200" alt="" style="opacity:0;transition:opacity .6s"><script>
        new IntersectionObserver(([s]) => { if (s.isIntersecting) s.target.style.opacity = 1 })
          .observe(document.getElementById("in"))
        </script>""",
    "typing caret": '<input autofocus value="search here" style="font-size:40px">',
    "late content": """<main></main><script>setTimeout(() => {
        document.querySelector("main").innerHTML = "<h2>Recommended</h2><p>A lamp, a chair</p>" }, 90)</script>""",
    "polling": """<script>setInterval(() => fetch("/poll").catch(() => {}), 60)</script>""",
}


@pytest.fixture
def goods(server: PageServer) -> PageServer:
    server.document("/moving.gif", moving_gif(), content_type="image/gif")
    server.document("/noise.png", noise_png(), content_type="image/png")
    return server


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_on_which_something_moves_gives_the_same_evidence(
    goods: PageServer, take: Take, name: str
) -> None:
    viewport = Viewport.MOBILE if len(name) % 2 else Viewport.DESKTOP
    url = goods.page("/", f"<h1>Wool</h1><p>{TEXT}</p><a href='/sale'>Shop now</a>{PAGES[name]}")
    first, second = [await take(url, viewport=viewport) for _ in range(2)]
    assert (first.result.verdict, second.result.verdict) == (Verdict.OK, Verdict.OK)
    for kind in (ArtifactType.VISIBLE_TEXT, ArtifactType.FEATURES_JSON, ArtifactType.HTML_GZ):
        assert artifact(first, kind) == artifact(second, kind)
    assert ImageChops.difference(picture(first), picture(second)).getbbox() is None
    assert first.result.low_confidence == second.result.low_confidence
