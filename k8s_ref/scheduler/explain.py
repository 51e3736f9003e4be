"""Why there? · 为什么在那里

Every node's verdict of every plugin, and each score: what the scheduler knew but did not write
down.  The one idea: a decision is a function of nodes and Pods, so it need not be stored, it can
be computed again from the revision of the cluster at which it was made.

Unlike the scheduler, which stops at the first plugin that rejects a node and at enough nodes, this
asks all plugins about all nodes.  Only with a hundred nodes or more can that change a score.

Upstream: none; log level 10 of kube-scheduler prints parts of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from k8s_ref.machinery.meta import Object, key_of, with_path
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.framework import (
    CycleState,
    Framework,
    PluginScores,
    Status,
    run_filters_with,
)
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.scheduler.reader import Reader
from k8s_ref.sim.loop import Loop
from k8s_ref.sim.trace import Record, Trace


@dataclass(slots=True)
class NodeVerdict:
    """What the plugins say of one node."""

    node: str
    statuses: dict[str, Status | None] = field(default_factory=dict)
    """The answer of every filter that was asked; None is a yes."""
    scores: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of every scoring plugin: the raw score, the score between 0 and 100, its weight."""

    @property
    def fits(self) -> bool:
        """Whether nobody objects."""
        return not any(self.statuses.values())

    @property
    def total(self) -> int:
        """The weighted sum of the scores."""
        return sum(normalized * weight for _, normalized, weight in self.scores.values())

    def __str__(self) -> str:
        if not self.fits:
            said = (f"{name}: {status}" for name, status in self.statuses.items() if status)
            return f"{self.node}  no   {'; '.join(said)}"
        parts = (f"{name} {n}×{weight}" for name, (_, n, weight) in self.scores.items())
        return f"{self.node}  {self.total:<3}  {' + '.join(parts)}"


@dataclass(slots=True)
class Explanation:
    """All verdicts about one Pod, in the order of the nodes' names."""

    pod: str
    nodes: dict[str, NodeVerdict]
    rejected: Status | None = None
    """Why no node was even asked."""
    preemption: str = ""
    """What can be done for a Pod that fits nowhere, or why nothing can."""
    chosen: str = ""
    """The node the scheduler took, where that is known."""

    @property
    def best(self) -> list[str]:
        """The nodes with the highest total among those that fit."""
        fitting = [verdict for verdict in self.nodes.values() if verdict.fits]
        highest = max((verdict.total for verdict in fitting), default=0)
        return [verdict.node for verdict in fitting if verdict.total == highest]

    def __str__(self) -> str:
        fitting = sum(verdict.fits for verdict in self.nodes.values())
        head = f"{self.pod}: {fitting} of {len(self.nodes)} nodes fit"
        if self.rejected is not None:
            head = f"{head} ({self.rejected.plugin}: {self.rejected})"
        rows = (
            f"{verdict}  ← chosen" if verdict.node == self.chosen else str(verdict)
            for verdict in self.nodes.values()
        )
        return "\n".join(filter(None, (head, *rows, self.preemption)))

    __repr__ = __str__


def explain(
    pod: Object, nodes: Iterable[Object], pods: Iterable[Object], reader: Reader | None = None
) -> Explanation:
    """What the default scheduler thinks of every node, given exactly these nodes and Pods.

    Other objects that plugins ask for come from ``reader``.

    >>> node = {"metadata": {"name": "node-1"}, "spec": {"unschedulable": True},
    ...         "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}}
    >>> web = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"containers": []}}
    >>> print(explain(web, [node], []).nodes["node-1"])
    node-1  no   NodeUnschedulable: node(s) were unschedulable
    """
    framework = Framework(default_profile(reader=reader), Loop())
    return explain_with(framework, PodInfo.of(pod), Snapshot.of(nodes, pods))


