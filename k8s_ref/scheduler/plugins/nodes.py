"""Plugins that ask the node alone · 只看节点的插件

``NodeUnschedulable`` keeps Pods off cordoned nodes; ``NodeName`` keeps a Pod that names its node
off all others.

Upstream: pkg/scheduler/framework/plugins/nodeunschedulable/node_unschedulable.go,
nodename/node_name.go
"""

from __future__ import annotations

from collections.abc import Mapping

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint
from k8s_ref.scheduler.framework import SKIP, CycleState, Plugin, Status
from k8s_ref.scheduler.plugins.taint_toleration import tolerated

CORDONED = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint that a cordoned node is taken to have, whoever may have set it."""


class NodeUnschedulable(Plugin):
    """No new Pods for a cordoned node, except those that tolerate it."""

    name = "NodeUnschedulable"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, while ``spec.unschedulable`` stands."""
        if not node.unschedulable or tolerated(CORDONED, pod.pod["spec"].get("tolerations")):
            return None
        return self.reject("node(s) were unschedulable")

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """A node that may be used, or the Pod's learning to tolerate the others."""
        return {
            ClusterEvent.NODE_ADD: _usable,
            ClusterEvent.NODE_TAINT: _usable,
            ClusterEvent.POD_TOLERATION: _tolerates_cordon,
        }


def _usable(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    return new is not None and not (new.get("spec") or {}).get("unschedulable")


def _tolerates_cordon(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    return tolerated(CORDONED, pod.pod["spec"].get("tolerations"))


class NodeName(Plugin):
    """A Pod that names its node runs there or nowhere."""

    name = "NodeName"

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Snapshot) -> Status | None:
        """Hardly any Pod names a node and comes here all the same."""
        return None if pod.pod["spec"].get("nodeName") else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if another node is named."""
        if pod.pod["spec"]["nodeName"] == node.name:
            return None
        return self.reject("node(s) didn't match the requested node name")

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """The named node may come."""
        return {ClusterEvent.NODE_ADD: _is_named}


def _is_named(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    return new is not None and new["metadata"]["name"] == pod.pod["spec"].get("nodeName")
