"""Waiting for a condition with a bound, and whether a port answers: the only place of the kit that sleeps."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from webaudit_cluster.errors import ClusterError


def until(
    condition: Callable[[], bool], seconds: float, otherwise: str | Callable[[], str], *, every: float = 0.05
) -> None:
    """Return when `condition` holds; raise ClusterError with `otherwise` when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ClusterError(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(every)


def answers(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
