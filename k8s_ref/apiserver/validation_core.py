"""Validation of the small core kinds · 其他核心种类的校验

Nodes, Leases, ConfigMaps, Secrets and Events: each is short enough to be one table or one
function, with what may not change right below it.

Upstream: pkg/apis/core/validation/validation.go, events.go, pkg/apis/coordination/validation/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator

from k8s_ref.apiserver.validation_meta import finalizer, metadata
from k8s_ref.apiserver.validation_names import cidr_problems, config_key_problems, dns_subdomain
from k8s_ref.apiserver.validation_rules import (
    always,
    amount_not_negative,
    each,
    immutable,
    label_name,
    more_than,
    not_negative,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import TAINT_EFFECT
from k8s_ref.machinery.errors import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    required,
    too_long,
)
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_value_problems

# Nodes.

_taint = struct(
    always("key", label_name),
    row("value", text(label_value_problems)),
    always("effect", TAINT_EFFECT),
)


def _taints(node: Object, path: str) -> Iterator[Cause]:
    """No two taints of the same key and effect; upstream reports them under the metadata."""
    seen = set()
    for index, taint in enumerate((node.get("spec") or {}).get("taints") or ()):
        place = f"metadata.taints[{index}]"
        yield from _taint(taint, place)
        pair = taint.get("key"), taint.get("effect")
        if pair in seen:
            problem = "taints must be unique by key and effect pair"
            cause = duplicate(place, _taint_in_go(taint))
            yield cause._replace(message=f"{cause.message}: {problem}")
        seen.add(pair)


def _taint_in_go(taint: Object) -> Object:
    names = {"Key": "key", "Value": "value", "Effect": "effect"}
    shown: Object = {go: taint.get(name) or "" for go, name in names.items()}
    return {**shown, "TimeAdded": taint.get("timeAdded")}


def _amounts(value: Object, path: str) -> Iterator[Cause]:
    for name in sorted(value):
        yield from amount_not_negative(value[name], f"{path}.{name}")


node = struct(
    whole(_taints),
    row("status", struct(row("capacity", _amounts), row("allocatable", _amounts))),
    row("spec", struct(row("podCIDRs", each(text(cidr_problems))))),
)


def node_update(new: Object, old: Object) -> Iterator[Cause]:
    """The Pod network of a node is given once; so is the provider's name for it."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if before.get("podCIDRs") and after.get("podCIDRs") != before["podCIDRs"]:
        problem = 'node updates may not change podCIDR except from "" to valid'
        yield forbidden("spec.podCIDRs", problem)
    if before.get("providerID") and after.get("providerID") != before["providerID"]:
        problem = 'node updates may not change providerID except from "" to valid'
        yield forbidden("spec.providerID", problem)
    yield from node(new, "")


# Namespaces and Leases.


def _namespace_finalizers(value: list[str], path: str) -> Iterator[Cause]:
    for name in value:
        yield from finalizer(name, path)


namespace = struct(row("spec", struct(row("finalizers", _namespace_finalizers))))


def namespace_update(new: Object, old: Object) -> Iterator[Cause]:
    """A namespace ends when it is deleted, and not because somebody says so."""
    yield from namespace(new, "")
    if new.get("status") == old.get("status"):
        return
    phase = (new.get("status") or {}).get("phase") or ""
    going = bool(new["metadata"].get("deletionTimestamp"))
    if phase != (wanted := "Terminating" if going else "Active"):
        words = "is not empty" if going else "is empty"
        problem = f"may only be '{wanted}' if `deletionTimestamp` {words}"
        yield invalid("status.Phase", phase, problem)


_lease_spec = struct(
    row("leaseDurationSeconds", more_than(0)),
    row("leaseTransitions", not_negative),
)
lease = struct(row("spec", _lease_spec))


# Priority classes.

USER_PRIORITY = 1_000_000_000
"""The most important that users may call something."""
_SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")


