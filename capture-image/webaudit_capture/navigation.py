"""One attempt to load a page, and what follows from it. `look` attempts, `decide` is pure, `journey` does what it says.

What is decided here is only whether there is a page to capture, never what is on it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NoReturn

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from webaudit_capture.browser import Tab
from webaudit_capture.contract import Blame
from webaudit_capture.failures import PageFailed
from webaudit_capture.policy import CrawlPolicy, Navigation
from webaudit_capture.proxy import FilteringProxy, Refusal, RefusalReason
from webaudit_capture.ready import moved_on
from webaudit_capture.timeline import Timeline
from webaudit_capture.urls import host

HTML = ("text/html", "application/xhtml+xml")
WEB = ("http:", "https:")
ERROR_PAGE = "chrome-error:"
_FINAL_REFUSALS = (RefusalReason.BLOCKED_ADDRESS, RefusalReason.PORT_NOT_ALLOWED, RefusalReason.BYTE_BUDGET)
# Answers without a document: the browser stays where it was.
_NO_DOCUMENT = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)
_EXPLANATIONS = {
    "CERT_AUTHORITY_INVALID": "its certificate is from nobody that is trusted",
    "CERT_COMMON_NAME_INVALID": "its certificate is for another name",
    "CERT_DATE_INVALID": "its certificate has expired or is not valid yet",
    "CERT_REVOKED": "its certificate was revoked",
    "CONNECTION_CLOSED": "it closed the connection",
    "CONNECTION_RESET": "it reset the connection",
    "CONTENT_DECODING_FAILED": "what it sent cannot be unpacked",
    "CONTENT_LENGTH_MISMATCH": "its answer broke off",
    "EMPTY_RESPONSE": "it closed the connection without an answer",
    "HTTP2_PROTOCOL_ERROR": "it does not keep to HTTP/2",
    "INCOMPLETE_CHUNKED_ENCODING": "its answer broke off",
    "INVALID_CHUNKED_ENCODING": "its answer is not as HTTP has it",
    "INVALID_REDIRECT": "it redirects to what is no URL",
    "INVALID_RESPONSE": "its answer is not as HTTP has it",
    "RESPONSE_HEADERS_TOO_BIG": "its answer's headers are too large",
    "SSL_PROTOCOL_ERROR": "it does not speak TLS",
    "SSL_VERSION_OR_CIPHER_MISMATCH": "it speaks only versions of TLS that are not safe any more",
    "TOO_MANY_REDIRECTS": "it redirects in a circle",
    "UNSAFE_REDIRECT": "it redirects to what is no web page",
}
_NET_ERROR = re.compile(r"net::ERR_\w+")
# As Playwright says it; the rest of its text may hold the page's own words.
_CRASHED = re.compile(r"^(?:Page\.goto: )?(?:Page crashed|Target crashed|Navigation failed because page crashed)")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one attempt met. `url` is where the browser was or was heading when it ended."""

    url: str
    status: int | None = None
    error: str | None = None
    timed_out_after: float | None = None
    answered: bool = False
    waiting_for: str | None = None
    crashed: bool = False
    wall: str | None = None
    refusal: Refusal | None = None
    content_type: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class GoOn:
    """There is a page."""


@dataclass(frozen=True, slots=True)
class Retry:
    reason: str
    wait: float


@dataclass(frozen=True, slots=True)
class Fail:
    reason: str
    message: str
    blame: Blame = Blame.TARGET
    transient: bool = False


Decision = GoOn | Retry | Fail


def decide(
    seen: Seen, *, requested: str, attempt: int, walls_before: int, elapsed: float, jitter: float, policy: Navigation
) -> Decision:
    """What follows from an attempt (counted from 1), `elapsed` seconds after the page's beginning."""
    verdict = judge(seen, requested=requested, policy=policy)
    if isinstance(verdict, GoOn):
        return verdict
    fail, retry_reason = verdict
    if retry_reason is None:
        return fail
    if retry_reason == "bot_wall":
        wait = policy.bot_wall_wait
        worth_it = walls_before == 0
    else:
        backoff = policy.backoff[min(attempt, len(policy.backoff)) - 1] if policy.backoff else 0.0
        wait = max(backoff + jitter, seen.retry_after or 0.0)
        worth_it = True
    # Another attempt with no time left would only reach the cap, and hide what this one met.
    time_is_up = elapsed + wait + policy.check_timeout >= policy.page_cap
    if not worth_it or attempt >= policy.attempts or time_is_up:
        return fail
    return Retry(retry_reason, wait)


