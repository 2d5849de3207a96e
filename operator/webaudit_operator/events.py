"""Kubernetes Events for the turns of a session's and a schedule's life, in plain sentences. Pure.

A session has one Event a turn, at most three in a plain run: waiting (if it had to), started, and how it ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from webaudit_operator.admission import Verdict
from webaudit_operator.schedule_status import Entry, Missed
from webaudit_operator.schedules import Schedule
from webaudit_operator.sessions import GROUP, VERSION, Key, Manifest, Resource, Session, format_time
from webaudit_operator.store.rows import Break

SOURCE = "webaudit-operator"


@dataclass(frozen=True, slots=True)
class Notice:
    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"


def notice(session: Session, after: Manifest) -> Notice | None:
    """What there is to say about the step from the session's written status to `after`."""
    if after["phase"] == session.phase:
        return None
    ready = next(c for c in after["conditions"] if c["type"] == "Ready")
    match after["phase"]:
        case "Queued":
            return Notice("Waiting", f"{ready['reason']}: {ready['message']}")
        case "Running":
            return Notice("Started", f"auditing {session.url} in {len(after['pages'])} captures")
        case "Completed":
            return Notice("Completed", f"{after['summary']} pages ok after {after.get('duration', '0s')}")
        case "Partial":
            return Notice("Partial", ready["message"], "Warning")
        case _:
            return Notice("Failed", f"{ready['reason']}: {ready['message']}", "Warning")


def schedule_notices(
    schedule: Schedule,
    *,
    fault: str | None,
    refused: Verdict | None,
    started: Sequence[str],
    stopped: Sequence[str],
    waiting: Sequence[Entry],
    missed: Sequence[Missed],
) -> list[Notice]:
    """What there is to say about one look at a schedule. What is written in its status already is no news."""
    said = []
    ready: Manifest = next((c for c in schedule.status.get("conditions") or () if c["type"] == "Ready"), {})
    if fault is not None and ready.get("message") != fault:
        said.append(Notice("InvalidSchedule", fault, "Warning"))
    if refused is not None and ready.get("reason") != refused.reason:
        said.append(Notice(refused.reason, f"the session was not taken: {refused.message}", "Warning"))
    if stopped:
        said.append(Notice("Replaced", f"stopped {_listed(stopped)}: concurrencyPolicy is Replace"))
    if started:
        said.append(Notice("Started", f"started {_listed(started)}"))
    before = {entry["name"]: entry.get("waitingTime") for entry in schedule.status.get("targets") or ()}
    for entry in waiting:
        if entry.waiting_since is not None and before.get(entry.name) is None:
            planned = f"the session planned for {_minute(entry.waiting_since)}"
            said.append(Notice("Waiting", f"{planned}{_of(entry.name)} waits for the running one to end"))
    for one in missed:
        least = "at least " if one.at_least else ""
        times = f"{least}{one.count} planned times, the last {_minute(one.planned)}" if one.count > 1 else ""
        said.append(
            Notice("Missed", f"{one.reason}: missed {times or _minute(one.planned)}{_of(one.target)}", "Warning")
        )
    return said


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _of(target: str) -> str:
    return f" for {target}" if target else ""


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Pod:
    """The operator's own pod: what is said about it concerns no session."""

    key: Key
    uid: str

    @property
    def reference(self) -> Manifest:
        namespace, name = self.key.namespace, self.key.name
        return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": self.uid}


def reference(about: Resource) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": about.kind,
        "namespace": about.key.namespace,
        "name": about.key.name,
        "uid": about.uid,
        "resourceVersion": about.version,
    }


def retention_notice(broken: Break) -> Notice:
    return Notice(
        "RetentionStopped",
        f"{broken.message}; nothing was deleted. See `webaudit-operator retention plan`, then "
        "`webaudit-operator retention approve`",
        "Warning",
    )


def build(about: Resource | Pod, said: Notice, now: datetime) -> dict[str, Any]:
    """A core/v1 Event. The name is deterministic per turn, so that a repeat is a conflict and not a second Event."""
    digest = hashlib.sha256(f"{about.uid}/{said.reason}/{said.message}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.key.name[:200].rstrip('-.')}.{digest}", "namespace": about.key.namespace},
        "involvedObject": about.reference if isinstance(about, Pod) else reference(about),
        "reason": said.reason,
        "message": said.message[:1024],
        "type": said.type,
        "source": {"component": SOURCE},
        "reportingComponent": SOURCE,
        "reportingInstance": SOURCE,
        "firstTimestamp": format_time(now),
        "lastTimestamp": format_time(now),
        "count": 1,
    }
