"""Product pictures for EverShop's sample data, drawn on request: cups, bowls, vases, flasks and pen holders.

The sample data names pictures on the web by file name; whatever is asked for gets a picture of that name.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
COLOURS: dict[str, Colour] = {
    "black": (52, 56, 62),
    "white": (240, 238, 232),
    "yellow": (232, 180, 62),
    "green": (94, 138, 104),
}
PAPER: Colour = (226, 221, 210)
FLOOR: Colour = (207, 200, 186)
SIDE = 1200


def draw(path: str) -> bytes:
    """A JPEG for an address such as `/…/cup-white.jpg` or `/seed/evershop-spring/1200/675`; always the same one."""
    name = path.rsplit("/", 1)[-1].removesuffix(".jpg")
    if name.isdigit() or name.startswith("banner"):
        picture = _still_life()
    else:
        kind, _, colour = name.rpartition("-")
        picture = _stage()
        _put(picture, kind, COLOURS.get(colour, COLOURS["white"]), SIDE // 2, 1.0)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _stage(width: int = SIDE, height: int = SIDE) -> Image.Image:
    picture = Image.new("RGB", (width, height), PAPER)
    ImageDraw.Draw(picture).rectangle((0, height * 3 // 4, width, height), fill=FLOOR)
    return picture


def _still_life() -> Image.Image:
    picture = _stage(1600, 900)
    goods = (("vase", "green", 0.78), ("cup", "yellow", 0.6), ("thermos", "black", 0.8), ("bowl", "white", 0.66))
    for place, (kind, colour, scale) in enumerate(goods):
        _put(picture, kind, COLOURS[colour], 260 + place * 360, scale)
    return picture


def _put(picture: Image.Image, kind: str, colour: Colour, x: int, scale: float) -> None:
    """Draw one thing standing on the floor: a shadow, an outline filled with a light that falls from the left."""
    foot = picture.height * 5 // 6
    outline = [(x + dx * scale, foot - dy * scale) for dx, dy in SHAPES.get(kind, SHAPES["vase"])]
    fine = 2  # drawn twice as large, then shrunk: smooth edges
    mask = Image.new("L", (picture.width * fine, picture.height * fine))
    brush = ImageDraw.Draw(mask)
    brush.polygon([(px * fine, py * fine) for px, py in outline], fill=255)
    if kind == "cup":
        ring = [value * fine for value in (x + 190 * scale, foot - 400 * scale, x + 430 * scale, foot - 140 * scale)]
        brush.ellipse(ring, outline=255, width=int(46 * scale * fine))
    # Blurred and cut again at half: the corners become round.
    mask = mask.filter(ImageFilter.GaussianBlur(22 * scale)).point(lambda value: 255 if value > 127 else 0)
    mask = mask.resize(picture.size, Image.Resampling.LANCZOS)
    shadow = [x - 330 * scale, foot - 26 * scale, x + 370 * scale, foot + 36 * scale]
    ImageDraw.Draw(picture).ellipse(shadow, fill=(186, 178, 162))
    picture.paste(_lit(picture.size, colour, outline), mask=mask)


def _lit(size: tuple[int, int], colour: Colour, outline: list[tuple[float, float]]) -> Image.Image:
    left, right = min(x for x, _ in outline), max(x for x, _ in outline)
    strip = Image.new("RGB", (size[0], 1))
    for x in range(size[0]):
        across = min(max((x - left) / (right - left), 0), 1)
        light = 1.1 - 0.5 * abs(across - 0.3) ** 1.3
        strip.putpixel((x, 0), tuple(min(255, int(part * light)) for part in colour))
    return strip.resize(size)


# Outlines by kind: offsets from the middle of the foot, upwards positive, for a canvas of 1200 pixels.
SHAPES: dict[str, list[tuple[int, int]]] = {
    "cup": [(-200, 0), (-260, 60), (-280, 480), (280, 480), (260, 60), (200, 0)],
    "bowl": [(-140, 0), (-170, 40), (-330, 160), (-420, 360), (420, 360), (330, 160), (170, 40), (140, 0)],
    "vase": [
        (-150, 0), (-220, 110), (-250, 260), (-200, 420), (-110, 540), (-80, 640), (-120, 740),
        (120, 740), (80, 640), (110, 540), (200, 420), (250, 260), (220, 110), (150, 0),
    ],
    "thermos": [
        (-130, 0), (-150, 30), (-150, 560), (-110, 620), (-110, 640), (-100, 740), (-80, 760),
        (80, 760), (100, 740), (110, 640), (110, 620), (150, 560), (150, 30), (130, 0),
    ],
    "pen-holder": [(-210, 0), (-230, 20), (-230, 520), (230, 520), (230, 20), (210, 0)],
}  # fmt: skip


class _Painter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = draw(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def gallery() -> Iterator[str]:
    """Serve pictures on a loopback port while the block runs; yields `http://127.0.0.1:PORT`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Painter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
