"""A node for tests: an API server, a runtime, and a kubelet in a process of its own."""

from k8s_ref.client.informer import InformerFactory
from k8s_ref.node.kubelet import Kubelet
from k8s_ref.node.runtime import Runtime
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane


class Node(ControlPlane):
    """One node; Pods are bound to it by name."""

    def __init__(self, seed=0, order="fifo", start=True):
        super().__init__(seed, order)
        self.runtime = Runtime(self.loop, "node-1", "10.244.0.0/24")
        self.started = []
        start_container = self.runtime.start_container

        async def counted(container_id):
            await start_container(container_id)
            container = await self.runtime.container_status(container_id)
            self.started.append((container.name, container.attempt))

        self.runtime.start_container = counted
        self.process = Process(self.loop, "kubelet/node-1", self.main)
        self.kubelet = None
        if start:
            self.process.start()
            self.loop.run(0)

    async def main(self):
        api = self.client("kubelet/node-1")
        informers = InformerFactory(api, self.loop)
        self.kubelet = Kubelet(api, informers, self.loop, "node-1", self.runtime)
        await informers.start()
        self.kubelet.start()

    def do(self, coroutine):
        result = super().do(coroutine)
        self.loop.run(0)
        return result

    def create(self, name="web", image="nginx", command=None, spec=None, **container):
        """Create a Pod of one container on the node."""
        container = {"name": name, "image": image, **container}
        if command is not None:
            container["command"] = ["sh", "-c", command]
        return self.create_pod(name, containers=[container], **(spec or {}))

    def create_pod(self, pod_name, **spec):
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod_name, "namespace": "default"},
            "spec": {"nodeName": "node-1", **spec},
        }
        return self.do(self.api.create("pods", body))

    def pod(self, name="web"):
        return self.do(self.api.get("pods", f"default/{name}"))

    def pods(self):
        return self.do(self.api.list("pods", "default"))["items"]

    def status(self, name="web"):
        return self.pod(name)["status"]

    def container(self, name="web", number=0):
        return self.status(name)["containerStatuses"][number]

    def conditions(self, name="web"):
        return {c["type"]: c["status"] for c in self.status(name)["conditions"]}

    def delete(self, name="web", **options):
        self.do(self.api.delete("pods", f"default/{name}", **options))

    def events(self):
        """``(reason, message, count)`` of all events, in order of creation."""
        items = self.do(self.api.list("events", "default"))["items"]
        items.sort(key=lambda e: int(e["metadata"]["name"].rpartition(".")[2], 16))
        return [(e["reason"], e["message"], e["count"]) for e in items]

    def run(self, seconds):
        self.loop.run(seconds)
