"""The garbage collector: whoever has lost every owner follows, and nobody else."""

import pytest

from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.garbagecollector import GarbageCollector
from k8s_ref.machinery.meta import key_of, owner_reference, with_path
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod, replicaset


class Collected(ControlPlane):
    """An API server and a garbage collector."""

    def __init__(self, seed=0):
        super().__init__(seed)
        Process(self.loop, "kube-controller-manager", self.main).start()
        self.loop.run(0)

    async def main(self):
        api = self.client("kube-controller-manager")
        informers = InformerFactory(api, self.loop)
        collector = GarbageCollector(api, informers, self.loop)
        await informers.start()
        collector.start()

    def owner(self, name="web"):
        return self.do(self.api.create("replicasets", replicaset(name)))

    def owned(self, name, *owners):
        references = [owner_reference(owner) for owner in owners]
        for reference in references[1:]:
            reference["controller"] = False
        body = with_path(pod(name), ("metadata", "ownerReferences"), references)
        return self.do(self.api.create("pods", body))

    def names(self):
        self.loop.run(1)
        return [p["metadata"]["name"] for p in self.do(self.api.list("pods"))["items"]]


def test_what_is_owned_goes_when_its_owner_is_gone():
    plane = Collected()
    rs = plane.owner()
    plane.owned("a", rs)
    plane.do(plane.api.create("pods", pod("bare")))
    assert plane.names() == ["a", "bare"]
    plane.do(plane.api.delete("replicasets", key_of(rs)))
    assert plane.names() == ["bare"]


def test_one_owner_of_two_is_enough_and_the_other_is_struck_off():
    plane = Collected()
    one, two = plane.owner("one"), plane.owner("two")
    plane.owned("a", one, two)
    plane.do(plane.api.delete("replicasets", "default/one"))
    assert plane.names() == ["a"]
    left = plane.do(plane.api.get("pods", "default/a"))["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["two"]
    plane.do(plane.api.delete("replicasets", "default/two"))
    assert plane.names() == []


def test_a_namesake_of_the_owner_is_not_the_owner():
    plane = Collected()
    rs = plane.owner()
    plane.do(plane.api.delete("replicasets", "default/web"))
    plane.owner()
    plane.owned("late", rs)
    assert plane.names() == []


def test_an_owner_of_a_kind_nobody_serves_keeps_what_it_owns():
    plane = Collected()
    rs = {**plane.owner(), "apiVersion": "example.com/v1", "kind": "Thing"}
    plane.owned("a", rs)
    assert plane.names() == ["a"]


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 7))
def test_an_accident_at_any_call_leaves_neither_too_much_nor_too_little(kind, call):
    plane = Collected()
    gone, kept = plane.owner("gone"), plane.owner("kept")
    for name in ("a", "b"):
        plane.owned(name, gone)
    plane.owned("c", kept)
    plane.faults.add(kind, actor="garbage-collector", call=call)
    plane.do(plane.api.delete("replicasets", "default/gone"))
    plane.loop.run(60)
    assert plane.names() == ["c"]
