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


def test_its_own_writes_are_known_before_the_watch_tells_of_them():
    node = Node()
    node.create(image="busybox", command="sleep 1; exit 1")
    node.faults.add("delay-event", actor="kubelet/node-1", seconds=100)
    node.run(8)
    assert node.container()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert not node.loop.trace.select(verb="refuse")


def test_a_removal_that_comes_late_does_not_hit_a_namesake():
    node = Node()
    node.create()
    node.run(5)
    node.faults.add("delay", actor="kubelet/node-1", verb="delete", seconds=20)
    node.delete()
    node.run(0.1)
    node.delete(grace=0)
    uid = node.create(image="busybox", command="sleep 3600")["metadata"]["uid"]
    node.run(30)
    assert node.pod()["metadata"]["uid"] == uid
    assert node.status()["phase"] == "Running"


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


def test_a_namesake_that_came_while_nobody_watched_is_another_pod():
    node = Node()
    node.create(image="busybox", command="sleep 3600")
    node.run(5)
    node.faults.partition("kubelet/node-1")
    node.delete(grace=0)
    node.create(image="nginx")
    node.run(1)
    # Too much happened meanwhile: the informer has to list again and sees only the new Pod.
    node.kubelet.pods._version = ""
    node.faults.heal("kubelet/node-1")
    node.run(60)
    assert node.status()["phase"] == "Running"
    assert [c.image for c in node.do(node.runtime.list_containers())] == [
        "docker.io/library/nginx:latest"
    ]
