"""Seeds x faults: the same work under every accident the fault plan knows, in shuffled order.

Whatever happens on the way, the end is the same; and after every single write of a rolling update
no more than maxUnavailable Pods are missing, and no more than maxSurge too many are asked for.
(How many are there is up to the ReplicaSet controller, which may make the new one a moment before
it has deleted the old one; the same is so upstream.)

``python -m tests.swarm --seeds 1000`` runs many seeds and prints the first that ends wrong, with
the command that repeats it.  The test suite runs the first few of the same seeds.
"""

import argparse
import sys
import time

from k8s_ref import Cluster
from k8s_ref.machinery.meta import controller_of
from k8s_ref.sim.faults import KINDS
from tests.harness import replicaset

PROCESSES = ("kube-controller-manager", "kube-scheduler", "kubelet/node-1", "kube-apiserver")
REPLICAS, SURGE, MISSING = 4, 1, 1


def deployment(image="nginx:1.27", replicas=REPLICAS, **metadata):
    """A Deployment of web that may have one Pod more and one less than it should."""
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", **metadata},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": SURGE, "maxUnavailable": MISSING}},
            "template": template,
        },
    }


class Bounds:
    """Watches the store and notes every write after which web was out of bounds."""

    def __init__(self, cluster):
        self.least, self.most = 0, REPLICAS + SURGE
        self.found = []
        self._ready, self._asked = {}, {}
        since = cluster.store.revision
        cluster.store.watch("/registry/pods/default/web-", since, self.on_pod)
        cluster.store.watch("/registry/replicasets/default/web-", since, self.on_replicaset)
        cluster.store.watch("/registry/minions/", since, self.on_node)

    def on_pod(self, event):
        """Count those that are Ready and not being deleted."""
        pod = event.kv.value
        staying = not event.deleted and "deletionTimestamp" not in pod["metadata"]
        conditions = pod["status"].get("conditions", ()) if staying else ()
        self._ready[event.kv.key] = any(
            c["type"] == "Ready" and c["status"] == "True" for c in conditions
        )
        ready = sum(self._ready.values())
        if ready < self.least:
            self._note(event, f"{ready} Pods were ready, fewer than {self.least}")

    def on_replicaset(self, event):
        """Count what is asked for."""
        self._asked[event.kv.key] = 0 if event.deleted else event.kv.value["spec"]["replicas"]
        asked = sum(self._asked.values())
        if asked > self.most:
            self._note(event, f"{asked} Pods were asked for, more than {self.most}")

    def on_node(self, event):
        """Of a node whose heartbeats were all lost nobody can say what still runs there."""
        conditions = event.kv.value["status"].get("conditions", ())
        if any(c["type"] == "Ready" and c["status"] == "Unknown" for c in conditions):
            self.least = 0

    def _note(self, event, what):
        self.found.append(f"at revision {event.kv.mod_revision} {what}")


def trouble(cluster):
    """What goes wrong with this seed; says whether a machine fails, and takes Pods with it."""
    chance = cluster.loop.stream("swarm")
    for kind in KINDS:
        if chance.random() < 0.5:
            likely = 0.02 if kind.startswith("crash") else 0.08
            cluster.faults.add(kind, chance=likely, seconds=2)
    for _ in range(chance.randrange(4)):
        when, victim = chance.uniform(0, 200), chance.choice(PROCESSES)
        cluster.loop.call_later(when, cluster.crash, victim)
    if chance.random() < 0.75:
        return False
    when = chance.uniform(10, 150)
    cluster.loop.call_later(when, cluster.fail_node, "node-2")
    cluster.loop.call_later(when + chance.uniform(5, 450), cluster.recover_node, "node-2")
    return True


