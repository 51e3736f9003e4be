"""Usage · 用量

What an object takes of each thing a quota may limit: a Pod takes CPU and memory, a claim takes
storage, everything counts as one of its kind.  The one idea: admission asks for one object that is
about to be, the controller adds up all that are there, and both ask here, so they agree.

Upstream: pkg/quota/v1/evaluator/core/, staging/src/k8s.io/apiserver/pkg/quota/v1/,
staging/src/k8s.io/component-helpers/resource/helpers.go
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.qos import qos_class
from k8s_ref.machinery.quantity import ONE, Quantity, parse
from k8s_ref.machinery.selectors import Requirement
from k8s_ref.machinery.timestamps import parse as parse_time
from k8s_ref.sim.loop import SECOND

Usage = dict[str, Quantity]

ZERO = Quantity(0)
_ONE = Quantity(ONE)

COMPUTE = ("cpu", "memory", "ephemeral-storage")
OF_PODS = frozenset(
    {"pods", "count/pods", *COMPUTE}
    | {f"{part}.{name}" for part in ("requests", "limits") for name in COMPUTE}
)
MUST_BE_SAID = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu",
                          "limits.memory"})  # fmt: skip
"""Where one of these is limited every container has to say how much it takes."""

OLD_NAMES = ("configmaps", "secrets", "resourcequotas", "replicationcontrollers", "services",
             "persistentvolumeclaims")  # fmt: skip
"""Kinds that were counted under their bare names before there was ``count/``."""

BY_CLASS = ".storageclass.storage.k8s.io/"


def amounts(quantities: Mapping[str, str] | None) -> Usage:
    """A resource list as quantities."""
    return {name: parse(text) for name, text in (quantities or {}).items()}


def texts(usage: Mapping[str, Quantity]) -> dict[str, str]:
    """Quantities as a resource list writes them."""
    return {name: str(usage[name]) for name in sorted(usage)}


def added(parts: Iterable[Mapping[str, Quantity]]) -> Usage:
    """The sums by name.

    >>> texts(added([amounts({"cpu": "500m"}), amounts({"cpu": "1", "pods": "1"})]))
    {'cpu': '1500m', 'pods': '1'}
    """
    total: Usage = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, ZERO) + amount
    return total


def pod_total(spec: Object, which: str) -> Usage:
    """The ``requests`` or ``limits`` of a Pod: of its containers together, or, if that is more,
    of what it takes to start them."""
    total = added(_of(container, which) for container in spec["containers"])
    start: Usage = {}
    sidecars: Usage = {}
    for container in spec.get("initContainers") or ():
        own = _of(container, which)
        if container.get("restartPolicy") == "Always":
            total, sidecars = added((total, own)), added((sidecars, own))
        else:
            start = _most(start, added((own, sidecars)))
    total = _most(total, start) | amounts((spec.get("resources") or {}).get(which))
    overhead = amounts(spec.get("overhead"))
    if which == "limits":
        overhead = {name: overhead[name] for name in overhead if total.get(name, ZERO).nanos}
    return added((total, overhead))


def _of(container: Object, which: str) -> Usage:
    return amounts((container.get("resources") or {}).get(which))


def _most(left: Usage, right: Usage) -> Usage:
    return {name: max(left.get(name, ZERO), right.get(name, ZERO)) for name in {**left, **right}}


def usage_of(kind: Kind, obj: Object, now: int) -> Usage:
    """What one object takes, at ``now`` nanoseconds since 1970."""
    found = {f"count/{kind.resource}": _ONE}
    if kind.resource == "pods":
        return found | _pod(obj, now)
    if kind.resource in OLD_NAMES:
        found[kind.resource] = _ONE
    if kind.resource == "services":
        found |= _service(obj["spec"])
    if kind.resource == "persistentvolumeclaims":
        found |= _claim(obj)
    return found


def _pod(pod: Object, now: int) -> Usage:
    """A Pod that has ended, or whose time to end has run out, takes nothing but its place."""
    meta, status = pod["metadata"], pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return {}
    if meta.get("deletionTimestamp"):
        grace = meta.get("deletionGracePeriodSeconds", 0) * SECOND
        if now > parse_time(meta["deletionTimestamp"]) + grace:
            return {}
    return compute(pod_total(pod["spec"], "requests"), pod_total(pod["spec"], "limits"))


def compute(requests: Usage, limits: Usage) -> Usage:
    """One Pod's worth of requests and limits, under the names quotas know them by."""
    found = {"pods": _ONE}
    for name, amount in requests.items():
        if name in COMPUTE or name.startswith("hugepages-"):
            found[name] = amount
        if name in COMPUTE or name.startswith("hugepages-") or "/" in name:
            found[f"requests.{name}"] = amount
    return found | {f"limits.{name}": limits[name] for name in COMPUTE if name in limits}


