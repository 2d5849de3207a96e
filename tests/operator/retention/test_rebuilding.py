"""A record that was lost comes back from the bucket, equal to what it was; on real sessions, PostgreSQL and bucket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio

from testkit import standin
from testkit.clock import FakeClock
from testkit.commands import Commands
from testkit.gcs_server import GcsServer
from testkit.stage import Stage, staged
from testkit.standin import StandIn
from webaudit_capture.contract import (
    CaptureRequest,
    CaptureResult,
    LowConfidence,
    LowConfidenceCode,
    PageType,
    Viewport,
)
from webaudit_cluster.apiserver import ApiServer
from webaudit_operator.blobs import BlobsMisconfigured
from webaudit_operator.clock import RealClock
from webaudit_operator.retention.rebuilding import PATIENCE, Rebuilt, rebuild
from webaudit_operator.sessions import Session
from webaudit_operator.store.rebuild import Written

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres]

RETOLD = {"session_started", "session_completed", "session_partial", "session_failed", "page_failed"}
"""Events of the operator whose own time is lost."""
Rows = dict[str, list[dict[str, Any]]]


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


def doubtful(request: CaptureRequest, url: str) -> CaptureResult:
    """A page with a doubt, awkward words and numbers; as far as JSON has them."""
    doubt = LowConfidence(code=LowConfidenceCode.MISSING_H1, detail="no h1 \u0000 in caf\u00e9")
    timings = {"total_ms": 812, "browser": {"cls": 0.1 + 0.2, "huge": 1e22, "tiny": 1e-7, "none": None}}
    return standin.good(request, url).model_copy(update={"low_confidence": [doubt], "load_timings": timings})


def phone_fails(request: CaptureRequest, url: str) -> CaptureResult:
    return (standin.not_found if request.viewport is Viewport.MOBILE else standin.good)(request, url)


def home_fails(request: CaptureRequest, url: str) -> CaptureResult:
    return (standin.not_found if request.page is PageType.HOMEPAGE else standin.good)(request, url)


SHOPS: dict[str, tuple[Callable[[CaptureRequest, str], CaptureResult | None], dict[str, Any]]] = {
    "plain": (standin.good, {}),
    "doubtful": (doubtful, {"retentionPolicy": "short", "mode": "debug"}),
    "partial": (phone_fails, {"retentionPolicy": "long"}),
    "bare": (standin.without_product, {"retentionPolicy": "short"}),
    "closed": (home_fails, {}),
    "named": (standin.good, {"pages": ["pdp"], "pdpUrl": "https://www.named.com/p/1", "viewports": ["mobile"]}),
}


def behave(request: CaptureRequest, url: str) -> CaptureResult | None:
    assert request.session is not None
    return SHOPS[request.session.url.split(".")[1]][0](request, url)


async def audited(stage: Stage, *names: str) -> dict[str, Session]:
    # A fresh operator for each: one hears from the watch that Jobs have ended, and nobody watches here.
    return {name: await stage.settle(stage.operator(), stage.apply(name, **SHOPS[name][1])) for name in names}


async def dump(stage: Stage, session: Session) -> Rows:
    """All of a session but what the documentation lists as lost: ids of events, times of the operator's own."""
    rows = await stage.rows(session)
    logs = []
    for row in rows["crawl_logs"]:
        if row["details"]["event"] == "rebuilt":
            continue
        del row["id"]
        if row["details"]["event"] in RETOLD:
            del row["timestamp"]
        logs.append(row)
    return {**rows, "crawl_logs": sorted(logs, key=lambda row: json.dumps(row, default=str, sort_keys=True))}


def lose(stage: Stage, statement: str = "TRUNCATE audit_sessions CASCADE") -> None:
    with psycopg.connect(stage.database_url) as connection:
        connection.execute(statement.encode())


def rebuilt_events(stage: Stage) -> list[dict[str, Any]]:
    with psycopg.connect(stage.database_url) as connection:
        query = "SELECT details FROM crawl_logs WHERE details->>'event' = 'rebuilt' ORDER BY id"
        return [details for (details,) in connection.execute(query)]


async def rebuilt(stage: Stage, **changes: Any) -> Rebuilt:
    return await rebuild(stage.store, stage.blobs, **{"clock": RealClock(), **changes})


async def test_every_kind_of_session_comes_back_as_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(behave))
    sessions = await audited(stage, *SHOPS)
    phases = {name: session.status["phase"] for name, session in sessions.items()}
    assert phases == {
        "plain": "Completed",
        "doubtful": "Completed",
        "partial": "Partial",
        "bare": "Partial",
        "closed": "Failed",
        "named": "Completed",
    }
    before = {name: await dump(stage, session) for name, session in sessions.items()}
    assert [len(rows["audit_sessions"]) for rows in before.values()] == [1] * len(SHOPS)
    lose(stage)

    done = await rebuilt(stage)
    assert (done.seen, done.rebuilt, done.left) == (len(SHOPS), len(SHOPS), [])
    for name, session in sessions.items():
        assert await dump(stage, session) == before[name], name
    assert done.written.total == sum(len(table) for rows in before.values() for table in rows.values())

    again = await rebuilt(stage)
    assert (again.whole, again.rebuilt, again.written) == (len(SHOPS), 0, Written())
    assert len(rebuilt_events(stage)) == len(SHOPS)


