"""Garbage collector · 垃圾收集器

Deletes what nobody owns any more.  Every object may name its owners by uid; when the last of them
is gone the object follows, and then whatever it owned.  The one idea: an owner reference is the
only link, so one loop cleans up after every kind, and the API server deletes nothing by itself.

What is to become of dependents is said by the DELETE and stands in a finalizer of the owner:
``foregroundDeletion``, they go first; ``orphan``, they stay; none, they follow in the background.

Upstream: pkg/controller/garbagecollector/garbagecollector.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from k8s_ref.client.client import STRATEGIC, Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.controllers.garbagecollector_graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    Identity,
    Node,
    collected,
)
from k8s_ref.machinery.errors import ApiError, NotFound, UnsupportedMediaType
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop

WORKERS = 5
"""Nodes looked at at the same time, by each of the two queues."""

DEFINITIONS = "customresourcedefinitions"
LAG_SECONDS = 1.0
"""Pause between a change of a definition and a look at what is served now."""

UNSEEN_SECONDS = 1.0
"""Pause before an owner that exists but that no informer has shown is asked for again."""


Each: TypeAlias = Callable[[Object], Iterable[Object]]


@dataclass(slots=True)
class Owners:
    """The owner references of one object, sorted by how things stand with each owner."""

    solid: list[Object] = field(default_factory=list)
    """It is there, and stays."""
    dangling: list[Object] = field(default_factory=list)
    """It is gone."""
    waiting: list[Object] = field(default_factory=list)
    """It goes in the foreground, and waits for its dependents."""


class GarbageCollector:
    """Writes: deletions of objects all of whose owners are gone, owner references to owners that
    are gone, and the two finalizers that speak to it."""

    name = "garbage-collector-controller"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        self.api, self.informers, self.loop = api.named(self.name), informers, loop
        self.recorder = EventRecorder(self.api, loop, self.name)
        self.to_delete, self.to_orphan = WorkQueue(loop), WorkQueue(loop)
        self._followed: list[str] = []
        self.graph = Graph(self.to_delete.add, self.to_orphan.add, self._complain)

    def start(self) -> None:
        """Learn of every object there is, then look at one candidate after the other, for ever."""
        self.loop.spawn(self._run, name=self.name)

    async def _run(self) -> None:
        await self._follow()
        # A definition tells of every change of itself; what it means is read off the table.
        self.informers[DEFINITIONS].on_change(self._definitions_changed)
        for _ in range(WORKERS):
            for queue, attempt in (
                (self.to_delete, self.attempt_to_delete),
                (self.to_orphan, self.attempt_to_orphan),
            ):
                self.loop.spawn(partial(self._work, queue, attempt), name=self.name)

    def _definitions_changed(self, *_: object) -> None:
        self.loop.spawn(self._follow_later, name=self.name)

    async def _follow_later(self) -> None:
        await self.loop.sleep(LAG_SECONDS)
        await self._follow()

    async def _follow(self) -> None:
        """Learn of the objects of every kind there is at present, and of no others."""
        present = {self._resource(kind): None for kind in collected(self.api.kinds)}
        for resource in [name for name in self._followed if name not in present]:
            self._followed.remove(resource)
            for obj in self.informers[resource].list():
                self.graph.changed("DELETED", obj, None)
            self.informers.stop(resource)
        for resource in [name for name in present if name not in self._followed]:
            self._followed.append(resource)
            self.informers[resource].on_change(self.graph.changed)
        await self.informers.start()

    async def _work(self, queue: WorkQueue, attempt: Callable[[Node], Awaitable[None]]) -> None:
        while True:
            uid = await queue.get()
            node = self.graph.nodes.get(uid)
            try:
                if node is not None:
                    await attempt(node)
            except (ApiError, TimeoutError) as error:
                delay = queue.add_rate_limited(uid)
                subject = self._subject(node.identity) if node else uid
                self.loop.record(self.name, "retry", subject, f"in {delay * 1000:g} ms: {error}")
            else:
                queue.forget(uid)
            finally:
                queue.done(uid)

    # -- may it live

    async def attempt_to_delete(self, node: Node) -> None:
        """Delete the object if it has lost all owners.  Asks the server, not the cache: an owner
        not seen yet must not cost a life."""
        if node.deleting and not node.deletes_dependents:
            return
        live = await self._live(node.identity)
        if live is None:
            self._is_gone(node)
        elif node.virtual:
            # It exists, so its informer will say so; unless it was seen coming and going in one.
            self.to_delete.add_after(node.identity.uid, UNSEEN_SECONDS)
        elif node.deletes_dependents:
            await self._wait_for_dependents(node)
        elif references := live["metadata"].get("ownerReferences"):
            await self._judge(node, live, await self._sort(node, references))

    def _is_gone(self, node: Node) -> None:
        """What no informer ever showed is taken out here; of the rest its informer will tell."""
        if node.virtual:
            self.graph.remove(node.identity.uid)

    async def _judge(self, node: Node, live: Object, owners: Owners) -> None:
        gone = owners.dangling + owners.waiting
        if owners.solid:
            if gone:
                await self._strike_off(node, [ref["uid"] for ref in gone])
        elif owners.waiting and node.dependents:
            if any(dependent.deletes_dependents for dependent in node.dependents.values()):
                # They may wait for each other in a circle: this one no longer holds its owner up.
                await self._unblock(node, live)
            await self._delete(node, live, "Foreground")
        else:
            finalizers = live["metadata"].get("finalizers") or ()
            policy = {ORPHAN: "Orphan", FOREGROUND: "Foreground"}
            asked = (policy[name] for name in (ORPHAN, FOREGROUND) if name in finalizers)
            await self._delete(node, live, next(asked, "Background"))

    async def _sort(self, node: Node, references: list[Object]) -> Owners:
        owners = Owners()
        for reference in references:
            owner = await self._owner(node, reference)
            if owner is None:
                owners.dangling.append(reference)
            elif _in_foreground(owner):
                owners.waiting.append(reference)
            else:
                owners.solid.append(reference)
        return owners

    async def _owner(self, node: Node, reference: Object) -> Object | None:
        """The owner a reference names, if it is there and no namesake that came after it."""
        home = node.identity.namespace
        if self.graph.is_absent(Identity.of_owner(reference, home)):
            return None
        kind = self.api.kinds.of(reference["apiVersion"], reference["kind"])
        if kind is None or (kind.namespaced and not home):
            # A kind nobody serves at present may come back, and what has no namespace cannot be
            # owned from inside one: better keep than lose.
            return reference
        owner = Identity.of_owner(reference, home if kind.namespaced else "")
        found = await self._live(owner)
        if found is None:
            self.graph.remember_absent(owner)
        return found

    async def _wait_for_dependents(self, node: Node) -> None:
        """Let it go once nothing blocks it; until then see to what does."""
        blocking = node.blocking()
        if not blocking:
            await self._take_finalizer(node.identity, FOREGROUND)
        for dependent in blocking:
            if not dependent.deletes_dependents:
                self.to_delete.add(dependent.identity.uid)

    # -- let its dependents live

    async def attempt_to_orphan(self, owner: Node) -> None:
        """Strike an owner off all its dependents, then let it go."""
        for dependent in list(owner.dependents.values()):
            await self._strike_off(dependent, [owner.identity.uid])
        await self._take_finalizer(owner.identity, ORPHAN)

    # -- writing

    async def _delete(self, node: Node, live: Object, policy: str) -> None:
        meta = live["metadata"]
        # Whoever was given another owner a moment ago has another version by now, and is spared.
        known = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        resource, key = self._resource_of(node.identity), node.identity.key
        try:
            await self.api.delete(resource, key, propagationPolicy=policy, preconditions=known)
        except NotFound:
            return

    async def _strike_off(self, node: Node, owners: list[str]) -> None:
        """Remove owner references by the owners' uids."""
        struck = [{"$patch": "delete", "uid": uid} for uid in owners]
        await self._patch(node, struck, lambda ref: () if ref["uid"] in owners else (ref,))

    async def _unblock(self, node: Node, live: Object) -> None:
        references = live["metadata"]["ownerReferences"]
        freed = [{**ref, "blockOwnerDeletion": False} for ref in references]
        await self._patch(node, freed, lambda ref: ({**ref, "blockOwnerDeletion": False},))

    async def _patch(self, node: Node, change: list[Object], each: Each) -> None:
        """Change owner references, said as changes and as what becomes of each one."""
        identity = node.identity
        resource, key = self._resource_of(identity), identity.key
        patch: Object = {"uid": identity.uid, "ownerReferences": change}
        try:
            await self.api.patch(resource, key, {"metadata": patch}, content_type=STRATEGIC)
        except UnsupportedMediaType:
            # Nobody knows how lists of a custom resource merge: send the whole list.
            if (live := await self._live(identity)) is None:
                return
            patch["resourceVersion"] = live["metadata"]["resourceVersion"]
            present = live["metadata"].get("ownerReferences") or ()
            patch["ownerReferences"] = [made for ref in present for made in each(ref)]
            await self.api.patch(resource, key, {"metadata": patch})
        except NotFound:
            return

    async def _take_finalizer(self, identity: Identity, finalizer: str) -> None:
        live = await self._live(identity)
        if live is None:
            return
        meta = live["metadata"]
        rest = [name for name in meta.get("finalizers") or () if name != finalizer]
        change = {"resourceVersion": meta["resourceVersion"], "finalizers": rest or None}
        await self.api.patch(self._resource_of(identity), identity.key, {"metadata": change})

    async def _live(self, identity: Identity) -> Object | None:
        """The object as the server has it now, if it is the one that is meant."""
        kind = self.api.kinds.of(identity.api_version, identity.kind)
        if kind is None:
            return None
        key = identity.key if kind.namespaced else identity.name
        try:
            live = await self.api.get(self._resource(kind), key)
        except NotFound:
            return None
        return live if live["metadata"]["uid"] == identity.uid else None

    def _resource_of(self, identity: Identity) -> str:
        kind = self.api.kinds.of(identity.api_version, identity.kind)
        assert kind is not None, f"a node of the graph has a kind that nobody serves: {identity}"
        return self._resource(kind)

    def _resource(self, kind: Kind) -> str:
        """The name under which all components share one informer."""
        return kind.plural if self.api.kinds[kind.plural] is kind else kind.resource

    # -- saying

    def _subject(self, identity: Identity) -> str:
        kind = self.api.kinds.of(identity.api_version, identity.kind)
        return f"{kind.plural if kind else identity.kind}/{identity.key}"

    def _complain(self, dependent: Identity, owner: Identity) -> None:
        """Tell of a reference to an object that is not where it would have to be."""
        meta = {"name": dependent.name, "uid": dependent.uid, "namespace": dependent.namespace}
        obj = {"apiVersion": dependent.api_version, "kind": dependent.kind, "metadata": meta}
        text = f'ownerRef {owner} does not exist in namespace "{dependent.namespace}"'
        self.recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", text)


def _in_foreground(owner: Object) -> bool:
    meta = owner.get("metadata") or {}
    return "deletionTimestamp" in meta and FOREGROUND in (meta.get("finalizers") or ())