def judge(seen: Seen, *, requested: str, policy: Navigation) -> GoOn | tuple[Fail, str | None]:
    """What the page fails with if it stays so, and the reason for a retry if one is worth it."""
    url = seen.url or requested
    if seen.crashed:
        return Fail("renderer_crash", f"the browser crashed while loading {url}", transient=True), None
    if seen.timed_out_after is not None:
        return Fail("navigation_timeout", f"{url} {_too_slow(seen)}", transient=True), "navigation_timeout"
    if seen.error is not None:
        return _judge_error(seen, url, requested)
    if seen.wall is not None:
        return Fail("bot_wall", f"{url} asks visitors to prove that they are human ({seen.wall})"), "bot_wall"
    status = seen.status
    assert status is not None
    answered = f"{url} answered {status}{phrase(status)}"
    if status in _NO_DOCUMENT:
        return Fail(f"http_{status}", f"{answered}, which is no page"), None
    if status in policy.retry_statuses:
        reason = f"status_{status}"
        return Fail(reason, answered, transient=status >= 500), reason
    if status >= 400:
        return Fail(f"http_{status}", answered, transient=status >= 500), None
    if seen.content_type not in HTML:
        return Fail("not_html", f"{url} is {seen.content_type or 'a download'}, not a web page"), None
    return GoOn()


def _too_slow(seen: Seen) -> str:
    within = f"within {seen.timed_out_after:g} s"
    if not seen.answered:
        return f"did not answer {within}"
    waiting = f": it waits for {seen.waiting_for}" if seen.waiting_for is not None else ""
    return f"answered, but its document did not end {within}{waiting}"


def _judge_error(seen: Seen, url: str, requested: str) -> tuple[Fail, str | None]:
    assert seen.error is not None
    refusal = seen.refusal
    if not url.startswith(WEB):
        return Fail("not_html", f"{requested} led to {url}, not to a web page"), None
    if refusal is None:
        return Fail("net_err", f"{url} could not be loaded: {explained(seen.error)}", transient=True), "net_err"
    redirected = host(requested).strip("[]") != refusal.host
    sentence = f"{url}: {refusal.host}:{refusal.port} {refusal.detail}"
    if redirected:
        sentence = f"{requested} led to {sentence}"
    if refusal.reason in _FINAL_REFUSALS:
        blame = Blame.TARGET if redirected or refusal.reason is RefusalReason.BYTE_BUDGET else Blame.CONFIG
        return Fail(refusal.reason, sentence, blame=blame), None
    if refusal.reason is RefusalReason.NAME_NOT_RESOLVED:
        return Fail("no_such_host", sentence), "net_err"
    return Fail(refusal.reason, sentence, transient=True), "net_err"


def explained(error: str) -> str:
    """Chromium's error code with a sentence where one is known (net_error_list.h)."""
    sentence = _EXPLANATIONS.get(error.removeprefix("net::ERR_"))
    return f"{sentence} ({error})" if sentence else error


def phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def jitter(seed: str, attempt: int, bound: float) -> float:
    """0 to `bound` seconds, the same for the same seed and attempt: spread without chance."""
    digest = hashlib.sha256(f"{seed}/{attempt}".encode()).digest()
    return bound * int.from_bytes(digest[:4], "big") / 2**32


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """A Retry-After header (RFC 9110 10.2.3): seconds, or a date; None when there is none that can be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (date - now).total_seconds()) if date.tzinfo else None


async def look(
    tab: Tab,
    url: str,
    *,
    policy: CrawlPolicy,
    proxy: FilteringProxy,
    timeline: Timeline,
    referer: str | None = None,
    timeout: float | None = None,
) -> Seen:
    """One attempt, up to DOMContentLoaded, and what it met. `timeout` (seconds) is else the policy's."""
    proxy.forget()
    tab.heading_for, tab.answer, tab.broken = url, None, None
    timeout = policy.navigation.attempt_timeout if timeout is None else timeout
    try:
        async with asyncio.timeout(timeout):
            response = await tab.page.goto(url, wait_until="commit", timeout=timeout * 1000, referer=referer)
            broken = await _parsed(tab)
    except (TimeoutError, PlaywrightTimeoutError):
        waiting_for = next(iter(tab.traffic.open_of("script", "stylesheet")), None)
        await _stop_loading(tab, policy)
        answered = tab.answer is not None
        return Seen(tab.heading_for, timed_out_after=timeout, answered=answered, waiting_for=waiting_for)
    except PlaywrightError as error:
        return _from_error(tab, error, proxy)
    if broken is not None:
        return Seen(tab.page.url, error=broken, refusal=proxy.refusal(tab.page.url))
    assert response is not None  # only for about:blank and same-document jumps, which `normalize` lets no one ask for
    return await _from_response(tab, response, policy=policy, timeline=timeline)


async def _parsed(tab: Tab) -> str | None:
    """Until DOMContentLoaded of the document that is there by then, or until that broke off: how it did.

    Playwright's own wait knows neither that end nor a document that stays because the next one is a download.
    """
    try:
        async with asyncio.timeout(None) as alarm:
            tab.on_broken = lambda: alarm.reschedule(asyncio.get_running_loop().time())
            while tab.broken is None:
                try:
                    await tab.inpage.call("parsed")
                    return None
                except PlaywrightError as error:
                    if not moved_on(tab, error):
                        raise
                    await asyncio.sleep(0)  # another document: it has its own end to come
    except TimeoutError:
        if not alarm.expired():
            raise
    finally:
        tab.on_broken = lambda: None
    return tab.broken


async def _stop_loading(tab: Tab, policy: CrawlPolicy) -> None:
    """Else the next attempt would only see this one being aborted. A hung page may not even answer this."""
    with suppress(TimeoutError, PlaywrightError):
        async with asyncio.timeout(policy.navigation.check_timeout):
            await tab.inpage.session.send("Page.stopLoading")


def _from_error(tab: Tab, error: PlaywrightError, proxy: FilteringProxy) -> Seen:
    text = str(error)
    if tab.crashed or _CRASHED.match(text):
        return Seen(tab.heading_for, crashed=True)
    if "Download is starting" in text:
        return Seen(tab.heading_for, status=HTTPStatus.OK, content_type=None)
    if (found := _NET_ERROR.search(text)) is not None:
        if tab.answer is not None and tab.answer.status in _NO_DOCUMENT:
            return Seen(tab.heading_for, status=tab.answer.status)
        return Seen(tab.heading_for, error=found[0], refusal=proxy.refusal(tab.heading_for))
    raise error


async def _from_response(tab: Tab, response: Response, *, policy: CrawlPolicy, timeline: Timeline) -> Seen:
    seen = Seen(
        tab.page.url,
        status=response.status,
        content_type=HTML[0],
        retry_after=retry_after_seconds(response.headers.get("retry-after"), timeline.now()),
    )
    if response.status >= 400 and response.status not in policy.navigation.retry_statuses:
        return seen
    try:
        async with timeline.stage("check", deadline=policy.navigation.check_timeout, go_on=True):
            loaded = await tab.inpage.call("document")
            return replace(seen, content_type=loaded["contentType"], wall=await wall(tab, policy))
    except PlaywrightError:
        if tab.crashed:
            return replace(seen, crashed=True)
        # The page is already on its way elsewhere: what it becomes is looked at again when it is ready.
    return seen


async def wall(tab: Tab, policy: CrawlPolicy) -> str | None:
    limits = policy.navigation
    sign: str | None = await tab.inpage.call(
        "wall", limits.bot_wall_max_text, limits.bot_wall_lead, limits.bot_wall_frame_cover
    )
    return sign


def give_up(why: Fail) -> NoReturn:
    raise PageFailed(why.reason, why.message, blame=why.blame, transient=why.transient)
