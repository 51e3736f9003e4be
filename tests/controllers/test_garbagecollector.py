"""The garbage collector: whoever has lost every owner follows, and nobody else."""

import pytest

from k8s_ref.controllers.garbagecollector import GarbageCollector
from k8s_ref.machinery.meta import key_of, owner_reference, with_path
from tests.controllers.scene import Managed
from tests.harness import pod, replicaset


class Collected(Managed):
    """An API server and a garbage collector."""

    def __init__(self, seed=0):
        super().__init__(GarbageCollector, seed=seed)

    def owner(self, name="web"):
        return self.do(self.api.create("replicasets", replicaset(name)))

    def owned(self, name, *owners):
        references = [owner_reference(owner) for owner in owners]
        for reference in references[1:]:
            reference["controller"] = False
        body = with_path(pod(name), ("metadata", "ownerReferences"), references)
        return self.do(self.api.create("pods", body))

    def config(self, name, *owners, namespace="default", blocks=True, **metadata):
        """A ConfigMap, the simplest thing there is that can own and be owned."""
        references = [{**owner_reference(o), "controller": False} for o in owners]
        for reference in references:
            reference["blockOwnerDeletion"] = blocks
        metadata = {"name": name, "namespace": namespace, **metadata}
        metadata["ownerReferences"] = references
        return self.create(
            "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        )

    def left(self):
        self.loop.run(1)
        return self.names("configmaps")

    def pods(self):
        self.loop.run(1)
        return self.names("pods")


def test_what_is_owned_goes_when_its_owner_is_gone():
    plane = Collected()
    rs = plane.owner()
    plane.owned("a", rs)
    plane.do(plane.api.create("pods", pod("bare")))
    assert plane.pods() == ["a", "bare"]
    plane.do(plane.api.delete("replicasets", key_of(rs)))
    assert plane.pods() == ["bare"]


def test_one_owner_of_two_is_enough_and_the_other_is_struck_off():
    plane = Collected()
    one, two = plane.owner("one"), plane.owner("two")
    plane.owned("a", one, two)
    plane.do(plane.api.delete("replicasets", "default/one"))
    assert plane.pods() == ["a"]
    left = plane.do(plane.api.get("pods", "default/a"))["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["two"]
    plane.do(plane.api.delete("replicasets", "default/two"))
    assert plane.pods() == []


def test_a_namesake_of_the_owner_is_not_the_owner():
    plane = Collected()
    rs = plane.owner()
    plane.do(plane.api.delete("replicasets", "default/web"))
    plane.owner()
    plane.owned("late", rs)
    assert plane.pods() == []


def test_an_owner_of_a_kind_nobody_serves_keeps_what_it_owns():
    plane = Collected()
    rs = {**plane.owner(), "apiVersion": "example.com/v1", "kind": "Thing"}
    plane.owned("a", rs)
    assert plane.pods() == ["a"]


def test_objects_of_any_kind_own_and_are_owned():
    plane = Collected()
    owner = plane.config("owner")
    child = plane.config("child", owner)
    plane.config("grandchild", child)
    plane.delete("configmaps", "default/owner", propagationPolicy="Background")
    assert plane.left() == []


def test_in_the_foreground_the_owner_waits_for_those_that_block_it():
    plane = Collected()
    owner = plane.config("owner")
    plane.config("held", owner, finalizers=["example.com/hold"])
    plane.config("loose", owner, blocks=False)
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    assert plane.left() == ["held", "owner"]
    plane.patch("configmaps", "default/held", {"metadata": {"finalizers": None}})
    assert plane.left() == []


def test_in_the_foreground_nobody_waits_for_those_that_do_not_block():
    plane = Collected()
    owner = plane.config("owner")
    plane.config("held", owner, blocks=False, finalizers=["example.com/hold"])
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    assert plane.left() == ["held"]


def test_in_the_foreground_grandchildren_go_before_children():
    plane = Collected()
    owner = plane.config("owner")
    child = plane.config("child", owner)
    plane.config("grandchild", child, finalizers=["example.com/hold"])
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    assert plane.left() == ["child", "grandchild", "owner"]
    plane.patch("configmaps", "default/grandchild", {"metadata": {"finalizers": None}})
    assert plane.left() == []


def test_a_dependent_that_no_longer_blocks_lets_its_owner_go():
    plane = Collected()
    owner = plane.config("owner")
    plane.config("held", owner, finalizers=["example.com/hold"])
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    assert plane.left() == ["held", "owner"]
    plane.patch("configmaps", "default/held", {"metadata": {"ownerReferences": None}})
    assert plane.left() == ["held"]


def test_who_comes_while_its_owner_waits_goes_too():
    plane = Collected()
    owner = plane.config("owner")
    plane.config("held", owner, finalizers=["example.com/hold"])
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    assert plane.left() == ["held", "owner"]
    plane.config("late", owner)
    assert plane.left() == ["held", "owner"]


def test_who_is_given_another_owner_at_the_last_moment_is_spared():
    plane = Collected()
    one, two = plane.config("one"), plane.config("two")
    plane.config("child", one)
    plane.faults.add("delay", actor="garbage-collector", verb="delete", seconds=5)
    plane.delete("configmaps", "default/one")
    plane.loop.run(0)
    references = [{**owner_reference(two), "controller": False}]
    plane.patch("configmaps", "default/child", {"metadata": {"ownerReferences": references}})
    plane.loop.run(20)
    assert plane.left() == ["child", "two"]


def test_orphans_stay_and_forget_their_owner():
    plane = Collected()
    owner = plane.config("owner")
    plane.config("child", owner)
    plane.delete("configmaps", "default/owner", propagationPolicy="Orphan")
    assert plane.left() == ["child"]
    assert not plane.get("configmaps", "default/child")["metadata"].get("ownerReferences")


def test_two_that_own_each_other_do_not_wait_for_ever():
    plane = Collected()
    one = plane.config("one")
    two = plane.config("two", one)
    references = [{**owner_reference(two), "controller": False}]
    plane.patch("configmaps", "default/one", {"metadata": {"ownerReferences": references}})
    plane.delete("configmaps", "default/one", propagationPolicy="Foreground")
    assert plane.left() == []


def test_an_owner_in_another_namespace_is_no_owner_and_that_is_told():
    plane = Collected()
    owner = plane.config("owner", namespace="kube-system")
    plane.config("child", owner)
    assert plane.left() == ["owner"]
    uid = owner["metadata"]["uid"]
    assert plane.events("OwnerRefInvalidNamespace") == [
        f"ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: {uid}]"
        ' does not exist in namespace "default"'
    ]


def test_an_owner_without_a_namespace_may_own_in_any():
    plane = Collected()
    space = plane.get("namespaces", "kube-system")
    plane.config("child", space)
    plane.config("other", space, namespace="kube-public")
    assert plane.left() == ["child", "other"]


def test_what_has_no_namespace_cannot_be_owned_from_inside_one():
    plane = Collected()
    references = [{**owner_reference(plane.config("owner")), "controller": False}]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}
    plane.create("nodes", with_path(node, ("metadata", "ownerReferences"), references))
    plane.delete("configmaps", "default/owner")
    plane.loop.run(10)
    assert plane.names("nodes") == ["a"]


def test_a_settled_collector_writes_nothing():
    plane = Collected()
    plane.config("child", plane.config("owner"))
    plane.loop.run(1)
    before = plane.store.revision
    plane.loop.run(3600)
    assert plane.store.revision == before


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
    assert plane.pods() == ["c"]


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 9))
@pytest.mark.parametrize("policy", ["Foreground", "Orphan"])
def test_an_accident_at_any_call_only_delays_what_was_asked(kind, call, policy):
    plane = Collected()
    owner = plane.config("owner")
    plane.config("grandchild", plane.config("child", owner))
    plane.faults.add(kind, actor="garbage-collector", call=call)
    plane.delete("configmaps", "default/owner", propagationPolicy=policy)
    plane.loop.run(60)
    assert plane.left() == ([] if policy == "Foreground" else ["child", "grandchild"])
