"""Choosing a node: who fits, who is best, and what a person is told when nobody fits."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.meta import with_path
from k8s_ref.scheduler.schedule_one import num_feasible_nodes_to_find
from tests.harness import pod
from tests.scheduler.plane import asking, decide, node

# Recorded from a real Kubernetes 1.36: the cases that depend on the plugins that are here.
RECORDED = json.loads((Path(__file__).parent / "scheduling_messages.json").read_text("utf-8"))


def names(infos):
    return [info.name for info in infos]


def recorded_nodes():
    for row in RECORDED["nodes"]:
        flag = {"unschedulable": True} if row["unschedulable"] else {}
        obj = node(row["name"], labels=row["labels"], taints=row["taints"], **flag)
        yield with_path(obj, ("status", "allocatable"), row["allocatable"])


def recorded_pods():
    for row in RECORDED["pods"]:
        yield with_path(pod(row["name"], **row["spec"]), ("metadata", "labels"), row["labels"])


def titles(cases):
    return {"argvalues": cases, "ids": [case["case"] for case in cases]}


@pytest.mark.parametrize("case", **titles(RECORDED["cases"]))
def test_the_message_is_what_a_real_scheduler_said(case):
    critical = {"priority": 2_000_000_000} if "priorityClassName" in case["spec"] else {}
    obj = with_path(pod(**case["spec"], **critical), ("metadata", "labels"), case.get("labels", {}))
    decision = decide(obj, recorded_nodes(), recorded_pods())
    assert decision.message == case["message"]


@pytest.mark.parametrize("case", **titles(RECORDED["small_clusters"]))
def test_the_message_is_right_in_small_clusters_too(case):
    nodes = [] if case["case"].startswith("no nodes") else [node(cpu="1")]
    assert decide(pod(**case["spec"]), nodes).message == case["message"]


def test_a_pod_that_may_evict_others_is_only_told_why_it_does_not_fit():
    small = asking("small", cpu="1500m", nodeName="node-1", priority=0)
    decision = decide(asking(cpu="1", priority=10), [node(cpu="2")], [small])
    assert decision.message == "0/1 nodes are available: 1 Insufficient cpu."
    assert decision.candidate.node == "node-1"


def test_a_pod_that_must_not_evict_is_told_so():
    decision = decide(asking(cpu="9", preemptionPolicy="Never"), [node()])
    assert decision.message.endswith("preemption: not eligible due to preemptionPolicy=Never.")


def test_a_node_may_be_short_of_several_things_and_counts_for_each():
    decision = decide(asking(cpu="3", memory="8Gi"), [node("a"), node("b", memory="16Gi")])
    assert decision.counts == {"Insufficient cpu": 2, "Insufficient memory": 1}


def test_affinity_terms_that_contradict_each_other_reject_the_pod_before_any_node():
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in ("a", "b")]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    decision = decide(pod(affinity=affinity), [node("a"), node("b")])
    assert decision.message.startswith("0/2 nodes are available: pod affinity terms conflict. ")
    assert decision.rejected_by == {"NodeAffinity"}


def test_the_emptier_node_wins():
    other = asking("other", cpu="1", nodeName="a")
    decision = decide(asking(), [node("a"), node("b")], [other])
    assert names(decision.best) == ["b"]


def test_equal_nodes_are_all_best():
    assert names(decide(asking(), [node("a"), node("b")]).best) == ["a", "b"]


def test_one_node_that_fits_needs_no_score():
    decision = decide(asking(cpu="3"), [node("a", cpu="4"), node("b", cpu="2")])
    assert names(decision.best) == ["a"]
    assert decision.scores == []


def test_a_preferred_node_wins_over_an_emptier_one_because_its_plugin_weighs_more():
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    preferred = [{"weight": 1, "preference": term}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    nodes = [node("ssd", labels={"disk": "ssd"}), node("empty", cpu="16")]
    busy = asking("busy", cpu="1", nodeName="ssd")
    assert names(decide(pod(affinity=affinity), nodes, [busy]).best) == ["ssd"]
    assert names(decide(pod(), nodes, [busy]).best) == ["empty"]


def test_totals_are_the_weighted_sums():
    soft = [{"key": "slow", "effect": "PreferNoSchedule"}]
    decision = decide(asking(cpu="1", memory="1Gi"), [node("a"), node("b", taints=soft)])
    # TaintToleration 100 or 0 times 3, half the CPU and three quarters of the memory left, and
    # the balance 87 of 100 where it was 100.
    assert dict(zip(names(decision.feasible), decision.totals, strict=True)) == {
        "a": 430, "b": 130,
    }  # fmt: skip


def test_in_a_large_cluster_only_part_of_the_nodes_is_looked_at():
    nodes = [node(f"n{number:04}") for number in range(1000)]
    decision = decide(asking(), nodes)
    assert names(decision.feasible) == [f"n{number:04}" for number in range(420)]
    later = decide(asking(), nodes, start=900)
    assert names(later.feasible)[:101][-1] == "n0000"


@given(st.integers(0, 20_000))
def test_how_many_nodes_are_enough(nodes):
    enough = num_feasible_nodes_to_find(nodes)
    assert enough <= nodes
    assert enough >= min(nodes, 100)
    assert enough >= nodes * 5 // 100


amounts = st.integers(0, 12)
cluster = st.lists(st.tuples(amounts, amounts, st.lists(st.tuples(amounts, amounts))), max_size=5)


@given(cluster, amounts, amounts)
def test_a_pod_fits_exactly_where_the_sums_stay_below_what_there_is(cluster, cpu, memory):
    nodes, pods, fit = [], [], []
    for number, (has_cpu, has_memory, others) in enumerate(cluster):
        name = f"n{number}"
        nodes.append(node(name, cpu=str(has_cpu), memory=f"{has_memory}Gi"))
        for index, (other_cpu, other_memory) in enumerate(others):
            requests = {"cpu": str(other_cpu), "memory": f"{other_memory}Gi"}
            pods.append(asking(f"{name}-{index}", **requests, nodeName=name))
        free_cpu = has_cpu - sum(used for used, _ in others)
        free_memory = has_memory - sum(used for _, used in others)
        # Asking for nothing of a resource fits even where too much of it is promised.
        if (not cpu or cpu <= free_cpu) and (not memory or memory <= free_memory):
            fit.append(name)
    decision = decide(asking(cpu=str(cpu), memory=f"{memory}Gi"), nodes, pods)
    assert names(decision.feasible) == fit
    assert set(decision.statuses) == {f"n{n}" for n in range(len(cluster))} - set(fit)


@given(cluster.filter(bool), amounts, amounts)
def test_the_score_is_the_free_share_of_both_resources_on_average(cluster, cpu, memory):
    nodes = [
        node(f"n{number}", cpu=str(has_cpu + 1), memory=f"{has_memory + 1}Gi")
        for number, (has_cpu, has_memory, _) in enumerate(cluster)
    ]
    decision = decide(asking(cpu=f"{cpu}m", memory=f"{memory}Mi"), nodes)
    if len(decision.feasible) < 2:
        return
    (fit,) = (scores for scores in decision.scores if scores.plugin == "NodeResourcesFit")
    expected = [
        ((has_cpu + 1) * 1000 - cpu) * 100 // ((has_cpu + 1) * 1000)
        + ((has_memory + 1) * 1024 - memory) * 100 // ((has_memory + 1) * 1024)
        for has_cpu, has_memory, _ in cluster
    ]
    assert fit.raw == [total // 2 for total in expected]
