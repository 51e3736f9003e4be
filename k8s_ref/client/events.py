"""Event recorder · 事件记录器

What a component wants a person to know: ``kubectl describe`` and ``kubectl events`` print it.
The one idea: telling must never hold up doing, so an event is sent on the side, a repeated one
only counts up, and one that cannot be sent is dropped.

Upstream: staging/src/k8s.io/client-go/tools/record/event.go, events_cache.go
"""

from __future__ import annotations

from functools import partial

from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import SECOND, Loop


class EventRecorder:
    """Records events of one component (``source.component``), on one host if it has one."""

    def __init__(self, api: Client, loop: Loop, component: str, host: str = "") -> None:
        self.api, self.loop, self.component, self.host = api, loop, component, host
        self._sent: dict[tuple[str, ...], str] = {}
        """Key of the Event object of everything already said, to count it up."""

    def event(self, obj: Object, kind: str, reason: str, message: str, path: str = "") -> None:
        """Say something about an object: ``Normal`` or ``Warning``, a reason, a sentence."""
        send = partial(self._send, obj, kind, reason, message, path)
        self.loop.spawn(send, name="event")

    async def _send(self, obj: Object, kind: str, reason: str, message: str, path: str) -> None:
        said = (obj["metadata"].get("uid", ""), path, kind, reason, message)
        try:
            if said not in self._sent or not await self._count(self._sent[said]):
                event = self._new(obj, kind, reason, message, path)
                self._sent[said] = key_of(event)
                await self.api.create("events", event)
        except (ApiError, TimeoutError) as error:
            subject = f"events/{obj['metadata']['name']}"
            self.loop.record(self.component, "lose", subject, str(error))

    async def _count(self, key: str) -> bool:
        """Say that it happened again; False if the event has expired meanwhile."""
        try:
            event = await self.api.get("events", key)
            change = {"count": event.get("count", 1) + 1, "lastTimestamp": self.now()}
            await self.api.patch("events", key, change)
        except NotFound:
            return False
        return True

    def _new(self, obj: Object, kind: str, reason: str, message: str, path: str) -> Object:
        meta, now = obj["metadata"], self.now()
        stamp = self.loop.epoch * SECOND + self.loop.now + len(self._sent)
        involved = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace"),
            "uid": meta.get("uid"),
            "resourceVersion": meta.get("resourceVersion"),
            "fieldPath": path,
        }
        source = {"component": self.component, "host": self.host}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{stamp:x}",
                "namespace": meta.get("namespace") or "default",
            },
            "involvedObject": {name: value for name, value in involved.items() if value},
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {name: value for name, value in source.items() if value},
            "reportingComponent": self.component,
            "reportingInstance": self.host,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def now(self) -> str:
        """The present time as objects write it."""
        return timestamp(self.loop.now, self.loop.epoch)
