"""The capture in its pod: request in, artifacts and result out, one exit code. Logs are JSON lines on stdout."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from playwright.async_api import async_playwright
from pydantic import ValidationError

from webaudit_capture.artifacts import Artifact
from webaudit_capture.browser import Browser, UnknownDevice, check_device
from webaudit_capture.capture import Captured, capture, utc_now
from webaudit_capture.contract import (
    CONTRACT_VERSION,
    RESULT_FILE,
    ArtifactRecord,
    CaptureEvent,
    CaptureRequest,
    EventType,
    ExitCode,
    LogLevel,
)
from webaudit_capture.policy import CrawlPolicy
from webaudit_capture.texts import well_formed
from webaudit_capture.timeline import Timeline
from webaudit_capture.upload import SignedUploads, Undelivered
from webaudit_capture.urls import BadUrl, normalize


class BadRequest(Exception):
    """The request cannot be read, is of another contract version, or names no usable URL."""


async def run(request_path: Path, url: str | None) -> ExitCode:
    """Capture what the request asks for and deliver it."""
    try:
        request, target = read_request(request_path, url)
    except BadRequest as error:
        log({"level": "error", "event": "bad_request", "message": str(error)})
        return ExitCode.BAD_REQUEST
    # Playwright's driver does not start for a user that has no home: no passwd entry and no HOME.
    os.environ.setdefault("HOME", tempfile.gettempdir())
    common = {"session": request.session_id, "page": request.page, "viewport": request.viewport}
    timeline = Timeline(utc_now, sink=lambda event: log({**_as_line(event), **common}))
    watchdog = Watchdog(allowance(request.policy, discovers=request.discover_pdp))
    with watchdog:
        async with async_playwright() as playwright:
            try:
                check_device(playwright, request.policy)
            except UnknownDevice as error:
                log({"level": "error", "event": "bad_request", "message": f"{request_path}: {error}", **common})
                return ExitCode.BAD_REQUEST
            captured = await capture(request, target, playwright, timeline, on_browser=watchdog.watch)
        try:
            async with SignedUploads(request.uploads, request.policy.upload) as uploads:
                await deliver(captured, uploads, timeline)
        except Undelivered as error:
            log({"level": "error", "event": "undelivered", "message": str(error), **common})
            return ExitCode.UNDELIVERED
    return captured.exit_code


def read_request(path: Path, url: str | None) -> tuple[CaptureRequest, str]:
    """The request and the URL to capture: the request's own, else `url`. Raises BadRequest."""
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path}: {error}") from error
    # Before the whole is validated: another version may well have other fields.
    version = raw.get("contract_version") if isinstance(raw, dict) else None
    if version != CONTRACT_VERSION:
        raise BadRequest(f"{path}: contract version {version!r}; this image speaks {CONTRACT_VERSION}")
    try:
        request = CaptureRequest.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadRequest(f"{path}: {faults}") from error
    target = request.url or url
    if target is None:
        raise BadRequest(f"{path} has no url, and --url gives none")
    try:
        return request, normalize(target)
    except BadUrl as error:
        raise BadRequest(str(error)) from error


async def deliver(captured: Captured, uploads: SignedUploads, timeline: Timeline) -> None:
    """Artifacts first, `result.json` last: where it is, all it speaks of is. Raises Undelivered."""
    records = [await _deliver_artifact(artifact, uploads, timeline) for artifact in captured.artifacts]
    result = captured.result.model_copy(
        update={"artifacts": records, "events": list(timeline.events), "finished_at": timeline.now()}
    )
    await uploads.put(RESULT_FILE, result.model_dump_json().encode())


async def _deliver_artifact(artifact: Artifact, uploads: SignedUploads, timeline: Timeline) -> ArtifactRecord:
    generation = await uploads.put(artifact.file, artifact.data)
    record = ArtifactRecord(
        type=artifact.type,
        object_name=uploads.object_name(artifact.file),
        content_type=artifact.content_type,
        size=len(artifact.data),
        sha256=artifact.sha256,
        crc32c=artifact.crc32c,
        generation=generation,
    )
    timeline.event(
        EventType.ARTIFACT,
        LogLevel.INFO,
        f"uploaded {artifact.file} ({record.size} bytes)",
        event="artifact_uploaded",
        outcome="uploaded",
        artifact=artifact.type.value,
        object=record.object_name,
        size=record.size,
        sha256=record.sha256,
    )
    return record


def allowance(policy: CrawlPolicy, *, discovers: bool) -> float:
    """Seconds after which something of ours must be stuck: every deadline, and the grace on top."""
    return (
        policy.navigation.page_cap
        + (policy.discovery.timeout if discovers else 0.0)
        + policy.browser.close_timeout * 2
        + policy.upload.attempts * policy.upload.attempt_timeout
        + policy.browser.watchdog_grace
    )


class Watchdog:
    """A thread that ends the process when even our own event loop or Playwright's driver hangs."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer = threading.Timer(seconds, self._bite)
        self._timer.daemon = True
        self._browser: Browser | None = None

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()

    def watch(self, browser: Browser) -> None:
        self._browser = browser

    def _bite(self) -> None:
        log({"level": "error", "event": "watchdog", "message": f"still not done after {self._seconds:g} s: giving up"})
        if self._browser is not None:
            with suppress(OSError):
                self._browser.kill()
        os._exit(ExitCode.RETRY)


def log(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(well_formed(line), ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def _as_line(event: CaptureEvent) -> dict[str, object]:
    return {
        "time": event.timestamp.isoformat(),
        "level": event.level.value,
        "type": event.event_type.value,
        "message": event.message,
        **event.details,
    }
