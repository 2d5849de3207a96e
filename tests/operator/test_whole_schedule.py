"""Schedules from `kubectl create` to their sessions' end, on a real API server, PostgreSQL and bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from testkit.gcs_server import GcsServer
from testkit.stage import Stage, staged
from testkit.timetable import Timetable
from webaudit_cluster.apiserver import ApiServer

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