async def test_what_is_whole_is_passed_over_without_being_read(stage: Stage, gcs: GcsServer) -> None:
    (session,) = (await audited(stage, "plain")).values()
    gcs.requests.clear()
    assert (await rebuilt(stage)).whole == 1
    assert [path for method, path in gcs.requests if "result.json" in path] == []
    lose(stage)
    await rebuilt(stage)
    assert (await rebuilt(stage, prefix="www.other.com")).seen == 0
    assert (await rebuilt(stage, prefix=f"plain.com__{session.uid}/")).whole == 1


DAMAGES = {
    "a page": "DELETE FROM audit_pages WHERE page_type = 'pdp' AND viewport = 'mobile'",
    "artifacts": "DELETE FROM artifacts WHERE type IN ('html_gz', 'screenshot')",
    "a page's events": "DELETE FROM crawl_logs WHERE details->>'viewport' = 'mobile'",
    "all events": "DELETE FROM crawl_logs",
    "the first event": "DELETE FROM crawl_logs WHERE details->>'key' = 'session_queued'",
    "the last event": "DELETE FROM crawl_logs WHERE details->>'key' = 'session_closed'",
}


async def test_of_a_damaged_session_only_what_is_missing_is_added(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (session,) = (await audited(stage, "plain")).values()
    mark = "UPDATE artifacts SET checksum = 'changed by hand' WHERE type = 'visible_text' AND created_at IS NOT NULL"
    for damage, statement in DAMAGES.items():
        before = await dump(stage, session)
        lose(stage, statement)
        assert await dump(stage, session) != before
        done = await rebuilt(stage)
        assert (done.rebuilt, done.left) == (1, []), damage
        assert await dump(stage, session) == before, damage
        assert (await rebuilt(stage)).written.total == 0, damage
    lose(stage, mark)
    before = await dump(stage, session)
    lose(stage, DAMAGES["artifacts"])
    await rebuilt(stage)
    assert await dump(stage, session) == before


async def test_an_artifact_without_its_object_comes_back_as_deleted_and_its_rest_is_cleared(
    stage: Stage, gcs: GcsServer
) -> None:
    (session,) = (await audited(stage, "plain")).values()
    before = await stage.rows(session)
    home = f"plain.com__{session.uid}/homepage"
    doomed = [name for name in gcs.objects if name.endswith("html.gz") or name.startswith(f"{home}/mobile/")]
    for name in doomed:
        if not name.endswith("result.json"):
            gcs.state.delete(name)
    lose(stage)
    now = RealClock().now() + timedelta(days=1)
    done = await rebuilt(stage, clock=FakeClock(now=now))
    assert (done.rebuilt, done.without_object, done.left) == (1, 7, [])
    after = await stage.rows(session)
    gone = {row["id"] for row in after["artifacts"] if row["deleted_at"] is not None}
    assert {row["deleted_at"] for row in after["artifacts"] if row["id"] in gone} == {now}
    assert [row for row in after["artifacts"] if row["id"] not in gone] == [
        row for row in before["artifacts"] if row["id"] not in gone
    ]
    told = {row["id"]: (row["storage_uri"], row["size_bytes"], row["checksum"]) for row in before["artifacts"]}
    assert {row["id"]: (row["storage_uri"], row["size_bytes"], row["checksum"]) for row in after["artifacts"]} == told
    (event,) = rebuilt_events(stage)
    assert "homepage/mobile/screenshot" in event["without_object"]
    assert len(event["without_object"]) == len(gone) == 7
    (left,) = await stage.store.leftovers(now, 10)
    assert left.prefix == f"{home}/mobile/"


async def test_a_page_without_result_is_failed_only_once_nothing_more_can_come(stage: Stage, gcs: GcsServer) -> None:
    (session,) = (await audited(stage, "plain")).values()
    before = await dump(stage, session)
    home = f"plain.com__{session.uid}/homepage/desktop/result.json"
    gcs.state.delete(home)
    lose(stage)
    young = await rebuilt(stage)
    assert (young.running, young.written.total) == (1, 0)
    assert (await stage.rows(session))["audit_sessions"] == []

    later = FakeClock(now=RealClock().now() + PATIENCE + timedelta(minutes=1))
    assert (await rebuilt(stage, clock=later, running={UUID(session.uid)})).running == 1
    assert (await rebuilt(stage, clock=later)).left == []
    after = await dump(stage, session)
    assert [(page["page_type"], page["viewport"], page["status"]) for page in after["audit_pages"]] == [
        ("homepage", "desktop", "failed"),
        ("homepage", "mobile", "ok"),
        ("pdp", "desktop", "ok"),
        ("pdp", "mobile", "ok"),
    ]
    (row,) = after["audit_sessions"]
    assert (row["status"], row["pdp_url"]) == ("partial", before["audit_sessions"][0]["pdp_url"])
    assert row["error_summary"].startswith("homepage desktop: the bucket has no result.json of it")


def altered(gcs: GcsServer, name: str, **changes: Any) -> None:
    told = json.loads(gcs.objects[name].body)
    gcs.overwrite(name, json.dumps({**told, **changes}).encode())


async def test_a_session_that_cannot_be_believed_is_left_out_as_a_whole_with_the_reason(
    stage: Stage, gcs: GcsServer
) -> None:
    (session,) = (await audited(stage, "plain")).values()
    lose(stage)
    prefix = f"plain.com__{session.uid}/"
    name, text = f"{prefix}homepage/mobile/result.json", f"{prefix}homepage/mobile/visible_text.txt"
    whole, words = gcs.objects[name].body, gcs.objects[text].body
    record = json.loads(whole)["session"]

    async def reason() -> str:
        done = await rebuilt(stage)
        ((place, why),) = done.left
        assert (place, done.written.total) == (prefix, 0)
        gcs.overwrite(name, whole)
        return why

    gcs.overwrite(name, b'{"contract_version": 1')
    assert "homepage/mobile/result.json: result.json is broken" in await reason()
    altered(gcs, name, session={**record, "retention_policy": "short"})
    assert await reason() == "its results do not agree on what their session was"
    altered(gcs, name, policy={"retention": None})
    assert await reason() == "its results do not agree on what their session was"
    altered(gcs, name, artifacts=[])
    assert "result.json says ok and names no" in await reason()
    gcs.overwrite(text, b"something else")
    assert "visible_text.txt has 14 bytes in the bucket" in await reason()
    gcs.overwrite(text, words)
    everywhere = [each for each in gcs.objects if each.endswith("result.json")]
    for each in everywhere:
        altered(gcs, each, session={**record, "url": "https://www.other.com/"})
    assert "another session than their names do" in await reason()
    for each in everywhere:
        altered(gcs, each, session=None, policy=None)
    gcs.overwrite(name, gcs.objects[name].body)
    done = await rebuilt(stage, running=frozenset())
    ((_, why),) = done.left
    assert why.startswith("its results are older than the version")


async def test_a_session_that_the_operator_is_at_work_on_is_left_to_it(stage: Stage) -> None:
    key = stage.apply("plain")
    operator = stage.operator()
    await operator.reconciler.reconcile(key)
    await stage.kube.work()
    session = await stage.session(key)
    done = await rebuilt(stage)
    assert (done.running, done.written.total) == (1, 0)
    (row,) = (await stage.rows(session))["audit_sessions"]
    assert row["status"] == "running"
    await stage.settle(operator, key)
    assert (await rebuilt(stage)).whole == 1


async def test_a_prefix_that_may_cut_a_session_in_two_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="names a part of a session"):
        await rebuilt(stage, prefix="plain.com__1/homepage/")


