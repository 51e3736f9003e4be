"""NoExecute taints: who has to go, when, and who may stay after all."""

import pytest

from k8s_ref.controllers.tainteviction import TaintEvictionController
from k8s_ref.machinery.meta import condition_of
from tests.controllers.scene import Machines

OUT = {"key": "out", "effect": "NoExecute"}


def tolerating(seconds=None):
    """The spec of a Pod that bears the taint, for so long if it says so."""
    toleration = {"key": "out", "operator": "Exists"}
    if seconds is not None:
        toleration |= {"effect": "NoExecute", "tolerationSeconds": seconds}
    return {"tolerations": [toleration]}


def machine():
    plane = Machines(TaintEvictionController)
    plane.node("a")
    return plane


def taint(plane, *taints):
    plane.patch("nodes", "a", {"spec": {"taints": list(taints) or None}})
    plane.loop.run(0)


def going(plane, name="web"):
    return "deletionTimestamp" in plane.get("pods", f"default/{name}")["metadata"]


def test_a_pod_that_does_not_tolerate_the_taint_goes_at_once():
    plane = machine()
    plane.pod_on("a")
    taint(plane, OUT)
    assert going(plane)
    assert plane.get("pods", "default/web")["metadata"]["deletionGracePeriodSeconds"] == 30
    assert plane.events("TaintManagerEviction") == ["Marking for deletion Pod default/web"]


def test_why_it_goes_stands_in_its_status():
    plane = machine()
    plane.pod_on("a")
    taint(plane, OUT)
    condition = condition_of(plane.get("pods", "default/web"), "DisruptionTarget")
    assert condition["status"] == "True"
    assert condition["reason"] == "DeletionByTaintManager"
    assert condition["message"] == "Taint manager: deleting due to NoExecute taint"
    assert condition["observedGeneration"] == 1


def test_a_pod_that_tolerates_it_for_ever_stays():
    plane = machine()
    plane.pod_on("a", **tolerating())
    taint(plane, OUT)
    plane.loop.run(10_000)
    assert not going(plane)


def test_a_pod_that_tolerates_it_for_a_while_goes_after_that():
    plane = machine()
    plane.pod_on("a", **tolerating(60))
    taint(plane, OUT)
    plane.loop.run(59)
    assert not going(plane)
    plane.loop.run(2)
    assert going(plane)


def test_a_taint_taken_away_in_time_calls_it_off():
    plane = machine()
    plane.pod_on("a", **tolerating(60))
    taint(plane, OUT)
    plane.loop.run(30)
    taint(plane)
    plane.loop.run(100)
    assert not going(plane)
    assert plane.events("TaintManagerEviction") == ["Cancelling deletion of Pod default/web"]


def test_what_has_begun_is_not_called_off():
    plane = machine()
    plane.pod_on("a")
    taint(plane, OUT)
    taint(plane)
    assert plane.events("TaintManagerEviction") == ["Marking for deletion Pod default/web"]


def test_another_taint_does_not_start_the_clock_anew():
    plane = machine()
    anything = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    plane.pod_on("a", tolerations=[anything])
    taint(plane, OUT)
    plane.loop.run(30)
    taint(plane, OUT, {"key": "more", "effect": "NoExecute"})
    plane.loop.run(31)
    assert going(plane)


def test_a_taint_that_comes_later_counts_only_when_it_is_not_borne_at_all():
    plane = machine()
    less = {"key": "less", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    plane.pod_on("a", tolerations=[*tolerating(60)["tolerations"], less])
    taint(plane, OUT)
    taint(plane, OUT, {"key": "less", "effect": "NoExecute"})
    plane.loop.run(30)
    assert not going(plane)
    taint(plane, OUT, {"key": "more", "effect": "NoExecute"})
    assert going(plane)


def test_the_shortest_patience_counts():
    plane = machine()
    both = [*tolerating(60)["tolerations"],
            {"key": "more", "operator": "Exists", "tolerationSeconds": 10,
             "effect": "NoExecute"}]  # fmt: skip
    plane.pod_on("a", tolerations=both)
    taint(plane, OUT, {"key": "more", "effect": "NoExecute"})
    plane.loop.run(11)
    assert going(plane)


def test_a_pod_that_comes_to_a_tainted_node_goes_too():
    plane = machine()
    taint(plane, OUT)
    plane.pod_on("a")
    assert going(plane)


def test_other_effects_drive_nobody_out():
    plane = machine()
    plane.pod_on("a")
    taint(plane, {"key": "out", "effect": "NoSchedule"})
    assert not going(plane)
    assert plane.events("TaintManagerEviction") == []


def test_a_pod_is_evicted_once():
    plane = machine()
    plane.pod_on("a")
    taint(plane, OUT)
    before = plane.store.revision
    taint(plane, OUT, {"key": "more", "effect": "NoExecute"})
    plane.loop.run(3600)
    assert plane.store.revision == before + 1


@pytest.mark.parametrize("kind", ["crash-before", "crash-after", "lose-request", "lose-answer"])
@pytest.mark.parametrize("call", range(1, 5))
def test_an_accident_at_any_call_only_delays_it(kind, call):
    plane = machine()
    plane.pod_on("a", "one")
    plane.pod_on("a", "two", **tolerating())
    plane.faults.add(kind, actor="taint-eviction", call=call)
    taint(plane, OUT)
    plane.loop.run(60)
    assert going(plane, "one")
    assert not going(plane, "two")
