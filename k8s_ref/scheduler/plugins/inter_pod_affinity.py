"""InterPodAffinity · Pod 之间的亲和与反亲和

A Pod may want to be in the same place as certain Pods, or not in the same; what a place is, a node
label says (``topologyKey``): nodes with the same value are one place.  The one idea: count once how
many Pods matter in each place, then any node is a look-up.  Anti-affinity works both ways: a Pod
that is there already can keep a newcomer out.

Upstream: pkg/scheduler/framework/plugins/interpodaffinity/filtering.go, scoring.go, plugin.go
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import (
    NOTHING,
    Labels,
    Requirement,
    Selector,
    from_label_selector,
)
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, always, labels_of
from k8s_ref.scheduler.framework import MAX_NODE_SCORE, SKIP, CycleState, Domains, Plugin, Status
from k8s_ref.scheduler.reader import Nothing, Reader

AFFINITY, ANTI_AFFINITY = "podAffinity", "podAntiAffinity"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

HARD_WEIGHT = 1
"""What it is worth to a node that Pods there require the newcomer's company."""

Place = tuple[str, str]
"""A topology key and its value."""

Weights = Callable[[Object], Iterable[tuple[str, int]]]
"""What a Pod counts for, by topology key."""


class InterPodAffinity(Plugin):
    """Keeps Pods together or apart, as they require and prefer of each other."""

    name = "InterPodAffinity"
    domain = True

    def __init__(self, reader: Reader | None = None) -> None:
        self.reader = reader or Nothing()

    # -- required

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Snapshot) -> Status | None:
        """Count, in every place, the Pods that the newcomer or that mind the newcomer."""
        mine = _Newcomer.of(pod.pod, self.reader)
        mine.nodes = nodes
        # Who says nothing of others, among others who say nothing, need not be counted for.
        asked = {"wanted": mine.affinity, "unwanted": mine.anti, "minding": self._choosy(nodes)}
        for rule, (key, weights) in mine.rules().items():
            counted = (self.name, rule, key), partial(_count, weights)
            mine.counts[rule] = nodes.tally(*counted) if asked[rule] else {}
        state[self.name] = mine
        return None if mine.affinity or mine.anti or mine.counts["minding"] else SKIP

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """One more Pod in the node's places."""
        state[self.name].change(other.pod, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """One Pod less."""
        state[self.name].change(other.pod, node, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if company is missing, or somebody is there who should not be, either way."""
        mine: _Newcomer = state[self.name]
        if mine.affinity and not mine.has_company(node.labels):
            return self.reject("node(s) didn't match pod affinity rules")
        places = node.labels.items()
        if not mine.counts["unwanted"].keys().isdisjoint(places):
            return self.reject("node(s) didn't match pod anti-affinity rules", resolvable=True)
        if not mine.counts["minding"].keys().isdisjoint(places):
            reason = "node(s) didn't satisfy existing pods anti-affinity rules"
            return self.reject(reason, resolvable=True)
        return None

    # -- preferred

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Iterable[NodeInfo]
    ) -> Status | None:
        """Add up, for every place, the weights of all preferences, of both sides."""
        mine: _Newcomer = state[self.name]
        if not mine.preferred and not self._choosy(mine.nodes):
            return SKIP
        key, weights = mine.preference()
        mine.pull = mine.nodes.tally((self.name, "pull", key), partial(_count, weights))
        return None if mine.pull else SKIP

    def _choosy(self, nodes: Snapshot) -> Mapping[str, int]:
        """Whether anybody on these nodes says anything of others: mostly nobody does."""
        return nodes.tally((self.name, "choosy"), _opinions)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The weights of the node's places."""
        pull: Mapping[Place, int] = state[self.name].pull
        return sum(pull.get(place, 0) for place in node.labels.items())

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """From the lowest, which may be below zero, to the highest."""
        lowest = min(scores)
        width = max(scores) - lowest
        if not width:
            return [0] * len(scores)
        return [int(MAX_NODE_SCORE * ((score - lowest) / width)) for score in scores]

    def domains(self, state: CycleState, pod: PodInfo) -> Domains | None:
        """Nodes that are in the same places are alike."""
        mine: _Newcomer = state[self.name]
        counted = (*mine.counts["minding"], *mine.pull)
        names = {key for key, _ in counted} | {term.key for term in (*mine.affinity, *mine.anti)}
        keys = tuple(sorted(names))
        return (self.name, keys), lambda node: tuple(map(node.labels.get, keys))

    # -- events

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Company that came, somebody unwanted who left, or a node in another place."""
        return {
            ClusterEvent.ASSIGNED_POD_ADD: self._pod_may_help,
            ClusterEvent.ASSIGNED_POD_LABEL: self._pod_may_help,
            ClusterEvent.ASSIGNED_POD_DELETE: self._pod_may_help,
            ClusterEvent.POD_LABEL: always,
            ClusterEvent.NODE_ADD: self._node_may_help,
            ClusterEvent.NODE_LABEL: self._node_may_help,
        }

    def _pod_may_help(self, pod: PodInfo, old: Object | None, new: Object | None) -> bool:
        """There is more that is wanted, or less that is unwanted."""
        mine = _Newcomer.of(pod.pod, self.reader)
        was, now = mine.matters(old), mine.matters(new)
        return bool(now["wanted"] - was["wanted"] or was["others"] - now["others"])

    def _node_may_help(self, pod: PodInfo, old: Object | None, new: Object | None) -> bool:
        """It is in other places than before; if others minded the Pod, any might do."""
        mine = _Newcomer.of(pod.pod, self.reader)
        keys = {term.key for term in (*mine.affinity, *mine.anti)}
        was, now = (labels_of(node) if node is not None else {} for node in (old, new))
        return not keys or any(now.get(key) != was.get(key) for key in keys)


@dataclass(slots=True, frozen=True)
class _Term:
    """Which Pods a term speaks of, and which label tells places apart."""

    key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector
    weight: int = HARD_WEIGHT

    @classmethod
    def of(cls, term: Object, pod: Object, weight: int = HARD_WEIGHT) -> _Term:
        """Read a term of a Pod, whose namespace is meant if none is given."""
        selector, where = from_label_selector(term.get("labelSelector")), term.get("namespaces")
        if not where and term.get("namespaceSelector") is None:
            where = [pod["metadata"]["namespace"]]
        same = like(pod, term.get("matchLabelKeys"))
        different = like(pod, term.get("mismatchLabelKeys"), "notin")
        return cls(
            term["topologyKey"],
            replace(selector, requirements=selector.requirements + same + different),
            frozenset(where or ()),
            from_label_selector(term.get("namespaceSelector")),
            weight,
        )

    def within(self, reader: Reader) -> _Term:
        """The same, with the names of the namespaces that are selected by their labels now."""
        chosen = self.namespace_selector
        if chosen.nothing or not chosen.requirements:
            return self
        names = (
            ns["metadata"]["name"] for ns in reader.list("namespaces", "") if chosen.selects(ns)
        )
        return replace(self, namespaces=self.namespaces.union(names), namespace_selector=NOTHING)

    def matches(self, pod: Object, namespace: Labels | None = None) -> bool:
        """Whether it speaks of this Pod, whose namespace has these labels."""
        metadata = pod["metadata"]
        here = metadata["namespace"] in self.namespaces
        if not here and not self.namespace_selector.matches(namespace):
            return False
        return self.selector.matches(metadata.get("labels"))


def like(pod: Object, keys: Iterable[str] | None, operator: str = "in") -> tuple[Requirement, ...]:
    """To have (or, with ``notin``, not to have) the same values as a Pod under these label keys."""
    labels = labels_of(pod)
    return tuple(Requirement(key, operator, (labels[key],)) for key in keys or () if key in labels)


def _required(pod: Object, kind: str) -> list[_Term]:
    affinity = (pod["spec"].get("affinity") or {}).get(kind) or {}
    return [_Term.of(term, pod) for term in affinity.get(REQUIRED) or ()]


def _preferred(pod: Object) -> Iterator[_Term]:
    """Both kinds: what a Pod would rather avoid has a weight below zero."""
    affinity = pod["spec"].get("affinity") or {}
    for kind, sign in ((AFFINITY, 1), (ANTI_AFFINITY, -1)):
        for preference in (affinity.get(kind) or {}).get(PREFERRED) or ():
            yield _Term.of(preference["podAffinityTerm"], pod, sign * preference["weight"])


@dataclass(slots=True)
class _Newcomer:
    """The Pod to be scheduled, and how many Pods matter to it in every place.

    Three rules count: ``wanted`` is who meets all of its affinity, ``unwanted`` who meets a term of
    its anti-affinity, ``minding`` who has anti-affinity that it meets itself.
    """

    pod: Object
    namespace: Labels
    """The labels of its namespace."""
    affinity: tuple[_Term, ...]
    anti: tuple[_Term, ...]
    preferred: tuple[_Term, ...]
    counts: dict[str, Mapping[Place, int]] = field(default_factory=dict)
    pull: Mapping[Place, int] = field(default_factory=dict)
    """What all preferences together make of every place."""
    nodes: Snapshot = field(default_factory=lambda: Snapshot(()))

    @classmethod
    def of(cls, pod: Object, reader: Reader) -> _Newcomer:
        """Read a Pod and its namespace."""
        namespace = reader.get("namespaces", pod["metadata"]["namespace"])
        terms = (_required(pod, AFFINITY), _required(pod, ANTI_AFFINITY), _preferred(pod))
        wanted, unwanted, preferred = (tuple(t.within(reader) for t in group) for group in terms)
        labels = labels_of(namespace) if namespace else {}
        return cls(pod, labels, wanted, unwanted, preferred)

    def clone(self) -> _Newcomer:
        """A copy whose counts may be changed."""
        return replace(self, counts=dict(self.counts))

    def change(self, other: Object, node: NodeInfo, sign: int) -> None:
        """Suppose that a Pod came to the node, or left it."""
        for rule, (_, weights) in self.rules().items():
            places = [(key, node.labels[key]) for key, _ in weights(other) if key in node.labels]
            if places:
                count = Counter(self.counts[rule])
                for place in places:
                    count[place] += sign
                self.counts[rule] = {place: n for place, n in count.items() if n}

    def rules(self) -> dict[str, tuple[object, Weights]]:
        """Who is counted, and what the answer depends on."""
        return {
            "wanted": (self.affinity, self.wanted),
            "unwanted": (self.anti, self.unwanted),
            "minding": (self._identity(), self.minding),
        }

    def wanted(self, other: Object) -> Iterator[tuple[str, int]]:
        """A Pod counts only if it meets all terms."""
        if self.affinity and all(term.matches(other) for term in self.affinity):
            yield from ((term.key, 1) for term in self.affinity)

    def unwanted(self, other: Object) -> Iterator[tuple[str, int]]:
        """One term is enough."""
        return ((term.key, 1) for term in self.anti if term.matches(other))

    def minding(self, other: Object) -> Iterator[tuple[str, int]]:
        """The terms of the other that speak of the newcomer."""
        if other["spec"].get("affinity"):
            for term in _required(other, ANTI_AFFINITY):
                if term.matches(self.pod, self.namespace):
                    yield term.key, 1

    def preference(self) -> tuple[object, Weights]:
        """What Pods weigh for or against the places they are in."""
        return (self._identity(), self.preferred), self._weighs

    def _weighs(self, other: Object) -> Iterator[tuple[str, int]]:
        for term in self.preferred:
            if term.matches(other):
                yield term.key, term.weight
        if other["spec"].get("affinity"):
            for term in (*_required(other, AFFINITY), *_preferred(other)):
                if term.matches(self.pod, self.namespace):
                    yield term.key, term.weight

    def _identity(self) -> object:
        """What the terms of others can see of the newcomer."""
        labels = frozenset(labels_of(self.pod).items())
        return self.pod["metadata"]["namespace"], labels, frozenset(self.namespace.items())

    def has_company(self, labels: Labels) -> bool:
        """Whether all affinity is met in the places of a node with these labels.

        The first of a group that wants its own company would wait for ever, so it is let in.
        """
        if not all(term.key in labels for term in self.affinity):
            return False
        wanted = self.counts["wanted"]
        if all((term.key, labels[term.key]) in wanted for term in self.affinity):
            return True
        return not wanted and all(term.matches(self.pod) for term in self.affinity)

    def matters(self, other: Object | None) -> dict[str, set[str]]:
        """The topology keys by which a Pod matters, for good and for bad."""
        if other is None:
            return {"wanted": set(), "others": set()}
        wanted = {key for key, _ in self.wanted(other)}
        others = {key for key, _ in (*self.unwanted(other), *self.minding(other))}
        return {"wanted": wanted, "others": others}


def _opinions(node: NodeInfo) -> Mapping[str, int] | None:
    choosy = [1 for other in node.pods.values() if other.pod["spec"].get("affinity")]
    return {AFFINITY: len(choosy)} if choosy else None


def _count(weights: Weights, node: NodeInfo) -> Mapping[Place, int] | None:
    """What the Pods on a node count for in its places; None if nothing, as on most nodes."""
    if not node.pods:
        return None
    count: Counter[Place] = Counter()
    for other in node.pods.values():
        for key, weight in weights(other.pod):
            if key in node.labels:
                count[key, node.labels[key]] += weight
    return count or None
