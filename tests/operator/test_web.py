"""/healthz, /readyz and /metrics over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from webaudit_operator import web
from webaudit_operator.metrics import PHASES, Metrics


class State:
    """What the checks answer."""

    unhealthy: str | None = None
    unready: str | None = None


@pytest_asyncio.fixture
async def state() -> State:
    return State()


@pytest_asyncio.fixture
async def metrics() -> Metrics:
    return Metrics()


@pytest_asyncio.fixture
async def http(state: State, metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    serving = web.serve(0, metrics, healthy=lambda: state.unhealthy, ready=lambda: state.unready)
    async with serving as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


async def test_health_is_asked_for_at_every_request(http: httpx.AsyncClient, state: State) -> None:
    good = await http.get("/healthz")
    assert (good.status_code, good.text) == (200, "ok\n")
    state.unhealthy = "the event loop stood still for 31 s"
    bad = await http.get("/healthz")
    assert (bad.status_code, bad.text) == (503, "the event loop stood still for 31 s\n")
    state.unhealthy = None
    assert (await http.get("/healthz")).status_code == 200


async def test_ready_is_another_question(http: httpx.AsyncClient, state: State) -> None:
    state.unready = "not watching yet"
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not watching yet\n")
    assert (await http.get("/healthz")).status_code == 200


async def test_metrics_are_what_prometheus_reads(http: httpx.AsyncClient, metrics: Metrics) -> None:
    metrics.depth(3)
    metrics.waited(0.2)
    metrics.sessions(["Queued", "Queued", "Running"])
    metrics.reconcile_errors.labels("KubeConflict").inc()
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = set(answer.text.splitlines())
    assert {
        "webaudit_queue_depth 3.0",
        "webaudit_queue_latency_seconds_count 1.0",
        'webaudit_sessions{phase="Queued"} 2.0',
        'webaudit_sessions{phase="Running"} 1.0',
        'webaudit_reconcile_errors_total{kind="KubeConflict"} 1.0',
    } <= lines


async def test_a_phase_that_nobody_is_in_any_more_counts_zero(http: httpx.AsyncClient, metrics: Metrics) -> None:
    metrics.sessions(["Failed"])
    metrics.sessions([])
    lines = (await http.get("/metrics")).text.splitlines()
    assert {line for line in lines if line.startswith("webaudit_sessions{")} == {
        f'webaudit_sessions{{phase="{phase}"}} 0.0' for phase in PHASES
    }


async def test_there_is_nothing_else(http: httpx.AsyncClient) -> None:
    assert (await http.get("/")).status_code == 404
    assert (await http.post("/healthz")).status_code == 405


async def test_two_operators_in_one_process_share_no_counters() -> None:
    one, other = Metrics(), Metrics()
    one.depth(5)
    assert other.registry.get_sample_value("webaudit_queue_depth") == 0


async def test_the_port_is_free_again_afterwards(metrics: Metrics) -> None:
    async with web.serve(0, metrics, healthy=lambda: None, ready=lambda: None) as port:
        pass
    async with web.serve(port, metrics, healthy=lambda: None, ready=lambda: None) as again:
        assert again == port
