"""What a schedule's status and Events say, and when they say nothing new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from testkit.operator import NOW, schedule
from webaudit_operator import events, schedule_status
from webaudit_operator.admission import Verdict
from webaudit_operator.events import Notice
from webaudit_operator.schedule_status import Entry, Missed, with_result
from webaudit_operator.schedules import Child, Schedule
from webaudit_operator.sessions import Key, format_time

SHOPS = [{"name": name, "url": f"https://www.{name}.com/"} for name in ("acme", "birch")]
MINUTE = timedelta(minutes=1)


def built(of: Schedule, *targets: Entry, children: tuple[Child, ...] = (), **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "cron": None if "fault" in changes else of.cron(),
        "fault": None,
        "targets": targets or (Entry("", NOW),),
        "children": children,
        "missed": (),
        "refused": None,
        "run_now": None,
        "now": NOW,
        **changes,
    }
    return schedule_status.build(of, **values)


def child(name: str, **changes: Any) -> Child:
    values: dict[str, Any] = {
        "uid": name,
        "owner_uid": "1",
        "owner": Key("audits", "daily"),
        "target": "",
        "planned": NOW,
        "created": NOW,
        "phase": "Running",
        "completed": None,
        "removable": False,
        "stopping": False,
        "deleting": False,
        **changes,
    }
    return Child(key=Key("audits", name), **values)


def entry(name: str, result: str | None, ago: timedelta = timedelta(0)) -> Entry:
    return Entry(name, NOW - ago, last_schedule=NOW - ago, last_result=result)


@pytest.mark.parametrize(
    ("results", "worst"),
    [
        (("Completed", "Completed"), "Completed"),
        (("Completed", "Partial"), "Partial"),
        (("Partial", "Failed"), "Failed"),
        (("Failed", "Running"), "Running"),
        ((None, "Completed"), "Completed"),
        ((None, None), None),
    ],
)
def test_the_last_result_is_the_worst_of_the_last_firing(results: tuple[str | None, ...], worst: str | None) -> None:
    targets = [entry(f"t{n}", result) for n, result in enumerate(results)]
    late = entry("not-yet", "Failed", ago=timedelta(days=1))
    assert built(schedule(), *targets, late).get("lastResult") == worst


def test_a_result_stays_when_its_session_is_gone_unless_it_was_running() -> None:
    assert with_result(entry("", "Completed"), []).last_result == "Completed"
    assert with_result(entry("", "Running"), []).last_result is None
    ended = child("a", phase="Failed", completed=NOW)
    assert with_result(entry("", "Running"), [ended]).last_result == "Failed"


def test_the_next_five_times_are_told_in_utc() -> None:
    status = built(schedule(timeZone="Europe/Berlin"))
    assert status["nextScheduleTimes"][0] == "2026-03-02T05:00:00Z"
    assert len(status["nextScheduleTimes"]) == 5


def test_a_rare_schedule_tells_as_many_as_there_are() -> None:
    assert len(built(schedule(schedule="0 0 29 2 *"))["nextScheduleTimes"]) == 5


def test_success_is_remembered_when_the_session_is_gone() -> None:
    done = child("a", phase="Partial", completed=NOW)
    status = built(schedule(), children=(done, child("b", phase="Failed", completed=NOW + MINUTE)))
    assert status["lastSuccessfulTime"] == format_time(NOW)
    later = Schedule({**schedule().body, "status": status})
    assert built(later)["lastSuccessfulTime"] == format_time(NOW)


def test_the_list_of_active_sessions_is_bounded_and_their_number_is_not() -> None:
    many = tuple(child(f"s{n}", planned=None) for n in range(300))
    status = built(schedule(), children=many)
    assert (len(status["active"]), status["activeCount"]) == (256, 300)


def test_of_the_missed_the_last_ten_are_named_and_all_are_counted() -> None:
    of = schedule()
    missed = [Missed("acme", NOW + n * MINUTE, n + 1, "Superseded", at_least=n == 11) for n in range(12)]
    status = built(of, missed=missed)
    assert status["missed"] == sum(range(13))
    assert [m["count"] for m in status["lastMissed"]] == list(range(3, 13))
    assert status["lastMissed"][-1]["atLeast"] is True
    after = built(Schedule({**of.body, "status": status}), missed=missed[:1])
    assert after["missed"] == status["missed"] + 1
    assert after["lastMissed"][-1]["count"] == 1


def test_a_status_fits_with_two_hundred_targets() -> None:
    shops = [{"name": f"{'s' * 55}-{n}", "url": "https://www.acme.com/"} for n in range(200)]
    targets = [entry(shop["name"], "Completed") for shop in shops]
    assert len(repr(built(schedule(targets=shops), *targets))) < 60_000


def said(of: Schedule, **changes: Any) -> list[Notice]:
    values: dict[str, Any] = {
        "fault": None,
        "refused": None,
        "started": (),
        "stopped": (),
        "waiting": (),
        "missed": (),
        **changes,
    }
    return events.schedule_notices(of, **values)


def test_events_are_sentences() -> None:
    names = [f"daily-shop-{n}" for n in range(7)]
    waiting = Entry("acme", NOW, waiting_since=NOW)
    notices = said(
        schedule(),
        fault="schedule, hour, at character 3: x",
        refused=Verdict("SessionRefused", "quota"),
        stopped=["daily-1"],
        started=names,
        waiting=[waiting],
        missed=[Missed("acme", NOW, 1, "DeadlineExceeded"), Missed("", NOW, 10_001, "TooManyMissed", at_least=True)],
    )
    assert [(n.reason, n.message) for n in notices] == [
        ("InvalidSchedule", "schedule, hour, at character 3: x"),
        ("SessionRefused", "the session was not taken: quota"),
        ("Replaced", "stopped daily-1: concurrencyPolicy is Replace"),
        ("Started", f"started {', '.join(names[:5])} and 2 more"),
        ("Waiting", "the session planned for 2026-03-01 12:00 UTC for acme waits for the running one to end"),
        ("Missed", "DeadlineExceeded: missed 2026-03-01 12:00 UTC for acme"),
        ("Missed", "TooManyMissed: missed at least 10001 planned times, the last 2026-03-01 12:00 UTC"),
    ]
    assert {n.type for n in notices if n.reason in ("Missed", "InvalidSchedule", "SessionRefused")} == {"Warning"}


def test_what_was_said_is_not_said_again() -> None:
    of = schedule(timeZone="Mars/Olympus")
    fault = "timeZone: no"
    status = built(of, fault=fault)
    assert said(Schedule({**of.body, "status": status}), fault=fault) == []
    waiting = Entry("", NOW, waiting_since=NOW)
    told = Schedule({**of.body, "status": built(schedule(), waiting)})
    assert said(told, waiting=[waiting]) == []
