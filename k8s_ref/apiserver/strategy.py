"""Strategies · 策略

One generic registry stores every kind; what differs between kinds when they are written is a
row of this table: who counts generations, what a new object's status is, how long a deletion
takes, what a DELETE answers, which field a watcher may name to sleep through all others.

Upstream: pkg/registry/core/pod/strategy.go, pkg/registry/apps/replicaset/strategy.go and so on
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.validation_ephemeral import guests_of
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, set_condition, with_path
from k8s_ref.machinery.qos import qos_class

GUESTS = "ephemeralcontainers"
"""The one subresource besides the object itself that writes a specification."""


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

    def keeps(self, subresource: str) -> tuple[str, ...]:
        """What of the metadata a write through this subresource may not change."""
        if subresource == GUESTS:
            return ("labels", "annotations", "finalizers", "ownerReferences")
        return self.status_keeps if subresource == "status" else ()


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


def _pod_update(new: Object, old: Object, subresource: str) -> Object:
    return guests_of(new, old) if subresource == GUESTS else new


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
    name = namespace["metadata"].get("name", "")
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


def _approved(new: Object, old: Object, subresource: str) -> Object:
    """Of a request for a certificate nothing changes but the verdict, which is of ``approval``."""
    if subresource != "approval":
        return {**new, "spec": old["spec"]}
    conditions = [
        {**one, "lastTransitionTime": one.get("lastTransitionTime") or one.get("lastUpdateTime")}
        for one in (new.get("status") or {}).get("conditions") or ()
    ]
    return {**old, "status": {**(old.get("status") or {}), "conditions": conditions}}


def _new_definition(crd: Object) -> Object:
    stored = _stored(crd)
    status = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""},
              "storedVersions": stored or None}  # fmt: skip
    return {**crd, "status": status}


def _stored(crd: Object) -> list[str]:
    """The name of the version in which objects are stored: one, if the definition is valid."""
    versions = crd["spec"].get("versions") or ()
    return [version.get("name", "") for version in versions if version.get("storage")]


def _definition_update(new: Object, old: Object, subresource: str) -> Object:
    """A version that was ever the stored one is remembered as long as somebody may need it."""
    stored = new["status"].get("storedVersions") or []
    more = [name for name in _stored(new) if name not in stored]
    if subresource or not more:
        return new
    return with_path(new, ("status", "storedVersions"), [*stored, *more])


def _definition_goes(crd: Object, now: str) -> Object:
    """The objects go first: a finalizer holds the definition until they are gone."""
    finalizer = "customresourcecleanup.apiextensions.k8s.io"
    finalizers = [*(crd["metadata"].get("finalizers") or ()), finalizer]
    marked = {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0, "finalizers": finalizers}
    condition = {
        "type": "Terminating",
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion;"
        " CustomResource deletion will begin soon",
    }
    conditions = set_condition(crd["status"].get("conditions") or [], condition, now)
    going: Object = with_path(crd, ("status", "conditions"), conditions)
    return {**going, "metadata": {**crd["metadata"], **marked}}


def _empty_status(obj: Object) -> Object:
    return {**obj, "status": {}}


def _no_disruptions(budget: Object) -> Object:
    """Nobody may be evicted until the controller has counted."""
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return {**budget, "status": dict.fromkeys(counts, 0)}


def _no_replicas(obj: Object) -> Object:
    return {**obj, "status": {"replicas": 0}}


def _first_status(**status: Any) -> Callable[[Object], Object]:
    """A new object says nothing about itself but this, whatever its creator claims."""
    return lambda obj: {**obj, "status": {**status}}


_CONTROLLER_UID, _JOB_NAME = "controller-uid", "job-name"
BATCH = "batch.kubernetes.io/"


def _new_job(job: Object) -> Object:
    """A Job selects its Pods by its own uid, unless its author insists to know better."""
    if not job["spec"].get("manualSelector"):
        job = _with_generated_selector(job)
    template = job["spec"]["template"].get("metadata") or {}
    if not job["metadata"].get("labels") and template.get("labels"):
        job = with_path(job, ("metadata", "labels"), template["labels"])
    return {**job, "status": {}}


def _with_generated_selector(job: Object) -> Object:
    meta, spec = job["metadata"], job["spec"]
    own = {_CONTROLLER_UID: meta["uid"], _JOB_NAME: meta.get("name", "")}
    own |= {f"{BATCH}{name}": value for name, value in own.items()}
    template = spec["template"].get("metadata") or {}
    labels = dict(sorted({**own, **(template.get("labels") or {})}.items()))
    selector = spec.get("selector") or {}
    match = {f"{BATCH}{_CONTROLLER_UID}": meta["uid"], **(selector.get("matchLabels") or {})}
    return {**job, "spec": {
        **spec,
        "selector": {**selector, "matchLabels": match},
        "template": {**spec["template"], "metadata": {**template, "labels": labels}},
    }}  # fmt: skip


_TEMPLATE_GENERATION = ("metadata", "annotations", "deprecated.daemonset.template.generation")


def _new_daemon_set(obj: Object) -> Object:
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled",
              "numberReady")  # fmt: skip
    status = dict.fromkeys(counts, 0)
    counted: Object = with_path(obj, _TEMPLATE_GENERATION, "1")
    return {**counted, "status": status}


def _daemon_set_update(new: Object, old: Object, subresource: str) -> Object:
    """An old way to count the versions of the template goes on beside the revisions."""
    before = (old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION[-1])
    if subresource or before is None:
        return new
    changed = new["spec"]["template"] != old["spec"]["template"]
    counted: Object = with_path(new, _TEMPLATE_GENERATION, str(int(before) + changed))
    return counted


def _new_volume(volume: Object) -> Object:
    born = volume["metadata"]["creationTimestamp"]
    return {**volume, "status": {"phase": "Pending", "lastPhaseTransitionTime": born}}


_SPEC = ("spec",)

EVENT_SECONDS = 3600
"""Events are news: after an hour they are gone."""

STRATEGIES: dict[str, Strategy] = {
    "pods": Strategy(
        _new_pod,
        _pod_update,
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
    "statefulsets.apps": Strategy(_first_status(replicas=0, availableReplicas=0), generation=_SPEC),
    "daemonsets.apps": Strategy(_new_daemon_set, _daemon_set_update, generation=_SPEC),
    "jobs.batch": Strategy(_new_job, generation=_SPEC, collected="Orphan"),
    "events": Strategy(collected="", ttl=EVENT_SECONDS),
    "events.events.k8s.io": Strategy(collected="", ttl=EVENT_SECONDS),
    "priorityclasses.scheduling.k8s.io": Strategy(generation=("value",)),
    "endpointslices.discovery.k8s.io": Strategy(generation=("endpoints", "ports", "addressType")),
    "podtemplates": Strategy(generation=("template",), returns_deleted=True),
    "poddisruptionbudgets.policy": Strategy(_no_disruptions, generation=_SPEC),
    "resourcequotas": Strategy(_empty_status, returns_deleted=True),
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": Strategy(
        generation=("webhooks",)
    ),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": Strategy(
        generation=("webhooks",)
    ),
    "networkpolicies.networking.k8s.io": Strategy(generation=_SPEC),
    "ingresses.networking.k8s.io": Strategy(_first_status(loadBalancer={}), generation=_SPEC),
    "ingressclasses.networking.k8s.io": Strategy(generation=_SPEC),
    "cronjobs.batch": Strategy(_empty_status, generation=_SPEC),
    "services": Strategy(returns_deleted=True),
    "customresourcedefinitions.apiextensions.k8s.io": Strategy(
        _new_definition, _definition_update, generation=_SPEC, begins=_definition_goes
    ),
    "apiservices.apiregistration.k8s.io": Strategy(lambda obj: {**obj, "status": {}}),
    "serviceaccounts": Strategy(returns_deleted=True),
    "persistentvolumes": Strategy(_new_volume, returns_deleted=True),
    "persistentvolumeclaims": Strategy(_first_status(phase="Pending"), returns_deleted=True),
    "flowschemas.flowcontrol.apiserver.k8s.io": Strategy(_empty_status, generation=_SPEC),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": Strategy(
        _empty_status, generation=_SPEC
    ),
    "validatingadmissionpolicies.admissionregistration.k8s.io": Strategy(
        _empty_status, generation=_SPEC
    ),
    "certificatesigningrequests.certificates.k8s.io": Strategy(_empty_status, _approved),
    "volumeattachments.storage.k8s.io": Strategy(_first_status(attached=False)),
}


CREATED_BY_UPDATES = frozenset(
    (
        "leases.coordination.k8s.io", "services", "endpoints", "events", "events.events.k8s.io",
        "limitranges", "podtemplates", "priorityclasses.scheduling.k8s.io",
        "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
    )
)  # fmt: skip
"""Kinds of which a PUT makes what is not there."""


def created_by_update(request: Request) -> bool:
    """Whether a PUT may create; not if it says which version it means to replace."""
    if request.subresource or request.kind.resource not in CREATED_BY_UPDATES:
        return False
    return request.body["metadata"].get("resourceVersion") in (None, "", "0")


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
    declared = (row["jsonPath"].removeprefix(".") for row in kind.declared("selectableFields"))
    more = FIELDS.get(kind.resource, "").split()
    return {"metadata.name", "metadata.namespace", *more, *declared}


def strategy_of(kind: Kind) -> Strategy:
    """The row of a kind; most kinds have nothing special about them."""
    if kind.definition is not None:
        return _PLAIN
    return STRATEGIES.get(kind.resource, _PLAIN)


_PLAIN = Strategy()
