"""Kubernetes Events for the turns of a session's life, in plain sentences. Pure.

One Event a turn, at most three in a plain run: waiting (if it had to), started, and how it ended.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from webaudit_operator.sessions import GROUP, KIND, VERSION, Manifest, Session, format_time

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


def build(session: Session, said: Notice, now: datetime) -> dict[str, Any]:
    """A core/v1 Event. The name is deterministic per turn, so that a repeat is a conflict and not a second Event."""
    digest = hashlib.sha256(f"{session.uid}/{said.reason}/{said.message}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{session.key.name[:200].rstrip('-.')}.{digest}", "namespace": session.key.namespace},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "namespace": session.key.namespace,
            "name": session.key.name,
            "uid": session.uid,
            "resourceVersion": session.body["metadata"].get("resourceVersion"),
        },
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
