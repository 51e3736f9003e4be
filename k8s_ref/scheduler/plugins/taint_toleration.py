"""TaintToleration · 污点与容忍

A node repels Pods by taints, a Pod is let in by tolerations.  ``NoSchedule`` and ``NoExecute``
are a no; ``PreferNoSchedule`` only counts against the node when it is scored.  A toleration never
attracts: it takes away a reason to stay out.

Upstream: pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go,
staging/src/k8s.io/component-helpers/scheduling/corev1/helpers.go
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.taints import taints_of, tolerates
from k8s_ref.scheduler.cache import NodeInfo, PodInfo
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, always
from k8s_ref.scheduler.framework import CycleState, Plugin, Status, default_normalize_score


class TaintToleration(Plugin):
    """Keeps Pods off nodes whose taints they do not tolerate."""

    name = "TaintToleration"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if one taint that forbids scheduling is not tolerated."""
        if not node.taints or admitted(pod, node.taints):
            return None
        return self.reject("node(s) had untolerated taint(s)")

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How many taints would rather not have the Pod."""
        if not node.taints:
            return 0
        tolerations = pod.pod["spec"].get("tolerations")
        soft = [taint for taint in node.taints if taint["effect"] == "PreferNoSchedule"]
        return sum(not tolerated(taint, tolerations) for taint in soft)

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """The fewer the better."""
        return default_normalize_score(scores, reverse=True)

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Other taints, or other tolerations."""
        return {
            ClusterEvent.NODE_ADD: _fits_now,
            ClusterEvent.NODE_TAINT: _fits_now,
            ClusterEvent.POD_TOLERATION: always,
        }


def admitted(pod: PodInfo, taints: Iterable[Object]) -> bool:
    """Whether a Pod tolerates every taint that forbids scheduling."""
    tolerations = pod.pod["spec"].get("tolerations")
    return all(t["effect"] == "PreferNoSchedule" or tolerated(t, tolerations) for t in taints)


def _fits_now(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """The node lets the Pod in and did not before."""
    if new is None or not admitted(pod, taints_of(new)):
        return False
    return old is None or not admitted(pod, taints_of(old))


def tolerated(taint: Object, tolerations: Iterable[Object] | None) -> bool:
    """Whether one of the tolerations covers the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations or ())
