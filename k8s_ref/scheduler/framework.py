"""Scheduling framework · 调度框架

The scheduler knows no criterion of its own: everything it decides by is a plugin, asked at
*extension points* in a fixed order.  The one idea: a filter says no, a score says how good, and
neither sees the other; so a new criterion is one class.  A plugin that has nothing to say about a
Pod says ``SKIP`` once and is not asked about its nodes.

Upstream: pkg/scheduler/framework/runtime/framework.go,
staging/src/k8s.io/kube-scheduler/framework/interface.go
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint
from k8s_ref.sim.loop import Future, Loop

MAX_NODE_SCORE = 100
"""Every plugin's scores end up between 0 and this, so that weights mean something."""


Domains: TypeAlias = tuple[Hashable, Callable[[NodeInfo], Hashable]]
"""A function that tells nodes apart, after a key that names it."""


class Code(IntEnum):
    """What a plugin answers."""

    SUCCESS = 0
    ERROR = 1
    UNSCHEDULABLE = 2
    UNSCHEDULABLE_AND_UNRESOLVABLE = 3
    """Not even evicting Pods would help."""
    WAIT = 4
    SKIP = 5


@dataclass(slots=True, frozen=True)
class Status:
    """A plugin's answer other than plain success, which is None."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def rejected(self) -> bool:
        """Whether the plugin said no, as opposed to having failed."""
        return self.code in (Code.UNSCHEDULABLE, Code.UNSCHEDULABLE_AND_UNRESOLVABLE)

    def __str__(self) -> str:
        return ", ".join(self.reasons)


SKIP = Status(Code.SKIP)


class CycleState(dict[str, Any]):
    """What plugins computed about one Pod in one scheduling cycle, by the plugin's name."""

    __slots__ = ("filters", "scorers")

    def __init__(self) -> None:
        super().__init__()
        self.filters: list[Plugin] = []
        self.scorers: list[Plugin] = []

    def clone(self) -> CycleState:
        """A copy in which Pods may be added and removed; a value may say how it is cloned."""
        other = CycleState()
        other.filters, other.scorers = self.filters, self.scorers
        for name, value in self.items():
            other[name] = value.clone() if hasattr(value, "clone") else copy(value)
        return other

    def only(self, plugin: Plugin) -> CycleState:
        """The same, as if no other plugin filtered."""
        other = self.clone()
        other.filters = [plugin]
        return other


