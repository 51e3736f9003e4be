"""Leases · 租约

Keys that disappear unless somebody says in time that they should not.  The one idea: a lease
has a time to live and keys hang on it; who holds it keeps it alive, and when it runs out all its
keys go in one revision.  Nothing polls: a lease that lives longer than was thought is looked at
again when that time has come.

Upstream: etcd server/lease/lessor.go
"""

from __future__ import annotations

from dataclasses import dataclass

from k8s_ref.etcd.kv import RequestError
from k8s_ref.etcd.mvcc import Delete, LeaseNotFound, Store
from k8s_ref.sim.loop import SECOND, Loop

MIN_TTL = 2
"""No lease is shorter, in seconds: one and a half election timeouts of etcd, rounded up."""

MAX_TTL = 9_000_000_000


@dataclass(slots=True)
class Lease:
    """A lease: ``ttl`` seconds granted, and the instant (virtual nanoseconds) it runs out."""

    number: int
    ttl: int
    expiry: int


class Lessor:
    """Grants leases on the keys of one store.  Writes: the store, when a lease ends.

    >>> loop, store = Loop(), Store()
    >>> Lessor(loop, store).grant(60).ttl
    60
    """

    def __init__(self, loop: Loop, store: Store) -> None:
        self.loop, self.store = loop, store
        self.leases: dict[int, Lease] = {}
        self._last = 0

    def grant(self, ttl: int, number: int = 0) -> Lease:
        """A lease of ``ttl`` seconds, under the given number or the next free one."""
        if ttl > MAX_TTL:
            raise RequestError("too large lease TTL")
        if number in self.leases:
            raise RequestError("lease already exists")
        while not number or number in self.leases:
            self._last = number = self._last + 1
        lease = Lease(number, max(ttl, MIN_TTL), 0)
        self.leases[number] = lease
        self.store.leases[number] = {}
        self._extend(lease)
        self._look(lease)
        return lease

    def keep_alive(self, number: int) -> Lease:
        """Begin its time to live anew; ``LeaseNotFound`` if it has run out."""
        lease = self._lease(number)
        self._extend(lease)
        return lease

    def remaining(self, number: int) -> float:
        """The seconds it still has; ``LeaseNotFound`` if none."""
        return (self._lease(number).expiry - self.loop.now) / SECOND

    def keys(self, number: int) -> list[str]:
        """The keys that hang on it, in order; ``LeaseNotFound`` if it has run out."""
        return sorted(self.store.leases[self._lease(number).number])

    def revoke(self, number: int) -> int:
        """End it now: all its keys go in one revision, which is returned."""
        keys = self.keys(number)
        done = self.store.txn((), [Delete(key) for key in keys])
        del self.leases[number], self.store.leases[number]
        return done.revision

    def _lease(self, number: int) -> Lease:
        if number not in self.leases:
            raise LeaseNotFound
        return self.leases[number]

    def _extend(self, lease: Lease) -> None:
        lease.expiry = self.loop.now + lease.ttl * SECOND

    def _look(self, lease: Lease) -> None:
        """Come back when it should be over, unless it was kept alive until later."""
        if self.leases.get(lease.number) is not lease:
            return
        if lease.expiry <= self.loop.now:
            self.revoke(lease.number)
        else:
            self.loop.call_later(self.remaining(lease.number), self._look, lease)
