"""Explanations: the verdicts that the scheduler acted on, computed again from the objects."""

from k8s_ref.scheduler.explain import explain
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
        "node-2  375  TaintToleration 100×3 + NodeResourcesFit 75×1\n"
        "node-3  325  TaintToleration 100×3 + NodeResourcesFit 25×1"
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