def play(seed):
    """One run; returns the cluster and the bounds, after everything has calmed down."""
    ring = (0, 8, 30)[seed % 3]
    cluster = Cluster(nodes=3, seed=seed, order="shuffle", ring=ring)
    bounds = Bounds(cluster)
    loses_pods = trouble(cluster)
    do = cluster.loop.run_task
    api = cluster.api

    async def insist(call):
        """A person tries again while the API server is away."""
        while True:
            try:
                return await call()
            except TimeoutError:
                await cluster.loop.sleep(1)

    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    do(insist(lambda: api.create("namespaces", shop)))
    do(insist(lambda: api.create("deployments", deployment())))
    do(insist(lambda: api.create("deployments", deployment(replicas=1, namespace="shop"))))
    do(insist(lambda: api.create("replicasets", replicaset("gone", replicas=2))))
    cluster.run_until(lambda: ready(cluster) == REPLICAS, 300)
    if not loses_pods and ready(cluster) == REPLICAS:
        bounds.least = REPLICAS - MISSING
    for image in ("nginx:1.28", "nginx:1.29"):
        change = deployment(image)["spec"]["template"]
        do(insist(lambda change=change: api.patch(*WEB, {"spec": {"template": change}})))
        cluster.run(20)
    do(insist(lambda: api.delete("namespaces", "shop")))
    do(insist(lambda: api.delete("replicasets", "default/gone")))
    cluster.run(60)
    bounds.least = min(bounds.least, 3 - MISSING)
    do(insist(lambda: api.patch(*WEB, {"spec": {"replicas": 3}})))
    cluster.run(60)
    cluster.faults.clear()
    cluster.run(900)
    return cluster, bounds


WEB = ("deployments", "default/web")


def ready(cluster):
    """How many ready Pods the Deployment counts."""
    found = cluster.at(cluster.store.revision).get(*WEB)
    return found.get("status", {}).get("readyReplicas", 0) if found else 0


def wrong(cluster, bounds):
    """What is not as it should be; an empty list when all is well."""
    do = cluster.loop.run_task
    found = bounds.found[:1]
    pods = do(cluster.api.list("pods"))["items"]
    seen = [(p["metadata"]["name"], p["status"]["phase"], image_of(p)) for p in pods]
    if [(phase, image) for _, phase, image in seen] != [("Running", "nginx:1.29")] * 3:
        found.append(f"expected three Pods of nginx:1.29 Running, got {seen}")
    web = do(cluster.api.get(*WEB))
    status = {name: web["status"].get(name) for name in ("readyReplicas", "updatedReplicas")}
    if status != {"readyReplicas": 3, "updatedReplicas": 3}:
        found.append(f"the status of web says {web['status']}")
    if web["status"].get("observedGeneration") != web["metadata"]["generation"]:
        found.append("the status of web is about an older generation")
    used = [rs for rs in do(cluster.api.list("replicasets"))["items"] if rs["spec"]["replicas"]]
    owners = [controller_of(rs)["name"] for rs in used]
    if owners != ["web"]:
        found.append(f"expected one ReplicaSet with replicas, of web, got owners {owners}")
    if any(n["metadata"]["name"] == "shop" for n in do(cluster.api.list("namespaces"))["items"]):
        found.append("the namespace shop is still there")
    return [*found, *_wrong_below(cluster, pods), *_not_quiet(cluster)]


def image_of(pod):
    """What its container runs."""
    return pod["spec"]["containers"][0]["image"]


def _wrong_below(cluster, pods):
    bound = [record.subject for record in cluster.trace.select(verb="bind")]
    if len(bound) != len(set(bound)):
        yield "a Pod was bound twice"
    known = {pod["metadata"]["uid"] for pod in pods}
    for node, runtime in cluster.runtimes.items():
        for container in cluster.loop.run_task(runtime.list_containers()):
            if container.state == "RUNNING" and container.pod_uid not in known:
                yield f"{node} still runs a container of a Pod that is gone"


def _not_quiet(cluster):
    """Nothing is written but Leases, and every five minutes the status of a node."""
    before, mark = cluster.store.revision, len(cluster.trace)
    beats = sum(cluster.trace.heartbeats.values())
    cluster.run(35)
    reports = [r for r in cluster.trace[mark:] if r.revision and r.subject.startswith("nodes/")]
    beats = sum(cluster.trace.heartbeats.values()) - beats + len(reports)
    written = cluster.store.revision - before
    if written != beats or len(reports) > len(cluster.runtimes):
        yield f"a quiet cluster wrote {written} revisions in 35 s, {beats} of them heartbeats"


def main():
    """Run the seeds; exit 1 at the first that ends wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.swarm", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run (200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    options = parser.parse_args()
    start = time.monotonic()
    for number, seed in enumerate(range(options.first, options.first + options.seeds), 1):
        found = wrong(*play(seed))
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
