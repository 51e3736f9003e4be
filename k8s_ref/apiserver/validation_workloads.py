"""Validation of the other kinds that run Pods forever · 其余长期运行 Pod 的种类的校验

ReplicationControllers, StatefulSets and DaemonSets: a template like that of a Deployment, a
selector that must find what the template makes, and a way of their own to roll out a change.  Of a
StatefulSet almost nothing may change later, since its Pods and their claims have names to keep.

Upstream: pkg/apis/apps/validation/validation.go, pkg/apis/core/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_apps import (
    amount_of,
    finds_its_pods,
    not_all,
    number_or_percent,
    pod_template,
    runs_forever,
    selector_for,
)
from k8s_ref.apiserver.validation_meta import labels_and_annotations
from k8s_ref.apiserver.validation_names import dns_label
from k8s_ref.apiserver.validation_rules import (
    Rule,
    always,
    immutable,
    must,
    not_negative,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import from_label_selector, from_labels


def _endless(kind: str) -> Rule:
    """The template of such a kind."""

    def check(spec: Object, path: str) -> Iterator[Cause]:
        template = spec.get("template") or {}
        yield from pod_template(template, f"{path}.template")
        yield from runs_forever(template.get("spec") or {}, f"{path}.template.spec", kind)

    return check


def _matching(spec: Object, path: str) -> Iterable[Cause]:
    """The selector finds what the template makes; one that cannot be read was refused before."""
    try:
        selector = from_label_selector(spec.get("selector"))
    except (ValueError, KeyError):
        return ()
    return finds_its_pods(selector, spec, path)


# ReplicationControllers: a selector is a plain map of labels, and a template may be missing.


def _map_and_template(spec: Object, path: str) -> Iterator[Cause]:
    if not spec.get("selector"):
        yield required(f"{path}.selector")
    yield from not_negative(spec.get("replicas") or 0, f"{path}.replicas")
    if spec.get("template") is None:
        yield required(f"{path}.template")
        return
    if spec.get("selector"):
        yield from finds_its_pods(from_labels(spec["selector"]), spec, path)
    yield from _endless("ReplicationController")(spec, path)


replication_controller = struct(row("minReadySeconds", not_negative), whole(_map_and_template))

# StatefulSets.


def _management(value: str, path: str) -> Iterable[Cause]:
    if value in ("OrderedReady", "Parallel"):
        return ()
    return (invalid(path, value, "must be 'OrderedReady' or 'Parallel'"),)


def _stateful_strategy(value: Object, path: str) -> Iterator[Cause]:
    kind, rolling = value.get("type"), value.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _partition(rolling or {}, f"{path}.rollingUpdate")
    elif kind != "OnDelete":
        yield invalid(path, _in_go(value, rolling), "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        shown = {"Partition": rolling.get("partition", 0), "MaxUnavailable": None}
        problem = "only allowed for updateStrategy 'RollingUpdate'"
        yield invalid(f"{path}.rollingUpdate", shown, problem)


_partition = struct(
    row("partition", not_negative),
    row("maxUnavailable", number_or_percent),
    row("maxUnavailable", not_all),
)


def _in_go(strategy: Object, rolling: Object | None) -> Object:
    return {"Type": strategy.get("type") or "", "RollingUpdate": rolling}


def _stateful_template(spec: Object, path: str) -> Iterator[Cause]:
    """Upstream does not look at the Pod itself: its volumes are the claims yet to come."""
    template = spec.get("template") or {}
    place = f"{path}.template"
    yield from labels_and_annotations(template.get("metadata") or {}, f"{place}.metadata")
    yield from runs_forever(template.get("spec") or {}, f"{place}.spec", "StatefulSet")


_RETENTION = one_of("Retain", "Delete")

stateful_set = struct(
    must("podManagementPolicy", _management),
    row("updateStrategy", _stateful_strategy),
    row(
        "persistentVolumeClaimRetentionPolicy",
        struct(row("whenDeleted", _RETENTION), row("whenScaled", _RETENTION)),
    ),
    row("replicas", not_negative),
    row("minReadySeconds", not_negative),
    row("ordinals", struct(row("start", not_negative))),
    row("serviceName", text(dns_label)),
    whole(selector_for("statefulset")),
    whole(_matching),
    whole(_stateful_template),
)

_MAY_CHANGE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


def stateful_set_update(new: Object, old: Object) -> Iterator[Cause]:
    """What is wrong with the StatefulSet that is to replace ``old``."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    yield from stateful_set(after, "spec")
    fixed = {*after, *before} - {*_MAY_CHANGE}
    if any(after.get(name) != before.get(name) for name in fixed):
        *most, last = map("'{}'".format, _MAY_CHANGE)
        yield forbidden("spec", "updates to statefulset spec for fields other than "
                        f"{', '.join(most)} and {last} are forbidden")  # fmt: skip


# DaemonSets.


def _daemon_selector(spec: Object, path: str) -> Iterator[Cause]:
    selector = spec.get("selector")
    yield from label_selector(selector or {}, f"{path}.selector")
    yield from _matching(spec, path)
    if selector == {}:
        yield invalid(f"{path}.selector", selector, "empty selector is invalid for daemonset")


def _daemon_strategy(value: Object, path: str) -> Iterator[Cause]:
    kind, rolling = value.get("type"), value.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _one_way_to_roll(rolling or {}, f"{path}.rollingUpdate")
    elif kind != "OnDelete":
        yield not_supported(path, _in_go(value, rolling), ("RollingUpdate", "OnDelete"))


def _one_way_to_roll(rolling: Object, path: str) -> Iterator[Cause]:
    """Either old Pods go first or new ones come first, on each node."""
    fewer, more = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    if amount_of(fewer) and amount_of(more):
        problem = "may not be set when maxUnavailable is non-zero"
        yield invalid(f"{path}.maxSurge", more, problem)
    elif not amount_of(fewer) and not amount_of(more):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    for name, value in (("maxUnavailable", fewer), ("maxSurge", more)):
        yield from number_or_percent(value, f"{path}.{name}")
        yield from not_all(value, f"{path}.{name}")


daemon_set = struct(
    whole(_daemon_selector),
    whole(_endless("DaemonSet")),
    row("minReadySeconds", not_negative),
    row("updateStrategy", _daemon_strategy),
    row("revisionHistoryLimit", not_negative),
)


# Revisions, in which the two above remember what they were.


def _data(value: Any, path: str) -> Iterable[Cause]:
    return () if value.get("data") is not None else (required("data", "data is mandatory"),)


controller_revision = struct(always("revision", not_negative, 0), whole(_data))


def controller_revision_update(new: Object, old: Object) -> Iterator[Cause]:
    """What happened cannot be changed."""
    yield from controller_revision(new, "")
    yield from immutable(new.get("data"), old.get("data"), "data")
