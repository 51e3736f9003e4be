"""Explanations: the verdicts that the scheduler acted on, computed again from the objects."""

import pytest

from k8s_ref.cluster import Past
from k8s_ref.scheduler.explain import explain, explain_decision
from tests.harness import pod
from tests.scheduler.plane import Scheduled, asking, node

GPU = [{"key": "gpu", "effect": "NoSchedule"}]


def test_every_plugin_is_asked_about_every_node_even_after_a_no():
    bad = node("bad", cpu="1", taints=GPU, unschedulable=True)
    said = explain(asking(cpu="2"), [bad, node("good", cpu="4")], [])
    objections = [name for name, status in said.nodes["bad"].statuses.items() if status]
    assert objections == ["NodeUnschedulable", "TaintToleration", "NodeResourcesFit"]
    assert said.nodes["good"].fits
    assert said.best == ["good"]


def test_it_reads_as_a_table():
    nodes = [node("node-1", taints=GPU), node("node-2"), node("node-3")]
    busy = asking("busy", cpu="1", memory="2Gi", nodeName="node-3")
    said = explain(asking(cpu="500m", memory="1Gi"), nodes, [busy])
    assert str(said) == (
        "default/web: 2 of 3 nodes fit\n"
        "node-1  no   TaintToleration: node(s) had untolerated taint(s)\n"
        "node-2  450  TaintToleration 100×3 + NodeResourcesFit 75×1"
        " + NodeResourcesBalancedAllocation 75×1\n"
        "node-3  400  TaintToleration 100×3 + NodeResourcesFit 25×1"
        " + NodeResourcesBalancedAllocation 75×1"
    )
    assert said.best == ["node-2"]


def test_a_pod_that_is_rejected_before_any_node_says_by_whom():
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in "ab"]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    said = explain(pod(affinity=affinity), [node()], [])
    assert str(said).startswith(
        "default/web: 0 of 1 nodes fit (NodeAffinity: pod affinity terms conflict)\nnode-1  no"
    )
    assert said.best == []


def test_without_nodes_there_is_nothing_to_say():
    said = explain(pod(), [], [])
    assert (str(said), said.best) == ("default/web: 0 of 0 nodes fit", [])


def test_the_node_that_was_chosen_is_among_the_best_of_the_explanation():
    nodes = [node(f"node-{n}", cpu=str(n), taints=GPU if n == 4 else ()) for n in range(1, 6)]
    plane, pods = Scheduled(*nodes), []
    for number in range(12):
        obj = asking(f"p{number}", cpu=f"{(number * 7 % 5 + 1) * 100}m", memory="100Mi")
        said = explain(obj, nodes, pods)
        plane.create(obj)
        assert plane.node_of(f"p{number}") in said.best
        pods.append(plane.pod(f"p{number}"))


def test_a_decision_can_be_computed_again_long_after_it_was_made():
    plane = Scheduled(*(node(f"node-{n}", cpu="4") for n in (1, 2, 3)))
    for number in range(8):
        obj = asking(f"p{number}", cpu=f"{number + 3}00m", memory=f"{number % 3 + 1}00Mi")
        plane.do(plane.api.create("pods", obj))
    plane.loop.run(60)
    for number in range(8):
        plane.delete(f"p{number}")
    for number in range(8):
        key = f"default/p{number}"
        said = explain_decision(plane.loop.trace, key, lambda rev: Past(plane.store, rev))
        (score,) = plane.loop.trace.select(verb="score", subject=key)
        assert score.note.startswith(f"{said.chosen} {said.nodes[said.chosen].total}: ")
        assert said.chosen in said.best
        assert "one of" not in score.note or f"one of {len(said.best)} equally good" in score.note


def test_the_row_of_the_chosen_node_is_marked():
    plane = Scheduled(node("node-1"), node("node-2", taints=GPU))
    plane.create(asking(cpu="500m", memory="1Gi"))
    said = explain_decision(plane.loop.trace, "default/web", lambda rev: Past(plane.store, rev))
    assert str(said) == (
        "default/web: 1 of 2 nodes fit\n"
        "node-1  450  TaintToleration 100×3 + NodeResourcesFit 75×1"
        " + NodeResourcesBalancedAllocation 75×1  ← chosen\n"
        "node-2  no   TaintToleration: node(s) had untolerated taint(s)"
    )


def test_a_pod_that_fits_nowhere_is_explained_as_it_was_last_tried():
    plane = Scheduled(node("node-1"))
    plane.create(asking(cpu="9"))
    plane.loop.run(10)
    plane.add_node(node("node-2", taints=GPU))
    plane.loop.run(400)
    said = explain_decision(plane.loop.trace, "default/web", lambda rev: Past(plane.store, rev))
    assert (list(said.nodes), said.chosen, said.best) == (["node-1", "node-2"], "", [])


def test_a_pod_nobody_has_looked_at_cannot_be_explained():
    plane = Scheduled()
    with pytest.raises(ValueError, match="no scheduler has decided about pods/default/web"):
        explain_decision(plane.loop.trace, "default/web", lambda rev: Past(plane.store, rev))


def test_of_a_pod_that_fits_nowhere_it_says_who_would_have_to_go():
    low = asking("low", cpu="2", nodeName="node-1")
    said = explain(asking(cpu="2", priority=10), [node("node-1")], [low])
    assert str(said).splitlines()[-1] == "preemption: default/low on node-1"
    said = explain(asking(cpu="2"), [node("node-1")], [low])
    assert str(said).splitlines()[-1].endswith("1 No preemption victims found for incoming pod.")


def test_room_that_is_promised_to_another_counts():
    promised = asking("promised", cpu="2", priority=10)
    promised["metadata"]["uid"] = "another"
    promised["status"] = {"nominatedNodeName": "node-1"}
    said = explain(asking(cpu="1"), [node("node-1"), node("node-2")], [promised])
    assert [name for name, verdict in said.nodes.items() if verdict.fits] == ["node-2"]
