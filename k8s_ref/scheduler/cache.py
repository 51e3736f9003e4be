"""Scheduler cache · 调度器缓存

The nodes, and for each the Pods on it and what they request in all, kept up to date by watch
events.  The one idea: a Pod that was just given to a node counts there at once (*assumed*), before
the API server has heard of it; when the watch confirms it nothing changes, and when binding fails
it is forgotten.  All of it can be rebuilt from the API, so nothing is lost in a crash.

Upstream: pkg/scheduler/backend/cache/cache.go, snapshot.go, node_tree.go;
pkg/scheduler/framework/types.go (NodeInfo, PodInfo)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar, cast

from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.scheduler.resources import NON_ZERO, Resource, amounts_of, pod_requests

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound="View[Any]")

MOST_VIEWS = 1000
"""So many views of the nodes are kept; the one not used for longest is forgotten."""

ZONE_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


class PodInfo(NamedTuple):
    """A Pod and what scheduling wants to know of it, read once."""

    pod: Object
    key: str
    uid: str
    priority: int
    requests: Resource
    non_zero: Resource
    """The requests for scoring, where asking for nothing counts as asking for a little."""

    @classmethod
    def of(cls, pod: Object, known: PodInfo | None = None) -> PodInfo:
        """Read a Pod; what is ``known`` of an earlier version that asks for the same is kept."""
        if known is not None and _asks(known.pod) == _asks(pod):
            return known._replace(pod=pod)
        spec = pod["spec"]
        return cls(
            pod,
            key_of(pod),
            pod["metadata"].get("uid", ""),
            spec.get("priority") or 0,
            Resource.of(pod_requests(spec)),
            Resource.of(pod_requests(spec, NON_ZERO)),
        )


def _asks(pod: Object) -> tuple[object, ...]:
    spec = pod["spec"]
    asked = ("containers", "initContainers", "resources", "overhead", "priority")
    return (pod["metadata"].get("uid"), *map(spec.get, asked))


@dataclass(slots=True, eq=False)
class NodeInfo:
    """A node, the Pods on it, and the sums that filters and scores compare."""

    name: str
    node: Object = field(default_factory=dict)
    """Empty while only Pods tell of this node."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Object] = ()
    unschedulable: bool = False
    images: Mapping[str, int] = field(default_factory=dict)
    """The size of every image on the node, by each of its names."""
    allocatable: Resource = field(default_factory=Resource)
    allowed_pods: int = 0
    pods: dict[str, PodInfo] = field(default_factory=dict)
    requested: Resource = field(default_factory=Resource)
    non_zero: Resource = field(default_factory=Resource)
    generation: int = 0
    """Grows with every change that a verdict could depend on."""

    def set_node(self, node: Object) -> None:
        """Take over the node's own state."""
        spec, status = node.get("spec") or {}, node.get("status") or {}
        amounts = amounts_of(status.get("allocatable"))
        self.node = node
        self.labels = node["metadata"].get("labels") or {}
        self.taints = spec.get("taints") or ()
        self.unschedulable = bool(spec.get("unschedulable"))
        images = status.get("images") or ()
        self.images = {
            name: image.get("sizeBytes", 0) for image in images for name in image["names"]
        }
        self.allocatable, self.allowed_pods = Resource.of(amounts), amounts.get("pods", 0)

    def clone(self) -> NodeInfo:
        """A copy from which Pods can be taken away and to which others can be added."""
        return replace(
            self,
            pods=dict(self.pods),
            requested=self.requested.clone(),
            non_zero=self.non_zero.clone(),
        )

    def add(self, pod: PodInfo) -> None:
        """A Pod came to this node."""
        self.pods[pod.key] = pod
        self.requested.add(pod.requests)
        self.non_zero.add(pod.non_zero)

    def remove(self, pod: PodInfo) -> None:
        """A Pod left this node."""
        del self.pods[pod.key]
        self.requested.add(pod.requests, -1)
        self.non_zero.add(pod.non_zero, -1)


