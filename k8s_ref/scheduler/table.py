"""The table · 判定表

The same decisions as asking every plugin about every node, without asking.  For all Pods that ask
for the same there is one table: a row for each node with its verdict and its scores, asked again
only where the node changed, which from one decision to the next is one row.  What depends on other
nodes as well (``Plugin.domain``) is asked in each decision, but once for all nodes of a domain.

The loop over all plugins and all nodes in ``schedule_one`` stays the definition: both engines must
agree on every verdict, every score and every tie, and a test holds them to it.

Upstream: none; scheduler_perf and the ``SignPlugin`` of opportunistic batching aim at the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from operator import add, itemgetter, mul, not_
from typing import Any

from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot, View
from k8s_ref.scheduler.framework import (
    CycleState,
    Framework,
    Plugin,
    PluginScores,
    Status,
    run_filters,
    run_filters_with,
)

CONTAINER_FIELDS = ("image", "resources", "ports", "restartPolicy")
SPEC_FIELDS = (
    "nodeName", "nodeSelector", "tolerations", "resources", "overhead", "hostNetwork", "volumes",
)  # fmt: skip


def signature(pod: PodInfo) -> str:
    """What plugins that look at one node alone may ask of a Pod: equal texts, equal verdicts.

    Upstream's name for it; names, labels and priority are no part of it.
    """
    spec = pod.pod["spec"]
    containers = (*spec["containers"], *(spec.get("initContainers") or ()))
    asked = [[container.get(name) for name in CONTAINER_FIELDS] for container in containers]
    # The volume with the Pod's token has a name of its own in every Pod, and holds nobody back.
    volumes = [v for v in spec.get("volumes") or () if "projected" not in v]
    rest = [volumes if name == "volumes" else spec.get(name) for name in SPEC_FIELDS]
    return repr((asked, rest, (spec.get("affinity") or {}).get("nodeAffinity")))


Row = tuple[Status | None, tuple[int, ...]]
"""The first objection to a node, and if there is none, what each plugin scores."""


class Table(View[Row]):
    """One row a node for all Pods of one signature, and columns for what is asked of all rows."""

    def __init__(self, framework: Framework, state: CycleState, pod: PodInfo) -> None:
        super().__init__(self.row)
        self.pod, self.state = pod, state.clone()
        self.state.filters = [plugin for plugin in state.filters if not plugin.domain]
        framework.pre_score(self.state, pod, (), domain=False)
        self.scorers = [plugin for plugin in self.state.scorers if not plugin.domain]
        self.weights = [framework.weights[p.name] if _is_plain(p) else 0 for p in self.scorers]
        self.statuses: list[Status | None] = []
        self.raw: list[list[int]] = []
        self.sums: list[int] = []
        """The weighted sum of the scores that need no normalizing."""

    def row(self, node: NodeInfo) -> Row:
        """Ask about one node."""
        status = run_filters(self.state, self.pod, node)
        if status is not None:
            return status, (0,) * len(self.scorers)
        return None, tuple(plugin.score(self.state, self.pod, node) for plugin in self.scorers)

    def fill(self, nodes: Sequence[NodeInfo]) -> None:
        """Make all rows and columns."""
        super().fill(nodes)
        self.statuses = [status for status, _ in self.values]
        self.raw = [list(column) for column in zip(*(raw for _, raw in self.values), strict=True)]
        self.sums = [self._sum(raw) for _, raw in self.values]

    def change(self, index: int, node: NodeInfo) -> None:
        """Make one row anew."""
        self.statuses[index], scores = self.values[index] = self.row(node)
        self.sums[index] = self._sum(scores)
        for column, raw in zip(self.raw, scores, strict=True):
            column[index] = raw

    def _sum(self, raw: tuple[int, ...]) -> int:
        return sum(map(mul, raw, self.weights))


def _is_plain(plugin: Plugin) -> bool:
    return type(plugin).normalize is Plugin.normalize


@dataclass(slots=True)
class Search:
    """One decision by table."""

    framework: Framework
    state: CycleState
    pod: PodInfo
    nodes: Snapshot
    table: Table
    where: list[int] = field(default_factory=list)
    """The positions of the nodes that fit, in the order of the search."""
    statuses: dict[str, Status] = field(default_factory=dict)
    """Why the others that were looked at do not fit."""

    @classmethod
    def begin(
        cls, framework: Framework, state: CycleState, pod: PodInfo, nodes: Snapshot
    ) -> Search | None:
        """None if the order of this profile's filters needs the plain loop: the first objection
        is the one that counts, so those of domains must come last."""
        kinds = [plugin.domain for plugin in state.filters]
        if kinds != sorted(kinds):
            return None
        key = ("table", id(framework), signature(pod))
        table = nodes.remember(key, partial(Table, framework, state, pod))
        return cls(framework, state, pod, nodes, table)

    def find(self, start: int, enough: int) -> tuple[list[NodeInfo], dict[str, Status]]:
        """Look at the nodes from ``start`` on until enough fit: those, and why others do not."""
        nodes = self.nodes.nodes
        late = [(p, self._domains(p), dict[Any, Any]()) for p in self.state.filters if p.domain]
        for positions in _parts(start, len(nodes), enough):
            statuses = self.table.statuses[positions.start : positions.stop]
            for plugin, domains, known in late:
                statuses = self._ask(plugin, domains, known, positions, statuses)
            self._ask_promised(positions, statuses)
            fits = list(compress(positions, map(not_, statuses)) if any(statuses) else positions)
            self.where += fits[: enough - len(self.where)]
            done = len(self.where) == enough
            end = self.where[-1] if done else positions.stop
            if len(fits) < len(positions):
                pairs = zip(self.nodes.names[positions.start : end], statuses, strict=False)
                self.statuses |= {name: no for name, no in pairs if no is not None}
            if done:
                break
        return list(_picker(self.where)(nodes)) if self.where else [], self.statuses

    def _ask(
        self,
        plugin: Plugin,
        domains: Sequence[Any],
        known: dict[Any, Status | None],
        positions: range,
        statuses: list[Status | None],
    ) -> list[Status | None]:
        """Let a plugin object to domains, each asked about once, where nobody did so far."""
        keys = domains[positions.start : positions.stop]
        if not known.keys() >= set(keys):
            # Any node of a domain may speak for it.
            for key, index in dict(zip(keys, positions, strict=True)).items():
                if key not in known:
                    known[key] = plugin.filter(self.state, self.pod, self.nodes.nodes[index])
        if not any(known.values()):
            return statuses
        said = list(map(known.__getitem__, keys))
        if not any(statuses):
            return said
        return [no or late for no, late in zip(statuses, said, strict=True)]

    def _ask_promised(self, positions: range, statuses: list[Status | None]) -> None:
        """Where others are expected, the plugins are asked with and without them."""
        for name in self.nodes.nominated:
            index = self.nodes.position.get(name, -1)
            if index in positions and (guests := self.nodes.promised(name, self.pod)):
                node = self.nodes.nodes[index]
                status = run_filters_with(self.state, self.pod, node, guests)
                statuses[index - positions.start] = status

    def _domains(self, plugin: Plugin) -> Sequence[Any]:
        """The domain of each node; where the plugin names none, each node is its own."""
        domains = plugin.domains(self.state, self.pod)
        if domains is None:
            return range(len(self.nodes))
        key, of = domains
        return self.nodes.view(("domain", plugin.name, key), _numbered(of))

    def score(self) -> tuple[list[PluginScores], list[int]]:
        """The opinion of every plugin about the nodes that fit, and the weighted sums."""
        pick = _picker(where := self.where)
        self.framework.pre_score(self.state, self.pod, pick(self.nodes.nodes))
        totals, same = list(pick(self.table.sums)), 0
        columns = dict(zip((p.name for p in self.table.scorers), self.table.raw, strict=True))
        scores = []
        for plugin in self.state.scorers:
            weight = self.framework.weights[plugin.name]
            if not plugin.domain and _is_plain(plugin):
                picked = Picked(columns[plugin.name], where)
                scores.append(PluginScores(plugin.name, weight, picked, picked))
                continue
            keys = pick(self._domains(plugin) if plugin.domain else columns[plugin.name])
            raw = self._by_domain(plugin, keys) if plugin.domain else {n: n for n in set(keys)}
            said = self.framework.normalize(plugin, self.state, self.pod, list(raw.values()))
            normalized = dict(zip(raw, said.normalized, strict=True))
            given = Picked(raw, keys), Picked(normalized, keys)
            scores.append(PluginScores(plugin.name, weight, *given))
            if len(set(said.normalized)) == 1:
                same += weight * said.normalized[0]
            else:
                weighted = {key: weight * n for key, n in normalized.items()}
                totals = list(map(add, totals, map(weighted.__getitem__, keys)))
        return scores, list(map(same.__add__, totals))

    def _by_domain(self, plugin: Plugin, keys: Sequence[Any]) -> dict[Any, int]:
        """A plugin's score of each domain; any node of it may speak for it."""
        nodes, speaks = self.nodes.nodes, dict(zip(keys, self.where, strict=True))
        return {key: plugin.score(self.state, self.pod, nodes[i]) for key, i in speaks.items()}


