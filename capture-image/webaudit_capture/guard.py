"""While we click, the page stays where it is: navigations of its main frame are cancelled before they are sent.

So are forms that a click sends into a frame, and in the page nothing is submitted and no link followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import Error as PlaywrightError

from webaudit_capture.inpage import InPage

# As the browser gives the cause of a navigation. Only these are the page's own for certain, whatever was clicked.
_REFRESH = frozenset({"metaTagRefresh", "httpHeaderRefresh"})
_BY_SCRIPT = frozenset({"scriptInitiated", "anchorClick", "reload"})
_FORM = "formSubmission"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A navigation that was cancelled; `own` when the page set out by itself and not because something was clicked."""

    url: str
    reason: str
    own: bool


class NavigationGuard:
    """Cancels navigations of the main frame between `engage` and `release`. Frames go where they like, but for forms
    sent after a click.

    `clicked` is set by who clicks: from then on scripts may only be following the click.
    """

    def __init__(self, page: InPage, on_cancelled: Callable[[Cancelled], None] = lambda cancelled: None) -> None:
        self._page = page
        self._on_cancelled = on_cancelled
        self._engaged = False
        self._main_frame: str | None = None
        self._reasons: dict[str, str] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self.clicked = False
        self.cancelled: list[Cancelled] = []

    async def engage(self) -> None:
        if self._engaged:
            return
        session = self._page.session
        if self._main_frame is None:
            tree = await session.send("Page.getFrameTree")
            self._main_frame = tree["frameTree"]["frame"]["id"]
        session.on("Page.frameRequestedNavigation", self._requested)
        session.on("Fetch.requestPaused", self._paused)
        self._engaged = True
        await session.send("Fetch.enable", {"patterns": [{"resourceType": "Document"}]})
        await self._page.call("hold", True)

    async def release(self) -> None:
        if self._engaged:
            self._engaged = False
            # Another guard may take its turn on this page: then only that one answers.
            self._page.session.remove_listener("Page.frameRequestedNavigation", self._requested)
            self._page.session.remove_listener("Fetch.requestPaused", self._paused)
            await self._page.session.send("Fetch.disable")
            await self._page.call("hold", False)

    def blame_clicks(self) -> None:
        """Something clicked unseen: what scripts have begun so far may come from that."""
        self.clicked = True
        self.cancelled = [replace(one, own=one.own and one.reason in _REFRESH) for one in self.cancelled]

    def _requested(self, event: dict[str, Any]) -> None:
        """Comes before the request itself."""
        self._reasons[str(event.get("frameId"))] = str(event.get("reason", ""))

    def _paused(self, event: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._answer(event))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, event: dict[str, Any]) -> None:
        request = {"requestId": event["requestId"]}
        # The frame, or the tab, may be gone by now.
        with suppress(PlaywrightError):
            if self._engaged and self._is_held(str(event.get("frameId"))):
                self._note(str(event.get("frameId")), event["request"])
                await self._page.session.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})
            else:
                await self._page.session.send("Fetch.continueRequest", request)

    def _is_held(self, frame: str) -> bool:
        return frame == self._main_frame or (self.clicked and self._reasons.get(frame, "").startswith(_FORM))

    def _note(self, frame: str, request: dict[str, Any]) -> None:
        reason = self._reasons.get(frame, "")
        by_page = reason in _REFRESH or (reason in _BY_SCRIPT and not self.clicked)
        own = by_page and frame == self._main_frame and request["method"] == "GET"
        cancelled = Cancelled(str(request["url"]), reason, own)
        self.cancelled.append(cancelled)
        self._on_cancelled(cancelled)
