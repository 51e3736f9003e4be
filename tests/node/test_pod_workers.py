"""Pod workers: one at a time for a Pod, all at the same time for many, and never backwards."""

from k8s_ref.node.pod_workers import PodWorkers
from k8s_ref.sim.loop import Loop


class Syncer:
    """Notes what it is asked to do, and takes some seconds for each."""

    def __init__(self, loop, seconds=1.0, again=None):
        self.loop, self.seconds, self.again = loop, seconds, again
        self.calls, self.busy = [], {}

    async def sync_pod(self, worker):
        await self._take("sync", worker)
        return self.again

    async def sync_terminating_pod(self, worker):
        await self._take("terminating", worker)

    async def sync_terminated_pod(self, worker):
        await self._take("terminated", worker)

    async def _take(self, what, worker):
        assert not self.busy.get(worker.uid), "two workers on one Pod"
        self.busy[worker.uid] = True
        self.calls.append((self.loop.seconds, what, worker.uid))
        try:
            await self.loop.sleep(self.seconds)
        finally:
            self.busy[worker.uid] = False


def pod(uid="a", generation=1, **metadata):
    return {"metadata": {"uid": uid, "generation": generation, **metadata}, "spec": {}}


def make(**options):
    loop = Loop()
    syncer = Syncer(loop, **options)
    return loop, syncer, PodWorkers(loop, syncer)


def test_a_slow_pod_holds_up_nobody():
    loop, syncer, workers = make(seconds=100)
    workers.update(pod("a"))
    workers.update(pod("b"))
    loop.run(1)
    assert syncer.calls == [(0, "sync", "a"), (0, "sync", "b")]


def test_changes_during_a_look_are_looked_at_once_afterwards():
    loop, syncer, workers = make()
    workers.update(pod())
    loop.run(0.5)
    workers.update(pod(generation=2))
    workers.update(pod(generation=3))
    workers.wake("a")
    loop.run(10)
    assert syncer.calls == [(0, "sync", "a"), (1, "sync", "a")]


def test_a_status_is_no_reason_to_look_again():
    loop, syncer, workers = make()
    workers.update(pod())
    loop.run(5)
    workers.update({**pod(), "status": {"phase": "Running"}})
    loop.run(5)
    assert len(syncer.calls) == 1


def test_a_worker_that_is_told_to_looks_again_after_a_while():
    loop, syncer, workers = make(again=4)
    workers.update(pod())
    loop.run(11)
    assert [at for at, *_ in syncer.calls] == [0, 5, 10]


def test_a_deletion_interrupts_a_look():
    loop, syncer, workers = make(seconds=5)
    workers.update(pod())
    loop.run(1)
    workers.update(pod(generation=2, deletionTimestamp="x", deletionGracePeriodSeconds=30))
    loop.run(20)
    workers.remove(pod(generation=2, deletionTimestamp="x", deletionGracePeriodSeconds=30))
    loop.run(20)
    assert syncer.calls == [(0, "sync", "a"), (1, "terminating", "a"), (21, "terminated", "a")]
    assert workers.workers == {}


def test_a_shorter_grace_period_begins_the_end_again_and_a_longer_one_does_not():
    loop, syncer, workers = make(seconds=5)
    for grace in (30, 60, 2):
        workers.update(pod(deletionTimestamp="x", deletionGracePeriodSeconds=grace))
        loop.run(1)
    assert syncer.calls == [(0, "terminating", "a"), (2, "terminating", "a")]


def test_what_has_no_pod_is_ended_and_removed():
    loop, syncer, workers = make()
    workers.adopt_orphan(pod())
    loop.run(5)
    assert [what for _, what, _ in syncer.calls] == ["terminating", "terminated"]
    assert workers.workers == {}


def test_a_pod_that_already_ended_is_never_started():
    loop, syncer, workers = make()
    workers.update({**pod(), "status": {"phase": "Succeeded"}})
    loop.run(5)
    assert [what for _, what, _ in syncer.calls] == ["terminating"]
