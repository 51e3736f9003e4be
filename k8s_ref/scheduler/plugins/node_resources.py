"""NodeResourcesFit · 资源是否够用

A Pod fits if what it requests is no more than the node has to give away minus what the Pods there
have requested; what they really use plays no part.  Among the nodes that fit, the one that would
be emptiest scores highest (``LeastAllocated``), and so does the one whose CPU and memory would be
used more evenly than before (``NodeResourcesBalancedAllocation``).

Upstream: pkg/scheduler/framework/plugins/noderesources/fit.go, least_allocated.go,
balanced_allocation.go
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import NodeInfo, PodInfo
from k8s_ref.scheduler.cluster_events import (
    ClusterEvent,
    Hint,
    allocatable,
    always,
)
from k8s_ref.scheduler.framework import MAX_NODE_SCORE, SKIP, Code, CycleState, Plugin, Status
from k8s_ref.scheduler.resources import Resource, amounts_of

Shortage = tuple[str, bool]
"""Why a resource does not suffice, and whether there would be enough if Pods went away."""


class NodeResourcesFit(Plugin):
    """Keeps Pods off nodes that cannot give what they request; prefers empty nodes."""

    name = "NodeResourcesFit"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, naming every resource that is short."""
        short = list(shortages(pod.requests, node))
        if not short:
            return None
        resolvable = all(freed for _, freed in short)
        code = Code.UNSCHEDULABLE if resolvable else Code.UNSCHEDULABLE_AND_UNRESOLVABLE
        return Status(code, tuple(reason for reason, _ in short), self.name)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How much would be left, of CPU and of memory alike."""
        return least_allocated(
            (node.non_zero.milli_cpu + pod.non_zero.milli_cpu, node.allocatable.milli_cpu),
            (node.non_zero.memory + pod.non_zero.memory, node.allocatable.memory),
        )

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Pods that leave, nodes that come or grow, and the Pod's asking for less."""
        return {
            ClusterEvent.ASSIGNED_POD_DELETE: always,
            ClusterEvent.ASSIGNED_POD_SCALE_DOWN: always,
            ClusterEvent.POD_SCALE_DOWN: always,
            ClusterEvent.NODE_ADD: _could_fit,
            ClusterEvent.NODE_ALLOCATABLE: _grew,
        }


def shortages(wanted: Resource, node: NodeInfo) -> Iterator[Shortage]:
    """What keeps a Pod with these requests from fitting.

    >>> node = NodeInfo("node-1", allocatable=Resource(milli_cpu=2000), allowed_pods=110,
    ...                 requested=Resource(milli_cpu=1500))
    >>> list(shortages(Resource(milli_cpu=1000), node))
    [('Insufficient cpu', True)]
    """
    has, used = node.allocatable, node.requested
    if len(node.pods) >= node.allowed_pods:
        yield "Too many pods", True
    if wanted.milli_cpu > 0 and wanted.milli_cpu > has.milli_cpu - used.milli_cpu:
        yield "Insufficient cpu", wanted.milli_cpu <= has.milli_cpu
    if wanted.memory > 0 and wanted.memory > has.memory - used.memory:
        yield "Insufficient memory", wanted.memory <= has.memory
    storage = wanted.ephemeral_storage
    if storage > 0 and storage > has.ephemeral_storage - used.ephemeral_storage:
        yield "Insufficient ephemeral-storage", storage <= has.ephemeral_storage
    for name, amount in wanted.scalar.items():
        capacity = has.scalar.get(name, 0)
        if amount > 0 and amount > capacity - used.scalar.get(name, 0):
            yield f"Insufficient {name}", amount <= capacity


def least_allocated(*resources: tuple[int, int]) -> int:
    """The share, in percent, that stays free of each ``(requested, capacity)``, on average.

    >>> least_allocated((500, 2000), (1, 4))
    75
    """
    free = [
        0 if requested > capacity else (capacity - requested) * MAX_NODE_SCORE // capacity
        for requested, capacity in resources
        if capacity
    ]
    return sum(free) // len(free) if free else 0


class NodeResourcesBalancedAllocation(Plugin):
    """Prefers nodes that the Pod would bring into balance: memory left without CPU is lost."""

    name = "NodeResourcesBalancedAllocation"

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> Status | None:
        """A Pod that requests nothing changes no balance."""
        return None if pod.requests.milli_cpu or pod.requests.memory else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """75 if the balance stays as it is, up to 25 more or less as it gets better or worse."""
        used, has, asked = node.requested, node.allocatable, pod.requests
        before = balance((used.milli_cpu, has.milli_cpu), (used.memory, has.memory))
        after = balance(
            (used.milli_cpu + asked.milli_cpu, has.milli_cpu),
            (used.memory + asked.memory, has.memory),
        )
        half = MAX_NODE_SCORE // 2
        return half + (half + after - before) // 2


def balance(*resources: tuple[int, int]) -> int:
    """How evenly two resources are used: 100 minus the standard deviation of the percentages.

    >>> balance((1000, 2000), (1, 2)), balance((2000, 2000), (0, 2))
    (100, 50)
    """
    shares = [min(requested / capacity, 1) for requested, capacity in resources if capacity]
    # The deviation of two numbers is half their distance.
    deviation = (max(shares) - min(shares)) / 2 if shares else 0
    return int((1 - deviation) * MAX_NODE_SCORE)


def _could_fit(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """The node would be large enough if it were empty."""
    if new is None:
        return False
    amounts = amounts_of(allocatable(new))
    empty = NodeInfo("", allocatable=Resource.of(amounts), allowed_pods=amounts.get("pods", 0))
    return not list(shortages(pod.requests, empty))


def _grew(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    """There is more of something the Pod asks for than before, and enough in all."""
    if old is None or new is None or not _could_fit(pod, old, new):
        return False
    was, now = amounts_of(allocatable(old)), amounts_of(allocatable(new))
    wants = {
        "pods": 1,
        "cpu": pod.requests.milli_cpu,
        "memory": pod.requests.memory,
        "ephemeral-storage": pod.requests.ephemeral_storage,
        **pod.requests.scalar,
    }
    return any(n > 0 and now.get(name, 0) > was.get(name, 0) for name, n in wants.items())
