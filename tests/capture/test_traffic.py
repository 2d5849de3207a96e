"""Which requests hold a page open."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from webaudit_capture.policy import Ready
from webaudit_capture.traffic import Traffic

URL = "https://shop.example/api?page=1"


@dataclass
class Watched:
    now: float = 100.0
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.traffic = Traffic(Ready(ignore_request_after=5.0, polling_hits=4), lambda: self.now)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_quiet_begins_when_the_last_request_ends(watched: Watched) -> None:
    watched.traffic.started("a", "GET", URL, "script")
    watched.now += 1
    watched.traffic.started("b", "GET", URL, "image")
    assert watched.traffic.quiet_for() == 0
    watched.traffic.ended("a")
    watched.now += 1
    assert watched.traffic.quiet_for() == 0
    watched.traffic.ended("b")
    watched.now += 0.5
    assert watched.traffic.quiet_for() == 0.5


@pytest.mark.parametrize("kind", ["websocket", "eventsource", "media", "ping"])
def test_what_never_ends_by_design_does_not_count(watched: Watched, kind: str) -> None:
    watched.traffic.started("a", "GET", URL, kind)
    watched.now += 1
    assert watched.traffic.quiet_for() == 1


def test_a_request_open_for_long_counts_only_so_long(watched: Watched) -> None:
    watched.traffic.started("a", "GET", URL, "script")
    watched.now += 4.9
    assert watched.traffic.quiet_for() == 0
    watched.now += 1.1
    assert watched.traffic.quiet_for() == pytest.approx(1.0)


def test_polling_counts_three_times_per_method_and_path(watched: Watched) -> None:
    for hit in range(1, 4):
        watched.traffic.started(hit, "GET", f"https://shop.example/api?page={hit}", "fetch")
        assert watched.traffic.quiet_for() == 0
        watched.traffic.ended(hit)
    watched.now += 1
    watched.traffic.started(4, "GET", "https://shop.example/api?page=4", "xhr")
    assert watched.traffic.quiet_for() == 1
    watched.traffic.started(5, "POST", "https://shop.example/api", "fetch")
    assert watched.traffic.quiet_for() == 0


def test_images_of_one_path_are_no_polling(watched: Watched) -> None:
    for hit in range(6):
        watched.traffic.started(hit, "GET", URL, "image")
    for hit in range(5):
        watched.traffic.ended(hit)
    assert watched.traffic.quiet_for() == 0


def test_inline_data_is_no_request(watched: Watched) -> None:
    watched.traffic.started("a", "GET", "data:image/png;base64,AAAA", "image")
    watched.now += 1
    assert (watched.traffic.quiet_for(), watched.traffic.requests) == (1, 0)


def test_what_a_step_started_is_told_from_what_was_open_before(watched: Watched) -> None:
    watched.traffic.started("old", "GET", URL, "image")
    watched.now += 1
    began = watched.now
    assert watched.traffic.in_flight_since(began) == 0
    watched.traffic.started("new", "GET", URL, "image")
    assert watched.traffic.in_flight_since(began) == 1
