"""Sessions from `kubectl apply` to the record, on a real API server, PostgreSQL and bucket; only the pods stand in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from testkit import standin
from testkit.clock import FakeClock
from testkit.gcs_server import GcsServer
from testkit.postgres import PostgresServer
from testkit.stage import Deployment, Stage, Tripwire, staged, turns
from testkit.standin import StandIn
from webaudit_capture.contract import RESULT_FILE
from webaudit_cluster.apiserver import ApiServer
from webaudit_cluster.kubectl import CommandFailed
from webaudit_cluster.waiting import until
from webaudit_operator.reconciler import SPARE_DATABASE
from webaudit_operator.sessions import Key, Manifest, Session
from webaudit_operator.store.migrate import upgrade_to_head
from webaudit_operator.store.record import Store

pytestmark = [pytest.mark.apiserver, pytest.mark.postgres]


@pytest_asyncio.fixture
async def stage(kube_api: ApiServer, gcs: GcsServer, namespace: str, database_url: str) -> AsyncIterator[Stage]:
    async with staged(kube_api, gcs, namespace, database_url) as stage:
        yield stage


def conditions(session: Session) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in session.status["conditions"]}


async def test_a_good_shop_ends_as_four_pages_with_all_their_evidence(stage: Stage) -> None:
    key = stage.apply("acme")
    wire = Tripwire()
    session = await stage.settle(stage.operator(wire), key)

    assert (session.status["phase"], session.status["summary"]) == ("Completed", "4/4")
    assert conditions(session) == {
        "Admitted": ("True", "Started"),
        "Ready": ("True", "AllPagesOk"),
        "Complete": ("True", "AllPagesOk"),
        "Mirrored": ("True", "UpToDate"),
    }
    rows = await stage.rows(session)
    assert [(r["status"], r["url"], r["pdp_url"]) for r in rows["audit_sessions"]] == [
        ("completed", "https://www.acme.com/", "https://www.acme.com/products/tent")
    ]
    assert [r["status"] for r in rows["audit_pages"]] == ["ok"] * 4
    objects = await stage.objects(session)
    recorded = {r["storage_uri"].split("/", 3)[3].rpartition("#")[0] for r in rows["artifacts"]}
    assert len(recorded) == 16
    assert set(objects) == recorded | {name for name in objects if name.endswith(RESULT_FILE)}
    assert len(objects) == 20
    assert session.status["evidence"]["artifacts"] == 16
    assert session.status["evidence"]["bytes"] == sum(r["size_bytes"] for r in rows["artifacts"])

    written = [name for name in wire.seen if name in ("put_status", "create_job", "put_secret")]
    assert len(written) <= 10, written
    assert wire.seen.count("post_event") <= 3


async def test_a_second_look_at_a_finished_session_touches_nothing(stage: Stage) -> None:
    key = stage.apply("acme")
    await stage.settle(stage.operator(), key)
    wire = Tripwire()
    await stage.operator(wire).reconciler.reconcile(key)
    assert wire.seen == []


async def test_a_missing_shop_fails_and_says_whose_fault_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(standin.not_found))
    session = await stage.settle(stage.operator(), stage.apply("gone"))
    assert session.status["phase"] == "Failed"
    assert session.status["errorSummary"].startswith("homepage desktop: https://www.gone.com/ answered 404 Not Found")
    assert conditions(session)["Failed"] == ("True", "TargetHttp404")
    rows = await stage.rows(session)
    assert [r["status"] for r in rows["audit_pages"]] == ["failed"] * 4
    assert rows["artifacts"] == []


async def test_a_shop_without_product_pages_is_partial(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(standin.without_product))
    session = await stage.settle(stage.operator(), stage.apply("bare"))
    assert (session.status["phase"], session.status["errorSummary"]) == ("Partial", "PDP not found")
    rows = await stage.rows(session)
    assert sorted(r["status"] for r in rows["audit_pages"]) == ["failed", "failed", "ok", "ok"]
    assert len(rows["artifacts"]) == 8


async def test_a_pod_that_dies_without_a_word_fails_its_page_with_what_kubernetes_knows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StandIn, "behave", staticmethod(standin.dies))
    session = await stage.settle(stage.operator(), stage.apply("deadly"))
    assert conditions(session)["Failed"] == ("True", "PlatformBackoffLimitExceeded")


async def test_evidence_that_the_bucket_does_not_hold_as_described_is_not_believed(
    stage: Stage, gcs: GcsServer
) -> None:
    key = stage.apply("forged")
    operator = stage.operator()
    await operator.reconciler.reconcile(key)
    await stage.kube.work()
    session = await stage.session(key)
    name = next(n for n in await stage.objects(session) if n.endswith("homepage/mobile/visible_text.txt"))
    gcs.overwrite(name, b"something else")
    session = await stage.settle(operator, key)
    assert session.status["phase"] == "Partial"
    page = next(p for p in session.status["pages"] if (p["page"], p["viewport"]) == ("homepage", "mobile"))
    assert page["reason"] == "PlatformEvidenceMismatch"
    assert "visible_text.txt has 14 bytes in the bucket" in page["message"]


@pytest_asyncio.fixture
async def postgres_away(stage: Stage, own_postgres: PostgresServer) -> AsyncIterator[PostgresServer]:
    """The stage's database is one that is down and can be started."""
    url = own_postgres.create_database()
    upgrade_to_head(url)
    own_postgres.stop()
    stage.database_url, healthy = url, stage.store
    stage.store = Store.from_url(url)
    yield own_postgres
    await stage.store.close()
    stage.store = healthy


