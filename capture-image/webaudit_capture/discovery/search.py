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
from webaudit_capture.discovery.candidates import Candidate, PageLinks, Source, candidates, categories, limit_weak
from webaudit_capture.discovery.sitemaps import Fetch, read_products
from webaudit_capture.discovery.url_shape import identity
from webaudit_capture.discovery.validity import Rejection, unfit, wrong_place
from webaudit_capture.failures import PageFailed
from webaudit_capture.features import extract, reader
from webaudit_capture.inpage import ScriptError
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.texts import first_line

Visit = Callable[[str], AbstractAsyncContextManager[Page]]


class Recorder(Protocol):
    """The part of the timeline that is needed here."""

    def event(self, event_type: EventType, level: LogLevel, message: str, *, event: str, **details: Any) -> None: ...


async def find_pdp(page: Page, policy: CrawlPolicy, visit: Visit, fetch: Fetch, timeline: Recorder) -> PdpDiscovery:
    """Find the shop's product page, starting from its open, ready home page. Never raises for what a shop does.

    `visit` opens a URL in a tab of its own, ready, and closes it; it may raise PageFailed. `fetch` gives at most so
    many bytes, or None. Every rejection and the outcome are events. When the home page itself is gone, what
    `reader.run` raises passes through.
    """
    search = _Search(page.url, policy, visit, fetch, timeline)
    try:
        async with asyncio.timeout(policy.discovery.timeout) as whole:
            found = await search.run(page)
    except TimeoutError:
        if not whole.expired():
            raise
        found = None
        search.exhausted = f"no product page within {policy.discovery.timeout:g} s"
        timeline.event(
            EventType.TIMEOUT,
            LogLevel.WARN,
            search.exhausted,
            event="pdp_discovery_timeout",
            timeout_s=policy.discovery.timeout,
        )
    return search.outcome(found)


class _Search:
    def __init__(self, home_url: str, policy: CrawlPolicy, visit: Visit, fetch: Fetch, timeline: Recorder) -> None:
        self.home_url = home_url
        self.policy = policy
        self.limits = policy.discovery
        self.visit = visit
        self.fetch = fetch
        self.timeline = timeline
        self.tried: list[str] = []
        self.exhausted: str | None = None

    async def run(self, home: Page) -> Candidate | None:
        links = await self._links(home)
        found = await self._first_valid(self._fresh(candidates(links, home.url, self.home_url)))
        return found or await self._in_categories(categories(links, self.home_url)) or await self._in_sitemaps()

    async def _in_categories(self, addresses: list[str]) -> Candidate | None:
        for url in addresses[: self.limits.max_categories]:
            if self._spent:
                return None
            try:
                async with asyncio.timeout(self.limits.candidate_timeout), self.visit(url) as page:
                    links, landed = await self._links(page), page.url
            except (PageFailed, Error, ScriptError, TimeoutError) as error:
                self._category_event(url, LogLevel.WARN, f"category page not read: {_reason(error)}", _reason(error), 0)
                continue
            listed = self._fresh(candidates(links, landed, self.home_url))
            self._category_event(url, LogLevel.INFO, f"category page names {len(listed)} products", None, len(listed))
            if found := await self._first_valid(listed, source="category"):
                return found
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
            rejection = await self._try(candidate)
            if rejection is None:
                return candidate
            self._reject(candidate, rejection)
        return None

    async def _try(self, candidate: Candidate) -> Rejection | None:
        before = frozenset(self.tried)
        self.tried.append(identity(candidate.url))
        try:
            async with asyncio.timeout(self.limits.candidate_timeout) as limit:
                async with self.visit(candidate.url) as page:
                    if misplaced := wrong_place(page.url, self.home_url, before):
                        return misplaced
                    features = await extract(page, PageType.PDP, page.url, self.policy.features)
        except PageFailed as error:
            return Rejection(error.reason, f"not opened: {error.message}")
        except (Error, ScriptError) as error:
            return Rejection("page_broke", f"not read: {first_line(error)}")
        except TimeoutError:
            if not limit.expired():
                raise
            return Rejection("candidate_timeout", f"not ready within {self.limits.candidate_timeout:g} s")
        assert features.pdp_core is not None
        return unfit(features.pdp_core)

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
        return limit_weak([c for c in found if identity(c.url) not in self.tried], self.limits.max_weak_candidates)

    @property
    def _spent(self) -> bool:
        return len(self.tried) >= self.limits.max_candidates

    def _category_event(self, url: str, level: LogLevel, message: str, reason: str | None, count: int) -> None:
        details: dict[str, Any] = {"url": url, "candidates": count}
        if reason:
            details["reason"] = reason
        self.timeline.event(EventType.NAVIGATION, level, message, event="pdp_category_read", **details)

    def _reject(self, candidate: Candidate, rejection: Rejection) -> None:
        timed_out = rejection.reason == "candidate_timeout"
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
        tries = len(self.tried)
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


def _reason(error: PageFailed | Error | ScriptError | TimeoutError) -> str:
    if isinstance(error, PageFailed):
        return error.reason
    return "timeout" if isinstance(error, TimeoutError) else "page_broke"