class Snapshot:
    """The nodes of one scheduling cycle, in the order in which they are looked at.

    It remembers what was computed from them (:class:`View`) for as long as their order holds.
    """

    __slots__ = ("_by_name", "_recent", "_views", "names", "nodes", "nominated", "position")

    def __init__(
        self,
        nodes: Sequence[NodeInfo],
        nominated: Mapping[str, Mapping[str, PodInfo]] = MappingProxyType({}),
        recent: dict[str, NodeInfo] | None = None,
    ) -> None:
        self.nodes, self.nominated = nodes, nominated
        self._by_name = {node.name: node for node in nodes}
        self.names = [node.name for node in nodes]
        self.position = {name: index for index, name in enumerate(self.names)}
        self._recent = self._by_name if recent is None else recent
        """All nodes, the one that changed last at the end."""
        self._views: dict[Hashable, View[Any]] = {}

    @classmethod
    def of(cls, nodes: Iterable[Object], pods: Iterable[Object]) -> Snapshot:
        """The snapshot a scheduler would have that knows exactly these objects."""
        cache = Cache()
        for node in nodes:
            cache.set_node(node)
        for pod in pods:
            if occupies_node(pod):
                cache.add_pod(pod)
            elif nomination_of(pod) and waits(pod):
                cache.nominate(PodInfo.of(pod), nomination_of(pod))
        return cache.snapshot()

    def promised(self, node: str, pod: PodInfo) -> list[PodInfo]:
        """Pods no less important than this one for which room is made on the node."""
        guests = self.nominated.get(node, {}).values()
        return [g for g in guests if g.priority >= pod.priority and g.uid != pod.uid]

    def get(self, name: str) -> NodeInfo | None:
        """The node of that name, if there is one."""
        return self._by_name.get(name)

    def view(self, key: Hashable, of: Callable[[NodeInfo], T]) -> Sequence[T]:
        """What ``of`` says of each node, in their order; equal keys promise equal functions."""
        return self.remember(key, partial(View, of)).values

    def tally(
        self, key: Hashable, of: Callable[[NodeInfo], Mapping[K, int] | None]
    ) -> Mapping[K, int]:
        """The sum over all nodes of what ``of`` counts on each; a count of zero is left out.

        >>> zones = Snapshot.of([], []).tally("zones", lambda node: {node.labels["zone"]: 1})
        >>> dict(zones)
        {}
        """
        return self.remember(("tally", key), partial(Tally, of)).total

    def remember(self, key: Hashable, make: Callable[[], V]) -> V:
        """The view of that key, made if it is new, up to date in any case."""
        view = self._views.pop(key, None)
        if view is None:
            view = make()
            if len(self._views) >= MOST_VIEWS:
                del self._views[next(iter(self._views))]
        self._views[key] = view
        view.refresh(self.nodes, self.position, self._recent)
        return cast("V", view)

    def __len__(self) -> int:
        return len(self.nodes)


class View(Generic[T]):
    """What a pure function says of each node, asked again only where a node changed.

    This is what makes deciding fast: from one decision to the next, one node in a thousand is
    another than it was.
    """

    def __init__(self, of: Callable[[NodeInfo], T]) -> None:
        self.of = of
        self.values: list[T] = []
        self._seen = -1
        """The generation of the newest change that is taken in."""

    def refresh(
        self,
        nodes: Sequence[NodeInfo],
        position: Mapping[str, int],
        recent: dict[str, NodeInfo],
    ) -> None:
        """Take in what changed since the last time, newest first."""
        if self._seen < 0:
            self.fill(nodes)
            self._seen = max((node.generation for node in nodes), default=0)
            return
        newest = seen = self._seen
        for name in reversed(recent):
            info = recent[name]
            if info.generation <= seen:
                break
            newest = max(newest, info.generation)
            if name in position:
                self.change(position[name], info)
        self._seen = newest

    def fill(self, nodes: Sequence[NodeInfo]) -> None:
        """Ask about every node, for the first time."""
        self.values = [self.of(node) for node in nodes]

    def change(self, index: int, node: NodeInfo) -> None:
        """Ask about one node again."""
        self.values[index] = self.of(node)


class Tally(View[Mapping[K, int] | None], Generic[K]):
    """A view of counts, and their sum."""

    def __init__(self, of: Callable[[NodeInfo], Mapping[K, int] | None]) -> None:
        super().__init__(of)
        self.total: dict[K, int] = {}

    def fill(self, nodes: Sequence[NodeInfo]) -> None:
        """Count everywhere."""
        super().fill(nodes)
        for counts in self.values:
            self._add(counts, 1)

    def change(self, index: int, node: NodeInfo) -> None:
        """Count one node again."""
        was = self.values[index]
        super().change(index, node)
        if self.values[index] != was:
            self._add(was, -1)
            self._add(self.values[index], 1)

    def _add(self, counts: Mapping[K, int] | None, sign: int) -> None:
        total = self.total
        for key, count in (counts or {}).items():
            total[key] = total.get(key, 0) + sign * count
            if not total[key]:
                del total[key]


