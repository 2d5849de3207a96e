"""One look at one session: read fresh, plan, apply, record, write status. The only place that acts on sessions.

Every step is safe to repeat and safe to be killed after: names are deterministic, "already exists" and "already gone"
are success, the record's writes meet their own rows, and status comes last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from webaudit_capture.contract import UploadTarget, session_prefix
from webaudit_capture.policy import CrawlPolicy
from webaudit_operator import admission, events, evidence, planner, record, secrets, status
from webaudit_operator.admission import Verdict
from webaudit_operator.announcing import announce
from webaudit_operator.blobs import Blobs, BlobsMisconfigured, BlobsUnavailable
from webaudit_operator.clock import Clock
from webaudit_operator.jobs import JobView, PodTrouble, build_job, pod_trouble, readable
from webaudit_operator.kube import Kube
from webaudit_operator.kube_errors import KubeRefused
from webaudit_operator.outcomes import Outcome
from webaudit_operator.planner import (
    AddFinalizer,
    DeleteJob,
    DeleteSession,
    Observed,
    Plan,
    PurgeEvidence,
    ReleaseFinalizer,
    ResumeJob,
    StartCapture,
    SuspendJob,
)
from webaudit_operator.retention.purging import purge_session
from webaudit_operator.sessions import FINALIZER, TERMINAL_PHASES, Key, Session
from webaudit_operator.settings import Settings
from webaudit_operator.store.errors import StoreMisconfigured, StoreUnavailable, StoreUnreachable
from webaudit_operator.store.record import Store
from webaudit_operator.store.rows import PageKey
from webaudit_operator.world import Memory

log = structlog.get_logger()

LOOK_AT_PODS_AFTER = timedelta(seconds=10)
RETRY_RECORD = timedelta(seconds=10)
SPARE_DATABASE = timedelta(seconds=5)
"""After an outage was met nobody else asks for as long: finding out takes seconds, which running sessions need."""
KEPT_REASONS = status.REFUSALS | {"ResultUnread", "Suspended", "Resigning"}
"""Reasons in status.pages that are the operator's own, not a pod's."""
NOT_STARTED = (KubeRefused, BlobsUnavailable, BlobsMisconfigured)
"""What keeps a capture from starting and harms nothing else: no Job is taken, or nobody signs its uploads."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a reconcile leaves to the queue."""

    again: timedelta | None = None
    freed: str | None = None
    """A registrable domain that a session just let go of."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The database was away, and is not asked again until then."""

    until: datetime
    message: str


