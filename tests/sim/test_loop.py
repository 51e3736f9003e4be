"""The loop: virtual time, order, causes, and what happens to tasks that fail or wait too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.sim import loop as loop_module
from k8s_ref.sim.loop import SECOND, Cancelled, Loop


def test_time_passes_only_when_nothing_is_left_to_do_now():
    loop, seen = Loop(), []
    loop.call_later(2, lambda: seen.append(("late", loop.seconds)))
    loop.call_soon(lambda: seen.append(("now", loop.seconds)))
    loop.run(5)
    assert seen == [("now", 0.0), ("late", 2.0)]
    assert loop.seconds == 5.0


def test_what_is_due_after_the_deadline_waits_for_the_next_run():
    loop, seen = Loop(), []
    loop.call_later(3, seen.append, "x")
    loop.run(2)
    assert seen == []
    loop.run(1)
    assert seen == ["x"]


@given(st.lists(st.integers(0, 5), max_size=30))
def test_entries_run_in_the_order_of_time_and_then_of_arrival(delays):
    loop, seen = Loop(), []
    for number, delay in enumerate(delays):
        loop.call_later(delay, seen.append, (delay, number))
    loop.run(10)
    assert seen == sorted(seen)
    assert len(seen) == len(delays)


@given(st.integers(0, 1000))
def test_shuffle_permutes_one_instant_and_never_moves_anything_to_another(seed):
    loop, seen = Loop(seed, order="shuffle"), []
    for number in range(8):
        loop.call_later(number // 4, lambda n: seen.append((loop.now, n)), number)
    loop.run(5)
    assert sorted(number for _, number in seen) == list(range(8))
    assert [n // 4 for _, n in seen] == [0] * 4 + [1] * 4
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)


def test_some_seed_shuffles_differently_from_arrival():
    def order(seed):
        loop, seen = Loop(seed, order="shuffle"), []
        for number in range(6):
            loop.call_soon(seen.append, number)
        loop.run(0)
        return seen

    assert order(1) == order(1)
    assert any(order(seed) != [0, 1, 2, 3, 4, 5] for seed in range(5))


def test_an_unknown_order_is_refused_by_name():
    with pytest.raises(ValueError, match='order must be "fifo" or "shuffle"'):
        Loop(order="random")


def test_a_task_is_the_future_of_what_its_coroutine_returns():
    loop = Loop()

    async def child():
        await loop.sleep(1)
        return "done"

    async def parent():
        return await loop.spawn(child()), loop.now

    assert loop.run_task(parent()) == ("done", SECOND)


def test_an_error_is_raised_where_the_task_is_awaited():
    loop = Loop()

    async def broken():
        await loop.sleep(1)
        raise ValueError("broken")

    async def parent():
        with pytest.raises(ValueError, match="broken"):
            await loop.spawn(broken())
        return "survived"

    assert loop.run_task(parent()) == "survived"


def test_an_error_nobody_awaits_stops_the_run():
    loop = Loop()

    async def broken():
        raise ValueError("nobody listens")

    loop.spawn(broken())
    with pytest.raises(ValueError, match="nobody listens"):
        loop.run(1)


def test_cancelling_runs_finally_blocks_and_tells_whoever_waits():
    loop, seen = Loop(), []

    async def sleeper():
        try:
            await loop.sleep(100)
        finally:
            seen.append("cleaned")

    async def parent(task):
        with pytest.raises(Cancelled):
            await task

    task = loop.spawn(sleeper())
    loop.spawn(parent(task))
    loop.run(1)
    task.cancel()
    loop.run(1)
    assert seen == ["cleaned"]


def test_within_gives_up_after_its_time_and_cancels_the_slow_one():
    loop, seen = Loop(), []

    async def slow():
        await loop.sleep(10)
        seen.append("finished anyway")

    with pytest.raises(TimeoutError, match="longer than 2 s"):
        loop.run_task(loop.within(2, slow()))
    assert loop.now == 2 * SECOND
    loop.run(20)
    assert seen == []


def test_within_returns_what_is_quick_enough():
    loop = Loop()

    async def quick():
        await loop.sleep(1)
        return 7

    assert loop.run_task(loop.within(2, quick())) == 7


def test_run_until_stops_in_the_instant_the_condition_holds():
    loop, seen = Loop(), []
    for second in range(1, 6):
        loop.call_later(second, seen.append, second)
    assert loop.run_until(lambda: len(seen) == 3, timeout=10)
    assert loop.seconds == 3.0
    assert not loop.run_until(lambda: False, timeout=10)
    assert loop.seconds == 13.0


def test_a_record_is_caused_by_the_record_that_scheduled_its_step():
    loop = Loop()

    def first():
        loop.cause = loop.record("a", "create", "pods/default/x")
        loop.call_later(1, second)

    def second():
        loop.record("b", "bind", "pods/default/x")

    loop.call_soon(first)
    loop.run(2)
    assert [(r.actor, r.cause) for r in loop.trace] == [("a", 0), ("b", 1)]


def test_streams_of_chance_do_not_disturb_each_other():
    one, two = Loop(seed=3), Loop(seed=3)
    one.stream("noise").random()
    assert one.stream("uid").random() == two.stream("uid").random()
    assert Loop(seed=4).stream("uid").random() != two.stream("uid").random()


def test_a_task_that_never_rests_is_reported_instead_of_hanging(monkeypatch):
    monkeypatch.setattr(loop_module, "PATIENCE", 1000)
    loop = Loop()

    async def restless():
        while True:
            await loop.sleep(0)

    loop.spawn(restless())
    with pytest.raises(RuntimeError, match="never rests"):
        loop.run(1)


def test_two_callers_of_one_stream_never_draw_the_same_twice():
    loop = Loop(seed=3)
    drawn = [loop.stream("uid").getrandbits(128) for _ in range(3)]
    assert len(set(drawn)) == 3
