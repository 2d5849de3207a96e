"""Half characters and NULs: what a page makes of its words still fits into a result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from webaudit_capture.contract import (
    CaptureResult,
    EventType,
    LogLevel,
    LowConfidence,
    LowConfidenceCode,
    PageType,
    PdpDiscovery,
    Verdict,
    Viewport,
)
from webaudit_capture.pod import log
from webaudit_capture.texts import first_line, well_formed
from webaudit_capture.timeline import Timeline

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HALF = "sale \ud83d"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sale 😀", "sale 😀"),
        (HALF, "sale \ufffd"),
        ("\ude00 sale", "\ufffd sale"),
        ("\ud83d\ude00", "😀"),
        ("a\0b", "a\ufffdb"),
        ({HALF: [HALF, (HALF, 1)]}, {"sale \ufffd": ["sale \ufffd", ("sale \ufffd", 1)]}),
        (None, None),
    ],
)
def test_what_cannot_be_stored_becomes_a_replacement_character(value: Any, expected: Any) -> None:
    assert well_formed(value) == expected


def test_a_result_with_half_characters_everywhere_can_be_written_and_read() -> None:
    timeline = Timeline(lambda: NOON)
    timeline.event(EventType.POPUP, LogLevel.INFO, HALF, event="popup_dismissed", text=HALF, all=[{"says": HALF}])
    result = CaptureResult(
        session_id="1",
        attempt=1,
        page=PageType.HOMEPAGE,
        viewport=Viewport.DESKTOP,
        verdict=Verdict.FAILED,
        reason="bot_wall",
        message=HALF,
        requested_url="https://shop.test/",
        final_url=f"https://shop.test/{HALF}",
        load_timings={"browser": {HALF: HALF}},
        low_confidence=[LowConfidence(code=LowConfidenceCode.OVERLAY_REMAINING, detail=HALF)],
        events=timeline.events,
        pdp=PdpDiscovery(url=None, reason=HALF),
        policy_version="default@1",
        started_at=NOON,
        finished_at=NOON,
    )
    assert CaptureResult.model_validate_json(result.model_dump_json()) == result


def test_a_log_line_with_half_characters_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log({"message": HALF})
    assert capsys.readouterr().out == '{"message": "sale \ufffd"}\n'


@pytest.mark.parametrize(("text", "line"), [("", ""), ("\none\ntwo", "one"), ("one\r\ntwo", "one"), ("one", "one")])
def test_the_first_line_of_nothing_is_nothing(text: str, line: str) -> None:
    assert first_line(text) == line