def explain_with(framework: Framework, pod: PodInfo, snapshot: Snapshot) -> Explanation:
    """The same with any profile."""
    state = CycleState()
    verdicts = {info.name: NodeVerdict(info.name) for info in snapshot.nodes}
    explanation = Explanation(pod.key, dict(sorted(verdicts.items())))
    answer = framework.pre_filter(state, pod, snapshot)
    if isinstance(answer, Status):
        explanation.rejected = answer
        for verdict in verdicts.values():
            verdict.statuses[answer.plugin] = answer
    else:
        for info in snapshot.nodes:
            verdicts[info.name].statuses |= _statuses(state, pod, info, snapshot)
    fitting = [info for info in snapshot.nodes if verdicts[info.name].fits]
    for scores in framework.score(state, pod, fitting) if fitting else ():
        _note(scores, [verdicts[info.name] for info in fitting])
    if verdicts and not fitting:
        first = {name: next(filter(None, v.statuses.values())) for name, v in verdicts.items()}
        found = framework.post_filter(state, pod, snapshot, first)
        explanation.preemption = str(found)
    return explanation


def _statuses(
    state: CycleState, pod: PodInfo, node: NodeInfo, nodes: Snapshot
) -> dict[str, Status | None]:
    """What every filter says of a node, with the Pods that are expected there and without."""
    guests = nodes.promised(node.name, pod)
    return {
        plugin.name: run_filters_with(state.only(plugin), pod, node, guests)
        for plugin in state.filters
    }


def _note(scores: PluginScores, verdicts: Iterable[NodeVerdict]) -> None:
    for verdict, raw, normalized in zip(verdicts, scores.raw, scores.normalized, strict=True):
        verdict.scores[scores.plugin] = (raw, normalized, scores.weight)


class Past(Protocol):
    """A read-only look at an earlier revision of the cluster."""

    def get(self, resource: str, key: str) -> Object | None:
        """The object as it was."""

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects of a resource as they were."""


def explain_decision(trace: Trace, key: str, at: Callable[[int], Past]) -> Explanation:
    """The last decision about a Pod, computed again from the state it was made in."""
    subject = f"pods/{key}"
    decisions = [
        record
        for record in trace
        if record.subject == subject and record.verb in ("filter", "unfit")
    ]
    if not decisions:
        raise ValueError(f"no scheduler has decided about {subject}")
    decision = decisions[-1]
    past = at(revision_of(decision))
    pod = past.get("pods", key)
    assert pod is not None, f"{subject} was decided about before it existed"
    pods = _counted(trace, decision, past.list("pods"))
    explanation = explain(pod, past.list("nodes"), pods, past)
    chosen = trace.select(decision.actor, "select", subject, since=decision.at / 1e9)
    explanation.chosen = chosen[-1].note if decision.verb == "filter" and chosen else ""
    return explanation


def revision_of(decision: Record) -> int:
    """The revision of the cluster a ``filter`` or ``unfit`` record says it saw.

    >>> trace = Trace()
    >>> _ = trace.add(0, "x", "unfit", "pods/a/b", "0 of 1 nodes fit at revision 7: why")
    >>> revision_of(trace[0])
    7
    """
    return int(decision.note.partition(" at revision ")[2].partition(":")[0])


def _counted(trace: Trace, decision: Record, pods: Iterable[Object]) -> list[Object]:
    """The Pods as the scheduler counted them: also those it had assumed and not yet seen bound."""
    assumed: dict[str, str] = {}
    for record in trace:
        if record.number >= decision.number:
            break
        if record.actor == decision.actor and record.verb == "select":
            assumed[record.subject] = record.note
        elif record.actor == decision.actor and record.verb in ("backoff", "unfit"):
            assumed.pop(record.subject, None)
    counted = []
    for pod in pods:
        node = pod["spec"].get("nodeName") or assumed.get(f"pods/{key_of(pod)}")
        counted.append(with_path(pod, ("spec", "nodeName"), node) if node else pod)
    return counted
