"""A controller manager with a few controllers, and machines that are only played."""

from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.timestamps import micro_time, timestamp
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod


class Managed(ControlPlane):
    """An API server and a controller manager that runs these controllers."""

    def __init__(self, *controllers, seed=0, order="fifo"):
        super().__init__(seed, order)
        self.controllers = controllers
        self.process = Process(self.loop, "kube-controller-manager", self.main)
        self.process.start()
        self.loop.run(0)

    async def main(self):
        api = self.client("kube-controller-manager")
        informers = InformerFactory(api, self.loop)
        self.running = [make(api, informers, self.loop) for make in self.controllers]
        await informers.start()
        for controller in self.running:
            controller.start()

    def create(self, resource, obj):
        return self.do(self.api.create(resource, obj))

    def get(self, resource, key):
        return self.do(self.api.get(resource, key))

    def delete(self, resource, key, **options):
        return self.do(self.api.delete(resource, key, **options))

    def patch(self, resource, key, change, subresource=""):
        return self.do(self.api.patch(resource, key, change, subresource))

    def names(self, resource, namespace=""):
        found = self.do(self.api.list(resource, namespace))["items"]
        return [obj["metadata"]["name"] for obj in found]

    def events(self, reason):
        """The messages of all Events with this reason."""
        found = self.do(self.api.list("events"))["items"]
        return [event["message"] for event in found if event["reason"] == reason]


class Machines(Managed):
    """Nodes and their Leases, with nobody behind them."""

    def node(self, name, **labels):
        now = timestamp(self.loop.now, self.loop.epoch)
        conditions = [
            {"type": kind, "status": "True" if kind == "Ready" else "False", "reason": "Kubelet",
             "message": "", "lastHeartbeatTime": now, "lastTransitionTime": now}
            for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
        ]  # fmt: skip
        self.create("nodes", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "status": {"conditions": conditions},
        })  # fmt: skip
        self.create("leases", {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": self.now()},
        })  # fmt: skip

    def now(self):
        return micro_time(self.loop.now, self.loop.epoch)

    def live(self, seconds, *names):
        """Let time pass in which only these nodes give signs of life."""
        end = self.loop.seconds + seconds
        while self.loop.seconds < end:
            for name in names:
                change = {"spec": {"renewTime": self.now()}}
                self.patch("leases", f"kube-node-lease/{name}", change)
            self.loop.run(min(10, end - self.loop.seconds))

    def post(self, name, kind, status):
        """What a kubelet would write of one condition."""
        node = self.get("nodes", name)
        conditions = [
            {**c, "status": status} if c["type"] == kind else c
            for c in node["status"]["conditions"]
        ]
        self.patch("nodes", name, {"status": {"conditions": conditions}}, "status")
        self.loop.run(0)

    def pod_on(self, node, name="web", **spec):
        """A Pod that runs there and is ready."""
        self.create("pods", pod(name, nodeName=node, **spec))
        ready = {"type": "Ready", "status": "True", "lastProbeTime": None,
                 "lastTransitionTime": timestamp(self.loop.now, self.loop.epoch)}  # fmt: skip
        status = {"phase": "Running", "conditions": [ready]}
        self.patch("pods", f"default/{name}", {"status": status}, "status")
        self.loop.run(0)

    def taints(self, name):
        """The taints of a node as ``key:effect``, without the common prefix."""
        found = self.get("nodes", name)["spec"].get("taints") or ()
        short = [f"{taint['key'].rpartition('/')[2]}:{taint['effect']}" for taint in found]
        return sorted(short)

    def conditions(self, name):
        found = self.get("nodes", name)["status"]["conditions"]
        return {condition["type"]: condition["status"] for condition in found}
