"""The work queue in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from surelabel_operator.workqueue import NoMetrics, QueueShutDownError, WorkQueue

pytestmark = pytest.mark.looptime


async def test_a_key_added_twice_is_handed_out_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_is_never_processed_twice_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 10)
    queue.done("a")
    assert await queue.get() == "a"


async def test_a_key_not_added_again_does_not_come_again() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.done(await queue.get())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 10)


async def test_the_earliest_of_several_times_counts() -> None:
    loop = asyncio.get_running_loop()
    queue: WorkQueue[str] = WorkQueue()
    started = loop.time()
    queue.add_after("a", 50)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    assert await queue.get() == "a"
    assert loop.time() - started == pytest.approx(5)
    queue.done("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 100)


async def test_back_off_doubles_per_key_up_to_its_limit_until_it_is_forgotten() -> None:
    queue: WorkQueue[str] = WorkQueue(base_seconds=1, max_seconds=5)
    assert [queue.add_rate_limited("a") for _ in range(4)] == [1, 2, 4, 5]
    assert queue.add_rate_limited("b") == 1
    queue.forget("a")
    assert queue.failures("a") == 0
    assert queue.add_rate_limited("a") == 1


async def test_back_off_of_a_key_that_failed_a_million_times_is_still_a_number() -> None:
    queue: WorkQueue[str] = WorkQueue(base_seconds=1, max_seconds=5)
    queue._failures["a"] = 1_000_000
    assert queue.add_rate_limited("a") == 5


async def test_an_event_overtakes_a_resync() -> None:
    queue: WorkQueue[int] = WorkQueue()
    for key in range(5):
        queue.add(key, background=True)
    queue.add(9)
    queue.add(3)
    assert [await queue.get() for _ in range(6)] == [9, 3, 0, 1, 2, 4]


async def test_shutting_down_wakes_all_who_wait_and_forgets_timers() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    queue.add_after("a", 5)
    await asyncio.sleep(1)
    queue.shut_down()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, QueueShutDownError) for result in results)
    queue.add("b")
    with pytest.raises(QueueShutDownError):
        await queue.get()


async def test_a_cancelled_waiter_passes_its_key_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 10) == "a"


async def test_the_queue_tells_how_long_keys_wait_and_are_worked_on() -> None:
    seen: list[tuple[str, float]] = []

    class Told(NoMetrics):
        def waited(self, seconds: float) -> None:
            seen.append(("waited", seconds))

        def worked(self, seconds: float) -> None:
            seen.append(("worked", seconds))

    queue: WorkQueue[str] = WorkQueue(metrics=Told())
    queue.add("a")
    await asyncio.sleep(3)
    key = await queue.get()
    await asyncio.sleep(2)
    assert queue.longest_running_seconds() == pytest.approx(2)
    assert queue.in_process == 1
    queue.done(key)
    assert seen == [("waited", pytest.approx(3)), ("worked", pytest.approx(2))]
    assert queue.longest_running_seconds() == 0


async def test_many_workers_process_every_key_and_none_at_the_same_time() -> None:
    queue: WorkQueue[int] = WorkQueue()
    busy: set[int] = set()
    counts: dict[int, int] = {}

    async def worker() -> None:
        while True:
            try:
                key = await queue.get()
            except QueueShutDownError:
                return
            assert key not in busy
            busy.add(key)
            await asyncio.sleep(0.5)
            counts[key] = counts.get(key, 0) + 1
            busy.discard(key)
            queue.done(key)

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    for _ in range(5):
        for key in range(10):
            queue.add(key)
        await asyncio.sleep(0.3)
    await asyncio.sleep(60)
    queue.shut_down()
    await asyncio.gather(*workers)
    assert set(counts) == set(range(10))
    # Each was added five times, but only what came while it was processed makes a second run.
    assert all(1 <= n <= 5 for n in counts.values())
