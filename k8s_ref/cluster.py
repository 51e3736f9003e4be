"""The cluster · 集群

Wires every component together; the only module that knows them all.  The one idea: each
component is a process with a client of its own and nothing else in common, so the cluster is
exactly as concurrent, and as fragile, as a real one.

Upstream: none; what kubeadm and the operating system do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from k8s_ref.apiserver.admission.webhook import Local
from k8s_ref.apiserver.aggregation import Aggregator, Dial, Serve
from k8s_ref.apiserver.request import (
    ADMIN,
    Request,
    Response,
    User,
    component,
    service_account,
)
from k8s_ref.apiserver.server import APIServer
from k8s_ref.apiserver.storage import ROOT, path_of
from k8s_ref.apiserver.watchcache import decode
from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.clusterroleaggregation import ClusterRoleAggregationController
from k8s_ref.controllers.deployment import DeploymentController
from k8s_ref.controllers.disruption import DisruptionController
from k8s_ref.controllers.garbagecollector import GarbageCollector
from k8s_ref.controllers.namespace import NamespaceController
from k8s_ref.controllers.nodelifecycle import NodeLifecycleController
from k8s_ref.controllers.podgc import PodGC
from k8s_ref.controllers.replicaset import ReplicaSetController
from k8s_ref.controllers.resourcequota import ResourceQuotaController
from k8s_ref.controllers.serviceaccount import RootCAPublisher, ServiceAccountController
from k8s_ref.controllers.tainteviction import TaintEvictionController
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.lease import Lessor
from k8s_ref.etcd.mvcc import Store
from k8s_ref.machinery.kinds import KINDS, Kinds
from k8s_ref.machinery.meta import Object
from k8s_ref.node.kubelet import Kubelet
from k8s_ref.node.runtime import Runtime
from k8s_ref.node.server import Server
from k8s_ref.scheduler.scheduler import Scheduler
from k8s_ref.sim.faults import Faults
from k8s_ref.sim.loop import EPOCH, Loop
from k8s_ref.sim.process import Process
from k8s_ref.sim.trace import Trace

CONTROLLERS = (
    DeploymentController,
    ReplicaSetController,
    GarbageCollector,
    NamespaceController,
    ServiceAccountController,
    RootCAPublisher,
    NodeLifecycleController,
    TaintEvictionController,
    PodGC,
    ClusterRoleAggregationController,
    DisruptionController,
    ResourceQuotaController,
)
"""What the controller manager runs, in the order it starts them."""


ACCOUNTS = {
    "garbage-collector-controller": "generic-garbage-collector",
    "serviceaccount-controller": "service-account-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "node-lifecycle-controller": "node-controller",
    "taint-eviction-controller": "node-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
}
"""The ServiceAccounts as which controllers write whose own name is another by now."""

POD_NETWORK = IPv4Address("10.244.0.0")
"""Where the addresses of Pods begin; each node has 256 of them."""


class Wiring:
    """Everything of one cluster, in one Python process, on one virtual clock."""

    def __init__(
        self,
        nodes: int = 3,
        seed: int = 0,
        order: str = "fifo",
        ring: int = 0,
        epoch: int = EPOCH,
        managed_fields: bool = False,
        secret: bytes = b"",
    ) -> None:
        """``ring``: how many events of a resource the API server remembers; 0: very many.
        ``epoch``: the date of virtual second zero, in seconds since 1970.
        ``managed_fields``: whether objects say from the beginning who owns which field.
        ``secret``: what signs the tokens of ServiceAccounts; without one they can be guessed."""
        if nodes < 0:
            raise ValueError(f"a cluster has 0 nodes or more, got {nodes}")
        self.loop = Loop(seed, order, epoch)
        self.faults = Faults(self.loop)
        self.store = Store()
        self._lessor = Lessor(self.loop, self.store)
        self.server: APIServer | None = None
        self._kinds = KINDS
        self._ring, self._managed_fields, self._secret = ring, managed_fields, secret
        self.webhooks = Local(self.loop)
        """Admission webhooks that are functions of this process."""
        self.furnish: Callable[[APIServer], None] = lambda server: None
        """Gives a new API server what belongs to the machine it runs on."""
        self.behind: dict[str, Serve] = {}
        """Servers that a Service leads to, by ``namespace/name`` of the Service."""
        self.beyond: Dial = lambda key, port: None
        """Finds those that are no part of this process."""
        self.runtimes: dict[str, Runtime] = {}
        self.kubelets: dict[str, Kubelet] = {}
        self.processes: dict[str, Process] = {}
        self.api = self.client("kubectl")
        self._add("kube-apiserver", self._api_server)
        self._add("kube-controller-manager", self._controller_manager)
        self._add("kube-scheduler", self._scheduler)
        for number in range(1, nodes + 1):
            self.add_node(f"node-{number}")
        self.loop.run(0)

    @property
    def trace(self) -> Trace:
        """What happened so far."""
        return self.loop.trace

    def add_node(self, name: str) -> None:
        """A new machine: a container runtime, and a kubelet that registers it."""
        if name in self.runtimes:
            raise ValueError(f"there is a node {name!r} already")
        network = POD_NETWORK + 256 * len(self.runtimes)
        self.runtimes[name] = Runtime(self.loop, name, f"{network}/24")
        self._add(f"kubelet/{name}", partial(self._kubelet, name))

    def crash(self, process: str) -> None:
        """Kill a process; it comes back a second later, knowing nothing."""
        self._process(process).crash("killed")

    def stop(self, process: str) -> None:
        """Switch a process off until :meth:`start`."""
        self._process(process).stop()

    def start(self, process: str) -> None:
        """Switch it on again."""
        self._process(process).start()

    def fail_node(self, name: str) -> None:
        """A machine stops: its kubelet and every container on it, in this instant."""
        runtime = self._machine(name)
        self.loop.record(name, "crash", name, "the machine stops")
        self.stop(f"kubelet/{name}")
        runtime.reboot()

    def recover_node(self, name: str) -> None:
        """The machine comes up again: what lies on its disk is there, and nothing runs."""
        self._machine(name)
        if self.processes[f"kubelet/{name}"].alive:
            return
        self.loop.record(name, "restart", name, "the machine is up again")
        self.start(f"kubelet/{name}")

    def at(self, revision: int) -> Past:
        """The cluster as it was at a revision of the store."""
        return Past(self.store, revision, self._served())

    def _machine(self, name: str) -> Runtime:
        if name not in self.runtimes:
            raise ValueError(f"no node {name!r}: there are {', '.join(self.runtimes)}")
        return self.runtimes[name]

    def _process(self, name: str) -> Process:
        if name not in self.processes:
            known = ", ".join(self.processes)
            raise ValueError(f"no process {name!r}: there are {known}")
        return self.processes[name]

    def _add(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.processes[name] = Process(self.loop, name, main)
        self.processes[name].start()

    def client(self, agent: str, user: User = ADMIN) -> Client:
        """A client for a component: it talks to the API server under this name."""
        return Client(self._handle, self._served, self.loop, self.faults, agent, user)

    def _served(self) -> Kinds:
        """The kinds the API server serves, or served when it was last seen."""
        if self.server is not None:
            self._kinds = self.server.kinds
        return self._kinds

    async def _handle(self, request: Request) -> Response:
        """The wire: whoever answers now, or nobody."""
        if self.server is None:
            raise TimeoutError("dial tcp 10.0.0.1:6443: connect: connection refused")
        return await self.server.handle(request)

    def _behind(self, key: str, port: int) -> Serve | None:
        """The server behind a Service."""
        return self.behind.get(key) or self.beyond(key, port)

    def _dial(self, node: str) -> Server | None:
        """The kubelet of a node, if it answers."""
        return self.kubelets[node].server if node in self.kubelets else None

    # -- processes

    async def _api_server(self) -> None:
        server = APIServer(
            Embedded(self.store, self._lessor),
            self.loop,
            KINDS,
            self._dial,
            ring=self._ring,
            caller=self.webhooks,
            managed_fields=self._managed_fields,
            secret=self._secret,
        )
        self.furnish(server)
        try:
            await server.start()
            await Aggregator(server, self._behind).start()
            self.server = server
            await self.loop.future()
        finally:
            self.server = None
            server.stop()

    async def _controller_manager(self) -> None:
        api = self.client("kube-controller-manager", component("system:kube-controller-manager"))
        informers = InformerFactory(api, self.loop)
        controllers = [
            make(
                api.acting(service_account(ACCOUNTS.get(make.name, make.name))),
                informers,
                self.loop,
            )
            for make in CONTROLLERS
        ]
        await informers.start()
        for controller in controllers:
            controller.start()

    async def _scheduler(self) -> None:
        api = self.client("default-scheduler", component("system:kube-scheduler"))
        informers = InformerFactory(api, self.loop)
        scheduler = Scheduler(api, informers, self.loop)
        await informers.start()
        scheduler.start()

    async def _kubelet(self, name: str) -> None:
        api = self.client(f"kubelet/{name}", component(f"system:node:{name}", "system:nodes"))
        informers = InformerFactory(api, self.loop)
        kubelet = Kubelet(api, informers, self.loop, name, self.runtimes[name])
        self.kubelets[name] = kubelet
        try:
            await informers.start()
            kubelet.start()
            await self.loop.future()
        finally:
            del self.kubelets[name]


class Past:
    """A read-only look at an earlier revision."""

    def __init__(self, store: Store, revision: int, kinds: Kinds = KINDS) -> None:
        store.get(ROOT, revision)
        self.store, self.revision, self.kinds = store, revision, kinds

    def get(self, resource: str, key: str) -> Object | None:
        """The object as it was, or None."""
        kv = self.store.get(path_of(self.kinds[resource], key), self.revision)
        return decode(kv) if kv else None

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """All objects of a resource as they were, in the order of their keys."""
        prefix = path_of(self.kinds[resource], f"{namespace}/" if namespace else "")
        return [decode(kv) for kv in self.store.range(prefix, revision=self.revision).kvs]
