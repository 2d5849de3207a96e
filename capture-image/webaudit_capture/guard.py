"""While we click, the page stays where it is: navigations of its main frame are cancelled before they are sent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from playwright.async_api import Error as PlaywrightError

from webaudit_capture.inpage import InPage


class NavigationGuard:
    """Cancels navigations of the main frame between `engage` and `release`. Frames go where they like."""

    def __init__(self, page: InPage) -> None:
        self._page = page
        self._engaged = False
        self._main_frame: str | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self.cancelled: list[str] = []

    async def engage(self) -> None:
        if self._engaged:
            return
        if self._main_frame is None:
            tree = await self._page.session.send("Page.getFrameTree")
            self._main_frame = tree["frameTree"]["frame"]["id"]
            self._page.session.on("Fetch.requestPaused", self._paused)
        await self._page.session.send("Fetch.enable", {"patterns": [{"resourceType": "Document"}]})
        self._engaged = True

    async def release(self) -> None:
        if self._engaged:
            self._engaged = False
            await self._page.session.send("Fetch.disable")

    def _paused(self, event: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self._answer(event))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, event: dict[str, Any]) -> None:
        request = {"requestId": event["requestId"]}
        # The frame, or the tab, may be gone by now.
        with suppress(PlaywrightError):
            if self._engaged and event.get("frameId") == self._main_frame:
                self.cancelled.append(event["request"]["url"])
                await self._page.session.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})
            else:
                await self._page.session.send("Fetch.continueRequest", request)
