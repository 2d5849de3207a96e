"""What the operator remembers of all sessions and live capture Jobs: enough for admission, and only a cache.

Filled by the first listing, by watch events and by the operator's own writes; the resync repairs what was missed.
A newer resourceVersion wins, so that a late event can't take back what the operator itself just wrote
(comparable since KEP-5504).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from webaudit_capture.contract import Mode
from webaudit_operator.admission import Holder, Limits, Wish, World
from webaudit_operator.children import Children
from webaudit_operator.jobs import DOMAIN_ANNOTATION, GRACE_SECONDS, UID_LABEL, WIDTH_ANNOTATION
from webaudit_operator.planner import config_fault
from webaudit_operator.sessions import KIND, Key, Manifest, Session
from webaudit_operator.status import REFUSALS

KEEP_ENDS = timedelta(minutes=1)
"""How long the end of a session is remembered beyond the spacing it is there for."""
LAST_BREATH = timedelta(seconds=GRACE_SECONDS)
"""A Job that is deleted while it runs is gone before its pods are."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A session as admission sees it."""

    key: Key
    uid: str
    version: int
    domain: str
    width: int
    phase: str | None
    started: bool
    finished: bool
    suspended: bool
    held: bool
    wish: Wish | None


@dataclass(frozen=True, slots=True)
class _KnownJob:
    uid: str
    key: Key
    version: int
    live: bool
    domain: str
    width: int


