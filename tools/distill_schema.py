"""Distil the schema of the built-in kinds · 提炼内置种类的模式

Writes ``k8s_ref/machinery/schema.json``: the fields, types, required lists and merge keys of every
kind in the kinds table, and of everything they refer to.  The source is the package
``kubernetes-validate`` (Apache-2.0), which carries the OpenAPI definitions of every Kubernetes
minor; 1.36 is used, the release whose behaviour this project follows.  Descriptions are left out:
the file holds facts, not sentences.  The same source gives the same bytes.

The source knows a text field only as a string.  Which of them are named types in Go, and the
values such a type allows, is in no published schema; ``NAMED`` below adds what we know.

    pip install kubernetes-validate && python tools/distill_schema.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RELEASE = "1.36.0"
MACHINERY = Path(__file__).parent.parent / "k8s_ref" / "machinery"

# Definitions that are values to us, whatever structure they have in Go.
SCALARS = {
    "apimachinery.pkg.api.resource.Quantity": "quantity",
    "apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "apimachinery.pkg.apis.meta.v1.Time": "time",
    "apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    "apimachinery.pkg.apis.meta.v1.FieldsV1": "raw",
    "apimachinery.pkg.runtime.RawExtension": "raw",
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "raw",
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "raw",
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "raw",
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "raw",
}
FORMATS = {"int32": "int32", "int64": "int64", "double": "double", "byte": "bytes"}
ANNOTATIONS = {
    "x-kubernetes-patch-merge-key": "merge",
    "x-kubernetes-patch-strategy": "strategy",
    "x-kubernetes-list-type": "list",
    "x-kubernetes-list-map-keys": "keys",
    "x-kubernetes-map-type": "map",
}

# Requests that are not resources of their own.
EXTRA_ROOTS = (
    "apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "apimachinery.pkg.apis.meta.v1.Status",
)

# A Go type, the values it allows where upstream lists them, and below it the fields that have it.
NAMED = """
types.UID:
    meta.v1.ObjectMeta.uid
    meta.v1.OwnerReference.uid
    core.v1.ObjectReference.uid
v1.RestartPolicy: Always Never OnFailure
    core.v1.PodSpec.restartPolicy
v1.ContainerRestartPolicy:
    core.v1.Container.restartPolicy
v1.PullPolicy: Always IfNotPresent Never
    core.v1.Container.imagePullPolicy
    core.v1.EphemeralContainer.imagePullPolicy
    core.v1.ImageVolumeSource.pullPolicy
v1.DNSPolicy: ClusterFirst ClusterFirstWithHostNet Default None
    core.v1.PodSpec.dnsPolicy
v1.Protocol: SCTP TCP UDP
    core.v1.ContainerPort.protocol
    core.v1.ServicePort.protocol
    core.v1.EndpointPort.protocol
    discovery.v1.EndpointPort.protocol
    networking.v1.NetworkPolicyPort.protocol
v1.TerminationMessagePolicy: FallbackToLogsOnError File
    core.v1.Container.terminationMessagePolicy
    core.v1.EphemeralContainer.terminationMessagePolicy
v1.URIScheme: HTTP HTTPS
    core.v1.HTTPGetAction.scheme
v1.MountPropagationMode: Bidirectional HostToContainer None
    core.v1.VolumeMount.mountPropagation
v1.RecursiveReadOnlyMode:
    core.v1.VolumeMount.recursiveReadOnly
v1.TaintEffect: NoExecute NoSchedule PreferNoSchedule
    core.v1.Taint.effect
    core.v1.Toleration.effect
v1.TolerationOperator: Equal Exists
    core.v1.Toleration.operator
v1.NodeSelectorOperator: DoesNotExist Exists Gt In Lt NotIn
    core.v1.NodeSelectorRequirement.operator
v1.PreemptionPolicy: Never PreemptLowerPriority
    core.v1.PodSpec.preemptionPolicy
    scheduling.v1.PriorityClass.preemptionPolicy
v1.UnsatisfiableConstraintAction: DoNotSchedule ScheduleAnyway
    core.v1.TopologySpreadConstraint.whenUnsatisfiable
v1.NodeInclusionPolicy: Honor Ignore
    core.v1.TopologySpreadConstraint.nodeAffinityPolicy
    core.v1.TopologySpreadConstraint.nodeTaintsPolicy
v1.OSName:
    core.v1.PodOS.name
v1.HostPathType: BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket
    core.v1.HostPathVolumeSource.type
v1.StorageMedium:
    core.v1.EmptyDirVolumeSource.medium
v1.PodPhase: Failed Pending Running Succeeded Unknown
    core.v1.PodStatus.phase
