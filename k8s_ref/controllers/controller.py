"""Controller · 控制器

What all controllers share: watch some kinds, turn every change into the key of the object to
look at, and reconcile keys.  The one idea: level, not edge; ``reconcile`` is told which object
to look at, never what happened, so a lost or repeated event does no harm.

Upstream: pkg/controller/controller_utils.go; sigs.k8s.io/controller-runtime reconcile.Reconciler
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.client.informer import Informer, InformerFactory
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import Object, controller_of, key_of, namespace_of
from k8s_ref.sim.loop import Loop

WORKERS = 5
"""Keys reconciled at the same time; upstream's default for most controllers."""


class Controller:
    """Subclasses say ``name``, ``resource``, ``kind``, ``owns`` and write :meth:`reconcile`."""

    name: str
    resource: str
    """Plural of what it reconciles."""
    kind: str
    """The kind of that, as owner references name it."""
    owns: tuple[str, ...] = ()
    """Plurals of the children whose changes are changes of their owner."""

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        self.api, self.informers, self.loop = api.named(self.name), informers, loop
        self.queue = WorkQueue(loop)
        informers[self.resource].on_change(lambda _, obj, __: self.queue.add(key_of(obj)))
        for owned in self.owns:
            informers[owned].on_change(self._child_changed)
            index_by_owner(informers[owned])

    async def reconcile(self, key: str) -> float | None:
        """Bring one object's world closer to its spec; seconds until the next look, or None."""
        raise NotImplementedError(f"{type(self).__name__} must say how to reconcile")

    def start(self) -> None:
        """Let the workers loose on the queue."""
        for number in range(WORKERS):
            self.loop.spawn(self._work, name=f"{self.name}/{number}")

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                again = await self.reconcile(key)
            except (ApiError, TimeoutError) as error:
                delay = self.queue.add_rate_limited(key)
                note = f"in {delay * 1000:g} ms: {error}"
                self.loop.record(self.name, "retry", f"{self.resource}/{key}", note)
            else:
                self.queue.forget(key)
                if again is not None:
                    self.queue.add_after(key, again)
            finally:
                self.queue.done(key)

    def _child_changed(self, _: str, obj: Object, old: Object | None) -> None:
        for child in (old, obj):
            owner = controller_of(child) if child is not None else None
            if owner and owner["kind"] == self.kind:
                self.queue.add(f"{obj['metadata']['namespace']}/{owner['name']}")


def index_by_owner(informer: Informer) -> None:
    """Let children be looked up by the uid of their controller, and orphans by their namespace."""

    def owner(obj: Object) -> str:
        controller = controller_of(obj)
        uid: str = controller["uid"] if controller else orphans_of(namespace_of(obj))
        return uid

    informer.add_index("owner", owner)


def orphans_of(namespace: str) -> str:
    """Under what the index keeps the objects of a namespace that nobody controls."""
    return f"{namespace}/"
