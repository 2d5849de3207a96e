"""Kubernetes Events: one per turn of a session's life, in sentences, each posted once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from testkit.operator import NOW, session, with_status
from webaudit_operator import events
from webaudit_operator.events import Notice
from webaudit_operator.sessions import Session

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""RFC 1123 subdomain, as the API server checks names."""


def after(phase: str, reason: str = "R", message: str = "m") -> dict[str, Any]:
    return {
        "phase": phase,
        "summary": "2/4",
        "duration": "1m5s",
        "pages": [{}, {}, {}, {}],
        "conditions": [{"type": "Admitted"}, {"type": "Ready", "reason": reason, "message": message}],
    }


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        ("Queued", Notice("Waiting", "R: m")),
        ("Running", Notice("Started", "auditing https://www.acme-shop.com/ in 4 captures")),
        ("Completed", Notice("Completed", "2/4 pages ok after 1m5s")),
        ("Partial", Notice("Partial", "m", "Warning")),
        ("Failed", Notice("Failed", "R: m", "Warning")),
    ],
)
def test_each_turn_has_its_sentence(phase: str, told: Notice) -> None:
    assert events.notice(session(), after(phase)) == told


def test_a_look_that_turns_nothing_is_not_told() -> None:
    of = with_status(session(), after("Queued", "DomainBusy"))
    assert events.notice(of, after("Queued", "DomainSpacing")) is None


def test_a_session_that_ends_at_once_is_told_once() -> None:
    told = events.notice(session(spec={"url": "https://u:p@acme.com/"}), after("Failed", "ConfigBadUrl", "credentials"))
    assert told == Notice("Failed", "ConfigBadUrl: credentials", "Warning")


def test_the_event_names_its_session() -> None:
    of = session()
    event = events.build(of, Notice("Started", "auditing"), NOW)
    assert event["involvedObject"] == {
        "apiVersion": "webaudit.dev/v1alpha1",
        "kind": "AuditSession",
        "namespace": "audits",
        "name": "acme",
        "uid": of.uid,
        "resourceVersion": of.body["metadata"]["resourceVersion"],
    }
    assert (event["reason"], event["message"], event["type"]) == ("Started", "auditing", "Normal")
    assert (event["firstTimestamp"], event["lastTimestamp"], event["count"]) == (*["2026-03-01T12:00:00Z"] * 2, 1)


def name(of: Session, said: Notice) -> str:
    made: str = events.build(of, said, NOW)["metadata"]["name"]
    return made


def test_a_repeat_is_the_same_event_and_another_turn_is_not() -> None:
    of = session()
    assert name(of, Notice("Started", "m")) == name(with_status(of, {"phase": "Queued"}), Notice("Started", "m"))
    others = [Notice("Started", "n"), Notice("Waiting", "m")]
    assert len({name(of, said) for said in [Notice("Started", "m"), *others]}) == 3
    assert name(of, Notice("Started", "m")) != name(session(uid="other"), Notice("Started", "m"))


@pytest.mark.parametrize("long", ["a" * 253, "a" * 199 + "-" + "b" * 50, "a" * 199 + "." + "b" * 50])
def test_the_name_of_an_event_is_a_name_however_long_the_sessions_is(long: str) -> None:
    made = name(session(long), Notice("Started", "m"))
    assert len(made) <= 253
    assert NAME.fullmatch(made)


def test_a_long_message_is_cut_where_kubernetes_would_refuse_it() -> None:
    assert len(events.build(session(), Notice("Failed", "x" * 9000), NOW)["message"]) == 1024
