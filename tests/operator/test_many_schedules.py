"""A thousand schedules of five shops that fire in the same minute, at an operator that runs as users run it."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
import yaml

from testkit.apiserver import audit_schedule, define
from testkit.chart import CHART
from testkit.gcs_server import GcsServer
from testkit.process import environment, operator_process
from testkit.stage import Stage, staged
from webaudit_cluster.apiserver import ApiServer
from webaudit_operator.jobs import DOMAIN_ANNOTATION
from webaudit_operator.sessions import GROUP, VERSION, Manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres, pytest.mark.timeout(420)]

SCHEDULES, TARGETS = 1000, 5
SECONDS = 180
"""When it is given up. What is aimed at is a minute; the test says what it took, as machines are noisy."""
MAX_CAPTURES = 10
"""The operator's own default for one namespace."""
HEAD_START = timedelta(seconds=50)
MEBI = 2**20


@pytest_asyncio.fixture
async def stage(gcs: GcsServer, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """On an API server of its own, which goes with all that is in it."""
    with ApiServer.start(tmp_path / "api") as api:
        define(api)
        api.kubectl("create", "namespace", "many")
        async with staged(api, gcs, "many", database_url) as stage:
            yield stage


async def create_schedules(stage: Stage, when: datetime) -> None:
    """All of them, each shop's domain shared by ten schedules: so that politeness has something to do."""
    folder = f"/apis/{GROUP}/{VERSION}/namespaces/{stage.namespace}/auditschedules"

    async def create(numbers: range) -> None:
        for number in numbers:
            shops = [{"name": f"shop-{n}", "url": f"https://www.shop-{number // 10}-{n}.com/"} for n in range(TARGETS)]
            spec = {"schedule": f"{when.minute} {when.hour} {when.day} {when.month} *", "targets": shops}
            body = audit_schedule(spec, name=f"many-{number}", namespace=stage.namespace)
            await stage.kube._call("POST", folder, body=body)

    await asyncio.gather(*(create(range(start, SCHEDULES, 8)) for start in range(8)))


async def count(stage: Stage) -> int:
    folder = f"/apis/{GROUP}/{VERSION}/namespaces/{stage.namespace}/auditsessions"
    page = await stage.kube._call("GET", folder, query={"limit": "1"})
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)


async def test_all_their_sessions_come_to_be_and_no_shop_is_visited_twice_at_once(
    stage: Stage, gcs: GcsServer, database_url: str, tmp_path: Path
) -> None:
    env = environment(
        KUBECONFIG=str(stage.api.kubeconfig),
        STORAGE_EMULATOR_HOST=gcs.url,
        WEBAUDIT_DATABASE_URL=database_url,
        WEBAUDIT_BUCKET=gcs.bucket,
        WEBAUDIT_SIGNING_KEY_FILE=str(gcs.service_account_file),
        WEBAUDIT_CAPTURE_IMAGE="localhost/capture:test",
    )
    minute = math.ceil((datetime.now(UTC) + HEAD_START).timestamp() / 60) * 60
    with operator_process(env, tmp_path / "log") as operator:
        await create_schedules(stage, datetime.fromtimestamp(minute, UTC))
        await operator.ready()
        assert time.time() < minute, "the schedules were not made in time"
        await asyncio.sleep(minute - time.time())  # nothing but the planned time itself is waited for
        while (made := await count(stage)) < SCHEDULES * TARGETS:
            assert time.time() < minute + SECONDS, f"{made} sessions after {SECONDS} s"
            await asyncio.sleep(0.5)
        took = time.time() - minute
        jobs: list[Manifest] = []
        while len(jobs) < MAX_CAPTURES:
            assert time.time() < minute + SECONDS + 60, "no captures are started"
            jobs = await stage.kube.jobs()
        memory = psutil.Process(operator.pid).memory_info().rss / MEBI
        sys.stdout.write(f"{made} sessions in {took:.1f} s; the operator has {memory:.0f} MiB\n")
        assert memory < budget()
        operator.end(signal.SIGKILL)
        assert "reconcile failed" not in operator.log
    sessions = Counter({(job["metadata"]["annotations"][DOMAIN_ANNOTATION], owner(job)) for job in jobs})
    domains = Counter(domain for domain, _ in sessions)
    assert set(domains.values()) == {1}, "one shop, one session at a time"
    assert len(jobs) == MAX_CAPTURES


def owner(job: Manifest) -> str:
    (reference,) = job["metadata"]["ownerReferences"]
    return str(reference["uid"])


def budget() -> int:
    """The chart's memory limit in MiB."""
    limit: str = yaml.safe_load((CHART / "values.yaml").read_text())["resources"]["limits"]["memory"]
    return int(limit.removesuffix("Mi"))
