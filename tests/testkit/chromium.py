"""A bare Chromium, without the capture's proxy and stages, for tests of what is read from a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Playwright

from webaudit_capture.browser import browser_path


@asynccontextmanager
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
    try:
        yield browser
    finally:
        await browser.close()
