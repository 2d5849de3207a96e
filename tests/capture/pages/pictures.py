"""Pictures that the page suite serves, and what is looked for in screenshots."""

from __future__ import annotations

import io

from PIL import Image

Colour = tuple[int, int, int]
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)


def plain(colour: Colour, width: int = 200, height: int = 200) -> bytes:
    """A PNG of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def flickering(kind: str) -> bytes:
    """An animated picture that shows another colour every 70 ms, red first."""
    frames = [Image.new("RGB", (100, 100), colour) for colour in (RED, GREEN, BLUE, YELLOW)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=70, loop=0, lossless=True)
    return out.getvalue()


def pixels(picture: Image.Image, colour: Colour) -> int:
    """How many pixels of a picture have exactly this colour."""
    colours = picture.getcolors(maxcolors=picture.width * picture.height)
    assert colours is not None
    return next((count for count, found in colours if found == colour), 0)
