"""Informer · 通知器

List once, watch for ever, keep a local copy, and tell handlers what changed.  The one idea:
components read this copy and never ask the server, so a thousand of them cost it one stream
each.  The copy may be late, never wrong in order; after a lost stream it is caught up.

Upstream: staging/src/k8s.io/client-go/tools/cache/reflector.go, shared_informer.go,
thread_safe_store.go
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, Gone
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.sim.loop import Loop, Task

Handler = Callable[[str, Object, Object | None], None]
IndexFunction = Callable[[Object], str | None]

BACKOFF_SECONDS = 0.8
"""Pause before the server is asked again after an error; doubles up to thirty seconds."""


class Informer:
    """A read-only cache of one resource.  Writes: its own copy, from the stream only."""

    def __init__(
        self,
        api: Client,
        loop: Loop,
        resource: str,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> None:
        self.api, self.loop, self.resource = api, loop, resource
        self._where = {"namespace": namespace, "labels": labels, "fields": fields}
        self.objects: dict[str, Object] = {}
        self.synced = loop.future()
        """Resolved when the first list is in the cache."""
        self._version = ""
        self._handlers: list[Handler] = []
        self._indexes: dict[str, tuple[IndexFunction, defaultdict[str, dict[str, Object]]]] = {}

    # -- reading

    def get(self, key: str) -> Object | None:
        """The object as last heard of, or None."""
        return self.objects.get(key)

    def list(self) -> list[Object]:
        """All objects, in the order of their keys."""
        return [self.objects[key] for key in sorted(self.objects)]

    def by(self, index: str, value: str) -> Iterable[Object]:
        """The objects whose index function gives this value."""
        table = self._indexes[index][1]
        return list(table[value].values()) if value in table else []

    @property
    def revision(self) -> int:
        """How far it has followed the store; 0 while it lists anew."""
        return int(self._version or 0)

    # -- subscribing

    def add_index(self, name: str, by: IndexFunction) -> None:
        """From now on objects can be looked up by what ``by`` says of them."""
        if name not in self._indexes:
            self._indexes[name] = (by, defaultdict(dict))
            for key, obj in self.objects.items():
                self._reindex(key, None, obj)

    def on_change(self, handler: Handler) -> None:
        """Call ``handler(type, object, old)`` after every change, and once for what is there."""
        self._handlers.append(handler)
        for key in sorted(self.objects):
            handler("ADDED", self.objects[key], None)

    # -- following the server

    async def run(self) -> None:
        """List, watch, and begin again whenever the stream breaks; never returns."""
        pause = BACKOFF_SECONDS
        while True:
            try:
                if not self._version:
                    await self._relist()
                pause = BACKOFF_SECONDS
                await self._follow()
            except Gone as error:
                self.loop.record(self.api.agent, "relist", self.resource, str(error))
                self._version = ""
            except (ApiError, TimeoutError) as error:
                self.loop.record(self.api.agent, "retry", self.resource, str(error))
                await self.loop.sleep(pause)
                pause = min(pause * 2, 30)
            else:
                await self.loop.sleep(pause)

    async def _relist(self) -> None:
        found = await self.api.list(self.resource, **self._where)
        items = {key_of(obj): obj for obj in found["items"]}
        # Whatever vanished while nobody watched is deleted with the last state we knew.
        for key in sorted(self.objects.keys() - items.keys()):
            self._apply("DELETED", self.objects[key])
        for key, obj in items.items():
            old = self.objects.get(key)
            if old is None or old["metadata"] != obj["metadata"]:
                self._apply("MODIFIED" if old else "ADDED", obj)
        self._version = found["metadata"]["resourceVersion"]
        self.synced.resolve(None)

    async def _follow(self) -> None:
        """Take events until the stream is cut."""
        watch = await self.api.watch(self.resource, self._version, **self._where)
        try:
            while (event := await watch.next()) is not None:
                version = event.object["metadata"]["resourceVersion"]
                # A stream repeats what it is not sure was received; what is known is skipped.
                if int(version) > int(self._version):
                    self._version = version
                    self._apply(event.type, event.object)
        finally:
            watch.stop()

    def _apply(self, kind: str, obj: Object) -> None:
        key = key_of(obj)
        old = self.objects.pop(key, None)
        if kind != "DELETED":
            self.objects[key] = obj
        self._reindex(key, old, None if kind == "DELETED" else obj)
        cause = self.loop.cause
        for handler in self._handlers:
            self.loop.cause = cause
            handler(kind, obj, old)

    def _reindex(self, key: str, old: Object | None, new: Object | None) -> None:
        for by, table in self._indexes.values():
            if old is not None and (value := by(old)) is not None:
                table[value].pop(key, None)
                if not table[value]:
                    del table[value]
            if new is not None and (value := by(new)) is not None:
                table[value][key] = new


class InformerFactory:
    """The informers of one process: each resource is watched once, whoever asks for it."""

    def __init__(self, api: Client, loop: Loop) -> None:
        self.api, self.loop = api, loop
        self._informers: dict[tuple[str, str, str, str], Informer] = {}
        self._running: dict[tuple[str, str, str, str], Task[None]] = {}

    def informer(
        self, resource: str, namespace: str = "", labels: str = "", fields: str = ""
    ) -> Informer:
        """The informer of a resource (narrowed by selectors), made on first use."""
        what = (resource, namespace, labels, fields)
        if what not in self._informers:
            self._informers[what] = Informer(self.api, self.loop, *what)
        return self._informers[what]

    def __getitem__(self, resource: str) -> Informer:
        return self.informer(resource)

    def stop(self, resource: str) -> None:
        """Let go of a resource that is no longer served."""
        what = (resource, "", "", "")
        self._informers.pop(what, None)
        if what in self._running:
            self._running.pop(what).cancel()

    async def start(self) -> None:
        """Run those not running yet and wait until every cache holds its first list."""
        for what, informer in self._informers.items():
            if what not in self._running:
                self._running[what] = self.loop.spawn(informer.run, name=f"informer/{what[0]}")
        # While this waits for one, others may come and go.
        for informer in [*self._informers.values()]:
            await informer.synced
