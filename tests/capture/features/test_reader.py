"""Reading a page that does not answer: who gives it up is let go."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Playwright

from testkit.chromium import chromium
from webaudit_capture.contract import PageType
from webaudit_capture.features import extract

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.timeout(30)
async def test_a_page_that_hangs_while_it_is_read_can_be_given_up(playwright: Playwright) -> None:
    async with chromium(playwright) as browser:
        page = await browser.new_page()
        await page.evaluate("setTimeout(() => { for (;;) {} })")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await extract(page, PageType.PDP, "https://shop.test/")
