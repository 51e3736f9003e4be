"""Validation of resources · 资源请求与上限的校验

What a container asks for and may have at most.  CPU, memory and ephemeral storage may be promised
more often than they exist, so a limit may exceed its request; everything else is counted, and the
two must be the same.

Upstream: pkg/apis/core/validation/validation.go (ValidateContainerResourceRequirements)
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from k8s_ref.apiserver.validation_rules import NOT_NEGATIVE
from k8s_ref.machinery import quantity
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_found, required
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import ONE
from k8s_ref.machinery.selectors import label_key_problems

OF_CONTAINERS = ("cpu", "memory", "ephemeral-storage")
HUGE_PAGES = "hugepages-"
_STANDARD = (*OF_CONTAINERS, "storage", "pods", "services", "secrets", "configmaps")


def resources(value: Object, path: str) -> Iterator[Cause]:
    """The requests and limits of a container."""
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    for name in sorted(limits):
        yield from _amount(name, limits[name], f"{path}.limits[{name}]")
    for name in sorted(requests):
        yield from _amount(name, requests[name], f"{path}.requests[{name}]")
        yield from _against_limit(name, requests[name], limits, path)
    named = limits.keys() | requests.keys()
    if any(name.startswith(HUGE_PAGES) for name in named) and not named & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def _amount(name: str, amount: str, path: str) -> Iterator[Cause]:
    yield from _container_resource(name, path)
    nanos = quantity.parse(amount).nanos
    if nanos < 0:
        yield invalid(path, quantity.canonical(amount), NOT_NEGATIVE)
    if "/" in name and nanos % ONE:
        yield invalid(path, quantity.canonical(amount), "must be an integer")


def _container_resource(name: str, path: str) -> Iterator[Cause]:
    for problem in label_key_problems(name):
        yield invalid(path, name, problem)
    if "/" in name:
        if name.startswith("requests."):
            yield invalid(path, name, "doesn't follow extended resource name standard")
    elif name not in OF_CONTAINERS and not name.startswith(HUGE_PAGES):
        if name not in _STANDARD:
            yield invalid(path, name, "must be a standard resource type or fully qualified")
        yield invalid(path, name, "must be a standard resource for containers")


def _against_limit(name: str, request: str, limits: Object, path: str) -> Iterator[Cause]:
    shared = name in OF_CONTAINERS
    if name not in limits:
        # A name that is no resource has been refused already.
        if not shared and ("/" in name or name.startswith(HUGE_PAGES)):
            problem = "Limit must be set for non overcommitable resources"
            yield required(f"{path}.limits", problem)
        return
    asked, most = quantity.parse(request), quantity.parse(limits[name])
    if asked != most and not shared:
        problem = f"must be equal to {name} limit of {most}"
        yield invalid(f"{path}.requests", str(asked), problem)
    elif asked > most:
        problem = f"must be less than or equal to {name} limit of {most}"
        yield invalid(f"{path}.requests", str(asked), problem)


def claims(value: Object, path: str, known: Set[str]) -> Iterator[Cause]:
    """The claims of a container, which must be claims of its Pod."""
    listed = f": {', '.join(sorted(known))}" if known else " which is empty"
    for index, claim in enumerate(value.get("claims") or ()):
        if claim.get("name") not in known:
            problem = f"must be one of the names in pod.spec.resourceClaims{listed}"
            yield not_found(f"{path}.claims[{index}]", claim.get("name") or "", problem)
