"""Which sessions each schedule has: a cache beside world.py's, filled by the same events, listings and own writes.

Sessions carry no label of their schedule, so the API can't be asked for one schedule's; it need not be, either.
"""

from __future__ import annotations

from collections.abc import Callable

from webaudit_operator.schedules import Child, child_of
from webaudit_operator.sessions import Key, Manifest, Session


class Children:
    """Not thread-safe: one event loop. `on_change` is told the schedule of a session that is news to it."""

    def __init__(self, on_change: Callable[[Key], None] = lambda key: None) -> None:
        self.on_change = on_change
        self._by_owner: dict[str, dict[Key, Child]] = {}
        self._known: dict[Key, tuple[int, Child]] = {}

    def see(self, body: Manifest, *, quiet: bool = False) -> Child | None:
        """Take in a session, unless something newer is known. Returns it; None for one that no schedule owns.

        `quiet` is for who is at its schedule anyway.
        """
        child = child_of(Session(body))
        version = int(body["metadata"].get("resourceVersion") or 0)
        if child is None:
            return None
        known = self._known.get(child.key)
        if known is not None and known[0] > version:
            return known[1]
        if known is not None and known[1].owner_uid != child.owner_uid:
            self.forget(child.key)
            known = None
        self._known[child.key] = (version, child)
        self._by_owner.setdefault(child.owner_uid, {})[child.key] = child
        if (known is None or known[1] != child) and not quiet:
            self.on_change(child.owner)
        return child

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        _, child = self._known.pop(key, (0, None))
        if child is None:
            return
        siblings = self._by_owner[child.owner_uid]
        del siblings[key]
        if not siblings:
            del self._by_owner[child.owner_uid]
        self.on_change(child.owner)

    def of(self, owner_uid: str) -> tuple[Child, ...]:
        return tuple(self._by_owner.get(owner_uid, {}).values())
