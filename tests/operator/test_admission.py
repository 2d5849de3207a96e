"""Admission as a table: who asks, what the world is like, which rule answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from testkit.operator import NOW
from webaudit_operator.admission import Holder, Limits, Wish, World, first_obstacle
from webaudit_operator.sessions import Key

LIMITS = Limits(operator=6, namespace=4, domain_spacing=timedelta(seconds=2))


def wish(name: str, domain: str = "acme.com", *, age: int = 0, namespace: str = "a", width: int = 2) -> Wish:
    created = NOW - timedelta(seconds=age)
    return Wish(key=Key(namespace, name), uid=name, domain=domain, created=created, width=width)


def holder(name: str, domain: str, *, namespace: str = "a", width: int = 2) -> Holder:
    return Holder(key=Key(namespace, name), uid=name, domain=domain, width=width)


def world(*waiting: Wish, holders: tuple[Holder, ...] = (), ended: int | None = None) -> World:
    last_end = {} if ended is None else {"acme.com": NOW - timedelta(seconds=ended)}
    return World(holders=holders, waiting=waiting, last_end=last_end, limits=LIMITS, now=NOW)


ME = wish("me")
B, C, D = (wish(name, f"{name}.com", age=9) for name in "bcd")


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        pytest.param(world(ME), None, "", id="nothing in the way"),
        pytest.param(world(ME, holders=(holder("x", "acme.com"),)), "DomainBusy", "a/x; place 1", id="shop in use"),
        pytest.param(
            world(ME, holders=(holder("x", "acme.com", namespace="z"),)), "DomainBusy", "z/x", id="by another team"
        ),
        pytest.param(
            world(ME, wish("old", age=5), holders=(holder("x", "acme.com"),)),
            "DomainBusy",
            "place 2 in its queue",
            id="an older one waits too",
        ),
        pytest.param(world(ME, wish("old", age=5)), "DomainBusy", "a/old is next for acme.com", id="older first"),
        pytest.param(world(ME, wish("young", age=-5)), None, "", id="a younger one does not matter"),
        pytest.param(world(ME, holders=(holder("x", "other.com"),)), None, "", id="another shop"),
        pytest.param(world(ME, ended=1), "DomainSpacing", "2 s must pass", id="too soon"),
        pytest.param(world(ME, ended=2), "DomainSpacing", "", id="ends are cut to whole seconds"),
        pytest.param(world(ME, ended=3), None, "", id="late enough"),
        pytest.param(
            world(ME, holders=(holder("x", "x.com"), holder("y", "y.com"))),
            "NamespaceLimit",
            "4 of 4 captures run in namespace a; place 1",
            id="the team's share is used",
        ),
        pytest.param(
            world(ME, B, holders=(holder("x", "x.com"),)),
            "NamespaceLimit",
            "place 1",
            id="an older one takes the last place",
        ),
        pytest.param(
            world(ME, holders=tuple(holder(n, f"{n}.com", namespace=n) for n in "xyz")),
            "OperatorLimit",
            "6 of 6 captures run; place 1",
            id="all is used",
        ),
    ],
)
def test_the_first_rule_that_holds_answers(seen: World, reason: str | None, words: str) -> None:
    verdict = first_obstacle(ME, seen)
    assert (verdict.reason if verdict else None) == reason
    assert words in (verdict.message if verdict else "")


def test_a_suspended_session_is_told_so_before_anything_else() -> None:
    verdict = first_obstacle(replace(ME, suspended=True), world(ME, holders=(holder("x", "acme.com"),)))
    assert verdict is not None
    assert verdict.reason == "Suspended"


def test_a_suspended_session_holds_nobody_back() -> None:
    older = replace(wish("old", age=5), suspended=True)
    assert first_obstacle(ME, world(ME, older)) is None


def test_an_unknown_policy_waits_for_it_by_name() -> None:
    verdict = first_obstacle(replace(ME, policy="strict"), world(ME))
    assert verdict is not None
    assert (verdict.reason, '"strict" does not exist' in verdict.message) == ("CrawlPolicyNotFound", True)


def test_debug_skips_the_spacing_but_not_the_lock() -> None:
    debug = replace(ME, spaced=False)
    assert first_obstacle(debug, world(debug, ended=0)) is None
    verdict = first_obstacle(debug, world(debug, holders=(holder("x", "acme.com"),)))
    assert verdict is not None
    assert verdict.reason == "DomainBusy"


def test_spacing_says_when_to_look_again() -> None:
    verdict = first_obstacle(ME, world(ME, ended=1))
    assert verdict is not None
    assert verdict.earliest == NOW + timedelta(seconds=2)


def test_a_namespace_that_used_its_share_leaves_the_rest_to_others() -> None:
    crowd = tuple(wish(f"w{n}", f"w{n}.com", age=60 - n, namespace="busy") for n in range(20))
    busy = (holder("x", "x.com", namespace="busy"), holder("y", "y.com", namespace="busy"))
    assert first_obstacle(ME, world(ME, *crowd, holders=busy)) is None


def test_a_session_wider_than_the_limit_runs_alone() -> None:
    wide = replace(ME, width=40)
    assert first_obstacle(wide, world(wide)) is None
    verdict = first_obstacle(wide, world(wide, holders=(holder("x", "x.com", namespace="z"),)))
    assert verdict is not None
    assert verdict.reason == "OperatorLimit"


def test_served_in_order_no_set_of_starts_exceeds_a_limit() -> None:
    waiting = [wish(f"w{n}", f"w{n}.com", age=60 - n, namespace=f"n{n % 3}") for n in range(12)]
    holders: tuple[Holder, ...] = ()
    for candidate in waiting:
        rest = tuple(w for w in waiting if w.uid not in {h.uid for h in holders})
        if first_obstacle(candidate, world(*rest, holders=holders)) is None:
            holders += (Holder(candidate.key, candidate.uid, candidate.domain, candidate.width),)
    assert sum(h.width for h in holders) == LIMITS.operator
    assert [h.key.name for h in holders] == ["w0", "w1", "w2"]
