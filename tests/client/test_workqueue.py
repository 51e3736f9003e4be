"""The work queue: a key once, never twice at the same time, slower after failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.sim.loop import SECOND, Loop


def test_a_key_added_twice_is_handed_out_once():
    loop = Loop()
    queue = WorkQueue(loop)
    queue.add("a")
    queue.add("a")
    assert loop.run_task(queue.get()) == "a"
    assert len(queue) == 0


def test_a_key_added_while_somebody_works_on_it_waits_until_done():
    loop = Loop()
    queue = WorkQueue(loop)
    queue.add("a")
    loop.run_task(queue.get())
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert len(queue) == 1


def test_whoever_waits_is_woken_by_the_next_key():
    loop = Loop()
    queue = WorkQueue(loop)
    loop.call_later(3, queue.add, "late")
    assert loop.run_task(queue.get()) == "late"
    assert loop.now == 3 * SECOND


def test_each_failure_doubles_the_pause_and_success_forgets_them():
    loop = Loop()
    queue = WorkQueue(loop)
    assert [queue.add_rate_limited("a") for _ in range(4)] == [0.005, 0.01, 0.02, 0.04]
    queue.forget("a")
    assert queue.add_rate_limited("a") == 0.005


def test_the_pause_never_exceeds_a_thousand_seconds():
    queue = WorkQueue(Loop())
    assert [queue.add_rate_limited("a") for _ in range(40)][-1] == 1000.0


def test_a_worker_acts_because_of_whoever_made_the_key_dirty_first():
    loop = Loop()
    queue = WorkQueue(loop)
    loop.cause = loop.record("a", "create", "pods/x/1")
    queue.add("k")
    loop.cause = loop.record("b", "create", "pods/x/2")
    queue.add("k")

    async def worker():
        await queue.get()
        loop.record("worker", "retry", "k")

    loop.run_task(worker())
    assert loop.trace[-1].cause == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=40), st.integers())
def test_no_key_is_ever_with_two_workers_and_none_is_forgotten(adds, seed):
    loop = Loop(seed, order="shuffle")
    queue = WorkQueue(loop)
    busy, last_seen = set(), {}

    async def worker():
        while True:
            key = await queue.get()
            assert key not in busy
            busy.add(key)
            last_seen[key] = loop.now
            await loop.sleep(0.7)
            busy.discard(key)
            queue.done(key)

    for _ in range(2):
        loop.spawn(worker())
    for key, at in adds:
        loop.call_later(at, queue.add, key)
    loop.run(100)
    for key in {key for key, _ in adds}:
        assert last_seen[key] >= max(at for k, at in adds if k == key) * SECOND


def test_a_hundred_failures_at_once_are_retried_soon_and_ten_more_each_second():
    loop = Loop()
    queue = WorkQueue(loop)
    delays = [queue.add_rate_limited(f"default/{number}") for number in range(130)]
    assert delays[:100] == [0.005] * 100
    assert delays[100:] == pytest.approx([number / 10 for number in range(1, 31)])
    loop.run(13)
    assert queue.add_rate_limited("default/new") == 0.005