def priority_class(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a new PriorityClass; names of the system are not for users."""
    name = value["metadata"].get("name") or ""
    if name.startswith("system-"):
        if name not in _SYSTEM_CLASSES:
            problem = "priority class names with 'system-' prefix are reserved for system use only."
            known = f"{problem} error: {name} is not a known system priority class"
            yield forbidden("metadata.name", known)
    elif value["value"] > USER_PRIORITY:
        problem = f"maximum allowed value of a user defined priority is {USER_PRIORITY}"
        yield forbidden("value", problem)
    yield from _PREEMPTION(value.get("preemptionPolicy"), "preemptionPolicy")


_PREEMPTION = one_of("Never", "PreemptLowerPriority")


def priority_class_update(new: Object, old: Object) -> Iterator[Cause]:
    """The number stays: Pods carry it already."""
    if new.get("value") != old.get("value"):
        yield forbidden("value", "may not be changed in an update.")
    yield from immutable(
        new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy"
    )


# ConfigMaps and Secrets.

DATA_LIMIT = 1024 * 1024
"""Bytes that all values of a ConfigMap or a Secret may have together."""


def config_map(value: Object, path: str) -> Iterator[Cause]:
    """Keys that can be names of files, each in only one of the two maps, and not too large."""
    data, binary = value.get("data") or {}, value.get("binaryData") or {}
    for key in sorted(data):
        yield from _config_key(key, f"data[{key}]")
        if key in binary:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in sorted(binary):
        yield from _config_key(key, f"binaryData[{key}]")
    if sum(len(text.encode()) for text in data.values()) + _size(binary) > DATA_LIMIT:
        # Upstream names no field here, and this is how no field reads.
        yield too_long("[]", DATA_LIMIT)


_config_key = text(config_key_problems)


def _size(encoded: Object) -> int:
    """How many bytes these values in base64 are."""
    return sum(len(text) * 3 // 4 - text[-2:].count("=") for text in encoded.values() if text)


def _still(new: Object, old: Object, *fields: str) -> Iterator[Cause]:
    """Who set ``immutable`` gave up to change the data, and to change that."""
    if not old.get("immutable"):
        return
    problem = "field is immutable when `immutable` is set"
    for name in ("immutable", *fields):
        if (new.get(name) or None) != (old.get(name) or None):
            yield forbidden(name, problem)


def config_map_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the ConfigMap that is to replace ``old``."""
    yield from _still(new, old, "data", "binaryData")
    yield from config_map(new, "")


_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def secret(value: Object, path: str) -> Iterator[Cause]:
    """Keys that can be names of files; some types need certain keys."""
    data = value.get("data") or {}
    for key in sorted(data):
        yield from _config_key(key, f"data[{key}]")
    if _size(data) > DATA_LIMIT:
        yield too_long("data", DATA_LIMIT)
    yield from _secret_of_type(value.get("type") or "", value, data)


def _secret_of_type(kind: str, value: Object, data: Object) -> Iterator[Cause]:
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif key.startswith(".docker"):
            yield from _json_problem(data[key], f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")
    annotations = value["metadata"].get("annotations") or {}
    if kind == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT):
        yield required(f"metadata.annotations[{_ACCOUNT}]")


def _json_problem(encoded: str, path: str) -> Iterator[Cause]:
    try:
        json.loads(base64.b64decode(encoded).decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        yield invalid(path, "<secret contents redacted>", _as_go_says(error))


def _as_go_says(error: json.JSONDecodeError) -> str:
    """What Go's reader says of text that is not JSON, for the beginnings people write."""
    rest = error.doc[error.pos :].lstrip()
    if not rest:
        return "unexpected end of JSON input"
    for word in ("null", "true", "false"):
        if rest[0] == word[0]:
            at = next((i for i, (a, b) in enumerate(zip(rest, word, strict=False)) if a != b), 0)
            return f"invalid character '{rest[at]}' in literal {word} (expecting '{word[at]}')"
    return f"invalid character '{rest[0]}' looking for beginning of value"


def secret_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the Secret that is to replace ``old``."""
    yield from immutable(new.get("type"), old.get("type"), "type")
    yield from _still(new, old, "data")
    yield from secret(new, "")


# Events: the first version asks for next to nothing, the second for a full story.


def event(value: Object, path: str) -> Iterator[Cause]:
    """What is wrong with an Event of either version."""
    strict = value.get("apiVersion") != "v1"
    yield from _event_of_any_version(value, strict)
    if strict:
        yield from metadata(value["metadata"], "metadata", dns_subdomain)
        yield from _strict_event(value)


def _event_of_any_version(value: Object, strict: bool) -> Iterator[Cause]:
    involved = (value.get("regarding" if strict else "involvedObject") or {}).get("namespace")
    namespace = value["metadata"].get("namespace") or ""
    new_style = bool(value.get("eventTime"))
    homeless = ("default", "kube-system") if new_style else ("", "default")
    agree = namespace in homeless if not involved else new_style or namespace == involved
    if not agree:
        problem = "does not match event.namespace"
        yield invalid("involvedObject.namespace", involved or "", problem)
    if new_style:
        yield from _told_by(value, "reportingController" if strict else "reportingComponent")
    for problem in dns_subdomain(namespace):
        yield invalid("namespace", namespace, problem)


def _told_by(value: Object, controller: str) -> Iterator[Cause]:
    if not value.get(controller):
        yield required(controller)
    yield from label_name(value.get(controller) or "", controller)
    for name in ("reportingInstance", "action", "reason"):
        if not value.get(name):
            yield required(name)
        yield from _at_most(128, value.get(name), name)
    yield from _at_most(1024, value.get("note") or value.get("message"), "message")


def _at_most(limit: int, value: str | None, name: str) -> Iterable[Cause]:
    if len((value or "").encode()) <= limit:
        return ()
    return (invalid(name, "", f"can have at most {limit} characters"),)


def _strict_event(value: Object) -> Iterator[Cause]:
    yield from _series(value)
    if not value.get("eventTime"):
        yield required("eventTime")
    kind = value.get("type") or ""
    if kind not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {kind}")
    for name in ("FirstTimestamp", "LastTimestamp", "Count", "Source"):
        if value.get(f"deprecated{name}"):
            yield invalid(name[0].lower() + name[1:], "", "needs to be unset")


def _series(value: Object) -> Iterator[Cause]:
    series = value.get("series")
    if not series:
        return
    if (series.get("count") or 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")


_TOLD_ONCE = (
    ("regarding", "involvedObject"), ("reason", "reason"), ("note", "message"), ("type", "type"),
    ("eventTime", "eventTime"), ("action", "action"), ("related", "related"),
    ("reportingController", "reportingController"), ("reportingInstance", "reportingInstance"),
)  # fmt: skip


def event_update(new: Object, old: Object) -> Iterator[Cause]:
    """A full story is told once; only the series of its repetitions goes on."""
    strict = new.get("apiVersion") != "v1"
    yield from _event_of_any_version(new, strict)
    if strict:
        yield from _series(new)
        for name, shown in _TOLD_ONCE:
            yield from immutable(new.get(name), old.get(name), shown)
