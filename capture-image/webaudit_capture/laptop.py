"""The same captures without a cluster: home page and product page into a folder, with live progress."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Playwright, async_playwright

from webaudit_capture.browser import Sandbox, check_device
from webaudit_capture.capture import Captured, capture, utc_now
from webaudit_capture.contract import (
    RESULT_FILE,
    ArtifactRecord,
    CaptureEvent,
    CaptureRequest,
    CaptureResult,
    ExitCode,
    PageType,
    Viewport,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.timeline import Timeline

OnEvent = Callable[[PageType, Viewport, CaptureEvent], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be captured where to."""

    url: str
    out: Path
    pages: tuple[PageType, ...]
    viewports: tuple[Viewport, ...]
    pdp_url: str | None
    policy: CrawlPolicy
    allow: tuple[str, ...]
    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Done:
    """One capture's end. Without a result the page could not be tried; `message` says why."""

    page: PageType
    viewport: Viewport
    exit_code: ExitCode
    message: str | None
    result: CaptureResult | None


async def run(wish: Wish, on_event: OnEvent) -> list[Done]:
    """Home page first; then the product page, given or found by the home page's first capture.

    The viewports of a page are captured side by side, as in a cluster. Raises UnknownDevice, and OSError when the
    evidence cannot be written.
    """
    asyncio.get_running_loop().set_exception_handler(_without_driver_gone)
    done: list[Done] = []
    pdp_url = wish.pdp_url
    looks_for_pdp = set(wish.pages) == set(PageType) and pdp_url is None
    viewports = sorted(set(wish.viewports))
    async with async_playwright() as playwright:
        check_device(playwright, wish.policy)
        for page in sorted(set(wish.pages)):
            url = wish.url if page is PageType.HOMEPAGE else pdp_url
            if url is None:
                done += [Done(page, viewport, ExitCode.PAGE_FAILED, _no_pdp(done), None) for viewport in viewports]
                continue
            async with asyncio.TaskGroup() as group:
                searcher = viewports[0] if looks_for_pdp and page is PageType.HOMEPAGE else None
                tasks = [
                    group.create_task(
                        _capture(playwright, wish, page, viewport, url, on_event, discover_pdp=viewport is searcher)
                    )
                    for viewport in viewports
                ]
            done += [_stored(task.result(), wish.out) for task in tasks]
            pdp_url = pdp_url or next((one.result.pdp.url for one in done if one.result and one.result.pdp), None)
    return done


def _without_driver_gone(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ctrl-C ends Playwright's driver as well: what it then says to nobody is no news."""
    if "reading from the driver" not in str(context.get("exception")):
        loop.default_exception_handler(context)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    return max(codes, default=ExitCode.OK)


def _no_pdp(done: list[Done]) -> str:
    home = next((one for one in done if one.page is PageType.HOMEPAGE), None)
    if home is None:
        return "the product page is looked for from the home page: capture that too, or give --pdp-url"
    if home.result is None or home.result.pdp is None:
        return "the home page could not be captured, so no product page was looked for"
    return f"PDP not found: {home.result.pdp.reason}"


async def _capture(
    playwright: Playwright,
    wish: Wish,
    page: PageType,
    viewport: Viewport,
    url: str,
    on_event: OnEvent,
    *,
    discover_pdp: bool,
) -> Captured:
    request = CaptureRequest(
        session_id=str(uuid.uuid5(uuid.NAMESPACE_URL, wish.url)),
        page=page,
        viewport=viewport,
        url=url,
        discover_pdp=discover_pdp,
        policy=wish.policy,
        allow=wish.allow,
        sandbox=wish.sandbox,
        uploads={},
    )
    timeline = Timeline(utc_now, sink=lambda event: on_event(page, viewport, event))
    return await capture(request, url, playwright, timeline)


def _stored(captured: Captured, out: Path) -> Done:
    result = _store(captured, out)
    return Done(result.page, result.viewport, captured.exit_code, result.message, result)


def _store(captured: Captured, out: Path) -> CaptureResult:
    """Write the files a pod would upload; what an earlier run left there goes first."""
    result = captured.result
    folder = out / result.page / result.viewport
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    records = []
    for artifact in captured.artifacts:
        (folder / artifact.file).write_bytes(artifact.data)
        records.append(
            ArtifactRecord(
                type=artifact.type,
                object_name=f"{result.page}/{result.viewport}/{artifact.file}",
                content_type=artifact.content_type,
                size=len(artifact.data),
                sha256=artifact.sha256,
                crc32c=artifact.crc32c,
            )
        )
    result = result.model_copy(update={"artifacts": records})
    (folder / RESULT_FILE).write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return result