class Memory:
    """Not thread-safe: one event loop. No method waits, so that deciding and marking are one step."""

    def __init__(self, *, max_captures: int, max_captures_per_namespace: int, domain_spacing: timedelta) -> None:
        self._limits = Limits(max_captures, max_captures_per_namespace, domain_spacing)
        self._sessions: dict[Key, _Known] = {}
        self._jobs: dict[Key, _KnownJob] = {}
        self._admitted: dict[Key, str] = {}  # started by this process, perhaps not written yet: uid
        self.children = Children()
        self._last_end: dict[str, datetime] = {}  # by domain; outlives the resources it was read from

    def see_session(self, body: Manifest) -> bool:
        """Take in a session. False when something newer of that name is known already, of it or of a successor."""
        session = Session(body)
        known = self._sessions.get(session.key)
        version = int(body["metadata"].get("resourceVersion") or 0)
        if known is not None and known.version > version:
            return False
        self.children.see(body)
        fault = config_fault(session)
        self._sessions[session.key] = _Known(
            key=session.key,
            uid=session.uid,
            version=version,
            domain="" if fault else session.domain,
            width=0 if fault else session.width,
            phase=session.phase,
            started=session.started is not None,
            finished=session.finished,
            suspended=session.suspended,
            held=session.held,
            wish=None if fault or session.deleting or session.finished else _wish(session),
        )
        if session.completed is not None and session.started and not fault:
            self._ended(session.domain, session.completed)
        if session.started or self._admitted.get(session.key) not in (None, session.uid):
            self._admitted.pop(session.key, None)
        return True

    def forget_session(self, key: Key) -> str | None:
        """The resource is gone. Its Jobs, while they live, still hold its domain.

        Returns the domain that others may have waited for because of it.
        """
        known = self._sessions.pop(key, None)
        self._admitted.pop(key, None)
        self.children.forget(key)
        return known.domain if known and not known.finished else None

    def held_sessions(self) -> frozenset[UUID]:
        """Sessions whose resource says that their evidence is held."""
        return frozenset(UUID(known.uid) for known in self._sessions.values() if known.held)

    def see_job(self, job: Manifest, *, live: bool, ended: datetime | None = None) -> None:
        """Take in a Job, unless something newer of it is known. What isn't a session's own is left out."""
        meta = job["metadata"]
        key = Key(meta["namespace"], meta["name"])
        owner = parent_of(job)
        version = int(meta.get("resourceVersion") or 0)
        known = self._jobs.get(key)
        if owner is None or (known is not None and known.version > version):
            return
        annotations = meta.get("annotations") or {}
        domain, width = annotations.get(DOMAIN_ANNOTATION, ""), annotations.get(WIDTH_ANNOTATION, "")
        if ended is not None and domain:
            self._ended(domain, ended)
        self._jobs[key] = _KnownJob(
            uid=(meta.get("labels") or {}).get(UID_LABEL, ""),
            key=owner,
            version=version,
            live=live,
            domain=domain,
            width=int(width) if width.isdigit() else 1,
        )

    def forget_job(self, key: Key, now: datetime) -> str | None:
        """The Job is gone. If it was alive, its pods are ending now, and the shop is to be left alone until then.

        Returns the domain that it let go of.
        """
        job = self._jobs.pop(key, None)
        if job is None or not job.live or not job.domain:
            return None
        self._ended(job.domain, now + LAST_BREATH)
        return job.domain

    def knows_job(self, key: Key) -> bool:
        return key in self._jobs

    def job_versions(self) -> dict[Key, int]:
        """The Jobs known now: to be taken before a full listing, for `forget_missing_jobs` after it."""
        return {key: job.version for key, job in self._jobs.items()}

    def forget_missing_jobs(self, before: Mapping[Key, int], listed: Iterable[Key], now: datetime) -> None:
        """What was known before a full listing, is not in it, and was not heard of meanwhile, is gone."""
        for key in set(before).difference(listed):
            if key in self._jobs and self._jobs[key].version == before[key]:
                self.forget_job(key, now)

    def _ended(self, domain: str, at: datetime) -> None:
        self._last_end[domain] = max(at, self._last_end.get(domain, at))

    def keys(self) -> list[Key]:
        return list(self._sessions)

    def admit(self, session: Session) -> None:
        """Remember a start before it is written anywhere, so that no second one is decided meanwhile."""
        self._admitted[session.key] = session.uid

    def withdraw(self, session: Session) -> None:
        """It was about to start, and now something is in its way: others may go first."""
        if self._admitted.get(session.key) == session.uid:
            del self._admitted[session.key]

    def wish_of(self, session: Session) -> Wish:
        return _wish(session)

    def world(self, now: datetime) -> World:
        """What admission looks at, derived anew each time."""
        holders = {
            known.uid: Holder(known.key, known.uid, known.domain, known.width, known.suspended)
            for known in self._sessions.values()
            if known.domain and not known.finished and (known.started or known.key in self._admitted)
        }
        for job in self._jobs.values():
            if job.live:
                holders.setdefault(job.uid, Holder(job.key, job.uid, job.domain, job.width))
        stale = now - self._limits.domain_spacing - KEEP_ENDS
        self._last_end = {domain: end for domain, end in self._last_end.items() if end > stale}
        return World(
            holders=tuple(holders.values()),
            waiting=tuple(k.wish for k in self._sessions.values() if k.wish and k.uid not in holders),
            last_end=dict(self._last_end),
            limits=self._limits,
            now=now,
        )

    def next_in_line(self, domain: str | None, now: datetime, most: int = 8) -> list[Key]:
        """Whom to look at when a place became free: the domain's oldest, then the oldest of all."""
        waiting = sorted(self.world(now).waiting, key=lambda wish: wish.age_order)
        waiting = [wish for wish in waiting if not (wish.suspended or wish.refused)]
        same = [wish.key for wish in waiting if wish.domain == domain][:1]
        first_of_domain = {wish.domain: wish.key for wish in reversed(waiting)}
        others = [wish.key for wish in waiting if first_of_domain[wish.domain] == wish.key][:most]
        return list(dict.fromkeys([*same, *others]))

    def phases(self) -> list[str]:
        """The phase of each known session, for metrics."""
        return [known.phase or "Queued" for known in self._sessions.values()]


def parent_of(job: Manifest) -> Key | None:
    """The session that owns a Job."""
    meta = job["metadata"]
    owners: list[Manifest] = meta.get("ownerReferences") or []
    owner = next((owner for owner in owners if owner["kind"] == KIND), None)
    return Key(meta["namespace"], owner["name"]) if owner else None


def _wish(session: Session) -> Wish:
    return Wish(
        key=session.key,
        uid=session.uid,
        domain=session.domain,
        created=session.created,
        width=session.width,
        spaced=session.mode is not Mode.DEBUG,
        suspended=session.suspended,
        policy=session.policy_name,
        refused=(session.condition("Admitted") or {}).get("reason") in REFUSALS,
    )
