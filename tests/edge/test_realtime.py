"""The loop of a cluster on the clock of the wall; the waits are real, and as short as can be."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from k8s_ref.edge import realtime
from k8s_ref.edge.realtime import RealTime
from k8s_ref.sim.loop import Loop


@asynccontextmanager
async def driven(loop, speed=1.0, say=lambda text: None):
    clock = RealTime(loop, speed, say)
    driver = asyncio.create_task(clock.drive())
    try:
        yield clock
    finally:
        driver.cancel()
        await asyncio.gather(driver, return_exceptions=True)


async def until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"
        await asyncio.sleep(0.005)


def test_what_is_due_in_an_hour_comes_after_a_second_at_3600_times_the_speed():
    async def run():
        loop, rung = Loop(), []
        loop.call_later(3600, lambda: rung.append(loop.seconds))
        began = time.monotonic()
        async with driven(loop, speed=3600.0):
            await until(lambda: rung)
        return rung, time.monotonic() - began

    rung, took = asyncio.run(run())
    assert rung == [3600.0]
    assert 0.9 < took < 8


def test_a_paused_clock_stands_still_but_answers():
    async def run():
        loop, rung = Loop(), []
        loop.call_later(0.001, lambda: rung.append(loop.seconds))

        async def answer():
            return "pong"

        async with driven(loop, speed=0.0) as clock:
            await asyncio.sleep(0.05)
            assert await clock.perform(answer()) == "pong"
        return rung, loop.now

    assert asyncio.run(run()) == ([], 0)


def test_what_has_to_wait_is_answered_when_time_has_come():
    async def run():
        loop = Loop()

        async def slow():
            await loop.sleep(50)
            return loop.seconds

        async with driven(loop, speed=1000.0) as clock:
            return await clock.perform(slow())

    assert asyncio.run(run()) == 50.0


def test_only_what_leaves_something_to_do_wakes_the_loop():
    async def run():
        loop, done = Loop(), []

        async def nothing():
            return "read"

        async def something(seconds):
            loop.call_later(seconds, done.append, seconds)

        async with driven(loop) as clock:
            await asyncio.sleep(0.05)
            before = loop.now
            assert await clock.perform(nothing()) == "read"
            await asyncio.sleep(0.05)
            assert loop.now == before
            for seconds in (0.0, 0.01):
                await clock.perform(something(seconds))
                await until(lambda seconds=seconds: seconds in done)

    asyncio.run(run())


def test_a_failure_is_the_callers():
    async def run():
        loop = Loop()

        async def fail():
            await loop.sleep(1)
            raise LookupError("no such thing")

        async with driven(loop, speed=1000.0) as clock:
            with pytest.raises(LookupError, match="no such thing"):
                await clock.perform(fail())

    asyncio.run(run())


def test_what_is_asked_for_ends_with_whoever_asked():
    async def run():
        loop, ended = Loop(), []

        async def endless():
            try:
                await loop.future()
            finally:
                ended.append(True)

        async with driven(loop) as clock:
            asked = asyncio.create_task(clock.perform(endless()))
            await asyncio.sleep(0.01)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        return ended

    assert asyncio.run(run()) == [True]


def test_after_time_was_made_to_pass_it_goes_on_from_there():
    async def run():
        loop, rung = Loop(), []
        async with driven(loop, speed=10.0) as clock:
            await asyncio.sleep(0.02)
            loop.run(3600)
            clock.rebase()
            there = loop.seconds
            loop.call_later(1, lambda: rung.append(loop.seconds - there))
            clock.wake()
            await until(lambda: rung)
        return rung

    assert asyncio.run(run()) == [pytest.approx(1, abs=0.01)]


def test_sockets_have_their_turn_while_much_is_due():
    async def run():
        loop, turns = Loop(), []

        def busy():
            time.sleep(0.001)
            if loop.seconds < 1:
                loop.call_later(0.001, busy)

        busy()
        async with driven(loop, speed=100.0):
            for _ in range(5):
                began = time.perf_counter()
                await asyncio.sleep(0)
                turns.append(time.perf_counter() - began)
        return turns

    # All that is due would take a second and more.
    assert max(asyncio.run(run())) < 0.5


def test_a_machine_that_is_too_slow_says_so_once(monkeypatch):
    monkeypatch.setattr(realtime, "LATE", 0.02)

    async def run():
        loop, said = Loop(), []

        def busy():
            time.sleep(0.002)
            if loop.seconds < 0.5:
                loop.call_later(0.001, busy)

        busy()
        async with driven(loop, 100.0, said.append):
            await until(lambda: said)
            await asyncio.sleep(0.05)
        return said

    (text,) = asyncio.run(run())
    assert text.startswith("the cluster is ")
    assert text.endswith(" s behind the clock: this machine is too slow")
