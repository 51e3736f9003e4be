"""A machine fails: noticed, tainted, its Pods replaced; it comes back, and the old Pods go."""

import pytest

from k8s_ref import Cluster
from k8s_ref.machinery.meta import condition_of
from tests.harness import replicaset


class Story:
    """Three nodes, three Pods, and one node that something happens to after twenty-two seconds."""

    def __init__(self, seed=0, order="fifo", nodes=3):
        self.cluster = Cluster(nodes=nodes, seed=seed, order=order)
        self.cluster.apply(replicaset(replicas=3))
        self.cluster.run(22)

    def pods(self):
        """Node and state of every Pod."""
        found = self.list("pods")
        return sorted(
            (pod["spec"]["nodeName"], "deletionTimestamp" in pod["metadata"]) for pod in found
        )

    def list(self, resource):
        return self.cluster.loop.run_task(self.cluster.api.list(resource))["items"]

    def ready(self, name):
        node = self.cluster.loop.run_task(self.cluster.api.get("nodes", name))
        return condition_of(node, "Ready")["status"]

    def taints(self):
        return [t["effect"] for node in self.list("nodes") for t in node["spec"].get("taints", ())]


CALM = [("node-1", False), ("node-2", False), ("node-3", False)]


def test_a_machine_that_fails_loses_its_pods_after_six_minutes():
    story = Story()
    assert story.pods() == CALM
    story.cluster.fail_node("node-1")
    story.cluster.run(40)
    assert story.ready("node-1") == "True"
    story.cluster.run(20)
    assert story.ready("node-1") == "Unknown"
    story.cluster.run(295)
    assert story.pods() == CALM
    story.cluster.run(15)
    assert len(story.pods()) == 4
    assert ("node-1", True) in story.pods()
    assert [node for node, going in story.pods() if not going].count("node-1") == 0


@pytest.mark.parametrize("order", ["fifo", "shuffle"])
def test_when_it_comes_back_the_old_pods_go_and_the_new_ones_stay(order):
    story = Story(order=order)
    story.cluster.fail_node("node-1")
    story.cluster.run(420)
    story.cluster.recover_node("node-1")
    story.cluster.run(20)
    assert story.ready("node-1") == "True"
    assert story.taints() == []
    assert len(story.pods()) == 3
    assert "node-1" not in dict(story.pods())


def test_a_machine_that_is_back_within_five_minutes_keeps_its_pods():
    story = Story()
    story.cluster.fail_node("node-1")
    story.cluster.run(120)
    story.cluster.recover_node("node-1")
    story.cluster.run(600)
    assert story.pods() == CALM
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in story.list("pods")]
    assert sorted(restarts) == [0, 0, 1]


def test_a_node_that_was_only_cut_off_goes_on_with_the_same_containers():
    story = Story()
    story.cluster.faults.partition("kubelet/node-1")
    story.cluster.run(120)
    assert story.ready("node-1") == "Unknown"
    story.cluster.faults.heal("kubelet/node-1")
    story.cluster.run(60)
    assert story.ready("node-1") == "True"
    assert story.taints() == []
    assert story.pods() == CALM
    for pod in story.list("pods"):
        assert condition_of(pod, "Ready")["status"] == "True"
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_when_the_only_node_fails_its_pods_wait_for_it():
    story = Story(nodes=1)
    story.cluster.fail_node("node-1")
    story.cluster.run(1200)
    assert story.pods() == [("node-1", False)] * 3


def test_a_deleted_node_takes_its_lease_and_its_pods_along():
    story = Story()
    story.cluster.fail_node("node-1")
    story.cluster.loop.run_task(story.cluster.api.delete("nodes", "node-1"))
    story.cluster.run(90)
    assert [lease["metadata"]["name"] for lease in story.list("leases")] == ["node-2", "node-3"]
    assert len(story.pods()) == 3
    assert "node-1" not in dict(story.pods())


def test_a_quiet_cluster_writes_nothing_but_heartbeats():
    story = Story()
    story.cluster.run(100)
    trace, store = story.cluster.trace, story.cluster.store

    def beats():
        reports = trace.select(actor="kubelet", verb="status", subject="nodes/")
        return sum(trace.heartbeats.values()) + len(reports)

    before = store.revision - beats()
    # After an hour its Events would be forgotten.
    story.cluster.run(3000)
    assert store.revision - beats() == before
