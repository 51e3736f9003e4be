"""Pods that nobody else removes."""

import pytest

from k8s_ref.controllers import podgc
from k8s_ref.controllers.podgc import PodGC, too_many
from tests.controllers.scene import Machines
from tests.harness import pod

LOST = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}


def machine(*names):
    plane = Machines(PodGC)
    for name in names:
        plane.node(name)
    return plane


def test_pods_of_a_node_that_no_longer_exists_are_removed_after_a_while():
    plane = machine("a", "b")
    plane.pod_on("a", "one")
    plane.pod_on("b", "two")
    plane.delete("nodes", "a")
    plane.loop.run(39)
    assert plane.names("pods") == ["one", "two"]
    plane.loop.run(41)
    assert plane.names("pods") == ["two"]


def test_their_last_status_says_why():
    plane = machine("a")
    plane.pod_on("a")
    plane.patch("pods", "default/web", {"metadata": {"finalizers": ["example.com/hold"]}})
    plane.delete("nodes", "a")
    plane.loop.run(80)
    status = plane.get("pods", "default/web")["status"]
    assert status["phase"] == "Failed"
    condition = status["conditions"][-1]
    assert (condition["reason"], condition["message"]) == (
        "DeletionByPodGC",
        "PodGC: node no longer exists",
    )


def test_a_node_that_comes_back_in_time_keeps_its_pods():
    plane = machine("a")
    plane.pod_on("a")
    plane.delete("nodes", "a")
    plane.loop.run(30)
    plane.delete("leases", "kube-node-lease/a")
    plane.node("a")
    plane.loop.run(300)
    assert plane.names("pods") == ["web"]


def test_a_pod_deleted_on_a_machine_that_is_off_for_good_is_removed():
    plane = machine("a")
    plane.pod_on("a")
    plane.post("a", "Ready", "Unknown")
    plane.delete("pods", "default/web")
    plane.loop.run(60)
    assert plane.names("pods") == ["web"]
    plane.patch("nodes", "a", {"spec": {"taints": [LOST]}})
    plane.loop.run(20)
    assert plane.names("pods") == []


def test_a_machine_that_answers_is_not_off_whatever_its_taint_says():
    plane = machine("a")
    plane.pod_on("a")
    plane.delete("pods", "default/web")
    plane.patch("nodes", "a", {"spec": {"taints": [LOST]}})
    plane.loop.run(60)
    assert plane.names("pods") == ["web"]


def test_a_pod_deleted_before_it_had_a_node_has_failed():
    plane = machine()
    plane.create("pods", pod())
    plane.patch("pods", "default/web", {"metadata": {"finalizers": ["example.com/hold"]}})
    plane.delete("pods", "default/web")
    plane.loop.run(20)
    assert plane.get("pods", "default/web")["status"]["phase"] == "Failed"
    before = plane.store.revision
    plane.loop.run(600)
    assert plane.store.revision == before


def test_of_very_many_pods_that_ended_the_oldest_are_removed(monkeypatch):
    monkeypatch.setattr(podgc, "THRESHOLD", 2)
    plane = machine("a")
    for name in ("d", "c", "b", "a"):
        plane.pod_on("a", name)
        plane.patch("pods", f"default/{name}", {"status": {"phase": "Succeeded"}}, "status")
        plane.loop.run(1)
    plane.pod_on("a", "runs")
    plane.loop.run(20)
    assert plane.names("pods") == ["a", "b", "runs"]


def test_below_the_threshold_nothing_is_surplus():
    ended = [{**pod(name), "status": {"phase": "Failed"}} for name in "abc"]
    for obj in ended:
        obj["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    assert too_many(ended, 3) == []
    assert [obj["metadata"]["name"] for obj in too_many(ended, 2)] == ["a"]


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 5))
def test_an_accident_at_any_call_only_delays_it(kind, call):
    plane = machine("a")
    plane.pod_on("a")
    plane.faults.add(kind, actor="pod-garbage", call=call)
    plane.delete("nodes", "a")
    plane.loop.run(200)
    assert plane.names("pods") == []
