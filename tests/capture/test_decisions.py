"""What follows from an attempt to load a page, as a table; and the small sums around it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webaudit_capture.contract import Blame
from webaudit_capture.navigation import Fail, GoOn, Retry, Seen, decide, jitter, retry_after_seconds
from webaudit_capture.policy import Navigation
from webaudit_capture.proxy import Refusal, RefusalReason

URL = "https://shop.example/"
HTML = "text/html"
POLICY = Navigation()


def refusal(reason: RefusalReason, host: str = "shop.example") -> Refusal:
    return Refusal(host, 443, reason, "did something")


def decided(seen: Seen, *, attempt: int = 1, walls: int = 0, elapsed: float = 1.0) -> GoOn | Retry | Fail:
    return decide(
        seen,
        requested=URL,
        attempt=attempt,
        walls_before=walls,
        elapsed=elapsed,
        jitter=0.25,
        policy=POLICY,
    )


@pytest.mark.parametrize(
    ("seen", "reason", "wait"),
    [
        (Seen(URL, timed_out_after=30.0), "navigation_timeout", 1.25),
        (Seen(URL, error="net::ERR_CONNECTION_RESET"), "net_err", 1.25),
        (Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.CONNECTION_REFUSED)), "net_err", 1.25),
        (Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.NAME_NOT_RESOLVED)), "net_err", 1.25),
        (Seen(URL, status=403, content_type=HTML), "status_403", 1.25),
        (Seen(URL, status=429, content_type=HTML), "status_429", 1.25),
        (Seen(URL, status=429, content_type=HTML, retry_after=20.0), "status_429", 20.0),
        (Seen(URL, status=503, content_type=HTML, retry_after=0.0), "status_503", 1.25),
        (Seen(URL, status=403, content_type=HTML, wall="title"), "bot_wall", 2.0),
        (Seen(URL, status=200, content_type=HTML, wall="title"), "bot_wall", 2.0),
    ],
)
def test_what_may_pass_is_tried_again(seen: Seen, reason: str, wait: float) -> None:
    assert decided(seen) == Retry(reason, wait)


@pytest.mark.parametrize(
    ("seen", "reason", "blame", "transient"),
    [
        (Seen(URL, status=404), "http_404", Blame.TARGET, False),
        (Seen(URL, status=401), "http_401", Blame.TARGET, False),
        (Seen(URL, status=500), "http_500", Blame.TARGET, True),
        (Seen(URL, status=599), "http_599", Blame.TARGET, True),
        (Seen(URL, crashed=True), "renderer_crash", Blame.TARGET, True),
        (Seen(URL, status=200, content_type="application/pdf"), "not_html", Blame.TARGET, False),
        (
            Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.BLOCKED_ADDRESS)),
            "blocked_address",
            Blame.CONFIG,
            False,
        ),
        (
            Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.BLOCKED_ADDRESS, "inside.example")),
            "blocked_address",
            Blame.TARGET,
            False,
        ),
        (
            Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.PORT_NOT_ALLOWED)),
            "port_not_allowed",
            Blame.CONFIG,
            False,
        ),
    ],
)
def test_what_will_not_pass_fails_at_once(seen: Seen, reason: str, blame: Blame, transient: bool) -> None:
    decision = decided(seen)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.blame, decision.transient) == (reason, blame, transient)


@pytest.mark.parametrize(
    ("seen", "reason", "transient"),
    [
        (Seen(URL, timed_out_after=30.0), "navigation_timeout", True),
        (Seen(URL, error="net::ERR_CONNECTION_RESET"), "net_err", True),
        (Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.NAME_NOT_RESOLVED)), "no_such_host", False),
        (Seen(URL, error="net::ERR_X", refusal=refusal(RefusalReason.CONNECTION_REFUSED)), "connection_refused", True),
        (Seen(URL, status=403), "status_403", False),
        (Seen(URL, status=429), "status_429", False),
        (Seen(URL, status=503), "status_503", True),
    ],
)
def test_the_last_attempt_decides(seen: Seen, reason: str, transient: bool) -> None:
    decision = decided(seen, attempt=3)
    assert isinstance(decision, Fail)
    assert (decision.reason, decision.transient) == (reason, transient)


def test_a_wall_is_reloaded_only_once() -> None:
    wall = Seen(URL, status=403, wall="title")
    assert isinstance(decided(wall, attempt=2, walls=1), Fail)


def test_nothing_is_waited_for_beyond_the_cap() -> None:
    assert isinstance(decided(Seen(URL, status=503), elapsed=88.9), Fail)
    assert isinstance(decided(Seen(URL, status=429, retry_after=120.0)), Fail)


def test_back_off_grows_and_then_stays() -> None:
    patient = Navigation(attempts=6)
    waits = []
    for attempt in range(1, 6):
        decision = decide(
            Seen(URL, status=503),
            requested=URL,
            attempt=attempt,
            walls_before=0,
            elapsed=0.0,
            jitter=0.0,
            policy=patient,
        )
        assert isinstance(decision, Retry)
        waits.append(decision.wait)
    assert waits == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_page_goes_on() -> None:
    assert decided(Seen(URL, status=200, content_type=HTML)) == GoOn()
    assert decided(Seen(URL, status=200, content_type="application/xhtml+xml")) == GoOn()


def test_messages_are_sentences_about_the_address() -> None:
    decision = decided(Seen(URL, status=404))
    assert isinstance(decision, Fail)
    assert decision.message == "https://shop.example/ answered 404 Not Found"


def test_jitter_is_spread_but_not_by_chance() -> None:
    values = [jitter(f"session-{n}", 1, 0.5) for n in range(200)]
    assert values == [jitter(f"session-{n}", 1, 0.5) for n in range(200)]
    assert all(0 <= value < 0.5 for value in values)
    assert max(values) - min(values) > 0.4


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("²", None),
        ("Mon, 23 Nov 99999999999 12:00:00 GMT", None),
        ("Mon, 23 Nov 2026 12:00:30 +99999999999999", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) == seconds
