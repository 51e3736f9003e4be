"""Cluster events · 集群事件

What may make a Pod schedulable that was not: a node came, a taint went, a Pod left.  The one
idea: whoever rejected a Pod says which changes could change its mind (*queueing hints*), so a Pod
waits in peace until something happens that concerns it.

Upstream: pkg/scheduler/framework/events.go, staging/src/k8s.io/kube-scheduler/framework/types.go
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.resources import pod_requests


class ClusterEvent(StrEnum):
    """What happened, in upstream's words."""

    NODE_ADD = "NodeAdd"
    NODE_DELETE = "NodeDelete"
    NODE_ALLOCATABLE = "NodeUpdateNodeAllocatable"
    NODE_LABEL = "NodeUpdateNodeLabel"
    NODE_TAINT = "NodeUpdateNodeTaint"
    ASSIGNED_POD_ADD = "AssignedPodAdd"
    ASSIGNED_POD_LABEL = "AssignedPodUpdatePodLabel"
    ASSIGNED_POD_SCALE_DOWN = "AssignedPodUpdatePodScaleDown"
    ASSIGNED_POD_DELETE = "AssignedPodDelete"
    POD_LABEL = "UnschedulablePodUpdatePodLabel"
    POD_SCALE_DOWN = "UnschedulablePodUpdatePodScaleDown"
    POD_TOLERATION = "UnschedulablePodUpdatePodToleration"
    POD_GATES = "UnschedulablePodUpdatePodSchedulingGatesEliminated"
    TIMEOUT = "UnschedulableTimeout"


Hint = Callable[[PodInfo, Object | None, Object | None], bool]
"""Given the waiting Pod and the old and new version of what changed: may the Pod fit now?"""


def always(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """The hint of who does not look closer."""
    return True


def node_changes(old: Object, new: Object) -> list[ClusterEvent]:
    """What changed in a node as far as Pods that wait are concerned.

    >>> node = {"metadata": {}, "spec": {"unschedulable": True}}
    >>> node_changes(node, {"metadata": {}, "spec": {}})
    [<ClusterEvent.NODE_TAINT: 'NodeUpdateNodeTaint'>]
    """
    was, now = old.get("spec") or {}, new.get("spec") or {}
    freed = bool(was.get("unschedulable")) and not now.get("unschedulable")
    changes = {
        ClusterEvent.NODE_ALLOCATABLE: allocatable(old) != allocatable(new),
        ClusterEvent.NODE_LABEL: labels_of(old) != labels_of(new),
        ClusterEvent.NODE_TAINT: freed or (was.get("taints") or []) != (now.get("taints") or []),
    }
    return [event for event, happened in changes.items() if happened]


def assigned_pod_changes(old: Object, new: Object) -> list[ClusterEvent]:
    """What changed in a Pod on a node that may help others."""
    changes = {
        ClusterEvent.ASSIGNED_POD_LABEL: labels_of(old) != labels_of(new),
        ClusterEvent.ASSIGNED_POD_SCALE_DOWN: asks_for_less(old, new),
    }
    return [event for event, happened in changes.items() if happened]


def waiting_pod_changes(old: Object, new: Object) -> list[ClusterEvent]:
    """What changed in a Pod that waits and may help itself."""
    was, now = old["spec"], new["spec"]
    changes = {
        ClusterEvent.POD_LABEL: labels_of(old) != labels_of(new),
        ClusterEvent.POD_SCALE_DOWN: asks_for_less(old, new),
        ClusterEvent.POD_TOLERATION: was.get("tolerations") != now.get("tolerations"),
        ClusterEvent.POD_GATES: bool(was.get("schedulingGates")) and not now.get("schedulingGates"),
    }
    return [event for event, happened in changes.items() if happened]


def asks_for_less(old: Object, new: Object) -> bool:
    """Whether a Pod requests less of anything than it did."""
    if old["spec"] is new["spec"]:
        return False
    was, now = pod_requests(old["spec"]), pod_requests(new["spec"])
    return any(now.get(name, 0) < amount for name, amount in was.items())


def labels_of(obj: Object) -> dict[str, str]:
    """The labels of an object, none if it has none."""
    return obj["metadata"].get("labels") or {}


def allocatable(node: Object) -> dict[str, str]:
    """What a node has to give, as it says itself."""
    return (node.get("status") or {}).get("allocatable") or {}
