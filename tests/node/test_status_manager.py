"""Statuses on their way to the server: once, the newest, and whoever else writes."""

from tests.node.machines import Node


def test_a_server_that_does_not_answer_holds_up_no_pod():
    node = Node()
    node.create()
    node.run(0)
    node.faults.partition("kubelet/node-1")
    node.run(5)
    assert node.started == [("web", 0)]
    assert node.status()["phase"] == "Pending"
    node.faults.heal("kubelet/node-1")
    node.run(15)
    assert node.status()["phase"] == "Running"


def test_a_conflict_is_read_again_and_written_again():
    node = Node()
    node.create()
    node.run(0)
    node.faults.add("delay-event", actor="kubelet/node-1", seconds=3)
    node.do(node.api.patch("pods", "default/web", {"metadata": {"labels": {"a": "b"}}}))
    node.run(10)
    assert node.status()["phase"] == "Running"
    assert node.pod()["metadata"]["labels"] == {"a": "b"}


def test_the_last_word_on_a_pod_is_written_before_it_is_removed():
    node = Node()
    node.create()
    node.run(5)
    node.delete()
    node.run(1)
    verbs = [r.verb for r in node.loop.trace.select(actor="kubelet", subject="pods/default/web")]
    assert verbs[-3:] == ["status", "delete", "remove"]
    assert not node.loop.trace.select(verb="refuse")


def test_a_namesake_is_not_removed_by_mistake():
    node = Node()
    node.create(image="busybox", command="sleep 3600", spec={"terminationGracePeriodSeconds": 5})
    node.run(3)
    node.delete()
    node.run(1)
    node.faults.partition("kubelet/node-1")
    node.delete(grace=0)
    node.create(image="nginx")
    node.run(10)
    node.faults.heal("kubelet/node-1")
    node.run(30)
    assert node.status()["phase"] == "Running"
    assert node.container()["image"] == "docker.io/library/nginx:latest"
