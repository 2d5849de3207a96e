"""Dismissing overlays: vendor rules first, then our own eyes, at most two passes, and hiding as the last resort.

Clicks only what is visible, still and says dismissal; whether it worked is decided by looking. Never submits, navigates
or buys, and a failed click never fails the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
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

Look = Callable[..., Awaitable[Any]]
_OUTCOMES = {
    "gone": "dismissed",
    "changed": "changed into another one after a click",
    "remained": "still there after a click",
}


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
    world: FrameWorld | None = None
    """The frame that its control is in, where that is not the main one."""

    @classmethod
    def of(cls, found: dict[str, Any]) -> Overlay:
        return cls(**{name: found.get(name) for name in cls.__slots__})  # type: ignore[arg-type]

    @property
    def key(self) -> str:
        """What tells it from other overlays, and still knows it when it was put up again as another element."""
        return f"{self.kind}: {self.text}" if self.text else self.id


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
        limits = policy.popups
        self._limits = {
            "minCover": limits.min_cover,
            "modalCover": limits.modal_min_cover,
            "minText": policy.low_confidence.min_text_chars,
        }
        self._hide_limits = {
            "minZ": limits.hide_min_z_index,
            "minCover": limits.hide_min_cover,
            "minText": policy.low_confidence.min_text_chars,
        }
        self._vendor_since: float | None = None
        self._place: dict[str, Any] | None = None
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
            self._place = await self._page.call("place")
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
                late = [overlay for overlay in await self.look() if overlay.key not in self._met]
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
        with suppress(PlaywrightError, ScriptError, TimeoutError):
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
        late = any(overlay.key not in self._met for overlay in overlays)
        return late and (self.passes < self._most_passes or not self.hidden)

    async def look(self) -> list[Overlay]:
        """Overlays now on top of the page."""
        found = [Overlay.of(one) for one in await self._page.call("overlays", self._words, self._limits)]
        if not any(one.frame and one.control is None for one in found):
            return found
        worlds = await self._page.frames()
        return [await self._looked_into(one, worlds) if one.frame and one.control is None else one for one in found]

    async def _looked_into(self, overlay: Overlay, worlds: list[FrameWorld]) -> Overlay:
        """An overlay whose words and controls are those of a frame in it: the frame's whole document is the overlay."""
        for world in worlds:
            found = await self._in_frame(world, "frameOverlay")
            if found:
                return replace(overlay, how="frame", certain=True, world=world, **found)
        return overlay

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
        # In this order: what they did in the last moment counts, and nothing comes after it.
        await consent.stop(self._page)
        state = await consent.state(self._page)
        if state is not None and state.clicks:
            self._guard.blame_clicks()
            await self._go_back()
        if state is not None and state.acted:
            remaining = next((one for one in await self.look() if one.kind == "consent"), None)
            gone = remaining is None or await self._left(remaining, self._page.call)
            self._record("vendor", {"vendor": state.popups[0], "clicks": state.clicks, "kind": "consent"}, gone=gone)

    async def _pass(self) -> None:
        """One click per overlay; overlays that come up meanwhile are met too."""
        self.passes += 1
        done: set[str] = set()
        for _ in range(self._policy.clicks_per_pass):
            overlays = await self.look()
            self._met.update(overlay.key for overlay in overlays)
            overlay = next((one for one in overlays if done.isdisjoint({one.id, one.key})), None)
            if overlay is None:
                break
            done.update({overlay.id, overlay.key})
            await self._dismiss(await self._hovered(overlay))
        await self._pass_in_frames()

    async def _pass_in_frames(self) -> None:
        """What large frames of the page show over themselves."""
        for world in await self._large_frames():
            for found in await self._in_frame(world, "overlaysInFrame") or []:
                await self._dismiss(replace(Overlay.of(found), how="frame", world=world))

    async def _large_frames(self) -> list[FrameWorld]:
        """Frames, where there is a large one at all."""
        return await self._page.frames() if await self._page.call("holdsLargeFrame", self._limits) else []

    async def _hovered(self, overlay: Overlay) -> Overlay:
        """Some controls come to be seen only under the pointer."""
        if overlay.control is not None or overlay.frame:
            return overlay
        middle = await self._page.call("middleOf", overlay.id)
        if middle is not None:
            await self._tab.page.mouse.move(middle["x"], middle["y"])
            await asyncio.sleep(self._policy.stable_wait)
        return next((one for one in await self.look() if one.id == overlay.id), overlay)

    async def _dismiss(self, overlay: Overlay) -> None:
        if overlay.control is None:
            return
        if overlay.world is not None:
            self._guard.clicked = True
            with suppress(PlaywrightError, ScriptError):  # gone by now, as ads go
                await overlay.world.call("clickInFrame", overlay.control)
        elif not await self._click(overlay.control):
            return
        # A frame that is the overlay is an element of the page; what a frame shows over itself is one of the frame's.
        look = self._page.call if overlay.frame or overlay.world is None else overlay.world.call
        gone = await self._left(overlay, look)
        await self._go_back()
        self._record(overlay.how, _facts(overlay), gone=gone, changed=not gone and await self._changed(overlay, look))

    async def _click(self, control: str) -> bool:
        """Whether there was something to click at."""
        point = await self._page.call("settledPoint", control, self._policy.stable_wait * 1000)
        if point is None:
            return False
        self._guard.clicked = True
        try:
            await self._tab.page.mouse.click(point["x"], point["y"])
        finally:
            await self._page.call("disarm")
        return True

    async def _left(self, overlay: Overlay, look: Look) -> bool:
        """Whether it is gone after a click, with the time it takes to fade away."""
        await asyncio.sleep(self._policy.settle_after_click)
        until = self._timeline.monotonic() + self._policy.leave_timeout
        try:
            while await look("stillSeen", overlay.id):
                if self._timeline.monotonic() > until or not await look("leaving", overlay.id):
                    return False
                await asyncio.sleep(self._policy.poll_interval)
        except (PlaywrightError, ScriptError):
            if look == self._page.call:
                raise
        return True

    async def _changed(self, overlay: Overlay, look: Look) -> bool:
        """Whether a click led to the overlay's next step."""
        if overlay.world is not None:
            return False
        return str(await look("wordsOf", overlay.id)) != overlay.text

    async def _go_back(self) -> None:
        """Where clicks led within the document."""
        if self._place is None:
            return
        led_to = await self._page.call("returnTo", self._place)
        if led_to is not None:
            self._cancelled(Cancelled(str(led_to), "sameDocument", own=False))

    async def _in_frame(self, world: FrameWorld, name: str) -> Any:
        size = self._tab.page.viewport_size
        assert size is not None  # every context is made with one
        try:
            return await world.call(name, self._words, size["width"] * size["height"], self._limits)
        except (PlaywrightError, ScriptError):
            return None  # it vanished while it was looked at

    async def _locked_and_blocked(self) -> bool:
        """Whether hiding cannot wait until after scrolling, because there would be none."""
        return bool(await self._page.call("scrollLocked")) and bool(await self._page.call("blocked", self._hide_limits))

    async def _hide(self) -> None:
        if self.hidden:
            return
        blocked = bool(await self._page.call("blocked", self._hide_limits))
        if blocked:
            worlds = await self._page.frames()
        else:
            worlds = [world for world in await self._large_frames() if await self._frame_blocked(world)]
        if not blocked and not worlds:
            return
        self.hidden = True
        async with self._timeline.stage("hide", deadline=self._policy.hide_timeout, go_on=True):
            counts = await self._page.call("hideBlocking", self._hide_limits)
            in_frames = 0
            for world in worlds:
                with suppress(PlaywrightError, ScriptError):
                    in_frames += (await world.call("hideBlocking", self._hide_limits))["hidden"]
            self._timeline.event(
                EventType.POPUP,
                LogLevel.WARN,
                f"hid {counts['hidden'] + in_frames} overlay(s) that could not be dismissed",
                event="overlay_hide_fallback",
                hidden=counts["hidden"],
                hidden_in_frames=in_frames,
                unlocked=counts["unlocked"],
            )

    async def _frame_blocked(self, world: FrameWorld) -> bool:
        size = self._tab.page.viewport_size
        assert size is not None  # every context is made with one
        with suppress(PlaywrightError, ScriptError):
            return bool(await world.call("frameBlocked", self._hide_limits, size["width"] * size["height"]))
        return False

    def _record(self, how: str, facts: dict[str, Any], *, gone: bool, changed: bool = False) -> None:
        self._dismissed += gone or changed
        kind = facts["kind"]
        result = "gone" if gone else "changed" if changed else "remained"
        cancelled = [one.url for one in self._guard.cancelled[self._told_cancelled :]]
        self._told_cancelled = len(self._guard.cancelled)
        said = f' by "{facts["name"]}"' if facts.get("name") else f" by the vendor rules ({facts['vendor']})"
        self._timeline.event(
            EventType.POPUP,
            LogLevel.INFO if gone else LogLevel.WARN,
            f"{kind} overlay {_OUTCOMES[result]}{said}",
            event="popup_dismissed" if gone else "popup_remained",
            strategy=how,
            result=result,
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
