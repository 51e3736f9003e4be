"""A control plane without components, for tests of one floor: store, API server, clients."""

from k8s_ref.apiserver.server import APIServer
from k8s_ref.client.client import Client
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.lease import Lessor
from k8s_ref.etcd.mvcc import Store
from k8s_ref.sim.faults import Faults
from k8s_ref.sim.loop import Loop


class ControlPlane:
    """An API server that has started, and nobody else."""

    def __init__(self, seed=0, order="fifo", **options):
        self.loop = Loop(seed, order)
        self.faults = Faults(self.loop)
        self.store = Store()
        self.lessor = Lessor(self.loop, self.store)
        self.server = APIServer(Embedded(self.store, self.lessor), self.loop, **options)
        self.loop.run_task(self.server.start())
        self.api = self.client("kubectl")

    def client(self, agent):
        """A client of its own for a component."""
        return Client(self.server.handle, lambda: self.server.kinds, self.loop, self.faults, agent)

    def do(self, coroutine):
        """The result of one call, in no time."""
        return self.loop.run_task(coroutine)


def pod(name="web", **spec):
    """A small Pod; keywords go into its spec."""
    containers = [{"name": "web", "image": "nginx"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": containers, **spec},
    }


def replicaset(name="web", replicas=3, labels=None, **spec):
    """A ReplicaSet of nginx; keywords go into its spec."""
    labels = labels or {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            **spec,
        },
    }
