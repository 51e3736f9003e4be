"""Leader election · 选主

Of several copies of a component one works and the others wait.  The one idea: the leader writes
its name and the time into a Lease again and again, and whoever sees that the Lease has not
changed for long enough, by its own clock, may take it; the API server's optimistic lock lets
only one succeed.  Nobody compares clocks with anybody else.

Upstream: staging/src/k8s.io/client-go/tools/leaderelection/leaderelection.go
"""

from __future__ import annotations

from collections.abc import Callable

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, split_key
from k8s_ref.machinery.timestamps import micro_time
from k8s_ref.sim.loop import SECOND, Loop

LEASE_SECONDS = 15.0
"""How long the others wait for a leader who does not write …"""

RENEW_SECONDS = 10.0
"""… and how long a leader who cannot write still believes to be one; it must be shorter."""

RETRY_SECONDS = 2.0

JITTER = 1.2


class LeaderElector:
    """One candidate for the Lease ``namespace/name``.  Writes: that Lease, when it may."""

    def __init__(
        self, api: Client, loop: Loop, key: str, identity: str, recorder: EventRecorder
    ) -> None:
        self.api, self.loop, self.key, self.identity = api, loop, key, identity
        self.recorder = recorder
        self._lease: Object | None = None
        """The Lease as last seen …"""
        self._seen = 0
        """… and when, by our own clock, it was first seen like this."""

    @property
    def leader(self) -> str:
        """Who leads, as far as is known here."""
        return _spec(self._lease).get("holderIdentity") or ""

    @property
    def is_leader(self) -> bool:
        """Whether this candidate leads."""
        return self.leader == self.identity

    async def run(self, lead: Callable[[], None]) -> None:
        """Wait until the Lease is ours, call ``lead()``, and return when it is lost again.

        Who lost it must stop all it does at once: the usual way is to end the process.
        """
        await self._acquire()
        lead()
        await self._renew()

    async def release(self) -> None:
        """Give the Lease back, so that another need not wait until it runs out."""
        if self.is_leader and self._lease:
            spec = {**_spec(self._lease), "holderIdentity": "", "leaseDurationSeconds": 1}
            spec |= {"acquireTime": self._now(), "renewTime": self._now()}
            try:
                self._observe(await self.api.update("leases", {**self._lease, "spec": spec}))
            except (ApiError, TimeoutError) as error:
                self._lost(error)

    async def _acquire(self) -> None:
        while not await self._try():
            wait = RETRY_SECONDS * (1 + JITTER * self.loop.stream("leaderelection").random())
            await self.loop.sleep(wait)
        self._tell("became leader")

    async def _renew(self) -> None:
        """Go on as long as the Lease could be written within :data:`RENEW_SECONDS`.

        Time counts from before the write: the others may have seen it long before its answer came.
        """
        begun = self.loop.now
        while (left := RENEW_SECONDS - (self.loop.now - begun) / SECOND) > 0:
            trying = self.loop.now
            try:
                if await self.loop.within(left, self._try()):
                    begun = trying
            except TimeoutError:
                break
            await self.loop.sleep(RETRY_SECONDS)
        self._tell("stopped leading")
        self._lease = None

    async def _try(self) -> bool:
        """Take or renew the Lease, unless somebody else holds it."""
        try:
            lease = await self.api.get("leases", self.key)
        except NotFound:
            return await self._create()
        except (ApiError, TimeoutError) as error:
            return self._lost(error)
        if _spec(lease) != _spec(self._lease):
            self._observe(lease)
        if not self.is_leader and self.leader and not self._ran_out():
            return False
        spec = {**_spec(lease), **self._claim(lease)}
        try:
            self._observe(await self.api.update("leases", {**lease, "spec": spec}))
        except (ApiError, TimeoutError) as error:
            return self._lost(error)
        return True

    async def _create(self) -> bool:
        namespace, name = split_key(self.key)
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": self._claim(None),
        }
        try:
            self._observe(await self.api.create("leases", lease))
        except (ApiError, TimeoutError) as error:
            return self._lost(error)
        return True

    def _claim(self, lease: Object | None) -> Object:
        """What the Lease says when it is ours."""
        old, now = _spec(lease), self._now()
        ours = old.get("holderIdentity") == self.identity
        changes = old.get("leaseTransitions", 0)
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(LEASE_SECONDS),
            "acquireTime": old["acquireTime"] if ours else now,
            "renewTime": now,
            "leaseTransitions": changes if ours or lease is None else changes + 1,
        }

    def _ran_out(self) -> bool:
        """Whether the Lease did not change for as long as its holder asked for."""
        seconds: float = _spec(self._lease).get("leaseDurationSeconds", LEASE_SECONDS)
        return self.loop.now - self._seen >= seconds * SECOND

    def _observe(self, lease: Object) -> None:
        self._lease, self._seen = lease, self.loop.now

    def _lost(self, error: Exception) -> bool:
        self.loop.record(self.api.agent, "retry", f"leases/{self.key}", str(error))
        return False

    def _tell(self, what: str) -> None:
        if self._lease:
            text = f"{self.identity} {what}"
            self.recorder.event(self._lease, "Normal", "LeaderElection", text)

    def _now(self) -> str:
        return micro_time(self.loop.now, self.loop.epoch)


def _spec(lease: Object | None) -> Object:
    spec: Object = (lease or {}).get("spec") or {}
    return spec
