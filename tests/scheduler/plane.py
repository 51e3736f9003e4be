"""A control plane with a scheduler and no kubelets: nodes are objects, Pods stay Pending."""

from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.meta import condition_of, key_of
from k8s_ref.scheduler.cache import PodInfo, Snapshot
from k8s_ref.scheduler.framework import CycleState, Framework
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.scheduler.reader import Informed
from k8s_ref.scheduler.schedule_one import schedule_pod
from k8s_ref.scheduler.scheduler import Scheduler
from k8s_ref.sim.loop import Loop
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod

DEFAULT_PODS = "110"


def node(name="node-1", cpu="2", memory="4Gi", labels=None, taints=(), **spec):
    """A node; keywords go into its spec."""
    taints = {"taints": list(taints)} if taints else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {**spec, **taints},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": DEFAULT_PODS}},
    }


def asking(name="web", cpu=None, memory=None, **spec):
    """A Pod with requests; keywords go into its spec."""
    requests = {"cpu": cpu, "memory": memory}
    requests = {resource: amount for resource, amount in requests.items() if amount}
    container = {"name": "web", "image": "nginx", "resources": {"requests": requests}}
    return pod(name, **{"containers": [container], **spec})


def decide(obj, nodes, pods=(), start=0, reader=None):
    """The decision of the default profile about a Pod, with no cluster around it; the naive
    one, after the fast one was found to be the same."""
    framework = Framework(default_profile(reader=reader), Loop())
    info, snapshot = PodInfo.of(obj), Snapshot.of(nodes, pods)
    fast, naive = (
        schedule_pod(framework, CycleState(), info, snapshot, start, naive=slow)
        for slow in (False, True)
    )
    assert outcome(fast) == outcome(naive)
    return naive


def outcome(decision):
    """All that a decision says, to be compared."""
    scores = [
        (said.plugin, said.weight, list(said.raw), list(said.normalized))
        for said in decision.scores
    ]
    feasible = [info.name for info in decision.feasible]
    rejected = (decision.statuses, decision.absent, decision.rejected_by, decision.message)
    return feasible, scores, decision.totals, rejected, decision.candidate


class Scheduled(ControlPlane):
    """An API server and a scheduler process; ``nodes`` are there from the beginning, and the
    scheduler has these ``plugins`` besides its own."""

    def __init__(self, *nodes, seed=0, order="fifo", plugins=()):
        super().__init__(seed, order)
        self.plugins = plugins
        self.scheduler = None
        for obj in nodes:
            self.add_node(obj)
        self.process = Process(self.loop, "kube-scheduler", self.main)
        self.process.start()
        self.loop.run(0)

    async def main(self):
        api = self.client("default-scheduler")
        informers = InformerFactory(api, self.loop)
        more = ((plugin, 0) for plugin in self.plugins)
        profile = [*default_profile(api, Informed(informers)), *more]
        self.scheduler = Scheduler(api, informers, self.loop, profile=profile)
        await informers.start()
        self.scheduler.start()

    def add_node(self, obj):
        """Register a node as its kubelet would."""
        self.do(self.api.create("nodes", obj))
        change = {"status": obj["status"]}
        self.do(self.api.patch("nodes", key_of(obj), change, "status"))
        self.loop.run(0)

    def create(self, *pods):
        """Create Pods and let the scheduler do what it does at once."""
        for obj in pods:
            self.do(self.api.create("pods", obj))
        self.loop.run(0)

    def pod(self, name="web"):
        """The Pod as it is now."""
        return self.do(self.api.get("pods", f"default/{name}"))

    def node_of(self, name="web"):
        """The node of a Pod, None if it has none."""
        return self.pod(name)["spec"].get("nodeName")

    def verdict(self, name="web"):
        """Status, reason and message of PodScheduled."""
        found = condition_of(self.pod(name), "PodScheduled")
        return tuple(found.get(field) for field in ("status", "reason", "message"))

    def events(self, reason):
        """The messages of the events with this reason."""
        items = self.do(self.api.list("events"))["items"]
        return [event["message"] for event in items if event["reason"] == reason]

    def delete(self, name="web"):
        """Delete a Pod without waiting for a kubelet."""
        self.do(self.api.delete("pods", f"default/{name}", grace=0))
        self.loop.run(0)
