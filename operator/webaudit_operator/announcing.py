"""Posting Events: a courtesy to who looks, and never a reason to fail."""

from __future__ import annotations

from datetime import datetime

import structlog

from webaudit_operator import events
from webaudit_operator.events import Notice, Pod
from webaudit_operator.kube import Kube
from webaudit_operator.kube_errors import KubeConflict, KubeRefused, KubeUnavailable
from webaudit_operator.sessions import Resource

log = structlog.get_logger()


async def announce(kube: Kube, about: Resource | Pod, notice: Notice, now: datetime) -> None:
    """Say it once, if the API server takes it."""
    try:
        await kube.post_event(events.build(about, notice, now))
    except (KubeConflict, KubeRefused, KubeUnavailable) as error:
        log.warning("event not posted", about=str(about.key), reason=notice.reason, error=str(error))
