"""Validation of storage · 存储的校验

Volumes, claims to them, and the classes they are made by.  Most of it can be chosen only once:
where the data lies is not something that an update can move.

Upstream: pkg/apis/core/validation/validation.go, pkg/apis/storage/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_names import dns_subdomain
from k8s_ref.apiserver.validation_rules import (
    always,
    anything,
    each,
    exactly_one,
    immutable,
    label_name,
    must,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector, node_selector
from k8s_ref.apiserver.validation_volume import HOST_PATH
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object

MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODE = one_of("Block", "Filesystem")


def _access_modes(value: list[str], path: str) -> Iterator[Cause]:
    for mode in value:
        if mode not in MODES:
            yield not_supported(path, mode, MODES)
    if "ReadWriteOncePod" in value and set(value) & {*MODES[:3]}:
        yield forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _more_than_nothing(value: str, path: str) -> Iterator[Cause]:
    if quantity.parse(value).nanos <= 0:
        yield invalid(path, quantity.canonical(value), "must be greater than zero")


# Volumes.


def _capacity(spec: Object, path: str) -> Iterator[Cause]:
    capacity = spec.get("capacity")
    if not capacity:
        yield required(f"{path}.capacity")
    if "storage" not in (capacity or {}) or len(capacity or {}) > 1:
        yield not_supported(f"{path}.capacity", capacity, ("storage",))
    for name, amount in (capacity or {}).items():
        yield from _more_than_nothing(amount, f"{path}.capacity[{name}]")


SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd",
    "quobyte", "cephfs", "iscsi", "cinder", "fc", "azureFile", "vsphereVolume",
    "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi",
    "flexVolume",
)  # fmt: skip
"""Where the data of a volume can lie."""
_RULES = {
    "hostPath": HOST_PATH,
    "nfs": struct(must("server"), must("path")),
    "csi": struct(must("driver", text(dns_subdomain)), must("volumeHandle")),
    "local": struct(must("path")),
}
_source = exactly_one(
    "must specify a volume type",
    "may not specify more than 1 volume type",
    **{name: _RULES.get(name, anything) for name in SOURCES},
)


def _recycled(spec: Object, path: str) -> Iterator[Cause]:
    root = (spec.get("hostPath") or {}).get("path") == "/"
    if root and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        problem = "may not be 'recycle' for a hostPath mount of '/'"
        yield forbidden(f"{path}.persistentVolumeReclaimPolicy", problem)


def _where(spec: Object, path: str) -> Iterator[Cause]:
    affinity = (spec.get("nodeAffinity") or {}).get("required")
    if affinity is not None:
        yield from node_selector(affinity, f"{path}.nodeAffinity.required")
    elif spec.get("local") is not None:
        yield required(f"{path}.nodeAffinity", "Local volume requires node affinity")


_volume_spec = struct(
    must("accessModes", _access_modes),
    whole(_capacity),
    row("persistentVolumeReclaimPolicy", one_of("Delete", "Recycle", "Retain")),
    whole(_where),
    whole(_source),
    whole(_recycled),
    row("storageClassName", text(dns_subdomain)),
    row("volumeMode", VOLUME_MODE),
)


def volume(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a PersistentVolume."""
    return _volume_spec(value.get("spec") or {}, "spec")


def volume_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the PersistentVolume that is to replace ``old``."""
    after, before = new["spec"], old["spec"]
    yield from volume(new, "")
    if any(after.get(name) != before.get(name) for name in SOURCES):
        problem = "spec.persistentvolumesource is immutable after creation"
        yield forbidden("spec.persistentvolumesource", problem)
    yield from immutable(after.get("volumeMode"), before.get("volumeMode"), "volumeMode")


# Claims.


def _claimed(spec: Object, path: str) -> Iterator[Cause]:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if asked is None:
        yield required(f"{path}.resources[storage]")
    else:
        yield from _more_than_nothing(asked, f"{path}.resources[storage]")


def _modes_of_claim(spec: Object, path: str) -> Iterator[Cause]:
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from _access_modes(spec.get("accessModes") or [], f"{path}.accessModes")


claim_spec = struct(
    row("selector", label_selector),
    whole(_modes_of_claim),
    whole(_claimed),
    row("storageClassName", text(dns_subdomain)),
    row("volumeMode", VOLUME_MODE),
)


def claim(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a PersistentVolumeClaim."""
    return claim_spec(value.get("spec") or {}, "spec")


