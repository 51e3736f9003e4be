"""Garbage collector · 垃圾收集器

Deletes what nobody owns any more.  Every object may name its owners by uid; when the last of them
is gone the object follows, and then whatever it owned.  The one idea: an owner reference is the
only link, so one loop cleans up after every kind, and the API server deletes nothing by itself.

Upstream: pkg/controller/garbagecollector/garbagecollector.go, graph_builder.go
"""

from __future__ import annotations

from functools import partial

from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.sim.loop import Loop

MONITORED = ("replicasets", "pods")
"""Resources whose objects own others or are owned."""


class GarbageCollector:
    """Writes: deletions of objects all of whose owners are gone."""

    name = "garbage-collector-controller"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        self.api, self.loop = api.named(self.name), loop
        self.queue = WorkQueue(loop)
        self._present: set[str] = set()
        """Uids of everything that exists, as far as the caches know."""
        self._dependents: dict[str, dict[str, None]] = {}
        """For the uid of an owner: who names it, as ``resource/namespace/name``."""
        for resource in MONITORED:
            informers[resource].on_change(partial(self._changed, resource))

    def start(self) -> None:
        """Look at one candidate after the other, for ever."""
        self.loop.spawn(self._work, name=self.name)

    def _changed(self, resource: str, kind: str, obj: Object, old: Object | None) -> None:
        """Keep the graph, and look again at whoever may have lost an owner."""
        item, uid = f"{resource}/{key_of(obj)}", obj["metadata"]["uid"]
        for reference in (old or {}).get("metadata", {}).get("ownerReferences") or ():
            self._dependents.get(reference["uid"], {}).pop(item, None)
        if kind == "DELETED":
            self._present.discard(uid)
            for dependent in self._dependents.pop(uid, {}):
                self.queue.add(dependent)
            return
        self._present.add(uid)
        for reference in obj["metadata"].get("ownerReferences") or ():
            self._dependents.setdefault(reference["uid"], {})[item] = None
            if reference["uid"] not in self._present:
                self.queue.add(item)

    async def _work(self) -> None:
        while True:
            item = await self.queue.get()
            try:
                await self.attempt_to_delete(item)
            except (ApiError, TimeoutError) as error:
                delay = self.queue.add_rate_limited(item)
                self.loop.record(self.name, "retry", item, f"in {delay * 1000:g} ms: {error}")
            else:
                self.queue.forget(item)
            finally:
                self.queue.done(item)

    async def attempt_to_delete(self, item: str) -> None:
        """Ask the server, not the cache: an owner not seen yet must not cost a life."""
        resource, _, key = item.partition("/")
        obj = await self._live(resource, key)
        if obj is None or "deletionTimestamp" in obj["metadata"]:
            return
        references = obj["metadata"].get("ownerReferences") or []
        solid = [ref for ref in references if await self._exists(ref, obj)]
        if references and not solid:
            uid = obj["metadata"]["uid"]
            await self.api.delete(resource, key, uid=uid, propagationPolicy="Background")
        elif len(solid) < len(references):
            change = {"metadata": {"uid": obj["metadata"]["uid"], "ownerReferences": solid}}
            await self.api.patch(resource, key, change)

    async def _exists(self, reference: Object, dependent: Object) -> bool:
        """Whether the owner is there, and is not a namesake that came after it."""
        kind = self.api.kinds.of(reference["apiVersion"], reference["kind"])
        if kind is None:
            # A kind nobody serves at present may come back: better keep than lose.
            return True
        namespace = dependent["metadata"].get("namespace", "") if kind.namespaced else ""
        key = f"{namespace}/{reference['name']}" if namespace else reference["name"]
        owner = await self._live(kind.resource, key)
        return owner is not None and owner["metadata"]["uid"] == reference["uid"]

    async def _live(self, resource: str, key: str) -> Object | None:
        try:
            return await self.api.get(resource, key)
        except NotFound:
            return None