class Cache:
    """What the scheduler knows.  Writes: NodeInfos, from watch events and its own decisions."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._where: dict[str, str] = {}
        """The node of every Pod that has one, by the Pod's key."""
        self._assumed: set[str] = set()
        """Keys of Pods given to a node by us and not yet seen there; asked, never iterated."""
        self._recent: dict[str, NodeInfo] = {}
        """The same as ``_nodes``, the one that changed last at the end."""
        self._generation = 0
        self._snapshot: Snapshot | None = None
        self._nominated: dict[str, dict[str, PodInfo]] = {}
        """Pods for which others are evicted, by the node they shall have and by their key."""

    # -- nodes

    def set_node(self, node: Object) -> None:
        """A node appeared or changed; a heartbeat changes nothing that a verdict depends on."""
        name = node["metadata"]["name"]
        info = self._nodes.get(name)
        if info is not None and info.node and _matters(info.node) == _matters(node):
            info.node = node
            return
        if info is None or not info.node or _zone(info.node) != _zone(node):
            self._snapshot = None
        self._info(name).set_node(node)

    def remove_node(self, name: str) -> None:
        """A node is gone; Pods that are still said to be on it keep their entry."""
        self._snapshot = None
        gone = self._nodes.pop(name)
        del self._recent[name]
        if gone.pods:
            left = self._info(name)
            for pod in gone.pods.values():
                left.add(pod)

    def snapshot(self) -> Snapshot:
        """The nodes as they are now; to be read before anybody else may run.

        Upstream copies, because its binding goroutines go on while it decides.
        """
        if self._snapshot is None:
            known = (info for _, info in sorted(self._nodes.items()) if info.node)
            self._snapshot = Snapshot(_alternating(known), self._nominated, self._recent)
        return self._snapshot

    # -- Pods

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count a Pod on the node it was given to; binding is still to come."""
        assert pod.key not in self._where, f"{pod.key} is assumed while it is on a node"
        self.nominate(pod, "")
        self._put(pod, node)
        self._assumed.add(pod.key)

    def forget(self, pod: PodInfo) -> bool:
        """Take back :meth:`assume`; False if the Pod was seen on a node, or is another by now."""
        if not self.is_assumed(pod.key, pod.uid):
            return False
        self.remove_pod(pod.key)
        return True

    def is_assumed(self, key: str, uid: str) -> bool:
        """Whether this very Pod is given to a node and not yet confirmed."""
        return key in self._assumed and self._nodes[self._where[key]].pods[key].uid == uid

    def add_pod(self, pod: Object) -> None:
        """A Pod was seen on its node: confirm it if it was assumed, count it if it was not."""
        key, node = key_of(pod), pod["spec"]["nodeName"]
        known = self.get(key)
        info = PodInfo.of(pod, known)
        if known is not None and self._where[key] == node and info.requests is known.requests:
            self._assumed.discard(key)
            same = _seen_by_others(known.pod) == _seen_by_others(pod)
            changed = self._nodes[node] if same else self._info(node)
            changed.pods[key] = info
            return
        self.remove_pod(key)
        self._put(info, node)

    def remove_pod(self, key: str) -> None:
        """A Pod is on no node any more."""
        self._assumed.discard(key)
        name = self._where.pop(key, None)
        if name is None:
            return
        info = self._info(name)
        info.remove(info.pods[key])
        if not info.node and not info.pods:
            del self._nodes[name], self._recent[name]

    def get(self, key: str) -> PodInfo | None:
        """The Pod as counted on its node, if it is on one."""
        name = self._where.get(key)
        return self._nodes[name].pods[key] if name is not None else None

    def nominate(self, pod: PodInfo, node: str) -> None:
        """A Pod that waits shall have this node once there is room; with no node, it shall not."""
        for name in [name for name, guests in self._nominated.items() if pod.key in guests]:
            del self._nominated[name][pod.key]
            if not self._nominated[name]:
                del self._nominated[name]
        if node:
            self._nominated.setdefault(node, {})[pod.key] = pod

    def _put(self, pod: PodInfo, node: str) -> None:
        self._where[pod.key] = node
        self._info(node).add(pod)

    def _info(self, name: str) -> NodeInfo:
        """The entry of a node that is about to change."""
        info = self._nodes.get(name)
        if info is None:
            info = self._nodes[name] = NodeInfo(name)
        self._generation += 1
        info.generation = self._generation
        self._recent.pop(name, None)
        self._recent[name] = info
        return info


def _seen_by_others(pod: Object) -> tuple[object, ...]:
    """What may change in a Pod on a node that a verdict about another Pod could depend on."""
    meta = pod["metadata"]
    return meta.get("labels"), "deletionTimestamp" in meta


def occupies_node(pod: Object) -> bool:
    """Whether a Pod takes room on a node: it has one and has not ended."""
    phase = (pod.get("status") or {}).get("phase")
    return bool(pod["spec"].get("nodeName")) and phase not in ("Succeeded", "Failed")


def waits(pod: Object) -> bool:
    """Whether a Pod needs a node: it has none, has not ended and is not being deleted."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not (ended or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"])


def nomination_of(pod: Object) -> str:
    """The node on which room is being made for a Pod, empty if there is none."""
    return (pod.get("status") or {}).get("nominatedNodeName") or ""


def _matters(node: Object) -> tuple[object, ...]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    labels = node["metadata"].get("labels")
    return (
        labels,
        spec.get("taints"),
        spec.get("unschedulable"),
        status.get("allocatable"),
        status.get("images"),
    )


def _zone(node: Object) -> tuple[str, ...]:
    labels = node["metadata"].get("labels") or {}
    return tuple(labels.get(name, "") for name in ZONE_LABELS)


def _alternating(nodes: Iterable[NodeInfo]) -> list[NodeInfo]:
    """One node of each zone in turn, so that a part of the list is never all of one zone."""
    zones: defaultdict[tuple[str, ...], list[NodeInfo]] = defaultdict(list)
    for info in nodes:
        zones[_zone(info.node)].append(info)
    rounds = zip_longest(*(zones[zone] for zone in sorted(zones)))
    return [info for one_round in rounds for info in one_round if info is not None]
