"""Admission on the node · 节点上的准入

The kubelet has the last word: the scheduler decided on what it knew, and whoever binds a Pod by
hand asked nobody.  A Pod that does not fit the machine, or does not belong on it, is not started;
it fails, with the reason, and stays for people to read.

Upstream: pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/kubelet.go (canAdmitPod, rejectPod)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import milli, value
from k8s_ref.machinery.selectors import matches_node_selector
from k8s_ref.machinery.taints import tolerates
from k8s_ref.node.node_status import Machine
from k8s_ref.node.pod_actions import is_sidecar

COUNTED = ("cpu", "memory", "ephemeral-storage")
Amounts = dict[str, int]
"""By resource; CPU in thousandths, and the Pod itself as one of ``pods``."""


@dataclass(slots=True, frozen=True)
class Refusal:
    """Why a Pod is not started here."""

    reason: str
    message: str


def requests_of(pod: Object) -> Amounts:
    """What a Pod needs: all containers together or, if that is more, what it takes to start them.

    >>> requests_of({"spec": {"containers": [{"resources": {"requests": {"cpu": "2"}}}]}})
    {'pods': 1, 'cpu': 2000, 'memory': 0, 'ephemeral-storage': 0}
    """
    spec = pod["spec"]
    return {"pods": 1} | {name: _needs(spec, name) for name in COUNTED}


def _needs(spec: Object, name: str) -> int:
    def asked(holder: Object) -> int:
        return _amount(name, (holder.get("resources") or {}).get("requests") or {})

    beside = start = 0
    for container in spec.get("initContainers") or ():
        if is_sidecar(container):
            beside += asked(container)
        start = max(start, beside + (0 if is_sidecar(container) else asked(container)))
    total = max(start, beside + sum(map(asked, spec["containers"])))
    return (asked(spec) or total) + _amount(name, spec.get("overhead") or {})


def _amount(name: str, quantities: Object) -> int:
    quantity = quantities.get(name, 0)
    return milli(quantity) if name == "cpu" else value(quantity)


def out_of(machine: Machine, needs: Amounts, others: Iterable[Amounts]) -> Refusal | None:
    """The first resource of which too little is left beside the other Pods."""
    used = list(others)
    capacity = {
        "pods": int(machine.pods),
        "cpu": milli(machine.cpu),
        "memory": value(machine.allocatable_memory),
        "ephemeral-storage": value(machine.allocatable_storage),
    }
    for name, asked in needs.items():
        taken = sum(other[name] for other in used)
        if asked and asked + taken > capacity[name]:
            numbers = f"requested: {asked}, used: {taken}, capacity: {capacity[name]}"
            message = f"Node didn't have enough resource: {name}, {numbers}"
            return Refusal(f"OutOf{name}", message)
    return None


def stays_out(pod: Object, node: Object) -> Refusal | None:
    """Whether the Pod's node selector or affinity excludes the node, or a taint the Pod."""
    spec = pod["spec"]
    labels = node["metadata"].get("labels") or {}
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    wanted = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in wanted.items()) or (
        required is not None and not matches_node_selector(required, node)
    ):
        return _predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    tolerations = spec.get("tolerations") or ()
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] == "NoExecute" and not any(tolerates(t, taint) for t in tolerations):
            return _predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None


def _predicate(name: str, why: str) -> Refusal:
    return Refusal(name, f"Predicate {name} failed: {why}")


def refused_status(pod: Object, refusal: Refusal, now: str) -> Object:
    """The status of a Pod that was never started: no containers, only why."""
    return {
        **(pod.get("status") or {}),
        "observedGeneration": pod["metadata"].get("generation", 1),
        "phase": "Failed",
        "reason": refusal.reason,
        "message": f"Pod was rejected: {refusal.message}",
        "startTime": now,
    }
