"""Validation · 校验

Whether an object may be stored.  Every kind is a row of the table: how its objects may be named,
the rule of a new object, and what of one that is there may not change.  All causes are reported
at once, so that a manifest with three mistakes is not sent three times.

Upstream: pkg/apis/*/validation/, apiserver/pkg/registry/rest/{create,update}.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from k8s_ref.apiserver import validation_apps as apps
from k8s_ref.apiserver import validation_batch as batch
from k8s_ref.apiserver import validation_core as core
from k8s_ref.apiserver import validation_extension as extension
from k8s_ref.apiserver import validation_network as network
from k8s_ref.apiserver import validation_policy as policy
from k8s_ref.apiserver import validation_rbac as rbac
from k8s_ref.apiserver import validation_storage as storage
from k8s_ref.apiserver import validation_workloads as workloads
from k8s_ref.apiserver.crd_validation import definition, definition_update
from k8s_ref.apiserver.validation_apiservice import api_service, api_service_update
from k8s_ref.apiserver.validation_meta import known_finalizers, metadata, metadata_update
from k8s_ref.apiserver.validation_names import Test, dns_label, dns_subdomain
from k8s_ref.apiserver.validation_pod import new_pod_spec
from k8s_ref.apiserver.validation_pod_update import pod_update
from k8s_ref.apiserver.validation_rules import Rule, always, anything, struct
from k8s_ref.apiserver.validation_service import service, service_update
from k8s_ref.machinery.errors import Cause
from k8s_ref.machinery.meta import Object

# From the new and the old object to what may not become of the one.
Change: TypeAlias = Callable[[Object, Object], Iterable[Cause]]


def _again(rule: Rule) -> Change:
    return lambda new, old: rule(new, "")


@dataclass(slots=True, frozen=True)
class _Kind:
    """What is asked about a kind; by default nothing but well-formed metadata."""

    rule: Rule = anything
    change: Change = lambda new, old: ()
    name: Test | None = dns_subdomain
    # Whether the rule looks at the status, which otherwise only controllers write.
    status: bool = False


def _spec(rule: Rule) -> Rule:
    return struct(always("spec", rule, {}))


def _with_selector(rule: Rule) -> _Kind:
    def change(new: Object, old: Object) -> Iterator[Cause]:
        yield from rule(new, "")
        yield from apps.same_selector(new, old)

    return _Kind(rule, change)


def _same(rule: Rule) -> _Kind:
    """The same is asked of what is new and of what replaces it."""
    return _Kind(rule, _again(rule))


def _binding(*kinds: str) -> _Kind:
    check = rbac.binding(*kinds)
    return _Kind(check, rbac.binding_update(check), rbac.path_segment)


_template = struct(always("template", apps.pod_template, {}))

_KINDS = {
    "Pod": _Kind(_spec(new_pod_spec), pod_update),
    "PodTemplate": _Kind(_template, _again(_template)),
    "ReplicaSet": _with_selector(_spec(apps.replica_set)),
    "Deployment": _with_selector(_spec(apps.deployment)),
    "Node": _Kind(core.node, core.node_update, status=True),
    "Namespace": _Kind(core.namespace, core.namespace_update, dns_label, status=True),
    "Event": _Kind(core.event, core.event_update, rbac.path_segment),
    "PriorityClass": _Kind(core.priority_class, core.priority_class_update),
    "Lease": _Kind(core.lease, _again(core.lease)),
    "ConfigMap": _Kind(core.config_map, core.config_map_update),
    "Secret": _Kind(core.secret, core.secret_update),
    "Role": _Kind(rbac.role, _again(rbac.role), rbac.path_segment),
    "ClusterRole": _Kind(rbac.cluster_role, _again(rbac.cluster_role), rbac.path_segment),
    "RoleBinding": _binding("Role", "ClusterRole"),
    "ClusterRoleBinding": _binding("ClusterRole"),
    "Service": _Kind(service, service_update, name=dns_label),
    "CustomResourceDefinition": _Kind(definition, definition_update, name=None),
    "APIService": _Kind(api_service, api_service_update, name=None),
}
_KINDS |= {
    "ReplicationController": _same(_spec(workloads.replication_controller)),
    "StatefulSet": _Kind(_spec(workloads.stateful_set), workloads.stateful_set_update),
    "DaemonSet": _with_selector(_spec(workloads.daemon_set)),
    "ControllerRevision": _Kind(
        workloads.controller_revision, workloads.controller_revision_update
    ),
    "Job": _Kind(batch.job, batch.job_update),
    "CronJob": _Kind(batch.cron_job, batch.cron_job_update),
    "Ingress": _same(network.ingress),
    "IngressClass": _Kind(network.ingress_class, network.ingress_class_update),
    "NetworkPolicy": _same(network.network_policy),
    "Endpoints": _same(network.endpoints),
    "EndpointSlice": _Kind(network.endpoint_slice, network.endpoint_slice_update),
    "PersistentVolume": _Kind(storage.volume, storage.volume_update),
    "PersistentVolumeClaim": _Kind(storage.claim, storage.claim_update),
    "StorageClass": _Kind(storage.storage_class, storage.storage_class_update),
    "VolumeAttributesClass": _Kind(change=storage.attributes_class_update),
    "CSIDriver": _Kind(storage.csi_driver, storage.csi_driver_update),
    "CSINode": _Kind(change=storage.csi_node_update),
    "VolumeAttachment": _Kind(storage.attachment, storage.attachment_update),
    "HorizontalPodAutoscaler": _same(policy.autoscaler),
    "PodDisruptionBudget": _same(policy.budget),
    "LimitRange": _same(policy.limit_range),
    "ResourceQuota": _Kind(policy.resource_quota, policy.resource_quota_update),
    "MutatingWebhookConfiguration": _same(extension.webhooks),
    "ValidatingWebhookConfiguration": _same(extension.webhooks),
    "ValidatingAdmissionPolicy": _same(extension.policy),
    "ValidatingAdmissionPolicyBinding": _same(extension.policy_binding),
    "CertificateSigningRequest": _Kind(extension.signing_request),
    "RuntimeClass": _Kind(extension.runtime_class, extension.runtime_class_update),
    "FlowSchema": _same(extension.flow_schema),
}
_OTHER = _Kind()


def validate(kind_name: str, obj: Object) -> list[Cause]:
    """All that is wrong with a new object; it can be stored if that is nothing.

    >>> pod = {"metadata": {"name": "web"}, "spec": {"restartPolicy": "Always"}}
    >>> [str(cause) for cause in validate("Pod", pod)]
    ['spec.containers: Required value', 'spec.dnsPolicy: Required value']
    """
    kind = _KINDS.get(kind_name, _OTHER)
    causes = list(metadata(obj["metadata"], "metadata", kind.name)) if kind.name else []
    causes.extend(kind.rule(obj, ""))
    return causes


def validate_update(kind_name: str, new: Object, old: Object) -> list[Cause]:
    """All that speaks against replacing ``old`` by ``new``.

    Causes about the metadata come twice, because upstream asks twice: once for every kind alike,
    once with the rules of the kind.  A part that is the very same object is not looked at again.
    """
    kind = _KINDS.get(kind_name, _OTHER)
    causes: list[Cause] = []
    if new["metadata"] is not old["metadata"]:
        causes.extend(metadata_update(new["metadata"], old["metadata"], "metadata"))
        causes *= 2
        if kind.name is not None:
            causes.extend(known_finalizers(new["metadata"], "metadata"))
    apart = _APART if kind.status else _APART | {"status"}
    if any(new.get(part) is not old.get(part) for part in (*new, *old) if part not in apart):
        causes.extend(kind.change(new, old))
    return causes


_APART = frozenset(("metadata", "apiVersion", "kind"))
