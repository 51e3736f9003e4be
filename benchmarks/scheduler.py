"""The table against the plain loop · 判定表与逐个询问之比

The same Pods are given to the same nodes twice: asking every plugin about every node, which is
what scheduling means, and by the table, which asks again only what changed.  A test holds both to
the same decisions; here only the speed is compared.  The workloads are those of upstream's
scheduler_perf of the same names.
"""

from collections.abc import Iterator
from functools import cache, partial
from itertools import count

from benchmarks.harness import Comparison, Side
from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import Cache, PodInfo, Snapshot
from k8s_ref.scheduler.framework import CycleState, Framework
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.scheduler.schedule_one import schedule_pod
from k8s_ref.sim.loop import Loop

ZONE = "topology.kubernetes.io/zone"
TERM = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
SPREAD = {"maxSkew": 5, "whenUnsatisfiable": "DoNotSchedule", **TERM}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
WORKLOADS: dict[str, Object] = {
    "Basic": {},
    "TopologySpreading": {"topologySpreadConstraints": [SPREAD]},
    "PodAffinity": {"affinity": {"podAffinity": {REQUIRED: [TERM]}}},
}


class Hall:
    """Many nodes, and Pods of one kind that come to them."""

    def __init__(self, nodes: int, spec: Object) -> None:
        self.framework = Framework(default_profile(), Loop())
        self.cache, self.random, self.spec = Cache(), Loop().stream("scheduler"), spec
        self.numbers, self.start = count(), 0
        for number in range(nodes):
            self.cache.set_node(_node(number))

    def run(self, pods: int, naive: bool) -> int:
        """Decide for so many Pods, one after the other, and let them go again."""
        done = [self.decide(pod, naive) for pod in self._pods(pods)]
        for key in done:
            self.cache.remove_pod(key)
        return len(done)

    def decide(self, pod: PodInfo, naive: bool) -> str:
        """One decision, counted at once."""
        nodes = self.cache.snapshot()
        if naive:
            # Without what was remembered from the last decision.
            nodes = Snapshot(nodes.nodes, nodes.nominated)
        decision = schedule_pod(self.framework, CycleState(), pod, nodes, self.start, naive)
        seen = len(decision.feasible) + len(decision.statuses)
        self.start = (self.start + seen) % len(nodes)
        self.cache.assume(pod, self.random.choice(decision.best).name)
        return pod.key

    def _pods(self, pods: int) -> Iterator[PodInfo]:
        requests = {"cpu": "100m", "memory": "500Mi"}
        container = {"name": "web", "image": "nginx", "resources": {"requests": requests}}
        for _ in range(pods):
            meta = {"name": f"pod-{next(self.numbers)}", "namespace": "default"}
            labels = {"app": "web"}
            spec = {"containers": [container], **self.spec}
            yield PodInfo.of({"metadata": {**meta, "labels": labels}, "spec": spec})


def _node(number: int) -> Object:
    name = f"node-{number}"
    labels = {"kubernetes.io/hostname": name, ZONE: f"zone-{number % 3}"}
    amounts = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"allocatable": amounts},
    }


@cache
def hall(nodes: int, workload: str) -> Hall:
    """Built once, for both sides."""
    return Hall(nodes, WORKLOADS[workload])


def side(nodes: int, workload: str, pods: int, naive: bool) -> Side:
    """A side of a comparison that builds nothing before it is run."""
    return lambda: hall(nodes, workload).run(pods, naive)


def compared(nodes: int, workload: str, pods: int = 1_000, few: int = 10) -> Comparison:
    """One workload: many Pods by the table, a few by the plain loop."""
    make = partial(side, nodes, workload)
    name = f"scheduler {workload} {nodes} nodes"
    return Comparison(
        name, "Pods", make(pods, False), make(few, True), "asking everybody", goal=10, rounds=3
    )


COMPARISONS = tuple(compared(nodes, name) for nodes in (1_000, 5_000) for name in WORKLOADS)
