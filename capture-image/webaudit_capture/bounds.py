"""Blocks that end however the browser behaves: at once when a renderer crashes, and when their time is up.

What was asked of a browser that hangs is never answered, so both end a block from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Error as PlaywrightError

from webaudit_capture.browser import Browser, Tab
from webaudit_capture.contract import Blame
from webaudit_capture.failures import PageFailed
from webaudit_capture.inpage import ScriptError
from webaudit_capture.texts import first_line


@asynccontextmanager
async def ended_by_crash(tab: Tab, url: str) -> AsyncIterator[None]:
    """Leave a block the moment the tab's renderer crashes: what was asked of it is never answered.

    Raises PageFailed (renderer_crash).
    """
    try:
        async with asyncio.timeout(None) as alarm:
            tab.on_crash = lambda: alarm.reschedule(asyncio.get_running_loop().time())
            yield
    except (TimeoutError, PlaywrightError, PageFailed) as error:
        if tab.crashed:
            raise PageFailed("renderer_crash", f"the browser crashed on {url}", transient=True) from error
        raise
    finally:
        tab.on_crash = lambda: None


@asynccontextmanager
async def ended_by_kill(browser: Browser, seconds: float, too_long: PageFailed) -> AsyncIterator[None]:
    """Bound a block from outside the browser: it is killed first, so that nothing waits for it while unwinding.

    Raises `too_long` when the time is up, and PageFailed (browser_gone) when the browser vanished of its own accord.
    """
    alarm = asyncio.get_running_loop().call_later(max(0.0, seconds), browser.kill)
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            yield
    except (TimeoutError, PlaywrightError, ScriptError, PageFailed) as error:
        if browser.killed:
            raise too_long from error
        if isinstance(error, PlaywrightError) and not browser.connected:
            message = "the browser ended while it was in use"
            raise PageFailed("browser_gone", message, blame=Blame.PLATFORM, transient=True) from error
        if isinstance(error, PlaywrightError | ScriptError):
            message = f"the browser failed: {first_line(error)}"
            raise PageFailed("browser_error", message, blame=Blame.PLATFORM, transient=True) from error
        raise
    finally:
        alarm.cancel()
