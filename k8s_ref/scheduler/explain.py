"""Why there? · 为什么在那里

Every node's verdict of every plugin, and each score: what the scheduler knew but did not write
down.  The one idea: a decision is a function of nodes and Pods, so it need not be stored, it can
be computed again from the revision of the cluster at which it was made.

Unlike the scheduler, which stops at the first plugin that rejects a node and at enough nodes, this
asks all plugins about all nodes.

Upstream: none; log level 10 of kube-scheduler prints parts of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import PodInfo, Snapshot
from k8s_ref.scheduler.framework import CycleState, Framework, PluginScores, Status
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.sim.loop import Loop


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
        return "\n".join((head, *map(str, self.nodes.values())))

    __repr__ = __str__


def explain(pod: Object, nodes: Iterable[Object], pods: Iterable[Object]) -> Explanation:
    """What the default scheduler thinks of every node, given exactly these nodes and Pods.

    >>> node = {"metadata": {"name": "node-1"}, "spec": {"unschedulable": True},
    ...         "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}}
    >>> web = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"containers": []}}
    >>> explain(web, [node], [])
    default/web: 0 of 1 nodes fit
    node-1  no   NodeUnschedulable: node(s) were unschedulable
    """
    framework = Framework(default_profile(), Loop())
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
        return explanation
    for info in snapshot.nodes:
        for plugin in state.filters:
            verdicts[info.name].statuses[plugin.name] = plugin.filter(state, pod, info)
    fitting = [info for info in snapshot.nodes if verdicts[info.name].fits]
    for scores in framework.score(state, pod, fitting) if fitting else ():
        _note(scores, [verdicts[info.name] for info in fitting])
    return explanation


def _note(scores: PluginScores, verdicts: Iterable[NodeVerdict]) -> None:
    for verdict, raw, normalized in zip(verdicts, scores.raw, scores.normalized, strict=True):
        verdict.scores[scores.plugin] = (raw, normalized, scores.weight)
