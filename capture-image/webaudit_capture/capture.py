"""One capture from a request to its verdict: the order of the stages, the page's cap, and what every ending becomes.

Delivers nothing: the caller stores the artifacts and then the result.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright

from webaudit_capture import discovery, evidence
from webaudit_capture.artifacts import Artifact
from webaudit_capture.bounds import ended_by_crash, ended_by_kill
from webaudit_capture.browser import Browser, Tab, browser_path, launched, user_agent
from webaudit_capture.contract import (
    Blame,
    CaptureRequest,
    CaptureResult,
    EventType,
    ExitCode,
    LogLevel,
    LowConfidence,
    LowConfidenceCode,
    PdpDiscovery,
    Verdict,
)
from webaudit_capture.failures import PageFailed
from webaudit_capture.fetch import Fetcher
from webaudit_capture.journey import Journey
from webaudit_capture.popups import Popups
from webaudit_capture.proxy import FilteringProxy, Refusal, Resolver, resolve
from webaudit_capture.ready import moved_on, wait_until_ready
from webaudit_capture.scroll import scroll_through
from webaudit_capture.texts import first_line
from webaudit_capture.timeline import StageTimeout, Timeline
from webaudit_capture.visits import Visits


@dataclass(slots=True)
class Captured:
    """The verdict, without what only delivery knows, and the artifacts to deliver."""

    result: CaptureResult
    exit_code: ExitCode
    artifacts: list[Artifact] = field(default_factory=list)


def _fault(error: Exception) -> str:
    """What went wrong inside, in one line; the traceback is on stderr."""
    return f"{type(error).__name__} {first_line(error)}".strip()


def utc_now() -> datetime:
    return datetime.now(UTC)


async def capture(
    request: CaptureRequest,
    url: str,
    playwright: Playwright,
    timeline: Timeline,
    *,
    resolver: Resolver = resolve,
    on_browser: Callable[[Browser], None] = lambda browser: None,
) -> Captured:
    """Capture one page in one viewport. Every failure of the page is a verdict, so nothing of it is raised.

    `on_browser` is told of the browser as soon as it runs, for a watchdog.
    """
    return await _Run(request, url, playwright, timeline, resolver, on_browser).to_the_end()


class _Run:
    def __init__(
        self,
        request: CaptureRequest,
        url: str,
        playwright: Playwright,
        timeline: Timeline,
        resolver: Resolver,
        on_browser: Callable[[Browser], None],
    ) -> None:
        self.request = request
        self.policy = request.policy
        self.url = url
        self.playwright = playwright
        self.timeline = timeline
        timeline.limits = self.policy.evidence
        self.resolver = resolver
        self.on_browser = on_browser
        self.started_at = timeline.now()
        self.began = timeline.monotonic()
        self.browser: Browser | None = None
        self.final_url: str | None = None
        self.evidence = evidence.Evidence()
        self.pdp: PdpDiscovery | None = None

    def elapsed(self) -> float:
        return self.timeline.monotonic() - self.began

    async def to_the_end(self) -> Captured:
        failure: PageFailed | None = None
        self.timeline.event(
            EventType.NAVIGATION,
            LogLevel.INFO,
            f"capturing {self.url} ({self.request.page}, {self.request.viewport})",
            event="capture_started",
            url=self.url,
        )
        try:
            await self._behind_proxy()
        except PageFailed as failed:
            failure = failed
        except Exception as error:  # noqa: BLE001 - the edge: a fault of ours, too, ends in a verdict
            traceback.print_exception(error)
            failure = PageFailed("internal_error", _fault(error), blame=Blame.PLATFORM, transient=True)
        if failure is not None:
            self.evidence = evidence.Evidence()
        self._record_end(failure)
        return self._verdict(failure)

    async def _behind_proxy(self) -> None:
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(
                FilteringProxy(
                    allow=self.request.allow,
                    max_bytes=self.policy.evidence.max_page_bytes,
                    max_connections=self.policy.navigation.max_connections,
                    resolve_timeout=self.policy.navigation.resolve_timeout,
                    connect_timeout=self.policy.navigation.connect_timeout,
                    on_refusal=self._refused,
                    resolver=self.resolver,
                )
            )
            browser = await self._launch(stack, proxy)
            cap = self.policy.navigation.page_cap
            async with ended_by_kill(browser, cap - self.elapsed(), self._too_long):
                tab = await self._page(browser, proxy)
            if self.request.discover_pdp:
                self.pdp = await self._discover(browser, proxy, tab)

    def _too_long(self) -> PageFailed:
        at = self.timeline.under_way
        where = f" and was not done with its {at}" if at is not None else ""
        message = f"{self.url} took longer than {self.policy.navigation.page_cap:g} s in all{where}"
        return PageFailed("page_cap", message, transient=True)

    async def _launch(self, stack: AsyncExitStack, proxy: FilteringProxy) -> Browser:
        limit = self.policy.browser.launch_timeout
        try:
            async with self.timeline.stage("launch", deadline=limit):
                self.browser = await stack.enter_async_context(
                    launched(
                        self.playwright,
                        viewport=self.request.viewport,
                        proxy_url=proxy.url,
                        policy=self.policy,
                        sandbox=self.request.sandbox,
                        timeline=self.timeline,
                    )
                )
        except (StageTimeout, PlaywrightError) as error:
            message = f"Chromium does not start: {first_line(error)}"
            raise PageFailed("browser_start", message, blame=Blame.PLATFORM, transient=True) from error
        self.on_browser(self.browser)
        return self.browser

    async def _page(self, browser: Browser, proxy: FilteringProxy) -> Tab:
        tab = await browser.open_tab()
        async with ended_by_crash(tab, self.url):
            journey = Journey(
                tab,
                self.url,
                policy=self.policy,
                proxy=proxy,
                timeline=self.timeline,
                seed=f"{self.request.session_id}/{self.request.page}/{self.request.viewport}",
                elapsed=self.elapsed,
            )
            try:
                popups = await self._arrive(tab, journey, load=True)
                await self._take(tab, popups, journey)
            except PlaywrightError as error:
                if not moved_on(tab, error):
                    raise
                message = f"{self.url} does not stay: it went elsewhere whenever it was to be read"
                raise PageFailed("never_stays", message) from error
        self.final_url = tab.page.url
        self.timeline.load_timings["total_ms"] = round(self.elapsed() * 1000)
        self.timeline.load_timings["browser"].update(
            transferred_bytes=proxy.received_bytes, requests=tab.traffic.requests
        )
        return tab

    async def _arrive(self, tab: Tab, journey: Journey, *, load: bool, passes: int | None = None) -> Popups:
        """The page, ready and looked at again, and the first popup pass: over again as long as it leads on."""
        while True:
            if load:
                async with self.timeline.stage("navigation"):
                    await journey.reach()
            popups = Popups(tab, self.policy, self.timeline, passes=passes)
            try:
                await self._ready(tab, popups)
                if stands := await journey.stands():
                    await popups.first_pass(may_follow=journey.may_follow)
            finally:
                await popups.let_go()
            if stands and not journey.follow(popups.held_up):
                return popups
            load = True

    async def _ready(self, tab: Tab, popups: Popups) -> None:
        """Ready, and the browser's numbers."""
        timings = self.timeline.load_timings
        timings.pop("browser", None)

        async def on_calm() -> None:
            # Before anything of ours touches the page.
            timings["browser"] = await tab.inpage.call("vitals", self.policy.ready.poll_interval * 1000)
            await popups.start_watching()

        not_ready = await wait_until_ready(
            tab, self.policy.ready, self.timeline, calm_after=self.policy.popups.watch_after, on_calm=on_calm
        )
        if "browser" not in timings:
            timings["browser"] = {}
            deadline = self.policy.navigation.check_timeout
            try:
                async with self.timeline.stage("vitals", deadline=deadline, go_on=True):
                    timings["browser"] = await tab.inpage.call("vitals", self.policy.ready.poll_interval * 1000)
            except PlaywrightError as error:
                if not moved_on(tab, error):
                    raise
        self.evidence.doubts = []
        if not_ready is not None:
            self.evidence.doubts.append(LowConfidence(code=LowConfidenceCode.NOT_READY, detail=not_ready))

    async def _take(self, tab: Tab, popups: Popups, journey: Journey) -> None:
        """Down the page and the evidence; that once more when the page went elsewhere meanwhile."""
        why: str | None = None
        try:
            await scroll_through(tab, self.policy, self.timeline)
            await self._take_once(tab, popups)
        except PlaywrightError as error:
            if not moved_on(tab, error):
                raise
            why = first_line(error)
        leads_on = journey.follow(popups.held_up)
        if why is None and not leads_on and not journey.moved:
            return
        self.timeline.event(
            EventType.RETRY,
            LogLevel.WARN,
            "the page changed while it was read: reading it again",
            event="evidence_retry",
            reason="navigation",
            error=why,
        )
        await self._take_once(tab, await self._arrive(tab, journey, load=leads_on, passes=1))

    async def _take_once(self, tab: Tab, popups: Popups) -> None:
        so_far = self.evidence.doubts
        await popups.second_pass()
        taken = await evidence.take(tab, self.request.page, self.policy, self.timeline)
        remaining = await popups.remaining()
        if popups.can_still_help(remaining):
            await popups.second_pass()
            taken = await evidence.take(tab, self.request.page, self.policy, self.timeline)
            remaining = await popups.remaining()
        overlays = [
            LowConfidence(code=LowConfidenceCode.OVERLAY_REMAINING, detail=f"{one.kind}: {one.text}".strip())
            for one in remaining
        ]
        once: dict[LowConfidenceCode, LowConfidence] = {}
        for doubt in (*so_far, *taken.doubts, *overlays):
            once.setdefault(doubt.code, doubt)
        self.evidence = evidence.Evidence(taken.artifacts, list(once.values()))

    async def _discover(self, browser: Browser, proxy: FilteringProxy, home: Tab) -> PdpDiscovery:
        """Find the product page. Whatever happens here, the home page's own evidence stands."""
        limits = self.policy.discovery

        def too_long() -> PageFailed:
            return PageFailed("discovery_timeout", f"no product page found within {limits.timeout:g} s")

        fetch = Fetcher(proxy.url, user_agent=user_agent(browser.version), timeout=limits.sitemap_timeout)
        try:
            async with (
                self.timeline.stage("discovery"),
                ended_by_kill(browser, limits.timeout + self.policy.browser.close_timeout, too_long),
            ):
                visits = Visits(browser, proxy, self.policy, self.timeline)
                return await discovery.find_pdp(home.page, self.policy, visits, fetch, self.timeline)
        except PageFailed as failed:
            why = failed.message
        except Exception as error:  # noqa: BLE001 - the edge of the search, as `to_the_end` is the capture's
            traceback.print_exception(error)
            why = f"the search for a product page failed: {_fault(error)}"
        self.timeline.event(EventType.ERROR, LogLevel.ERROR, why, event="discovery_failed")
        return PdpDiscovery(url=None, reason=why)

    def _refused(self, refusal: Refusal) -> None:
        self.timeline.event(
            EventType.ERROR,
            LogLevel.WARN,
            f"{refusal.host}:{refusal.port} {refusal.detail}",
            event="connection_refused_by_proxy",
            host=refusal.host,
            port=refusal.port,
            reason=refusal.reason.value,
        )

    def _record_end(self, failure: PageFailed | None) -> None:
        # Without what discovery took after the page was done.
        self.timeline.load_timings.setdefault("total_ms", round(self.elapsed() * 1000))
        self.timeline.close()
        if failure is None:
            self.timeline.event(
                EventType.NAVIGATION, LogLevel.INFO, f"captured {self.final_url}", event="capture_finished"
            )
            return
        self.timeline.event(
            EventType.ERROR,
            LogLevel.ERROR,
            failure.message,
            event="capture_failed",
            reason=failure.reason,
            blame=failure.blame.value,
        )

    def _verdict(self, failure: PageFailed | None) -> Captured:
        browser = self.browser
        result = CaptureResult(
            session_id=self.request.session_id,
            attempt=self.request.attempt,
            page=self.request.page,
            viewport=self.request.viewport,
            verdict=Verdict.OK if failure is None else Verdict.FAILED,
            reason=failure.reason if failure else None,
            message=failure.message if failure else None,
            blame=failure.blame if failure else None,
            requested_url=self.url,
            final_url=self.final_url,
            load_timings=self.timeline.load_timings,
            low_confidence=self.evidence.doubts,
            events=list(self.timeline.events),
            pdp=self.pdp,
            browser_version=browser.version if browser else None,
            engine=browser_path().name,
            sandbox=browser.sandbox if browser else None,
            image=self.request.image,
            session=self.request.session,
            policy=self.policy.model_dump(mode="json"),
            policy_version=self.policy.version,
            started_at=self.started_at,
            finished_at=self.timeline.now(),
        )
        return Captured(result, failure.exit_code if failure else ExitCode.OK, self.evidence.artifacts)
