"""Topology spread: how uneven a placement may make things, and how uneven it had better not."""

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.meta import with_path
from k8s_ref.scheduler.cache import PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent
from k8s_ref.scheduler.framework import Code, CycleState
from k8s_ref.scheduler.plugins.pod_topology_spread import PodTopologySpread
from tests.harness import pod, replicaset
from tests.scheduler.plane import Scheduled, decide, node

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
GPU = {"key": "gpu", "effect": "NoSchedule"}


def evenly(key=ZONE, skew=1, action="DoNotSchedule", app="web", **more):
    """A constraint on the Pods of an app."""
    selector = {"labelSelector": {"matchLabels": {"app": app}}}
    return {"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": action, **selector, **more}


def spread(*constraints, name="web", **spec):
    return pod(name, topologySpreadConstraints=list(constraints), **spec)


def placed(where):
    """One Pod for each letter: the name of its node."""
    return [pod(f"p{n}", nodeName=name) for n, name in enumerate(where)]


def zoned(*zones, **spec):
    """Nodes a, b, c, … in these zones."""
    labels = ({ZONE: zone} if zone else {} for zone in zones)
    return [node(name, labels=one, **spec) for name, one in zip("abcdef", labels, strict=False)]


def fitting(obj, nodes, pods=()):
    return sorted(info.name for info in decide(obj, nodes, pods).feasible)


def points(obj, nodes, pods=()):
    decision = decide(obj, nodes, pods)
    for scores in decision.scores:
        if scores.plugin == "PodTopologySpread":
            named = zip(decision.feasible, scores.raw, scores.normalized, strict=True)
            return {info.name: (raw, normalized) for info, raw, normalized in named}
    return None


# -- constraints that must hold


def test_pods_fill_the_zones_in_turn():
    plane = Scheduled(*zoned("x", "x", "y", "z"))
    for n in range(6):
        plane.create(spread(evenly(), name=f"p{n}"))
    zones = Counter(
        dict(zip("abcd", "xxyz", strict=True))[plane.node_of(f"p{n}")] for n in range(6)
    )
    assert zones == {"x": 2, "y": 2, "z": 2}


def test_the_skew_may_be_as_large_as_it_says():
    nodes = zoned("x", "y")
    assert fitting(spread(evenly()), nodes, placed("a")) == ["b"]
    assert fitting(spread(evenly(skew=2)), nodes, placed("a")) == ["a", "b"]


def test_all_constraints_must_hold():
    nodes = zoned("x", "x", "y")
    both = spread(evenly(), evenly(HOST, skew=1))
    assert fitting(both, nodes, placed("ac")) == ["b"]


def test_a_node_without_the_label_is_no_place_and_evicting_does_not_help():
    nodes = zoned("x", "")
    decision = decide(spread(evenly()), nodes)
    assert [info.name for info in decision.feasible] == ["a"]
    status = decision.statuses["b"]
    reason = "node(s) didn't match pod topology spread constraints"
    assert (str(status), status.code) == (
        f"{reason} (missing required label)", Code.UNSCHEDULABLE_AND_UNRESOLVABLE,
    )  # fmt: skip
    status = decide(spread(evenly()), zoned("x", "y"), placed("a")).statuses["a"]
    assert (str(status), status.code) == (reason, Code.UNSCHEDULABLE)


def test_a_pod_that_is_not_like_those_it_spreads_from_does_not_count_itself():
    nodes = zoned("x", "y")
    other = with_path(spread(evenly()), ("metadata", "labels"), {"app": "other"})
    assert fitting(other, nodes, placed("a")) == ["a", "b"]
    assert fitting(other, nodes, placed("aa")) == ["b"]


def test_pods_of_another_namespace_and_those_that_leave_do_not_count():
    nodes = zoned("x", "y")
    abroad = with_path(pod("abroad", nodeName="a"), ("metadata", "namespace"), "abroad")
    leaving = with_path(
        pod("leaving", nodeName="a"), ("metadata", "deletionTimestamp"), "2026-01-01T00:00:00Z"
    )
    assert fitting(spread(evenly()), nodes, [abroad, leaving]) == ["a", "b"]


def test_with_too_few_domains_the_least_counts_as_zero():
    nodes = zoned("x", "y")
    assert fitting(spread(evenly(minDomains=2)), nodes, placed("ab")) == ["a", "b"]
    assert fitting(spread(evenly(minDomains=3)), nodes, placed("ab")) == []


