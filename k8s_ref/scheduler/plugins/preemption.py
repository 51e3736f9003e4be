"""Preemption · 抢占

A Pod that fits nowhere may take the place of less important ones.  The one idea: on each node that
could help, suppose that all Pods of lower priority were gone, then let them back in one by one, the
most important first; whoever does not fit any more is a *victim*.  Of all such nodes, the one is
taken whose victims are missed least.

This only plans.  The scheduler carries it out: it promises the node to the Pod
(``nominatedNodeName``) and evicts the victims.

Upstream: pkg/scheduler/framework/preemption/preemption.go,
plugins/defaultpreemption/default_preemption.go, plugins/dynamicresources/dynamicresources.go
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from k8s_ref.machinery.meta import Object, condition_of
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot, nomination_of
from k8s_ref.scheduler.framework import (
    Candidate,
    Code,
    CycleState,
    Plugin,
    Status,
    run_filters_with,
    suppose,
)
from k8s_ref.scheduler.reader import Nothing, Reader

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"

BY_SCHEDULER = "PreemptionByScheduler"
"""The reason of the condition ``DisruptionTarget`` of every victim."""

MIN_CANDIDATES = 100
MIN_CANDIDATE_PERCENTAGE = 10


class DynamicResources(Plugin):
    """No Pod holds a claim to devices yet, so none can be given back."""

    name = "DynamicResources"

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | Candidate | None:
        """What upstream says of every Pod without claims."""
        return self.reject("no new claims to deallocate", resolvable=True)


class DefaultPreemption(Plugin):
    """Looks for nodes where evicting Pods of lower priority would make room."""

    name = "DefaultPreemption"

    def __init__(self, reader: Reader | None = None) -> None:
        self.reader = reader or Nothing()
        self.preempting: set[str] = set()
        """Uids of Pods whose victims are being evicted; the scheduler writes them."""

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        """No, while the victims are being evicted: that would find new ones."""
        if pod.uid not in self.preempting:
            return None
        return self.reject("waiting for the preemption for this pod to be finished")

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]
    ) -> Status | Candidate | None:
        """The node to make room on, or why that would not help, counted over the nodes."""
        why_not = _not_eligible(pod, nodes, statuses)
        if why_not:
            return self.reject(f"preemption: {why_not}", resolvable=True)
        candidates: list[Candidate] = []
        counts: Counter[str] = Counter()
        for node in nodes.nodes:
            if statuses[node.name].code is not Code.UNSCHEDULABLE:
                counts[NOT_HELPFUL] += 1
                continue
            found = candidate_on(node, state, pod, nodes, self.reader)
            if isinstance(found, Candidate):
                candidates.append(found)
                if _enough(candidates, len(nodes)):
                    break
            else:
                counts.update(found.reasons)
        if candidates:
            return best_candidate(candidates)
        return self.reject(f"preemption: {no_node_available(len(nodes), counts)}")


def _not_eligible(pod: PodInfo, nodes: Snapshot, statuses: Mapping[str, Status]) -> str:
    """Why a Pod must not evict others, or not again; empty if it may."""
    if pod.pod["spec"].get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    node = nodes.get(nomination_of(pod.pod))
    if node is None or statuses[node.name].code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE:
        return ""
    if any(other.priority < pod.priority and _is_going(other.pod) for other in node.pods.values()):
        return "not eligible due to a terminating pod on the nominated node."
    return ""


def _is_going(pod: Object) -> bool:
    """Whether a Pod was evicted by a scheduler and has not ended yet."""
    condition = condition_of(pod, "DisruptionTarget") or {}
    evicted = condition.get("status") == "True" and condition.get("reason") == BY_SCHEDULER
    return evicted and "deletionTimestamp" in pod["metadata"]


def _enough(candidates: Sequence[Candidate], nodes: int) -> bool:
    """Whether so many candidates, one without violations among them, need no further search."""
    enough = min(nodes, max(nodes * MIN_CANDIDATE_PERCENTAGE // 100, MIN_CANDIDATES))
    return len(candidates) >= enough and any(not c.violations for c in candidates)


def candidate_on(
    node: NodeInfo, state: CycleState, pod: PodInfo, nodes: Snapshot, reader: Reader
) -> Candidate | Status:
    """Whom to evict from this node for the Pod to fit, or why that is not possible."""
    lower = sorted((p for p in node.pods.values() if p.priority < pod.priority), key=importance)
    if not lower:
        return Status(Code.UNSCHEDULABLE_AND_UNRESOLVABLE, (NO_VICTIMS,))
    there, supposed, guests = node.clone(), state.clone(), nodes.promised(node.name, pod)
    for other in lower:
        suppose(supposed, pod, other, there, gone=True)
    status = run_filters_with(supposed, pod, there, guests)
    if status is not None:
        return status
    victims: list[PodInfo] = []
    protected, others = _by_budget(lower, reader)
    violations = 0
    # Those whom a budget protects come back first: they have the best chance to stay.
    for other in (*protected, *others):
        suppose(supposed, pod, other, there)
        if run_filters_with(supposed, pod, there, guests) is not None:
            suppose(supposed, pod, other, there, gone=True)
            victims.append(other)
            violations += other in protected
    return Candidate(node.name, tuple(sorted(victims, key=importance)), violations)


def importance(pod: PodInfo) -> tuple[int, str]:
    """Sorts the most important Pod first: by priority, among equals who has run longest."""
    return (-pod.priority, _started(pod))


def _started(pod: PodInfo) -> str:
    """When the Pod began to run; what has not begun sorts after all that have."""
    return (pod.pod.get("status") or {}).get("startTime") or "~"


def _by_budget(pods: Sequence[PodInfo], reader: Reader) -> tuple[list[PodInfo], list[PodInfo]]:
    """The Pods whose eviction would violate a budget, if all of these went, and the others."""
    namespaces = sorted({pod.pod["metadata"]["namespace"] for pod in pods})
    budgets = [each for name in namespaces for each in reader.list("poddisruptionbudgets", name)]
    left = [(budget.get("status") or {}).get("disruptionsAllowed") or 0 for budget in budgets]
    protected: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        violated = False
        for index, budget in enumerate(budgets):
            if _covers(budget, pod.pod):
                left[index] -= 1
                violated = violated or left[index] < 0
        (protected if violated else others).append(pod)
    return protected, others


def _covers(budget: Object, pod: Object) -> bool:
    """Whether a budget counts the Pod, and has not been told already that it goes."""
    meta, selector = pod["metadata"], budget["spec"].get("selector")
    gone = (budget.get("status") or {}).get("disruptedPods") or {}
    if not selector or budget["metadata"]["namespace"] != meta["namespace"] or meta["name"] in gone:
        return False
    labels = meta.get("labels") or {}
    return bool(labels) and from_label_selector(selector).matches(labels)


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """The node whose victims are missed least: the first criterion that tells two apart decides.

    >>> best_candidate([Candidate("a", (), violations=1), Candidate("b", ())]).node
    'b'
    """
    least = min(_loss(candidate) for candidate in candidates)
    return max((c for c in candidates if _loss(c) == least), key=_running_since)


def _loss(candidate: Candidate) -> tuple[int, int, int, int]:
    """Violated budgets, the highest priority, the sum of priorities, how many victims."""
    priorities = [victim.priority for victim in candidate.victims]
    # Shifted to be positive, so that more victims never make a smaller sum.
    total = sum(priority + 2**31 for priority in priorities)
    return candidate.violations, max(priorities, default=0), total, len(priorities)


def _running_since(candidate: Candidate) -> str:
    """When the first of the most important victims started; the later, the less is lost."""
    victims = candidate.victims
    return min((_started(v) for v in victims if v.priority == victims[0].priority), default="~")


def no_node_available(nodes: int, counts: Mapping[str, int]) -> str:
    """The sentence every message about a Pod that fits nowhere is made of.

    >>> no_node_available(3, {"Insufficient cpu": 2, "node(s) were unschedulable": 1})
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.'
    """
    reasons = sorted(f"{count} {reason}" for reason, count in counts.items() if count)
    return f"0/{nodes} nodes are available: {', '.join(reasons)}."
