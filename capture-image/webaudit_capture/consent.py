"""Known consent vendors: the vendored autoconsent rules, run in the page's own world and stopped when their time is up.

What autoconsent reports is never taken for the truth: popups.py looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from webaudit_capture.inpage import InPage, ScriptError

_STATE = """(() => {
  const run = window.autoconsentStandalone?.instance;
  if (!run) return null;
  const { lifecycle, findCmpAttempts, detectedCmps, detectedPopups, clicks } = run.state;
  return { lifecycle, attempts: findCmpAttempts, vendors: detectedCmps, popups: detectedPopups, clicks };
})()"""
_STOP = """(() => {
  const run = window.autoconsentStandalone?.instance;
  if (!run) return;
  run.rules = [];
  run.findCmp = run.detectPopups = async () => [];
  run.handlePopup = run.doOptOut = async () => false;
  run.domActions.click = run.domActions.clickElement = run.domActions.waitForThenClick = async () => false;
  run.undoPrehide();
  delete window.autoconsentReceiveMessage;
})()"""
_ENDED = frozenset({"nothingDetected", "done", "optOutSucceeded", "optOutFailed"})
# The text rules for unknown banners take part from the second attempt on; after that only changes are watched for.
_ATTEMPTS_UNTIL_ALL_RULES = 2


@lru_cache(maxsize=1)
def rules() -> str:
    """The vendored file, unchanged."""
    return (
        resources.files("webaudit_capture")
        .joinpath("vendor/autoconsent/autoconsent.standalone.js")
        .read_text(encoding="utf-8")
    )


@dataclass(frozen=True, slots=True)
class VendorState:
    lifecycle: str
    attempts: int
    vendors: tuple[str, ...]
    popups: tuple[str, ...]
    clicks: int

    @property
    def ended(self) -> bool:
        return self.lifecycle in _ENDED

    @property
    def all_rules_tried(self) -> bool:
        return self.attempts >= _ATTEMPTS_UNTIL_ALL_RULES

    @property
    def acted(self) -> bool:
        return bool(self.popups)


async def start(page: InPage) -> None:
    """Inject the rules; they begin at once. Raises ScriptError when the page prevents it."""
    await page.in_page_world(rules())


async def state(page: InPage) -> VendorState | None:
    """How far the rules are; None when they do not run in this document."""
    try:
        answer: Any = await page.in_page_world(_STATE)
        if answer is None:
            return None
        return VendorState(
            lifecycle=str(answer["lifecycle"]),
            attempts=int(answer["attempts"]),
            vendors=tuple(str(name) for name in answer["vendors"]),
            popups=tuple(str(name) for name in answer["popups"]),
            clicks=int(answer["clicks"]),
        )
    except (ScriptError, KeyError, TypeError, ValueError):
        return None  # the page meddles with our globals: then its own doing decides what it shows


async def stop(page: InPage) -> None:
    """No further clicks, and nothing left hidden by the rules."""
    try:
        await page.in_page_world(_STOP)
    except ScriptError:
        return  # as in `state`
