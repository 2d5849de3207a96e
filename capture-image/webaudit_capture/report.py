"""An index.html over captures: the screenshots beside their text, features, timings and events.

Works on any folder laid out as {page}/{viewport}/{files}; reads the files and takes nothing else into account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from webaudit_capture.contract import (
    ARTIFACT_FILES,
    RESULT_FILE,
    ArtifactType,
    CaptureResult,
    PageType,
    Viewport,
)

_TEXT_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage on the time line; place and length in per cent of the whole."""

    name: str
    left: float
    width: float
    milliseconds: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One capture as the page shows it."""

    folder: str
    result: CaptureResult
    screenshot: str | None
    text: str
    text_cut: bool
    features: dict[str, Any]
    features_json: str
    bars: tuple[Bar, ...]
    files: tuple[tuple[str, int], ...]


def write_index(folder: Path, *, title: str) -> Path:
    """Write `index.html` into the folder, showing every capture below it that has a `result.json`."""
    captures = [
        _shown(folder, page, viewport)
        for page in PageType
        for viewport in Viewport
        if (folder / page / viewport / RESULT_FILE).is_file()
    ]
    environment = Environment(
        loader=PackageLoader("webaudit_capture"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html = environment.get_template("report.html").render(title=title, captures=captures)
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    index.write_text(html, encoding="utf-8")
    return index


def _shown(root: Path, page: PageType, viewport: Viewport) -> Shown:
    folder = root / page / viewport
    result = CaptureResult.model_validate_json((folder / RESULT_FILE).read_bytes())
    text_file = folder / ARTIFACT_FILES[ArtifactType.VISIBLE_TEXT][0]
    text = text_file.read_text(encoding="utf-8") if text_file.is_file() else ""
    features_file = folder / ARTIFACT_FILES[ArtifactType.FEATURES_JSON][0]
    features = json.loads(features_file.read_bytes()) if features_file.is_file() else {}
    screenshot = ARTIFACT_FILES[ArtifactType.SCREENSHOT][0]
    return Shown(
        folder=f"{page}/{viewport}",
        result=result,
        screenshot=f"{page}/{viewport}/{screenshot}" if (folder / screenshot).is_file() else None,
        text=text[:_TEXT_SHOWN],
        text_cut=len(text) > _TEXT_SHOWN,
        features=features,
        features_json=json.dumps(features, ensure_ascii=False, indent=2),
        bars=_bars(result),
        files=tuple((file.name, file.stat().st_size) for file in sorted(folder.iterdir()) if file.is_file()),
    )


def _bars(result: CaptureResult) -> tuple[Bar, ...]:
    stages: dict[str, dict[str, Any]] = result.load_timings.get("stages", {})
    finished = {name: stage for name, stage in stages.items() if stage["duration_ms"] is not None}
    if not finished:
        return ()
    starts = {name: _milliseconds(stage["start"], result.started_at) for name, stage in finished.items()}
    whole = max(starts[name] + stage["duration_ms"] for name, stage in finished.items()) or 1.0
    return tuple(
        Bar(
            name=name,
            left=round(100 * starts[name] / whole, 2),
            width=round(100 * stage["duration_ms"] / whole, 2),
            milliseconds=stage["duration_ms"],
            outcome=stage["outcome"],
        )
        for name, stage in finished.items()
    )


def _milliseconds(moment: str, origin: datetime) -> float:
    return max(0.0, (datetime.fromisoformat(moment) - origin).total_seconds() * 1000)
