"""Seeds x faults: the same work under every accident the fault plan knows, in shuffled order.

``python -m tests.swarm --seeds 1000`` runs many seeds and prints the first that ends wrong, with
the command that repeats it.  The test suite runs the first few of the same seeds.
"""

import argparse
import sys
import time

from k8s_ref import Cluster
from k8s_ref.sim.faults import KINDS
from tests.harness import replicaset

PROCESSES = ("kube-controller-manager", "kube-scheduler", "kubelet/node-1", "kube-apiserver")


def trouble(cluster):
    """What goes wrong with this seed: some kinds of accident, now and then a killed process."""
    chance = cluster.loop.stream("swarm")
    for kind in KINDS:
        if chance.random() < 0.5:
            likely = 0.02 if kind.startswith("crash") else 0.08
            cluster.faults.add(kind, chance=likely, seconds=2)
    for _ in range(chance.randrange(4)):
        when, victim = chance.uniform(0, 100), chance.choice(PROCESSES)
        cluster.loop.call_later(when, cluster.crash, victim)


def play(seed):
    """One run; returns the cluster after everything has calmed down."""
    cluster = Cluster(nodes=3, seed=seed, order="shuffle")
    trouble(cluster)
    do = cluster.loop.run_task
    api = cluster.api

    async def insist(call):
        """A person tries again while the API server is away."""
        while True:
            try:
                return await call()
            except TimeoutError:
                await cluster.loop.sleep(1)

    do(insist(lambda: api.create("replicasets", replicaset(replicas=4))))
    do(insist(lambda: api.create("replicasets", replicaset("gone", replicas=2))))
    cluster.run(60)
    do(insist(lambda: api.patch("replicasets", "default/web", {"spec": {"replicas": 3}})))
    do(insist(lambda: api.delete("replicasets", "default/gone")))
    cluster.run(60)
    cluster.faults.clear()
    cluster.run(420)
    return cluster


def wrong(cluster):
    """What is not as it should be at the end; an empty list when all is well."""
    do = cluster.loop.run_task
    pods = do(cluster.api.list("pods"))["items"]
    rs = do(cluster.api.get("replicasets", "default/web"))
    found = []
    if len(pods) != 3 or any(pod["status"]["phase"] != "Running" for pod in pods):
        seen = [(pod["metadata"]["name"], pod["status"]["phase"]) for pod in pods]
        found.append(f"expected three Pods of web Running, got {seen}")
    if rs["status"].get("readyReplicas") != 3:
        found.append(f"the status of web says {rs['status']}")
    bound = [record.subject for record in cluster.trace.select(verb="bind")]
    if len(bound) != len(set(bound)):
        found.append("a Pod was bound twice")
    known = {pod["metadata"]["uid"] for pod in pods}
    for node, runtime in cluster.runtimes.items():
        for container in do(runtime.list_containers()):
            if container.state == "RUNNING" and container.pod_uid not in known:
                found.append(f"{node} still runs a container of a Pod that is gone")
    before = cluster.store.revision
    beats = sum(cluster.trace.heartbeats.values())
    cluster.run(35)
    written = cluster.store.revision - before
    if written != sum(cluster.trace.heartbeats.values()) - beats:
        found.append(f"a quiet cluster wrote {written} revisions in 35 s besides heartbeats")
    return found


def main():
    """Run the seeds; exit 1 at the first that ends wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.swarm", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run (200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    options = parser.parse_args()
    start = time.monotonic()
    for number, seed in enumerate(range(options.first, options.first + options.seeds), 1):
        found = wrong(play(seed))
        if found:
            print(f"\nseed {seed} ends wrong: {'; '.join(found)}")
            print(f"repeat: python -m tests.swarm --first {seed} --seeds 1")
            return 1
        seconds = time.monotonic() - start
        print(f"\r{number}/{options.seeds} seeds, {seconds:.0f} s", end="", flush=True)
    print(f"\n{options.seeds} seeds: every one ends as it should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
