"""Quality of service of a Pod · Pod 的服务质量等级

A Pod gets one of three classes from what its containers ask for and nobody sets it by hand.  It
decides who is evicted first when a node runs short.  Only CPU and memory count, and an amount of
zero counts as none.

Upstream: pkg/apis/core/v1/helper/qos/qos.go
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from k8s_ref.machinery import quantity
from k8s_ref.machinery.meta import Object

QosClass: TypeAlias = Literal["Guaranteed", "Burstable", "BestEffort"]
Amounts: TypeAlias = dict[str, int]

COMPUTE = ("cpu", "memory")
"""The resources that decide the class."""


def qos_class(pod: Object) -> QosClass:
    """The class of a Pod, from the resources of all its containers and of the Pod itself.

    >>> limits = {"cpu": "1", "memory": "1Gi"}
    >>> qos_class({"spec": {"containers": [{"name": "c", "resources": {"limits": limits}}]}})
    'Guaranteed'
    """
    pairs = list(_asked(pod.get("spec") or {}))
    if not any(requests or limits for requests, limits in pairs):
        return "BestEffort"
    if all(len(limits) == len(COMPUTE) and requests == limits for requests, limits in pairs):
        return "Guaranteed"
    return "Burstable"


def _asked(spec: Object) -> Iterator[tuple[Amounts, Amounts]]:
    """Requests and limits that count: the Pod's own if it has any, else each container's."""
    own = spec.get("resources") or {}
    if own.get("requests") or own.get("limits"):
        yield _amounts(own)
        return
    for group in ("containers", "initContainers"):
        for container in spec.get(group) or ():
            yield _amounts(container.get("resources") or {})


def _amounts(resources: Object) -> tuple[Amounts, Amounts]:
    limits = _compute(resources.get("limits") or {})
    # Whoever names only a limit asks for all of it.
    return limits | _compute(resources.get("requests") or {}), limits


def _compute(amounts: Object) -> Amounts:
    found = {name: quantity.parse(amounts[name]).nanos for name in COMPUTE if name in amounts}
    return {name: nanos for name, nanos in found.items() if nanos > 0}
