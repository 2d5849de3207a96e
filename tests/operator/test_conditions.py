"""Conditions: when they began to hold, what they speak of, and which of them vanish."""

from __future__ import annotations

from datetime import timedelta

from testkit.operator import NOW
from webaudit_operator.conditions import MAX_MESSAGE, Condition, merge
from webaudit_operator.sessions import format_time

LATER = NOW + timedelta(minutes=5)


def test_a_new_condition_holds_from_now() -> None:
    assert merge([], [Condition("Ready", False, "Capturing", "0 of 4")], generation=3, now=NOW) == [
        {
            "type": "Ready",
            "status": "False",
            "reason": "Capturing",
            "message": "0 of 4",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-03-01T12:00:00Z",
        }
    ]


def test_another_reason_is_told_without_moving_the_time() -> None:
    before = merge([], [Condition("Ready", False, "Queued", "place 2")], generation=1, now=NOW)
    (after,) = merge([*before], [Condition("Ready", False, "Capturing", "1 of 4")], generation=2, now=LATER)
    assert after["lastTransitionTime"] == format_time(NOW)
    assert (after["reason"], after["message"], after["observedGeneration"]) == ("Capturing", "1 of 4", 2)


def test_another_status_moves_the_time() -> None:
    before = merge([], [Condition("Ready", False, "Capturing", "")], generation=1, now=NOW)
    (after,) = merge([*before], [Condition("Ready", True, "AllPagesOk", "")], generation=1, now=LATER)
    assert (after["status"], after["lastTransitionTime"]) == ("True", format_time(LATER))


def test_what_is_not_wanted_any_more_is_gone_and_the_order_is_the_wanted_one() -> None:
    before = merge(
        [],
        [Condition(kind, True, "R", "") for kind in ("Ready", "Reconciling", "Admitted")],
        generation=1,
        now=NOW,
    )
    wanted = [Condition("Admitted", True, "R", ""), Condition("Ready", True, "R", "")]
    assert [c["type"] for c in merge([*before], wanted, generation=1, now=LATER)] == ["Admitted", "Ready"]


def test_a_condition_that_comes_back_holds_from_then_on() -> None:
    before = merge([], [], generation=1, now=NOW)
    (again,) = merge([*before], [Condition("Stalled", True, "R", "")], generation=1, now=LATER)
    assert again["lastTransitionTime"] == format_time(LATER)


def test_a_long_message_is_cut() -> None:
    (entry,) = merge([], [Condition("Ready", True, "R", "x" * 9000)], generation=1, now=NOW)
    assert len(entry["message"]) == MAX_MESSAGE
