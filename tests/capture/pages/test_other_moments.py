"""The same page at another moment gives the same bytes and pixels, whatever moves on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from capture.conftest import QUICK, Take, with_section
from capture.pages.pictures import RED, flickering, pixels
from capture.pages.shops import SHOP
from testkit.captured import doubts, html, picture, text
from testkit.pages import PageServer
from webaudit_capture.capture import Captured
from webaudit_capture.contract import Verdict

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FONT = Path("/usr/share/fonts/truetype/liberation/LiberationSerif-BoldItalic.ttf").read_bytes()
LATER = with_section("scroll", dwell=QUICK.scroll.dwell + 0.37)
BOX = "display: block; width: 60px; height: 60px; background: red"


def checksums(captured: Captured) -> dict[str, str]:
    return {artifact.file: artifact.sha256 for artifact in captured.artifacts}


async def twice(server: PageServer, take: Take, body: str) -> tuple[Captured, Captured]:
    url = server.page("/", SHOP + body)
    one, other = await take(url), await take(url, policy=LATER)
    for captured in (one, other):
        assert (captured.result.verdict, len(captured.artifacts)) == (Verdict.OK, 4)
        assert doubts(captured) == set()
    return one, other


ANIMATED = f"""<style>
    i {{ {BOX} }}
    @keyframes turn {{ to {{ transform: rotate(1turn) }} }}
    @keyframes fade {{ from {{ opacity: 0 }} }}
  </style>
  <i style="animation: turn 1s infinite"></i><i style="animation: fade 60s"></i><i id=box></i>
  <script>box.animate({{ translate: ["0", "300px"] }}, {{ duration: 900, iterations: Infinity }})</script>
  <svg width=400 height=60><rect width=50 height=50 fill=red>
    <animate attributeName=x from=0 to=300 dur=1s repeatCount=indefinite /></rect></svg>
  <input autofocus value=Wool>"""
WITH_SCROLLING = f"""<header style="position: sticky; top: 0; height: 40px; background: lime">Sticky</header>
  <header id=bar style="position: fixed; top: 0; height: 40px; width: 100%; transition: translate .3s">
    Hides on the way down</header>
  <p id=slow style="position: absolute; top: 700px">Parallax</p><div style="height: 2500px"></div>
  <i id=last style="{BOX}; opacity: 0; transition: opacity 9s"></i>
  <script>
    let before = 0;
    addEventListener("scroll", () => {{
      bar.style.translate = scrollY > before ? "0 -40px" : "0 0";
      before = scrollY;
      slow.style.top = `${{700 + scrollY / 2}}px`;
    }});
    new IntersectionObserver((all) => {{ if (all.some((one) => one.isIntersecting)) last.style.opacity = 1 }})
      .observe(last);
  </script>"""


@pytest.mark.parametrize("body", [ANIMATED, WITH_SCROLLING], ids=["animated", "with scrolling"])
async def test_what_moves_by_itself_or_with_scrolling_is_drawn_the_same(
    server: PageServer, take: Take, body: str
) -> None:
    one, other = await twice(server, take, body)
    assert checksums(one) == checksums(other)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
async def test_animated_pictures_stand_at_their_first_frame(server: PageServer, take: Take, kind: str) -> None:
    server.document("/sale", flickering(kind), content_type=f"image/{kind.lower()}")
    body = "<img src=/sale alt=Sale><div style='width: 100px; height: 100px; background: url(/sale)'></div>"
    one, other = await twice(server, take, body)
    assert checksums(one) == checksums(other)
    assert pixels(picture(one), RED) == 2 * 100 * 100


FILM = """<video id=film muted loop width=200 height=200></video><script>
  const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 200 });
  const pen = canvas.getContext("2d");
  let hue = 0;
  const drawing = setInterval(() => { pen.fillStyle = `hsl(${hue += 20} 90% 50%)`; pen.fillRect(0, 0, 200, 200) }, 20);
  const recorder = new MediaRecorder(canvas.captureStream(30), { mimeType: "video/webm;codecs=vp8" });
  recorder.ondataavailable = async ({ data }) => {
    clearInterval(drawing);
    // The same film for every visitor: the first one's.
    const kept = await fetch("/film", { method: "POST", body: data });
    film.src = URL.createObjectURL(await kept.blob());
    film.ontimeupdate = () => { if (film.currentTime > 0.1) fetch("/playing") };
    film.play();
  };
  recorder.start();
  setTimeout(() => recorder.stop(), 400);
  fetch("/until-playing");
</script>"""


async def test_a_film_that_plays_stands_at_its_first_frame(server: PageServer, take: Take) -> None:
    films: list[bytes] = []
    playing = asyncio.Event()

    async def keep(request: web.Request) -> web.StreamResponse:
        films.append(await request.read())
        return web.Response(body=films[0], content_type="video/webm")

    async def tell(_: web.Request) -> web.StreamResponse:
        playing.set()
        return web.Response()

    async def wait(_: web.Request) -> web.StreamResponse:
        await playing.wait()
        return web.Response()

    server.handler("/film", keep)
    server.handler("/playing", tell)
    server.handler("/until-playing", wait)
    url = server.page("/", SHOP + FILM)
    patient = QUICK.model_copy(update={"ready": QUICK.ready.model_copy(update={"ignore_request_after": 4.0})})
    shown = set()
    for policy in (patient, patient.model_copy(update={"scroll": LATER.scroll})):
        playing.clear()
        captured = await take(url, policy=policy)
        assert playing.is_set()
        shown.add(picture(captured).crop((0, 100, 400, 400)).tobytes())
    assert len(shown) == 1


@pytest.mark.parametrize("display", ["swap", "block"])
async def test_a_web_font_that_comes_late_is_waited_for(server: PageServer, take: Take, display: str) -> None:
    async def font(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.Response(body=FONT, content_type="font/ttf")

    server.handler("/font.ttf", font)
    face = f"font-family: shop; src: url(/font.ttf); font-display: {display}"
    when_seen = """<div style="height: 1500px"></div><h2 id=last>Seen last</h2><script>
      new IntersectionObserver((all) => { if (all.some((one) => one.isIntersecting)) last.style.fontFamily = "shop" })
        .observe(last)</script>"""
    one, other = await twice(server, take, f"<style>@font-face {{ {face} }}</style>{when_seen}")
    assert checksums(one) == checksums(other)
    without = await take(server.page("/without", SHOP + when_seen))
    assert checksums(without)["screenshot.png"] != checksums(one)["screenshot.png"]


async def test_ids_that_a_page_makes_up_change_its_dom_and_nothing_else(server: PageServer, take: Take) -> None:
    one, other = await twice(server, take, "<p id=it>Wool</p><script>it.id = `id${Math.random()}`</script>")
    differing = {file for file, checksum in checksums(one).items() if checksums(other)[file] != checksum}
    assert differing == {"page.html.gz"}
    assert text(one) == text(other)
    assert html(one) != html(other)
