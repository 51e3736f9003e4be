"""Event recorders · 事件记录器

What a component wants a person to know: ``kubectl describe`` and ``kubectl events`` print it.
The one idea: telling must never hold up doing, so events are sent on the side, in order; what
the API server refuses is dropped, and only a lost connection is tried again.

Upstream: staging/src/k8s.io/client-go/tools/record/event.go, tools/events/event_broadcaster.go
"""

from __future__ import annotations

from collections import deque
from functools import partial

from k8s_ref.client.client import Client
from k8s_ref.client.correlator import Correlator, Recent
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import micro_time, timestamp
from k8s_ref.sim.loop import SECOND, Loop

QUEUE = 1000
"""So many events wait to be sent; what is said beyond that is lost."""

TRIES = 12
RETRY_SECONDS = 10.0

SERIES_SECONDS = 360
"""A series ends when nothing was added to it for so long."""


class Recorder:
    """Sends Events one after the other.  Writes: Event objects."""

    def __init__(self, api: Client, loop: Loop, component: str, host: str = "") -> None:
        self.api, self.loop, self.component, self.host = api, loop, component, host
        self._waiting: deque[tuple[Object, int]] = deque()
        self._sending = False
        self._told = 0

    def now(self) -> str:
        """The present time as objects write it."""
        return timestamp(self.loop.now, self.loop.epoch)

    def send(self, event: Object) -> None:
        """Send it, after those said before."""
        if len(self._waiting) < QUEUE:
            self._waiting.append((event, self.loop.cause))
        if not self._sending:
            self._sending = True
            self.loop.spawn(self._drain, name="event")

    async def _drain(self) -> None:
        while self._waiting:
            event, self.loop.cause = self._waiting.popleft()
            await self._deliver(event)
        self._sending = False

    async def _deliver(self, event: Object) -> None:
        why = ""
        for attempt in range(TRIES):
            try:
                await self._write(event)
                return
            except ApiError as refused:
                why = str(refused)
                break
            except TimeoutError as lost:
                why = str(lost)
                # Not everybody who was cut off comes back in the same instant.
                chance = self.loop.stream("events").random() if attempt == 0 else 1
                await self.loop.sleep(RETRY_SECONDS * chance)
        self.loop.record(self.component, "lose", f"events/{event['metadata']['name']}", why)

    async def _write(self, event: Object) -> None:
        raise NotImplementedError

    def _new(self, obj: Object, kind: str, reason: str, message: str) -> Object:
        """What both styles of Event have in common."""
        meta = obj["metadata"]
        self._told += 1
        stamp = self.loop.epoch * SECOND + self.loop.now + self._told
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{stamp:x}",
                "namespace": meta.get("namespace") or "default",
            },
            "involvedObject": reference(obj),
            "type": kind,
            "reason": reason,
            "message": message,
            "reportingComponent": self.component,
        }


class EventRecorder(Recorder):
    """Records Events of one component, on one host if it has one: equal ones are counted."""

    def __init__(self, api: Client, loop: Loop, component: str, host: str = "") -> None:
        super().__init__(api, loop, component, host)
        self._correlator = Correlator(loop)
        self._source = {"component": component, **({"host": host} if host else {})}

    def event(self, obj: Object, kind: str, reason: str, message: str, path: str = "") -> None:
        """Say something about an object: ``Normal`` or ``Warning``, a reason, a sentence."""
        now = self.now()
        event = {
            **self._new(obj, kind, reason, message),
            "source": self._source,
            "reportingInstance": self.host,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        if path:
            event["involvedObject"]["fieldPath"] = path
        correlated = self._correlator.correlate(event)
        if correlated:
            self.send(correlated)

    async def _write(self, event: Object) -> None:
        """Count up the one there is, or make a new one."""
        if event["count"] > 1:
            change = {name: event[name] for name in ("count", "lastTimestamp", "message")}
            try:
                await self.api.patch("events", key_of(event), change)
                return
            except NotFound:
                # It has expired meanwhile.
                pass
        await self.api.create("events", event)


class SeriesRecorder(Recorder):
    """Records Events in the new style: with an action, and a series for what goes on and on."""

    def __init__(self, api: Client, loop: Loop, component: str, host: str) -> None:
        super().__init__(api, loop, component, f"{component}-{host}")
        self._series: Recent[tuple[str, ...], tuple[Object, int]] = Recent()
        """The Event of everything said of late, and when it was last said."""

    def event(
        self,
        obj: Object,
        kind: str,
        reason: str,
        action: str,
        message: str,
        related: Object | None = None,
    ) -> None:
        """Say what was done or tried, to which object, and because of which other one."""
        uids = [one["metadata"].get("uid", "") for one in (obj, related) if one]
        key, now = (*uids, kind, action, reason), self.loop.now
        moment = micro_time(now, self.loop.epoch)
        event, last = self._series.get(key, (None, 0))
        if event is None or now - last > SERIES_SECONDS * SECOND:
            self._finish(key)
            event = {
                **self._new(obj, kind, reason, message),
                **({"related": reference(related)} if related else {}),
                "action": action,
                "reportingInstance": self.host,
                "eventTime": moment,
                "firstTimestamp": None,
                "lastTimestamp": None,
                "source": {},
            }
            self.send(event)
        else:
            first = "series" not in event
            count = 2 if first else event["series"]["count"] + 1
            event = {**event, "series": {"count": count, "lastObservedTime": moment}}
            # Later ones are only counted here, and told when the series has ended.
            if first:
                self.send(event)
                self.loop.spawn(partial(self._follow, key), name="event-series")
        self._series.remember(key, (event, now))

    async def _follow(self, key: tuple[str, ...]) -> None:
        """Tell how often it happened, once it seems to be over."""
        while key in self._series:
            silence = self.loop.now - self._series[key][1]
            if silence >= SERIES_SECONDS * SECOND:
                self._finish(key)
            else:
                await self.loop.sleep(SERIES_SECONDS - silence / SECOND)

    def _finish(self, key: tuple[str, ...]) -> None:
        event, _ = self._series.pop(key, (None, 0))
        if event is not None and event.get("series", {}).get("count", 0) > 2:
            self.send(event)

    async def _write(self, event: Object) -> None:
        if "series" in event:
            try:
                await self.api.patch("events", key_of(event), {"series": event["series"]})
                return
            except NotFound:
                # It has expired meanwhile.
                pass
        await self.api.create("events", event)


def reference(obj: Object) -> Object:
    """Which object an Event is about, as it was then."""
    meta = obj["metadata"]
    found = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"]}
    for name in ("namespace", "uid", "resourceVersion"):
        if value := meta.get(name):
            found[name] = value
    return found
