"""The work queue, driven by a clock that only the test moves; at the end against a model of three lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testkit.clock import FakeClock
from webaudit_operator.workqueue import WorkQueue


class Seen:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.depths: list[int] = []
        self.waits: list[float] = []

    def depth(self, waiting: int) -> None:
        self.depths.append(waiting)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)


async def try_take(queue: WorkQueue[str], clock: FakeClock) -> str | None:
    """What a worker gets now, or None when it would have to wait."""
    worker = asyncio.create_task(queue.take())
    await clock.settle()
    if worker.done():
        return worker.result()
    worker.cancel()
    await clock.settle()
    return None


@asynccontextmanager
async def worker_of(queue: WorkQueue[str], clock: FakeClock) -> AsyncIterator[asyncio.Task[str]]:
    """A worker that already waits when the body starts."""
    task = asyncio.create_task(queue.take())
    await clock.settle()
    assert not task.done()
    yield task
    task.cancel()
    await clock.settle()


async def test_keys_come_out_in_the_order_they_came_in() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    for key in "abc":
        queue.add(key)
    assert [await try_take(queue, clock) for _ in range(4)] == ["a", "b", "c", None]


async def test_a_key_added_twice_is_looked_at_once() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    queue.add("a")
    assert len(queue) == 1
    assert [await try_take(queue, clock), await try_take(queue, clock)] == ["a", None]


async def test_a_key_being_worked_on_is_given_to_no_other_worker() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    assert await try_take(queue, clock) == "a"
    queue.add("a")
    queue.add("b")
    assert await try_take(queue, clock) == "b"
    assert await try_take(queue, clock) is None


async def test_a_key_added_while_worked_on_is_looked_at_once_more() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    await try_take(queue, clock)
    queue.add("a")
    queue.add("a")
    queue.done("a")
    assert await try_take(queue, clock) == "a"
    queue.done("a")
    assert await try_take(queue, clock) is None


async def test_a_waiting_worker_wakes_for_a_new_key() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    async with worker_of(queue, clock) as worker:
        queue.add("a")
        await clock.settle()
        assert worker.result() == "a"


async def test_each_of_several_waiting_workers_gets_its_own_key() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    async with worker_of(queue, clock) as one, worker_of(queue, clock) as two, worker_of(queue, clock) as idle:
        queue.add("a")
        queue.add("b")
        await clock.settle()
        assert {one.result(), two.result()} == {"a", "b"}
        assert not idle.done()


async def test_a_worker_with_nothing_to_do_sleeps() -> None:
    class CountingClock(FakeClock):
        asked = 0

        def monotonic(self) -> float:
            self.asked += 1
            return super().monotonic()

    clock = CountingClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("a", 60)
    async with worker_of(queue, clock):
        before = clock.asked
        await clock.settle()
        assert clock.asked == before


async def test_a_delayed_key_comes_at_its_time_and_not_before() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    async with worker_of(queue, clock) as worker:
        queue.add_after("a", 10)
        await clock.advance(9.5)
        assert not worker.done()
        await clock.advance(0.5)
        assert worker.result() == "a"


@pytest.mark.parametrize("delays", [(5, 20), (20, 5)])
async def test_the_nearest_of_two_times_counts_and_the_other_is_dropped(delays: tuple[float, float]) -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    for delay in delays:
        queue.add_after("a", delay)
    await clock.advance(4)
    assert await try_take(queue, clock) is None
    await clock.advance(1)
    assert await try_take(queue, clock) == "a"
    queue.done("a")
    await clock.advance(100)
    assert await try_take(queue, clock) is None


async def test_a_nearer_time_shortens_the_sleep_of_a_worker_that_waits_already() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("late", 60)
    async with worker_of(queue, clock) as worker:
        queue.add_after("soon", 1)
        await clock.advance(1)
        assert worker.result() == "soon"


async def test_looking_at_once_replaces_a_later_look() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.add("a")
    assert await try_take(queue, clock) == "a"
    queue.done("a")
    await clock.advance(20)
    assert await try_take(queue, clock) is None


async def test_a_time_that_comes_while_the_key_is_worked_on_is_not_lost() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add("a")
    await try_take(queue, clock)
    queue.add_after("a", 1)
    await clock.advance(5)
    assert await try_take(queue, clock) is None
    queue.done("a")
    assert await try_take(queue, clock) == "a"


async def test_no_delay_at_all_means_now() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("a", 0)
    queue.add_after("b", -1)
    assert [await try_take(queue, clock), await try_take(queue, clock)] == ["a", "b"]


async def test_back_off_doubles_up_to_its_cap_and_starts_over_when_forgiven() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock, base=0.5, cap=5)
    assert [queue.add_failed("a") for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert queue.add_failed("b") == 0.5
    queue.forgive("a")
    assert queue.add_failed("a") == 0.5


async def test_a_key_that_fails_for_ever_keeps_its_longest_pause() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock, base=0.5, cap=60)
    assert {queue.add_failed("a") for _ in range(5000)} == {0.5, 1, 2, 4, 8, 16, 32, 60}


async def test_a_failed_key_comes_back_after_its_back_off() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock, base=2)
    queue.add("a")
    await try_take(queue, clock)
    queue.add_failed("a")
    queue.done("a")
    await clock.advance(1.9)
    assert await try_take(queue, clock) is None
    await clock.advance(0.1)
    assert await try_take(queue, clock) == "a"


async def test_the_observer_hears_of_depth_and_of_time_spent_waiting() -> None:
    clock, seen = FakeClock(), Seen()
    queue: WorkQueue[str] = WorkQueue(clock, observer=seen)
    queue.add("a")
    queue.add("b")
    assert seen.depths[-1] == 2
    await clock.advance(3)
    await try_take(queue, clock)
    assert (seen.depths[-1], seen.waits) == (1, [3.0])


async def test_a_worker_that_gave_up_takes_no_key_with_it() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    queue.add_after("a", 1)
    async with worker_of(queue, clock) as worker:
        worker.cancel()
        await clock.advance(1)
        assert worker.cancelled()
    assert clock.sleeping == 0
    assert await try_take(queue, clock) == "a"


async def test_many_workers_never_hold_one_key_and_lose_none() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    held: set[str] = set()
    last_look: dict[str, float] = {}

    async def work() -> None:
        while True:
            key = await queue.take()
            assert key not in held
            held.add(key)
            last_look[key] = clock.monotonic()
            await clock.sleep(3)
            held.remove(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(4)]
    for _ in range(5):
        await clock.advance(1)
        for key in "abcdef":
            queue.add(key)
    await clock.advance(60)
    assert not held
    assert all(not worker.done() for worker in workers)
    assert {key for key, at in last_look.items() if at >= 5} == set("abcdef")  # after the last time it was added
    for worker in workers:
        worker.cancel()
    await clock.settle()


KEYS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS),
        st.tuples(st.just("done"), KEYS),
        st.tuples(st.just("take")),
        st.tuples(st.just("after"), KEYS, st.integers(0, 5)),
        st.tuples(st.just("advance"), st.integers(1, 4)),
    ),
    max_size=40,
)


class Model:
    """When each key wants to be looked at, and who is at it: all there is to a work queue."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wanted: dict[str, float] = {}
        self.working: set[str] = set()

    def want(self, key: str, delay: float = 0) -> None:
        self.wanted[key] = min(self.now + delay, self.wanted.get(key, float("inf")))

    def free(self) -> set[str]:
        return {key for key, at in self.wanted.items() if at <= self.now and key not in self.working}


@settings(deadline=None)
@given(STEPS)
def test_whatever_happens_the_queue_gives_what_the_model_wants(steps: list[tuple[str | int, ...]]) -> None:
    assert asyncio.run(left_wanting(steps)) == {}


async def left_wanting(steps: list[tuple[str | int, ...]]) -> dict[str, float]:
    """Take each step with the queue and the model; what the model still wants at the end."""
    clock, model = FakeClock(), Model()
    queue: WorkQueue[str] = WorkQueue(clock)
    closing: list[tuple[str | int, ...]] = [("advance", 10), *[("done", key) for key in "abc"], *[("take",)] * 4]
    for step in [*steps, *closing]:
        match step:
            case ("add", str(key)):
                queue.add(key)
                model.want(key)
            case ("after", str(key), int(delay)):
                queue.add_after(key, delay)
                model.want(key, delay)
            case ("advance", int(seconds)):
                await clock.advance(seconds)
                model.now += seconds
            case ("done", str(key)) if key in model.working:
                queue.done(key)
                model.working.discard(key)
            case ("take",):
                taken = await try_take(queue, clock)
                free = model.free()
                assert taken in free if free else taken is None
                if taken is not None:
                    del model.wanted[taken]
                    model.working.add(taken)
    return model.wanted