def test_nodes_that_the_pod_does_not_select_are_no_domains_unless_told_so():
    nodes = zoned("x", "y", "z")
    only = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [
            {"key": ZONE, "operator": "In", "values": ["x", "y"]}]}]}}}  # fmt: skip
    assert fitting(spread(evenly(), affinity=only), nodes, placed("ab")) == ["a", "b"]
    counting = evenly(nodeAffinityPolicy="Ignore")
    assert fitting(spread(counting, affinity=only), nodes, placed("ab")) == []


def test_tainted_nodes_are_domains_unless_told_not_to_be():
    nodes = [*zoned("x", "y"), node("c", labels={ZONE: "z"}, taints=[GPU])]
    assert fitting(spread(evenly()), nodes, placed("ab")) == []
    honest = evenly(nodeTaintsPolicy="Honor")
    assert fitting(spread(honest), nodes, placed("ab")) == ["a", "b"]
    tolerant = spread(honest, tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert fitting(tolerant, nodes, placed("ab")) == ["c"]


def test_label_keys_keep_generations_apart():
    def of(value, obj):
        return with_path(obj, ("metadata", "labels", "hash"), value)

    nodes, old = zoned("x", "y"), [of("1", one) for one in placed("a")]
    by_hash = spread(evenly(matchLabelKeys=["hash", "absent"]))
    assert fitting(of("2", by_hash), nodes, old) == ["a", "b"]
    assert fitting(of("1", by_hash), nodes, old) == ["b"]


# -- constraints that are wishes


def test_the_emptier_domain_scores_higher_and_a_larger_skew_levels_the_scores():
    nodes, pods = zoned("x", "y"), placed("aab")
    once = log(2 + 2)
    wish = evenly(action="ScheduleAnyway")
    assert points(spread(wish), nodes, pods) == {
        "a": (round(2 * once), 33), "b": (round(once), 100),
    }  # fmt: skip
    easy = evenly(action="ScheduleAnyway", skew=5)
    assert points(spread(easy), nodes, pods) == {
        "a": (round(2 * once + 4), 71), "b": (round(once + 4), 100),
    }  # fmt: skip


def test_machines_are_counted_one_by_one():
    nodes, pods = zoned("x", "x"), placed("aab")
    wish = spread(evenly(HOST, action="ScheduleAnyway"))
    assert [points(wish, nodes, pods)[name][0] for name in "ab"] == [3, 1]


def test_a_node_without_the_label_gets_nothing():
    wish = spread(evenly(action="ScheduleAnyway"))
    found = points(wish, zoned("x", "y", ""), placed("ab"))
    assert {name: normalized for name, (_, normalized) in found.items()} == {
        "a": 100, "b": 100, "c": 0,
    }  # fmt: skip
    assert {n for _, n in points(wish, zoned("x", "y", "")).values()} == {0, 100}


def test_a_pod_of_nothing_in_particular_has_no_wishes():
    assert points(pod(), zoned("x", "y"), placed("aa")) is None


OWNERS = {
    "replicasets": replicaset(replicas=0),
    "statefulsets": {**replicaset(replicas=0), "kind": "StatefulSet"},
    "replicationcontrollers": {
        "apiVersion": "v1", "kind": "ReplicationController",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 0, "selector": {"app": "web"},
                 "template": replicaset()["spec"]["template"]},
    },
}  # fmt: skip


@pytest.mark.parametrize("resource", OWNERS)
def test_the_pods_of_a_controller_are_spread_by_default(resource):
    plane = Scheduled(*zoned("x", "y", ""))
    owner = plane.do(plane.api.create(resource, OWNERS[resource]))
    reference = {key: owner[key] for key in ("apiVersion", "kind")}
    reference |= {key: owner["metadata"][key] for key in ("name", "uid")} | {"controller": True}
    obj = with_path(pod("owned"), ("metadata", "ownerReferences"), [reference])
    plane.create(pod("there", nodeName="a"), obj)
    (scored,) = plane.loop.trace.select(verb="score", subject="pods/default/owned")
    # Nothing like it on the other machines: the best of scores, with weight 2.
    assert "PodTopologySpread 200" in scored.note
    assert plane.node_of("owned") != "a"