def _numbered(of: Callable[[NodeInfo], Hashable]) -> Callable[[NodeInfo], int]:
    """The same distinctions as ``of`` makes, by numbers, which are quicker to compare."""
    known: dict[Hashable, int] = {}
    return lambda node: known.setdefault(of(node), len(known))


def _picker(where: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Takes these places out of a column; a row of neighbours is cut out in one piece.

    >>> _picker([1, 2])("abcd"), _picker([3, 0])("abcd"), _picker([2])("abcd")
    ('bc', ('d', 'a'), 'c')
    """
    first, last = where[0], where[-1]
    if last - first == len(where) - 1:
        return itemgetter(slice(first, last + 1))
    return itemgetter(*where)


class Picked(Sequence[int]):
    """Some places of a column, or the values of some keys, looked up when somebody asks."""

    __slots__ = ("_column", "_where")

    def __init__(self, column: Sequence[int] | Mapping[Any, int], where: Sequence[Any]) -> None:
        self._column, self._where = column, where

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: Any) -> Any:
        return self._column[self._where[index]]


def _parts(start: int, count: int, size: int) -> Iterator[range]:
    """All positions from ``start`` round to ``start``, so many at a time.

    >>> list(_parts(3, 5, 2))
    [range(3, 5), range(0, 2), range(2, 3)]
    """
    for begin, end in ((start, count), (0, start)):
        for low in range(begin, end, size):
            yield range(low, min(low + size, end))
