"""Kills the process at any of its effects: the bucket's calls, with the parts of a batch one by one, and transactions.

Nothing is simulated beside the death itself: what happened before it has happened, and the answer is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from webaudit_operator.blobs import Generation


class Killed(BaseException):
    """The process is gone: nothing of the operator's may catch it."""


class Wire:
    """Counts effects and kills at the one with number `at`: before it happens, or when it has, before its answer."""

    def __init__(self, at: int | None = None, *, after: bool = False) -> None:
        self.seen: list[str] = []
        self._at, self._after = at, after

    def around(self, target: Any) -> Any:
        return _Watched(self, target)

    async def passes(self, name: str, count: int, do: Callable[[int], Awaitable[Any]]) -> Any:
        """`count` effects in one call; `do` makes the first so many of them."""
        first = len(self.seen)
        self.seen += [name] * count
        if self._at is None or not first <= self._at < first + count:
            return await do(count)
        happened = self._at - first + self._after
        if happened:
            await do(happened)
        raise Killed(f"{'after' if self._after else 'before'} {name}, effect {self._at}")


class _Watched:
    def __init__(self, wire: Wire, target: Any) -> None:
        self._wire, self._target = wire, target

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found) or name == "close":
            return found
        if name == "delete":
            return self._delete
        if name == "list":
            return self._list

        async def watched(*args: Any, **kwargs: Any) -> Any:
            return await self._wire.passes(name, 1, lambda _: found(*args, **kwargs))

        return watched

    async def _delete(self, doomed: Sequence[Generation]) -> Any:
        return await self._wire.passes("delete", len(doomed), lambda count: self._target.delete(doomed[:count]))

    async def _list(self, prefix: str) -> Any:
        async def nothing(_: int) -> None: ...

        await self._wire.passes("list", 1, nothing)
        async for info in self._target.list(prefix):
            yield info


async def dies(work: Awaitable[Any]) -> bool:
    """Whether it was killed; every other failure is raised."""
    try:
        await work
    except Killed:
        return True
    except BaseExceptionGroup as group:
        _, others = group.split(Killed)
        if others is not None:
            raise
        return True
    return False
