"""Who may start and who waits for what: pure rules over what was seen, in the order people would ask.

Politeness (one session per registrable domain, spacing) comes before capacity (namespace, operator). Within one
rule the older session goes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from webaudit_operator.sessions import Key

BUILT_IN_POLICY = "default"


@dataclass(frozen=True, slots=True)
class Wish:
    """A session that wants to start."""

    key: Key
    uid: str
    domain: str
    created: datetime
    width: int
    spaced: bool = True
    suspended: bool = False
    policy: str = BUILT_IN_POLICY
    refused: bool = False
    """When it was last let in, nothing of it could be started: it is tried again, but nobody waits for it."""

    @property
    def age_order(self) -> tuple[datetime, Key]:
        return (self.created, self.key)


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that is running, or whose Jobs still are."""

    key: Key
    uid: str
    domain: str
    width: int
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    operator: int
    namespace: int
    domain_spacing: timedelta


@dataclass(frozen=True, slots=True)
class World:
    """All that admission looks at. `waiting` may hold the wish itself."""

    holders: tuple[Holder, ...]
    waiting: tuple[Wish, ...]
    last_end: dict[str, datetime]
    limits: Limits
    now: datetime

    def holder_of(self, domain: str) -> Holder | None:
        return next((holder for holder in self.holders if holder.domain == domain), None)

    def ahead_of(self, wish: Wish) -> list[Wish]:
        """Waiting sessions that are older and could start as soon as a place is free."""
        return sorted(
            (
                w
                for w in self.waiting
                if w.age_order < wish.age_order and not (w.suspended or w.refused) and w.policy == BUILT_IN_POLICY
            ),
            key=lambda w: w.age_order,
        )

    def running(self, namespace: str | None = None) -> int:
        return sum(h.width for h in self.holders if namespace is None or h.key.namespace == namespace)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a session waits; `earliest` is when to look again, if that is known."""

    reason: str
    message: str
    earliest: datetime | None = None


Rule = Callable[[Wish, World], Verdict | None]


def suspended(wish: Wish, world: World) -> Verdict | None:
    """spec.suspend: nothing starts until a person says so."""
    if not wish.suspended:
        return None
    return Verdict("Suspended", "spec.suspend is true; set it to false to start")


def policy_missing(wish: Wish, world: World) -> Verdict | None:
    """A session never runs under a policy it did not ask for."""
    if wish.policy == BUILT_IN_POLICY:
        return None
    return Verdict(
        "CrawlPolicyNotFound",
        f'crawl policy "{wish.policy}" does not exist; the built-in one is "{BUILT_IN_POLICY}"',
    )


def domain_busy(wish: Wish, world: World) -> Verdict | None:
    """One session per registrable domain at a time, across all namespaces; the oldest waiting one is next."""
    place = 1 + sum(other.domain == wish.domain for other in world.ahead_of(wish))
    holder = world.holder_of(wish.domain)
    if holder is not None and holder.uid != wish.uid:
        doing = "is held by suspended" if holder.suspended else "is being audited by"
        return Verdict("DomainBusy", f"{wish.domain} {doing} {holder.key}; place {place} in its queue")
    if place > 1:
        older = next(other for other in world.ahead_of(wish) if other.domain == wish.domain)
        return Verdict("DomainBusy", f"{older.key} is next for {wish.domain}; place {place} in its queue")
    return None


def domain_spacing(wish: Wish, world: World) -> Verdict | None:
    """A pause between two sessions of one domain; `mode: debug` skips it."""
    ended = world.last_end.get(wish.domain)
    if ended is None or not wish.spaced:
        return None
    # Ends are known in whole seconds, cut: the true one may be almost a second later.
    earliest = ended + timedelta(seconds=1) + world.limits.domain_spacing
    if world.now >= earliest:
        return None
    pause = world.limits.domain_spacing.total_seconds()
    return Verdict(
        "DomainSpacing",
        f"{wish.domain} was audited until {ended:%H:%M:%S} UTC; {pause:g} s must pass",
        earliest,
    )


def namespace_limit(wish: Wish, world: World) -> Verdict | None:
    """Captures at once in the session's namespace."""
    namespace, limit = wish.key.namespace, world.limits.namespace
    claims = _claims_before(wish, world)
    if claims.by_namespace[namespace] + min(wish.width, limit) <= limit:
        return None
    place = claims.queued_in_namespace[namespace] + 1
    running = world.running(namespace)
    return Verdict(
        "NamespaceLimit",
        f"{running} of {limit} captures run in namespace {namespace}; place {place} in its queue",
    )


def operator_limit(wish: Wish, world: World) -> Verdict | None:
    """Captures at once over all namespaces."""
    limit = world.limits.operator
    claims = _claims_before(wish, world)
    if claims.total + min(wish.width, limit) <= limit:
        return None
    return Verdict(
        "OperatorLimit", f"{world.running()} of {limit} captures run; place {claims.queued + 1} in the queue"
    )


RULES: tuple[Rule, ...] = (
    suspended,  # a person said stop
    policy_missing,  # nothing to run it by
    domain_busy,  # somebody else is at this shop
    domain_spacing,  # somebody just was
    namespace_limit,  # the team's share is used up
    operator_limit,  # everything is used up
)


def first_obstacle(wish: Wish, world: World) -> Verdict | None:
    """The first rule that says no, or None: start."""
    return next((verdict for rule in RULES if (verdict := rule(wish, world))), None)


@dataclass(slots=True)
class _Claims:
    """Capacity spoken for by running sessions and by older waiting ones."""

    by_namespace: Counter[str]
    total: int
    queued_in_namespace: Counter[str]
    queued: int = 0


def _claims_before(wish: Wish, world: World) -> _Claims:
    """Serve the older sessions first, in order; those that politeness holds back claim nothing.

    A session that waits for its namespace's share claims it there, so that younger ones can't overtake it, but leaves
    the operator's capacity to other namespaces.
    """
    limits = world.limits
    holders = [holder for holder in world.holders if holder.uid != wish.uid]  # its own place is not in its way
    claims = _Claims(Counter(), sum(holder.width for holder in holders), Counter())
    taken = {holder.domain for holder in holders}
    for holder in holders:
        claims.by_namespace[holder.key.namespace] += holder.width
    for older in world.ahead_of(wish):
        if older.domain in taken or domain_spacing(older, world):
            continue
        taken.add(older.domain)
        namespace = older.key.namespace
        width = min(older.width, limits.namespace)
        claims.by_namespace[namespace] += width
        if claims.by_namespace[namespace] > limits.namespace:
            claims.queued_in_namespace[namespace] += 1
            continue
        claims.total += min(older.width, limits.operator)
        claims.queued += claims.total > limits.operator
    return claims
