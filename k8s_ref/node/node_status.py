"""Node registration and status · 节点注册与状态

A kubelet makes its own Node object, looks at it every ten seconds and writes it only when something
changed or five minutes have passed; that it is alive it says with a small Lease (``node_lease``).
The one idea: what is written often is small, so a thousand quiet nodes cost the store almost
nothing.

Upstream: pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus/setters.go
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from k8s_ref.client.client import STRATEGIC, Client
from k8s_ref.machinery.errors import AlreadyExists, ApiError
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.timestamps import parse, timestamp
from k8s_ref.node.cri import CRI, Image
from k8s_ref.node.node_lease import NodeLease
from k8s_ref.sim.loop import SECOND, Loop

STATUS_SECONDS = 10.0
"""How often the Node's status is looked at."""

REPORT_SECONDS = 300
"""How often it is written although nothing changed."""

VERSION = "v1.36.2"
MOST_IMAGES = 50

CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory",
     "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)  # fmt: skip
"""Type, status, reason and message of a node that is well."""


@dataclass(slots=True, frozen=True)
class Machine:
    """What a kubelet finds on the machine it runs on."""

    address: str
    pod_cidr: str
    cpu: str = "4"
    memory: str = "16Gi"
    allocatable_memory: str = "16284Mi"
    """Without the 100Mi at which the kubelet begins to evict."""
    storage: str = "100Gi"
    allocatable_storage: str = "96636764160"
    pods: str = "110"


def machine_of(pod_cidr: str) -> Machine:
    """A machine whose address follows from its Pods' addresses, so that no two share one.

    >>> machine_of("10.244.3.0/24").address
    '172.18.0.5'
    """
    network = ip_network(pod_cidr)
    number = int(network.network_address) - int(ip_address("10.244.0.0"))
    address = ip_address("172.18.0.2") + number // network.num_addresses
    return Machine(str(address), pod_cidr)


class NodeStatus:
    """Writes: the Node of this kubelet (its status), and the Node's Lease."""

    def __init__(self, api: Client, loop: Loop, node: str, machine: Machine, runtime: CRI) -> None:
        self.api, self.loop, self.node = api, loop, node
        self.machine, self.runtime = machine, runtime
        self.known: Object | None = None
        """The Node as the API server had it last."""
        self._compared: tuple[str, int] | None = None
        """Its version, and how many images there were, when it last said what it should."""

    async def run(self) -> None:
        """Register, then say for ever that the node is alive."""
        while (node := await self._try(self._register)) is None:
            await self.loop.sleep(1.0)
        self.known = node
        self.loop.spawn(NodeLease(self.api, self.loop, node).run, name="node-lease")
        while True:
            await self._try(self._report)
            await self.loop.sleep(STATUS_SECONDS)

    async def _try(self, call: Callable[[], Awaitable[Object]]) -> Object | None:
        """Make a call that may fail: the next heartbeat comes anyway."""
        try:
            return await call()
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.api.agent, "retry", f"nodes/{self.node}", str(error))
            return None

    async def _register(self) -> Object:
        try:
            return await self.api.create("nodes", await self._node())
        except AlreadyExists:
            return await self.api.get("nodes", self.node)

    async def _report(self) -> Object:
        """Write the status if it changed or is old."""
        node = await self.api.get("nodes", self.node)
        seen = (node["metadata"]["resourceVersion"], len(await self.runtime.list_images()))
        # What was compared already need not be compared again.
        if seen == self._compared and not self._is_old(node["status"]):
            return node
        self.known, self._compared = node, seen
        status = await self._status(node["status"])
        if _without_heartbeats(status) == _without_heartbeats(
            {name: node["status"].get(name) for name in status}
        ) and not self._is_old(node["status"]):
            return node
        change = {"status": status}
        self.known = await self.api.patch("nodes", self.node, change, "status", STRATEGIC)
        return self.known

    def _is_old(self, status: Object) -> bool:
        conditions = status.get("conditions") or ()
        told = (c.get("lastHeartbeatTime") for c in conditions)
        last = max((parse(time) for time in told if time), default=0)
        return self.loop.epoch * SECOND + self.loop.now - last >= REPORT_SECONDS * SECOND

    # -- the objects

    async def _node(self) -> Object:
        labels = {
            "kubernetes.io/hostname": self.node,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.node, "labels": labels},
            # Upstream leaves the address range to a controller; here the runtime knows it.
            "spec": {"podCIDR": self.machine.pod_cidr, "podCIDRs": [self.machine.pod_cidr]},
            "status": await self._status({}),
        }

    async def _status(self, before: Object) -> Object:
        machine = self.machine
        amounts = {"cpu": machine.cpu, "pods": machine.pods}
        amounts |= {"hugepages-1Gi": "0", "hugepages-2Mi": "0"}
        storage, memory = "ephemeral-storage", "memory"
        return {
            "capacity": {**amounts, memory: machine.memory, storage: machine.storage},
            "allocatable": {
                **amounts, memory: machine.allocatable_memory,
                storage: machine.allocatable_storage,
            },
            "conditions": self._conditions(before.get("conditions") or ()),
            "addresses": [
                {"type": "InternalIP", "address": machine.address},
                {"type": "Hostname", "address": self.node},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": self._node_info(),
            "images": _images(await self.runtime.list_images()),
        }  # fmt: skip

    def _conditions(self, before: Iterable[Object]) -> list[Object]:
        now = timestamp(self.loop.now, self.loop.epoch)
        old = {condition.get("type"): condition for condition in before}
        return [
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": old[kind]["lastTransitionTime"]
                if old.get(kind, {}).get("status") == status
                else now,
                "reason": reason,
                "message": message,
            }
            for kind, status, reason, message in CONDITIONS
        ]

    def _node_info(self) -> Object:
        machine_id = hashlib.sha256(self.node.encode()).hexdigest()[:32]
        return {
            "architecture": "amd64",
            "bootID": machine_id,
            "containerRuntimeVersion": self.runtime.version,
            "kernelVersion": "6.12.0",
            "kubeProxyVersion": "",
            "kubeletVersion": VERSION,
            "machineID": machine_id,
            "operatingSystem": "linux",
            "osImage": "k8s_ref (simulated)",
            "systemUUID": machine_id,
        }


def _images(images: Iterable[Image]) -> list[Object]:
    """The largest images, as the scheduler's ImageLocality plugin wants to know them."""
    largest = sorted(images, key=lambda image: (-image.size, image.reference))[:MOST_IMAGES]
    return [{"names": [image.id, image.reference], "sizeBytes": image.size} for image in largest]


def _without_heartbeats(status: Object) -> Object:
    conditions = sorted(
        tuple(sorted((k, v) for k, v in c.items() if k != "lastHeartbeatTime"))
        for c in status.get("conditions") or ()
        if c.get("type") in [kind for kind, *_ in CONDITIONS]
    )
    return {**status, "conditions": conditions}