v1.PodQOSClass: BestEffort Burstable Guaranteed
    core.v1.PodStatus.qosClass
v1.ConditionStatus:
    core.v1.PodCondition.status
    core.v1.NodeCondition.status
    apps.v1.DeploymentCondition.status
    apps.v1.ReplicaSetCondition.status
    batch.v1.JobCondition.status
v1.ServiceType: ClusterIP ExternalName LoadBalancer NodePort
    core.v1.ServiceSpec.type
v1.ServiceAffinity: ClientIP None
    core.v1.ServiceSpec.sessionAffinity
v1.ServiceExternalTrafficPolicy: Cluster Local
    core.v1.ServiceSpec.externalTrafficPolicy
v1.ServiceInternalTrafficPolicy: Cluster Local
    core.v1.ServiceSpec.internalTrafficPolicy
v1.IPFamilyPolicy: PreferDualStack RequireDualStack SingleStack
    core.v1.ServiceSpec.ipFamilyPolicy
v1.PersistentVolumeReclaimPolicy: Delete Recycle Retain
    core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy
    storage.v1.StorageClass.reclaimPolicy
v1.PersistentVolumeMode: Block Filesystem
    core.v1.PersistentVolumeSpec.volumeMode
    core.v1.PersistentVolumeClaimSpec.volumeMode
v1.PersistentVolumePhase: Available Bound Failed Pending Released
    core.v1.PersistentVolumeStatus.phase
v1.PersistentVolumeClaimPhase: Bound Lost Pending
    core.v1.PersistentVolumeClaimStatus.phase
v1.NamespacePhase: Active Terminating
    core.v1.NamespaceStatus.phase
v1.NodePhase: Pending Running Terminated
    core.v1.NodeStatus.phase
v1.SecretType:
    core.v1.Secret.type
v1.SeccompProfileType: Localhost RuntimeDefault Unconfined
    core.v1.SeccompProfile.type
v1.AppArmorProfileType: Localhost RuntimeDefault Unconfined
    core.v1.AppArmorProfile.type
v1.ProcMountType: Default Unmasked
    core.v1.SecurityContext.procMount
v1.PodFSGroupChangePolicy: Always OnRootMismatch
    core.v1.PodSecurityContext.fsGroupChangePolicy
v1.SupplementalGroupsPolicy: Merge Strict
    core.v1.PodSecurityContext.supplementalGroupsPolicy
v1.ScopeSelectorOperator: DoesNotExist Exists In NotIn
    core.v1.ScopedResourceSelectorRequirement.operator
v1.LimitType:
    core.v1.LimitRangeItem.type
v1.LabelSelectorOperator:
    meta.v1.LabelSelectorRequirement.operator
v1.DeploymentStrategyType: Recreate RollingUpdate
    apps.v1.DeploymentStrategy.type
v1.DaemonSetUpdateStrategyType: OnDelete RollingUpdate
    apps.v1.DaemonSetUpdateStrategy.type
v1.StatefulSetUpdateStrategyType: OnDelete RollingUpdate
    apps.v1.StatefulSetUpdateStrategy.type
v1.PodManagementPolicyType: OrderedReady Parallel
    apps.v1.StatefulSetSpec.podManagementPolicy
v1.ConcurrencyPolicy: Allow Forbid Replace
    batch.v1.CronJobSpec.concurrencyPolicy
v1.CompletionMode: Indexed NonIndexed
    batch.v1.JobSpec.completionMode
v1.PodReplacementPolicy: Failed TerminatingOrFailed
    batch.v1.JobSpec.podReplacementPolicy
v1.PodFailurePolicyAction: Count FailIndex FailJob Ignore
    batch.v1.PodFailurePolicyRule.action
v1.PodFailurePolicyOnExitCodesOperator: In NotIn
    batch.v1.PodFailurePolicyOnExitCodesRequirement.operator
v1.PathType: Exact ImplementationSpecific Prefix
    networking.v1.HTTPIngressPath.pathType
v1.VolumeBindingMode: Immediate WaitForFirstConsumer
    storage.v1.StorageClass.volumeBindingMode
v1.AddressType: FQDN IPv4 IPv6
    discovery.v1.EndpointSlice.addressType
v2.MetricSourceType:
    autoscaling.v2.MetricSpec.type
v2.MetricTargetType:
    autoscaling.v2.MetricTarget.type
v1.UnhealthyPodEvictionPolicyType: AlwaysAllow IfHealthyBudget
    policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy
