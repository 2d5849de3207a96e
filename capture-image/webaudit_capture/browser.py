"""Chromium, as every capture gets it: fresh, with fixed surroundings, its only way out the filtering proxy.

Knows nothing of pages' content. A tab bundles what the stages need of one page.
"""

from __future__ import annotations

import asyncio
import difflib
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import BrowserContext, CDPSession, Page, Playwright, Request, Response
from playwright.async_api import Error as PlaywrightError

from webaudit_capture.contract import Blame, EventType, LogLevel, Viewport
from webaudit_capture.failures import PageFailed
from webaudit_capture.inpage import InPage
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.processes import group_lives, memory_of_group
from webaudit_capture.timeline import Timeline
from webaudit_capture.traffic import Traffic

DEFAULT_BROWSER = Path("/usr/lib/chromium/chromium-headless-shell")
Sandbox = Literal["required", "preferred", "off"]

_FLAGS = (
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    # What a page wants to open is not asked for: closing it afterwards would be too late.
    "--block-new-web-contents",
    # An animated picture shows its first frame for good.
    "--blink-settings=imageAnimationPolicy=2",
    # Nothing outside the proxy resolves; the proxy itself is an address.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_GIVEN_UP = "net::ERR_ABORTED"
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME")


def browser_path() -> Path:
    """WEBAUDIT_BROWSER, else Debian's headless shell: the binary itself, as its wrapper script does not exec."""
    return Path(os.environ.get("WEBAUDIT_BROWSER") or DEFAULT_BROWSER)


class UnknownDevice(ValueError):
    """The policy names a phone that Playwright does not know."""


@dataclass(slots=True)
class Tab:
    """One page with its watchers."""

    page: Page
    inpage: InPage
    traffic: Traffic
    crashed: bool = False
    on_crash: Callable[[], None] = lambda: None
    heading_for: str = ""  # the last URL its main frame asked for
    answer: Response | None = None  # to the last of these that was answered
    broken: str | None = None  # how that answer ended before its end
    on_broken: Callable[[], None] = lambda: None


class Browser:
    """A running Chromium with one context. Made by `launched`."""

    def __init__(
        self,
        browser: PlaywrightBrowser,
        context: BrowserContext,
        policy: CrawlPolicy,
        *,
        pid: int,
        pulse: CDPSession,
        sandbox: bool,
    ) -> None:
        self._browser = browser
        self._context = context
        self._policy = policy
        self.pid = pid
        # Playwright starts the browser as the leader of a group of its own.
        self._leads = os.getpgid(pid) == pid
        self._pulse = pulse
        self.limits = policy.browser
        self._opening = asyncio.Lock()
        self._own: set[Page] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self.sandbox = sandbox
        self.killed = False
        context.on("page", self._unasked)

    @property
    def version(self) -> str:
        return self._browser.version

    @property
    def connected(self) -> bool:
        return self._browser.is_connected()

    async def open_tab(self) -> Tab:
        async with self._opening:
            page = await self._context.new_page()
            self._own.add(page)
        tab = Tab(page, await InPage.attach(page), Traffic(self._policy.ready))
        tab.traffic.watch(page)

        def crashed(_: Page) -> None:
            tab.crashed = True
            tab.on_crash()

        def leads_on(request: Request) -> bool:
            return request.is_navigation_request() and request.frame == page.main_frame

        def heading(request: Request) -> None:
            if leads_on(request):
                tab.heading_for = request.url

        def answered(response: Response) -> None:
            if leads_on(response.request):
                tab.answer, tab.broken = response, None

        def failed(request: Request) -> None:
            # What is aborted was given up: the document before it stays.
            if tab.answer is not None and tab.answer.request == request and request.failure != _GIVEN_UP:
                tab.broken = request.failure
                tab.on_broken()

        page.on("crash", crashed)
        page.on("request", heading)
        page.on("response", answered)
        page.on("requestfailed", failed)
        return tab

    async def answer(self) -> None:
        """Returns when the browser itself, not a page, has answered."""
        await self._pulse.send("Browser.getVersion")

    def memory(self) -> int:
        """Bytes that the browser's processes hold for themselves; 0 where there is no /proc."""
        return memory_of_group(self.pid)

    def kill(self) -> None:
        """End the browser's process group at once, whatever it is doing. Every pending call then fails."""
        self.killed = True
        self._end_processes()

    def _end_processes(self) -> None:
        with suppress(ProcessLookupError):
            if self._leads:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Within the policy's close_timeout, else by killing it; what its processes left behind ends as well."""
        try:
            async with asyncio.timeout(self._policy.browser.close_timeout):
                await self._browser.close()
        except (TimeoutError, PlaywrightError):
            self.kill()
        finally:
            await self._leave_nothing()
            for task in self._closing:
                task.cancel()

    async def _leave_nothing(self) -> None:
        """A helper process may outlive the browser, and who is killed takes a moment to be gone."""
        if not self._leads:
            return
        self._end_processes()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.browser.close_timeout):
                while True:
                    if not group_lives(self.pid):
                        return
                    await asyncio.sleep(self._policy.browser.watch_interval / 20)

    def _unasked(self, page: Page) -> None:
        """A window the page opened: closed. Ours are announced the same way, before `new_page` returns."""

        async def close_if_foreign() -> None:
            async with self._opening:
                ours = page in self._own
            if not ours:
                with suppress(PlaywrightError):
                    await page.close()

        task = asyncio.ensure_future(close_if_foreign())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@asynccontextmanager
