"""The kubelet has the last word."""

import pytest

from tests.node.machines import Node

CPU = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000"


def asking(node, name, cpu):
    return node.create(name, resources={"requests": {"cpu": cpu}})


def test_a_pod_that_does_not_fit_the_machine_fails_and_never_starts():
    node = Node()
    asking(node, "first", "2")
    asking(node, "second", "3")
    node.run(5)
    status = node.status("second")
    assert (status["phase"], status["reason"]) == ("Failed", "OutOfcpu")
    assert status["message"] == f"Pod was rejected: {CPU}"
    assert "containerStatuses" not in status
    assert ("OutOfcpu", CPU, 1) in node.events()
    assert node.started == [("first", 0)]
    node.process.stop()
    node.process.start()
    node.run(5)
    assert node.status("second") == status


def test_what_a_pod_needed_is_free_again_once_it_has_ended():
    node = Node()
    asking(node, "first", "3")
    node.run(5)
    node.delete("first")
    node.run(1)
    asking(node, "second", "3")
    node.run(5)
    assert node.status("second")["phase"] == "Running"


def test_a_kubelet_that_was_restarted_keeps_the_pods_it_has():
    node = Node()
    asking(node, "old", "3")
    node.run(5)
    node.process.stop()
    asking(node, "new", "3")
    node.process.start()
    node.run(5)
    assert (node.status("old")["phase"], node.status("new")["phase"]) == ("Running", "Failed")


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "NodeAffinity",
         "node(s) didn't match Pod's node affinity/selector"),
        ({}, "TaintToleration", "node(s) had taints that the pod didn't tolerate"),
    ],
)  # fmt: skip
def test_a_pod_that_does_not_belong_here_is_refused(spec, reason, message):
    node = Node()
    node.run(1)
    if not spec:
        taints = [{"key": "out", "effect": "NoExecute"}]
        node.do(node.api.patch("nodes", "node-1", {"spec": {"taints": taints}}))
        node.run(11)
    node.create(spec=spec)
    node.run(1)
    status = node.status()
    assert status["reason"] == reason
    assert status["message"] == f"Pod was rejected: Predicate {reason} failed: {message}"


def test_a_label_that_came_just_now_is_looked_up_before_a_pod_is_refused():
    node = Node()
    node.run(1)
    change = {"metadata": {"labels": {"disk": "ssd"}}}
    node.do(node.api.patch("nodes", "node-1", change))
    node.create(spec={"nodeSelector": {"disk": "ssd"}})
    node.run(5)
    assert node.status()["phase"] == "Running"
