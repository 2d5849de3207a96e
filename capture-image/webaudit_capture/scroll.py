"""Down the page so that lazy content loads, and back to the top. Bounded by height and by time."""

from __future__ import annotations

import asyncio

from webaudit_capture.browser import Tab
from webaudit_capture.contract import EventType, LogLevel
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.ready import wait_until_quiet
from webaudit_capture.timeline import Timeline


async def scroll_through(tab: Tab, policy: CrawlPolicy, timeline: Timeline) -> None:
    """Stage `scroll`, then `settle`. Where the time bound is hit, the page is still returned to its top."""
    limits = policy.scroll
    async with timeline.stage("scroll", deadline=limits.timeout, go_on=True):
        size = await tab.inpage.call("pageSize")
        step = size["viewport"] * limits.step
        y = 0.0
        while y + size["viewport"] < size["height"]:
            if y + step > limits.max_height:
                timeline.event(
                    EventType.NAVIGATION,
                    LogLevel.INFO,
                    f"scrolled {y:.0f} of {size['height']} px",
                    event="scroll_bounded",
                    scrolled_px=round(y),
                    height_px=size["height"],
                )
                break
            y += step
            began = timeline.monotonic()
            size = await tab.inpage.call("scrollTo", y)
            await _wait_for_what_started(tab, policy, timeline, began)
        await asyncio.sleep(limits.dwell)
    async with timeline.stage("settle", deadline=policy.ready.settle_timeout, go_on=True):
        await tab.inpage.call("scrollTo", 0)
        await wait_until_quiet(tab, policy.ready)


async def _wait_for_what_started(tab: Tab, policy: CrawlPolicy, timeline: Timeline, began: float) -> None:
    await asyncio.sleep(policy.scroll.step_pause)
    while timeline.monotonic() - began < policy.scroll.step_wait:
        if tab.traffic.in_flight_since(began) == 0 and await tab.inpage.call("loadingImages") == 0:
            return
        await asyncio.sleep(policy.scroll.step_pause)
