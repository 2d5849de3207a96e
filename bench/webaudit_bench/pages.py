"""The pages that are captured: nothing at all, a heavy home page, and a very tall one. The demo shop is its own."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

MENU_LINKS = 4_000
TILES = 120
TALL_PX = 20_000
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width">{head}</head><body>'
)


def empty() -> str:
    return _HEAD.format(title="Empty", head="") + "</body></html>"


@lru_cache(maxsize=1)
def heavy() -> str:
    """A department store's home page: thousands of links in hidden menus, pictures in a grid, a script that works."""
    style = (
        "<style>body{margin:0;font:15px sans-serif}.menu{display:none}.grid{display:grid;"
        "grid-template-columns:repeat(6,1fr);gap:12px;padding:12px}.grid img{width:100%;height:220px}</style>"
    )
    menu = "".join(
        f'<li class="l{depth % 4}"><a href="/c/{depth}/range-{depth}" data-track="nav:{depth}">Range {depth} of '
        "all that we have</a></li>"
        for depth in range(MENU_LINKS)
    )
    tiles = "".join(
        f'<article class="card"><a href="/products/thing-{number}"><img src="/tile/{number}.png" alt="Thing {number}">'
        f"<h3>Thing {number}</h3></a><p><s>€ {number + 20}.00</s> <b>€ {number + 9}.90</b></p>"
        "<button type=button>Add to cart</button></article>"
        for number in range(TILES)
    )
    script = (
        "<script>const seen = [];for (let i = 0; i < 300000; i++) seen.push((i * 2654435761) % 97);"
        "seen.sort((a, b) => a - b);"
        'fetch("/api/recommendations").then((r) => r.json()).then((list) => {const ul = document.createElement("ul");'
        'for (const name of list) {const li = document.createElement("li");li.textContent = name;ul.append(li);}'
        'document.querySelector("main").append(ul);});</script>'
    )
    return (
        _HEAD.format(title="A department store", head=style)
        + f'<header><nav><ul class="menu">{menu}</ul><a href="/sale">Sale</a> <a href="/new">New</a></nav></header>'
        + '<main><h1>Everything for everybody</h1><a href="/sale">Shop the sale</a>'
        + f'<div class="grid">{tiles}</div></main>{script}</body></html>'
    )


@lru_cache(maxsize=1)
def tall() -> str:
    """Exactly as tall as a screenshot may be, and coloured all the way down."""
    bands = "".join(
        f'<section style="background:linear-gradient(hsl({step * 9},70%,60%),hsl({step * 9 + 40},60%,40%))">'
        f'<h2>Band {step}</h2><img src="/tile/{step}.png" width="400" height="300" alt=""></section>'
        for step in range(TALL_PX // 500)
    )
    return (
        _HEAD.format(title="Tall", head="<style>body{margin:0}section{height:500px;overflow:hidden}</style>")
        + f"<h1 hidden>Tall</h1>{bands}</body></html>"
    )


@lru_cache(maxsize=256)
def tile(number: int) -> bytes:
    """A picture with some detail, another one for each number."""
    picture = Image.effect_mandelbrot((400, 300), (-2.0 + number % 7 * 0.1, -1.2, 0.8, 1.2), 40)
    buffer = io.BytesIO()
    Image.merge("RGB", (picture, picture.rotate(180), Image.new("L", picture.size, number % 256))).save(buffer, "PNG")
    return buffer.getvalue()


_PAGES: dict[str, Callable[[], str]] = {"/empty": empty, "/heavy": heavy, "/tall": tall}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in _PAGES:
            self._answer("text/html; charset=utf-8", _PAGES[path]().encode())
        elif path.startswith("/tile/"):
            self._answer("image/png", tile(int(path.removeprefix("/tile/").removesuffix(".png"))))
        elif path == "/api/recommendations":
            self._answer("application/json", b'["A lamp", "A chair", "A kettle"]')
        else:
            self._answer("text/plain", b"nothing here", status=404)

    def _answer(self, content_type: str, body: bytes, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served() -> Iterator[str]:
    """`host:port` of the pages while the block runs; every picture is drawn before."""
    for number in range(TILES):
        tile(number)
    heavy()
    tall()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