async def test_without_postgres_sessions_finish_and_the_record_follows_later(
    stage: Stage, postgres_away: PostgresServer
) -> None:
    key = stage.apply("offline")
    operator = stage.operator()
    for _ in range(8):
        await operator.reconciler.reconcile(key)
        await stage.kube.work()
    session = await stage.session(key)
    assert session.status["phase"] == "Completed"
    assert conditions(session)["Mirrored"] == ("False", "DatabaseUnavailable")
    for job in await stage.kube.jobs():  # gone, as after their time to live
        await stage.kube.delete_job(stage.namespace, job["metadata"]["name"])
    await stage.collect_garbage()

    postgres_away.start()
    session = await stage.settle(stage.operator(), key)
    rows = await stage.rows(session)
    assert [r["status"] for r in rows["audit_sessions"]] == ["completed"]
    assert len(rows["artifacts"]) == 16


async def test_an_outage_of_postgres_is_found_out_once_and_not_by_every_session(
    stage: Stage, postgres_away: PostgresServer
) -> None:
    wire = Tripwire()
    operator = stage.operator(wire)
    for name in ("first", "second", "third"):
        key = stage.apply(name)
        await operator.reconciler.reconcile(key)
        assert conditions(await stage.session(key))["Mirrored"] == ("False", "DatabaseUnavailable")
    assert wire.seen.count("open_session") == 1


