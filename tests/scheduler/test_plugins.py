"""The plugins: what each of them minds about a node, and which events change its mind."""

import pytest

from k8s_ref.machinery.meta import with_path
from k8s_ref.machinery.taints import tolerates
from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.cluster_events import (
    ClusterEvent,
    assigned_pod_changes,
    node_changes,
    waiting_pod_changes,
)
from k8s_ref.scheduler.framework import Code
from k8s_ref.scheduler.plugins.node_affinity import NodeAffinity
from k8s_ref.scheduler.plugins.node_resources import NodeResourcesFit, least_allocated
from k8s_ref.scheduler.plugins.nodes import NodeName, NodeUnschedulable
from k8s_ref.scheduler.plugins.taint_toleration import TaintToleration
from tests.harness import pod
from tests.scheduler.plane import asking, decide, node

GPU = {"key": "gpu", "value": "a100", "effect": "NoSchedule"}
NODE_ADD, NODE_TAINT = ClusterEvent.NODE_ADD, ClusterEvent.NODE_TAINT


def fits(obj, target, pods=()):
    return bool(decide(obj, [target], pods).feasible)


def helps(plugin, event, obj, old, new):
    return plugin.events()[event](PodInfo.of(obj), old, new)


# -- taints


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "value": "a100", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "a100"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "value": "v100"}, False),
        ({"key": "gpu"}, False),
        ({"key": "disk", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_covers_a_taint_if_everything_it_names_is_the_same(toleration, tolerated):
    assert tolerates(toleration, GPU) is tolerated
    assert fits(pod(tolerations=[toleration]), node(taints=[GPU])) is tolerated


def test_every_taint_must_be_tolerated():
    taints = [GPU, {"key": "maint", "effect": "NoExecute"}]
    assert not fits(pod(tolerations=[{"key": "gpu", "operator": "Exists"}]), node(taints=taints))


def test_a_taint_that_only_prefers_keeps_nobody_out_but_costs_points():
    soft = [{"key": "slow", "effect": "PreferNoSchedule"}]
    decision = decide(pod(), [node("a", taints=soft), node("b"), node("c", taints=soft * 2)])
    (scores,) = (s for s in decision.scores if s.plugin == "TaintToleration")
    assert (scores.raw, scores.normalized) == ([1, 0, 2], [50, 100, 0])


def test_a_toleration_for_another_effect_does_not_win_back_the_points():
    soft = [{"key": "slow", "effect": "PreferNoSchedule"}]
    for effect, raw in (("NoSchedule", [1, 0]), ("PreferNoSchedule", [0, 0])):
        tolerations = [{"key": "slow", "operator": "Exists", "effect": effect}]
        decision = decide(pod(tolerations=tolerations), [node("a", taints=soft), node("b")])
        (scores,) = (s for s in decision.scores if s.plugin == "TaintToleration")
        assert scores.raw == raw


def test_only_a_taint_that_goes_away_helps():
    plugin, tainted = TaintToleration(), node(taints=[GPU])
    assert helps(plugin, NODE_TAINT, pod(), tainted, node())
    assert not helps(plugin, NODE_TAINT, pod(), node(), tainted)
    assert not helps(plugin, NODE_TAINT, pod(), node(), node())
    assert not helps(plugin, NODE_ADD, pod(), None, tainted)


# -- cordoned and named nodes


def test_a_cordoned_node_takes_only_who_tolerates_it():
    cordon = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
    assert not fits(pod(), node(unschedulable=True))
    assert fits(pod(tolerations=[cordon]), node(unschedulable=True))


def test_an_uncordoned_node_helps():
    plugin, cordoned = NodeUnschedulable(), node(unschedulable=True)
    assert node_changes(cordoned, node()) == [NODE_TAINT]
    assert node_changes(node(), cordoned) == []
    assert helps(plugin, NODE_TAINT, pod(), cordoned, node())
    assert not helps(plugin, NODE_ADD, pod(), None, cordoned)


def test_a_pod_that_names_a_node_fits_only_there():
    decision = decide(pod(nodeName="b"), [node("a"), node("b")])
    assert [info.name for info in decision.feasible] == ["b"]
    assert str(decision.statuses["a"]) == "node(s) didn't match the requested node name"
    assert helps(NodeName(), NODE_ADD, pod(nodeName="b"), None, node("b"))
    assert not helps(NodeName(), NODE_ADD, pod(nodeName="b"), None, node("a"))


# -- node affinity


def required(*terms):
    selector = {"nodeSelectorTerms": [{"matchExpressions": list(term)} for term in terms]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}


def wants(key, operator, *values):
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


SSD, FAST = node(labels={"disk": "ssd"}), node(labels={"disk": "ssd", "cores": "16"})


@pytest.mark.parametrize(
    ("spec", "target", "expected"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, SSD, True),
        ({"nodeSelector": {"disk": "ssd", "zone": "a"}}, SSD, False),
        ({"nodeSelector": {"disk": "hdd"}}, SSD, False),
        ({"affinity": required([wants("disk", "In", "ssd", "nvme")])}, SSD, True),
        ({"affinity": required([wants("disk", "NotIn", "ssd")])}, SSD, False),
        ({"affinity": required([wants("disk", "Exists")])}, SSD, True),
        ({"affinity": required([wants("gpu", "DoesNotExist")])}, SSD, True),
        ({"affinity": required([wants("cores", "Gt", "8")])}, FAST, True),
        ({"affinity": required([wants("cores", "Lt", "8")])}, FAST, False),
        ({"affinity": required([wants("disk", "Exists"), wants("gpu", "Exists")])}, SSD, False),
        ({"affinity": required([wants("gpu", "Exists")], [wants("disk", "Exists")])}, SSD, True),
        (
            {"nodeSelector": {"disk": "hdd"}, "affinity": required([wants("disk", "Exists")])},
            SSD,
            False,
        ),
    ],
)
def test_a_pod_goes_only_where_selector_and_one_required_term_hold(spec, target, expected):
    assert fits(pod(**spec), target) is expected


def test_node_names_in_all_terms_narrow_the_search():
    fields = [{"matchFields": [wants("metadata.name", "In", name)]} for name in ("a", "c")]
    selector = {"nodeSelectorTerms": fields}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}
    decision = decide(pod(affinity=affinity), [node(name) for name in "abc"])
    assert [info.name for info in decision.feasible] == ["a", "c"]
    assert decision.statuses == {}


