"""PodTopologySpread · 拓扑分布

Like Pods are to be spread over zones, machines, or whatever a node label tells apart: the *skew*
of a domain is how many more of them it has than the emptiest one.  A constraint is a filter
(``DoNotSchedule``: the skew stays within ``maxSkew``) or a wish (``ScheduleAnyway``: the emptier
the better).  A Pod that says nothing but belongs to a Service or a controller has two wishes by
default, about machines and zones.

Upstream: pkg/scheduler/framework/plugins/podtopologyspread/common.go, filtering.go, scoring.go,
plugin.go; pkg/scheduler/framework/plugins/helper/spread.go (DefaultSelector)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, log

from k8s_ref.machinery.meta import Object, controller_of
from k8s_ref.machinery.selectors import Requirement, Selector, from_label_selector, from_labels
from k8s_ref.machinery.taints import taints_of
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, labels_of
from k8s_ref.scheduler.framework import MAX_NODE_SCORE, SKIP, CycleState, Domains, Plugin, Status
from k8s_ref.scheduler.plugins.inter_pod_affinity import like
from k8s_ref.scheduler.plugins.node_affinity import RequiredNodeAffinity
from k8s_ref.scheduler.plugins.taint_toleration import admitted
from k8s_ref.scheduler.reader import Nothing, Reader

HOSTNAME = "kubernetes.io/hostname"
DEFAULTS = {HOSTNAME: 3, "topology.kubernetes.io/zone": 5}
"""What is wished for a Pod that has no constraints of its own: topology keys and ``maxSkew``."""

OWNERS = {
    ("v1", "ReplicationController"): "replicationcontrollers",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("apps/v1", "StatefulSet"): "statefulsets",
}

MISMATCH = "node(s) didn't match pod topology spread constraints"
NOT_SCORED = -1

NODES, PODS = "nodes", "pods"

Counts = Mapping[tuple[str, str], int]
"""For every domain (a value of the label) its nodes, and its Pods, of which it may have none."""


class PodTopologySpread(Plugin):
    """Spreads like Pods over the domains of a topology."""

    name = "PodTopologySpread"
    domain = True

    def __init__(self, reader: Reader | None = None) -> None:
        self.reader = reader or Nothing()

    # -- constraints that must hold

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Snapshot) -> Status | None:
        """Count the Pods of every domain, for every constraint."""
        constraints = _own(pod.pod, "DoNotSchedule")
        keys = tuple(one.key for one in constraints)
        state[self.name] = [_Spread.of(one, one.tally(pod, nodes, keys)) for one in constraints]
        state[f"{self.name}/nodes"], state[f"{self.name}/wishes"] = nodes, []
        return None if constraints else SKIP

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """One more Pod in the node's domains, if it is one of those that are spread."""
        self._change(state, pod, other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """One Pod less."""
        self._change(state, pod, other, node, -1)

    def _change(
        self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int
    ) -> None:
        spreads: list[_Spread] = state[self.name]
        same = _namespace(other.pod) == _namespace(pod.pod)
        if same and all(spread.constraint.key in node.labels for spread in spreads):
            state[self.name] = [spread.change(pod, other, node, sign) for spread in spreads]

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if the Pod would make one skew too large, or the node is in no domain."""
        spreads: list[_Spread] = state[self.name]
        for spread in spreads:
            one = spread.constraint
            if one.key not in node.labels:
                return self.reject(f"{MISMATCH} (missing required label)")
            there = spread.counts.get((node.labels[one.key], PODS), 0)
            if there + one.selector.selects(pod.pod) - spread.least > one.max_skew:
                return self.reject(MISMATCH, resolvable=True)
        return None

    # -- constraints that are wishes

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> Status | None:
        """Count the Pods of every domain; a topology of more domains weighs more."""
        own = pod.pod["spec"].get("topologySpreadConstraints")
        wishes = _own(pod.pod, "ScheduleAnyway") if own else self._defaults(pod.pod)
        # By default a machine without a zone takes part as far as it can.
        needed = tuple(one.key for one in wishes) if own else ()
        scored = [n for n in nodes if n.labels.keys() >= set(needed)] if needed else nodes
        state[f"{self.name}/wishes"] = kept = []
        for one in wishes:
            counts: Counts = {}
            domains = len(scored)
            # Every machine is its own domain, so its Pods are counted when it is scored.
            if one.key != HOSTNAME:
                counts = one.tally(pod, state[f"{self.name}/nodes"], needed)
                # Where all nodes are in one domain there is nothing to count.
                several = len(state[f"{self.name}/nodes"].tally(*_places(one.key))) > 1
                domains = len({n.labels.get(one.key, "") for n in scored}) if several else 1
            kept.append(_Wish(one, counts, needed, log(domains + 2)))
        return None if wishes else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How crowded the node's domains are."""
        wishes: list[_Wish] = state[f"{self.name}/wishes"]
        if not node.labels.keys() >= set(wishes[0].needed):
            return NOT_SCORED
        costs = [wish.cost(pod, node) for wish in wishes if wish.constraint.key in node.labels]
        return floor(sum(costs) + 0.5)

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """The least crowded is best."""
        known = [score for score in scores if score != NOT_SCORED]
        highest, lowest = max(known, default=0), min(known, default=0)
        if not highest:
            return [MAX_NODE_SCORE * (score != NOT_SCORED) for score in scores]
        return [
            MAX_NODE_SCORE * (highest + lowest - score) // highest if score != NOT_SCORED else 0
            for score in scores
        ]

    def domains(self, state: CycleState, pod: PodInfo) -> Domains | None:
        """Nodes in the same domains are alike; machines are, with as many of the Pods."""
        spreads: list[_Spread] = state[self.name]
        wishes: list[_Wish] = state[f"{self.name}/wishes"]
        soft = [wish.constraint for wish in wishes]
        keys = tuple(spread.constraint.key for spread in spreads)
        keys += tuple(one.key for one in soft if one.key != HOSTNAME)
        machines = tuple(one for one in soft if one.key == HOSTNAME)
        namespace = _namespace(pod.pod)
        return (self.name, keys, machines, namespace), lambda node: (
            *map(node.labels.get, keys),
            *((HOSTNAME in node.labels, one.count(node, namespace)) for one in machines),
        )

    def _defaults(self, pod: Object) -> list[_Constraint]:
        """The wishes for a Pod of a Service or a controller: all of its kind are to be spread."""
        selector = self._group(pod)
        if not selector.requirements:
            return []
        return [_Constraint(key, max_skew, selector) for key, max_skew in DEFAULTS.items()]

    def _group(self, pod: Object) -> Selector:
        """What selects the Pod: its Services and its controller together."""
        namespace, labels = _namespace(pod), labels_of(pod)
        requirements: tuple[Requirement, ...] = ()
        for service in self.reader.list("services", namespace):
            wanted = service["spec"].get("selector") or {}
            if wanted.items() <= labels.items():
                requirements += from_labels(wanted).requirements
        owner = controller_of(pod) or {"apiVersion": "", "kind": "", "name": ""}
        resource = OWNERS.get((owner["apiVersion"], owner["kind"]))
        found = self.reader.get(resource, f"{namespace}/{owner['name']}") if resource else None
        if found is not None:
            plain = resource == "replicationcontrollers"
            read = from_labels if plain else from_label_selector
            requirements += read(found["spec"].get("selector") or {}).requirements
        return Selector(tuple(dict.fromkeys(requirements)))

    # -- events

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """A Pod more or less in some domain, a domain more or less, a taint that counts."""
        return {
            ClusterEvent.ASSIGNED_POD_ADD: _pod_counts,
            ClusterEvent.ASSIGNED_POD_LABEL: _pod_counts,
            ClusterEvent.ASSIGNED_POD_DELETE: _pod_counts,
            ClusterEvent.POD_LABEL: _pod_counts,
            ClusterEvent.POD_TOLERATION: _honors_taints,
            ClusterEvent.NODE_ADD: _node_counts,
            ClusterEvent.NODE_DELETE: _node_counts,
            ClusterEvent.NODE_LABEL: _node_counts,
            ClusterEvent.NODE_TAINT: _node_counts,
        }


@dataclass(slots=True, frozen=True)
class _Constraint:
    """How far which Pods may be from being evenly spread, over which domains."""

    key: str
    max_skew: int
    selector: Selector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False

    @classmethod
    def of(cls, constraint: Object, pod: Object) -> _Constraint:
        """Read a constraint of a Pod."""
        selector = from_label_selector(constraint.get("labelSelector"))
        same = like(pod, constraint.get("matchLabelKeys"))
        return cls(
            constraint["topologyKey"],
            constraint["maxSkew"],
            replace(selector, requirements=selector.requirements + same),
            constraint.get("minDomains") or 1,
            constraint.get("nodeAffinityPolicy", "Honor") == "Honor",
            constraint.get("nodeTaintsPolicy", "Ignore") == "Honor",
        )

    def includes(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether a node is a place for this Pod at all, as far as the policies go."""
        spec = pod.pod["spec"]
        # Most Pods require nothing, and every node would be asked.
        choosy = self.honors_affinity and (spec.get("nodeSelector") or spec.get("affinity"))
        if choosy and not RequiredNodeAffinity.of(pod.pod).met_by(node.node):
            return False
        return not self.honors_taints or admitted(pod, node.taints)

    def count(self, node: NodeInfo, namespace: str) -> int:
        """How many of the Pods are on a node; those that are about to leave do not count."""
        matches, found = self.selector.matches, 0
        for other in node.pods.values():
            metadata = other.pod["metadata"]
            if metadata["namespace"] == namespace and "deletionTimestamp" not in metadata:
                found += matches(metadata.get("labels"))
        return found

    def tally(self, pod: PodInfo, nodes: Snapshot, keys: tuple[str, ...]) -> Counts:
        """The domains, over the nodes that have all the keys and are a place for the Pod."""
        namespace, spec = _namespace(pod.pod), pod.pod["spec"]
        asked = repr([spec.get(name) for name in ("nodeSelector", "affinity", "tolerations")])

        def of(node: NodeInfo) -> Counts | None:
            if not node.labels.keys() >= set(keys) or not self.includes(pod, node):
                return None
            value = node.labels.get(self.key, "")
            return {(value, NODES): 1, (value, PODS): self.count(node, namespace)}

        return nodes.tally((PodTopologySpread.name, self, keys, namespace, asked), of)


def _places(key: str) -> tuple[object, Callable[[NodeInfo], Mapping[str, int]]]:
    """How many nodes there are in each domain, as a tally asks for it."""
    return ("places", key), lambda node: {node.labels.get(key, ""): 1}


def _own(pod: Object, action: str) -> list[_Constraint]:
    constraints = pod["spec"].get("topologySpreadConstraints") or ()
    return [_Constraint.of(one, pod) for one in constraints if one["whenUnsatisfiable"] == action]


def _namespace(pod: Object) -> str:
    namespace: str = pod["metadata"]["namespace"]
    return namespace


@dataclass(slots=True, frozen=True)
class _Spread:
    """A constraint that must hold, and how things stand."""

    constraint: _Constraint
    counts: Counts
    least: int
    """The Pods of the emptiest domain; 0 if there are fewer domains than there should be."""

    @classmethod
    def of(cls, one: _Constraint, counts: Counts) -> _Spread:
        """How things stand with these counts."""
        pods = [counts.get((value, PODS), 0) for value, what in counts if what == NODES]
        return cls(one, counts, min(pods) if len(pods) >= one.min_domains else 0)

    def change(self, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int) -> _Spread:
        """The same with another Pod on a node, or without it."""
        one = self.constraint
        if not one.selector.selects(other.pod) or not one.includes(pod, node):
            return self
        domain = node.labels[one.key], PODS
        return _Spread.of(one, {**self.counts, domain: self.counts.get(domain, 0) + sign})


@dataclass(slots=True, frozen=True)
class _Wish:
    """A constraint that scores."""

    constraint: _Constraint
    counts: Counts
    needed: tuple[str, ...]
    """A node without one of these labels is not scored."""
    weight: float
    """Grows with the number of domains: otherwise a Pod among many would count for little."""

    def cost(self, pod: PodInfo, node: NodeInfo) -> float:
        """The Pods of the node's domain, weighted; a larger ``maxSkew`` makes them matter less."""
        one = self.constraint
        if one.key == HOSTNAME:
            count = one.count(node, _namespace(pod.pod))
        else:
            count = self.counts.get((node.labels[one.key], PODS), 0)
        return count * self.weight + (one.max_skew - 1)


def _pod_counts(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """A Pod is one of those that are spread, and was not, or the other way round."""

    def counted(other: Object | None, one: _Constraint) -> bool:
        if other is None or _namespace(other) != _namespace(pod.pod):
            return False
        return one.selector.selects(other)

    return any(counted(old, one) != counted(new, one) for one in _own(pod.pod, "DoNotSchedule"))


def _honors_taints(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    return any(one.honors_taints for one in _own(pod.pod, "DoNotSchedule"))


def _node_counts(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """A node is in other domains than before, or has other taints."""
    keys = [one.key for one in _own(pod.pod, "DoNotSchedule")]

    def place(node: Object | None) -> list[str] | None:
        labels = labels_of(node) if node is not None else {}
        return [labels[key] for key in keys] if all(key in labels for key in keys) else None

    if place(old) != place(new) or old is None or new is None:
        return place(old) != place(new)
    return place(new) is not None and taints_of(old) != taints_of(new)
