"""The search for a product page: opens candidates in order until one is valid. The only part of discovery that acts.

Which pages are candidates, and when one is valid, is decided by pure functions elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from playwright.async_api import Error, Page

from webaudit_capture.contract import EventType, LogLevel, PageType, PdpDiscovery
from webaudit_capture.discovery.candidates import (
    Candidate,
    PageLinks,
    Source,
    candidates,
    categories,
    limit_weak,
    subcategories,
)
from webaudit_capture.discovery.sitemaps import Fetch, read_products
from webaudit_capture.discovery.url_shape import identity
from webaudit_capture.discovery.validity import Reason, Rejection, unfit, wrong_place
from webaudit_capture.failures import PageFailed
from webaudit_capture.features import extract, reader
from webaudit_capture.inpage import ScriptError
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.texts import first_line


class OpenPage(Protocol):
    """A page that was reached. `calm` says whether it came; `ready` returns in time for a look, ready or not."""

    @property
    def page(self) -> Page: ...

    async def calm(self) -> bool: ...

    async def ready(self) -> None: ...


Visit = Callable[[str], AbstractAsyncContextManager[OpenPage]]


class Recorder(Protocol):
    """The part of the timeline that is needed here."""

    def event(self, event_type: EventType, level: LogLevel, message: str, *, event: str, **details: Any) -> None: ...


async def find_pdp(page: Page, policy: CrawlPolicy, visit: Visit, fetch: Fetch, timeline: Recorder) -> PdpDiscovery:
    """Find the shop's product page, starting from its open, ready home page. Never raises for what a shop does.

    `visit` opens a URL in a tab of its own and closes it; it may raise PageFailed. `fetch` gives at most so many
    bytes, or None. Every rejection and the outcome are events. When the home page itself or the browser is gone,
    playwright's Error passes through.
    """
    search = _Search(page, policy, visit, fetch, timeline)
    try:
        async with asyncio.timeout(policy.discovery.timeout) as whole:
            found = await search.run()
    except Error as error:
        search.give_up(Rejection(Reason.BROWSER_LOST, f"the browser ended: {first_line(error)}"))
        raise
    except TimeoutError:
        if not whole.expired():
            raise
        found = None
        search.exhausted = f"no product page within {policy.discovery.timeout:g} s"
        search.give_up(Rejection(Reason.SEARCH_TIMEOUT, "the search's time was up"))
        timeline.event(
            EventType.TIMEOUT,
            LogLevel.WARN,
            search.exhausted,
            event="pdp_discovery_timeout",
            timeout_s=policy.discovery.timeout,
        )
    return search.outcome(found)


class _Search:
    def __init__(self, home: Page, policy: CrawlPolicy, visit: Visit, fetch: Fetch, timeline: Recorder) -> None:
        self.home = home
        self.home_url = home.url
        self.policy = policy
        self.limits = policy.discovery
        self.visit = visit
        self.fetch = fetch
        self.timeline = timeline
        self.tries = 0
        self.seen: set[str] = set()
        """Candidates and where they led."""
        self.under_way: Candidate | None = None
        self.exhausted: str | None = None

    async def run(self) -> Candidate | None:
        links = await self._links(self.home)
        found = await self._first_valid(self._fresh(candidates(links, self.home.url, self.home_url)))
        return found or await self._in_categories(categories(links, self.home_url)) or await self._in_sitemaps()

    async def _in_categories(self, waiting: list[str]) -> Candidate | None:
        met = {identity(url) for url in waiting}
        for _ in range(self.limits.max_categories):
            if self._spent or not waiting:
                return None
            url, *waiting = waiting
            opened = await self._open_category(url)
            if opened is None:
                continue
            links, landed = opened
            listed = self._fresh(candidates(links, landed, self.home_url))
            self._category_event(url, LogLevel.INFO, f"category page names {len(listed)} products", None, len(listed))
            if found := await self._first_valid(listed, source="category"):
                return found
            if all(candidate.weak for candidate in listed):
                inner = [one for one in subcategories(links, landed, self.home_url) if identity(one) not in met]
                met |= {identity(one) for one in inner}
                waiting = [*inner, *waiting]
        return None

    async def _open_category(self, url: str) -> tuple[PageLinks, str] | None:
        """Its links and where it stands, or None after an event that says why not."""
        try:
            async with asyncio.timeout(self.limits.candidate_timeout) as limit, self.visit(url) as opened:
                await opened.ready()
                return await self._links(opened.page), opened.page.url
        except (PageFailed, Error, ScriptError, TimeoutError) as error:
            why = self._rejection(error, limit)
        self._category_event(url, LogLevel.WARN, f"category page not read: {why.detail}", why.reason, 0)
        return None

    async def _in_sitemaps(self) -> Candidate | None:
        if self._spent:
            return None
        async for read in read_products(self.home_url, self.fetch, self.limits):
            listed = self._fresh(read.candidates)
            self.timeline.event(
                EventType.NAVIGATION,
                LogLevel.INFO if read.readable else LogLevel.WARN,
                f"sitemap {read.url} names {len(listed)} products" if read.readable else f"no sitemap at {read.url}",
                event="pdp_sitemap_read",
                url=read.url,
                readable=read.readable,
                candidates=len(listed),
            )
            if found := await self._first_valid(listed):
                return found
            if self._spent:
                return None
        return None

    async def _first_valid(self, found: Iterable[Candidate], source: Source | None = None) -> Candidate | None:
        for candidate in found:
            if self._spent:
                return None
            candidate = candidate if source is None else Candidate(candidate.url, source, candidate.evidence)
            self.under_way = candidate
            rejection = await self._try(candidate)
            if rejection is None:
                return candidate
            self.give_up(rejection)
        return None

    async def _try(self, candidate: Candidate) -> Rejection | None:
        """Judged at its first calm and, where that was too early, when it is ready. What that says holds."""
        before = frozenset(self.seen)
        self.tries += 1
        self.seen.add(identity(candidate.url))
        try:
            async with asyncio.timeout(self.limits.candidate_timeout) as limit, self.visit(candidate.url) as opened:
                if await opened.calm() and await self._judge(opened.page, before) is None:
                    return None
                await opened.ready()
                rejection = await self._judge(opened.page, before)
                self.seen.add(identity(opened.page.url))
                return rejection
        except (PageFailed, Error, ScriptError, TimeoutError) as error:
            return self._rejection(error, limit)

    async def _judge(self, page: Page, before: frozenset[str]) -> Rejection | None:
        if misplaced := wrong_place(page.url, self.home_url, before):
            return misplaced
        try:
            features = await extract(page, PageType.PDP, page.url, self.policy.features)
        except (Error, ScriptError) as error:
            return Rejection(Reason.PAGE_BROKE, f"not read: {first_line(error)}")
        assert features.pdp_core is not None
        return unfit(features.pdp_core)

    def _rejection(self, error: PageFailed | Error | ScriptError | TimeoutError, limit: asyncio.Timeout) -> Rejection:
        """What a page's failure makes of it. Raises what is no page's: another timeout, a browser that is gone."""
        if isinstance(error, PageFailed):
            return Rejection(error.reason, f"not opened: {error.message}")
        if isinstance(error, TimeoutError):
            if not limit.expired():
                raise error
            return Rejection(Reason.CANDIDATE_TIMEOUT, f"did not answer within {self.limits.candidate_timeout:g} s")
        browser = self.home.context.browser
        if browser is None or not browser.is_connected():
            raise error
        return Rejection(Reason.PAGE_BROKE, f"not read: {first_line(error)}")

    def give_up(self, rejection: Rejection) -> None:
        """Of the candidate under way, if one is."""
        if self.under_way is not None:
            self._reject(self.under_way, rejection)
            self.under_way = None

    async def _links(self, page: Page) -> PageLinks:
        raw = await reader.run(
            page,
            "candidates.js",
            links=self.limits.max_links,
            items=self.policy.features.max_items,
            textChars=self.policy.features.max_text_chars,
            urlChars=self.policy.features.max_url_chars,
            structuredChars=self.policy.features.max_structured_chars,
        )
        return PageLinks.model_validate(raw)

    def _fresh(self, found: Iterable[Candidate]) -> list[Candidate]:
        """Those not tried yet, with few enough weak ones among them."""
        return limit_weak([c for c in found if identity(c.url) not in self.seen], self.limits.max_weak_candidates)

    @property
    def _spent(self) -> bool:
        return self.tries >= self.limits.max_candidates

    def _category_event(self, url: str, level: LogLevel, message: str, reason: str | None, count: int) -> None:
        details: dict[str, Any] = {"url": url, "candidates": count}
        if reason:
            details["reason"] = reason
        self.timeline.event(EventType.NAVIGATION, level, message, event="pdp_category_read", **details)

    def _reject(self, candidate: Candidate, rejection: Rejection) -> None:
        timed_out = rejection.reason in (Reason.CANDIDATE_TIMEOUT, Reason.SEARCH_TIMEOUT)
        self.timeline.event(
            EventType.TIMEOUT if timed_out else EventType.NAVIGATION,
            LogLevel.WARN if timed_out else LogLevel.INFO,
            f"product page candidate rejected: {rejection.detail}",
            event="pdp_candidate_rejected",
            url=candidate.url,
            source=candidate.source,
            evidence=list(candidate.evidence),
            reason=rejection.reason,
            missing=list(rejection.missing),
        )

    def outcome(self, found: Candidate | None) -> PdpDiscovery:
        tries = self.tries
        if found is not None:
            self.timeline.event(
                EventType.NAVIGATION,
                LogLevel.INFO,
                f"product page found: {found.url}",
                event="pdp_found",
                url=found.url,
                source=found.source,
                evidence=list(found.evidence),
                candidates_tried=tries,
            )
            return PdpDiscovery(url=found.url, source=found.source, candidates_tried=tries)
        reason = self.exhausted or (
            f"none of {tries} candidates is a product page"
            if tries
            else "neither the home page, its categories nor a sitemap names a product"
        )
        self.timeline.event(
            EventType.NAVIGATION,
            LogLevel.WARN,
            f"PDP not found: {reason}",
            event="pdp_not_found",
            reason=reason,
            candidates_tried=tries,
        )
        return PdpDiscovery(url=None, candidates_tried=tries, reason=reason)
