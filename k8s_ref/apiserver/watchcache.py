"""Watch cache · 监听缓存

The API server watches the store once; everybody else watches the API server.  Each event is
decoded once and kept in a ring that all watchers share, each with a cursor of its own; whoever
falls off the ring gets 410 and lists again, so no queue is unbounded.  Watchers that name one
value of a trigger field (a kubelet: its node) share a smaller ring and sleep through the rest.

Upstream: staging/src/k8s.io/apiserver/pkg/storage/cacher/cacher.go, watch_cache.go
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from k8s_ref.etcd import mvcc
from k8s_ref.machinery.errors import Expired
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.sim.loop import Future, Loop

CAPACITY = 10_000
"""Events a ring remembers unless it is told otherwise; upstream's are 100 to 102,400 long."""

Selector = Callable[[Object], bool]


class WatchEvent(NamedTuple):
    """What a watcher is told: ADDED, MODIFIED, DELETED (with its last state) or BOOKMARK."""

    type: str
    object: Object


class Change(NamedTuple):
    """One event of the ring: the object before and after, at one revision."""

    revision: int
    old: Object | None
    new: Object | None
    event: WatchEvent
    """What those are told who watch everything."""

    @classmethod
    def of(cls, revision: int, old: Object | None, new: Object | None) -> Change:
        """From one state to the other: at least one of them is there."""
        if new is not None:
            return cls(revision, old, new, WatchEvent("MODIFIED" if old else "ADDED", new))
        assert old is not None, "what was not there cannot go"
        # The last state carries the revision of the deletion, so that a watch can go on from it.
        gone = with_path(old, ("metadata", "resourceVersion"), str(revision))
        return cls(revision, old, None, WatchEvent("DELETED", gone))

    def seen_by(self, selector: Selector) -> WatchEvent | None:
        """The event for a watcher with a selector: entering is ADDED, leaving is DELETED."""
        if selector is everything:
            return self.event
        before = self.old is not None and selector(self.old)
        after = self.new is not None and selector(self.new)
        if before == after:
            return self.event if after else None
        if before:
            assert self.old is not None
            return Change.of(self.revision, self.old, None).event
        return WatchEvent("ADDED", self.event.object)


