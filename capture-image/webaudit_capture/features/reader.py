"""Runs the reading scripts (js/features.js, js/candidates.js) where the page cannot touch them.

What they report is judged elsewhere. One look each, so nothing is installed in the page beforehand.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any

from playwright.async_api import Error, Page

from webaudit_capture.features.currencies import HOME_ONLY_SYMBOLS, ISO_4217, SYMBOLS
from webaudit_capture.inpage import ScriptError

WORLD = "webaudit-reader"
_VANISHED = ("Cannot find context", "context was destroyed", "navigated or closed", "No frame")


@cache
def _source(name: str) -> str:
    return resources.files("webaudit_capture").joinpath("js", name).read_text(encoding="utf-8")


@cache
def _currency_signs() -> tuple[str, ...]:
    signs = {*SYMBOLS, *HOME_ONLY_SYMBOLS, *ISO_4217, "Eur", "eur", "Euro", "usd", "Usd"}
    return tuple(sorted(signs, key=lambda sign: (-len(sign), sign)))


async def run(page: Page, script: str, **arguments: Any) -> Any:
    """Evaluate `js/<script>` with the helpers of `js/dom.js` and return its value.

    It runs in an isolated world of the main frame: it sees the page's document, but none of the functions a page may
    have replaced. There is no deadline: a page that keeps its thread busy blocks this for ever, so callers set one.
    Raises ScriptError when the script threw, and playwright's Error when the page broke; its message says "Execution
    context was destroyed" when the page merely navigated.
    """
    args = json.dumps({"currencySigns": _currency_signs(), **arguments})
    expression = f"((args) => (\n{_source(script)}\n)((\n{_source('dom.js')}\n)(args), args))({args})"
    session = await page.context.new_cdp_session(page)
    try:
        tree = await session.send("Page.getFrameTree")
        world = await session.send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": WORLD}
        )
        answer = await session.send(
            "Runtime.evaluate",
            {"expression": expression, "contextId": world["executionContextId"], "returnByValue": True},
        )
    except Error as error:
        if any(sign in error.message for sign in _VANISHED):
            raise Error(f"Execution context was destroyed: {error.message}") from error
        raise
    # Not where this was cancelled: a page that hangs answers neither, and the session ends with the page.
    with suppress(Error):  # the target may be gone already
        await session.detach()
    if details := answer.get("exceptionDetails"):
        raise ScriptError(f"{script}: {details.get('exception', {}).get('description') or details['text']}")
    return answer["result"].get("value")