CLAIM_FIXED = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName"
    " for bound claims"
)


def claim_update(new: Object, old: Object) -> Iterator[Cause]:
    """A claim may ask for more, and say later what it left open; nothing else."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    yield from claim(new, "")
    bound = (old.get("status") or {}).get("phase") == "Bound"
    free = {"resources", "volumeAttributesClassName"} if bound else {"resources"}
    free |= {n for n in ("volumeName", "storageClassName") if before.get(n) is None}
    if any(after.get(n) != before.get(n) for n in {*after, *before} - free):
        yield forbidden("spec", CLAIM_FIXED)
    if _storage(after) < _storage(before):
        problem = "field can not be less than status.capacity"
        yield forbidden("spec.resources.requests.storage", problem)


def _storage(spec: Object) -> int:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage") or "0"
    return quantity.parse(asked).nanos


# Classes.


def _parameters(value: Object, path: str) -> Iterator[Cause]:
    for key in value:
        if not key:
            yield invalid(path, key, "field can not be empty.")


storage_class = struct(
    must("provisioner", lambda value, path: label_name(value.lower(), path)),
    row("parameters", _parameters),
    row("reclaimPolicy", one_of("Delete", "Retain")),
    row("volumeBindingMode", one_of("Immediate", "WaitForFirstConsumer")),
)


def storage_class_update(new: Object, old: Object) -> Iterator[Cause]:
    """What made a volume has to be there to tell how it was made."""
    yield from storage_class(new, "")
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        yield from immutable(new.get(name), old.get(name), name)


def attributes_class_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the VolumeAttributesClass that is to replace ``old``."""
    yield from immutable(new.get("driverName"), old.get("driverName"), "driverName")
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        yield forbidden("parameters", "updates to parameters are forbidden.")


# Drivers, and what they hold.

_driver_spec = struct(
    row("fsGroupPolicy", one_of("File", "None", "ReadWriteOnceWithFSType")),
    row("volumeLifecycleModes", each(one_of("Ephemeral", "Persistent"))),
)
csi_driver = struct(always("spec", _driver_spec, {}))


def csi_driver_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the CSIDriver that is to replace ``old``."""
    yield from csi_driver(new, "")
    after, before = new["spec"], old["spec"]
    for name, shown in (
        ("attachRequired", "attachedRequired"),
        ("fsGroupPolicy", "fsGroupPolicy"),
        ("volumeLifecycleModes", "volumeLifecycleModes"),
    ):
        if after.get(name) != before.get(name):
            yield invalid(f"spec.{shown}", after.get(name), "field is immutable")


def csi_node_update(new: Object, old: Object) -> Iterator[Cause]:
    """A driver keeps its name for the node as long as it is there."""
    before = {driver.get("name"): driver for driver in (old.get("spec") or {}).get("drivers") or ()}
    for driver in (new.get("spec") or {}).get("drivers") or ():
        if (was := before.get(driver.get("name"))) is not None and was != driver:
            shown = {name[:1].upper() + name[1:]: driver.get(name) for name in _OF_DRIVER}
            yield invalid("spec.drivers", shown, "field is immutable")


_OF_DRIVER = ("name", "nodeID", "topologyKeys", "allocatable")


def _attached(value: Any, path: str) -> Iterator[Cause]:
    source = value.get("source") or {}
    if not source.get("persistentVolumeName") and not source.get("inlineVolumeSpec"):
        problem = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        yield required(f"{path}.source", problem)


_attachment_spec = struct(must("attacher"), must("nodeName"), whole(_attached))
attachment = struct(always("spec", _attachment_spec, {}))


def attachment_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the VolumeAttachment that is to replace ``old``."""
    yield from attachment(new, "")
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if after != before:
        source = after.get("source") or {}
        shown = {
            "Attacher": after.get("attacher"),
            "Source": {
                "PersistentVolumeName": source.get("persistentVolumeName"),
                "InlineVolumeSpec": source.get("inlineVolumeSpec"),
            },
            "NodeName": after.get("nodeName"),
        }
        yield invalid("spec", shown, "field is immutable")
