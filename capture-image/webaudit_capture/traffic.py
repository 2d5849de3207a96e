"""A page's requests in flight, as the ready rule counts them. The counting is pure; `watch` connects it to a page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from playwright.async_api import Page, Request

from webaudit_capture.policy import Ready

# What never ends by design.
_ENDLESS = frozenset({"websocket", "eventsource", "media", "ping", "beacon", "cspviolationreport", "texttrack"})
_POLLING = frozenset({"fetch", "xhr"})


@dataclass(slots=True)
class _Open:
    since: float
    kind: str
    url: str


class Traffic:
    """Which requests hold the page open. Times are `monotonic` seconds."""

    def __init__(self, policy: Ready, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._open: dict[Hashable, _Open] = {}
        self._unfinished: dict[Hashable, _Open] = {}
        self._hits: Counter[tuple[str, str]] = Counter()
        self._last_end = monotonic()
        self.requests = 0

    def started(self, key: Hashable, method: str, url: str, kind: str, *, in_frame: bool = False) -> None:
        if not url.startswith(("http:", "https:")):
            return
        self.requests += 1
        request = _Open(self._monotonic(), kind, url)
        if not in_frame:
            self._unfinished[key] = request
        if kind in _ENDLESS:
            return
        if kind in _POLLING:
            path = (method, url.partition("?")[0].partition("#")[0])
            self._hits[path] += 1
            if self._hits[path] >= self._policy.polling_hits:
                return
        self._open[key] = request

    def ended(self, key: Hashable) -> None:
        self._unfinished.pop(key, None)
        if self._open.pop(key, None) is not None:
            self._last_end = self._monotonic()

    def quiet_for(self) -> float:
        """Seconds since the last request that counts ended; 0 while one is in flight."""
        now = self._monotonic()
        for key, request in list(self._open.items()):
            gives_up = request.since + self._policy.ignore_request_after
            if gives_up <= now:
                del self._open[key]
                self._last_end = max(self._last_end, gives_up)
        return 0.0 if self._open else now - self._last_end

    def in_flight_since(self, moment: float) -> int:
        """How many requests that count were started after a moment and have not ended."""
        return sum(request.since >= moment for request in self._open.values())

    def open_of(self, *kinds: str) -> list[str]:
        """URLs of these kinds that the page itself, not a frame, waits for, whether they count or not; oldest first."""
        return [request.url for request in self._unfinished.values() if request.kind in kinds]

    def watch(self, page: Page) -> None:
        def begin(request: Request) -> None:
            # A navigation's frame may not be there yet.
            in_frame = not request.is_navigation_request() and request.frame != page.main_frame
            self.started(request, request.method, request.url, request.resource_type, in_frame=in_frame)

        page.on("request", begin)
        page.on("requestfinished", self.ended)
        page.on("requestfailed", self.ended)
