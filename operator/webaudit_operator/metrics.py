"""What Prometheus sees. No label takes unbounded values: no session, no domain, no URL."""

from __future__ import annotations

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from webaudit_operator.retention import Pass
from webaudit_operator.sessions import TERMINAL_PHASES

PHASES = ("Queued", "Running", *sorted(TERMINAL_PHASES))


class Metrics:
    """One registry per operator, so that tests don't share counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sessions = Gauge(
            "webaudit_sessions", "AuditSession resources by phase.", ["phase"], registry=self.registry
        )
        self._depth = Gauge("webaudit_queue_depth", "Sessions waiting to be looked at.", registry=self.registry)
        self._latency = Histogram(
            "webaudit_queue_latency_seconds", "From being due to being looked at.", registry=self.registry
        )
        self.reconcile_seconds = Histogram(
            "webaudit_reconcile_seconds", "One look at one session.", registry=self.registry
        )
        self.reconcile_errors = Counter(
            "webaudit_reconcile_errors", "Looks that failed and were put off.", ["kind"], registry=self.registry
        )
        self.schedule_sessions = Counter(
            "webaudit_schedule_sessions", "Sessions that schedules have started.", registry=self.registry
        )
        self.schedule_missed = Counter(
            "webaudit_schedule_missed", "Planned times of schedules that were missed.", registry=self.registry
        )
        self.retention_artifacts = Counter(
            "webaudit_retention_artifacts", "Due artifacts by what became of them.", ["outcome"], registry=self.registry
        )

    def retention_pass(self, done: Pass) -> None:
        for outcome, count in done.outcomes.items():
            self.retention_artifacts.labels(str(outcome)).inc(count)

    def depth(self, waiting: int) -> None:
        self._depth.set(waiting)

    def waited(self, seconds: float) -> None:
        self._latency.observe(seconds)

    def sessions(self, phases: list[str]) -> None:
        tally = Tally(phases)
        for phase in PHASES:
            self._sessions.labels(phase).set(tally[phase])