async def test_a_rebuild_that_was_cut_off_goes_on_where_it_ended(
    stage: Stage, gcs: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(behave))
    sessions = await audited(stage, "bare", "named", "plain")
    before = {name: await dump(stage, session) for name, session in sessions.items()}
    lose(stage)
    uid = sessions["named"].uid
    gcs.fail_next("GET", f"/o/named.com__{uid}", 403)
    with pytest.raises(BlobsMisconfigured):
        await rebuilt(stage)
    assert await dump(stage, sessions["named"]) != before["named"]
    await rebuilt(stage)
    assert {name: await dump(stage, session) for name, session in sessions.items()} == before
    assert len(rebuilt_events(stage)) == 3


async def test_the_command_asks_the_cluster_which_sessions_still_run(stage: Stage, commands: Commands) -> None:
    (over,) = (await audited(stage, "plain")).values()
    key = stage.apply("doubtful")
    operator = stage.operator()
    await operator.reconciler.reconcile(key)
    await stage.kube.work()
    running = await stage.session(key)
    lose(stage)
    cluster = {"KUBECONFIG": str(stage.api.kubeconfig)}
    told = json.loads(commands.ok("rebuild", "--after", "0s", "-o", "json", **cluster))
    assert (told["rebuilt"], told["running"], told["left"]) == (1, 1, [])
    assert [row["status"] for row in (await stage.rows(over))["audit_sessions"]] == ["completed"]
    assert (await stage.rows(running))["audit_sessions"] == []
