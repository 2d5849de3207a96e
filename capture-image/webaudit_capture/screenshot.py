"""The full-page screenshot: cut at a bound, and checked for being blank."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass

from PIL import Image, ImageStat
from playwright.async_api import FloatRect

from webaudit_capture.browser import Tab
from webaudit_capture.policy import Evidence


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
    """What a picture looks like as a whole: how much its greys differ, and the share of its commonest colour."""

    deviation: float
    commonest: float


async def look(png: bytes, policy: Evidence) -> Look:
    """In a thread of its own: decoding a large picture takes a tenth of a second. Raises BadScreenshot."""
    return await asyncio.to_thread(_look, png, policy.blank_check_width)


def _look(png: bytes, most_width: int) -> Look:
    try:
        with Image.open(io.BytesIO(png)) as picture:
            width = min(most_width, picture.width)
            height = max(1, round(picture.height * width / picture.width))
            small = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadScreenshot(str(error)) from error
    colours = small.getcolors(maxcolors=width * height)
    assert colours is not None  # there cannot be more colours than pixels
    share = max(count for count, _ in colours) / (width * height)
    return Look(ImageStat.Stat(small.convert("L")).stddev[0], share)


def why_blank(look: Look, *, little_text: bool, policy: Evidence) -> str | None:
    """What makes a picture blank, or None."""
    if look.deviation < policy.blank_stddev:
        return f"it shows next to nothing (standard deviation {look.deviation:.1f})"
    if little_text and look.commonest > policy.blank_share:
        return f"{look.commonest:.1%} of it is one colour and the page has little text"
    return None
