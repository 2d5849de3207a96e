"""Runs in the namespace: every vector with a bare browser, then with the capture. Prints what reached whom as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

from capture.ssrf.policy import POLICY
from capture.ssrf.shop import ADDRESS, ADDRESS_V6, LEAVING, NAMES, REBINDING, SLOW, Shop
from capture.ssrf.vectors import DORMANT, PAGES, SHOP, TCP_PORTS, UDP_PORTS, VECTORS
from testkit.canaries import Canaries
from testkit.nameserver import NameServer
from testkit.netns import NAME_SERVER
from testkit.tls import server_context
from testkit.wire import Wire
from webaudit_capture.browser import Browser, browser_path
from webaudit_capture.capture import capture, utc_now
from webaudit_capture.contract import CaptureRequest, PageType, Viewport
from webaudit_capture.proxy import resolve
from webaudit_capture.timeline import Timeline

STRAIGHT = (
    "http://127.0.0.1/c/main-loopback",
    "http://[::ffff:10.9.7.20]/c/main-mapped",
    "http://169.254.169.254/c/main-metadata",
    "http://metadata.test/c/main-metadata-name",
    "http://mixed.test/c/main-mixed",
    f"http://{SHOP}:8080/c/main-port",
    f"http://{SHOP}/to?http://10.9.7.21/c/main-redirect",
    f"http://{SHOP}/to?http%3A%2F%2F{SHOP}%2Fto%3Fhttp://10.9.7.22/c/main-redirect-twice",
    f"http://{SHOP}/to?file:///etc/passwd",
)
AT_ONCE = 3
GOTO_SECONDS = 5.0
WATCH_SECONDS = 8.0
VISITS = 3
BROWSER_FLAGS = (
    # Chromium's own guards would hide whether ours work, and a certificate nobody vouches for would end it early.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks",
    "--ignore-certificate-errors",
    "--origin-to-force-quic-on=quic.test:443",
)


async def main(folder: Path) -> dict[str, Any]:
    browser = _browser(folder)
    shop = Shop(server_context(folder, SHOP))
    canaries = Canaries(frozenset((ADDRESS, ADDRESS_V6)), shop.serve)
    await canaries.listen(TCP_PORTS, UDP_PORTS.values())
    names = await NameServer(NAMES, delays=SLOW).start(NAME_SERVER)
    wire = Wire()
    async with async_playwright() as playwright:
        await _unguarded(playwright, browser, canaries)
        unguarded = sorted(canaries.reached)
        canaries.reached.clear()
        shop.asked.clear()
        names.asked.clear()
        wire.sent.clear()
        os.environ["WEBAUDIT_BROWSER"] = str(browser)
        captured, proxies = await _guarded(playwright)
        sent = wire.sent - proxies
        named = dict(names.asked)
    rebound = (await resolve(REBINDING, 80))[0]
    return {
        "unguarded": unguarded,
        "guarded": sorted(canaries.reached),
        "sent": sorted(sent),
        "named": named,
        "captures": captured,
        "asked": shop.asked,
        "rebound_to": rebound,
    }


def _urls() -> list[str]:
    pages = [f"{'https' if page in ('secure', 'udp') else 'http'}://{SHOP}/{page}" for page in PAGES]
    return [*pages, *(f"http://{SHOP}{path}" for path in LEAVING), *STRAIGHT]


async def _unguarded(playwright: Playwright, browser: Path, canaries: Canaries) -> None:
    """What each page does to those who just open it; ends when all that is expected of them has happened."""
    running = await playwright.chromium.launch(executable_path=browser)
    context = await running.new_context(ignore_https_errors=True)
    expected = {vector.reaches for vector in VECTORS if vector.name not in DORMANT}

    async def visit(url: str) -> None:
        page = await context.new_page()
        with suppress(PlaywrightError):
            await page.goto(url, timeout=GOTO_SECONDS * 1000)

    # A vector is alive when it ever gets through: a busy browser drops a picture now and then.
    for _ in range(VISITS):
        await _few_at_once([visit(url) for url in _urls()])
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                while not expected <= canaries.reached:
                    canaries.heard.clear()
                    await canaries.heard.wait()
        if expected <= canaries.reached:
            break
    await running.close()


async def _guarded(playwright: Playwright) -> tuple[dict[str, Any], set[str]]:
    """What each capture ended with, and the addresses of their proxies."""
    results: dict[str, Any] = {}
    proxies: set[str] = set()

    def started(browser: Browser) -> None:
        command = Path(f"/proc/{browser.pid}/cmdline").read_text()
        proxies.update(
            f"tcp:{port}:127.0.0.1" for port in re.findall(r"--proxy-server=http://127\.0\.0\.1:(\d+)", command)
        )

    async def take(url: str) -> None:
        request = CaptureRequest(
            session_id="3f1c0d2e-0000-4000-8000-000000000001",
            page=PageType.HOMEPAGE,
            viewport=Viewport.DESKTOP,
            url=url,
            policy=POLICY,
            sandbox="off",
            discover_pdp=url.endswith("/elements"),
            uploads={},
        )
        result = (await capture(request, url, playwright, Timeline(utc_now), on_browser=started)).result
        results[url] = {
            "verdict": result.verdict,
            "reason": result.reason,
            "message": result.message,
            "refused": {
                f"{event.details['host']}:{event.details['port']}": event.details["reason"]
                for event in result.events
                if event.details["event"] == "connection_refused_by_proxy"
            },
        }

    extra = (f"http://{REBINDING}/rebinding", f"http://{SHOP}/at-once", "http://six.test/frames")
    await _few_at_once([take(url) for url in (*_urls(), *extra)])
    return results, proxies


async def _few_at_once(work: list[Any]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: Any) -> None:
        async with places:
            await one

    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(in_turn(one))


def _browser(folder: Path) -> Path:
    """The same browser without its own guards, so that what stops a vector is ours."""
    wrapper = folder / "chromium"
    wrapper.write_text(f'#!/bin/sh\nexec {browser_path()} "$@" {" ".join(BROWSER_FLAGS)}\n')
    wrapper.chmod(0o755)
    return wrapper


if __name__ == "__main__":
    report = asyncio.run(main(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(report))
