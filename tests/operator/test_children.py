"""What is remembered of a schedule's sessions, and whom news of them reaches."""

from __future__ import annotations

from typing import Any

import pytest

from testkit.operator import NOW, schedule, session, with_status
from webaudit_operator.children import Children
from webaudit_operator.schedules import Schedule
from webaudit_operator.sessions import Key, Session, format_time

DAILY = schedule()
ENDED = {"phase": "Completed", "completionTime": format_time(NOW)}
RECORDED = {"type": "Mirrored", "status": "True", "reason": "UpToDate", "message": ""}


def owned(of: Schedule = DAILY, name: str = "daily-29500000", **changes: Any) -> Session:
    owner = {"kind": "AuditSchedule", "name": of.key.name, "uid": of.uid, "controller": True}
    return session(name, ownerReferences=[owner], **changes)


def told() -> tuple[Children, list[Key]]:
    news: list[Key] = []
    return Children(news.append), news


def test_its_schedule_hears_of_a_session_that_comes_ends_and_goes_and_of_nothing_between() -> None:
    children, news = told()
    of = owned()
    children.see(of.body)
    children.see(of.body)
    for phase in ("Queued", "Running"):
        children.see(with_status(of, {"phase": phase}).body)
    assert news == [DAILY.key] * 3, "the phase is news, a repeat is not"
    children.see(with_status(of, ENDED).body)
    children.see(with_status(of, {**ENDED, "conditions": [RECORDED]}).body)
    assert news == [DAILY.key] * 5
    children.forget(of.key)
    children.forget(of.key)
    assert news == [DAILY.key] * 6
    assert children.of(DAILY.uid) == ()


def test_what_tells_the_past_is_not_believed() -> None:
    children, news = told()
    of = owned()
    children.see(with_status(of, ENDED).body)
    children.see(of.body)
    (child,) = children.of(DAILY.uid)
    assert child.completed == NOW
    assert len(news) == 1


def test_who_is_at_the_schedule_anyway_is_not_told() -> None:
    children, news = told()
    children.see(owned().body, quiet=True)
    assert (len(children.of(DAILY.uid)), news) == (1, [])


@pytest.mark.parametrize("owners", [[], [{"kind": "CronJob", "name": "daily", "uid": "1", "controller": True}]])
def test_a_session_that_no_schedule_owns_is_nobodys(owners: list[dict[str, Any]]) -> None:
    children, news = told()
    assert children.see(session(ownerReferences=owners).body) is None
    assert news == []


def test_a_name_that_went_to_another_schedule_is_no_longer_the_first_ones() -> None:
    children, _ = told()
    other = schedule("other")
    children.see(owned().body)
    children.see(owned(other).body)
    assert children.of(DAILY.uid) == ()
    assert len(children.of(other.uid)) == 1


@pytest.mark.parametrize(
    ("changes", "removable"),
    [
        ({}, True),
        ({"annotations": {"webaudit.dev/hold": "x"}}, False),
        ({"spec": {"deletionPolicy": "Delete"}}, False),
        ({"status": ENDED}, False),
    ],
)
def test_only_what_is_recorded_and_nobody_keeps_may_be_removed(changes: dict[str, Any], removable: bool) -> None:
    children, _ = told()
    child = children.see(owned(**{"status": {**ENDED, "conditions": [RECORDED]}, **changes}).body)
    assert child is not None
    assert child.removable is removable
