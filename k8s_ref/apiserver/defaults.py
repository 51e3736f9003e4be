"""Defaults · 默认值

What the server writes into an object where its author wrote nothing, so that nobody who reads it
later has to guess.  The table ``defaults.json`` holds a row per field: a path and the value it
gets when unset.  Here the table becomes a tree that is walked beside the object once.

A row's value is a constant, or one of three forms: ``{"zero": 3}`` fills a number that may not be
0, ``{"unset": "name"}`` asks a function of this module, ``{"always": "name"}`` lets it rewrite
what is there.  A path that ends in a dot takes in the rows of a part: every container and every
Pod template is completed by the same rows, but a kind's own row takes the place of a part's.  A
parent that is absent is never made for the sake of a child.  What nothing changed is shared with
the input, up to the whole object.

Upstream: pkg/apis/core/v1/defaults.go, pkg/apis/apps/v1/defaults.go
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from k8s_ref.machinery import quantity
from k8s_ref.machinery.meta import Object

# From what is there and what holds it to what shall be there; ``None`` is nothing at all.
Fill: TypeAlias = Callable[[Any, Object], Any]


def apply(kind_name: str, obj: Object) -> Object:
    """The object with the defaults of its kind; the very same object if it had them all.

    >>> apply("ReplicaSet", {"apiVersion": "apps/v1", "spec": {}})["spec"]["replicas"]
    1
    """
    tree = _trees().get((obj.get("apiVersion", ""), kind_name))
    return _completed(tree, obj) if tree else obj


def rows() -> dict[str, dict[str, Any]]:
    """The whole table, parts written out: for each kind, the value of each path.

    >>> rows()["v1 Pod"]["spec.containers[*].livenessProbe.periodSeconds"]
    {'zero': 10}
    """
    table = _table()
    return {
        kind: dict(_written_out(part, table["parts"], "")) for kind, part in table["kinds"].items()
    }


# The tree and the walk.


@dataclass(slots=True)
class _Tree:
    """The rows below one place: its own fields, then the objects and lists in it."""

    fields: list[tuple[str, Fill, bool]] = field(default_factory=list)
    """Name, row, and whether the row is asked even if the field is set."""
    inside: list[tuple[str, Callable[[_Tree, Any], Any], _Tree]] = field(default_factory=list)

    def at(self, step: str) -> _Tree:
        """The tree of what stands at ``name``, or of the items of the list at ``name[*]``."""
        name = step.removesuffix("[*]")
        complete = _completed if name == step else _each_completed
        for known, how, tree in self.inside:
            if (known, how) == (name, complete):
                return tree
        self.inside.append((name, complete, _Tree()))
        return self.inside[-1][2]


def _completed(tree: _Tree, obj: Object) -> Object:
    made = obj
    for name, fill, rewrites in tree.fields:
        present = made.get(name)
        if present and not rewrites:
            continue
        value = fill(present, made)
        if value is not present:
            made = _with(obj, made, name, value)
    for name, complete, inner in tree.inside:
        present = made.get(name)
        if present is not None:
            value = complete(inner, present)
            if value is not present:
                made = _with(obj, made, name, value)
    return made


def _each_completed(tree: _Tree, items: list[Any]) -> list[Any]:
    made = [_completed(tree, {} if item is None else item) for item in items]
    return items if all(a is b for a, b in zip(made, items, strict=True)) else made


def _with(obj: Object, made: Object, name: str, value: Any) -> Object:
    """``made`` with that field; it is copied first as long as it is still the caller's object."""
    if value is _NULL and name in made:
        return made
    if made is obj:
        made = {**obj}
    if value is None:
        del made[name]
    else:
        made[name] = None if value is _NULL else value
    return made


@cache
def _table() -> Object:
    file = resources.files("k8s_ref.apiserver").joinpath("defaults.json")
    table: Object = json.loads(file.read_text("utf-8"))
    return table


@cache
def _trees() -> dict[tuple[str, str], _Tree]:
    trees = {}
    for kind, paths in rows().items():
        api_version, _, name = kind.partition(" ")
        trees[api_version, name] = tree = _Tree()
        for path, value in paths.items():
            _plant(tree, path, value)
    return trees