def test_the_pods_of_a_service_are_spread_by_default():
    plane = Scheduled(*zoned("x", "y"))
    service = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }  # fmt: skip
    plane.do(plane.api.create("services", service))
    plane.create(pod("there", nodeName="a"), pod())
    (scored,) = plane.loop.trace.select(verb="score", subject="pods/default/web")
    assert "PodTopologySpread 200" in scored.note


# -- what may help


def test_only_what_matters_wakes_a_pod():
    plugin, waiting = PodTopologySpread(), spread(evenly())

    def helps(event, old, new, obj=waiting):
        return plugin.events()[event](PodInfo.of(obj), old, new)

    like, unlike = pod("l"), with_path(pod("u"), ("metadata", "labels"), {"app": "other"})
    added, gone = ClusterEvent.ASSIGNED_POD_ADD, ClusterEvent.ASSIGNED_POD_DELETE
    assert (helps(added, None, like), helps(added, None, unlike)) == (True, False)
    assert (helps(gone, like, None), helps(gone, unlike, None)) == (True, False)
    assert helps(ClusterEvent.ASSIGNED_POD_LABEL, like, unlike)
    abroad = with_path(like, ("metadata", "namespace"), "abroad")
    assert not helps(added, None, abroad)
    assert not helps(ClusterEvent.POD_TOLERATION, waiting, waiting)
    honest = spread(evenly(nodeTaintsPolicy="Honor"))
    assert helps(ClusterEvent.POD_TOLERATION, honest, honest, honest)
    (x, bare), (y,) = zoned("x", ""), zoned("y")
    assert helps(ClusterEvent.NODE_ADD, None, x)
    assert helps(ClusterEvent.NODE_DELETE, x, None)
    assert not helps(ClusterEvent.NODE_ADD, None, bare)
    assert helps(ClusterEvent.NODE_LABEL, x, y)
    assert helps(ClusterEvent.NODE_LABEL, x, bare)
    assert not helps(
        ClusterEvent.NODE_LABEL, x, with_path(x, ("metadata", "labels", "disk"), "ssd")
    )
    assert helps(ClusterEvent.NODE_TAINT, x, {**x, "spec": {"taints": [GPU]}})


def test_a_pod_waits_until_things_are_even():
    plane = Scheduled(*zoned("x"), node("b", labels={ZONE: "y"}, unschedulable=True))
    plane.create(pod("there", nodeName="a"), spread(evenly()))
    plane.loop.run(20)
    assert plane.node_of() is None
    plane.delete("there")
    plane.loop.run(20)
    assert plane.node_of() == "a"


# -- against the definition

ZONES = st.lists(st.sampled_from(["", "x", "y", "z"]), min_size=1, max_size=5)
WHERE = st.lists(st.integers(0, 4), max_size=8)


@given(ZONES, WHERE, st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_a_pod_fits_exactly_where_the_skew_stays_small(zones, where, skew, domains, alike):
    where = [index % len(zones) for index in where]
    counts = {zone: 0 for zone in zones if zone}
    for index in where:
        if zones[index]:
            counts[zones[index]] += 1
    least = min(counts.values(), default=0) if len(counts) >= domains else 0
    expected = [
        "abcde"[index]
        for index, zone in enumerate(zones)
        if zone and counts[zone] + alike - least <= skew
    ]
    obj = spread(evenly(skew=skew, minDomains=domains))
    obj = with_path(obj, ("metadata", "labels"), {"app": "web" if alike else "other"})
    assert fitting(obj, zoned(*zones), placed("abcde"[index] for index in where)) == expected


@given(ZONES, WHERE.filter(bool))
def test_a_pod_more_or_less_is_the_same_as_counting_again(zones, where):
    plugin, nodes = PodTopologySpread(), zoned(*zones)
    pods = placed("abcde"[index % len(zones)] for index in where)
    new = PodInfo.of(spread(evenly()))
    full, less = Snapshot.of(nodes, pods), Snapshot.of(nodes, pods[1:])
    one, other = CycleState(), CycleState()
    plugin.pre_filter(one, new, full)
    plugin.pre_filter(other, new, less)
    first, spot = PodInfo.of(pods[0]), full.get(pods[0]["spec"]["nodeName"])

    def answers(state):
        return [plugin.filter(state, new, node) for node in less.nodes]

    was, changed = answers(one), one.clone()
    plugin.remove_pod(changed, new, first, spot)
    assert (answers(changed), answers(one)) == (answers(other), was)
    plugin.add_pod(changed, new, first, spot)
    assert answers(changed) == was
