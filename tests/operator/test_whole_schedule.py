"""Schedules from `kubectl create` to their sessions' end, on a real API server, PostgreSQL and bucket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from testkit.gcs_server import GcsServer
from testkit.stage import Deployment, Stage, Tripwire, staged, turns
from testkit.timetable import Timetable
from webaudit_cluster.apiserver import ApiServer
from webaudit_operator.sessions import Key

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres]

SECOND = timedelta(seconds=1)


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


async def test_a_schedule_makes_a_session_at_each_planned_time(stage: Stage) -> None:
    table = await Timetable.daily(stage)
    again = await table.look()
    assert await table.names() == []
    assert again == table.first - table.clock.moment
    assert await table.ready() == ("True", "Scheduled", '"0 6 * * *" in Etc/UTC, one target')

    await table.fire(0)
    assert await table.names() == [table.name(0)]
    status = await table.status()
    assert (status["lastResult"], status["activeCount"]) == ("Running", 1)
    assert [one["name"] for one in status["active"]] == [table.name(0)]
    assert len(status["nextScheduleTimes"]) == 5

    session = await table.settle(table.name(0))
    assert (session.phase, session.status["summary"]) == ("Completed", "4/4")
    await table.look()
    status = await table.status()
    assert (status["lastResult"], status["activeCount"], status["active"]) == ("Completed", 0, [])
    assert "lastSuccessfulTime" in status

    await table.fire(1, SECOND)
    assert await table.names() == [table.name(0), table.name(1)]
    assert (await table.status())["missed"] == 0
    assert f"Started: started {table.name(1)}" in table.events()


SHOPS = [{"name": name, "url": f"https://www.{name}.com/"} for name in ("acme", "birch", "cedar")]


async def test_after_an_absence_each_target_is_caught_up_on_once_and_the_missed_are_named(stage: Stage) -> None:
    table = await Timetable.daily(stage, targets=SHOPS)
    await table.fire(0)
    table.at(3, timedelta(hours=5))  # nobody was there for two firings, and is late for the third
    await table.restart()
    await table.look()
    assert await table.names() == sorted(
        table.name(firing, shop) for firing in (0, 3) for shop in ("acme", "birch", "cedar")
    )
    status = await table.status()
    assert status["missed"] == 6
    assert [(m["target"], m["count"], m["reason"]) for m in status["lastMissed"]] == [
        (shop, 2, "Superseded") for shop in ("acme", "birch", "cedar")
    ]
    assert {m["time"] for m in status["lastMissed"]} == {f"{table.first + 2 * table.every:%Y-%m-%dT%H:%M:%SZ}"}
    assert any("Missed: Superseded: missed 2 planned times, the last " in said for said in table.events())


async def test_killed_while_it_catches_up_it_still_counts_what_was_missed(stage: Stage) -> None:
    wire = Tripwire(0, after=True)
    table = await Timetable.daily(stage, wire=wire)
    table.at(2)
    for _ in range(2):
        await table.look()
    assert isinstance(table.operator, Deployment)
    assert [str(killed) for killed in table.operator.kills] == ["after create_session"]
    assert await table.names() == [table.name(2)]
    assert (await table.status())["missed"] == 2


async def test_what_is_too_late_is_counted_and_nothing_is_started_for_it(stage: Stage) -> None:
    table = await Timetable.daily(stage, startingDeadlineSeconds=60)
    table.at(1, timedelta(seconds=61))
    await table.restart()
    await table.look()
    assert await table.names() == []
    (missed,) = (await table.status())["lastMissed"]
    assert (missed["count"], missed["reason"]) == (2, "DeadlineExceeded")


async def test_a_clock_set_back_fires_nothing_twice_and_says_what_it_waits_for(stage: Stage) -> None:
    table = await Timetable.daily(stage, failedSessionsHistoryLimit=0, successfulSessionsHistoryLimit=0)
    await table.fire(0)
    await table.settle(table.name(0))
    await table.look()
    assert await table.names() == [], "the history limits have done their part"
    for firing in (-0.5, -3, 0, 0.9):
        await table.fire(firing)
        await table.restart()
        await table.look()
    assert await table.names() == []
    table.at(-3)
    await table.look()
    assert (await table.ready())[:2] == ("True", "ClockSetBack")
    assert (await table.status())["nextScheduleTimes"][0] == f"{table.first + table.every:%Y-%m-%dT%H:%M:%SZ}"
    await table.fire(1)
    assert await table.names() == [table.name(1)]


async def test_replace_stops_the_running_session_and_closes_it_as_failed_with_that_reason(stage: Stage) -> None:
    table = await Timetable.daily(stage, concurrencyPolicy="Replace")
    await table.fire(0)
    old, new = (Key(table.key.namespace, table.name(firing)) for firing in (0, 1))
    await table.operator.reconciler.reconcile(old)
    assert len(await stage.kube.list_jobs(await stage.session(old))) == 2
    await table.fire(1)
    await table.operator.reconciler.reconcile(new)
    assert (await stage.session(new)).status["conditions"][0]["reason"] == "DomainBusy"
    await table.operator.reconciler.reconcile(old)
    stopping = await stage.session(old)
    assert (stopping.phase, stopping.condition("Ready")["reason"]) == ("Running", "ConfigReplaced")  # type: ignore[index]
    assert all(job["metadata"].get("deletionTimestamp") for job in await stage.kube.list_jobs(stopping))
    await stage.collect_garbage()
    await table.operator.reconciler.reconcile(old)
    closed = await stage.session(old)
    assert (closed.phase, closed.status["errorSummary"]) == ("Failed", f"replaced by {new.name}")
    assert {page["reason"] for page in closed.status["pages"]} == {"ConfigReplaced"}
    assert closed.stopping is None
    rows = await stage.rows(closed)
    assert [(row["status"], row["error_summary"]) for row in rows["audit_sessions"]] == [
        ("failed", f"replaced by {new.name}")
    ]
    await table.operator.resync()
    table.clock.moment += timedelta(minutes=1)  # the spacing of the domain
    assert (await table.settle(new.name)).phase == "Completed"
    assert f"Replaced: stopped {old.name}: concurrencyPolicy is Replace" in table.events()


async def test_replace_closes_a_session_that_never_started(stage: Stage) -> None:
    table = await Timetable.daily(stage, concurrencyPolicy="Replace")
    await table.fire(0)
    await table.fire(1)
    old = Key(table.key.namespace, table.name(0))
    await table.operator.reconciler.reconcile(old)
    closed = await stage.session(old)
    assert (closed.phase, closed.started) == ("Failed", None)
    assert await stage.kube.list_jobs(closed) == []


async def test_forbid_starts_the_next_when_the_running_one_has_ended(stage: Stage) -> None:
    table = await Timetable.daily(stage, concurrencyPolicy="Forbid")
    await table.fire(0)
    await table.fire(1)
    assert await table.names() == [table.name(0)]
    assert "waitingTime" in (await table.status())["targets"][0]
    assert any(said.startswith("Waiting: the session planned for ") for said in table.events())
    await table.settle(table.name(0))
    await table.look()
    assert await table.names() == [table.name(0), table.name(1)]
    assert (await table.status())["missed"] == 0


async def test_the_annotation_fires_once_for_each_new_value(stage: Stage) -> None:
    table = await Timetable.daily(stage, targets=SHOPS, suspend=True)
    assert (await table.ready())[:2] == ("True", "Suspended") if await table.look() else True
    for value, sessions in (("one", 3), ("one", 3), ("two", 6)):
        table.patch({"metadata": {"annotations": {"webaudit.dev/run-now": value}}})
        await table.look()
        await table.restart()
        await table.look()
        assert len(await table.names()) == sessions
        assert (await table.status())["lastRunNow"] == value
    assert "lastScheduleTime" not in await table.status()


async def test_suspended_nothing_is_made_and_resumed_the_last_is_caught_up_on(stage: Stage) -> None:
    table = await Timetable.daily(stage)
    table.patch({"spec": {"suspend": True}})
    await table.fire(2)
    assert await table.names() == []
    assert (await table.ready())[1] == "Suspended"
    assert (await table.status())["nextScheduleTimes"] == []
    table.patch({"spec": {"suspend": False}})
    await table.look()
    assert await table.names() == [table.name(2)]
    assert (await table.status())["missed"] == 2


async def test_a_schedule_that_cannot_be_read_says_where_and_fires_when_it_is_mended(stage: Stage) -> None:
    table = await Timetable.daily(stage)
    table.patch({"spec": {"schedule": "0 22-6 * * *"}})
    await table.fire(0)
    said = "schedule, hour, at character 3: 22-6 runs backwards; write two ranges, separated by a comma"
    assert await table.ready() == ("False", "InvalidSchedule", said)
    table.patch({"spec": {"schedule": "0 6 * * *", "timeZone": "Europe/Berlino"}})
    await table.look()
    said = 'timeZone: "Europe/Berlino" is not in the time zone database; did you mean Europe/Berlin?'
    assert await table.ready() == ("False", "InvalidTimeZone", said)
    assert await table.names() == []
    assert f"InvalidSchedule: {said}" in table.events()
    table.patch({"spec": {"timeZone": None}})
    await table.look()
    assert await table.names() == [table.name(0)]
    assert (await table.ready())[:2] == ("True", "Scheduled")


async def test_a_session_that_the_api_server_refuses_is_tried_again_and_the_others_start(stage: Stage) -> None:
    shops = [SHOPS[0], {**SHOPS[1], "pdpUrl": "https://www.elsewhere.org/p/1"}]
    table = await Timetable.daily(stage, targets=shops)
    table.at(0)
    assert await table.look() == timedelta(seconds=30)
    assert await table.names() == [table.name(0, "acme")]
    status, reason, message = await table.ready()
    assert (status, reason) == ("False", "SessionRefused")
    assert "is not on the same site as spec.url" in message
    table.patch({"spec": {"targets": SHOPS[:2]}})
    await table.look()
    assert await table.names() == [table.name(0, "acme"), table.name(0, "birch")]
    assert (await table.ready())[:2] == ("True", "Scheduled")


async def test_a_session_of_the_same_name_that_somebody_else_made_is_left_alone(stage: Stage) -> None:
    table = await Timetable.daily(stage)
    stage.apply(table.name(0))
    await table.fire(0)
    (missed,) = (await table.status())["lastMissed"]
    assert missed["reason"] == "NameTaken"
    (there,) = await table.sessions()
    assert "ownerReferences" not in there.body["metadata"]


async def test_history_goes_when_it_is_recorded_and_what_is_held_stays(stage: Stage) -> None:
    table = await Timetable.daily(stage, successfulSessionsHistoryLimit=1)
    for firing in range(3):
        await table.fire(firing)
        await table.settle(table.name(firing))
        if firing == 0:
            stage.api.kubectl(
                *("annotate", "auditsession", table.name(0), "-n", table.key.namespace, "webaudit.dev/hold=court")
            )
            await table.operator.reconciler.reconcile(Key(table.key.namespace, table.name(0)))
        await table.look()
    assert await table.names() == [table.name(0), table.name(2)]
    assert (await table.status())["lastResult"] == "Completed"


async def test_a_second_look_writes_nothing(stage: Stage) -> None:
    wire = Tripwire()
    table = await Timetable.daily(stage, wire=wire, targets=SHOPS)
    await table.fire(0)
    assert wire.seen.count("create_session") == 3
    assert wire.seen.count("put_schedule_status") == 1
    assert isinstance(table.operator, Deployment)
    assert not table.operator.is_news_to_it(await table.schedule())
    before = len(wire.seen)
    await table.look()
    table.at(0, timedelta(hours=3))
    await table.look()
    assert wire.seen[before:] == []


async def _two_firings(stage: Stage, name: str, wire: Tripwire) -> tuple[Timetable, list[str]]:
    """Fire, fire again while the first ones run, clean those away, run out of turn: every side effect there is."""
    table = await Timetable.daily(
        stage, name, wire, targets=SHOPS[:1], concurrencyPolicy="Replace", failedSessionsHistoryLimit=0
    )
    wire.armed = True
    made: list[str] = []
    for firing in (0, 1):
        for _ in range(2):  # whoever was killed looks again
            await table.fire(firing)
        made += await table.names()
        wire.armed = False
        for _ in range(2):  # the first ones start; then they end their Jobs and are closed
            await table.operator.reconciler.reconcile(Key(table.key.namespace, table.name(0, "acme")))
            if firing == 1:
                await stage.collect_garbage()
        wire.armed = True
    table.patch({"metadata": {"annotations": {"webaudit.dev/run-now": "x"}}})
    for _ in range(2):
        await table.fire(1, timedelta(hours=1))
    return table, sorted({*made, *await table.names()})


async def _after(table: Timetable) -> Any:
    """All that is left, without what must differ."""
    status = dict(await table.status())
    sessions = [(session.key.name, session.phase, session.stopping is not None) for session in await table.sessions()]
    conditions = [{k: v for k, v in c.items() if k != "lastTransitionTime"} for c in status.pop("conditions")]
    return re.sub(table.key.name, "NAME", repr((sessions, conditions, sorted(status.items()))))


async def test_killed_at_any_side_effect_a_schedule_ends_the_same(stage: Stage) -> None:
    wire = Tripwire()
    wire.armed = False
    table, names = await _two_firings(stage, "calm", wire)
    expected = re.sub("calm", "NAME", repr(names)), await _after(table)
    assert {"create_session", "put_status", "put_schedule_status", "post_event", "delete_session"} <= set(wire.seen)
    await _away(stage)
    for position in turns(wire.seen):
        for after in (False, True):
            name = f"kill-{position}-{'after' if after else 'before'}"
            again = Tripwire(position, after=after)
            again.armed = False
            table, names = await _two_firings(stage, name, again)
            assert isinstance(table.operator, Deployment)
            assert len(table.operator.kills) == 1, name
            assert (re.sub(name, "NAME", repr(names)), await _after(table)) == expected, table.operator.kills
            await _away(stage)


async def _away(stage: Stage) -> None:
    where = ("-n", stage.namespace, "--all", "--wait=false")
    stage.api.kubectl("delete", "auditschedules,auditsessions,jobs,events", *where)
    await stage.collect_garbage()
