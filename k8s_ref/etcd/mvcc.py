"""Multi-version store · 多版本存储

Every write gets the next revision, and the past stays readable until it is compacted.  The one
idea: nothing is overwritten; a key is the list of its versions, and a watch is that same
history read forward.  A transaction compares first, then writes all or nothing, in one revision.

Upstream: etcd server/storage/mvcc/kvstore.go, index.go, watchable_store.go
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Compacted(Exception):  # noqa: N818
    """The revision asked for is older than the last compaction; ``revision`` is that one."""

    def __init__(self, revision: int) -> None:
        super().__init__("etcdserver: mvcc: required revision has been compacted")
        self.revision = revision


class FutureRevision(Exception):  # noqa: N818
    """The revision asked for has not happened yet."""

    def __init__(self) -> None:
        super().__init__("etcdserver: mvcc: required revision is a future revision")


class KeyValue(NamedTuple):
    """One version of one key; ``version`` counts from 1 since the key was created."""

    key: str
    value: Any
    create_revision: int
    mod_revision: int
    version: int


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
    """An operation: give the key this value."""

    key: str
    value: Any


class Delete(NamedTuple):
    """An operation: remove the key, if it is there."""

    key: str


class Range(NamedTuple):
    """What a range read found: the store's revision, the page, and how many match in total."""

    revision: int
    kvs: list[KeyValue]
    total: int


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
        self._versions: dict[str, list[KeyValue]] = {}
        self._keys: list[str] = []
        self._log: list[Event] = []
        self._watchers: list[tuple[str, Callable[[Event], None]]] = []

    # -- reading

    def get(self, key: str, revision: int = 0) -> KeyValue | None:
        """The key as it was at ``revision`` (0: now), or None."""
        self._check(revision)
        return self._at(key, revision)

    def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """Keys with this prefix in order, from ``start`` on, at ``revision`` (0: now)."""
        self._check(revision)
        low = bisect_left(self._keys, max(prefix, start))
        high = bisect_right(self._keys, prefix + "\U0010ffff")
        found = [kv for k in self._keys[low:high] if (kv := self._at(k, revision)) is not None]
        return Range(self.revision, found[:limit] if limit else found, len(found))

    def _check(self, revision: int) -> None:
        if revision and revision < self.compacted:
            raise Compacted(self.compacted)
        if revision > self.revision:
            raise FutureRevision

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
            found = self._at(key, 0)
            if (found.mod_revision if found else 0) != mod_revision:
                return Txn(False, self.revision, [self._at(c.key, 0) for c in compare])
        events = [e for op in then if (e := self._change(op)) is not None]
        if events:
            self.revision += 1
            for event in events:
                self._append(event)
        return Txn(True, self.revision, [self._at(op.key, 0) for op in then])

    def _change(self, op: Put | Delete) -> Event | None:
        """What an operation changes at the next revision; None where there is nothing to delete."""
        old = self._at(op.key, 0)
        revision = self.revision + 1
        if isinstance(op, Delete):
            gone = KeyValue(op.key, None, 0, revision, 0)
            return Event(gone, old) if old else None
        created, version = (old.create_revision, old.version + 1) if old else (revision, 1)
        return Event(KeyValue(op.key, op.value, created, revision, version), old)

    def _append(self, event: Event) -> None:
        kv = event.kv
        versions = self._versions.get(kv.key)
        if versions is None:
            self._versions[kv.key] = [kv]
            insort(self._keys, kv.key)
        else:
            versions.append(kv)
        self._log.append(event)
        for prefix, tell in self._watchers:
            if kv.key.startswith(prefix):
                tell(event)

    # -- watching and forgetting

    def watch(self, prefix: str, since: int, tell: Callable[[Event], None]) -> Callable[[], None]:
        """Tell every event after revision ``since``, past ones first; returns how to stop."""
        if since < self.compacted:
            raise Compacted(self.compacted)
        first = bisect_right(self._log, since, key=lambda event: event.kv.mod_revision)
        for event in self._log[first:]:
            if event.kv.key.startswith(prefix):
                tell(event)
        entry = (prefix, tell)
        self._watchers.append(entry)
        return lambda: self._watchers.remove(entry)

    def compact(self, revision: int) -> None:
        """Forget what was only true before ``revision``; what is true at it stays readable."""
        if revision <= self.compacted:
            raise Compacted(self.compacted)
        if revision > self.revision:
            raise FutureRevision
        self.compacted = revision
        del self._log[: bisect_right(self._log, revision, key=lambda e: e.kv.mod_revision)]
        for key in list(self._keys):
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
