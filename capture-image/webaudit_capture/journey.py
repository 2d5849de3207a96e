"""A page's way to being there: attempts, back-off, bot walls, and where it goes by itself.

What follows from what was seen is decided in `navigation`; this does what that says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from playwright.async_api import Error as PlaywrightError

from webaudit_capture.browser import Tab
from webaudit_capture.contract import EventType, LogLevel
from webaudit_capture.navigation import (
    ERROR_PAGE,
    HTML,
    WEB,
    Fail,
    GoOn,
    Seen,
    decide,
    give_up,
    jitter,
    look,
    phrase,
    wall,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.proxy import FilteringProxy
from webaudit_capture.ready import moved_on
from webaudit_capture.timeline import Timeline


class Journey:
    """One page's way from its address to a document that stands still: loading, looking again, and what follows.

    Raises PageFailed. The caller enforces the page's cap; `elapsed` says how much of it is gone.
    """

    def __init__(
        self,
        tab: Tab,
        url: str,
        *,
        policy: CrawlPolicy,
        proxy: FilteringProxy,
        timeline: Timeline,
        seed: str,
        elapsed: Callable[[], float],
    ) -> None:
        self._tab = tab
        self._requested = url
        self._policy = policy
        self._proxy = proxy
        self._timeline = timeline
        self._seed = seed
        self._elapsed = elapsed
        self._aim = url
        self._from: str | None = None
        self._attempt = 0
        self._walls = 0
        self._followed = 0
        self._stood_at = 0

    async def reach(self) -> None:
        """Load the page, with as many attempts as the policy gives."""
        while True:
            self._attempt += 1
            self._timeline.event(
                EventType.NAVIGATION,
                LogLevel.INFO,
                f"loading {self._aim}",
                event="navigate",
                url=self._aim,
                attempt=self._attempt,
            )
            seen = await look(
                self._tab,
                self._aim,
                policy=self._policy,
                proxy=self._proxy,
                timeline=self._timeline,
                referer=self._from,
                timeout=self._time_for_attempt(),
            )
            if not await self._accepted(seen):
                continue
            assert seen.status is not None
            self._timeline.event(
                EventType.NAVIGATION,
                LogLevel.INFO,
                f"{seen.url} answered {seen.status}{phrase(seen.status)}",
                event="navigated",
                status=seen.status,
                final_url=seen.url,
                attempt=self._attempt,
            )
            return

    def _time_for_attempt(self) -> float:
        """The last one ends before the page's cap, so that it says what it met."""
        limits = self._policy.navigation
        left = limits.page_cap - self._elapsed() - limits.check_timeout
        return min(limits.attempt_timeout, left) if left > 0 else limits.attempt_timeout

    async def stands(self) -> bool:
        """Whether what became ready is still a page: by script it may have gone elsewhere, or drawn a bot wall.

        False: it is worth loading again, and the pause before that is over.
        """
        self._stood_at = self._tab.inpage.documents
        return await self._accepted(await self._look_again())

    @property
    def moved(self) -> bool:
        """Whether the page holds another document than the one that stood."""
        return self._tab.inpage.documents != self._stood_at

    @property
    def may_follow(self) -> bool:
        return self._followed < self._policy.navigation.follows

    def follow(self, url: str | None) -> bool:
        """Whether the page is to be loaded from where it was going by itself when it was held in place."""
        if url is None or not self.may_follow:
            return False
        self._followed += 1
        self._attempt = 0
        self._aim, self._from = url, self._tab.page.url
        self._timeline.event(
            EventType.NAVIGATION, LogLevel.INFO, f"following the page to {url}", event="navigation_followed", url=url
        )
        return True

    async def _look_again(self) -> Seen:
        tab = self._tab
        seen = Seen(tab.page.url, status=HTTPStatus.OK, content_type=HTML[0])
        if seen.url.startswith(ERROR_PAGE):
            why = "the page it led to could not be loaded"
            return Seen(tab.heading_for, error=why, refusal=self._proxy.refusal(tab.heading_for))
        if not seen.url.startswith(WEB):
            return replace(seen, error="it is no web page")
        deadline = self._policy.navigation.check_timeout
        try:
            async with self._timeline.stage("check", deadline=deadline, go_on=True):
                loaded = await tab.inpage.call("document")
                return replace(
                    seen,
                    status=loaded["status"] or seen.status,
                    content_type=loaded["contentType"],
                    wall=await wall(tab, self._policy),
                )
        except PlaywrightError as error:
            # It has moved on: then what is read will not be the document that stood, and it is looked at again.
            if not moved_on(tab, error):
                raise
        return seen

    async def _accepted(self, seen: Seen) -> bool:
        """Whether there is a page; else the pause before the next attempt is over, or PageFailed is raised."""
        limits = self._policy.navigation
        decision = decide(
            seen,
            requested=self._requested,
            attempt=self._attempt,
            walls_before=self._walls,
            elapsed=self._elapsed(),
            jitter=jitter(self._seed, self._attempt, limits.jitter),
            policy=limits,
        )
        self._walls += seen.wall is not None
        if isinstance(decision, Fail):
            give_up(decision)
        if isinstance(decision, GoOn):
            return True
        self._timeline.event(
            EventType.RETRY,
            LogLevel.WARN,
            f"trying {self._aim} again in {decision.wait:.1f} s: {decision.reason}",
            event="navigation_retry",
            reason=decision.reason,
            attempt=self._attempt,
            backoff_s=round(decision.wait, 3),
            status=seen.status,
            error=seen.error,
        )
        await asyncio.sleep(decision.wait)
        return False
