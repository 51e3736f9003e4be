"""Plugins for a Pod that fits nowhere · 放不下之后的插件

They say whether giving something back could make room: a device claim (``DynamicResources``) or
the place of less important Pods (``DefaultPreemption``).  Here nobody is evicted: as long as no
Pod of lower priority is in the way, that is exactly what upstream finds and says; if one is,
upstream would evict it, and this plugin keeps silent.

Upstream: pkg/scheduler/framework/preemption/preemption.go,
plugins/defaultpreemption/default_preemption.go, plugins/dynamicresources/dynamicresources.go
"""

from __future__ import annotations

from collections.abc import Mapping

from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, always
from k8s_ref.scheduler.framework import Code, CycleState, Plugin, Status

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


class DynamicResources(Plugin):
    """No Pod holds a claim to devices yet, so none can be given back."""

    name = "DynamicResources"

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | None:
        """What upstream says of every Pod without claims."""
        return self.reject("no new claims to deallocate", resolvable=True)


class DefaultPreemption(Plugin):
    """Looks for nodes where evicting Pods of lower priority would make room."""

    name = "DefaultPreemption"

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | None:
        """Why it would not help, counted over the nodes; None where it might."""
        if pod.pod["spec"].get("preemptionPolicy") == "Never":
            return self.reject("preemption: not eligible due to preemptionPolicy=Never.")
        resolvable = [n for n in nodes.nodes if statuses[n.name].code is Code.UNSCHEDULABLE]
        if any(_has_victims(pod, node) for node in resolvable):
            return None
        counts = {NO_VICTIMS: len(resolvable), NOT_HELPFUL: len(nodes) - len(resolvable)}
        return self.reject(f"preemption: {no_node_available(len(nodes), counts)}", resolvable=True)

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """A Pod that leaves is always worth a look."""
        return {ClusterEvent.ASSIGNED_POD_DELETE: always}


def _has_victims(pod: PodInfo, node: NodeInfo) -> bool:
    return any(other.priority < pod.priority for other in node.pods.values())


def no_node_available(nodes: int, counts: Mapping[str, int]) -> str:
    """The sentence every message about a Pod that fits nowhere is made of.

    >>> no_node_available(3, {"Insufficient cpu": 2, "node(s) were unschedulable": 1})
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.'
    """
    reasons = sorted(f"{count} {reason}" for reason, count in counts.items() if count)
    return f"0/{nodes} nodes are available: {', '.join(reasons)}."
