"""Validation of limits and budgets · 限额与预算的校验

How many replicas, how many disruptions, how much of everything in a namespace: objects that only
hold numbers for others to keep to.  Numbers that contradict each other are refused here, because
whoever keeps to them could not say which of them was meant.

Upstream: pkg/apis/autoscaling/validation/, pkg/apis/policy/validation/,
pkg/apis/core/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from k8s_ref.apiserver.validation_apps import not_all, number_or_percent
from k8s_ref.apiserver.validation_rules import (
    NOT_NEGATIVE,
    Rule,
    each,
    must,
    one_of,
    row,
    struct,
    whole,
)
from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import ONE
from k8s_ref.machinery.selectors import label_key_problems

# HorizontalPodAutoscalers.

SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
"""Where a number to scale by comes from, and the field that says more."""


def _reference(value: Object, path: str) -> Iterator[Cause]:
    for name in ("kind", "name"):
        if not value.get(name):
            yield required(f"{path}.{name}")
    version = value.get("apiVersion") or ""
    if "/" not in version and value.get("kind") != "ReplicationController":
        yield invalid(f"{path}.apiVersion", version, "apiVersion must specify API group")


def _more_than_none(problem: str) -> Rule:
    def check(value: int, path: str) -> Iterator[Cause]:
        if value <= 0:
            yield invalid(path, value, problem)

    return check


def _positive_amount(value: str, path: str) -> Iterator[Cause]:
    if quantity.parse(value).nanos <= 0:
        yield invalid(path, quantity.canonical(value), "must be positive")


_target = struct(
    must("type", one_of("Utilization", "Value", "AverageValue")),
    row("value", _positive_amount),
    row("averageValue", _positive_amount),
    row("averageUtilization", _more_than_none("must be greater than 0")),
)


def _metric(value: Object, path: str) -> Iterator[Cause]:
    kind = value.get("type") or ""
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
        return
    if kind not in SOURCES:
        # Upstream looks twice.
        yield from [not_supported(f"{path}.type", kind, SOURCES)] * 2
        return
    source = value.get(SOURCES[kind])
    place = f"{path}.{SOURCES[kind]}"
    if source is None:
        yield required(place, "must populate information for the given metric source")
        return
    if kind in ("Resource", "ContainerResource") and not source.get("name"):
        yield required(f"{place}.name", "must specify a resource name")
    yield from _target(source.get("target") or {}, f"{place}.target")


def _at_most(limit: int) -> Rule:
    def check(value: int, path: str) -> Iterator[Cause]:
        if value > limit:
            yield invalid(path, value, f"must be less than or equal to {limit}")

    return check


_ABOVE_ZERO = _more_than_none("must be greater than zero")


def _not_below_zero(value: int, path: str) -> Iterator[Cause]:
    if value < 0:
        yield invalid(path, value, "must be greater than or equal to zero")


_scaling_policy = struct(
    row("type", one_of("Percent", "Pods")),
    row("value", _ABOVE_ZERO),
    row("periodSeconds", _ABOVE_ZERO),
    row("periodSeconds", _at_most(1800)),
)


def _policies(value: Object, path: str) -> Iterator[Cause]:
    if not value.get("policies"):
        yield required(f"{path}.policies", "must specify at least one Policy")
    yield from each(_scaling_policy)(value.get("policies") or (), f"{path}.policies")


_scaling = struct(
    row("stabilizationWindowSeconds", _not_below_zero),
    row("stabilizationWindowSeconds", _at_most(3600)),
    row("selectPolicy", one_of("Disabled", "Max", "Min")),
    whole(_policies),
)
_behavior = struct(row("scaleUp", _scaling), row("scaleDown", _scaling))


def _how_many(spec: Object, path: str) -> Iterator[Cause]:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        yield invalid(f"{path}.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield required(f"{path}.maxReplicas", "must be set and greater than 0")
    if least is not None and most < least:
        problem = "must be greater than or equal to `minReplicas`"
        yield invalid(f"{path}.maxReplicas", most, problem)


def _wakes_up(spec: Object, path: str) -> Iterator[Cause]:
    """Pods that are not there have no load: something else must say that one is needed."""
    kinds = {metric.get("type") for metric in spec.get("metrics") or ()}
    if spec.get("minReplicas") == 0 and not kinds & {"Object", "External"}:
        yield forbidden(f"{path}.metrics", _WOKEN)


_WOKEN = "must specify at least one Object or External metric to support scaling to zero replicas"

_autoscaler_spec = struct(
    whole(_how_many),
    whole(
        lambda spec, path: _reference(spec.get("scaleTargetRef") or {}, f"{path}.scaleTargetRef")
    ),
    row("metrics", each(_metric)),
    whole(_wakes_up),
    row("behavior", _behavior),
)


def autoscaler(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a HorizontalPodAutoscaler of either version."""
    return _autoscaler_spec(value.get("spec") or {}, "spec")


# PodDisruptionBudgets.


def _one_side(spec: Object, path: str) -> Iterator[Cause]:
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        names = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        shown = {name[0].upper() + name[1:]: spec.get(name) for name in names}
        yield invalid(path, shown, "minAvailable and maxUnavailable cannot be both set")


_budget_spec = struct(
    whole(_one_side),
    row("minAvailable", number_or_percent),
    row("minAvailable", not_all),
    row("maxUnavailable", number_or_percent),
    row("maxUnavailable", not_all),
    row("unhealthyPodEvictionPolicy", one_of("AlwaysAllow", "IfHealthyBudget")),
    row("selector", label_selector),
)


