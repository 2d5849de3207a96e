"""kopf as a watch layer and no more: what is registered, and how an event becomes a key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import kopf
import pytest

from testkit.clock import FakeClock
from testkit.operator import HD, NOW, job_manifest, schedule, session, with_status
from webaudit_operator import handlers
from webaudit_operator.admission import World
from webaudit_operator.jobs import MANAGED_BY, JobState
from webaudit_operator.sessions import Key, Manifest, format_time
from webaudit_operator.world import Memory

KEY = Key("audits", "acme")
STARTED = {"phase": "Running", "startTime": format_time(NOW)}


@pytest.fixture
def memory() -> Memory:
    return Memory(max_captures=9, max_captures_per_namespace=9, domain_spacing=timedelta(seconds=2))


def seen(memory: Memory) -> World:
    return memory.world(NOW)


@pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED"])
def test_a_session_that_is_there_is_remembered_and_looked_at(memory: Memory, kind: str | None) -> None:
    assert handlers.note_session(memory, kind, session().body) == KEY
    assert [wish.key for wish in seen(memory).waiting] == [KEY]


def test_a_session_that_is_gone_is_looked_at(memory: Memory) -> None:
    of = session()
    assert handlers.note_session(memory, "DELETED", of.body) == KEY
    assert memory.keys() == [], "the last words of one that was never heard of are no news"


def test_the_end_of_a_session_is_not_its_successors(memory: Memory) -> None:
    new = session(uid="22222222-0000-0000-0000-000000000000", status=STARTED)
    handlers.note_session(memory, "ADDED", new.body)
    handlers.note_session(memory, "DELETED", session(uid="11111111-0000-0000-0000-000000000000").body)
    assert [holder.uid for holder in seen(memory).holders] == [new.uid]


def test_an_event_that_tells_the_past_changes_nothing(memory: Memory) -> None:
    before = session()
    handlers.note_session(memory, None, with_status(before, STARTED).body)
    assert handlers.note_session(memory, "MODIFIED", before.body) == KEY
    assert [holder.key for holder in seen(memory).holders] == [KEY]


@pytest.mark.parametrize(
    ("kind", "state", "holds"),
    [
        (None, JobState.ACTIVE, True),
        ("ADDED", JobState.ACTIVE, True),
        ("MODIFIED", JobState.SUSPENDED, True),
        ("MODIFIED", JobState.SUCCEEDED, False),
        ("MODIFIED", JobState.FAILED, False),
        ("DELETED", JobState.ACTIVE, False),
    ],
)
def test_a_job_holds_its_sessions_shop_as_long_as_it_lives(
    memory: Memory, kind: str | None, state: JobState, holds: bool
) -> None:
    of = session()
    handlers.note_job(memory, "ADDED", job_manifest(of), NOW)
    assert handlers.note_job(memory, kind, job_manifest(of, HD, state), NOW) == [KEY]
    assert [holder.key for holder in seen(memory).holders] == ([KEY] if holds else [])


def test_a_job_that_no_session_owns_is_no_reason_to_look(memory: Memory) -> None:
    stray = job_manifest(session(), ownerReferences=[{"kind": "CronJob", "name": "acme", "uid": "1"}])
    assert handlers.note_job(memory, "ADDED", stray, NOW) == []


def test_who_waited_for_a_job_that_was_deleted_is_looked_at(memory: Memory) -> None:
    of, waiter = session(), session("waiter")
    handlers.note_job(memory, "ADDED", job_manifest(of), NOW)
    handlers.note_session(memory, "ADDED", waiter.body)
    assert handlers.note_job(memory, "DELETED", job_manifest(of), NOW) == [KEY, waiter.key]


async def test_events_reach_the_queue(memory: Memory) -> None:
    queued: list[Key] = []
    due: list[tuple[str | None, Manifest]] = []
    registry: Any = handlers.build_registry(memory, queued.append, lambda *told: due.append(told), FakeClock())
    session_changed, schedule_changed, job_changed = (handler.fn for handler in registry._watching.get_all_handlers())
    of = session()
    stray = job_manifest(of, ownerReferences=[])
    await called(session_changed, "ADDED", of.body)
    await called(job_changed, "ADDED", job_manifest(of))
    await called(job_changed, "ADDED", stray)
    daily = schedule("daily").body
    await called(schedule_changed, "DELETED", daily)
    assert queued == [KEY, KEY]
    assert due == [("DELETED", daily)]


async def called(handler: Any, kind: str, body: Any) -> None:
    await handler(event={"type": kind, "object": body}, body=body, logger=None)


def test_kopf_watches_three_kinds_and_does_nothing_else(memory: Memory) -> None:
    registry: Any = handlers.build_registry(memory, lambda key: None, lambda kind, body: None, FakeClock())
    watched = {handler.selector.any_name: handler for handler in registry._watching.get_all_handlers()}
    assert set(watched) == {"auditsessions", "auditschedules", "jobs"}
    for kind in ("auditsessions", "auditschedules"):
        assert (watched[kind].selector.group, watched[kind].selector.version) == ("webaudit.dev", "v1alpha1")
    assert (watched["jobs"].selector.group, watched["jobs"].labels) == ("batch", MANAGED_BY)
    # Each of these would make kopf write: finalizers, annotations, progress, webhook configurations.
    others = (registry._indexing, registry._spawning, registry._changing, registry._webhooks)
    assert not any(kind.get_all_handlers() for kind in others)
    assert [handler.activity.value for handler in registry._activities.get_all_handlers()] == ["authentication"]


def test_nothing_is_registered_by_importing() -> None:
    default = kopf.get_default_registry()
    assert not default._watching.get_all_handlers()
    assert not default._changing.get_all_handlers()


def test_only_our_own_jobs_are_asked_for() -> None:
    found: Any = handlers.build_settings()
    ((selector, labels),) = found.watching.label_selectors.items()
    assert (selector.group, selector.version, selector.any_name) == ("batch", "v1", "jobs")
    assert labels == "app.kubernetes.io/managed-by=webaudit,app.kubernetes.io/component=capture"


def test_kopf_is_kept_to_watching() -> None:
    found = handlers.build_settings()
    assert found.scanning.disabled
    assert not found.posting.enabled
    assert found.watching.chunk_size == 500
    assert found.queueing.worker_limit is None, "a limit lets objects through at some per second"
    assert found.process.ultimate_exiting_timeout is not None
    assert found.process.ultimate_exiting_timeout < 30, "below the grace period of the pod"
