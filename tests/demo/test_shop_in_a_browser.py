"""The demo shop as a visitor with a browser sees it: overlays, late pictures, the small screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from testkit.demo_shop import DemoShop

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
PRODUCT = "/products/polarfjord-shell-jacket"
Visit = Callable[..., Awaitable[Page]]
DESKTOP = (1440, 900)
MOBILE = (412, 839)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        await browser.close()


@pytest.fixture
async def visit(browser: Browser, shop: DemoShop) -> AsyncIterator[Visit]:
    """Opens a page of the shop; a script error on any of them fails the test."""
    errors: list[str] = []

    async def open_page(path: str = "/", size: tuple[int, int] = DESKTOP, *, still: bool = False) -> Page:
        page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.on("pageerror", lambda error: errors.append(str(error)))
        if still:  # the page's clock moves only when the test moves it
            await page.clock.install(time=0)
            await page.clock.pause_at(1000)
        await page.goto(shop.url + path)
        return page

    yield open_page
    assert errors == []


async def scroll_through(page: Page) -> None:
    height = await page.evaluate("document.documentElement.scrollHeight")
    for y in range(0, height, 400):
        await page.evaluate("y => new Promise(done => { scrollTo(0, y); requestAnimationFrame(done); })", y)


@pytest.mark.parametrize("choice", ["Accept all", "Decline"])
async def test_the_consent_banner_covers_the_page_until_it_is_answered(visit: Visit, choice: str) -> None:
    page = await visit()
    over_the_centre = "document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest('.veil') !== null"
    locked = "getComputedStyle(document.documentElement).overflowY === 'hidden'"
    assert await page.evaluate(over_the_centre)
    assert await page.evaluate(locked)
    await page.get_by_role("button", name=choice).click()
    await expect(page.locator(".veil")).to_have_count(0)
    assert not await page.evaluate(over_the_centre)
    assert not await page.evaluate(locked)
    await page.reload()
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator(".veil")).to_have_count(0)


async def test_the_newsletter_comes_four_seconds_late_and_can_be_closed(visit: Visit) -> None:
    page = await visit(still=True)
    await page.get_by_role("button", name="Accept all").click()
    await page.clock.run_for(3900)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.clock.run_for(200)
    dialog = page.get_by_role("dialog", name="10 % off your first order")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    await page.reload()
    await page.clock.run_for(8000)
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_the_newsletter_also_comes_when_half_of_the_page_was_scrolled(visit: Visit) -> None:
    page = await visit()
    await page.get_by_role("button", name="Decline").click()
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await expect(page.get_by_role("dialog", name="10 % off your first order")).to_be_visible()


async def test_pictures_below_the_fold_arrive_only_when_scrolled_to(visit: Visit) -> None:
    page = await visit()
    waiting = page.locator("img[data-src]")
    assert await waiting.count() == 5
    await page.get_by_role("button", name="Accept all").click()
    await scroll_through(page)
    await expect(waiting).to_have_count(0)
    loaded = "[...document.images].every(picture => picture.complete && picture.naturalWidth > 0)"
    await page.wait_for_function(loaded)


@pytest.mark.parametrize(("size", "small"), [(DESKTOP, False), (MOBILE, True)])
async def test_the_small_screen_has_a_burger_menu_and_a_buy_bar(
    visit: Visit, size: tuple[int, int], small: bool
) -> None:
    page = await visit(PRODUCT, size)
    await page.get_by_role("button", name="Accept all").click()
    assert await page.locator(".burger").is_visible() is small
    assert await page.locator(".buy-bar").is_visible() is small
    assert await page.locator(".main-nav").is_visible() is not small
    if small:
        await page.locator(".burger").click()
        await expect(page.locator(".main-nav a").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_what_is_added_to_the_cart_is_in_the_cart(visit: Visit) -> None:
    page = await visit(PRODUCT)
    await page.get_by_role("button", name="Accept all").click()
    await page.get_by_role("button", name="Add to cart").first.click()
    await expect(page.locator("#cart-count")).to_have_text("1")
    await page.get_by_role("link", name="Cart").click()
    await expect(page.locator("#cart-lines")).to_contain_text("Polarfjord Shell Jacket")