def _written_out(rows: Object, parts: Object, prefix: str) -> Iterator[tuple[str, Any]]:
    for path, value in rows.items():
        if path.endswith("."):
            yield from _written_out(parts[value], parts, prefix + path)
        else:
            yield prefix + path, value


def _plant(tree: _Tree, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for step in parents:
        tree = tree.at(step)
    rewrites = isinstance(value, dict) and "always" in value
    tree.fields.append((last, _fill(value), rewrites))


# The forms of a row.

_NULL = object()


def _fill(value: Any) -> Fill:
    match value:
        case {"always": name}:
            return _FUNCTIONS[name]
        case {"unset": name}:
            return _when_unset(_FUNCTIONS[name])
        case {"zero": number}:
            return lambda present, holder: present or number
        case {}:
            # Each holder gets an object of its own.
            return lambda present, holder: {} if present is None else present
        case None:
            return lambda present, holder: _NULL if present is None else present
    return lambda present, holder: value if present is None or present == "" else present


def _when_unset(compute: Fill) -> Fill:
    def fill(present: Any, holder: Object) -> Any:
        return compute(present, holder) if present is None or present == "" else present

    return fill


# The functions that rows name.  Each gets what is there and the object that holds it.


def _quantity(present: Any, holder: Object) -> Any:
    return _same(present, quantity.canonical(present)) if present is not None else None


def _quantities(present: Any, holder: Object) -> Any:
    """Amounts of resources are kept to a thousandth, rounded up."""
    if not present:
        return present
    return _same(present, {n: quantity.canonical(v, quantity.MILLI) for n, v in present.items()})


def _limit_range_default(present: Any, holder: Object) -> Any:
    """Nobody may have more than the maximum, so that is what those have who say nothing."""
    found = {**(holder.get("max") or {}), **(present or {})}
    return _same(present, found) if holder.get("type") == "Container" and found else present


def _limit_range_default_request(present: Any, holder: Object) -> Any:
    least, most = holder.get("min") or {}, holder.get("default") or {}
    found = {**least, **most, **(present or {})}
    return _same(present, found) if holder.get("type") == "Container" and found else present


def _subject_group(present: Any, holder: Object) -> Any:
    """Users and groups are of RBAC's own group; a ServiceAccount is an object of the core."""
    return "rbac.authorization.k8s.io" if holder.get("kind") in ("User", "Group") else present


def _same(present: Any, value: Any) -> Any:
    return present if value == present else value


def _divisor(present: Any, holder: Object) -> Any:
    return "0" if present is None else _quantity(present, holder)


_TAG = re.compile(r":([^:/@]+)$")


def _image_pull_policy(present: Any, holder: Object) -> str:
    """``:latest`` may be another image tomorrow; any other tag, or a digest, stays what it is."""
    return _policy_of(holder.get("image") or "")


def _image_volume_pull_policy(present: Any, holder: Object) -> str:
    return _policy_of(holder.get("reference") or "")


def _policy_of(image: str) -> str:
    if not image or "@" in image:
        return "IfNotPresent"
    tag = _TAG.search(image)
    return "Always" if tag is None or tag[1] == "latest" else "IfNotPresent"


def _requests_from_limits(present: Any, holder: Object) -> Any:
    """A Pod that names only a limit asks for all of it; a template is left as it is written."""
    requests, limits = _quantities(present, holder), holder.get("limits") or {}
    missing = {name: limits[name] for name in limits if name not in (requests or {})}
    return {**(requests or {}), **missing} if missing else requests


def _ports_of_the_host(present: Any, holder: Object) -> Any:
    """In the network of the node a container's port is the node's port."""
    if not (holder.get("hostNetwork") and present):
        return present
    return _same(present, [_with_host_ports(container) for container in present])


def _with_host_ports(container: Object) -> Object:
    ports = container.get("ports")
    if not ports:
        return container
    on_host = [{**p, "hostPort": p.get("hostPort") or p.get("containerPort", 0)} for p in ports]
    return {**container, "ports": on_host}


def _a_volume_without_a_source(present: Any, holder: Object) -> Any:
    return {} if all(holder[name] is None for name in holder if name != "name") else present


def _service_account(present: Any, holder: Object) -> Any:
    return holder.get("serviceAccount") or present


def _service_account_name(present: Any, holder: Object) -> Any:
    """The old name of the field, still written beside the new one."""
    return holder.get("serviceAccountName") or present


def _when_rolling(present: Any, holder: Object) -> Any:
    return {} if holder["type"] == "RollingUpdate" else present


def _pod_cidrs(present: Any, holder: Object) -> Any:
    return [holder["podCIDR"]] if holder.get("podCIDR") else present


def _pod_cidr(present: Any, holder: Object) -> Any:
    return holder["podCIDRs"][0] if holder.get("podCIDRs") else present


def _allocatable(present: Any, holder: Object) -> Any:
    return _quantities(holder.get("capacity") if present is None else present, holder)


def _data_with_string_data(present: Any, holder: Object) -> Any:
    plain = holder.get("stringData")
    if not plain:
        return present
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
    return {**(present or {}), **encoded}


def _nothing(present: Any, holder: Object) -> None:
    return None


def _session_affinity_config(present: Any, holder: Object) -> Any:
    if holder["sessionAffinity"] != "ClientIP":
        return None if holder["sessionAffinity"] == "None" else present
    client = (present or {}).get("clientIP") or {}
    if client.get("timeoutSeconds") is not None:
        return present
    return {"clientIP": {"timeoutSeconds": 10800}}


def _external_traffic_policy(present: Any, holder: Object) -> Any:
    reached = holder["type"] in ("NodePort", "LoadBalancer") or holder.get("externalIPs")
    return "Cluster" if reached else present


def _internal_traffic_policy(present: Any, holder: Object) -> Any:
    return "Cluster" if holder["type"] in ("ClusterIP", "NodePort", "LoadBalancer") else present


def _allocate_node_ports(present: Any, holder: Object) -> Any:
    return True if holder["type"] == "LoadBalancer" else present


def _target_port(present: Any, holder: Object) -> Any:
    return present or holder.get("port")


def _singular(present: Any, holder: Object) -> Any:
    return holder.get("kind", "").lower() or present


def _list_kind(present: Any, holder: Object) -> Any:
    return f"{holder['kind']}List" if holder.get("kind") else present


def _no_conversion(present: Any, holder: Object) -> Any:
    return {"strategy": "None"}


def _labels_of_the_template(present: Any, holder: Object) -> Any:
    return ((holder.get("template") or {}).get("metadata") or {}).get("labels") or present


def _labelled_like_the_template(present: Any, holder: Object) -> Any:
    """Who labels only the Pods labels what makes them in the same way."""
    labels = _labels_of_the_template(None, holder.get("spec") or {})
    return present if (present or {}).get("labels") or not labels else {**present, "labels": labels}


def _one_completion(present: Any, holder: Object) -> Any:
    """A Job of which nothing is said does its work once; one with workers until one is done."""
    return 1 if holder.get("parallelism") is None else present


def _backoff_limit(present: Any, holder: Object) -> int:
    """Where each index has a limit of its own there is none for all."""
    return 6 if holder.get("backoffLimitPerIndex") is None else (1 << 31) - 1


def _pod_replacement_policy(present: Any, holder: Object) -> str:
    return "Failed" if holder.get("podFailurePolicy") else "TerminatingOrFailed"


def _policy_types(present: Any, holder: Object) -> list[str]:
    """A policy is about what comes in, and about what goes out only if it says so."""
    return ["Ingress", "Egress"] if holder.get("egress") else ["Ingress"]


def _device_count(present: Any, holder: Object) -> Any:
    return 1 if holder["allocationMode"] == "ExactCount" else present


_FUNCTIONS: dict[str, Fill] = {
    function.__name__[1:]: function
    for function in (
        _quantity, _quantities, _divisor, _image_pull_policy, _image_volume_pull_policy,
        _requests_from_limits, _ports_of_the_host, _a_volume_without_a_source, _service_account,
        _service_account_name, _when_rolling, _pod_cidrs, _pod_cidr, _allocatable,
        _data_with_string_data, _nothing, _session_affinity_config, _external_traffic_policy,
        _internal_traffic_policy, _allocate_node_ports, _target_port, _limit_range_default,
        _limit_range_default_request, _subject_group,
        _singular, _list_kind, _no_conversion, _labels_of_the_template,
        _labelled_like_the_template, _one_completion, _backoff_limit, _pod_replacement_policy,
        _policy_types, _device_count,
    )
}  # fmt: skip
