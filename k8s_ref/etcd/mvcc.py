"""Multi-version store · 多版本存储

Every write gets the next revision, and the past stays readable until it is compacted.  The one
idea: nothing is overwritten; a key is the list of its versions, and a watch is that same
history read forward.  A transaction compares first, then writes all or nothing, in one revision.

Upstream: etcd server/storage/mvcc/kvstore.go, index.go, watchable_store.go
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

LAST = "\U0010ffff"
"""After every other character: what begins with a prefix comes before the prefix and this."""


class Compacted(Exception):  # noqa: N818
    """The revision asked for is older than the last compaction; ``revision`` is that one."""

    def __init__(self, revision: int) -> None:
        super().__init__("etcdserver: mvcc: required revision has been compacted")
        self.revision = revision


class FutureRevision(Exception):  # noqa: N818
    """The revision asked for has not happened yet."""

    def __init__(self) -> None:
        super().__init__("etcdserver: mvcc: required revision is a future revision")


class LeaseNotFound(Exception):  # noqa: N818
    """No such lease: it ran out, was revoked, or was never granted."""

    def __init__(self) -> None:
        super().__init__("etcdserver: requested lease not found")


class KeyValue(NamedTuple):
    """One version of one key; ``version`` counts from 1 since the key was created."""

    key: str
    value: Any
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0
    """The lease the key lives as long as; 0: for ever."""


class Event(NamedTuple):
    """One change: ``kv.version`` is 0 for a deletion, whose last value is in ``previous``."""

    kv: KeyValue
    previous: KeyValue | None

    @property
    def deleted(self) -> bool:
        """Whether the key is gone."""
        return self.kv.version == 0


class Compare(NamedTuple):
    """A condition of a transaction: this key was last modified at ``mod_revision`` (0: absent)."""

    key: str
    mod_revision: int


class Put(NamedTuple):
    """An operation: give the key this value, as long as the lease lives (0: for ever)."""

    key: str
    value: Any
    lease: int = 0


class Delete(NamedTuple):
    """An operation: remove the key, if it is there."""

    key: str


class Range(NamedTuple):
    """What a range read found: the store's revision, the page, and how many match in total."""

    revision: int
    kvs: list[KeyValue]
    total: int
    more: bool = False
    """Whether the limit cut something off."""


class Txn(NamedTuple):
    """The outcome: whether the comparisons held, the revision, and what the keys hold now."""

    succeeded: bool
    revision: int
    current: list[KeyValue | None]


