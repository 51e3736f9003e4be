"""Plugins before the decision · 决定之前的插件

Whether a Pod may be looked at yet (``SchedulingGates``) and which Pod comes next
(``PrioritySort``).

Upstream: pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go,
queuesort/priority_sort.go
"""

from __future__ import annotations

from collections.abc import Mapping

from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, always
from k8s_ref.scheduler.framework import Plugin, Status


class SchedulingGates(Plugin):
    """A Pod with scheduling gates waits until whoever set them has removed them all."""

    name = "SchedulingGates"

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """No, while there are gates."""
        gates = [gate["name"] for gate in pod.pod["spec"].get("schedulingGates") or ()]
        return self.reject(f"waiting for scheduling gates: [{' '.join(gates)}]") if gates else None

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Only the Pod itself can open its gates."""
        return {ClusterEvent.POD_GATES: always}


class PrioritySort(Plugin):
    """The highest priority first; among equals, who has waited longest."""

    name = "PrioritySort"

    def sort_key(self, pod: PodInfo, since: int) -> tuple[int, ...]:
        """Smallest first, so the priority counts backwards."""
        return (-pod.priority, since)
