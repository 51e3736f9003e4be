"""ReplicaSets: the number is kept whatever happens to the Pods, the cache or the controller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.replicaset import BURST, ReplicaSetController, what_to_do
from k8s_ref.machinery.meta import controller_of, key_of, with_path
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod, replicaset


class Managed(ControlPlane):
    """An API server and a controller manager that runs one controller."""

    def __init__(self, seed=0):
        super().__init__(seed)
        self.process = Process(self.loop, "kube-controller-manager", self.main)
        self.process.start()
        self.loop.run(0)

    async def main(self):
        api = self.client("kube-controller-manager")
        informers = InformerFactory(api, self.loop)
        controller = ReplicaSetController(api, informers, self.loop)
        await informers.start()
        controller.start()

    def create(self, resource, obj):
        return self.do(self.api.create(resource, obj))

    def pods(self, labels="app=web"):
        return self.do(self.api.list("pods", "default", labels=labels))["items"]

    def rs(self):
        return self.do(self.api.get("replicasets", "default/web"))

    def be_kubelet(self, status):
        """Write what a kubelet would write, for every Pod."""
        for obj in self.pods():
            self.do(self.api.patch("pods", key_of(obj), {"status": status}, "status"))
        self.loop.run(0)


READY = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True",
                    "lastTransitionTime": "2026-01-01T00:00:00Z"}],
}  # fmt: skip


def test_missing_pods_are_created_and_owned():
    plane = Managed()
    rs = plane.create("replicasets", replicaset())
    plane.loop.run(0)
    assert len(plane.pods()) == 3
    for child in plane.pods():
        assert controller_of(child)["uid"] == rs["metadata"]["uid"]
        assert child["metadata"]["generateName"] == "web-"
    assert plane.rs()["status"]["replicas"] == 3
    assert plane.rs()["status"]["observedGeneration"] == 1


def test_a_deleted_pod_is_replaced():
    plane = Managed()
    plane.create("replicasets", replicaset())
    plane.loop.run(0)
    lost = plane.pods()[0]
    plane.do(plane.api.delete("pods", key_of(lost)))
    plane.loop.run(0)
    assert len(plane.pods()) == 3
    assert key_of(lost) not in map(key_of, plane.pods())


def test_a_failed_pod_is_replaced_and_left_for_people_to_look_at():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=1))
    plane.loop.run(0)
    plane.be_kubelet({"phase": "Failed"})
    assert sorted(p["status"]["phase"] for p in plane.pods()) == ["Failed", "Pending"]


def test_scaling_down_deletes_exactly_the_surplus():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=5))
    plane.loop.run(0)
    plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"replicas": 2}}))
    plane.loop.run(0)
    assert len(plane.pods()) == 2


def test_an_orphan_that_matches_is_adopted_and_counts():
    plane = Managed()
    plane.create("pods", pod("bare"))
    rs = plane.create("replicasets", replicaset(replicas=2))
    plane.loop.run(0)
    assert len(plane.pods()) == 2
    bare = plane.do(plane.api.get("pods", "default/bare"))
    assert controller_of(bare)["uid"] == rs["metadata"]["uid"]


def test_an_orphan_that_appears_later_is_adopted_and_the_surplus_goes():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=2))
    plane.loop.run(0)
    plane.create("pods", pod("late"))
    plane.loop.run(0)
    assert len(plane.pods()) == 2


def test_a_pod_whose_label_changes_is_released_and_replaced():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=1))
    plane.loop.run(0)
    key = key_of(plane.pods()[0])
    plane.do(plane.api.patch("pods", key, {"metadata": {"labels": {"app": "debug"}}}))
    plane.loop.run(0)
    released = plane.do(plane.api.get("pods", key))
    assert controller_of(released) is None
    assert len(plane.pods()) == 1


def test_the_status_counts_ready_and_available_pods():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=2, minReadySeconds=30))
    plane.loop.run(0)
    plane.be_kubelet(READY)
    status = plane.rs()["status"]
    assert (status["readyReplicas"], status.get("availableReplicas", 0)) == (2, 0)
    plane.loop.run(31)
    assert plane.rs()["status"]["availableReplicas"] == 2


def test_a_settled_controller_writes_nothing():
    plane = Managed()
    plane.create("replicasets", replicaset())
    plane.loop.run(0)
    plane.be_kubelet(READY)
    before = plane.store.revision
    plane.loop.run(3600)
    assert plane.store.revision == before


def test_every_creation_is_told_as_an_event():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=2))
    plane.loop.run(0)
    events = plane.do(plane.api.list("events"))["items"]
    assert [e["reason"] for e in events] == ["SuccessfulCreate"] * 2
    assert {e["message"] for e in events} == {
        f"Created pod: {p['metadata']['name']}" for p in plane.pods()
    }


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 9))
def test_an_accident_at_any_call_changes_nothing_in_the_end(kind, call):
    plane = Managed()
    plane.faults.add(kind, actor="replicaset-controller", call=call)
    plane.create("replicasets", replicaset())
    plane.loop.run(400)
    assert len([p for p in plane.pods() if "deletionTimestamp" not in p["metadata"]]) == 3
    assert plane.rs()["status"]["replicas"] == 3


@given(st.integers(0, 2000), st.integers(0, 12))
def test_a_plan_never_oversteps_and_never_does_both(replicas, have):
    pods = [
        {**pod(f"p{n}"), "status": {"phase": "Pending"}}
        for n in range(have)
    ]  # fmt: skip
    for obj in pods:
        obj["metadata"] |= {"uid": obj["metadata"]["name"],
                            "creationTimestamp": "2026-01-01T00:00:00Z"}  # fmt: skip
    plan = what_to_do({"spec": {"replicas": replicas}}, pods, lambda: pods, 0)
    assert not (plan.create and plan.delete)
    assert plan.create <= BURST
    if abs(replicas - have) <= BURST:
        assert have + plan.create - len(plan.delete) == replicas


def test_pods_that_are_refused_are_told_in_the_status_and_tried_again_more_slowly():
    plane = Managed()
    plane.faults.add("lose-request", actor="replicaset-controller", verb="create")
    plane.create("replicasets", replicaset(replicas=1))
    plane.loop.run(11)
    (condition,) = plane.rs()["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert condition["message"].startswith("no answer within")
    plane.loop.run(100)
    retries = plane.loop.trace.select(actor="replicaset-controller", verb="retry")
    assert 5 <= len(retries) <= 12
    plane.faults.clear()
    plane.loop.run(60)
    assert len(plane.pods()) == 1
    assert "conditions" not in plane.rs()["status"]


def test_in_a_namespace_that_is_going_nothing_is_made_and_nobody_complains():
    plane = Managed()
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}}
    plane.create("namespaces", space)
    plane.create(
        "replicasets", with_path(replicaset(replicas=0), ("metadata", "namespace"), "going")
    )
    plane.do(plane.api.delete("namespaces", "going"))
    plane.do(plane.api.patch("replicasets", "going/web", {"spec": {"replicas": 1}}))
    plane.loop.run(60)
    status = plane.do(plane.api.get("replicasets", "going/web"))["status"]
    assert "conditions" not in status
    assert not plane.loop.trace.select(actor="replicaset-controller", verb="retry")


def test_a_pod_that_was_ready_long_enough_is_available_though_others_are_not_ready():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=2, minReadySeconds=30))
    plane.loop.run(0)
    first = plane.pods()[0]
    plane.do(plane.api.patch("pods", key_of(first), {"status": READY}, "status"))
    plane.loop.run(31)
    assert plane.rs()["status"]["availableReplicas"] == 1


def test_a_pod_that_cannot_be_deleted_does_not_save_the_others():
    plane = Managed()
    plane.create("replicasets", replicaset(replicas=5))
    plane.loop.run(0)
    plane.faults.add("lose-request", actor="replicaset-controller", verb="delete", call=1)
    plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"replicas": 0}}))
    plane.loop.run(11)
    assert len(plane.pods()) <= 1
    plane.loop.run(10)
    assert plane.pods() == []


def test_of_several_sets_of_one_family_the_crowded_nodes_lose_a_pod():
    """Two of a Deployment's Pods share a node, one of them of another template."""
    plane = Managed()
    plane.create("replicasets", replicaset("web", replicas=2))
    plane.create("replicasets", replicaset("old", replicas=1))
    plane.loop.run(0)
    boss = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d"}
    owners = {"metadata": {"ownerReferences": [{**boss, "controller": True}]}}
    for name in ("web", "old"):
        plane.do(plane.api.patch("replicasets", f"default/{name}", owners))
    alone, crowded = plane.pods()
    (other,) = plane.pods("app=old")
    for obj, node in ((alone, "n1"), (crowded, "n2"), (other, "n2")):
        plane.do(plane.api.bind(key_of(obj), node))
    plane.loop.run(0)
    plane.do(plane.api.patch("replicasets", "default/web", {"spec": {"replicas": 1}}))
    plane.loop.run(0)
    left = [p for p in plane.pods() if "deletionTimestamp" not in p["metadata"]]
    assert list(map(key_of, left)) == [key_of(alone)]
