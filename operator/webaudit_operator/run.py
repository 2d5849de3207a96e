"""`webaudit-operator run`: checks the surroundings, then runs every loop side by side until one of them ends.

Crash-only: nothing in memory is worth saving, so any loop that ends, ends the process, and Kubernetes starts it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import kopf
import structlog

from webaudit_capture.policy import CrawlPolicy
from webaudit_operator import events, handlers, web
from webaudit_operator.announcing import announce
from webaudit_operator.blobs import Blobs, BlobsUnavailable
from webaudit_operator.clock import Clock, RealClock
from webaudit_operator.controller import Controller, ScheduleLoop
from webaudit_operator.events import Pod
from webaudit_operator.gcs import GcsBlobs
from webaudit_operator.kube import Kube, RealKube
from webaudit_operator.metrics import Metrics
from webaudit_operator.reconciler import Reconciler
from webaudit_operator.retention import passes
from webaudit_operator.retention.rules import rules_of
from webaudit_operator.schedule_reconciler import ScheduleReconciler
from webaudit_operator.sessions import Key
from webaudit_operator.settings import Settings
from webaudit_operator.store.errors import StoreUnavailable
from webaudit_operator.store.record import Store
from webaudit_operator.workqueue import WorkQueue
from webaudit_operator.world import Memory

log = structlog.get_logger()

STALE_LOOP_SECONDS = 30.0
WATCH = "watch"


class LoopEnded(Exception):
    """A loop that should run for ever came to its end."""


async def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT.

    Wrong settings raise SettingsError, StoreMisconfigured, BlobsMisconfigured or KubeUnavailable.
    """
    clock = RealClock()
    store = Store.from_url(settings.database_url)
    blobs = GcsBlobs.connect(bucket=settings.bucket, signing_key_file=settings.signing_key_file)
    try:
        await _check(store, blobs)
        kube = await RealKube.connect()
        try:
            await _run(settings, kube, blobs, store, clock)
        finally:
            await kube.close()
    finally:
        await blobs.close()
        await store.close()


async def _check(store: Store, blobs: Blobs) -> None:
    """Wrong settings stop the start; an outage does not, sessions run without the record."""
    for check in (store.check, blobs.check):
        try:
            await check()
        except (StoreUnavailable, BlobsUnavailable) as error:
            log.warning("starting all the same", unavailable=str(error))


async def _run(settings: Settings, kube: Kube, blobs: Blobs, store: Store, clock: Clock) -> None:
    metrics = Metrics()
    memory = Memory(
        max_captures=settings.max_captures,
        max_captures_per_namespace=settings.max_captures_per_namespace,
        domain_spacing=timedelta(seconds=CrawlPolicy().politeness.domain_spacing),
    )
    queue: WorkQueue[Key] = WorkQueue(clock, observer=metrics)
    reconciler = Reconciler(kube=kube, blobs=blobs, store=store, memory=memory, settings=settings, clock=clock)
    due: WorkQueue[Key] = WorkQueue(clock)
    memory.children.on_change = due.add
    schedules = ScheduleLoop(
        kube=kube,
        queue=due,
        reconciler=ScheduleReconciler(kube=kube, children=memory.children, metrics=metrics, clock=clock),
        metrics=metrics,
    )
    controller = Controller(
        kube=kube,
        store=store,
        memory=memory,
        queue=queue,
        reconciler=reconciler,
        schedules=schedules,
        metrics=metrics,
        clock=clock,
    )
    await controller.resync()  # admission must know every session before it admits the first
    expiry_clock = RealClock(timedelta(seconds=settings.clock_offset_seconds))
    pod = Pod(Key(settings.pod_namespace, settings.pod_name), settings.pod_uid)

    async def told(done: passes.Pass) -> None:
        metrics.retention_pass(done, expiry_clock.now())
        if done.broken is not None and done.newly_broken and pod.key.name:
            await announce(kube, pod, events.retention_notice(done.broken), clock.now())

    stop = asyncio.Event()
    watching = asyncio.Event()

    def healthy() -> str | None:
        idle = clock.monotonic() - controller.last_beat
        return f"the event loop stood still for {idle:.0f} s" if idle > STALE_LOOP_SECONDS else None

    def ready() -> str | None:
        return healthy() or (None if watching.is_set() else "not watching yet")

    async with web.serve(settings.http_port, metrics, healthy=healthy, ready=ready) as port:
        log.info("running", http_port=port, bucket=settings.bucket, workers=settings.workers)
        loops: dict[str, Coroutine[Any, Any, None]] = {
            WATCH: kopf.operator(
                registry=handlers.build_registry(memory, queue.add, schedules.note, clock),
                settings=handlers.build_settings(),
                standalone=True,
                clusterwide=True,
                ready_flag=watching,
            ),
            "resync": controller.resync_for_ever(settings.resync_seconds),
            "heartbeat": controller.beat_for_ever(),
            "retention": passes.loop(
                store,
                blobs,
                clock=expiry_clock,
                stop=stop,
                interval=settings.retention_interval_seconds,
                rules=rules_of(settings),
                spare=memory.held_sessions,
                on_pass=told,
            ),
            **{f"worker {n}": controller.work() for n in range(settings.workers)},
            **{f"schedule worker {n}": schedules.work() for n in range(settings.workers)},
        }
        await _until_one_ends(loops, stop)


async def _until_one_ends(loops: dict[str, Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Returns once the watch ended in order: kopf takes SIGTERM and SIGINT for itself and returns then.

    Raises what a loop raised, or LoopEnded for one that just ended.
    """
    tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            if task.get_name() != WATCH:
                raise LoopEnded(f"{task.get_name()} ended by itself")
        log.info("stopped")
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
