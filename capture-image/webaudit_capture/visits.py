"""Visits of the search for a product page: an address in a tab of its own, loaded once.

What is to be seen there, and whether it will do, is the search's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from webaudit_capture.bounds import ended_by_crash
from webaudit_capture.browser import Browser, Tab
from webaudit_capture.navigation import GoOn, give_up, judge, look
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.proxy import FilteringProxy
from webaudit_capture.ready import wait_until_quiet, wait_until_ready
from webaudit_capture.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Visits:
    """Opens addresses in one browser, each within the policy's candidate_timeout."""

    browser: Browser
    proxy: FilteringProxy
    policy: CrawlPolicy
    timeline: Timeline

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Visit]:
        """The address at DOMContentLoaded. Raises PageFailed, also while it is open."""
        limits = self.policy.discovery
        ends = self.timeline.monotonic() + limits.candidate_timeout - limits.look_timeout
        tab = await self.browser.open_tab()
        try:
            async with ended_by_crash(tab, url):
                visit = Visit(tab, self.policy, self.timeline, ends)
                seen = await look(
                    tab, url, policy=self.policy, proxy=self.proxy, timeline=self.timeline, timeout=visit.left()
                )
                verdict = judge(seen, requested=url, policy=self.policy.navigation)
                if not isinstance(verdict, GoOn):
                    give_up(verdict[0])
                yield visit
        finally:
            with suppress(PlaywrightError, TimeoutError):
                async with asyncio.timeout(self.policy.browser.close_timeout):
                    await tab.page.close()


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is open. What it waits for ends in time for a look, come or not."""

    _tab: Tab
    _policy: CrawlPolicy
    _timeline: Timeline
    _ends: float

    @property
    def page(self) -> Page:
        return self._tab.page

    def left(self) -> float:
        return max(self._policy.ready.poll_interval, self._ends - self._timeline.monotonic())

    async def calm(self) -> bool:
        """Whether it was quiet for a moment: a page that came whole then shows all it has."""
        moment = self._policy.discovery.calm_after
        ready = self._policy.ready
        quiet = {"network_quiet": min(moment, ready.network_quiet), "dom_quiet": min(moment, ready.dom_quiet)}
        with suppress(TimeoutError):
            async with asyncio.timeout(self.left()):
                await wait_until_quiet(self._tab, ready.model_copy(update=quiet))
                return True
        return False

    async def ready(self) -> None:
        """By the ready rule."""
        ready = self._policy.ready
        bounded = ready.model_copy(update={"timeout": min(ready.timeout, self.left())})
        await wait_until_ready(self._tab, bounded, self._timeline)
