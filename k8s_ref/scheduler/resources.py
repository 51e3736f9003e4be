"""Resource amounts · 资源量

What a Pod asks for and what a node has, as integers: thousandths of a CPU, bytes, and plain
numbers of anything else.  The one idea: quantities are read once, when the object arrives, so a
decision over a thousand nodes only compares integers.

Upstream: pkg/scheduler/framework/types.go (Resource),
staging/src/k8s.io/component-helpers/resource/helpers.go (PodRequests)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import milli, value

Amounts = dict[str, int]
"""Integer amounts by resource name; CPU in thousandths."""

NON_ZERO = {"cpu": 100, "memory": 200 * 1024 * 1024}
"""What a container that requests nothing is taken to need when nodes are scored: otherwise any
number of such Pods would go to the same node."""

POD_LEVEL = ("cpu", "memory", "hugepages-")
"""Resources that a Pod may request as a whole."""


@dataclass(slots=True)
class Resource:
    """Amounts of the resources every node has, and of the others by name."""

    milli_cpu: int = 0
    memory: int = 0
    ephemeral_storage: int = 0
    scalar: Amounts = field(default_factory=dict)

    @classmethod
    def of(cls, amounts: Mapping[str, int]) -> Resource:
        """The same amounts, the common ones in fields of their own."""
        common = ("cpu", "memory", "ephemeral-storage", "pods")
        scalar = {name: amount for name, amount in amounts.items() if name not in common}
        cpu, memory, storage = (amounts.get(name, 0) for name in common[:3])
        return cls(cpu, memory, storage, scalar)

    def clone(self) -> Resource:
        """The same amounts, to be changed."""
        return replace(self, scalar=dict(self.scalar))

    def add(self, other: Resource, sign: int = 1) -> None:
        """Add (or, with sign -1, take away) other amounts."""
        self.milli_cpu += sign * other.milli_cpu
        self.memory += sign * other.memory
        self.ephemeral_storage += sign * other.ephemeral_storage
        for name, amount in other.scalar.items():
            self.scalar[name] = self.scalar.get(name, 0) + sign * amount


def amounts_of(quantities: Mapping[str, str] | None) -> Amounts:
    """A resource list as integers.

    >>> amounts_of({"cpu": "250m", "memory": "1Ki"})
    {'cpu': 250, 'memory': 1024}
    """
    return {
        name: milli(quantity) if name == "cpu" else value(quantity)
        for name, quantity in (quantities or {}).items()
    }


def pod_requests(spec: Object, defaults: Mapping[str, int] | None = None) -> Amounts:
    """What a Pod needs on its node: the containers together or, if that is more, what it takes
    to start them; plus the overhead of its runtime class.

    ``defaults`` stand in for what a container does not request.

    >>> request = lambda cpu: {"resources": {"requests": {"cpu": cpu}}}
    >>> pod_requests({"containers": [request("1"), request("2")], "initContainers": [request("4")]})
    {'cpu': 4000}
    """
    total = _sum(_requests(container, defaults) for container in spec["containers"])
    sidecars: Amounts = {}
    start: Amounts = {}
    # Init containers run one after the other, beside the sidecars that were started before them.
    for container in spec.get("initContainers") or ():
        needed = _requests(container, defaults)
        if container.get("restartPolicy") == "Always":
            total, sidecars = _sum((total, needed)), _sum((sidecars, needed))
        else:
            start = _most(start, _sum((needed, sidecars)))
    total = _most(total, start)
    as_a_whole = amounts_of((spec.get("resources") or {}).get("requests"))
    total |= {name: n for name, n in as_a_whole.items() if name.startswith(POD_LEVEL)}
    return _sum((total, amounts_of(spec.get("overhead"))))


def _requests(container: Object, defaults: Mapping[str, int] | None) -> Amounts:
    asked = amounts_of((container.get("resources") or {}).get("requests"))
    return {**defaults, **asked} if defaults else asked


def _sum(parts: Iterable[Mapping[str, int]]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total


def _most(left: Mapping[str, int], right: Mapping[str, int]) -> Amounts:
    names = dict.fromkeys((*left, *right))
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in names}
