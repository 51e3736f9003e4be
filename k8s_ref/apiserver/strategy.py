"""Strategies · 策略

One generic registry stores every kind; what differs between kinds when they are written is a
row of this table: who counts generations, what a new object's status is, how long a deletion
takes, what a DELETE answers, which field a watcher may name to sleep through all others.

Upstream: pkg/registry/core/pod/strategy.go, pkg/registry/apps/replicaset/strategy.go and so on
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path, without_path
from k8s_ref.machinery.qos import qos_class


def _as_it_is(obj: Object) -> Object:
    return obj


Grace: TypeAlias = Callable[[Object, int | None], int]


@dataclass(slots=True, frozen=True)
class Strategy:
    """What the registry asks about a kind."""

    prepare: Callable[[Object], Object] = _as_it_is
    """Completes a new object: what a creator may not choose."""
    update: Callable[[Object, Object, str], Object] | None = None
    """Completes an update: what of the old object the new one keeps, by subresource."""
    generation: tuple[str, ...] = ()
    """The fields whose changes ``metadata.generation`` counts."""
    grace: Grace | None = None
    """Seconds between a DELETE and the end, given the seconds asked for; None: no grace at all."""
    begins: Callable[[Object, str], Object] | None = None
    """How a deletion begins, and when, if that is all the first DELETE does."""
    collected: str = "Background"
    """What becomes of dependents if nobody says; empty: the collector is not asked."""
    status_keeps: tuple[str, ...] = ()
    """What of the metadata a write of the status may not change."""
    returns_deleted: bool = False
    """Whether DELETE answers with the object instead of a Status."""
    ttl: int = 0
    """Seconds an object lives after it was last written; 0: until somebody deletes it."""
    trigger: Callable[[Object], str] | None = None
    """The field by which most watchers select, so that the others are not woken."""


def _new_pod(pod: Object) -> Object:
    status: Object = {"phase": "Pending", "qosClass": qos_class(pod)}
    if pod["spec"].get("schedulingGates"):
        gated = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": pod["metadata"]["creationTimestamp"],
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }
        status["conditions"] = [gated]
    return {**pod, "status": status}


def _pod_grace(pod: Object, asked: int | None) -> int:
    """A Pod that runs nowhere has nobody to wait for."""
    if not pod["spec"].get("nodeName") or pod["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return asked
    seconds: int = pod["spec"].get("terminationGracePeriodSeconds", 30)
    return seconds


def _node_name(pod: Object) -> str:
    return pod["spec"].get("nodeName") or ""


def _new_namespace(namespace: Object) -> Object:
    name = namespace["metadata"]["name"]
    labelled = with_path(namespace, ("metadata", "labels", "kubernetes.io/metadata.name"), name)
    spec = {**(namespace.get("spec") or {}), "finalizers": ["kubernetes"]}
    return {**labelled, "spec": spec, "status": {"phase": "Active"}}


def _namespace_update(new: Object, old: Object, subresource: str) -> Object:
    """Only ``finalize`` says who still has to empty the namespace, and says nothing else."""
    if subresource == "finalize":
        return {**new, "status": old["status"]}
    return {**new, "spec": {**(new.get("spec") or {}), "finalizers": old["spec"]["finalizers"]}}


def _terminating(namespace: Object, now: str) -> Object:
    marked = with_path(namespace, ("metadata", "deletionTimestamp"), now)
    return with_path(marked, ("status", "phase"), "Terminating")


def _without_status(obj: Object) -> Object:
    return without_path(obj, ("status",))


def _no_replicas(obj: Object) -> Object:
    return {**obj, "status": {"replicas": 0}}


_SPEC = ("spec",)

EVENT_SECONDS = 3600
"""Events are news: after an hour they are gone."""

STRATEGIES: dict[str, Strategy] = {
    "pods": Strategy(
        _new_pod,
        generation=_SPEC,
        grace=_pod_grace,
        returns_deleted=True,
        trigger=_node_name,
        status_keeps=("ownerReferences",),
    ),
    "namespaces": Strategy(
        _new_namespace, _namespace_update, begins=_terminating, returns_deleted=True
    ),
    "replicasets.apps": Strategy(_no_replicas, generation=_SPEC),
    "replicationcontrollers": Strategy(_no_replicas, generation=_SPEC, collected="Orphan"),
    "deployments.apps": Strategy(
        lambda obj: {**obj, "status": {}}, generation=_SPEC, status_keeps=("labels",)
    ),
    "statefulsets.apps": Strategy(_without_status, generation=_SPEC),
    "daemonsets.apps": Strategy(_without_status, generation=_SPEC),
    "jobs.batch": Strategy(_without_status, generation=_SPEC, collected="Orphan"),
    "events": Strategy(collected="", ttl=EVENT_SECONDS),
    "events.events.k8s.io": Strategy(collected="", ttl=EVENT_SECONDS),
    "priorityclasses.scheduling.k8s.io": Strategy(generation=("value",)),
    "endpointslices.discovery.k8s.io": Strategy(generation=("endpoints", "ports", "addressType")),
    "podtemplates": Strategy(generation=("template",), returns_deleted=True),
    "poddisruptionbudgets.policy": Strategy(generation=_SPEC),
    "networkpolicies.networking.k8s.io": Strategy(generation=_SPEC),
    "ingresses.networking.k8s.io": Strategy(generation=_SPEC),
    "ingressclasses.networking.k8s.io": Strategy(generation=_SPEC),
    "cronjobs.batch": Strategy(_without_status, generation=_SPEC),
    "services": Strategy(returns_deleted=True),
    "serviceaccounts": Strategy(returns_deleted=True),
    "persistentvolumes": Strategy(returns_deleted=True),
    "persistentvolumeclaims": Strategy(returns_deleted=True),
}


FIELDS: dict[str, str] = {
    "pods": "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName"
    " spec.hostNetwork status.phase status.podIP status.podIPs status.nominatedNodeName",
    "nodes": "spec.unschedulable",
    "namespaces": "status.phase",
    "secrets": "type",
    "services": "spec.clusterIP spec.type",
    "replicasets.apps": "status.replicas",
    "replicationcontrollers": "status.replicas",
    "jobs.batch": "status.successful",
    "events": "involvedObject.kind involvedObject.namespace involvedObject.name"
    " involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion"
    " involvedObject.fieldPath reason reportingComponent source type",
}
"""By which fields, besides name and namespace, objects of a kind may be selected."""


def selectable(kind: Kind) -> set[str]:
    """The fields a field selector may name."""
    return {"metadata.name", "metadata.namespace", *FIELDS.get(kind.resource, "").split()}


def strategy_of(kind: Kind) -> Strategy:
    """The row of a kind; most kinds have nothing special about them."""
    return STRATEGIES.get(kind.resource, _PLAIN)


_PLAIN = Strategy()
