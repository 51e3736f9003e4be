"""Validation of volumes · 卷的校验

A volume of a Pod has a name and exactly one source.  Each kind of source is a row of the table at
the end; sources that no part of this project can mount are let through as they are.

Upstream: pkg/apis/core/validation/validation.go (ValidateVolumes)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from k8s_ref.apiserver.validation_names import (
    absolute_path_problems,
    config_key_problems,
    descending_path,
    dns_label,
    dns_subdomain,
    no_parents,
)
from k8s_ref.apiserver.validation_rules import (
    anything,
    between,
    each,
    exactly_one,
    label_name,
    must,
    once,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object

CONTAINER_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
"""What a container can be told about its own resources."""

_SUBSCRIPTED = ("metadata.annotations", "metadata.labels")
_KNOWN_FIELDS = frozenset((
    *_SUBSCRIPTED, "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
    "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
))  # fmt: skip
_FIELDS_FOR_FILES = (*_SUBSCRIPTED, "metadata.name", "metadata.namespace", "metadata.uid")


def field_reference(value: Object, path: str, allowed: tuple[str, ...]) -> Iterator[Cause]:
    """A field of the Pod itself, one of those allowed here or one label or annotation."""
    written = value.get("fieldPath") or ""
    name, bracket, rest = written.partition("['")
    if not written:
        yield required(f"{path}.fieldPath")
    elif bracket and name in _SUBSCRIPTED:
        yield from label_name(rest.removesuffix("']"), path)
    elif bracket:
        yield _not_convertible(path, written, "field label does not support subscript")
    elif name not in _KNOWN_FIELDS:
        yield _not_convertible(path, written, "field label not supported")
    elif name not in allowed:
        yield not_supported(f"{path}.fieldPath", name, sorted(allowed))


def _not_convertible(path: str, written: str, problem: str) -> Cause:
    return invalid(
        f"{path}.fieldPath", written, f"error converting fieldPath: {problem}: {written}"
    )


def resource_reference(value: Object, path: str) -> Iterator[Cause]:
    """A request or limit of a container, divided by something sensible."""
    name = value.get("resource") or ""
    if not name:
        yield required(f"{path}.resource")
    elif name not in CONTAINER_RESOURCES and ".hugepages-" not in name:
        yield not_supported(f"{path}.resource", name, CONTAINER_RESOURCES)
    divisor = quantity.canonical(value.get("divisor") or "0")
    allowed, words = _DIVISORS.get(name.partition(".")[2], ((divisor,), ""))
    if divisor not in ("0", *allowed):
        problem = f"only divisor's values {words} are supported with the {name.partition('.')[2]}"
        yield invalid(f"{path}.divisor", name, f"{problem} resource")


_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {
    "cpu": (("1m", "1"), "1m and 1"),
    "memory": (_SIZES, ", ".join(_SIZES)),
    "ephemeral-storage": (_SIZES, ", ".join(_SIZES)),
}

file_mode = between(0, 0o777, "must be a number between 0 and 0777 (octal), both inclusive")

_file = struct(
    must("key", text(config_key_problems)),
    must("path", text(descending_path)),
    row("mode", file_mode),
)


def _one_reference(value: Object, path: str) -> Iterable[Cause]:
    both = value.get("fieldRef"), value.get("resourceFieldRef")
    if all(both):
        problem = "fieldRef and resourceFieldRef can not be specified simultaneously"
        return (invalid(path, "resource", problem),)
    problem = "one of fieldRef and resourceFieldRef is required"
    return () if any(both) else (required(path, problem),)


def _resource_of_a_container(value: Object, path: str) -> Iterator[Cause]:
    """A volume belongs to no container, so the container must be named."""
    if value.get("containerName"):
        yield from resource_reference(value, path)
    else:
        yield required(f"{path}.containerName")


_api_file = struct(
    must("path", text(descending_path)),
    row("fieldRef", lambda value, path: field_reference(value, path, _FIELDS_FOR_FILES)),
    row("resourceFieldRef", _resource_of_a_container),
    whole(_one_reference),
    row("mode", file_mode),
)


def _empty_dir(value: Object, path: str) -> Iterator[Cause]:
    if quantity.parse(value.get("sizeLimit") or "0").nanos < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


HOST_PATH = struct(
    must("path", text(no_parents)),
    row(
        "type",
        one_of(
            "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
            "FileOrCreate", "Socket",
        ),
    ),
)  # fmt: skip
"""A directory of the node itself."""


def _duration(value: int, path: str) -> Iterator[Cause]:
    if value < 600:
        yield invalid(path, value, "may not specify a duration less than 10 minutes")
    elif value > 1 << 32:
        yield invalid(path, value, "may not specify a duration larger than 2^32 seconds")


_projection = exactly_one(
    "",
    "may not specify more than 1 volume type per source",
    secret=struct(must("name"), row("items", each(_file))),
    configMap=struct(must("name"), row("items", each(_file))),
    downwardAPI=struct(row("items", each(_api_file))),
    serviceAccountToken=struct(row("expirationSeconds", _duration)),
    clusterTrustBundle=anything,
    podCertificate=anything,
)


def _projected(value: Object, path: str) -> Iterator[Cause]:
    yield from each(_projection)(value.get("sources") or (), f"{path}.sources")
    for source in value.get("sources") or ():
        # Upstream reports this one at the volume, not at its source.
        if (token := source.get("serviceAccountToken")) and not token.get("path"):
            yield required(f"{path}.path")


_MODE = row("defaultMode", file_mode)

_source = exactly_one(
    "must specify a volume type",
    "may not specify more than 1 volume type",
    emptyDir=_empty_dir,
    hostPath=HOST_PATH,
    gitRepo=struct(must("repository")),
    gcePersistentDisk=struct(must("pdName")),
    awsElasticBlockStore=struct(must("volumeID")),
    secret=struct(must("secretName"), _MODE, row("items", each(_file))),
    nfs=struct(must("server"), must("path", text(absolute_path_problems))),
    iscsi=anything,
    glusterfs=anything,
    flocker=anything,
    rbd=anything,
    cephfs=anything,
    cinder=anything,
    downwardAPI=struct(_MODE, row("items", each(_api_file))),
    fc=anything,
    flexVolume=anything,
    persistentVolumeClaim=struct(must("claimName")),
    configMap=struct(must("name"), _MODE, row("items", each(_file))),
    azureFile=anything,
    vsphereVolume=anything,
    quobyte=anything,
    azureDisk=anything,
    photonPersistentDisk=anything,
    portworxVolume=anything,
    scaleIO=anything,
    storageos=anything,
    # The one of the token of the account is in every Pod.
    projected=once(struct(_MODE, whole(_projected))),
    csi=struct(must("driver", text(dns_subdomain))),
    ephemeral=struct(must("volumeClaimTemplate")),
    image=struct(row("pullPolicy", one_of("Always", "IfNotPresent", "Never"))),
)


volumes = each(struct(whole(_source), must("name", text(dns_label))), unique="name")
