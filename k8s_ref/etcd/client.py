"""The store as its clients see it · 存储客户端

The five calls the API server makes, as coroutines: embedded they never suspend, because the
store is an object in the same process; a real etcd behind the same interface answers later.

Upstream: etcd client/v3/kv.go, client/v3/lease.go, client/v3/watch.go
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from k8s_ref.etcd.lease import Lessor
from k8s_ref.etcd.mvcc import Compare, Delete, Event, KeyValue, Put, Range, Store, Txn


class Client(Protocol):
    """What the API server needs from a store, embedded or real."""

    async def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """One key at ``revision`` (0: now)."""

    async def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """Keys in order; see :meth:`k8s_ref.etcd.mvcc.Store.range`."""

    async def txn(self, compare: Sequence[Compare], then: Sequence[Put | Delete]) -> Txn:
        """Compare, then write all or nothing."""

    async def grant(self, ttl: int) -> int:
        """A lease of ``ttl`` seconds on which keys can hang: its number."""

    def watch(self, prefix: str, since: int, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Tell every event after ``since``; returns how to stop."""


class Embedded:
    """The client of a store in this process; without a lessor its keys stay for ever."""

    def __init__(self, store: Store, lessor: Lessor | None = None) -> None:
        self.store, self.lessor = store, lessor

    async def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """One key at ``revision`` (0: now)."""
        return self.store.get(key, revision)

    async def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """Keys in order, at ``revision`` (0: now)."""
        return self.store.range(prefix, start, limit, revision)

    async def txn(self, compare: Sequence[Compare], then: Sequence[Put | Delete]) -> Txn:
        """Compare, then write all or nothing."""
        return self.store.txn(compare, then)

    async def grant(self, ttl: int) -> int:
        """A lease of ``ttl`` seconds on which keys can hang: its number; 0 without a lessor."""
        return self.lessor.grant(ttl).number if self.lessor else 0

    def watch(self, prefix: str, since: int, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Tell every event after ``since``; returns how to stop."""
        return self.store.watch(prefix, since, tell)
