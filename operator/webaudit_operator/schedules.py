"""An AuditSchedule as the operator reads it, and the sessions it makes: dicts in, views and manifests out. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from webaudit_operator.cron import Cron, parse
from webaudit_operator.sessions import GROUP, KIND, VERSION, Key, Manifest, Resource, Session

SCHEDULE_PLURAL = "auditschedules"
SCHEDULE_KIND = "AuditSchedule"
RUN_NOW = f"{GROUP}/run-now"
NOT_HANDED_ON = (
    "argocd.argoproj.io/",
    "config.k8s.io/",
    "config.kubernetes.io/",
    "fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
)
"""Marks by which tools know what they have applied. On a session they would make it theirs, to prune."""

Concurrency = Literal["Allow", "Forbid", "Replace"]


@dataclass(frozen=True, slots=True)
class Target:
    """One shop of a schedule; `name` is empty for the only one of a schedule without targets."""

    name: str
    spec: Mapping[str, Any]
    """What it adds to the template's spec."""


@dataclass(frozen=True)
class Schedule(Resource):
    """View of one AuditSchedule."""

    kind = SCHEDULE_KIND

    @property
    def expression(self) -> str:
        return str(self.spec["schedule"])

    @property
    def zone(self) -> str | None:
        zone = self.spec.get("timeZone")
        return None if zone is None else str(zone)

    def cron(self) -> Cron:
        """Raises cron.BadSchedule."""
        return parse(self.expression, self.zone)

    @property
    def concurrency(self) -> Concurrency:
        policy: Concurrency = self.spec.get("concurrencyPolicy", "Allow")
        return policy

    @property
    def deadline(self) -> timedelta | None:
        """How late a session may still be started."""
        seconds = self.spec.get("startingDeadlineSeconds")
        return None if seconds is None else timedelta(seconds=int(seconds))

    @property
    def suspended(self) -> bool:
        return bool(self.spec.get("suspend"))

    @property
    def kept_successful(self) -> int:
        return int(self.spec.get("successfulSessionsHistoryLimit", 3))

    @property
    def kept_failed(self) -> int:
        return int(self.spec.get("failedSessionsHistoryLimit", 1))

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        given = self.spec.get("targets") or ()
        if not given:
            return (Target("", {}),)
        return tuple(Target(t["name"], {name: t[name] for name in ("url", "pdpUrl") if t.get(name)}) for t in given)

    @property
    def run_now(self) -> str | None:
        """The newest wish for a run out of turn, by its value."""
        value = (self.body["metadata"].get("annotations") or {}).get(RUN_NOW)
        return str(value) if value else None

    def splay(self, target: Target) -> timedelta:
        """How long after the planned time a target starts: the same at every firing, spread over splaySeconds."""
        seconds = int(self.spec.get("splaySeconds", 0))
        if not seconds:
            return timedelta(0)
        digest = hashlib.sha256(f"{self.key}/{target.name}".encode()).digest()
        return timedelta(seconds=int.from_bytes(digest[:8]) % seconds)


@dataclass(frozen=True, slots=True)
class Child:
    """What a schedule needs to know of a session that it owns."""

    key: Key
    uid: str
    owner_uid: str
    owner: Key
    target: str
    planned: datetime | None
    """The planned time in its name; None: it was made out of turn."""
    created: datetime
    phase: str | None
    completed: datetime | None
    """When it finished; None: it is active."""
    removable: bool
    """Whether the history limits may delete it: it is recorded, and nobody asked to hold it or its evidence's fate."""
    stopping: bool
    deleting: bool

    @property
    def active(self) -> bool:
        return self.completed is None and not self.deleting

    @property
    def successful(self) -> bool:
        return self.completed is not None and self.phase != "Failed"


def child_of(session: Session) -> Child | None:
    """The session as its schedule sees it; None when no schedule owns it."""
    owners: list[Manifest] = session.body["metadata"].get("ownerReferences") or []
    owner = next((o for o in owners if o["kind"] == SCHEDULE_KIND and o.get("controller")), None)
    if owner is None:
        return None
    target, planned = read_name(owner["name"], session.key.name)
    return Child(
        key=session.key,
        uid=session.uid,
        owner_uid=str(owner["uid"]),
        owner=Key(session.key.namespace, str(owner["name"])),
        target=target,
        planned=planned,
        created=session.created,
        phase=session.phase,
        completed=session.completed if session.finished else None,
        removable=session.mirrored and not session.held and not session.deletes_evidence,
        stopping=session.stopping is not None,
        deleting=session.deleting,
    )


def session_name(schedule: str, target: str, planned: datetime) -> str:
    """Deterministic: so "already exists" means "already fired"."""
    return "-".join(filter(None, (schedule, target, str(int(planned.timestamp()) // 60))))


def run_now_name(schedule: str, target: str, value: str) -> str:
    """Of a run out of turn: deterministic by the annotation's value."""
    return "-".join(filter(None, (schedule, target, f"run{hashlib.sha256(value.encode()).hexdigest()[:8]}")))


def read_name(schedule: str, name: str) -> tuple[str, datetime | None]:
    """Target and planned time from a session's name, as the two functions above write it."""
    rest = name.removeprefix(f"{schedule}-")
    target, _, last = rest.rpartition("-")
    if re.fullmatch(r"[0-9]{1,10}", last):
        return target, datetime.fromtimestamp(int(last) * 60, UTC)
    return target, None


def build_session(schedule: Schedule, target: Target, name: str) -> dict[str, Any]:
    """The session of one target: the template, owned by the schedule, without a label or annotation of the schedule's.

    GitOps tools leave what has an owner alone.
    """
    template = schedule.spec.get("sessionTemplate") or {}
    meta = template.get("metadata") or {}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": schedule.key.namespace,
            **{
                kind: handed_on for kind in ("labels", "annotations") if (handed_on := _handed_on(meta.get(kind) or {}))
            },
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/{VERSION}",
                    "kind": SCHEDULE_KIND,
                    "name": schedule.key.name,
                    "uid": schedule.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {**(template.get("spec") or {}), **target.spec},
    }


def _handed_on(marks: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in marks.items() if not name.startswith(NOT_HANDED_ON)}
