"""The built-in policy with shorter waits, and room for every refusal among the events."""

from __future__ import annotations

from webaudit_capture.policy import CrawlPolicy, Evidence, Navigation, Popups, Ready, Scroll

POLICY = CrawlPolicy(
    version="ssrf@1",
    navigation=Navigation(attempts=1, attempt_timeout=10.0, page_cap=40.0),
    ready=Ready(network_quiet=0.3, dom_quiet=0.3, timeout=8.0, settle_timeout=1.5, ignore_request_after=3.0),
    popups=Popups(passes=0),
    scroll=Scroll(dwell=0.05),
    evidence=Evidence(max_events_alike=1000),
)