def _service(spec: Object) -> Usage:
    ports = spec.get("ports") or []
    node_ports = 0
    if spec.get("type") == "NodePort":
        node_ports = len(ports)
    elif spec.get("type") == "LoadBalancer":
        given = spec.get("allocateLoadBalancerNodePorts", True)
        node_ports = len([port for port in ports if given or port.get("nodePort")])
    balancers = spec.get("type") == "LoadBalancer"
    return {
        "services.nodeports": Quantity(node_ports * ONE),
        "services.loadbalancers": Quantity(balancers * ONE),
    }


def _claim(claim: Object) -> Usage:
    asked = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
    storage = max((parse(text) for text in (asked, allocated) if text), default=None)
    found = {} if storage is None else {"requests.storage": storage}
    name = claim["spec"].get("storageClassName")
    if name:
        found |= {f"{name}{BY_CLASS}{what}": amount for what, amount in found.items()}
        found[f"{name}{BY_CLASS}persistentvolumeclaims"] = _ONE
    return found


def tracks(kind: Kind, name: str) -> bool:
    """Whether objects of this kind use up what a quota calls ``name``.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> tracks(KINDS["pods"], "requests.cpu"), tracks(KINDS["services"], "services.nodeports")
    (True, True)
    """
    if kind.resource == "pods":
        extended = name.startswith("requests.") and "/" in name
        huge = name.startswith(("hugepages-", "requests.hugepages-"))
        return name in OF_PODS or extended or huge
    if kind.resource == "persistentvolumeclaims" and (
        BY_CLASS in name or name == "requests.storage"
    ):
        return True
    if kind.resource == "services" and name.startswith("services."):
        return True
    return name == f"count/{kind.resource}" or (
        kind.resource in OLD_NAMES and name == kind.resource
    )


def matches(quota: Object, kind: Kind, obj: Object) -> bool:
    """Whether a quota is about an object: it limits what the object uses, and all scopes hold."""
    spec = quota["spec"]
    if not any(tracks(kind, name) for name in spec.get("hard") or ()):
        return False
    scopes = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    scopes += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    # Only Pods have scopes; a quota with one is about nothing else.
    return not scopes or (kind.resource == "pods" and all(_in(obj, scope) for scope in scopes))


def _in(pod: Object, scope: Object) -> bool:
    spec, name = pod["spec"], scope["scopeName"]
    if name in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) == (name == "Terminating")
    if name in ("BestEffort", "NotBestEffort"):
        return (qos_class(pod) == "BestEffort") == (name == "BestEffort")
    if name == "PriorityClass":
        own = spec.get("priorityClassName")
        operator = _OPERATORS[scope["operator"]]
        wanted = Requirement(name, operator, tuple(scope.get("values") or ()))
        return wanted.matches({name: own} if own else {})
    return name == "CrossNamespacePodAffinity" and any(map(_crosses, _affinity_terms(spec)))


_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def _affinity_terms(spec: Object) -> Iterable[Object]:
    for side in ("podAffinity", "podAntiAffinity"):
        wanted = (spec.get("affinity") or {}).get(side) or {}
        yield from wanted.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for preferred in wanted.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield preferred["podAffinityTerm"]


def _crosses(term: Object) -> bool:
    return bool(term.get("namespaces")) or term.get("namespaceSelector") is not None