v1.ResourceList:
    core.v1.ResourceRequirements.limits
    core.v1.ResourceRequirements.requests
    core.v1.VolumeResourceRequirements.limits
    core.v1.VolumeResourceRequirements.requests
    core.v1.PodSpec.overhead
    core.v1.NodeStatus.capacity
    core.v1.NodeStatus.allocatable
    core.v1.ResourceQuotaSpec.hard
    core.v1.PersistentVolumeSpec.capacity
"""


def main() -> None:
    """Write the file."""
    source = definitions()
    wanted = reachable(source, [*roots(source), *EXTRA_ROOTS])
    distilled = {name: definition(name, source[name]) for name in sorted(wanted)}
    lines = [f"  {dump(name)}: {dump(body)}" for name, body in distilled.items()]
    enums = {go: values for go, values, _ in named() if values}
    text = (
        f'{{\n "release": {dump(RELEASE)},\n "enums": {dump(enums)},\n'
        ' "definitions": {\n' + ",\n".join(lines) + "\n }\n}\n"
    )
    (MACHINERY / "schema.json").write_text(text, "utf-8")


def dump(value: Any) -> str:
    """JSON without spaces, in an order that never changes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def definitions() -> dict[str, Any]:
    """The definitions of the release, by their names without the ``io.k8s.`` they all have."""
    spec = find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise SystemExit("the definitions are missing: pip install kubernetes-validate")
    schemas = Path(spec.origin).parent / "kubernetes-json-schema" / f"v{RELEASE}-local"
    found = json.loads((schemas / "_definitions.json").read_text("utf-8"))["$defs"]
    return {name.removeprefix("io.k8s."): body for name, body in found.items()}


def roots(source: dict[str, Any]) -> Iterator[str]:
    """The definitions of the kinds in the table, and of the kinds their subresources speak."""
    wanted = set()
    for row in json.loads((MACHINERY / "kinds.json").read_text("utf-8")):
        wanted.add((row["group"], row["version"], row["kind"]))
        for sub in row.get("subresources", {}).values():
            group, version = sub.get("group", row["group"]), sub.get("version", row["version"])
            wanted.add((group, version, sub.get("kind", row["kind"])))
    for name, body in source.items():
        if wanted.intersection(gvks(body)):
            yield name


def gvks(body: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The groups, versions and kinds a definition stands for."""
    for gvk in body.get("x-kubernetes-group-version-kind", ()):
        yield gvk["group"], gvk["version"], gvk["kind"]


def reachable(source: dict[str, Any], names: list[str]) -> set[str]:
    """These definitions and all they refer to."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found and name not in SCALARS:
            found.add(name)
            names += references(source[name])
    return found


def references(schema: Any) -> Iterator[str]:
    """The names of the definitions a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield target(schema)
        for part in schema.values():
            yield from references(part)


def target(schema: dict[str, Any]) -> str:
    """The definition a ``$ref`` points to."""
    name: str = schema["$ref"].rsplit("/", 1)[1]
    return name.removeprefix("io.k8s.")


def definition(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The distilled form of one definition."""
    names = {field: go for go, _, fields in named() for field in fields}
    short = ".".join(name.split(".")[-3:])
    fields = {
        field: property_of(part, names.get(f"{short}.{field}", ""))
        for field, part in schema.get("properties", {}).items()
    }
    body: dict[str, Any] = {"fields": fields}
    if schema.get("required"):
        body["required"] = sorted(schema["required"])
    if schema.get("x-kubernetes-map-type") == "atomic":
        body["map"] = "atomic"
    known = sorted(gvks(schema))
    if len(known) == 1:
        body["gvk"] = known[0]
    return body


def property_of(schema: dict[str, Any], go: str) -> Any:
    """A field: its type, and beside it the annotations it has."""
    kind = type_of(schema) + (f":{go}" if go else "")
    notes = {short: schema[long] for long, short in ANNOTATIONS.items() if long in schema}
    return [kind, notes] if notes else kind


def type_of(schema: dict[str, Any]) -> str:
    """A type as one word: ``int32``, ``[]string``, ``{}quantity``, ``#api.core.v1.PodSpec``."""
    if "$ref" in schema:
        name = target(schema)
        return SCALARS.get(name, f"#{name}")
    kind = schema.get("type", "raw")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return f"[]{type_of(schema['items'])}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"{{}}{type_of(inner)}" if inner else "raw"
    if kind in ("integer", "number") and "format" not in schema:
        return "int64" if kind == "integer" else "double"
    return FORMATS.get(schema.get("format", ""), str(kind))


def named() -> Iterator[tuple[str, list[str], list[str]]]:
    """The entries of ``NAMED``."""
    for entry in NAMED.strip().replace("\n    ", " | ").splitlines():
        head, *fields = entry.split(" | ")
        go, values = head.split(":")
        yield go, values.split(), fields


if __name__ == "__main__":
    main()
