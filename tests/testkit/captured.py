"""Reading a finished capture in tests: its text, its DOM, its picture, its events."""

from __future__ import annotations

import gzip
import io
from typing import Any

from PIL import Image

from webaudit_capture.capture import Captured
from webaudit_capture.contract import ArtifactType, CaptureEvent


def artifact(captured: Captured, kind: ArtifactType) -> bytes:
    return next(one.data for one in captured.artifacts if one.type is kind)


def text(captured: Captured) -> str:
    return artifact(captured, ArtifactType.VISIBLE_TEXT).decode()


def html(captured: Captured) -> str:
    return gzip.decompress(artifact(captured, ArtifactType.HTML_GZ)).decode("utf-8-sig")


def picture(captured: Captured) -> Image.Image:
    return Image.open(io.BytesIO(artifact(captured, ArtifactType.SCREENSHOT))).convert("RGB")


def events(captured: Captured, name: str) -> list[CaptureEvent]:
    return [event for event in captured.result.events if event.details["event"] == name]


def details(captured: Captured, name: str) -> list[dict[str, Any]]:
    return [event.details for event in events(captured, name)]


def outcome(captured: Captured, stage: str) -> str | None:
    stages: dict[str, dict[str, Any]] = captured.result.load_timings["stages"]
    return stages[stage]["outcome"] if stage in stages else None


def doubts(captured: Captured) -> set[str]:
    return {doubt.code.value for doubt in captured.result.low_confidence}
