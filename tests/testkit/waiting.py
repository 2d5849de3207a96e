"""Waiting for a condition, with a bound: what tests do where they would be tempted to sleep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_STEP = 0.01


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Block until the condition holds. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(_STEP)


async def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """The same for a running loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(_STEP)