class Plugin:
    """A criterion.  A subclass writes the extension points it wants to be asked at.

    They stand here in the order in which a Pod meets them.
    """

    name: str
    domain: bool = False
    """False: filter and score depend on the Pod's spec and on that one node's state, so they are
    remembered until the node changes.  True: they depend on other nodes or Pods as well."""

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Which cluster events may turn this plugin's no into a yes, and how to tell."""
        return {}

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """Whether the Pod may be looked at yet."""
        return None

    def sort_key(self, pod: PodInfo, since: int) -> tuple[int, ...]:
        """Where the Pod stands in the queue it entered at ``since``; the smallest is next."""
        return (since,)

    def pre_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot
    ) -> Status | frozenset[str] | None:
        """Prepare; ``SKIP`` to leave out the filter, names if no other node is possible."""
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """Suppose ``other`` were on the node too: bring what :meth:`pre_filter` prepared up to
        date.  The node counts ``other`` already."""

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """Suppose ``other`` were gone from the node, which does not count it any more."""

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Whether the Pod can run on the node."""
        return None

    def domains(self, state: CycleState, pod: PodInfo) -> Domains | None:
        """Of a ``domain`` plugin: which nodes it gives the same answer in this cycle.

        A key and a function of the node's state alone; equal keys promise equal functions.  None:
        any two nodes may differ.  Sums over all nodes are best kept by :meth:`Snapshot.tally`.
        """
        return None

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | Candidate | None:
        """The Pod fits nowhere: what could be done about it, or why nothing can."""
        return None

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> Status | None:
        """Prepare, knowing the nodes that fit; ``SKIP`` to leave out the score."""
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How good the node is, in any unit."""
        return 0

    def normalize(self, state: CycleState, pod: PodInfo, scores: list[int]) -> list[int]:
        """The scores of all nodes, brought between 0 and 100.

        What becomes of a score depends on which others there are, not on how many nodes have each.
        """
        return scores

    def reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """The node is chosen: set aside what the Pod will need there."""
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """It came to nothing after all; called also if :meth:`reserve` was not."""

    def permit(self, state: CycleState, pod: PodInfo, node: str) -> Status | float | None:
        """Whether to bind; a number of seconds to wait for :meth:`Framework.allow`."""
        return None

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """What has to be done at the node before the Pod is bound."""
        return None

    async def bind(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """Write the decision; ``SKIP`` to leave it to the next.  Raises what the server says."""
        return SKIP

    def post_bind(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """The Pod is bound."""

    def reject(self, *reasons: str, resolvable: bool = False) -> Status:
        """A no; ``resolvable`` if evicting Pods could turn it into a yes."""
        code = Code.UNSCHEDULABLE if resolvable else Code.UNSCHEDULABLE_AND_UNRESOLVABLE
        return Status(code, reasons, self.name)


@dataclass(slots=True, frozen=True)
class Candidate:
    """A node on which a Pod would fit if others were evicted."""

    node: str
    victims: tuple[PodInfo, ...]
    """The most important first."""
    violations: int = 0
    """How many victims a PodDisruptionBudget would rather keep."""

    def __str__(self) -> str:
        return f"preemption: {', '.join(pod.key for pod in self.victims)} on {self.node}"


@dataclass(slots=True)
class PluginScores:
    """What one plugin thinks of the nodes that fit, in their order."""

    plugin: str
    weight: int
    raw: Sequence[int]
    normalized: Sequence[int]


class Framework:
    """Asks the plugins of one profile.  Writes: who waits for a permit, nothing else."""

    def __init__(self, profile: Sequence[tuple[Plugin, int]], loop: Loop) -> None:
        self.loop = loop
        self.plugins = [plugin for plugin, _ in profile]
        self.weights = {plugin.name: weight for plugin, weight in profile}
        self.hints: dict[ClusterEvent, list[tuple[str, Hint]]] = {}
        for plugin in self.plugins:
            for event, hint in plugin.events().items():
                self.hints.setdefault(event, []).append((plugin.name, hint))
        self._at = {point: self._asked_at(point) for point in POINTS}
        self._waiting: dict[str, _Waiting] = {}

    def _asked_at(self, point: str) -> list[Plugin]:
        """The plugins that wrote this extension point, in the order of the profile."""
        silent = getattr(Plugin, point)
        return [plugin for plugin in self.plugins if getattr(type(plugin), point) is not silent]

    # -- before a Pod is looked at

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """The first objection to looking at the Pod at all."""
        answers = (plugin.pre_enqueue(pod) for plugin in self._at["pre_enqueue"])
        return next((status for status in answers if status is not None), None)

    def sort_key(self, pod: PodInfo, since: int) -> tuple[int, ...]:
        """The Pod's place in the active queue."""
        return self._at["sort_key"][0].sort_key(pod, since)

    # -- which nodes fit

    def pre_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot
    ) -> Status | tuple[frozenset[str] | None, list[str]]:
        """A rejection, or the names of the only nodes possible (None: all) and who said so."""
        names: frozenset[str] | None = None
        narrowed_by: list[str] = []
        skipped: set[str] = set()
        for plugin in self._at["pre_filter"]:
            answer = plugin.pre_filter(state, pod, nodes)
            if isinstance(answer, frozenset):
                names = answer if names is None else names & answer
                narrowed_by.append(plugin.name)
                if not names:
                    return plugin.reject(_contradiction(narrowed_by))
            elif answer is not None and answer.code is Code.SKIP:
                skipped.add(plugin.name)
            elif answer is not None:
                return answer
        state.filters = [p for p in self._at["filter"] if p.name not in skipped]
        return names, sorted(narrowed_by)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """The first objection to this node."""
        return run_filters(state, pod, node)

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | Candidate:
        """What can be done for a Pod that fits nowhere, or all that the plugins say about it;
        ``UNSCHEDULABLE_AND_UNRESOLVABLE`` if one is sure that nothing can be done."""
        code, reasons = Code.UNSCHEDULABLE, list[str]()
        for plugin in self._at["post_filter"]:
            answer = plugin.post_filter(state, pod, nodes, statuses)
            if isinstance(answer, Candidate):
                return answer
            if answer is not None:
                code = max(code, answer.code)
                reasons += answer.reasons
        return Status(code, tuple(reasons))

    # -- which of them is best

    def score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> list[PluginScores]:
        """Every scoring plugin's opinion of these nodes."""
        self.pre_score(state, pod, nodes)
        return [
            self.normalize(plugin, state, pod, [plugin.score(state, pod, node) for node in nodes])
            for plugin in state.scorers
        ]

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], domain: bool = True
    ) -> None:
        """Let the plugins prepare, with or without those that look at other nodes."""
        skipped = {
            plugin.name
            for plugin in self._at["pre_score"]
            if (domain or not plugin.domain) and plugin.pre_score(state, pod, nodes) is not None
        }
        state.scorers = [p for p in self._at["score"] if p.name not in skipped]

    def normalize(
        self, plugin: Plugin, state: CycleState, pod: PodInfo, raw: list[int]
    ) -> PluginScores:
        """The scores of one plugin, brought between 0 and 100."""
        normalized = plugin.normalize(state, pod, raw)
        assert 0 <= min(normalized) <= max(normalized) <= MAX_NODE_SCORE, (
            f"{plugin.name} gives scores outside 0..{MAX_NODE_SCORE}"
        )
        return PluginScores(plugin.name, self.weights[plugin.name], raw, normalized)

    # -- after a node is chosen

    def reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """Set aside what the Pod needs; the first objection stops it."""
        answers = (plugin.reserve(state, pod, node) for plugin in self._at["reserve"])
        return next((status for status in answers if status is not None), None)

    def unreserve(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Give it back, last plugin first."""
        for plugin in reversed(self._at["unreserve"]):
            plugin.unreserve(state, pod, node)

    def permit(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """The first objection to binding; ``WAIT`` if a plugin wants to think about it."""
        waits: dict[str, float] = {}
        for plugin in self._at["permit"]:
            answer = plugin.permit(state, pod, node)
            if isinstance(answer, Status):
                return answer
            if answer is not None:
                waits[plugin.name] = answer
        if not waits:
            return None
        waiting = self._waiting[pod.uid] = _Waiting(self.loop.future(), set(waits))
        for name, seconds in waits.items():
            why = f"rejected due to timeout after waiting {seconds:g}s at plugin {name}"
            self.loop.call_later(seconds, waiting.refuse, name, why)
        return Status(Code.WAIT)

    def allow(self, uid: str, plugin: str) -> None:
        """A plugin that asked to wait agrees; the last one lets the Pod through."""
        if uid in self._waiting:
            self._waiting[uid].allow(plugin)

    def refuse(self, uid: str, plugin: str, why: str) -> None:
        """A plugin that asked to wait says no."""
        if uid in self._waiting:
            self._waiting[uid].refuse(plugin, why)

    def evict_waiting(self, uid: str, plugin: str, why: str) -> bool:
        """Take its node from a Pod that waits for leave to be bound; False if none does."""
        if uid in self._waiting:
            self._waiting[uid].answer.resolve(Status(Code.UNSCHEDULABLE, (why,), plugin))
        return uid in self._waiting

    async def wait_on_permit(self, pod: PodInfo) -> Status | None:
        """What the plugins that asked to wait finally say."""
        waiting = self._waiting.get(pod.uid)
        if waiting is None:
            return None
        status: Status | None = await waiting.answer
        del self._waiting[pod.uid]
        return status

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """What must be done before binding; the first that fails stops it."""
        for plugin in self._at["pre_bind"]:
            status = await plugin.pre_bind(state, pod, node)
            if status is not None:
                return status
        return None

    async def bind(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Let the first plugin that does not skip write the decision."""
        for plugin in self._at["bind"]:
            if await plugin.bind(state, pod, node) is not SKIP:
                return
        raise LookupError("no plugin of the profile binds")

    def post_bind(self, state: CycleState, pod: PodInfo, node: str) -> None:
        """Tell the plugins that the Pod is bound."""
        for plugin in self._at["post_bind"]:
            plugin.post_bind(state, pod, node)


POINTS = (
    "pre_enqueue", "sort_key", "pre_filter", "filter", "post_filter", "pre_score", "score",
    "reserve", "unreserve", "permit", "pre_bind", "bind", "post_bind",
)  # fmt: skip
"""The extension points the framework asks at; ``normalize`` belongs to ``score``."""


@dataclass(slots=True)
class _Waiting:
    """A Pod that has a node and waits for leave to be bound."""

    answer: Future[Status | None]
    pending: set[str]

    def allow(self, plugin: str) -> None:
        self.pending.discard(plugin)
        if not self.pending:
            self.answer.resolve(None)

    def refuse(self, plugin: str, why: str) -> None:
        if plugin in self.pending:
            self.answer.resolve(Status(Code.UNSCHEDULABLE, (why,), plugin))


def run_filters(state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
    """The first objection to a node, as it is."""
    for plugin in state.filters:
        status = plugin.filter(state, pod, node)
        if status is not None:
            return status
    return None


def run_filters_with(
    state: CycleState, pod: PodInfo, node: NodeInfo, guests: Sequence[PodInfo]
) -> Status | None:
    """The first objection, be the ``guests`` who are expected on the node there or not.

    Asked both ways: with them there may be too little room, without them an affinity may fail.
    """
    if guests:
        there, supposed = node.clone(), state.clone()
        for guest in guests:
            suppose(supposed, pod, guest, there)
        status = run_filters(supposed, pod, there)
        if status is not None:
            return status
    return run_filters(state, pod, node)


def suppose(
    state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, gone: bool = False
) -> None:
    """Put another Pod on a cloned node, or take it away, and tell the plugins."""
    if gone:
        node.remove(other)
    else:
        node.add(other)
    for plugin in state.filters:
        tell = plugin.remove_pod if gone else plugin.add_pod
        tell(state, pod, other, node)


def _contradiction(plugins: Sequence[str]) -> str:
    if len(plugins) == 1:
        return f"node(s) didn't satisfy plugin {plugins[0]}"
    return f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plugins))}] simultaneously"


def default_normalize_score(scores: Sequence[int], reverse: bool = False) -> list[int]:
    """Scores in proportion to the highest, which becomes 100; ``reverse`` turns them round.

    >>> default_normalize_score([0, 2, 4]), default_normalize_score([0, 2, 4], reverse=True)
    ([0, 50, 100], [100, 50, 0])
    """
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_NODE_SCORE if reverse else 0] * len(scores)
    scaled = [MAX_NODE_SCORE * score // highest for score in scores]
    return [MAX_NODE_SCORE - score for score in scaled] if reverse else scaled
