"""Node Lease · 节点租约

How a kubelet says that it is alive: every ten seconds it writes the time into a small object of
its own.  The one idea: it keeps the Lease as it wrote it last and replaces it without reading, so
a heartbeat is one call; when somebody else wrote in between, it reads once and goes on.

Upstream: staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go,
pkg/kubelet/util/nodelease.go
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, Conflict, NotFound
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.timestamps import micro_time
from k8s_ref.sim.loop import Loop

RENEW_SECONDS = 10.0
"""How often the Lease is renewed: a quarter of the time it lasts."""

LEASE_SECONDS = 40
NAMESPACE = "kube-node-lease"


class NodeLease:
    """Writes: the Lease of one node."""

    def __init__(self, api: Client, loop: Loop, node: Object) -> None:
        self.api, self.loop = api, loop
        self.name, self.uid = node["metadata"]["name"], node["metadata"]["uid"]
        self._latest: Object | None = None

    async def run(self) -> None:
        """Renew for ever; a failure is made good by the next heartbeat."""
        while True:
            try:
                await self._renew()
            except (ApiError, TimeoutError) as error:
                self._latest = None
                self.loop.record(self.api.agent, "retry", f"nodes/{self.name}", str(error))
            await self.loop.sleep(RENEW_SECONDS)

    async def _renew(self) -> None:
        now = micro_time(self.loop.now, self.loop.epoch)
        if self._latest is not None:
            try:
                self._latest = await self.api.update("leases", _renewed(self._latest, now))
                return
            except (Conflict, NotFound):
                pass
        try:
            found = await self.api.get("leases", f"{NAMESPACE}/{self.name}")
        except NotFound:
            self._latest = await self.api.create("leases", self._lease(now))
        else:
            self._latest = await self.api.update("leases", _renewed(found, now))

    def _lease(self, now: str) -> Object:
        owner = {"apiVersion": "v1", "kind": "Node", "name": self.name, "uid": self.uid}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": NAMESPACE, "ownerReferences": [owner]},
            "spec": {
                "holderIdentity": self.name,
                "leaseDurationSeconds": LEASE_SECONDS,
                "renewTime": now,
            },
        }


def _renewed(lease: Object, now: str) -> Object:
    return {**lease, "spec": {**lease["spec"], "renewTime": now}}
