"""What happened during a capture, in order: events for the record, and how long each stage took.

Knows no browser. A stage enforces its own deadline, because calls into a page may never return.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webaudit_capture.contract import CaptureEvent, EventType, LogLevel
from webaudit_capture.policy import Evidence
from webaudit_capture.texts import clipped

_UNFINISHED = "unfinished"
Sink = Callable[[CaptureEvent], None]


class StageTimeout(Exception):
    """A stage reached its own deadline; the event and the outcome are already recorded."""

    def __init__(self, name: str, deadline: float) -> None:
        super().__init__(f"{name} took longer than {deadline:g} s")
        self.stage = name


@dataclass(slots=True)
class Stage:
    """A stage under way. Its body may set another outcome than `ok`."""

    name: str
    outcome: str = "ok"


class Timeline:
    """Records events and stages; `sink` sees each event at once.

    What a page causes may be endless: of events alike only the first are kept, as `limits` says, and `close` counts the
    rest.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sink: Sink | None = None,
        limits: Evidence | None = None,
    ) -> None:
        self.now = now
        self.monotonic = monotonic
        self.sink = sink
        self.limits = limits or Evidence()
        self._met: Counter[str] = Counter()
        self.events: list[CaptureEvent] = []
        self.load_timings: dict[str, Any] = {"stages": {}}

    def event(self, event_type: EventType, level: LogLevel, message: str, *, event: str, **details: Any) -> None:
        """Record one event; `event` is its exact name and becomes `details.event`."""
        self._met[event] += 1
        if self._met[event] > self.limits.max_events_alike:
            return
        record = CaptureEvent(
            timestamp=self.now(),
            level=level,
            event_type=event_type,
            message=clipped(message, self.limits.max_event_chars),
            details=clipped({"event": event, **details}, self.limits.max_event_chars),
        )
        self.events.append(record)
        if self.sink is not None:
            self.sink(record)

    def close(self) -> None:
        """Say what was left out."""
        for name, count in list(self._met.items()):
            if (left_out := count - self.limits.max_events_alike) > 0:
                self.event(
                    EventType.ERROR,
                    LogLevel.WARN,
                    f"{left_out} more {name} events are left out",
                    event="events_left_out",
                    of=name,
                    left_out=left_out,
                )

    @property
    def under_way(self) -> str | None:
        """The stage that was begun last of those that have not ended."""
        stages = self.load_timings["stages"]
        return next((name for name in reversed(stages) if stages[name]["outcome"] == _UNFINISHED), None)

    @asynccontextmanager
    async def stage(self, name: str, *, deadline: float | None = None, go_on: bool = False) -> AsyncIterator[Stage]:
        """Time a block as `load_timings["stages"][name]`; a name used again becomes `name#2`.

        When `deadline` (seconds) passes, the block is cancelled, the outcome is `timeout` and a `timeout`
        event is recorded; then StageTimeout is raised, or with `go_on` nothing: the code after the block runs
        next. Any other exception makes the outcome `error` and passes through.
        """
        stages: dict[str, dict[str, Any]] = self.load_timings["stages"]
        repeat = sum(1 for known in stages if known.partition("#")[0] == name)
        stage = Stage(name if repeat == 0 else f"{name}#{repeat + 1}")
        record: dict[str, Any] = {
            "start": self.now().isoformat(),
            "duration_ms": None,
            "outcome": _UNFINISHED,
        }
        stages[stage.name] = record
        began = self.monotonic()
        timeout = asyncio.timeout(deadline)
        try:
            async with timeout:
                yield stage
        except TimeoutError:
            if not timeout.expired():
                stage.outcome = "error"
                raise
            assert deadline is not None
            stage.outcome = "timeout"
            self.event(
                EventType.TIMEOUT,
                LogLevel.WARN,
                f"{stage.name} took longer than {deadline:g} s",
                event="stage_timeout",
                stage=stage.name,
                deadline_s=deadline,
            )
            if not go_on:
                raise StageTimeout(stage.name, deadline) from None
        except asyncio.CancelledError:
            stage.outcome = "cancelled"
            raise
        except BaseException:
            stage.outcome = "error"
            raise
        finally:
            record["duration_ms"] = round((self.monotonic() - began) * 1000)
            record["outcome"] = stage.outcome
