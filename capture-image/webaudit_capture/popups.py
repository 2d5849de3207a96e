"""Dismissing overlays: vendor rules first, then our own eyes, at most two passes, and hiding as the last resort.

Clicks only what is visible, still and says dismissal; whether it worked is decided by looking. Never submits, navigates
or buys, and a failed click never fails the page.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error as PlaywrightError

from webaudit_capture import consent, words
from webaudit_capture.browser import Tab
from webaudit_capture.contract import EventType, LogLevel
from webaudit_capture.guard import Cancelled, NavigationGuard
from webaudit_capture.inpage import FrameWorld, ScriptError
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.ready import settle
from webaudit_capture.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Overlay:
    """Something that lies over the page, and the control that would dismiss it."""

    id: str
    kind: str
    how: str
    cover: float
    text: str
    frame: bool
    certain: bool
    control: str | None
    name: str | None = None
    says: str | None = None

    @classmethod
    def of(cls, found: dict[str, Any]) -> Overlay:
        return cls(**{name: found.get(name) for name in cls.__slots__})  # type: ignore[arg-type]


class Popups:
    """The overlays of one document, from its first quiet moment to its evidence, in at most so many passes."""

    def __init__(self, tab: Tab, policy: CrawlPolicy, timeline: Timeline, *, passes: int | None = None) -> None:
        self._tab = tab
        self._page = tab.inpage
        self._policy = policy.popups
        self._ready = policy.ready
        self._timeline = timeline
        self._guard = NavigationGuard(tab.inpage, self._cancelled)
        self._told_cancelled = 0
        self._most_passes = policy.popups.passes if passes is None else min(passes, policy.popups.passes)
        self._words = words.for_page()
        self._vendor_since: float | None = None
        self._met: set[str] = set()
        self._dismissed = 0
        self.passes = 0
        self.hidden = False

    async def start_watching(self) -> None:
        """Let the vendor rules begin, once per document; the page may not navigate from here to the pass's end."""
        if self._vendor_since is not None or self._most_passes == 0:
            return
        await self._guard.engage()
        try:
            await consent.start(self._page)
        except PlaywrightError:
            await self.let_go()
            raise
        except ScriptError as error:
            self._timeline.event(
                EventType.POPUP,
                LogLevel.WARN,
                "the consent vendor rules could not run in this page",
                event="vendor_rules_failed",
                error=str(error),
            )
        self._vendor_since = self._timeline.monotonic()

    async def first_pass(self, *, may_follow: bool = False) -> None:
        """Stage `popups`: what the vendor rules did, then our own pass.

        With `may_follow` it ends early for a page that was going elsewhere by itself: this one is only the way there.
        """
        if self._most_passes == 0:
            return
        async with self._timeline.stage("popups", deadline=self._policy.timeout, go_on=True):
            await self.start_watching()
            await self._await_vendor(may_follow)
            if may_follow and self.held_up is not None:
                return
            await self._pass()
            if self._dismissed:
                await settle(self._tab, self._ready, self._timeline, "settle_after_popups")
            if await self._locked_and_blocked():
                await self._hide()

    async def second_pass(self) -> None:
        """Stage `popups_again`, right before the evidence: for what came late or lay underneath."""
        try:
            async with self._timeline.stage("popups_again", deadline=self._policy.timeout, go_on=True):
                late = [overlay for overlay in await self.look() if overlay.id not in self._met]
                if self.passes < self._most_passes and (self._dismissed or late):
                    before = self._dismissed
                    await self._guard.engage()
                    await self._pass()
                    if self._dismissed > before:
                        await settle(self._tab, self._ready, self._timeline, "settle_after_popups")
                await self._hide()
        finally:
            await self.let_go()

    async def let_go(self) -> None:
        """The page may go where it likes again. Raises nothing: it may be gone, or hang."""
        with suppress(PlaywrightError, TimeoutError):
            async with asyncio.timeout(self._policy.hide_timeout):
                await self._guard.release()

    @property
    def held_up(self) -> str | None:
        """Where the page was going of its own accord when it was last kept from it."""
        return next((one.url for one in reversed(self._guard.cancelled) if one.own), None)

    async def remaining(self) -> list[Overlay]:
        """Stage `look_back`: overlays that lie over the page after all."""
        async with self._timeline.stage("look_back", deadline=self._policy.hide_timeout, go_on=True):
            return [overlay for overlay in await self.look() if overlay.certain]
        return []

    def can_still_help(self, overlays: list[Overlay]) -> bool:
        """Whether one of these came after the passes looked, and a pass or the last resort is left."""
        late = any(overlay.id not in self._met for overlay in overlays)
        return late and (self.passes < self._most_passes or not self.hidden)

    async def look(self) -> list[Overlay]:
        """Overlays now on top of the page."""
        limits = {"minCover": self._policy.min_cover, "modalCover": self._policy.modal_min_cover}
        return [Overlay.of(found) for found in await self._page.call("overlays", self._words, limits)]

    async def _await_vendor(self, may_follow: bool) -> None:
        assert self._vendor_since is not None
        waited_enough = False
        while self._timeline.monotonic() - self._vendor_since < self._policy.vendor_timeout:
            state = await consent.state(self._page)
            if state is not None and state.clicks:
                self._guard.blame_clicks()
            if state is None or state.ended or (may_follow and self.held_up is not None):
                break
            if state.all_rules_tried and not state.popups:
                # One more look at the state: the last rules may have been in the middle of it.
                if waited_enough and (not state.vendors or not await self.look()):
                    break
                waited_enough = True
            await asyncio.sleep(self._policy.poll_interval)
        state = await consent.state(self._page)
        await consent.stop(self._page)
        if state is not None and state.clicks:
            self._guard.blame_clicks()
        if state is not None and state.acted:
            remaining = [overlay for overlay in await self.look() if overlay.kind == "consent"]
            self._record(
                "vendor",
                {"vendor": state.popups[0], "clicks": state.clicks, "kind": "consent"},
                gone=not remaining,
            )

    async def _pass(self) -> None:
        """One click per overlay; overlays that come up meanwhile are met too."""
        self.passes += 1
        clicked: set[str] = set()
        for _ in range(self._policy.clicks_per_pass):
            overlays = await self.look()
            self._met.update(overlay.id for overlay in overlays)
            overlay = next((one for one in overlays if one.id not in clicked), None)
            if overlay is None:
                return
            clicked.add(overlay.id)
            if overlay.control is not None:
                await self._click(overlay, overlay.control)
            elif overlay.frame:
                await self._click_in_frames(overlay)

    async def _click(self, overlay: Overlay, control: str) -> None:
        point = await self._page.call("settledPoint", control, self._policy.stable_wait * 1000)
        if point is None:
            return
        self._guard.clicked = True
        await self._tab.page.mouse.click(point["x"], point["y"])
        await asyncio.sleep(self._policy.settle_after_click)
        gone = not await self._page.call("stillSeen", overlay.id)
        self._record(overlay.how, _facts(overlay), gone=gone)

    async def _click_in_frames(self, overlay: Overlay) -> None:
        """For a dialog that lives in a frame: the frame's whole document is the overlay."""
        for world in await self._page.frames():
            found = await self._in_frame(world)
            if found is None:
                continue
            self._guard.clicked = True
            with suppress(PlaywrightError, ScriptError):  # gone by now, as ads go
                await world.call("clickInFrame", found["control"])
            await asyncio.sleep(self._policy.settle_after_click)
            gone = not await self._page.call("stillSeen", overlay.id)
            self._record("frame", {**_facts(overlay), **{k: found[k] for k in ("kind", "name", "says")}}, gone=gone)
            return

    async def _in_frame(self, world: FrameWorld) -> dict[str, Any] | None:
        size = self._tab.page.viewport_size
        assert size is not None  # every context is made with one
        try:
            found: dict[str, Any] | None = await world.call(
                "frameOverlay",
                self._words,
                size["width"] * size["height"],
                {"minCover": self._policy.min_cover},
            )
        except (PlaywrightError, ScriptError):
            return None  # it vanished while it was looked at
        return found

    async def _locked_and_blocked(self) -> bool:
        """Whether hiding cannot wait until after scrolling, because there would be none."""
        limits = self._hide_limits()
        return bool(await self._page.call("scrollLocked")) and bool(await self._page.call("blocked", limits))

    async def _hide(self) -> None:
        if self.hidden or not await self._page.call("blocked", self._hide_limits()):
            return
        self.hidden = True
        async with self._timeline.stage("hide", deadline=self._policy.hide_timeout, go_on=True):
            counts = await self._page.call("hideBlocking", self._hide_limits())
            in_frames = 0
            for world in await self._page.frames():
                with suppress(PlaywrightError, ScriptError):
                    in_frames += (await world.call("hideBlocking", self._hide_limits()))["hidden"]
            self._timeline.event(
                EventType.POPUP,
                LogLevel.WARN,
                f"hid {counts['hidden'] + in_frames} overlay(s) that could not be dismissed",
                event="overlay_hide_fallback",
                hidden=counts["hidden"],
                hidden_in_frames=in_frames,
                unlocked=counts["unlocked"],
            )

    def _hide_limits(self) -> dict[str, float]:
        return {"minZ": self._policy.hide_min_z_index, "minCover": self._policy.hide_min_cover}

    def _record(self, how: str, facts: dict[str, Any], *, gone: bool) -> None:
        if gone:
            self._dismissed += 1
        kind = facts["kind"]
        cancelled = [one.url for one in self._guard.cancelled[self._told_cancelled :]]
        self._told_cancelled = len(self._guard.cancelled)
        said = f' by "{facts["name"]}"' if facts.get("name") else f" by the vendor rules ({facts['vendor']})"
        self._timeline.event(
            EventType.POPUP,
            LogLevel.INFO if gone else LogLevel.WARN,
            f"{kind} overlay {'dismissed' if gone else 'still there after a click'}{said}",
            event="popup_dismissed" if gone else "popup_remained",
            strategy=how,
            result="gone" if gone else "remained",
            cancelled_navigations=cancelled,
            **facts,
        )

    def _cancelled(self, cancelled: Cancelled) -> None:
        self._timeline.event(
            EventType.NAVIGATION,
            LogLevel.INFO,
            f"kept the page from going to {cancelled.url}",
            event="navigation_cancelled",
            url=cancelled.url,
            reason=cancelled.reason,
            own=cancelled.own,
        )


def _facts(overlay: Overlay) -> dict[str, Any]:
    return {
        "kind": overlay.kind,
        "name": overlay.name,
        "says": overlay.says,
        "cover": round(overlay.cover, 3),
        "text": overlay.text,
    }
