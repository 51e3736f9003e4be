"""Storage · 对象存储

Objects in the store, and the one watch that keeps the API server's caches up to date.  The one
idea: the store knows keys, bytes and revisions; that a revision is an object's
``resourceVersion`` and a comparison its optimistic lock is decided here and nowhere else.

Upstream: staging/src/k8s.io/apiserver/pkg/storage/etcd3/{store,lease_manager}.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from k8s_ref.apiserver.watchcache import WatchCache, decode
from k8s_ref.etcd import mvcc
from k8s_ref.etcd.client import Client
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import SECOND, Loop

ROOT = "/registry/"

DIRECTORY = {
    "nodes": "minions",
    "services": "services/specs",
    "endpoints": "services/endpoints",
    "ingresses.networking.k8s.io": "ingress",
    "replicationcontrollers": "controllers",
    "apiservices.apiregistration.k8s.io": "apiregistration.k8s.io/apiservices",
}
"""Where kinds are kept whose directory is not their plural: names older than the API itself."""


class Taken(Exception):  # noqa: N818
    """Somebody else wrote the key since it was read; ``current`` is what it holds now, if any."""

    def __init__(self, current: Object | None) -> None:
        super().__init__("the key was modified")
        self.current = current


LEASE_SECONDS = 60
"""Objects written within so many seconds, or a twentieth of their time to live, share a lease."""
LEASE_OBJECTS = 1000
"""So many objects share a lease at most: they all go in one revision."""


class Leases:
    """Gives what is stored for a time a lease, the last one as long as it will do."""

    def __init__(self, etcd: Client, loop: Loop) -> None:
        self.etcd, self.loop = etcd, loop
        self._number = self._expiry = self._objects = 0

    async def lease(self, ttl: int) -> int:
        """A lease for one object that is to live ``ttl`` seconds, or up to a minute longer."""
        extra = min(LEASE_SECONDS, ttl // 20)
        least = self.loop.now + ttl * SECOND
        fits = least < self._expiry <= least + extra * SECOND
        if not fits or self._objects >= LEASE_OBJECTS:
            self._number = await self.etcd.grant(ttl + extra)
            self._expiry, self._objects = least + extra * SECOND, 0
        self._objects += 1
        return self._number


class Storage:
    """The objects of the cluster.  Writes: the caches, from the store's events only."""

    def __init__(self, etcd: Client, loop: Loop, ring: int = 0) -> None:
        self.etcd, self.loop, self.ring = etcd, loop, ring
        self.leases = Leases(etcd, loop)
        self.caches: dict[str, WatchCache] = {}
        self.revision = 0
        self._stop: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Read everything once, then follow the store."""
        found = await self.etcd.range(ROOT)
        for kv in found.kvs:
            self._tell(mvcc.Event(kv, None))
        self.revision = found.revision
        for cache in self.caches.values():
            cache.begin(found.revision)
        self._stop = self.etcd.watch(ROOT, found.revision, self._tell)

    def stop(self) -> None:
        """Let go of the store and of everybody who watches."""
        self._stop()
        for cache in self.caches.values():
            for watch in list(cache.watches):
                watch.stop()

    def cache(self, kind: Kind, trigger: Callable[[Object], str] | None = None) -> WatchCache:
        """The cache of a resource; made on first use, before :meth:`start`."""
        directory = directory_of(kind)
        if directory not in self.caches:
            self.caches[directory] = WatchCache(self.loop, self.revision, trigger, self.ring)
        return self.caches[directory]

    async def open(self, kind: Kind) -> None:
        """Make the cache of a resource that came after :meth:`start`, and fill it."""
        directory = directory_of(kind)
        if directory not in self.caches:
            cache = self.cache(kind)
            found = await self.etcd.range(f"{ROOT}{directory}/")
            for kv in found.kvs:
                cache.tell(split_path(kv.key)[1], mvcc.Event(kv, None))
            cache.begin(found.revision)

    def close(self, kind: Kind) -> None:
        """The resource is no longer served: forget its cache, and send away who watches it."""
        cache = self.caches.pop(directory_of(kind), None)
        for watch in list(cache.watches) if cache else ():
            watch.finish()

    async def create(self, kind: Kind, key: str, obj: Object, ttl: int = 0) -> Object:
        """Store a new object, for ``ttl`` seconds (0: for ever); ``Taken`` if the key exists."""
        return await self._write(kind, key, 0, obj, ttl)

    async def update(self, kind: Kind, key: str, old: Object, new: Object, ttl: int = 0) -> Object:
        """Store a new version of ``old``; ``Taken`` if that is no longer the latest."""
        return await self._write(kind, key, int(old["metadata"]["resourceVersion"]), new, ttl)

    async def write(self, writes: Sequence[tuple[str, Object]]) -> int:
        """Store several objects by their paths at one revision; what has no version is new."""
        compare, puts = [], []
        for path, obj in writes:
            metadata = {**obj["metadata"]}
            compare.append(mvcc.Compare(path, int(metadata.pop("resourceVersion", 0))))
            puts.append(mvcc.Put(path, {**obj, "metadata": metadata}))
        done = await self.etcd.txn(compare, puts)
        if not done.succeeded:
            raise Taken(None)
        return done.revision

    async def delete(self, kind: Kind, key: str, old: Object) -> int:
        """Remove ``old``; returns the revision. ``Taken`` if that is no longer the latest."""
        path = path_of(kind, key)
        expect = int(old["metadata"]["resourceVersion"])
        done = await self.etcd.txn((mvcc.Compare(path, expect),), (mvcc.Delete(path),))
        if not done.succeeded:
            raise Taken(decode(kv) if (kv := done.current[0]) else None)
        return done.revision

    async def _write(self, kind: Kind, key: str, expect: int, obj: Object, ttl: int) -> Object:
        directory, value = directory_of(kind), obj
        path = f"{ROOT}{directory}/{key}"
        if kind.definition is not None:
            value = {**obj, "apiVersion": f"{kind.group}/{_storage_version(kind.definition)}"}
        if "resourceVersion" in obj["metadata"]:
            value = {**value, "metadata": {**obj["metadata"]}}
            del value["metadata"]["resourceVersion"]
        lease = await self.leases.lease(ttl) if ttl else 0
        done = await self.etcd.txn((mvcc.Compare(path, expect),), (mvcc.Put(path, value, lease),))
        kv = done.current[0]
        if not done.succeeded:
            raise Taken(decode(kv) if kv else None)
        assert kv is not None, "a put that succeeded left nothing"
        # The event has usually arrived by now: hand out the very object the cache holds.
        cached = self.caches[directory].objects.get(key)
        if cached and cached["metadata"]["resourceVersion"] == str(kv.mod_revision):
            return cached
        return decode(kv)

    def _tell(self, event: mvcc.Event) -> None:
        self.revision = max(self.revision, event.kv.mod_revision)
        directory, key = split_path(event.kv.key)
        if directory in self.caches:
            self.caches[directory].tell(key, event)


def directory_of(kind: Kind) -> str:
    """The directory below ``/registry`` where objects of a kind live."""
    if kind.definition is not None:
        return f"{kind.group}/{kind.plural}"
    return DIRECTORY.get(kind.resource, kind.plural)


def _storage_version(definition: Mapping[str, Any]) -> str:
    return next(str(each["name"]) for each in definition["versions"] if each.get("storage"))


def path_of(kind: Kind, key: str) -> str:
    """The store's key of an object.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> path_of(KINDS["pods"], "default/web"), path_of(KINDS["nodes"], "node-1")
    ('/registry/pods/default/web', '/registry/minions/node-1')
    """
    return f"{ROOT}{directory_of(kind)}/{key}"


def split_path(path: str) -> tuple[str, str]:
    """The directory and the object's key of a store key.

    >>> split_path("/registry/services/specs/default/web")
    ('services/specs', 'default/web')
    """
    directory, _, key = path.removeprefix(ROOT).partition("/")
    # Groups of custom resources have dots in their names; nothing else here has.
    if directory in _NESTED or "." in directory:
        second, _, key = key.partition("/")
        directory = f"{directory}/{second}"
    return directory, key


_NESTED = {name.partition("/")[0] for name in DIRECTORY.values() if "/" in name}
