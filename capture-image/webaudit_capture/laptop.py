"""The same captures without a cluster: home page and product page into a folder, with live progress."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

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
    """Home page first; then the product page, given or found by the home page's first capture. Raises UnknownDevice."""
    session = str(uuid.uuid5(uuid.NAMESPACE_URL, wish.url))
    done: list[Done] = []
    pdp_url = wish.pdp_url
    async with async_playwright() as playwright:
        check_device(playwright, wish.policy)
        for page in sorted(set(wish.pages)):
            for viewport in sorted(set(wish.viewports)):
                url = wish.url if page is PageType.HOMEPAGE else pdp_url
                if url is None:
                    done.append(Done(page, viewport, ExitCode.PAGE_FAILED, _no_pdp(done), None))
                    continue
                looks_for_pdp = (
                    page is PageType.HOMEPAGE and PageType.PDP in wish.pages and wish.pdp_url is None and not done
                )
                one = await _capture(playwright, wish, session, page, viewport, url, looks_for_pdp, on_event)
                done.append(one)
                if looks_for_pdp and one.result is not None and one.result.pdp is not None:
                    pdp_url = one.result.pdp.url
    return done


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
    session: str,
    page: PageType,
    viewport: Viewport,
    url: str,
    discover_pdp: bool,
    on_event: OnEvent,
) -> Done:
    request = CaptureRequest(
        session_id=session,
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
    captured = await capture(request, url, playwright, timeline)
    result = _store(captured, wish.out)
    return Done(page, viewport, captured.exit_code, result.message, result)


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
