"""Leader election: one works, the others wait, and never two at once."""

import pytest

from k8s_ref.client.events import EventRecorder
from k8s_ref.client.leaderelection import LEASE_SECONDS, RENEW_SECONDS, LeaderElector
from k8s_ref.sim.loop import SECOND, Crash
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane

KEY = "kube-system/kube-scheduler"


class Candidates:
    """Processes that want to lead; remembers who began and ended when, in seconds."""

    def __init__(self, names="ab", seed=0):
        self.plane = ControlPlane(seed)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        if not self.plane.do(self.plane.api.list("namespaces", fields="metadata.name=kube-system"))[
            "items"
        ]:
            self.plane.do(self.plane.api.create("namespaces", namespace))
        self.leading, self.story, self.starts = {}, [], {}
        self.processes = {name: self._process(name) for name in names}

    def _process(self, name):
        async def main():
            api = self.plane.client(name)
            self.starts[name] = self.starts.get(name, 0) + 1
            identity = f"{name}_{self.starts[name]}"
            recorder = EventRecorder(api, self.plane.loop, name)
            elector = LeaderElector(api, self.plane.loop, KEY, identity, recorder)
            try:
                await elector.run(lambda: self.begin(name))
                raise Crash("no longer the leader")
            finally:
                self.end(name)

        process = Process(self.plane.loop, name, main)
        process.start()
        return process

    def begin(self, name):
        assert not self.leading, f"{name} leads while {self.leading} do"
        self.leading[name] = self.plane.loop.seconds
        self.story.append(name)

    def end(self, name):
        self.leading.pop(name, None)

    def run(self, seconds):
        self.plane.loop.run(seconds)

    @property
    def lease(self):
        return self.plane.do(self.plane.api.get("leases", KEY))["spec"]


def test_one_of_several_leads_and_stays_the_leader():
    candidates = Candidates("abc")
    candidates.run(100)
    assert candidates.story == ["a"]
    assert candidates.lease["holderIdentity"] == "a_1"
    assert candidates.lease["leaseTransitions"] == 0
    assert candidates.lease["acquireTime"] < candidates.lease["renewTime"]


def test_another_takes_over_when_the_leader_is_gone_for_as_long_as_the_lease():
    candidates = Candidates("ab")
    candidates.run(20)
    candidates.processes["a"].stop()
    candidates.run(LEASE_SECONDS - 2)
    assert candidates.story == ["a"]
    candidates.run(10)
    assert candidates.story == ["a", "b"]
    assert candidates.lease["holderIdentity"] == "b_1"
    assert candidates.lease["leaseTransitions"] == 1


def test_a_leader_that_was_restarted_has_another_name_and_waits_like_everybody():
    candidates = Candidates("a")
    candidates.run(20)
    candidates.processes["a"].crash()
    candidates.run(10)
    assert candidates.story == ["a"]
    candidates.run(15)
    assert candidates.story == ["a", "a"] and candidates.lease["holderIdentity"] == "a_2"


def test_a_leader_that_cannot_write_gives_up_before_another_may_begin():
    candidates = Candidates("ab")
    candidates.run(20)
    candidates.plane.faults.partition("a")
    cut = candidates.plane.loop.seconds
    ended = []
    candidates.end = lambda name: (
        ended.append(candidates.plane.loop.seconds),
        candidates.leading.pop(name, None),
    )
    candidates.run(60)
    assert candidates.story == ["a", "b"]
    assert ended[0] - cut <= RENEW_SECONDS < LEASE_SECONDS - 4 < candidates.leading["b"] - cut


def test_who_gives_the_lease_back_is_followed_at_once():
    plane = ControlPlane()
    api = plane.api
    electors = [
        LeaderElector(api, plane.loop, "default/lock", name, EventRecorder(api, plane.loop, name))
        for name in "ab"
    ]
    leading = []
    tasks = [
        plane.loop.spawn(elector.run(lambda elector=elector: leading.append(elector)))
        for elector in electors
    ]
    plane.loop.run(5)
    assert [elector.identity for elector in leading] == ["a"]
    assert [elector.leader for elector in electors] == ["a", "a"]
    tasks[0].cancel()
    plane.do(electors[0].release())
    plane.loop.run(5)
    assert electors[1] in leading


def test_becoming_the_leader_is_told():
    candidates = Candidates("a")
    candidates.run(5)
    events = candidates.plane.do(candidates.plane.api.list("events"))["items"]
    assert [(event["reason"], event["message"]) for event in events] == [
        ("LeaderElection", "a_1 became leader")
    ]


@pytest.mark.parametrize("seed", range(10))
def test_under_any_accidents_there_are_never_two_leaders(seed):
    candidates = Candidates("abc", seed)
    faults, chance = candidates.plane.faults, candidates.plane.loop.stream("test")
    for kind in ("crash-before", "crash-after", "lose-request", "lose-answer", "delay"):
        faults.add(kind, chance=0.03, seconds=5)
    for _ in range(6):
        candidates.run(chance.uniform(10, 60))
        faults.partition(chance.choice("abc"))
        candidates.run(chance.uniform(10, 60))
        faults.clear()
    candidates.run(60)
    assert len(candidates.leading) == 1
    renewed = candidates.lease["renewTime"]
    candidates.run(3)
    assert candidates.lease["renewTime"] > renewed
    assert candidates.plane.loop.now > 120 * SECOND
