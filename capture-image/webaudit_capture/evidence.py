"""Taking the evidence of a ready page: screenshot, text, features, DOM, and what is doubtful about them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from playwright.async_api import Error as PlaywrightError

from webaudit_capture import features, screenshot
from webaudit_capture.artifacts import Artifact, as_json, cut_text, gzipped
from webaudit_capture.browser import Tab
from webaudit_capture.contract import (
    ArtifactType,
    EventType,
    LogLevel,
    LowConfidence,
    LowConfidenceCode,
    PageType,
)
from webaudit_capture.failures import PageFailed
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.ready import moved_on
from webaudit_capture.texts import first_line
from webaudit_capture.timeline import StageTimeout, Timeline


@dataclass(slots=True)
class Evidence:
    """What was taken; `doubts` are low-confidence reasons found on the way."""

    artifacts: list[Artifact] = field(default_factory=list)
    doubts: list[LowConfidence] = field(default_factory=list)


async def take(tab: Tab, page: PageType, policy: CrawlPolicy, timeline: Timeline) -> Evidence:
    """Raises PageFailed when the page does not answer, and playwright's errors when it went away meanwhile.

    Screenshot and reading follow each other: at the same time they can block each other.
    """
    evidence = Evidence()
    shot = await _screenshot(tab, policy, timeline, evidence)
    # The picture is looked at while the page is read.
    text, look = await asyncio.gather(_read(tab, page, policy, timeline, evidence), _look(shot, policy))
    _doubt_picture(look, text, policy, evidence)
    return evidence


async def _read(tab: Tab, page: PageType, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence) -> str:
    """Text, features and DOM, in this order; returns the text."""
    try:
        async with timeline.stage("extract", deadline=policy.evidence.extract_timeout):
            text = str(await tab.inpage.call("visibleText"))
            html = str(await tab.inpage.call("html"))
            found = await features.extract(tab.page, page, tab.page.url, policy.features)
    except StageTimeout as error:
        raise PageFailed(
            "page_unresponsive",
            f"{tab.page.url} did not answer for {policy.evidence.extract_timeout:g} s while it was read",
            transient=True,
        ) from error
    _keep_text(ArtifactType.VISIBLE_TEXT, text, policy.evidence.max_text_bytes, timeline, evidence)
    evidence.artifacts.append(Artifact(ArtifactType.FEATURES_JSON, as_json(found.as_json())))
    _keep_text(ArtifactType.HTML_GZ, html, policy.evidence.max_html_bytes, timeline, evidence)
    evidence.doubts.extend(found.low_confidence(text, policy))
    return text


async def _screenshot(
    tab: Tab, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence
) -> screenshot.Screenshot | None:
    failure = f"none within {policy.evidence.screenshot_timeout:g} s"
    async with timeline.stage("screenshot", deadline=policy.evidence.screenshot_timeout, go_on=True) as stage:
        try:
            shot = await screenshot.take(tab, policy.evidence)
        except PlaywrightError as error:
            if tab.crashed or tab.page.is_closed() or moved_on(tab, error):
                raise
            stage.outcome = "error"
            failure = first_line(error)
        else:
            most = policy.evidence.max_upload_bytes
            if len(shot.png) <= most:
                evidence.artifacts.append(Artifact(ArtifactType.SCREENSHOT, shot.png))
                if shot.cut:
                    _tell_cut(shot, timeline)
                return shot
            stage.outcome = "error"
            failure = f"it has {len(shot.png)} bytes, {most} are allowed"
    evidence.doubts.append(LowConfidence(code=LowConfidenceCode.SCREENSHOT_FAILED, detail=failure))
    timeline.event(EventType.ERROR, LogLevel.ERROR, f"no screenshot: {failure}", event="screenshot_failed")
    return None


def _tell_cut(shot: screenshot.Screenshot, timeline: Timeline) -> None:
    timeline.event(
        EventType.ARTIFACT,
        LogLevel.WARN,
        f"the screenshot shows the first {shot.shown_height} of {shot.page_height} px",
        event="screenshot_cut",
        shown_px=shot.shown_height,
        page_px=shot.page_height,
    )


async def _look(
    shot: screenshot.Screenshot | None, policy: CrawlPolicy
) -> screenshot.Look | screenshot.BadScreenshot | None:
    if shot is None:
        return None
    try:
        return await screenshot.look(shot.png, policy.evidence)
    except screenshot.BadScreenshot as error:
        return error


def _doubt_picture(
    look: screenshot.Look | screenshot.BadScreenshot | None, text: str, policy: CrawlPolicy, evidence: Evidence
) -> None:
    if look is None:
        return
    if isinstance(look, screenshot.BadScreenshot):
        evidence.artifacts = [one for one in evidence.artifacts if one.type is not ArtifactType.SCREENSHOT]
        evidence.doubts.append(LowConfidence(code=LowConfidenceCode.SCREENSHOT_FAILED, detail=str(look)))
        return
    little_text = len(text) < policy.low_confidence.min_text_chars
    if (why := screenshot.why_blank(look, little_text=little_text, policy=policy.evidence)) is not None:
        evidence.doubts.append(LowConfidence(code=LowConfidenceCode.SCREENSHOT_BLANK, detail=why))


def _keep_text(kind: ArtifactType, text: str, max_bytes: int, timeline: Timeline, evidence: Evidence) -> None:
    data, cut = cut_text(text, max_bytes)
    if cut:
        timeline.event(
            EventType.ARTIFACT,
            LogLevel.WARN,
            f"{kind} is cut at {max_bytes} bytes",
            event="artifact_cut",
            artifact=kind.value,
            max_bytes=max_bytes,
        )
    evidence.artifacts.append(Artifact(kind, gzipped(data) if kind is ArtifactType.HTML_GZ else data))
