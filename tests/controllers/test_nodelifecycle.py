"""Silent nodes: what is said of them, which taints they get, and how fast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.controllers.nodelifecycle import NodeLifecycleController, rate, zone_state
from k8s_ref.machinery.meta import condition_of
from tests.controllers.scene import Machines


def machines(*names, **labels):
    plane = Machines(NodeLifecycleController)
    for name in names:
        plane.node(name, **labels)
    plane.live(10, *names)
    return plane


BOTH = ["unreachable:NoExecute", "unreachable:NoSchedule"]


def test_a_node_that_renews_its_lease_is_left_alone():
    plane = machines("a", "b")
    before = plane.store.revision
    plane.live(600, "a", "b")
    assert plane.conditions("a")["Ready"] == "True"
    assert plane.store.revision == before + 2 * 60


def test_a_node_that_writes_its_status_needs_no_lease():
    plane = machines("a", "b")
    plane.delete("leases", "kube-node-lease/a")
    for second in range(12):
        heard = f"2026-01-01T01:00:{second:02}Z"
        beat = {"type": "Ready", "status": "True", "lastHeartbeatTime": heard,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}  # fmt: skip
        plane.patch("nodes", "a", {"status": {"conditions": [beat]}}, "status")
        plane.live(10, "b")
    assert plane.conditions("a")["Ready"] == "True"


def test_after_fifty_seconds_of_silence_nothing_is_known_of_a_node():
    plane = machines("a", "b", "c")
    plane.live(40, "b", "c")
    assert plane.conditions("a")["Ready"] == "True"
    plane.live(20, "b", "c")
    assert set(plane.conditions("a").values()) == {"Unknown"}
    ready = condition_of(plane.get("nodes", "a"), "Ready")
    assert (ready["reason"], ready["message"]) == (
        "NodeStatusUnknown",
        "Kubelet stopped posting node status.",
    )
    assert ready["lastHeartbeatTime"] < ready["lastTransitionTime"]
    assert plane.taints("a") == BOTH
    assert plane.taints("b") == []
    assert plane.events("NodeNotReady") == ["Node a status is now: NodeNotReady"]


def test_what_others_write_of_a_node_is_no_sign_of_life():
    plane = machines("a", "b")
    for number in range(6):
        plane.patch("nodes", "a", {"metadata": {"labels": {"count": str(number)}}})
        plane.live(10, "b")
    assert plane.conditions("a")["Ready"] == "Unknown"


def test_a_node_whose_kubelet_never_wrote_a_status_is_unknown_too():
    plane = machines("b")
    plane.create("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}})
    plane.live(65, "b")
    ready = condition_of(plane.get("nodes", "a"), "Ready")
    assert ready["reason"] == "NodeStatusNeverUpdated"


def test_pods_of_a_silent_node_are_not_ready():
    plane = machines("a", "b")
    plane.pod_on("a", "one")
    plane.pod_on("b", "two")
    plane.live(60, "b")
    one, two = plane.get("pods", "default/one"), plane.get("pods", "default/two")
    assert condition_of(one, "Ready")["status"] == "False"
    assert condition_of(two, "Ready")["status"] == "True"
    assert plane.events("NodeNotReady") == [
        "Node a status is now: NodeNotReady",
        "Node is not ready",
    ]


def test_a_pod_that_comes_to_a_silent_node_is_not_ready_either():
    plane = machines("a", "b")
    plane.live(60, "b")
    plane.pod_on("a")
    plane.live(10, "b")
    assert condition_of(plane.get("pods", "default/web"), "Ready")["status"] == "False"


def test_a_node_that_comes_back_loses_its_taints():
    plane = machines("a", "b")
    plane.live(60, "b")
    assert plane.taints("a") == BOTH
    plane.post("a", "Ready", "True")
    plane.live(10, "a", "b")
    assert plane.taints("a") == []


def test_a_node_that_says_it_is_not_ready_has_another_taint():
    plane = machines("a", "b")
    plane.post("a", "Ready", "False")
    plane.live(10, "a", "b")
    assert plane.taints("a") == ["not-ready:NoExecute", "not-ready:NoSchedule"]
    plane.live(60, "b")
    assert plane.taints("a") == BOTH


@pytest.mark.parametrize(
    ("condition", "taint"),
    [
        ("MemoryPressure", "memory-pressure"),
        ("DiskPressure", "disk-pressure"),
        ("PIDPressure", "pid-pressure"),
    ],
)
def test_pressure_keeps_new_pods_away_at_once_and_drives_none_out(condition, taint):
    plane = machines("a")
    plane.post("a", condition, "True")
    assert plane.taints("a") == [f"{taint}:NoSchedule"]
    plane.post("a", condition, "False")
    assert plane.taints("a") == []


def test_a_cordoned_node_has_a_taint_and_what_people_put_there_stays():
    plane = machines("a")
    own = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    plane.patch("nodes", "a", {"spec": {"unschedulable": True, "taints": [own]}})
    plane.loop.run(0)
    assert plane.taints("a") == ["gpu:NoSchedule", "unschedulable:NoSchedule"]
    plane.patch("nodes", "a", {"spec": {"unschedulable": None}})
    plane.loop.run(0)
    assert plane.taints("a") == ["gpu:NoSchedule"]


def tainted(plane, *names):
    return [name for name in names if "unreachable:NoExecute" in plane.taints(name)]


def test_one_node_after_the_other_loses_its_pods():
    names = [f"n{number}" for number in range(10)]
    plane = machines(*names)
    living = names[3:]
    plane.live(58, *living)
    assert tainted(plane, *names) == ["n0"]
    plane.live(10, *living)
    assert tainted(plane, *names) == ["n0", "n1"]
    plane.live(10, *living)
    assert tainted(plane, *names) == ["n0", "n1", "n2"]


def test_when_most_nodes_of_a_small_zone_are_silent_no_more_pods_are_driven_out():
    names = [f"n{number}" for number in range(5)]
    plane = machines(*names)
    plane.live(120, "n4")
    assert tainted(plane, *names) == []
    assert plane.taints("n0") == ["unreachable:NoSchedule"]


def test_when_all_nodes_are_silent_none_loses_its_pods():
    plane = machines("a", "b")
    plane.live(60, "b")
    assert tainted(plane, "a", "b") == ["a"]
    plane.live(60)
    assert tainted(plane, "a", "b") == []
    settled = plane.store.revision
    plane.live(600)
    assert plane.store.revision == settled


def test_a_zone_that_is_all_silent_loses_its_pods_while_another_lives():
    plane = machines("a", **{"topology.kubernetes.io/zone": "z1"})
    plane.node("b", **{"topology.kubernetes.io/zone": "z2"})
    plane.live(10, "a", "b")
    plane.live(60, "b")
    assert tainted(plane, "a", "b") == ["a"]


def test_nodes_that_come_and_go_are_told():
    plane = machines("a")
    assert plane.events("RegisteredNode") == ["Node a event: Registered Node a in Controller"]
    plane.delete("nodes", "a")
    plane.live(10)
    assert plane.events("RemovingNode") == ["Node a event: Removing Node a from Controller"]


def test_what_is_done_to_a_silent_node_has_its_silence_as_cause():
    plane = machines("a", "b")
    plane.live(60, "b")
    last = plane.loop.trace.select(verb="patch", subject="nodes/a")[-1]
    chain = [(record.verb, record.note) for record in plane.loop.trace.why(last)]
    assert chain[0][0] == "lose"
    assert chain[-2] == ("taint", "+unreachable:NoExecute")


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 9))
def test_an_accident_at_any_call_only_delays_it(kind, call):
    plane = machines("a", "b")
    plane.pod_on("a")
    plane.faults.add(kind, actor="node-lifecycle", call=call)
    plane.live(240, "b")
    assert plane.taints("a") == BOTH
    assert condition_of(plane.get("pods", "default/web"), "Ready")["status"] == "False"


@given(st.lists(st.booleans(), min_size=1, max_size=120))
def test_the_more_nodes_are_silent_the_slower(ready):
    state, fewer = zone_state(ready), zone_state([*ready, True])
    if state != "FullDisruption":
        assert rate(fewer, len(ready) + 1) >= rate(state, len(ready))
    assert (state == "FullDisruption") == (not any(ready))