def budget(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a PodDisruptionBudget."""
    return _budget_spec(value.get("spec") or {}, "spec")


# LimitRanges.

_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")

_NOT_MORE = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""Which amount may not be more than which other, the field blamed, the value shown, the words."""


def _limit(value: Object, path: str) -> Iterator[Cause]:
    kind = value.get("type") or ""
    if "/" not in kind and kind not in _LIMIT_TYPES:
        problem = "must be a standard limit type or fully qualified"
        yield invalid(f"{path}.type", kind, problem)
    if kind == "Pod":
        for name in ("default", "defaultRequest"):
            if value.get(name):
                yield forbidden(f"{path}.{name}", "may not be specified when `type` is 'Pod'")
    if kind == "PersistentVolumeClaim" and not any(
        "storage" in (value.get(name) or {}) for name in ("min", "max")
    ):
        problem = "either minimum or maximum storage value is required, but neither was provided"
        yield required(f"{path}.limits", problem)
    groups = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
    for resource in sorted({name for group in groups for name in value.get(group) or {}}):
        yield from _amounts(value, path, resource)


def _amounts(value: Object, path: str, resource: str) -> Iterator[Cause]:
    def amount(group: str) -> Any:
        return (value.get(group) or {}).get(resource)

    for low, high, blamed, shown, words in _NOT_MORE:
        least, most = amount(low), amount(high)
        if None not in (least, most) and quantity.parse(least) > quantity.parse(most):
            problem = words.format(quantity.canonical(least), quantity.canonical(most))
            text = quantity.canonical(amount(shown))
            yield invalid(f"{path}.{blamed}[{resource}]", text, problem)
    ratio = amount("maxLimitRequestRatio")
    if ratio is not None and quantity.parse(ratio).nanos < ONE:
        text = quantity.canonical(ratio)
        field = f"{path}.maxLimitRequestRatio[{resource}]"
        yield invalid(field, text, f"ratio {text} is less than 1")


def limit_range(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a LimitRange."""
    return each(_limit)((value.get("spec") or {}).get("limits") or (), "spec.limits")


# ResourceQuotas.

_COUNTED = (
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
    "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
)  # fmt: skip
_OF_PODS = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_MEASURED = (
    *_OF_PODS, "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage",
    "requests.storage",
)  # fmt: skip
_SCOPES = {
    "BestEffort": ("pods",),
    "NotBestEffort": ("pods", *_OF_PODS),
    "Terminating": ("pods", *_OF_PODS),
    "NotTerminating": ("pods", *_OF_PODS),
    "PriorityClass": ("pods", *_OF_PODS),
    "CrossNamespacePodAffinity": ("pods", *_OF_PODS),
    "VolumeAttributesClass": ("persistentvolumeclaims", "requests.storage"),
}
"""What of a namespace a quota of only some of its objects may limit."""


def _hard(value: Object, path: str) -> Iterator[Cause]:
    for name in sorted(value):
        place = f"{path}[{name}]"
        yield from _quota_name(name, place)
        nanos = quantity.parse(value[name]).nanos
        if nanos < 0:
            yield invalid(place, quantity.canonical(value[name]), NOT_NEGATIVE)
        elif nanos % ONE and (name in _COUNTED or "/" in name):
            yield invalid(place, quantity.canonical(value[name]), "must be an integer")


def _quota_name(name: str, path: str) -> Iterator[Cause]:
    for problem in label_key_problems(name):
        yield invalid(path, name, problem)
    known = name in _COUNTED or name in _MEASURED or "hugepages-" in name
    if "/" not in name and not known:
        yield invalid(path, name, "must be a standard resource for quota")


def _scopes(spec: Object, path: str) -> Iterator[Cause]:
    scopes, hard = spec.get("scopes") or [], spec.get("hard") or {}
    place = f"{path}.scopes"
    for scope in scopes:
        if scope not in _SCOPES:
            yield invalid(place, scopes, "unsupported scope")
        for name in sorted(hard):
            standard = name in _COUNTED or name in _MEASURED
            if scope in _SCOPES and standard and name not in _SCOPES[scope]:
                yield invalid(place, scopes, "unsupported scope applied to resource")
    for pair in ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"}):
        if pair <= {*scopes}:
            yield invalid(place, scopes, "conflicting scopes")


_LISTED = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
_UNLISTED = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"


def _scope_expression(value: Object, path: str, place: str) -> Iterator[Cause]:
    operator, values = value.get("operator"), value.get("values") or []
    if operator in ("In", "NotIn") and not values:
        yield required(f"{place}.values", _LISTED)
    elif operator in ("Exists", "DoesNotExist") and values:
        yield invalid(f"{place}.values", values, _UNLISTED)
    elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
        yield invalid(f"{place}.operator", operator or "", "not a valid selector operator")


def _scope_selector(value: Object, path: str) -> Iterator[Cause]:
    # Upstream does not say which of the expressions it means.
    place = f"{path}.matchExpressions"
    check = partial(_scope_expression, place=place)
    yield from each(check)(value.get("matchExpressions") or (), place)


_quota_spec = struct(
    row("hard", _hard), whole(_scopes), row("scopeSelector", _scope_selector)
)  # fmt: skip


def resource_quota(value: Object, path: str) -> Iterable[Cause]:
    """What is wrong with a ResourceQuota."""
    return _quota_spec(value.get("spec") or {}, "spec")


def resource_quota_update(new: Object, old: Object) -> Iterator[Cause]:
    """What a quota is about stays."""
    yield from resource_quota(new, "")
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if (after.get("scopes") or []) != (before.get("scopes") or []):
        yield invalid("spec.scopes", after.get("scopes"), "field is immutable")
