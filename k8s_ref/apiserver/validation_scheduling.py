"""Validation of what the scheduler reads · 调度相关字段的校验

Label selectors, affinity, tolerations and spread constraints: everything by which a Pod says
where it wants to run, and the selectors of the kinds that own Pods.

Upstream: pkg/apis/core/validation/validation.go, apimachinery/pkg/apis/meta/v1/validation/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from k8s_ref.apiserver.validation_names import dns_label, dns_subdomain
from k8s_ref.apiserver.validation_rules import (
    Rule,
    always,
    between,
    each,
    label_name,
    labels,
    more_than,
    must,
    one_of,
    row,
    struct,
    text,
    whole,
)
from k8s_ref.machinery.errors import Cause, duplicate, forbidden, invalid, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import label_value_problems

TAINT_EFFECT = one_of("NoSchedule", "PreferNoSchedule", "NoExecute")

_LISTED = "must be specified when `operator` is 'In' or 'NotIn'"
_UNLISTED = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
_SINGLE = "must be specified single value when `operator` is 'Lt' or 'Gt'"


def _values(expression: Object, path: str, compares: bool) -> Iterator[Cause]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", _LISTED)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{path}.values", _UNLISTED)
    elif compares and operator in ("Gt", "Lt"):
        if len(values) != 1:
            yield required(f"{path}.values", _SINGLE)
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")


def _expression(compares: bool) -> Rule:
    return struct(
        whole(lambda value, path: _values(value, path, compares)),
        always("key", label_name),
        row("values", each(text(label_value_problems))),
    )


label_selector = struct(
    row("matchLabels", labels),
    row("matchExpressions", each(_expression(compares=False))),
)


def _field_expression(value: Object, path: str) -> Iterator[Cause]:
    """The only field a node can be chosen by is its name, and only one at a time."""
    operator, values = value.get("operator") or "", value.get("values") or ()
    if operator not in ("In", "NotIn"):
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    elif len(values) != 1:
        yield required(f"{path}.values", "must be only one value when `operator` is 'In' or 'NotIn'"
                       " for node field selector")  # fmt: skip
    if value.get("key") != "metadata.name":
        yield invalid(f"{path}.key", value.get("key") or "", "not a valid field selector key")
        return
    for index, name in enumerate(values):
        for problem in dns_subdomain(name):
            yield invalid(f"{path}.values[{index}]", name, problem)


_node_term = struct(
    row("matchExpressions", each(_expression(compares=True))),
    row("matchFields", each(_field_expression)),
)


def node_selector(value: Object, path: str) -> Iterable[Cause]:
    """The terms of which a node has to meet one."""
    if not value.get("nodeSelectorTerms"):
        problem = "must have at least one node selector term"
        return (required(f"{path}.nodeSelectorTerms", problem),)
    return each(_node_term)(value["nodeSelectorTerms"], f"{path}.nodeSelectorTerms")


_weight = always("weight", between(1, 100, "must be in the range 1-100"), zero=0)

_node_affinity = struct(
    row("requiredDuringSchedulingIgnoredDuringExecution", node_selector),
    row(
        "preferredDuringSchedulingIgnoredDuringExecution",
        each(struct(_weight, row("preference", _node_term))),
    ),
)


def _topology_key(value: Object, path: str) -> Iterator[Cause]:
    key = value.get("topologyKey") or ""
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    yield from label_name(key, f"{path}.topologyKey")


_pod_term = struct(
    row("labelSelector", label_selector),
    row("namespaceSelector", label_selector),
    row("namespaces", each(text(dns_label))),
    whole(_topology_key),
)

_pod_affinity = struct(
    row("requiredDuringSchedulingIgnoredDuringExecution", each(_pod_term)),
    row(
        "preferredDuringSchedulingIgnoredDuringExecution",
        each(struct(_weight, always("podAffinityTerm", _pod_term, {}))),
    ),
)

affinity = struct(
    row("nodeAffinity", _node_affinity),
    row("podAffinity", _pod_affinity),
    row("podAntiAffinity", _pod_affinity),
)


def _toleration(value: Object, path: str) -> Iterator[Cause]:
    key, operator = value.get("key") or "", value.get("operator") or ""
    effect = value.get("effect") or ""
    if key:
        yield from label_name(key, f"{path}.key")
    elif operator != "Exists":
        yield invalid(f"{path}.operator", operator, _ALL_KEYS)
    if value.get("tolerationSeconds") is not None and effect != "NoExecute":
        problem = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid(f"{path}.effect", effect, problem)
    yield from _toleration_value(operator, value.get("value") or "", f"{path}.operator")
    if effect:
        yield from TAINT_EFFECT(effect, f"{path}.effect")


_ALL_KEYS = (
    'operator must be Exists when `key` is empty, which means "match all values and all keys"'
)


def _toleration_value(operator: str, value: str, path: str) -> Iterator[Cause]:
    if operator in ("", "Equal"):
        for problem in label_value_problems(value):
            yield invalid(path, value, problem)
    elif operator == "Exists" and value:
        yield invalid(path, value, "value must be empty when `operator` is 'Exists'")
    else:
        yield from _OPERATOR(operator, path)


_OPERATOR = one_of("Equal", "Exists")

tolerations = each(_toleration)


def _minimum_domains(value: Object, path: str) -> Iterator[Cause]:
    domains = value.get("minDomains")
    if domains is None:
        return
    yield from more_than(0)(domains, f"{path}.minDomains")
    when = value.get("whenUnsatisfiable")
    if when != "DoNotSchedule":
        problem = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}"
        yield invalid(f"{path}.minDomains", domains, problem)


def _spread_key(value: Any, path: str) -> Iterable[Cause]:
    if value.get("topologyKey"):
        return label_name(value["topologyKey"], f"{path}.topologyKey")
    return (required(f"{path}.topologyKey", "can not be empty"),)


_inclusion_policy = one_of("Honor", "Ignore")

_spread_constraint = struct(
    always("maxSkew", more_than(0, "must be greater than zero"), zero=0),
    whole(_spread_key),
    must("whenUnsatisfiable", one_of("DoNotSchedule", "ScheduleAnyway")),
    whole(_minimum_domains),
    row("nodeAffinityPolicy", _inclusion_policy),
    row("nodeTaintsPolicy", _inclusion_policy),
    row("labelSelector", label_selector),
)


def spread_constraints(value: Sequence[Object], path: str) -> Iterator[Cause]:
    """The constraints one by one; no two may say the same of the same topology."""
    for index, item in enumerate(value):
        place = f"{path}[{index}]"
        yield from _spread_constraint(item, place)
        pair = _pair(item)
        if any(_pair(later) == pair for later in value[index + 1 :]):
            yield duplicate(f"{place}.{{topologyKey, whenUnsatisfiable}}", pair)


def _pair(constraint: Object) -> str:
    key, when = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
    return f"{{{key}, {when}}}"
