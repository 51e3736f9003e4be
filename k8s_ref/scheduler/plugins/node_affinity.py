"""NodeAffinity · 节点亲和性

A Pod chooses nodes by their labels: ``nodeSelector`` and *required* node affinity say where it
can run at all, *preferred* node affinity where it would rather.  Required terms are alternatives;
the expressions of one term must all hold.

Upstream: pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import matches_node_selector, matches_node_term
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint
from k8s_ref.scheduler.framework import (
    SKIP,
    CycleState,
    Plugin,
    Status,
    default_normalize_score,
)


class NodeAffinity(Plugin):
    """Keeps a Pod to the nodes it selects, and draws it to those it prefers."""

    name = "NodeAffinity"

    def pre_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot
    ) -> Status | frozenset[str] | None:
        """Nothing to do for most Pods; for some only nodes of certain names are possible."""
        wanted = state[self.name] = RequiredNodeAffinity.of(pod.pod)
        if wanted.selector is None and wanted.affinity is None:
            return SKIP
        names = _named_nodes(wanted.affinity)
        if names is not None and not names:
            return self.reject("pod affinity terms conflict")
        return names

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if the selector or every required term fails."""
        wanted: RequiredNodeAffinity = state[self.name]
        if wanted.met_by(node.node):
            return None
        return self.reject("node(s) didn't match Pod's node affinity/selector")

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> Status | None:
        """Nothing to score without preferences."""
        preferred = _affinity(pod.pod).get("preferredDuringSchedulingIgnoredDuringExecution")
        state[f"{self.name}/preferred"] = preferred
        return None if preferred else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The weights of the preferences that the node meets."""
        preferred: list[Object] = state[f"{self.name}/preferred"]
        return sum(t["weight"] for t in preferred if matches_node_term(t["preference"], node.node))

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """In proportion to the best node."""
        return default_normalize_score(scores)

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """A node with labels that match."""
        return {ClusterEvent.NODE_ADD: _matches_now, ClusterEvent.NODE_LABEL: _matches_now}


@dataclass(slots=True, frozen=True)
class RequiredNodeAffinity:
    """What a node must be like."""

    selector: Object | None
    affinity: Object | None

    @classmethod
    def of(cls, pod: Object) -> RequiredNodeAffinity:
        """What a Pod requires, if anything."""
        affinity = _affinity(pod).get("requiredDuringSchedulingIgnoredDuringExecution")
        return cls(pod["spec"].get("nodeSelector") or None, affinity)

    def met_by(self, node: Object) -> bool:
        """Whether a node is like that."""
        labels = node["metadata"].get("labels") or {}
        if self.selector and not self.selector.items() <= labels.items():
            return False
        return self.affinity is None or matches_node_selector(self.affinity, node)


def _affinity(pod: Object) -> Object:
    affinity: Object = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    return affinity


def _named_nodes(affinity: Object | None) -> frozenset[str] | None:
    """The only nodes possible because every term asks for certain names; None if not so."""
    named: set[str] = set()
    for term in (affinity or {}).get("nodeSelectorTerms") or ():
        lists = [
            frozenset(field["values"])
            for field in term.get("matchFields") or ()
            if field["key"] == "metadata.name" and field["operator"] == "In"
        ]
        if not lists:
            return None
        named |= lists[0].intersection(*lists[1:])
    return frozenset(named) if affinity is not None else None


def _matches_now(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """The node matches and did not before."""
    wanted = RequiredNodeAffinity.of(pod.pod)
    return new is not None and wanted.met_by(new) and (old is None or not wanted.met_by(old))
