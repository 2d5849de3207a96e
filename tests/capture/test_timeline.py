"""Stages and events: what is recorded, and that a stage ends by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from webaudit_capture.contract import CaptureEvent, EventType, LogLevel
from webaudit_capture.policy import Evidence
from webaudit_capture.timeline import StageTimeout, Timeline

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(lambda: NOON)


def test_an_event_names_itself_in_its_details_and_is_told_at_once() -> None:
    told: list[CaptureEvent] = []
    timeline = Timeline(lambda: NOON, sink=told.append)
    timeline.event(EventType.POPUP, LogLevel.INFO, "gone", event="popup_dismissed", strategy="aria")
    assert told == timeline.events
    assert told[0].timestamp == NOON
    assert told[0].details == {"event": "popup_dismissed", "strategy": "aria"}


def test_of_events_alike_the_first_are_kept_and_the_rest_is_counted() -> None:
    timeline = Timeline(lambda: NOON, limits=Evidence(max_events_alike=3))
    for n in range(5):
        timeline.event(EventType.ERROR, LogLevel.WARN, f"refused {n}", event="refused")
    timeline.event(EventType.NAVIGATION, LogLevel.INFO, "loading", event="navigate")
    timeline.close()
    assert [event.message for event in timeline.events] == [
        *("refused 0", "refused 1", "refused 2", "loading"),
        "2 more refused events are left out",
    ]
    assert timeline.events[-1].details == {"event": "events_left_out", "of": "refused", "left_out": 2}


def test_a_long_text_is_cut_wherever_it_stands_in_an_event() -> None:
    timeline = Timeline(lambda: NOON, limits=Evidence(max_event_chars=10))
    timeline.event(EventType.POPUP, LogLevel.INFO, "x" * 99, event="shown", urls=["y" * 99], count=5)
    (event,) = timeline.events
    assert event.message == "xxxxxxxxx…"
    assert event.details == {"event": "shown", "urls": ["yyyyyyyyy…"], "count": 5}


async def test_a_stage_records_start_length_and_outcome(timeline: Timeline) -> None:
    async with timeline.stage("ready") as stage:
        stage.outcome = "early"
    assert timeline.load_timings["stages"] == {
        "ready": {"start": "2026-11-23T12:00:00+00:00", "duration_ms": 0, "outcome": "early"}
    }


async def test_a_stage_that_hangs_is_ended_and_said_so(timeline: Timeline) -> None:
    with pytest.raises(StageTimeout):
        async with timeline.stage("extract", deadline=0.01):
            await asyncio.Event().wait()
    assert timeline.load_timings["stages"]["extract"]["outcome"] == "timeout"
    (event,) = timeline.events
    assert (event.event_type, event.details["stage"]) == (EventType.TIMEOUT, "extract")


async def test_a_stage_that_may_hang_is_left_and_the_work_goes_on(timeline: Timeline) -> None:
    reached = False
    async with timeline.stage("scroll", deadline=0.01, go_on=True):
        await asyncio.Event().wait()
        reached = True
    assert not reached
    assert timeline.load_timings["stages"]["scroll"]["outcome"] == "timeout"


async def test_a_stage_does_not_take_anothers_timeout_for_its_own(timeline: Timeline) -> None:
    with pytest.raises(TimeoutError):
        async with timeline.stage("check", deadline=60.0, go_on=True):
            raise TimeoutError
    assert timeline.load_timings["stages"]["check"]["outcome"] == "error"
    assert timeline.events == []


async def test_an_inner_stage_ended_by_an_outer_one_is_cancelled(timeline: Timeline) -> None:
    async with timeline.stage("popups", deadline=0.01, go_on=True), timeline.stage("settle", deadline=60.0):
        await asyncio.Event().wait()
    stages = timeline.load_timings["stages"]
    assert (stages["popups"]["outcome"], stages["settle"]["outcome"]) == ("timeout", "cancelled")


async def test_a_stage_run_again_keeps_both_records(timeline: Timeline) -> None:
    for _ in range(3):
        async with timeline.stage("ready"):
            pass
    assert list(timeline.load_timings["stages"]) == ["ready", "ready#2", "ready#3"]