async def test_while_postgres_is_away_one_of_many_asks_for_all(
    stage: Stage, postgres_away: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Tripwire()
    operator = stage.operator(wire)
    keys = [stage.apply(name) for name in ("first", "second", "third")]
    await operator.reconciler.reconcile(keys[0])
    now = operator.reconciler._clock.now() + SPARE_DATABASE
    monkeypatch.setattr(operator.reconciler, "_clock", FakeClock(now))
    await asyncio.gather(*map(operator.reconciler.reconcile, keys))
    assert wire.seen.count("open_session") == 2


async def test_deleting_a_session_with_policy_delete_takes_its_objects_and_leaves_receipts(stage: Stage) -> None:
    key = stage.apply("shredder", deletionPolicy="Delete")
    operator = stage.operator()
    session = await stage.settle(operator, key)
    assert len(await stage.objects(session)) == 20
    stage.api.kubectl("delete", "auditsession", key.name, "-n", key.namespace, "--wait=false")
    for _ in range(5):
        await operator.reconciler.reconcile(key)
        await stage.collect_garbage()
    assert await stage.kube.get_session(key) is None
    assert await stage.objects(session) == {}
    rows = await stage.rows(session)
    assert all(r["deleted_at"] for r in rows["artifacts"])
    receipts = [r for r in rows["crawl_logs"] if r["details"].get("outcome") == "deleted"]
    assert len(receipts) == 16


async def test_a_session_deleted_while_running_is_closed_in_the_record(stage: Stage) -> None:
    key = stage.apply("abandoned")
    operator = stage.operator()
    await operator.reconciler.reconcile(key)
    session = await stage.session(key)
    stage.api.kubectl("delete", "auditsession", key.name, "-n", key.namespace)
    await operator.close_orphans(set(), before=session.created.replace(year=2100))
    rows = await stage.rows(session)
    assert [(r["status"], r["error_summary"]) for r in rows["audit_sessions"]] == [
        ("failed", "the AuditSession was deleted while it ran")
    ]


NUMBERS = {"id", "page_id", "artifact", "observedGeneration", "key"}
TIMES = {
    *("created_at", "deleted_at", "requested_at", "confirmed_at", "timestamp", "at", "due", "retention_until"),
    *("startTime", "completionTime", "lastTransitionTime", "duration"),
}
"""Of these only whether they are there."""


def _neutral(session: Session, value: Any) -> Any:
    """Rows and status with what must differ between two runs made equal."""
    if isinstance(value, dict):
        return {
            k: (v is not None) if k in TIMES else _neutral(session, v) for k, v in value.items() if k not in NUMBERS
        }
    if isinstance(value, list | tuple):
        return [_neutral(session, v) for v in value]
    if value == "already_absent":
        return "deleted"  # by the one that was killed before it could say so
    text = str(value).replace(session.uid, "UID").replace(session.key.name, "NAME").replace(session.key.namespace, "NS")
    return re.sub(r"NAME-[0-9a-f]{8}-|#\d+|\b\d{16,}\b", "*", text)


async def _ending(stage: Stage, session: Session) -> Any:
    """All that is left of a session: rows, status, objects, Jobs."""
    rows = await stage.rows(session)
    rows["crawl_logs"].sort(key=lambda row: (row["event_type"], row["message"], str(row["details"].get("event"))))
    jobs = sorted(job["metadata"]["name"] for job in await stage.kube.list_jobs(session))
    body = await stage.kube.get_session(session.key)
    status = None if body is None else Session(body).status
    return _neutral(session, [rows, status, sorted(await stage.objects(session)), jobs])


async def left_alone(stage: Stage, operator: Deployment, key: Key) -> Session:
    return await stage.settle(operator, key)


async def suspended_and_resumed(stage: Stage, operator: Deployment, key: Key) -> Session:
    operator.wire.armed = False  # until here it is as if left alone
    await look_until(stage, operator, key, lambda jobs: len(jobs) == 2)
    operator.wire.armed = True
    stage.patch(key, suspend=True)
    await look_until(stage, operator, key, lambda jobs: all(job["spec"].get("suspend") for job in jobs))
    stage.patch(key, suspend=False)
    # Before a pod could end: all of them go on.
    await look_until(stage, operator, key, lambda jobs: not any(job["spec"].get("suspend") for job in jobs))
    operator.wire.armed = False  # and so it is from here
    return await stage.settle(operator, key)


async def deleted_with_its_evidence(stage: Stage, operator: Deployment, key: Key) -> Session:
    stage.patch(key, deletionPolicy="Delete")
    await operator.reconcile(key)  # the promise
    operator.wire.armed = False  # from here it is as if left alone, until it is deleted
    session = await stage.settle(operator, key)
    operator.wire.armed = True
    stage.api.kubectl("delete", "auditsession", key.name, "-n", key.namespace, "--wait=false")
    await look_until_gone(stage, operator, key)
    return session


async def deleted_by_its_time_to_live(stage: Stage, operator: Deployment, key: Key) -> Session:
    stage.patch(key, deletionPolicy="Delete")
    operator.wire.armed = False  # until here it is as if deleted by hand
    session = await stage.settle(operator, key)
    operator.wire.armed = True
    stage.patch(key, ttlSecondsAfterFinished=0)
    await look_until_gone(stage, operator, key)
    return session


async def look_until(
    stage: Stage, operator: Deployment, key: Key, enough: Callable[[list[Manifest]], bool], looks: int = 10
) -> None:
    for _ in range(looks):
        await operator.reconcile(key)
        session = await stage.session(key)
        if enough(await stage.kube.list_jobs(session)):
            return
    raise AssertionError(f"{key} did not get there in {looks} looks")


async def look_until_gone(stage: Stage, operator: Deployment, key: Key, looks: int = 10) -> None:
    for _ in range(looks):
        await operator.reconcile(key)
        await stage.collect_garbage()
        if await stage.kube.get_session(key) is None:
            return
    raise AssertionError(f"{key} is still there after {looks} looks")


@pytest.mark.parametrize(
    "story", [left_alone, suspended_and_resumed, deleted_with_its_evidence, deleted_by_its_time_to_live]
)
async def test_killed_at_any_side_effect_and_started_again_ends_the_same(
    stage: Stage, story: Callable[[Stage, Deployment, Key], Awaitable[Session]]
) -> None:
    wire = Tripwire()
    undisturbed = Deployment(stage, wire)
    expected = await _ending(stage, await story(stage, undisturbed, stage.apply("calm")))
    assert wire.seen
    for position in turns(wire.seen):
        for after in (False, True):
            key = stage.apply(f"kill-{position}-{'after' if after else 'before'}")
            operator = Deployment(stage, Tripwire(position, after=after))
            session = await story(stage, operator, key)
            (killed,) = operator.kills
            assert await _ending(stage, session) == expected, f"position {position}: {killed}"


def refused(stage: Stage, *command: str) -> bool:
    try:
        stage.api.kubectl(*command)
    except CommandFailed:
        return True
    return False


async def test_a_session_whose_jobs_are_refused_waits_says_why_and_starts_when_they_are_taken(stage: Stage) -> None:
    quota: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": stage.namespace},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    stage.api.kubectl("create", "-f", "-", input=json.dumps(quota))
    counted = json.dumps(
        {"status": {"hard": quota["spec"]["hard"], "used": quota["spec"]["hard"]}}
    )  # as its controller
    where = ("-n", stage.namespace)
    stage.api.kubectl("patch", "resourcequota", "none", *where, "--subresource=status", "--type=merge", "-p", counted)
    probe = ("create", "job", "probe", "--image=none", *where, "--dry-run=server")
    until(lambda: refused(stage, *probe), 30, "the quota is not enforced")
    key = stage.apply("poor")
    operator = stage.operator()
    await operator.reconciler.reconcile(key)
    session = await stage.session(key)
    assert (session.phase, session.started) == ("Queued", None)
    assert conditions(session)["Admitted"] == ("False", "JobRefused")
    assert "none" in session.condition("Admitted")["message"]  # type: ignore[index]
    wire = Tripwire()
    await stage.operator(wire).reconciler.reconcile(key)
    assert "put_status" not in wire.seen, "the same words again are no news"
    stage.api.kubectl("delete", "resourcequota", "none", *where)
    session = await stage.settle(operator, key)
    assert (session.phase, session.attempts) == ("Completed", 1)


async def test_a_phase_that_somebody_else_wrote_is_not_believed(stage: Stage) -> None:
    key = stage.apply("told")
    forged = json.dumps({"status": {"phase": "Completed"}})
    stage.api.kubectl(
        *("patch", "auditsession", key.name, "-n", key.namespace, "--subresource=status", "--type=merge", "-p", forged)
    )
    session = await stage.settle(stage.operator(), key)
    assert (session.phase, session.status["summary"]) == ("Completed", "4/4")