async def launched(
    playwright: Playwright,
    *,
    viewport: Viewport,
    proxy_url: str,
    policy: CrawlPolicy,
    sandbox: Sandbox,
    timeline: Timeline,
) -> AsyncIterator[Browser]:
    """A fresh browser. Raises PageFailed (blame: platform) when it does not start."""
    path = browser_path()
    if not path.exists():
        raise PageFailed(
            "browser_missing",
            f"there is no browser at {path}: install chromium-headless-shell or set WEBAUDIT_BROWSER",
            blame=Blame.PLATFORM,
        )
    started, sandboxed = await _start(playwright, path, proxy_url, policy, sandbox, timeline)
    browser: Browser | None = None
    try:
        pulse = await started.new_browser_cdp_session()
        pid = await _process_id(pulse)
        context = await started.new_context(**_surroundings(playwright, started.version, viewport, policy))
        browser = Browser(started, context, policy, pid=pid, pulse=pulse, sandbox=sandboxed)
        yield browser
    finally:
        if browser is not None:
            await browser.close()
        else:
            with suppress(TimeoutError, PlaywrightError):
                async with asyncio.timeout(policy.browser.close_timeout):
                    await started.close()


async def _start(
    playwright: Playwright, path: Path, proxy_url: str, policy: CrawlPolicy, sandbox: Sandbox, timeline: Timeline
) -> tuple[PlaywrightBrowser, bool]:
    async def start(sandboxed: bool) -> PlaywrightBrowser:
        return await playwright.chromium.launch(
            executable_path=path,
            # Without this Chromium goes to loopback and link-local addresses directly.
            proxy={"server": proxy_url, "bypass": "<-loopback>"},
            chromium_sandbox=sandboxed,
            args=list(_FLAGS),
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            timeout=policy.browser.launch_timeout * 1000,
        )

    if sandbox != "off":
        try:
            return await start(True), True
        except PlaywrightError as error:
            why = _first_complaint(str(error))
            if sandbox == "required":
                raise PageFailed(
                    "sandbox_unavailable",
                    f"Chromium does not start with its sandbox here: {why}",
                    blame=Blame.PLATFORM,
                ) from error
            timeline.event(
                EventType.ERROR,
                LogLevel.WARN,
                f"Chromium runs without its own sandbox: {why}",
                event="sandbox_off",
            )
    try:
        return await start(False), False
    except PlaywrightError as error:
        raise PageFailed(
            "browser_start",
            f"Chromium does not start: {_first_complaint(str(error))}",
            blame=Blame.PLATFORM,
            transient=True,
        ) from error


def _first_complaint(log: str) -> str:
    """The line of Playwright's launch log that says why, without its prefixes."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if "no-sandbox" in line or "FATAL" in line]
    prefixes = r"^.*\[err\]\s*|\[[\d/:.]*:?(?:ERROR|FATAL):\S*\]\s*"
    return re.sub(prefixes, "", (telling or lines or ["no reason given"])[0])


async def _process_id(session: CDPSession) -> int:
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    return next(int(process["id"]) for process in processes if process["type"] == "browser")


def _surroundings(playwright: Playwright, version: str, viewport: Viewport, policy: CrawlPolicy) -> dict[str, Any]:
    """Arguments of new_context: the same page meets the same visitor."""
    major = version.partition(".")[0]
    common: dict[str, Any] = {
        "locale": policy.browser.locale,
        "timezone_id": policy.browser.timezone,
        "service_workers": "block",
        "accept_downloads": False,
        "reduced_motion": "reduce",
        "color_scheme": "light",
    }
    if viewport is Viewport.MOBILE:
        device = dict(playwright.devices[policy.browser.mobile_device])
        device.pop("default_browser_type", None)
        device["user_agent"] = re.sub(r"Chrome/[\d.]+", f"Chrome/{major}.0.0.0", device["user_agent"])
        return {**device, **common}
    return {
        "viewport": policy.browser.desktop.model_dump(),
        "device_scale_factor": 1,
        "user_agent": user_agent(version),
        **common,
    }


def check_device(playwright: Playwright, policy: CrawlPolicy) -> None:
    """Raises UnknownDevice when Playwright does not know the policy's phone."""
    name = policy.browser.mobile_device
    if name not in playwright.devices:
        near = difflib.get_close_matches(name, playwright.devices, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        raise UnknownDevice(f'policy: browser.mobile_device: Playwright knows no "{name}"{hint}')


def user_agent(version: str) -> str:
    """The desktop user agent, with the browser's real major version."""
    major = version.partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
