"""Taking the evidence of a ready page: screenshot, text, features, DOM, and what is doubtful about them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from playwright.async_api import Error as PlaywrightError

from webaudit_capture import features, screenshot
from webaudit_capture.artifacts import Artifact, as_json, cut_text, gzipped, with_its_encoding
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
from webaudit_capture.features.bounds import bounded
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
    read, look = await asyncio.gather(_read(tab, page, policy, timeline, evidence), _look(shot, policy))
    _doubt_picture(look, read, policy, evidence)
    return evidence


@dataclass(frozen=True, slots=True)
class _Read:
    little_text: bool
    pictures: bool


async def _read(tab: Tab, page: PageType, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence) -> _Read:
    """Text, features and DOM, in this order."""
    try:
        async with timeline.stage("extract", deadline=policy.evidence.extract_timeout):
            text = str(await tab.inpage.call("visibleText"))
            html = str(await tab.inpage.call("html"))
            found = await features.extract(tab.page, page, tab.page.url, policy.features)
            little_text = len(text) < policy.low_confidence.min_text_chars
            pictures = not little_text or await tab.inpage.call("hasPictures", policy.evidence.skeleton_picture)
    except StageTimeout as error:
        raise PageFailed(
            "page_unresponsive",
            f"{tab.page.url} did not answer for {policy.evidence.extract_timeout:g} s while it was read",
            transient=True,
        ) from error
    _keep_text(ArtifactType.VISIBLE_TEXT, text, policy.evidence.max_text_bytes, timeline, evidence)
    _keep_features(found, policy, timeline, evidence)
    _keep_text(ArtifactType.HTML_GZ, with_its_encoding(html), policy.evidence.max_html_bytes, timeline, evidence)
    evidence.doubts.extend(found.low_confidence(text, policy))
    return _Read(little_text, pictures)


async def _screenshot(
    tab: Tab, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence
) -> screenshot.Screenshot | None:
    failure = f"none within {policy.evidence.screenshot_timeout:g} s"
    async with timeline.stage("screenshot", deadline=policy.evidence.screenshot_timeout, go_on=True) as stage:
        try:
            await _let_draw(tab, policy, timeline, evidence)
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


async def _let_draw(tab: Tab, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence) -> None:
    """Nothing is drawn while a style sheet or a font is loading: what takes too long is given up."""
    waiting_for = await _needed_to_draw(tab)
    if not waiting_for:
        return
    async with timeline.stage("drawing", deadline=policy.evidence.drawing_wait, go_on=True):
        while waiting_for:
            await asyncio.sleep(policy.ready.poll_interval)
            waiting_for = await _needed_to_draw(tab)
        return
    for url in waiting_for:
        why = f"{url} was still loading when the screenshot was due"
        timeline.event(EventType.TIMEOUT, LogLevel.WARN, why, event="loading_given_up", url=url)
        evidence.doubts = [LowConfidence(code=LowConfidenceCode.NOT_READY, detail=why)]
    await tab.inpage.session.send("Page.stopLoading")


async def _needed_to_draw(tab: Tab) -> list[str]:
    sheets, fonts = tab.traffic.open_of("stylesheet"), tab.traffic.open_of("font")
    if not sheets and not fonts:
        return []
    needed: list[str] = await tab.inpage.call("neededToDraw", sheets, fonts)
    return needed


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
    look: screenshot.Look | screenshot.BadScreenshot | None, read: _Read, policy: CrawlPolicy, evidence: Evidence
) -> None:
    if look is None:
        return
    if isinstance(look, screenshot.BadScreenshot):
        evidence.artifacts = [one for one in evidence.artifacts if one.type is not ArtifactType.SCREENSHOT]
        evidence.doubts.append(LowConfidence(code=LowConfidenceCode.SCREENSHOT_FAILED, detail=str(look)))
        return
    why = screenshot.why_blank(look, little_text=read.little_text, pictures=read.pictures, policy=policy.evidence)
    if why is not None:
        evidence.doubts.append(LowConfidence(code=LowConfidenceCode.SCREENSHOT_BLANK, detail=why))


def _keep_features(found: features.Features, policy: CrawlPolicy, timeline: Timeline, evidence: Evidence) -> None:
    kept = bounded(found.as_json(), policy.features, policy.evidence.max_features_bytes)
    evidence.artifacts.append(Artifact(ArtifactType.FEATURES_JSON, as_json(kept.document)))
    left_out = {**found.left_out, **kept.left_out}
    if left_out or found.full:
        told = [f"{count} {name} left out" for name, count in left_out.items()]
        told += [f"{name} ends at {policy.features.max_items}" for name in found.full]
        timeline.event(
            EventType.ARTIFACT,
            LogLevel.WARN,
            f"features.json does not hold all of the page: {', '.join(told)}",
            event="features_cut",
            left_out=left_out,
            full=list(found.full),
        )


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
