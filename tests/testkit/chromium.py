"""A bare Chromium for tests of what is read from a page, and the processes of whichever one runs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psutil
from playwright.async_api import Browser, Playwright

from webaudit_capture.browser import browser_path


@asynccontextmanager
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
    try:
        yield browser
    finally:
        await browser.close()


def group(pid: int) -> list[psutil.Process]:
    """What runs of a browser, itself included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def renderers(pid: int) -> list[int]:
    return [process.pid for process in group(pid) if "--type=renderer" in process.cmdline()]
