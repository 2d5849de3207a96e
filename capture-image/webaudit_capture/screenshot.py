"""The full-page screenshot: cut at a bound, and checked for being blank."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageStat
from playwright.async_api import FloatRect

from webaudit_capture.browser import Tab
from webaudit_capture.policy import Evidence

_SHADE = 2  # of 255: what compression and smoothing make of one colour


@dataclass(frozen=True, slots=True)
class Screenshot:
    """`page_height` is the page's own height in CSS pixels; the picture shows at most the policy's bound of it."""

    png: bytes
    page_height: int
    shown_height: int

    @property
    def cut(self) -> bool:
        return self.shown_height < self.page_height


class BadScreenshot(Exception):
    """What the browser gave is no picture."""


async def take(tab: Tab, policy: Evidence) -> Screenshot:
    """PNG at CSS scale: animations finished, fonts loaded, caret hidden. Raises playwright's errors."""
    size = await tab.inpage.call("pageSize")
    viewport = tab.page.viewport_size
    assert viewport is not None  # every context is made with one
    height = int(max(size["height"], viewport["height"]))
    shown = min(height, policy.screenshot_max_height)
    # What the page is laid out in: a phone lays out pages that were not made for it more widely than its screen. What
    # sticks out at the side may be of any width, and no visitor sees it.
    width = min(max(size["layout"], viewport["width"]), policy.screenshot_max_width)
    clip: FloatRect = {"x": size["left"], "y": 0, "width": width, "height": shown}
    await tab.inpage.call("still", policy.still_timeout * 1000)
    png = await tab.page.screenshot(
        full_page=True,
        clip=clip,
        type="png",
        scale="css",
        animations="disabled",
        caret="hide",
        timeout=policy.screenshot_timeout * 1000,
    )
    return Screenshot(png, height, shown)


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture looks like: how much its greys differ where they differ most, and three shares of it.

    These are its commonest colour, what stands out from that a little without being a band from edge to edge, and what
    does clearly.
    """

    deviation: float
    commonest: float
    pale: float
    ink: float


async def look(png: bytes, policy: Evidence) -> Look:
    """In a thread of its own: decoding a large picture takes a tenth of a second. Raises BadScreenshot."""
    return await asyncio.to_thread(_look, png, policy.blank_check_width, policy.skeleton_contrast)


def _look(png: bytes, most_width: int, contrast: int) -> Look:
    try:
        with Image.open(io.BytesIO(png)) as picture:
            width = min(most_width, picture.width)
            height = max(1, round(picture.height * width / picture.width))
            whole = picture.convert("RGB")
            small = whole.resize((width, height), Image.Resampling.BOX)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadScreenshot(str(error)) from error
    colours = small.getcolors(maxcolors=width * height)
    assert colours is not None  # there cannot be more colours than pixels
    share = max(count for count, _ in colours) / (width * height)
    greys = whole.convert("L")
    histogram = greys.histogram()
    ground = histogram.index(max(histogram))
    ink = sum(count for grey, count in enumerate(histogram) if abs(grey - ground) > contrast)
    # Samples will do for the area of boxes. They are not smoothed, which would make fine print pale.
    pale = _pale(greys.resize((width, height), Image.Resampling.NEAREST), ground, contrast)
    return Look(_deviation(small.convert("L")), share, pale, ink / sum(histogram))


def _deviation(greys: Image.Image) -> float:
    """Of the square part where it is greatest: a long page with little on it is not blank."""
    side = greys.width
    parts = [greys.crop((0, top, side, min(top + side, greys.height))) for top in range(0, greys.height, side)]
    return max(ImageStat.Stat(part).stddev[0] for part in parts)


def _pale(greys: Image.Image, ground: int, contrast: int) -> float:
    """The share that differs from the ground by more than a shade, up to the contrast, and from one edge of its row.

    What is the same from edge to edge is the background of a footer, say.
    """
    little = greys.point([255 if _SHADE < abs(grey - ground) <= contrast else 0 for grey in range(256)])
    left, right = (greys.crop((x, 0, x + 1, greys.height)).resize(greys.size) for x in (0, greys.width - 1))
    apart = ImageChops.lighter(ImageChops.difference(greys, left), ImageChops.difference(greys, right))
    return sum(apart.histogram(little)[_SHADE + 1 :]) / (greys.width * greys.height)


def why_blank(look: Look, *, little_text: bool, pictures: bool, policy: Evidence) -> str | None:
    """What makes a picture blank, or None. A skeleton is grey boxes that keep the place for what is to come."""
    if look.deviation < policy.blank_stddev:
        return f"it shows next to nothing (standard deviation {look.deviation:.1f})"
    if little_text and look.commonest > policy.blank_share:
        return f"{look.commonest:.1%} of it is one colour and the page has little text"
    skeleton = look.pale >= policy.skeleton_boxes and look.ink < policy.skeleton_ink
    if little_text and not pictures and skeleton:
        return f"{look.pale:.0%} of it are pale boxes and {look.ink:.1%} is more, without pictures and with little text"
    return None
