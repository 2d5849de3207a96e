"""What Prometheus sees. No label takes unbounded values: no session, no domain, no URL."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from webaudit_operator.retention.passes import WOULD_DELETE, Pass
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

        self._retention_due = Gauge(
            "webaudit_retention_due",
            "Due artifacts that the last pass met, counted up to its limit.",
            registry=self.registry,
        )
        self._retention_lag = Gauge(
            "webaudit_retention_lag_seconds", "How long the oldest due artifact is due.", registry=self.registry
        )
        self._retention_broken = Gauge(
            "webaudit_retention_stopped", "1 while retention waits for an approval.", registry=self.registry
        )

    def retention_pass(self, done: Pass, now: datetime) -> None:
        if done.backlog is not None:
            oldest = done.backlog.oldest_due
            self._retention_due.set(done.backlog.due)
            self._retention_lag.set(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
        self._retention_broken.set(done.broken is not None)
        for outcome, count in done.outcomes.items():
            if outcome == WOULD_DELETE:
                continue  # the same ones again in every dry run: the gauge tells them
            self.retention_artifacts.labels(str(outcome)).inc(count)

    def depth(self, waiting: int) -> None:
        self._depth.set(waiting)

    def waited(self, seconds: float) -> None:
        self._latency.observe(seconds)

    def sessions(self, phases: list[str]) -> None:
        tally = Tally(phases)
        for phase in PHASES:
            self._sessions.labels(phase).set(tally[phase])