class Reconciler:
    def __init__(
        self, *, kube: Kube, blobs: Blobs, store: Store, memory: Memory, settings: Settings, clock: Clock
    ) -> None:
        self._kube, self._blobs, self._store = kube, blobs, store
        self._memory, self._settings, self._clock = memory, settings, clock
        self._policy = CrawlPolicy()
        self._outage: Outage | None = None

    async def reconcile(self, key: Key) -> Look:
        """Raises the errors of Kube, Blobs and Store; the queue retries."""
        body = await self._kube.get_session(key)
        if body is None:
            return Look(freed=self._memory.forget_session(key))
        session = Session(body)
        if not self._memory.see_session(body):
            return Look(again=timedelta(seconds=1))  # the read is older than our own last write
        seen = await self._observe(session)
        if seen.obstacle is not None:
            self._memory.withdraw(session)
        elif not session.finished and not session.deleting:
            self._memory.admit(session)
        plan = planner.plan(seen)
        refused = await self._apply(session, plan)
        held = False
        if refused and _nothing_runs(seen, plan, refused):
            self._memory.withdraw(session)
            plan = planner.held_back(seen, next(iter(refused.values())))
            held, refused = True, {}
        if session.deleting:
            return Look(again=plan.look_again, freed=_domain(session))
        wanted = status.with_refusals(plan.status, refused) if plan.status else dict(session.status)
        if not wanted.get("phase"):
            return Look(again=plan.look_again)
        wanted, recorded = await self._record(session, seen, wanted)
        await self._write_status(session, wanted)
        again = [pause for pause in (plan.look_again, None if recorded else RETRY_RECORD) if pause is not None]
        over = wanted["phase"] in TERMINAL_PHASES and not session.finished
        return Look(again=min(again, default=None), freed=_domain(session) if over or held else None)

    async def _observe(self, session: Session) -> Observed:
        now = self._clock.now()
        jobs = tuple(view for job in await self._kube.list_jobs(session) if (view := readable(job)) is not None)
        troubles = await self._troubles(session, jobs)
        outcomes: dict[PageKey, Outcome] = {}
        unread: dict[PageKey, str] = {}
        if not session.deleting and not planner.config_fault(session):
            for key, job in _ended(session, jobs):
                trouble = troubles.get(job.name) if job else None
                try:
                    outcome = await evidence.read_outcome(self._blobs, session, key, job=job, trouble=trouble, now=now)
                except (BlobsUnavailable, BlobsMisconfigured) as error:
                    unread[key] = f"the bucket can't be read: {error}"
                else:
                    if outcome is not None:
                        outcomes[key] = outcome
        return Observed(
            session=session,
            jobs=jobs,
            outcomes=outcomes,
            unread=unread,
            troubles=troubles,
            obstacle=self._obstacle(session, jobs),
            policy_version=self._policy.version,
            bucket=self._blobs.bucket,
            now=now,
        )

    def _obstacle(self, session: Session, jobs: tuple[JobView, ...]) -> Verdict | None:
        """Admission is asked only for a session that has not started."""
        if session.finished or session.deleting or planner.admitted(session, jobs) or planner.config_fault(session):
            return None
        return admission.first_obstacle(self._memory.wish_of(session), self._memory.world(self._clock.now()))

    async def _troubles(self, session: Session, jobs: tuple[JobView, ...]) -> dict[str, PodTrouble]:
        """Pods are listed only when there is something to explain; what they said before they vanished is in status."""
        now = self._clock.now()
        open_jobs = [
            job for job in jobs if not session.finished and session.page(job.capture).get("status") == "running"
        ]
        said = {
            job.name: PodTrouble(job.name, entry["reason"], entry.get("message") or "")
            for job in open_jobs
            if (entry := session.page(job.capture)).get("reason") and entry["reason"] not in KEPT_REASONS
        }
        slow = any(job.live and now - job.created > LOOK_AT_PODS_AFTER for job in open_jobs)
        if not slow and not any(job.reason for job in jobs if not job.live and not session.finished):
            return said
        pods = sorted(await self._kube.list_pods(session), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        shown = {
            pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name"): pod_trouble(pod) for pod in pods
        }
        # A pod that is listed speaks for itself, also when it has no trouble any more.
        return {**{n: t for n, t in said.items() if n not in shown}, **{n: t for n, t in shown.items() if n and t}}

    async def _apply(self, session: Session, plan: Plan) -> dict[PageKey, Verdict]:
        """Do what was planned, in order. Returns the captures that could not be started, and why."""
        refused: dict[PageKey, Verdict] = {}
        signed: set[int] = set()
        namespace = session.key.namespace
        for action in plan.actions:
            match action:
                case StartCapture(key, attempt, url):
                    try:
                        if attempt not in signed:
                            await self._ensure_secret(session, attempt)
                            signed.add(attempt)
                        job = build_job(
                            session,
                            key,
                            attempt=attempt,
                            url=url,
                            secret=secrets.secret_name(session, attempt),
                            settings=self._settings,
                        )
                        created = await self._kube.create_job(job)
                    except NOT_STARTED as error:
                        refused[key] = _refusal(session, key, error)
                        continue
                    if created:
                        self._memory.see_job(job, live=True)
                        log.info("capture started", session=str(session.key), capture=str(key), attempt=attempt)
                case SuspendJob(name):
                    await self._kube.suspend_job(namespace, name)
                    log.info("capture suspended", session=str(session.key), job=name)
                case ResumeJob(key, name, attempt, resumed):
                    try:
                        await self._ensure_secret(session, attempt)
                    except NOT_STARTED as error:
                        refused[key] = _refusal(session, key, error)
                        continue
                    await self._kube.resume_job(namespace, name, resumed=resumed)
                    log.info("capture resumed", session=str(session.key), job=name)
                case DeleteJob(name):
                    await self._kube.delete_job(namespace, name)
                case AddFinalizer():
                    await self._kube.set_finalizers(session, [*session.finalizers, FINALIZER])
                case PurgeEvidence():
                    await self._purge(session)
                case ReleaseFinalizer():
                    await self._kube.set_finalizers(session, [f for f in session.finalizers if f != FINALIZER])
                case DeleteSession():
                    await self._kube.delete_session(session.key, session.uid)
                    log.info("session deleted, its time to live is over", session=str(session.key))
        return refused

    async def _ensure_secret(self, session: Session, attempt: int) -> None:
        """The attempt's Secret with signatures that outlive a Job started now; made again when they don't."""
        name = secrets.secret_name(session, attempt)
        now = self._clock.now()
        existing = await self._kube.get_secret(session.key.namespace, name)
        needed = now + timedelta(seconds=self._settings.job_deadline_seconds)
        if existing is not None and (until := secrets.good_until(existing)) is not None and until > needed:
            return
        lifetime = timedelta(hours=self._settings.signed_url_hours)
        uploads = {key: await self._sign(session, key, lifetime) for key in session.captures}
        secret = secrets.build_secret(
            session,
            attempt=attempt,
            policy=self._policy,
            uploads=uploads,
            signed_until=now + lifetime,
            settings=self._settings,
        )
        await self._kube.put_secret(secret, exists=existing is not None)

    async def _sign(self, session: Session, key: PageKey, lifetime: timedelta) -> dict[str, UploadTarget]:
        files = secrets.files(self._policy)
        names = {file: secrets.object_name(session, key, file) for file in files}
        signed = await asyncio.gather(
            *(
                self._blobs.sign_put(names[file], content_type=kind, max_bytes=most, expires_in=lifetime)
                for file, (kind, most) in files.items()
            )
        )
        return {
            file: UploadTarget(object_name=names[file], url=put.url, headers=put.headers, max_bytes=most)
            for (file, (_, most)), put in zip(files.items(), signed, strict=True)
        }

    async def _purge(self, session: Session) -> None:
        """deletionPolicy Delete: the record is brought up to date, objects go with receipts, the rows stay."""
        row = record.session_row(session, _url(session), self._policy)
        now = self._clock.now()
        if session.phase is None:
            await self._store.open_session(row)
        else:
            await record.mirror(self._store, self._blobs, session, row, session.status, {}, now)
        if not planner.config_fault(session):
            prefix = session_prefix(session.site, session.uid)
            await purge_session(self._store, self._blobs, row.id, prefix=prefix, clock=self._clock)
        if not session.finished:
            await record.close_deleted(self._store, row.id, session.attempts, now)
        log.info("evidence deleted", session=str(session.key))

    async def _record(self, session: Session, seen: Observed, wanted: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Mirror what changed, and say in the status how that went."""
        now = self._clock.now()
        before = session.condition("Mirrored")
        if before is not None and before["status"] == "True" and wanted == dict(session.status):
            return wanted, True
        row = record.session_row(session, _url(session), self._policy)
        try:
            self._heed_outage()
            await record.mirror(self._store, self._blobs, session, row, wanted, seen.outcomes, now)
        except (StoreUnavailable, StoreMisconfigured) as error:
            reason, message = "DatabaseUnavailable", str(error)
            if isinstance(error, StoreUnreachable):
                self._outage = Outage(self._clock.now() + SPARE_DATABASE, message)
        except (BlobsUnavailable, BlobsMisconfigured) as error:
            reason, message = "BucketUnavailable", str(error)
        else:
            self._outage = None
            return status.mirrored(wanted, ok=True, reason="UpToDate", message="the record agrees", now=now), True
        log.warning("not mirrored", session=str(session.key), reason=reason, message=message)
        return status.mirrored(wanted, ok=False, reason=reason, message=message, now=now), False

    def _heed_outage(self) -> None:
        """While the database is away one session in a while asks for all. Raises StoreUnavailable for the others."""
        if (outage := self._outage) is None:
            return
        now = self._clock.now()
        if now < outage.until:
            raise StoreUnavailable(outage.message)
        self._outage = Outage(now + SPARE_DATABASE, outage.message)

    async def _write_status(self, session: Session, wanted: dict[str, Any]) -> None:
        if wanted == dict(session.status):
            return
        written = await self._kube.put_status(session, wanted)
        self._memory.see_session(written)
        if wanted["phase"] != session.phase:
            log.info("session is now", session=str(session.key), phase=wanted["phase"], summary=wanted["summary"])
        if notice := events.notice(session, wanted):
            await announce(self._kube, session, notice, self._clock.now())


def _refusal(session: Session, key: PageKey, error: Exception) -> Verdict:
    reason = status.JOB_REFUSED if isinstance(error, KubeRefused) else status.SIGNING_FAILED
    log.warning("not started", session=str(session.key), capture=str(key), reason=reason, error=str(error))
    return Verdict(reason, str(error))


def _nothing_runs(seen: Observed, plan: Plan, refused: Mapping[PageKey, Verdict]) -> bool:
    """Whether the session's very first captures were all refused: then it has not started."""
    starts = [action.key for action in plan.actions if isinstance(action, StartCapture)]
    return not planner.admitted(seen.session, seen.jobs) and all(key in refused for key in starts)


def _ended(session: Session, jobs: tuple[JobView, ...]) -> list[tuple[PageKey, JobView | None]]:
    """Captures whose result is to be read: not settled, and their newest Job ended or vanished."""
    found: list[tuple[PageKey, JobView | None]] = []
    for key in session.captures:
        entry = session.page(key)
        newest = planner.newest_job(jobs, key)
        if session.finished or entry.get("status") in ("ok", "failed"):
            continue
        if (newest is not None and not newest.live) or (newest is None and entry.get("status") == "running"):
            found.append((key, newest))
    return found


def _domain(session: Session) -> str | None:
    return None if planner.config_fault(session) else session.domain


def _url(session: Session) -> str:
    """As normalised; as given when it can't be."""
    return session.spec["url"] if planner.config_fault(session) else session.url
