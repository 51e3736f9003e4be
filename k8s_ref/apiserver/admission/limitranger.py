"""LimitRanger · 限制范围

A LimitRange says how little and how much one Pod, container or claim may ask for, and what a
container asks for that asks for nothing.  First the defaults are written in, then, after
everybody else had a say, the bounds are checked; every breach is named.

Upstream: plugin/pkg/admission/limitranger/admission.go
"""

from __future__ import annotations

from collections.abc import Iterator

from k8s_ref.apiserver.admission import Plugin, refusal_of
from k8s_ref.apiserver.admission.usage import Usage, amounts, pod_total
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.machinery.errors import aggregate
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.machinery.quantity import ONE, Quantity

ANNOTATION = "kubernetes.io/limit-ranger"
"""Where a Pod says which amounts are not its author's."""


class LimitRanger(Plugin):
    """Writes the defaults of a namespace into Pods, and refuses what is out of bounds."""

    on = ("create pods", "create persistentvolumeclaims", "update persistentvolumeclaims")

    def __init__(self, ranges: WatchCache) -> None:
        self.ranges = ranges

    def admit(self, request: Request, obj: Object, old: Object | None) -> Object:
        """The Pod with what the namespace gives to containers that ask for nothing."""
        for limits in self._of(request.namespace) if request.kind.kind == "Pod" else ():
            obj = with_defaults(obj, limits)
        return obj

    def validate(self, request: Request, obj: Object | None, old: Object | None) -> None:
        """Refuse what is below a minimum, above a maximum, or much more than it asks for."""
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            return
        for limits in self._of(request.namespace):
            problems = list(breaches(request.kind.kind, obj, limits))
            if problems:
                raise refusal_of(request, aggregate(problems), obj)

    def _of(self, namespace: str) -> Iterator[list[Object]]:
        for key in sorted(self.ranges.objects):
            if key.startswith(f"{namespace}/"):
                yield self.ranges.objects[key]["spec"].get("limits") or []


def with_defaults(pod: Object, limits: list[Object]) -> Object:
    """The Pod with the amounts its containers leave out, and a note of what was added."""
    of_container = [item for item in limits if item["type"] == "Container"]
    given: dict[str, Object] = {"requests": {}, "limits": {}}
    for item in of_container:
        given["requests"] |= item.get("defaultRequest") or {}
        given["limits"] |= item.get("default") or {}
    notes: list[str] = []
    spec = {**pod["spec"]}
    for group, what in (("containers", "container"), ("initContainers", "init container")):
        if spec.get(group):
            spec[group] = [_filled(container, given, what, notes) for container in spec[group]]
    if not notes:
        return pod
    note = f"LimitRanger plugin set: {'; '.join(notes)}"
    return with_path({**pod, "spec": spec}, ("metadata", "annotations", ANNOTATION), note)


def _filled(container: Object, given: dict[str, Object], what: str, notes: list[str]) -> Object:
    resources = {**(container.get("resources") or {})}
    for part in ("requests", "limits"):
        own = resources.get(part) or {}
        missing = {name: text for name, text in given[part].items() if name not in own}
        if missing:
            resources[part] = {**own, **missing}
            names = ", ".join(sorted(missing))
            notes.append(f"{names} {part.removesuffix('s')} for {what} {container['name']}")
    return {**container, "resources": resources}


def breaches(kind: str, obj: Object, limits: list[Object]) -> Iterator[str]:
    """Every bound an object breaks, in words."""
    for item in limits:
        for requests, most in _measured(kind, item["type"], obj["spec"]):
            for part, check in (_OF_PODS if kind == "Pod" else _OF_CLAIMS).items():
                for name, bound in sorted(amounts(item.get(part)).items()):
                    problem = check(requests.get(name), most.get(name), bound)
                    if problem:
                        yield problem.format(name=name, per=f"per {item['type']} is {bound}")


def _measured(kind: str, of: str, spec: Object) -> Iterator[tuple[Usage, Usage]]:
    """The requests and limits that bounds of a type are about: one pair, or one per container."""
    if kind == of == "Pod":
        yield pod_total(spec, "requests"), pod_total(spec, "limits")
    elif (kind, of) == ("Pod", "Container"):
        for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
            own = container.get("resources") or {}
            yield amounts(own.get("requests")), amounts(own.get("limits"))
    elif kind == of == "PersistentVolumeClaim":
        yield amounts((spec.get("resources") or {}).get("requests")), {}


def _too_little(request: Quantity | None, limit: Quantity | None, least: Quantity) -> str:
    if request is None:
        return "minimum {name} usage {per}.  No request is specified"
    low = f"request is {request}" if request < least else ""
    if not low and limit is not None and limit < least:
        low = f"limit is {limit}"
    return f"minimum {{name}} usage {{per}}, but {low}" if low else ""


def _too_much(request: Quantity | None, limit: Quantity | None, most: Quantity) -> str:
    if limit is None:
        return "maximum {name} usage {per}.  No limit is specified"
    high = f"limit is {limit}" if limit > most else ""
    if not high and request is not None and request > most:
        high = f"request is {request}"
    return f"maximum {{name}} usage {{per}}, but {high}" if high else ""


def _too_far_apart(request: Quantity | None, limit: Quantity | None, ratio: Quantity) -> str:
    begin = "{name} max limit to request ratio {per}"
    if not request or not request.nanos:
        return f"{begin}, but no request is specified or request is 0"
    if not limit or not limit.nanos:
        return f"{begin}, but no limit is specified or limit is 0"
    if limit.nanos * ONE <= ratio.nanos * request.nanos:
        return ""
    return f"{begin}, but provided ratio is {limit.nanos / request.nanos:f}"


def _asks_too_much(request: Quantity | None, limit: Quantity | None, most: Quantity) -> str:
    """What a claim asks for is all it gets: there is no limit besides."""
    if request is None:
        return "maximum {name} usage {per}.  No request is specified"
    return f"maximum {{name}} usage {{per}}, but request is {request}" if request > most else ""


_OF_PODS = {"min": _too_little, "max": _too_much, "maxLimitRequestRatio": _too_far_apart}
_OF_CLAIMS = {"min": _too_little, "max": _asks_too_much}
