"""A whole roll-out · 一次完整的铺开

A thousand nodes, five thousand Pods in fifty Deployments, from the manifests to Running: every
floor of the house takes part.  What counts is CPU time, which other work on the machine disturbs
least; whose time it was is measured on a smaller cluster, because measuring costs more than the
work.  The digest is that of the trace: the same seed does the same things on every machine.
"""

import cProfile
import gc
import pstats
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from time import process_time

import k8s_ref
from k8s_ref.client.informer import Informer
from k8s_ref.cluster import CONTROLLERS, Wiring
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.sim.trace import Trace

ROOT = Path(k8s_ref.__file__).parent
PATIENCE = 600
"""Virtual seconds after which the Pods should really run."""

KINDS = {"Deployment": "deployments", "ReplicaSet": "replicasets"}
KIND = next(
    kind for kind in KINDS if any(getattr(each, "kind", "") == kind for each in CONTROLLERS)
)


@dataclass(frozen=True, slots=True)
class RollOut:
    """So many groups of so many Pods come up on so many nodes."""

    nodes: int
    groups: int
    each: int
    name: str = "cluster"
    goal: float = 10
    long: bool = False

    def measure(self) -> str:
        """CPU seconds of the whole, the share of every floor, and the digest of the trace."""
        gc.collect()
        gc.disable()
        try:
            start = process_time()
            trace = self.run()
            seconds = process_time() - start
        finally:
            gc.enable()
        small = replace(self, nodes=max(1, self.nodes // 5), groups=max(1, self.groups // 5))
        shares = ", ".join(f"{floor} {share:.0%}" for floor, share in small.shares())
        return (
            f"{self.name}: {self.groups * self.each:,} Pods on {self.nodes:,} nodes in"
            f" {seconds:.1f} s of CPU (goal: under {self.goal:g}); {shares};"
            f" trace {digest(trace)}"
        )

    def run(self) -> Trace:
        """From nothing to the last Pod that runs."""
        cluster = Wiring(nodes=self.nodes)
        running: set[str] = set()

        def see(_: str, pod: Object, __: Object | None) -> None:
            if pod["status"].get("phase") == "Running":
                running.add(key_of(pod))

        pods = Informer(cluster.api, cluster.loop, "pods")
        pods.on_change(see)
        cluster.loop.spawn(pods.run)
        for number in range(self.groups):
            obj = manifest(f"web-{number}", self.each)
            cluster.loop.run_task(cluster.api.create(KINDS[KIND], obj))
        total = self.groups * self.each
        done = cluster.loop.run_until(lambda: len(running) == total, PATIENCE)
        assert done, f"only {len(running)} of {total} Pods run after {PATIENCE} virtual seconds"
        return cluster.trace

    def shares(self) -> list[tuple[str, float]]:
        """The share of each floor in the time, the largest first."""
        profile = cProfile.Profile()
        profile.runcall(self.run)
        spent: Counter[str] = Counter()
        for (path, _, _), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
            if path != "~":
                spent[_floor(path)] += own
            # What Python does itself it does for whoever called it.
            for (caller, _, _), (_, _, part, _) in callers.items() if path == "~" else ():
                spent[_floor(caller)] += part
        total = sum(spent.values())
        return [(floor, seconds / total) for floor, seconds in spent.most_common()]


def _floor(path: str) -> str:
    """The part of the house a file belongs to.

    >>> _floor(str(ROOT / "sim" / "loop.py")), _floor("/usr/lib/python3/json/decoder.py")
    ('sim', 'Python')
    """
    file = Path(path)
    return file.relative_to(ROOT).parts[0] if file.is_relative_to(ROOT) else "Python"


def digest(trace: Trace) -> str:
    """A short name for everything that happened."""
    return sha256("\n".join(map(str, trace)).encode()).hexdigest()[:16]


def manifest(name: str, replicas: int) -> Object:
    """One group of Pods."""
    labels = {"app": name}
    requests = {"cpu": "100m", "memory": "64Mi"}
    container = {"name": "web", "image": "nginx", "resources": {"requests": requests}}
    return {
        "apiVersion": "apps/v1",
        "kind": KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


COMPARISONS = (RollOut(nodes=1_000, groups=50, each=100),)
