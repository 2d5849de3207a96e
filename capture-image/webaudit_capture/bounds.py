"""Blocks that end however the browser behaves: at once when a renderer crashes, and when time or memory is used up.

What was asked of a browser that hangs is never answered, so both end a block from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

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
async def ended_by_kill(browser: Browser, seconds: float, too_long: Callable[[], PageFailed]) -> AsyncIterator[None]:
    """Bound a block from outside the browser: it is killed first, so that nothing waits for it while unwinding.

    Raises what `too_long` makes of it when the time is up, and PageFailed when the page takes too much memory
    (too_much_memory), when the time is up and the browser itself did not answer any more (browser_hung), and when it
    vanished of its own accord (browser_gone).
    """
    vigil = _Vigil(browser)
    alarm = asyncio.get_running_loop().call_later(max(0.0, seconds), vigil.time_is_up, too_long)
    try:
        async with asyncio.timeout(max(0.0, seconds)), vigil:
            yield
    except (TimeoutError, PlaywrightError, ScriptError, PageFailed) as error:
        if browser.killed:
            raise (vigil.failure or too_long()) from error
        if isinstance(error, PlaywrightError) and (not browser.connected or "has been closed" in str(error)):
            message = "the browser ended while it was in use"
            raise PageFailed("browser_gone", message, blame=Blame.PLATFORM, transient=True) from error
        if isinstance(error, PlaywrightError | ScriptError):
            message = f"the browser failed: {first_line(error)}"
            raise PageFailed("browser_error", message, blame=Blame.PLATFORM, transient=True) from error
        raise
    finally:
        alarm.cancel()


class _Vigil:
    """Watches a browser at work: `failure` says why it was killed."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._limits = browser.limits
        self._asked: float | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: PageFailed | None = None

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.ensure_future(self._weigh()), asyncio.ensure_future(self._ask())]

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def time_is_up(self, too_long: Callable[[], PageFailed]) -> None:
        hung = self._asked is not None and _now() - self._asked >= self._limits.answer_timeout
        message = f"the browser did not answer any more, for at least {self._limits.answer_timeout:g} s"
        self.failure = PageFailed("browser_hung", message, blame=Blame.PLATFORM, transient=True) if hung else too_long()
        self._browser.kill()

    async def _weigh(self) -> None:
        most = self._limits.max_memory
        while True:
            if self._browser.memory() > most:
                self.failure = PageFailed("too_much_memory", f"the page takes more than {most >> 20} MiB of memory")
                self._browser.kill()
                return
            await asyncio.sleep(self._limits.watch_interval)

    async def _ask(self) -> None:
        with suppress(PlaywrightError):  # it is gone, and the block hears of it by itself
            while True:
                self._asked = _now()
                await self._browser.answer()
                self._asked = None
                await asyncio.sleep(self._limits.answer_timeout / 2)


def _now() -> float:
    return asyncio.get_running_loop().time()
