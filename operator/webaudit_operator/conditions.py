"""Conditions as Kubernetes means them: one entry a type, lastTransitionTime moves only when the status does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webaudit_operator.sessions import Manifest, format_time

MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """What is to be said now; when it began to hold is worked out against the previous list."""

    type: str
    status: bool
    reason: str
    message: str


def merge(previous: list[Manifest], wanted: list[Condition], *, generation: int, now: datetime) -> list[dict[str, Any]]:
    """The new conditions list: exactly the wanted types, in the order given.

    An abnormal-true condition (Reconciling, Stalled) that is left out is gone, as kstatus expects.
    Source: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
    """
    before = {condition["type"]: condition for condition in previous}
    return [_entry(before.get(condition.type), condition, generation, now) for condition in wanted]


def _entry(before: Manifest | None, wanted: Condition, generation: int, now: datetime) -> dict[str, Any]:
    status = "True" if wanted.status else "False"
    moved = before is None or before["status"] != status
    return {
        "type": wanted.type,
        "status": status,
        "reason": wanted.reason,
        "message": wanted.message[:MAX_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": format_time(now) if moved or before is None else before["lastTransitionTime"],
    }
