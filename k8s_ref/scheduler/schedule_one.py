"""Scheduling one Pod · 为一个 Pod 选节点

The decision itself: which nodes fit, and which of them is best.  A pure function of the Pod, the
nodes, and the place where the last search stopped: nothing is written, so the same question can be
asked again later about an earlier state.

In a large cluster not every node is looked at: the search ends when enough nodes fit, and the next
one begins where it ended.

Upstream: pkg/scheduler/schedule_one.go, framework/types.go (Diagnosis, FitError)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot, nomination_of
from k8s_ref.scheduler.framework import (
    Candidate,
    Code,
    CycleState,
    Framework,
    PluginScores,
    Status,
    run_filters_with,
)
from k8s_ref.scheduler.plugins.preemption import no_node_available
from k8s_ref.scheduler.queue import ANYTHING
from k8s_ref.scheduler.table import Search

MIN_FEASIBLE_NODES = 100
"""So many nodes that fit are always looked for."""

MIN_FEASIBLE_PERCENTAGE = 5

NO_NODES = "no nodes available to schedule pods"


@dataclass(slots=True)
class Decision:
    """What became of one Pod: the nodes that fit with their scores, the others with reasons."""

    nodes: int
    """How many nodes there are."""
    feasible: list[NodeInfo] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)
    """Why the others that were looked at do not fit."""
    absent: Status | None = None
    """Why those that were not looked at do not fit, if they do not."""
    pre_filter: str = ""
    """Why the Pod was rejected before any node was looked at."""
    post_filter: str = ""
    candidate: Candidate | None = None
    """Where room can be made, if the Pod fits nowhere."""
    hopeless: bool = False
    """Nobody can make room, so no node stays promised."""
    rejected_by: frozenset[str] = frozenset()
    scores: list[PluginScores] = field(default_factory=list)
    """Empty if one node fits: there is nothing to compare."""
    totals: list[int] = field(default_factory=list)
    """The weighted sums of the scores, in the order of ``feasible``."""

    @property
    def best(self) -> list[NodeInfo]:
        """The nodes with the highest total."""
        if not self.totals:
            return self.feasible
        highest = max(self.totals)
        return list(compress(self.feasible, map(highest.__eq__, self.totals)))

    @property
    def counts(self) -> Counter[str]:
        """How many nodes were rejected for each reason; a node may count for several."""
        counts: Counter[str] = Counter()
        for status in self.statuses.values():
            counts.update(status.reasons)
        if self.absent is not None:
            for reason in self.absent.reasons:
                counts[reason] += self.nodes - len(self.statuses)
        return counts

    @property
    def message(self) -> str:
        """Why the Pod cannot be scheduled, as the event and the condition say it."""
        if not self.nodes:
            return NO_NODES
        if self.pre_filter:
            text = f"0/{self.nodes} nodes are available: {self.pre_filter}."
        else:
            text = no_node_available(self.nodes, self.counts)
        return f"{text} {self.post_filter}" if self.post_filter else text


def schedule_pod(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    start: int = 0,
    naive: bool = False,
) -> Decision:
    """Find the nodes that fit and score them, beginning the search at node ``start``.

    ``naive`` asks every plugin about every node, which defines what the fast way must find.
    """
    decision = Decision(len(snapshot))
    if not len(snapshot):
        decision.rejected_by = frozenset({ANYTHING})
        return decision
    search = find_nodes_that_fit(framework, state, pod, snapshot, start, decision, naive)
    if not decision.feasible:
        answer = framework.post_filter(state, pod, snapshot, _everywhere(decision, snapshot))
        if isinstance(answer, Candidate):
            decision.candidate = answer
        else:
            decision.post_filter = str(answer)
            decision.hopeless = answer.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    elif len(decision.feasible) > 1 and search is not None:
        decision.scores, decision.totals = search.score()
    elif len(decision.feasible) > 1:
        decision.scores = framework.score(state, pod, decision.feasible)
        weighted = ([score.weight * n for n in score.normalized] for score in decision.scores)
        decision.totals = [sum(row) for row in zip(*weighted, strict=True)]
    return decision


def find_nodes_that_fit(
    framework: Framework,
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    start: int,
    decision: Decision,
    naive: bool,
) -> Search | None:
    """Ask the filters about one node after the other until enough fit."""
    answer = framework.pre_filter(state, pod, snapshot)
    if isinstance(answer, Status):
        decision.absent, decision.pre_filter = answer, str(answer)
        decision.rejected_by = frozenset({answer.plugin})
        return None
    names, narrowed_by = answer
    promised = snapshot.get(nomination_of(pod.pod))
    # Where room was made for it, it very likely fits, and no other node needs to be looked at.
    possible = promised is not None and (names is None or promised.name in names)
    if promised is not None and possible and _ask(state, pod, promised, snapshot) is None:
        decision.feasible = [promised]
        return None
    nodes: Sequence[NodeInfo] = snapshot.nodes
    if names is not None:
        nodes = [node for node in nodes if node.name in names]
        reason = f"node(s) didn't satisfy plugin(s) [{' '.join(narrowed_by)}]"
        decision.absent = Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, (reason,))
    enough = num_feasible_nodes_to_find(len(nodes))
    search = None
    if names is None and not naive:
        search = Search.begin(framework, state, pod, snapshot)
    if search is not None:
        decision.feasible, decision.statuses = search.find(start, enough)
    else:
        _look(state, pod, snapshot, nodes, start, enough, decision)
    rejectors = {status.plugin for status in decision.statuses.values()}
    decision.rejected_by = frozenset(rejectors | set(narrowed_by))
    return search


def _look(
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    nodes: Sequence[NodeInfo],
    start: int,
    enough: int,
    decision: Decision,
) -> None:
    for position in range(len(nodes)):
        node = nodes[(start + position) % len(nodes)]
        status = _ask(state, pod, node, snapshot)
        if status is not None:
            decision.statuses[node.name] = status
            continue
        decision.feasible.append(node)
        if len(decision.feasible) == enough:
            break


def _ask(state: CycleState, pod: PodInfo, node: NodeInfo, nodes: Snapshot) -> Status | None:
    return run_filters_with(state, pod, node, nodes.promised(node.name, pod))


def num_feasible_nodes_to_find(nodes: int) -> int:
    """How many nodes that fit are enough; a smaller part of a larger cluster.

    >>> [num_feasible_nodes_to_find(n) for n in (7, 100, 1000, 5000, 10000)]
    [7, 100, 420, 500, 500]
    """
    if nodes < MIN_FEASIBLE_NODES:
        return nodes
    percentage = max(50 - nodes // 125, MIN_FEASIBLE_PERCENTAGE)
    return max(nodes * percentage // 100, MIN_FEASIBLE_NODES)


def _everywhere(decision: Decision, snapshot: Snapshot) -> dict[str, Status]:
    """A status for every node, also for those that were not looked at."""
    absent = decision.absent or Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE)
    return {node.name: decision.statuses.get(node.name, absent) for node in snapshot.nodes}
