"""What is decided about a schedule, as tables: what was seen and the time in, sessions to start, stop, delete out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from testkit.operator import NOW, schedule
from webaudit_operator.schedule_planner import Observed, Plan, plan
from webaudit_operator.schedules import Child, Schedule, Target, session_name
from webaudit_operator.sessions import Key, format_time

DAY = timedelta(days=1)
FIRST = NOW.replace(hour=6) + DAY
"""The first planned time of a schedule made at NOW, a noon."""
SHOPS = [{"name": name, "url": f"https://www.{name}.com/"} for name in ("acme", "birch", "cedar")]


def child(of: Schedule, planned: datetime | None = None, target: str = "", **changes: Any) -> Child:
    """An ended session with all its evidence, recorded; or as changed."""
    name = session_name(of.key.name, target, planned) if planned else changes.pop("name", f"{of.key.name}-run0")
    made = Child(
        key=Key(of.key.namespace, name),
        uid=name,
        owner_uid=of.uid,
        owner=of.key,
        target=target,
        planned=planned,
        created=planned or NOW,
        phase="Completed",
        completed=(planned or NOW) + timedelta(minutes=1),
        removable=True,
        stopping=False,
        deleting=False,
    )
    return replace(made, **changes)


def running(of: Schedule, planned: datetime | None = None, target: str = "", **changes: Any) -> Child:
    return child(of, planned, target, **{"phase": "Running", "completed": None, "removable": False, **changes})


def at(of: Schedule, now: datetime, *children: Child) -> Plan:
    return plan(Observed(of, children, now))


def told(of: Schedule, **entries: dict[str, Any]) -> Schedule:
    """The schedule with status.targets as written."""
    targets = [{"name": name.strip("_"), **entry} for name, entry in entries.items()]
    return Schedule({**of.body, "status": {"observedGeneration": 1, "targets": targets}})


def started(made: Plan) -> list[str]:
    return [decision.start.name for decision in made.decisions if decision.start]


def missed(made: Plan) -> list[tuple[str, int, str]]:
    return [(m.target, m.count, m.reason) for decision in made.decisions for m in decision.missed]


def name(planned: datetime, target: str = "") -> str:
    return session_name("daily", target, planned)


MADE = schedule()


@pytest.mark.parametrize(
    ("spec", "now", "starts", "misses"),
    [
        ({}, NOW, [], []),
        ({}, FIRST - timedelta(seconds=1), [], []),
        ({}, FIRST, [FIRST], []),
        ({}, FIRST + timedelta(hours=17), [FIRST], []),
        ({}, FIRST + 2 * DAY, [FIRST + 2 * DAY], [(2, "Superseded")]),
        ({}, FIRST + 2.5 * DAY, [FIRST + 2 * DAY], [(2, "Superseded")]),
        ({"startingDeadlineSeconds": 60}, FIRST + timedelta(seconds=60), [FIRST], []),
        ({"startingDeadlineSeconds": 60}, FIRST + timedelta(seconds=61), [], [(1, "DeadlineExceeded")]),
        ({"startingDeadlineSeconds": 60}, FIRST + 2.5 * DAY, [], [(3, "DeadlineExceeded")]),
        ({"startingDeadlineSeconds": 60}, FIRST + 2 * DAY, [FIRST + 2 * DAY], [(2, "Superseded")]),
        ({"startingDeadlineSeconds": 0}, FIRST, [FIRST], []),
        ({}, FIRST + 99 * DAY, [FIRST + 99 * DAY], [(99, "Superseded")]),
        ({}, FIRST + 100 * DAY, [], [(101, "TooManyMissed")]),
        ({"schedule": "* * * * *"}, NOW + 30 * DAY, [], [(10_001, "TooManyMissed")]),
        ({"suspend": True}, FIRST + 2 * DAY, [], []),
        ({"schedule": "0 6 29 2 *"}, NOW + 365 * DAY, [], []),
    ],
)
def test_of_what_is_due_the_last_is_started_once_and_the_rest_is_counted(
    spec: dict[str, Any], now: datetime, starts: list[datetime], misses: list[tuple[int, str]]
) -> None:
    made = at(schedule(**spec), now)
    assert started(made) == [name(planned) for planned in starts]
    assert [(count, reason) for _, count, reason in missed(made)] == misses


def test_what_was_decided_is_not_decided_again() -> None:
    of = told(MADE, _={"decidedUntil": format_time(FIRST)})
    assert started(at(of, FIRST + timedelta(hours=1))) == []
    assert started(at(of, FIRST + DAY)) == [name(FIRST + DAY)]


def test_a_session_that_is_there_was_started_also_if_nobody_could_write_that_down() -> None:
    made = at(MADE, FIRST + timedelta(seconds=3), running(MADE, FIRST))
    assert started(made) == []
    (decision,) = made.decisions
    assert (decision.entry.last_schedule, decision.entry.last_result) == (FIRST, "Running")
    assert decision.missed == ()


def test_what_was_passed_over_is_counted_also_if_nobody_could_write_that_down() -> None:
    made = at(MADE, FIRST + 3 * DAY, running(MADE, FIRST + 3 * DAY))
    assert (started(made), missed(made)) == ([], [("", 3, "Superseded")])
    assert made.decisions[0].missed[0].planned == FIRST + 2 * DAY
    made = at(MADE, FIRST + 5 * DAY, running(MADE, FIRST + 2 * DAY), running(MADE, FIRST + 3 * DAY))
    assert started(made) == [name(FIRST + 5 * DAY)]
    assert missed(made) == [("", 2, "Superseded"), ("", 1, "Superseded")]
    assert [m.planned for m in made.decisions[0].missed] == [FIRST + DAY, FIRST + 4 * DAY]
    assert missed(at(MADE, FIRST + DAY, running(MADE, FIRST), running(MADE, FIRST + DAY))) == []


@pytest.mark.parametrize("hours", [-1, -25, -24 * 400])
def test_a_clock_set_back_fires_nothing_twice(hours: int) -> None:
    of = told(MADE, _={"decidedUntil": format_time(FIRST)})
    assert started(at(of, FIRST + timedelta(hours=hours))) == []


def test_resuming_catches_up_once() -> None:
    resumed = told(MADE, _={"decidedUntil": format_time(FIRST)})
    made = at(resumed, FIRST + 3.2 * DAY)
    assert started(made) == [name(FIRST + 3 * DAY)]
    assert missed(made) == [("", 2, "Superseded")]


def test_each_target_is_caught_up_on_once() -> None:
    made = at(schedule(targets=SHOPS), FIRST + 1.5 * DAY)
    assert started(made) == [name(FIRST + DAY, shop) for shop in ("acme", "birch", "cedar")]
    assert missed(made) == [(shop, 1, "Superseded") for shop in ("acme", "birch", "cedar")]


def test_a_target_that_is_added_starts_with_the_next_planned_time() -> None:
    of = schedule(targets=SHOPS)
    entries = {"acme": {"decidedUntil": format_time(FIRST + 9 * DAY)}}
    body = told(of, **entries).body
    of = Schedule({**body, "status": {**body["status"], "lastScheduleTime": format_time(FIRST + 9 * DAY)}})
    assert started(at(of, FIRST + 9.5 * DAY)) == []
    assert started(at(of, FIRST + 10 * DAY)) == [name(FIRST + 10 * DAY, shop) for shop in ("acme", "birch", "cedar")]


@pytest.mark.parametrize(
    ("policy", "starts", "stops"), [("Allow", True, False), ("Forbid", False, False), ("Replace", True, True)]
)
def test_the_policy_says_what_happens_when_one_still_runs(policy: str, starts: bool, stops: bool) -> None:
    of = schedule(concurrencyPolicy=policy)
    old = running(of, FIRST)
    made = at(of, FIRST + DAY, old)
    (decision,) = made.decisions
    assert (decision.start is not None) is starts
    assert [(stop.key, stop.successor) for stop in decision.stop] == ([(old.key, name(FIRST + DAY))] if stops else [])
    assert decision.missed == ()


def test_the_policy_looks_at_one_target_alone() -> None:
    of = schedule(targets=SHOPS, concurrencyPolicy="Forbid")
    made = at(of, FIRST + DAY, running(of, FIRST, "birch"), child(of, FIRST, "acme"), child(of, FIRST, "cedar"))
    assert started(made) == [name(FIRST + DAY, shop) for shop in ("acme", "cedar")]


def test_what_is_being_stopped_is_not_stopped_again_and_what_was_just_made_is_not_replaced() -> None:
    of = schedule(concurrencyPolicy="Replace")
    made = at(of, FIRST + DAY, running(of, FIRST, stopping=True))
    assert made.decisions[0].stop == ()
    assert started(made) == [name(FIRST + DAY)]
    made = at(of, FIRST + DAY, running(of, FIRST + DAY))
    assert (started(made), made.decisions[0].stop) == ([], ())


def test_a_run_out_of_turn_counts_as_running() -> None:
    of = schedule(concurrencyPolicy="Forbid")
    assert started(at(of, FIRST, running(of))) == []


def test_with_forbid_the_waiting_one_starts_when_the_running_one_has_ended() -> None:
    of = schedule(concurrencyPolicy="Forbid")
    waiting = at(of, FIRST + DAY, running(of, FIRST)).decisions[0].entry
    assert waiting.waiting_since == FIRST + DAY
    of = told(of, _=waiting.to_dict())
    made = at(of, FIRST + DAY + timedelta(hours=2), child(of, FIRST))
    assert started(made) == [name(FIRST + DAY)]


def test_with_forbid_what_is_overtaken_or_too_late_is_missed() -> None:
    of = schedule(concurrencyPolicy="Forbid")
    made = at(of, FIRST + 3 * DAY, running(of, FIRST))
    assert (started(made), missed(made)) == ([], [("", 2, "SessionActive")])
    assert made.decisions[0].entry.decided_until == FIRST + 2 * DAY
    of = schedule(concurrencyPolicy="Forbid", startingDeadlineSeconds=60)
    waiting = at(of, FIRST + DAY, running(of, FIRST))
    assert waiting.look_again == timedelta(seconds=61)
    made = at(of, FIRST + DAY + timedelta(seconds=61), running(of, FIRST))
    assert (started(made), missed(made)) == ([], [("", 1, "DeadlineExceeded")])


def test_targets_are_spread_each_at_its_own_moment_and_named_by_the_planned_time() -> None:
    many = [{"name": f"shop-{n}", "url": f"https://www.shop-{n}.com/"} for n in range(40)]
    of = schedule(targets=many, splaySeconds=600)
    offsets = [of.splay(target) for target in of.targets]
    assert offsets == [schedule(targets=many, splaySeconds=600).splay(target) for target in of.targets]
    assert len(set(offsets)) > 30
    assert min(offsets) < timedelta(seconds=120)
    assert timedelta(seconds=480) < max(offsets) < timedelta(seconds=600)
    half = FIRST + timedelta(seconds=300)
    made = at(of, half)
    due = [t.name for t, offset in zip(of.targets, offsets, strict=True) if FIRST + offset <= half]
    assert started(made) == [name(FIRST, target) for target in due]
    assert 5 < len(due) < 35
    nearest = min(offset for offset in offsets if FIRST + offset > half)
    assert made.look_again == FIRST + nearest - half


def test_the_deadline_counts_from_the_splayed_moment() -> None:
    of = schedule(targets=SHOPS, splaySeconds=3600, startingDeadlineSeconds=60)
    acme = of.targets[0]
    assert of.splay(acme) > timedelta(seconds=61)
    made = at(of, FIRST + of.splay(acme) + timedelta(seconds=60))
    assert name(FIRST, "acme") in started(made)


@pytest.mark.parametrize(
    ("now", "wait"),
    [(NOW, FIRST - NOW), (FIRST, DAY), (FIRST + timedelta(minutes=1), DAY - timedelta(minutes=1))],
)
def test_it_looks_again_at_the_next_planned_time(now: datetime, wait: timedelta) -> None:
    assert at(MADE, now).look_again == wait


@pytest.mark.parametrize("spec", [{"suspend": True}, {"schedule": "0 25 * * *"}, {"timeZone": "Mars/Olympus"}])
def test_nothing_is_to_be_waited_for_while_it_can_not_fire(spec: dict[str, Any]) -> None:
    assert at(schedule(**spec), FIRST).look_again is None


def test_a_schedule_that_cannot_be_read_keeps_its_sessions_and_says_why() -> None:
    of = schedule(schedule="0 6 5-1 * *")
    made = at(of, FIRST, child(of, FIRST))
    assert (
        made.fault
        == "schedule, day of month, at character 5: 5-1 runs backwards; write two ranges, separated by a comma"
    )
    assert (started(made), made.cleanup) == ([], ())


def test_a_schedule_on_its_way_out_does_nothing() -> None:
    body = MADE.body
    gone = Schedule({**body, "metadata": {**body["metadata"], "deletionTimestamp": format_time(NOW)}})
    assert at(gone, FIRST) == Plan()


def annotated(of: Schedule, value: str, **status: Any) -> Schedule:
    meta = {**of.body["metadata"], "annotations": {"webaudit.dev/run-now": value}}
    return Schedule({**of.body, "metadata": meta, "status": {**of.status, **status}})


@pytest.mark.parametrize("spec", [{}, {"suspend": True}, {"schedule": "0 25 * * *"}])
def test_a_new_value_of_the_annotation_fires_every_target_once(spec: dict[str, Any]) -> None:
    of = annotated(schedule(targets=SHOPS, **spec), "monday")
    made = at(of, NOW)
    names = [start.name for start in made.run_now]
    assert len(set(names)) == 3
    assert all(n.startswith(f"daily-{shop['name']}-run") for n, shop in zip(names, SHOPS, strict=True))
    assert started(made) == []
    assert at(annotated(of, "monday", lastRunNow="monday"), NOW).run_now == ()
    again = at(annotated(of, "tuesday", lastRunNow="monday"), NOW)
    assert not set(names) & {start.name for start in again.run_now}


def cleaned(of: Schedule, *children: Child) -> list[str]:
    return [action.key.name for action in at(of, FIRST, *children).cleanup]


def history(of: Schedule, target: str, count: int, **changes: Any) -> list[Child]:
    return [child(of, FIRST - n * DAY, target, **changes) for n in range(1, count + 1)]


def test_the_newest_are_kept_per_target_and_result() -> None:
    of = schedule(targets=SHOPS)
    good, bad = history(of, "acme", 5), history(of, "birch", 3, phase="Failed")
    partly = history(of, "cedar", 4, phase="Partial")
    assert cleaned(of, *good, *bad, *partly) == [
        *(c.key.name for c in good[3:]),
        *(c.key.name for c in bad[1:]),
        *(c.key.name for c in partly[3:]),
    ]


def test_limits_of_nothing_keep_nothing_that_has_ended() -> None:
    of = schedule(successfulSessionsHistoryLimit=0, failedSessionsHistoryLimit=0)
    kept = running(of, FIRST)
    assert cleaned(of, kept, *history(of, "", 2)) == [c.key.name for c in history(of, "", 2)]


@pytest.mark.parametrize("state", [{"removable": False}, {"deleting": True}])
def test_what_is_not_recorded_or_is_held_or_goes_anyway_is_left_alone(state: dict[str, Any]) -> None:
    of = schedule(successfulSessionsHistoryLimit=0)
    assert cleaned(of, *history(of, "", 2, **state)) == []


def test_sessions_of_a_target_that_is_gone_are_cleaned_up_together() -> None:
    of = schedule(targets=SHOPS, successfulSessionsHistoryLimit=1)
    old = [child(of, FIRST - DAY, "dune"), child(of, FIRST - 2 * DAY, "elm")]
    assert cleaned(of, *old) == [old[1].key.name]


@pytest.mark.parametrize("target", ["", "acme", "acme-run00000000", "a-29000000", "run"])
def test_a_sessions_name_tells_target_and_time(target: str) -> None:
    from webaudit_operator.schedules import read_name, run_now_name

    assert read_name("daily", session_name("daily", target, FIRST)) == (target, FIRST)
    assert read_name("daily", run_now_name("daily", target, "now")) == (target, None)


def test_the_template_is_handed_on_without_the_marks_of_deployment_tools() -> None:
    from webaudit_operator.schedules import build_session

    template = {
        "metadata": {
            "labels": {"team": "shops", "kustomize.toolkit.fluxcd.io/name": "audits"},
            "annotations": {
                "argocd.argoproj.io/tracking-id": "audits:webaudit.dev/AuditSchedule:audits/daily",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "note": "n",
            },
        },
        "spec": {"mode": "debug"},
    }
    of = schedule(targets=SHOPS[:1], sessionTemplate=template)
    made = build_session(of, Target("acme", {"url": "https://www.acme.com/"}), "daily-acme-1")
    meta = made["metadata"]
    assert (meta["labels"], meta["annotations"]) == ({"team": "shops"}, {"note": "n"})
    assert made["spec"] == {"mode": "debug", "url": "https://www.acme.com/"}
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == ("AuditSchedule", "daily", of.uid, True)