class Ring:
    """The last events, and who sleeps until there are more."""

    def __init__(self, since: int, capacity: int = 0) -> None:
        self.capacity = capacity or CAPACITY
        self.events: list[Change] = []
        self.first = 0
        """Number of the oldest event kept; events are numbered from 0 for ever."""
        self.since = since
        """Everything after this revision is in the ring."""
        self.sleepers: list[Future[None]] = []

    def append(self, change: Change) -> None:
        """Add an event, forget the oldest half when full, wake the sleepers."""
        self.events.append(change)
        if len(self.events) > self.capacity:
            half = max(1, self.capacity // 2)
            self.since = self.events[half - 1].revision
            del self.events[:half]
            self.first += half
        sleepers, self.sleepers = self.sleepers, []
        for sleeper in sleepers:
            sleeper.resolve(None)

    @property
    def end(self) -> int:
        """Number of the event that will come next."""
        return self.first + len(self.events)


class Watch:
    """One watcher: a cursor into a ring.  ``await next()`` gives events until :meth:`stop`."""

    def __init__(self, cache: WatchCache, ring: Ring, selector: Selector) -> None:
        self.cache, self.loop, self.ring, self.selector = cache, cache.loop, ring, selector
        self.cursor = ring.end
        self.backlog: deque[tuple[int, WatchEvent]] = deque()
        self.seen = ring.since
        """The last revision told."""
        self.stopped = self.last = False
        self.shown: Callable[[Object], Object] | None = None
        """How the watcher sees objects, if not as they are stored."""
        self._sleeper: Future[None] | None = None

    async def next(self) -> WatchEvent | None:
        """The next event, or None once stopped; ``Gone`` for whoever fell off the ring."""
        while not self.stopped:
            if (event := self.take()) is not None:
                return event
            if self.last:
                return None
            self._sleeper = Future(self.loop)
            self.ring.sleepers.append(self._sleeper)
            await self._sleeper
        return None

    def take(self) -> WatchEvent | None:
        """The next event if it is there already."""
        if self.stopped:
            return None
        if self.backlog:
            return self._caused(*self.backlog.popleft())
        if self.cursor < self.ring.first:
            raise too_old(self.seen, self.ring.since)
        while self.cursor < self.ring.end:
            change = self.ring.events[self.cursor - self.ring.first]
            self.cursor += 1
            if (event := change.seen_by(self.selector)) is not None:
                return self._caused(change.revision, event)
        return None

    def bookmark(self, kind: Kind, revision: int, initial: bool = False) -> None:
        """After what there is, tell that this was all of it, as of a revision."""
        metadata: Object = {"resourceVersion": str(revision)}
        if initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        mark = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        self.backlog.append((0, WatchEvent("BOOKMARK", mark)))
        if self._sleeper is not None:
            self._sleeper.resolve(None)

    def finish(self) -> None:
        """Nothing more will come: what has happened is still told, and then the stream ends."""
        self.last = True
        if self._sleeper is not None:
            self._sleeper.resolve(None)

    def stop(self) -> None:
        """No more events; whoever waits in :meth:`next` is given None."""
        self.stopped = True
        self.cache.watches.pop(self, None)
        if self._sleeper is not None:
            self._sleeper.resolve(None)

    def _caused(self, revision: int, event: WatchEvent) -> WatchEvent:
        """What the watcher does next is caused by whoever wrote this revision."""
        self.loop.cause = self.loop.trace.number_of(revision)
        self.seen = max(self.seen, revision)
        if self.shown is not None and event.type != "BOOKMARK":
            return event._replace(object=self.shown(event.object))
        return event


class WatchCache:
    """The current objects of one resource, and the rings of those who watch it."""

    def __init__(
        self,
        loop: Loop,
        since: int,
        trigger: Callable[[Object], str] | None,
        capacity: int = 0,
    ) -> None:
        self.loop, self.trigger, self.capacity = loop, trigger, capacity
        self.objects: dict[str, Object] = {}
        self.watches: dict[Watch, None] = {}
        """Those who watch at present."""
        self.listeners: list[Callable[[], None]] = []
        """Told that something changed, but not what."""
        self._ring = Ring(since, capacity)
        self._triggered: dict[str, Ring] = {}

    def begin(self, revision: int) -> None:
        """What came before this revision was read from the store, not watched: nobody can ask."""
        self._ring = Ring(revision, self.capacity)

    def tell(self, key: str, event: mvcc.Event) -> None:
        """Take one event of the store: decode it once, for everybody."""
        old = self.objects.get(key)
        revision = event.kv.mod_revision
        new = None
        if event.deleted:
            self.objects.pop(key, None)
        else:
            new = self.objects[key] = decode(event.kv)
        change = Change.of(revision, old, new)
        self._ring.append(change)
        if self.trigger is not None and self._triggered:
            values = {self.trigger(obj): None for obj in (old, new) if obj is not None}
            for value in values:
                if value in self._triggered:
                    self._triggered[value].append(change)
        for listener in self.listeners:
            listener()

    def watch(self, since: int | None, selector: Selector, value: str | None) -> Watch:
        """Events after revision ``since`` (None: begin with ADDED for all there is)."""
        if since is not None and since < self._ring.since:
            raise too_old(since, self._ring.since)
        ring = self._ring if value is None or self.trigger is None else self._ring_of(value)
        watch = Watch(self, ring, selector)
        self.watches[watch] = None
        if since is None:
            watch.backlog.extend(
                (0, WatchEvent("ADDED", obj)) for obj in self.sorted() if selector(obj)
            )
        else:
            watch.seen = since
            missed = bisect_right(self._ring.events, since, key=lambda change: change.revision)
            watch.backlog.extend(
                (change.revision, event)
                for change in self._ring.events[missed:]
                if (event := change.seen_by(selector)) is not None
            )
        return watch

    def sorted(self, prefix: str = "") -> list[Object]:
        """All objects whose key starts with ``prefix``, in the order of their keys."""
        return [self.objects[key] for key in sorted(self.objects) if key.startswith(prefix)]

    def _ring_of(self, value: str) -> Ring:
        if value not in self._triggered:
            self._triggered[value] = Ring(self._ring.since, self.capacity)
        return self._triggered[value]


def too_old(asked: int, oldest: int) -> Expired:
    """The error of whoever asks for events that are no longer kept: list again."""
    return Expired(f"too old resource version: {asked} ({oldest})")


def decode(kv: mvcc.KeyValue) -> Object:
    """The object a version of a key holds, with the revision that wrote it."""
    metadata = {**kv.value["metadata"], "resourceVersion": str(kv.mod_revision)}
    return {**kv.value, "metadata": metadata}


def everything(_: Any) -> bool:
    """The selector that lets every object pass."""
    return True
