"""Processes: a crash ends every task, loses what was known, and is over after a second."""

from k8s_ref.sim.loop import Crash, Loop
from k8s_ref.sim.process import Process


def make(loop, seen, crash_at=None):
    async def worker():
        while True:
            await loop.sleep(1)
            seen.append(loop.seconds)
            if loop.seconds == crash_at:
                raise Crash("as planned")

    async def main():
        loop.spawn(worker())

    return Process(loop, "component", main)


def test_a_task_belongs_to_the_process_that_spawned_it():
    loop, seen = Loop(), []
    process = make(loop, seen)
    process.start()
    loop.run(2.5)
    assert [task.name for task in process.tasks] == ["worker"]
    process.stop()
    loop.run(5)
    assert seen == [1.0, 2.0]


def test_a_crash_ends_all_tasks_and_the_process_begins_again_a_second_later():
    loop, seen = Loop(), []
    process = make(loop, seen, crash_at=2.0)
    process.start()
    loop.run(5.5)
    assert seen == [1.0, 2.0, 4.0, 5.0]
    assert [(r.at, r.verb) for r in loop.trace] == [(2 * 10**9, "crash"), (3 * 10**9, "restart")]
    assert process.crashes == 1


def test_what_is_stopped_stays_stopped_until_it_is_started():
    loop, seen = Loop(), []
    process = make(loop, seen)
    process.start()
    loop.run(1.5)
    process.stop()
    loop.run(10)
    process.start()
    loop.run(1.5)
    assert seen == [1.0, 12.5]


def test_a_crash_of_what_is_down_already_changes_nothing():
    loop = Loop()
    process = make(loop, [])
    process.start()
    loop.run(1)
    process.crash()
    process.crash()
    assert process.crashes == 1


def test_a_process_forgets_tasks_that_ended_or_were_cancelled():
    loop, spawned = Loop(), []

    async def brief():
        await loop.sleep(1)

    async def main():
        spawned.extend(loop.spawn(brief()) for _ in range(3))
        await loop.future()

    process = Process(loop, "component", main)
    process.start()
    loop.run(0.5)
    spawned[0].cancel()
    assert len(process.tasks) == 3
    loop.run(1)
    assert len(process.tasks) == 1


def test_what_is_stopped_after_a_crash_does_not_come_back():
    loop, seen = Loop(), []
    process = make(loop, seen, crash_at=2.0)
    process.start()
    loop.run(2.5)
    process.stop()
    loop.run(10)
    assert seen == [1.0, 2.0]
    process.start()
    loop.run(1.5)
    assert seen == [1.0, 2.0, 13.5]