def test_preferences_add_up_by_weight():
    preferred = [
        {"weight": 30, "preference": {"matchExpressions": [wants("disk", "In", "ssd")]}},
        {"weight": 60, "preference": {"matchExpressions": [wants("cores", "Gt", "8")]}},
    ]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    nodes = [node("a"), with_path(SSD, ("metadata", "name"), "b"),
             with_path(FAST, ("metadata", "name"), "c")]  # fmt: skip
    decision = decide(pod(affinity=affinity), nodes)
    (scores,) = (s for s in decision.scores if s.plugin == "NodeAffinity")
    assert (scores.raw, scores.normalized) == ([0, 30, 90], [0, 33, 100])


def test_who_prefers_nothing_is_not_scored_for_it():
    decision = decide(pod(), [node("a"), node("b")])
    assert [s.plugin for s in decision.scores] == ["TaintToleration", "NodeResourcesFit"]


def test_only_a_label_that_was_missing_helps():
    plugin, picky = NodeAffinity(), pod(nodeSelector={"disk": "ssd"})
    assert helps(plugin, ClusterEvent.NODE_LABEL, picky, node(), SSD)
    assert not helps(plugin, ClusterEvent.NODE_LABEL, picky, SSD, FAST)
    assert not helps(plugin, NODE_ADD, picky, None, node())


# -- resources


def test_too_many_pods_are_too_many_even_if_they_ask_for_nothing():
    full = with_path(node(), ("status", "allocatable", "pods"), "1")
    status = decide(pod(), [full], [pod("other", nodeName="node-1")]).statuses["node-1"]
    assert (str(status), status.code) == ("Too many pods", Code.UNSCHEDULABLE)


def test_who_asks_for_nothing_fits_where_more_is_promised_than_there_is():
    busy = [asking("busy", cpu="9", memory="9Gi", nodeName="node-1")]
    assert fits(pod(), node(), busy)
    status = decide(asking(cpu="1m"), [node()], busy).statuses["node-1"]
    assert status.reasons == ("Insufficient cpu",)


def test_it_matters_whether_the_node_would_be_large_enough_if_it_were_empty():
    busy = [asking("busy", cpu="1500m", nodeName="node-1")]
    assert decide(asking(cpu="1"), [node()], busy).statuses["node-1"].code is Code.UNSCHEDULABLE
    too_large = decide(asking(cpu="3"), [node()], busy).statuses["node-1"]
    assert too_large.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE


def test_other_resources_are_counted_by_name():
    gpus = with_path(node(), ("status", "allocatable", "example.com/gpu"), "2")

    def needs(count, name="web", **spec):
        container = {"name": "c", "resources": {"requests": {"example.com/gpu": str(count)}}}
        return pod(name, containers=[container], **spec)

    assert fits(needs(2), gpus)
    assert not fits(needs(2), gpus, [needs(1, "other", nodeName="node-1")])
    assert not fits(needs(1), node())


@pytest.mark.parametrize(
    ("resources", "score"),
    [
        ([(0, 1000), (0, 1000)], 100),
        ([(500, 1000), (250, 1000)], 62),
        ([(1001, 1000), (0, 1000)], 50),
        ([(1, 3)], 66),
        ([(5, 0), (0, 10)], 100),
        ([(5, 0)], 0),
    ],
)
def test_least_allocated_rounds_down_and_leaves_out_what_the_node_does_not_have(resources, score):
    assert least_allocated(*resources) == score


def test_a_node_that_grows_helps_only_who_asks_for_what_grew():
    plugin, event = NodeResourcesFit(), ClusterEvent.NODE_ALLOCATABLE
    more_cpu, more_memory = node(cpu="8"), node(memory="64Gi")
    assert helps(plugin, event, asking(cpu="4"), node(), more_cpu)
    assert not helps(plugin, event, asking(cpu="16"), node(), more_cpu)
    assert not helps(plugin, event, asking(cpu="1"), node(), more_memory)
    assert node_changes(node(), more_cpu) == [event]


# -- events of Pods


def test_changes_of_pods_are_told_apart():
    old = asking(cpu="1")
    relabelled = with_path(old, ("metadata", "labels"), {"app": "x"})
    assert assigned_pod_changes(old, relabelled) == [ClusterEvent.ASSIGNED_POD_LABEL]
    assert assigned_pod_changes(old, asking(cpu="500m")) == [ClusterEvent.ASSIGNED_POD_SCALE_DOWN]
    assert assigned_pod_changes(old, asking(cpu="2")) == []
    assert waiting_pod_changes(old, asking(cpu="500m")) == [ClusterEvent.POD_SCALE_DOWN]
    assert waiting_pod_changes(old, with_path(old, ("status", "phase"), "Pending")) == []