class Store:
    """A map from key to value that remembers all its revisions.

    Writes: ``revision`` and everything below it; values are immutable by contract.

    >>> store = Store()
    >>> store.put("/a", 1), store.put("/a", 2)
    (2, 3)
    >>> store.get("/a", revision=2).value
    1
    """

    def __init__(self) -> None:
        self.revision = 1
        """As in etcd, an empty store is at revision 1."""
        self.compacted = 0
        self.leases: dict[int, dict[str, None]] = {}
        """The keys of every lease; how long it lives is decided by the lessor."""
        self._versions: dict[str, list[KeyValue]] = {}
        self._keys: list[str] = []
        """All keys in order, but for the new ones, which are put in their places when asked for."""
        self._new: list[str] = []
        self._log: list[Event] = []
        self._open: list[Event] = []
        """What the transaction under way has changed so far."""
        self._watchers: dict[str, list[Callable[[Event], None]]] = {}
        self._lengths: list[int] = []
        """The lengths of the prefixes that are watched: an event looks up only these."""

    # -- reading

    def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """The key as it was at ``revision`` (0: now), or None."""
        self.check(revision)
        return self._at(key, revision)

    def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """Keys with this prefix in order, from ``start`` on, at ``revision`` (0: now)."""
        found = self.interval(max(prefix, start), prefix + LAST, revision)
        more = 0 < limit < len(found)
        return Range(self.revision, found[:limit] if more else found, len(found), more)

    def interval(self, first: str, end: str, revision: int = 0) -> list[KeyValue]:
        """All keys from ``first`` to before ``end``, in order, at ``revision`` (0: now)."""
        self.check(revision)
        ordered = self._ordered()
        keys = ordered[bisect_left(ordered, first) : bisect_left(ordered, end)]
        return [kv for key in keys if (kv := self._at(key, revision)) is not None]

    def _ordered(self) -> list[str]:
        if self._new:
            # Sorting what is nearly sorted takes one look at each.
            self._keys += self._new
            self._keys.sort()
            self._new.clear()
        return self._keys

    def check(self, revision: int) -> None:
        """Can this revision be read?  Raises ``Compacted`` or ``FutureRevision`` if not."""
        if revision and revision < self.compacted:
            raise Compacted(self.compacted)
        if revision > self.revision:
            raise FutureRevision

    def _now(self, key: str) -> KeyValue | None:
        versions = self._versions.get(key)
        return versions[-1] if versions and versions[-1].version else None

    def _at(self, key: str, revision: int) -> KeyValue | None:
        versions = self._versions.get(key)
        if not versions:
            return None
        index = len(versions)
        if revision and versions[-1].mod_revision > revision:
            index = bisect_right(versions, revision, key=lambda kv: kv.mod_revision)
        if not index or versions[index - 1].version == 0:
            return None
        return versions[index - 1]

    # -- writing

    def put(self, key: str, value: Any) -> int:
        """Write, whatever was there; returns the new revision."""
        return self.txn((), (Put(key, value),)).revision

    def delete(self, key: str) -> int:
        """Remove; returns the revision, which is new only if the key was there."""
        return self.txn((), (Delete(key),)).revision

    def txn(self, compare: Sequence[Compare], then: Sequence[Put | Delete]) -> Txn:
        """If every comparison holds do all operations in one revision, otherwise none."""
        for key, mod_revision in compare:
            found = self._now(key)
            if (found.mod_revision if found else 0) != mod_revision:
                return Txn(False, self.revision, [self._now(c.key) for c in compare])
        for op in then:
            self.check_lease(op)
        for op in then:
            self.change(op)
        self.commit()
        return Txn(True, self.revision, [self._now(op.key) for op in then])

    def change(self, op: Put | Delete) -> KeyValue | None:
        """Do one operation of the transaction under way; returns what the key held before.

        Reads see it at once; watchers hear of it, and the revision moves, with :meth:`commit`.
        """
        old = self._now(op.key)
        revision = self.revision + 1
        if isinstance(op, Put):
            created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
            kv = KeyValue(op.key, op.value, created, revision, version, op.lease)
        elif old is None:
            return None
        else:
            kv = KeyValue(op.key, None, 0, revision, 0)
        self._append(kv)
        if kv.lease or (old and old.lease):
            self._attach(op.key, old.lease if old else 0, kv.lease)
        self._open.append(Event(kv, old))
        return old

    def check_lease(self, op: Put | Delete) -> None:
        """Before anything is changed: a key cannot hang on a lease that is not there."""
        if isinstance(op, Put) and op.lease and op.lease not in self.leases:
            raise LeaseNotFound

    def commit(self) -> int:
        """End the transaction under way: one revision for all it changed, none for nothing."""
        events, self._open = self._open, []
        if events:
            self.revision += 1
            self._log += events
            for event in events:
                self._tell(event)
        return self.revision

    def _append(self, kv: KeyValue) -> None:
        versions = self._versions.get(kv.key)
        if versions is None:
            self._versions[kv.key] = [kv]
            self._new.append(kv.key)
        else:
            versions.append(kv)

    def _attach(self, key: str, old: int, new: int) -> None:
        """Move a key from one lease to another; 0 is none."""
        if old != new:
            self.leases.get(old, {}).pop(key, None)
            if new:
                self.leases[new][key] = None

    def _tell(self, event: Event) -> None:
        key = event.kv.key
        for length in self._lengths:
            for tell in self._watchers.get(key[:length], ()) if length <= len(key) else ():
                tell(event)

    # -- watching and forgetting

    def watch(self, prefix: str, since: int, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Tell every event after revision ``since``, past ones first; returns how to stop.

        What happened at the compacted revision itself can still be told, not what was before it.
        """
        if since + 1 < self.compacted:
            raise Compacted(self.compacted)
        first = bisect_right(self._log, since, key=lambda event: event.kv.mod_revision)
        for event in self._log[first:]:
            if event.kv.key.startswith(prefix):
                forgotten = event.kv.mod_revision == self.compacted
                tell(Event(event.kv, None) if forgotten else event)
        self._watchers[prefix] = [*self._watchers.get(prefix, ()), tell]
        self._lengths = sorted({len(watched) for watched in self._watchers})
        return lambda: self._unwatch(prefix, tell)

    def _unwatch(self, prefix: str, tell: Callable[[Event], None]) -> None:
        # A new list: the old one may be walked through just now.
        self._watchers[prefix] = left = [*self._watchers[prefix]]
        left.remove(tell)
        if not left:
            del self._watchers[prefix]
        self._lengths = sorted({len(watched) for watched in self._watchers})

    def compact(self, revision: int) -> None:
        """Forget what was only true before ``revision``; what is true at it stays readable."""
        if revision <= self.compacted:
            raise Compacted(self.compacted)
        if revision > self.revision:
            raise FutureRevision
        self.compacted = revision
        del self._log[: bisect_left(self._log, revision, key=lambda e: e.kv.mod_revision)]
        for key in list(self._ordered()):
            self._forget(key, revision)

    def _forget(self, key: str, revision: int) -> None:
        versions = self._versions[key]
        keep = bisect_right(versions, revision, key=lambda kv: kv.mod_revision) - 1
        if keep >= 0 and versions[keep].version == 0:
            keep += 1
        del versions[: max(keep, 0)]
        if not versions:
            del self._versions[key]
            del self._keys[bisect_left(self._keys, key)]
