"""The ready rule: DOMContentLoaded, no request in flight for a while, and no visible element added or removed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from playwright.async_api import Error as PlaywrightError

from webaudit_capture.browser import Tab
from webaudit_capture.policy import Ready
from webaudit_capture.timeline import Timeline

_MOVED = ("context", "navigat", "no frame for given id", "target closed", "frame was detached", "promise was collected")


def moved_on(tab: Tab, error: PlaywrightError) -> bool:
    """Whether a call failed only because the page went to another document meanwhile."""
    if tab.crashed or tab.page.is_closed():
        return False
    text = str(error).lower()
    return any(sign in text for sign in _MOVED)


async def wait_until_quiet(
    tab: Tab, policy: Ready, *, calm_after: float = 0.0, on_calm: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Return when both quiet windows have passed, side by side; the caller bounds the wait.

    `on_calm` is awaited as soon as both have lasted `calm_after` seconds, once or until the page stays meanwhile.
    """
    while True:
        network = tab.traffic.quiet_for()
        try:
            dom = (await tab.inpage.call("quietFor")) / 1000
            if on_calm is not None and min(network, dom) >= calm_after:
                await on_calm()
                on_calm = None
                continue
        except PlaywrightError as error:
            if not moved_on(tab, error):
                raise
            dom = 0.0  # another document: it has its own calm to come
        missing = max(policy.network_quiet - network, policy.dom_quiet - dom)
        if missing <= 0:
            return
        if on_calm is not None:
            missing = min(missing, calm_after - min(network, dom))
        await asyncio.sleep(max(missing, policy.poll_interval / 10))


async def wait_until_ready(
    tab: Tab,
    policy: Ready,
    timeline: Timeline,
    *,
    calm_after: float = 0.0,
    on_calm: Callable[[], Awaitable[None]] | None = None,
) -> str | None:
    """The rule within its own bound, as stage `ready`.

    Returns what kept the page from being ready when the bound was hit: the capture goes on all the same.
    """
    async with timeline.stage("ready", deadline=policy.timeout, go_on=True):
        await wait_until_quiet(tab, policy, calm_after=calm_after, on_calm=on_calm)
        return None
    why = "requests were in flight" if tab.traffic.quiet_for() == 0 else "its layout kept changing"
    return f"{why} after {policy.timeout:g} s"


async def settle(tab: Tab, policy: Ready, timeline: Timeline, name: str) -> None:
    """The same rule after something we did, bounded by settle_timeout."""
    async with timeline.stage(name, deadline=policy.settle_timeout, go_on=True):
        await wait_until_quiet(tab, policy)
