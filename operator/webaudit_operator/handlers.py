"""The only module that knows kopf: watch events of our kinds and of our Jobs become keys in the queue.

`on.event` only: no annotations, no finalizers, no retries of kopf's. An event is a hint; the reconciler reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from webaudit_operator.clock import Clock
from webaudit_operator.jobs import MANAGED_BY, SELECTOR, readable
from webaudit_operator.schedules import SCHEDULE_PLURAL
from webaudit_operator.sessions import GROUP, PLURAL, VERSION, Key, Manifest, key_of
from webaudit_operator.world import Memory, parent_of

CREDENTIALS_LIFETIME = timedelta(minutes=10)
"""Projected tokens rotate; kopf reads them anew when the old ones are said to expire."""


def build_registry(
    memory: Memory, enqueue: Callable[[Key], None], note_schedule: Callable[[str | None, Manifest], None], clock: Clock
) -> kopf.OperatorRegistry:
    """A registry of its own: nothing is registered by being imported."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**context: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**context) or kopf.login_with_kubeconfig(**context)
        return found and dataclasses.replace(found, expiration=datetime.now(UTC) + CREDENTIALS_LIFETIME)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def session_changed(event: Any, **_: Any) -> None:
        enqueue(note_session(memory, event["type"], event["object"]))

    @kopf.on.event(GROUP, VERSION, SCHEDULE_PLURAL, registry=registry)
    async def schedule_changed(event: Any, **_: Any) -> None:
        note_schedule(event["type"], event["object"])

    @kopf.on.event("batch", "v1", "jobs", labels=MANAGED_BY, registry=registry)
    async def job_changed(event: Any, **_: Any) -> None:
        for key in note_job(memory, event["type"], event["object"], clock.now()):
            enqueue(key)

    return registry


def note_session(memory: Memory, kind: str | None, body: Manifest) -> Key:
    """Take the event into memory; the key to look at."""
    if kind != "DELETED":  # the reconciler finds that it is gone, or that a successor has its name, and forgets it
        memory.see_session(body)
    return key_of(body)


def note_job(memory: Memory, kind: str | None, body: Manifest, now: datetime) -> list[Key]:
    """Take the event into memory; the keys to look at: the session that owns the Job, and who waited for its place."""
    view = readable(body)
    freed: str | None = None
    if kind == "DELETED":
        freed = memory.forget_job(key_of(body), now)
    elif view is not None:
        memory.see_job(body, live=view.live, ended=view.ended)
    parent = parent_of(body)
    return [*([parent] if parent else []), *(memory.next_in_line(freed, now) if freed else [])]


def build_settings() -> kopf.OperatorSettings:
    """kopf as a watch layer: bounded listings, only our Jobs, and dead fast when a watch dies."""
    settings = kopf.OperatorSettings()
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["batch", "v1", "jobs"] = SELECTOR
    settings.scanning.disabled = True
    settings.networking.request_timeout = 30
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 25
    return settings
