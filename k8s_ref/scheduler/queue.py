"""Scheduling queue · 调度队列

Pods without a node, in three places: *active* (next by priority), *back-off* (failed, to be tried
again soon) and *unschedulable* (rejected, waiting for an event that could change the verdict).
The one idea: nobody polls; a Pod moves because something happened that its rejectors said may
help, or because its time is up, and while nothing waits for a time there is no timer.

The back-off is 1, 2, 4, 8, then 10 s.  As upstream does since 1.33, an idle scheduler takes Pods
out of the back-off early, unless an error put them there.

Upstream: pkg/scheduler/backend/queue/scheduling_queue.go, active_queue.go, backoff_queue.go
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.cluster_events import ClusterEvent, waiting_pod_changes
from k8s_ref.scheduler.framework import Framework
from k8s_ref.sim.loop import SECOND, Future, Loop

INITIAL_BACKOFF = 1 * SECOND
MAX_BACKOFF = 10 * SECOND
MAX_UNSCHEDULABLE = 300 * SECOND
"""After so long a Pod is tried again even if nothing happened that should help."""

ANYTHING = "*"
"""Rejected by nobody in particular: any event at all may help."""


class Place(Enum):
    """Where in the queue a Pod is."""

    ACTIVE = "active"
    BACKOFF = "backoff"
    ERROR_BACKOFF = "error backoff"
    UNSCHEDULABLE = "unschedulable"
    GATED = "gated"
    IN_FLIGHT = "in flight"


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A Pod that waits, and what happened to it so far."""

    pod: PodInfo
    since: int
    """When it came into the queue, or came back."""
    cause: int
    place: Place = Place.IN_FLIGHT
    rejections: int = 0
    errors: int = 0
    """Errors in a row."""
    rejected_by: frozenset[str] = frozenset()
    ticket: int = 0

    @property
    def ready_at(self) -> int:
        """When the back-off ends."""
        failures = self.errors or self.rejections
        if not failures:
            return self.since
        return self.since + min(INITIAL_BACKOFF << (failures - 1), MAX_BACKOFF)


class SchedulingQueue:
    """The Pods without a node.  Writes: where each of them waits."""

    def __init__(self, loop: Loop, framework: Framework, name: str) -> None:
        self.loop, self.framework, self.name = loop, framework, name
        self._pods: dict[str, QueuedPod] = {}
        self._unschedulable: dict[str, QueuedPod] = {}
        self._active: list[tuple[tuple[int, ...], int, QueuedPod]] = []
        self._backoff: list[tuple[int, int, QueuedPod]] = []
        self._errors: list[tuple[int, int, QueuedPod]] = []
        self._tickets = 0
        self._in_flight: dict[int, int] = {}
        """By their tickets the Pods that were taken out, with the number of events before that."""
        self._events: list[tuple[ClusterEvent, Object | None, Object | None]] = []
        """What happened while Pods were out, which those that come back are asked about."""
        self._timer = 0
        self._getter: Future[None] | None = None

    def __len__(self) -> int:
        return len(self._pods)

    def place_of(self, key: str) -> Place | None:
        """Where the Pod waits; None if it is not in the queue."""
        queued = self._pods.get(key)
        return queued.place if queued else None

    # -- coming in

    def add(self, pod: Object) -> None:
        """A Pod without a node appeared."""
        queued = QueuedPod(PodInfo.of(pod), self.loop.now, self.loop.cause)
        self._pods[queued.pod.key] = queued
        self._activate(queued)

    def update(self, old: Object, new: Object) -> None:
        """A Pod without a node changed; perhaps that is what it was waiting for."""
        queued = self._pods.get(key_of(new))
        if queued is None:
            self.add(new)
            return
        queued.pod = PodInfo.of(new, queued.pod)
        if queued.place is Place.GATED:
            self.release(key_of(new))
        elif queued.place is Place.UNSCHEDULABLE:
            for event in waiting_pod_changes(old, new):
                if queued.place is Place.UNSCHEDULABLE:
                    self._move_if_worth(queued, event, old, new)

    def delete(self, key: str) -> None:
        """The Pod is gone, or has a node."""
        queued = self._pods.pop(key, None)
        if queued is not None:
            self._put(queued, Place.IN_FLIGHT)

    def requeue(self, queued: QueuedPod, pod: Object, rejected_by: frozenset[str]) -> None:
        """It could not be scheduled: rejected by these plugins, or, if there are none, an error."""
        missed = self._events[self._in_flight.get(queued.ticket, 0) :]
        self.done(queued)
        if queued.pod.key in self._pods:
            # It changed while it was being bound and is in the queue again already.
            return
        queued.pod = PodInfo.of(pod, queued.pod)
        queued.since, queued.cause = self.loop.now, self.loop.cause
        queued.rejected_by = rejected_by
        queued.rejections += bool(rejected_by)
        queued.errors = 0 if rejected_by else queued.errors + 1
        self._pods[queued.pod.key] = queued
        if not rejected_by:
            self._back_off(queued)
            return
        self._put(queued, Place.UNSCHEDULABLE)
        self._wake_at(queued.since + MAX_UNSCHEDULABLE)
        for event, old, new in missed:
            if queued.place is Place.UNSCHEDULABLE:
                self._move_if_worth(queued, event, old, new)

    def done(self, queued: QueuedPod) -> None:
        """A Pod that was taken out will not come back; what happened meanwhile is forgotten."""
        self._in_flight.pop(queued.ticket, None)
        if not self._in_flight:
            self._events.clear()

    # -- going out

    async def pop(self) -> QueuedPod:
        """The next Pod to look at; waits until there is one."""
        while (queued := self._first(self._active) or self._first(self._backoff)) is None:
            self._getter = self.loop.future()
            await self._getter
        del self._pods[queued.pod.key]
        self._put(queued, Place.IN_FLIGHT)
        self._in_flight[queued.ticket] = len(self._events)
        self.loop.cause = queued.cause
        return queued

    # -- moving

    def move(self, event: ClusterEvent, old: Object | None, new: Object | None) -> None:
        """Something happened: whoever it may help is tried again."""
        if event not in self.framework.hints:
            return
        if self._in_flight:
            self._events.append((event, old, new))
        for queued in list(self._unschedulable.values()):
            self._move_if_worth(queued, event, old, new)

    def _move_if_worth(
        self, queued: QueuedPod, event: ClusterEvent, old: Object | None, new: Object | None
    ) -> None:
        changed = old or new or {"metadata": {}}
        itself = queued.pod.uid == changed["metadata"].get("uid")
        # That a Pod gave up its own node helps others, not itself.
        if itself and event is ClusterEvent.ASSIGNED_POD_DELETE:
            return
        helped = self._whom_it_helps(queued, event, old, new)
        if helped:
            note = f"{event}: {helped}" if helped != ANYTHING else str(event)
            subject = f"pods/{queued.pod.key}"
            queued.cause = self.loop.record(self.name, "enqueue", subject, note)
            self._try_again(queued)

    def _whom_it_helps(
        self, queued: QueuedPod, event: ClusterEvent, old: Object | None, new: Object | None
    ) -> str:
        """The rejector that may change its mind, empty if none."""
        if event is ClusterEvent.TIMEOUT or ANYTHING in queued.rejected_by:
            return ANYTHING
        for plugin, hint in self.framework.hints.get(event, ()):
            if plugin in queued.rejected_by and hint(queued.pod, old, new):
                return plugin
        return ""

    def _try_again(self, queued: QueuedPod) -> None:
        if queued.ready_at > self.loop.now:
            self._back_off(queued)
        else:
            self._activate(queued)

    def release(self, key: str) -> None:
        """Let a Pod in that nobody keeps out any more."""
        queued = self._pods.get(key)
        if queued and queued.place is Place.GATED and not self.framework.pre_enqueue(queued.pod):
            queued.cause = self.loop.cause
            self._activate(queued)

    def _activate(self, queued: QueuedPod) -> None:
        if self.framework.pre_enqueue(queued.pod) is not None:
            self._put(queued, Place.GATED)
            return
        self._put(queued, Place.ACTIVE)
        rank = self.framework.sort_key(queued.pod, queued.since)
        heapq.heappush(self._active, (rank, queued.ticket, queued))
        self._wake_getter()

    def _back_off(self, queued: QueuedPod) -> None:
        error = not queued.rejected_by
        self._put(queued, Place.ERROR_BACKOFF if error else Place.BACKOFF)
        heap = self._errors if error else self._backoff
        heapq.heappush(heap, (queued.ready_at, queued.ticket, queued))
        self._wake_at(queued.ready_at)
        if error:
            seconds = (queued.ready_at - self.loop.now) / SECOND
            self.loop.record(self.name, "backoff", f"pods/{queued.pod.key}", f"{seconds:g} s")
        else:
            self._wake_getter()

    def _put(self, queued: QueuedPod, place: Place) -> None:
        """Its entries in the heaps so far are void: they carry an older ticket."""
        self._tickets += 1
        queued.place, queued.ticket = place, self._tickets
        if place is Place.UNSCHEDULABLE:
            self._unschedulable[queued.pod.key] = queued
        else:
            self._unschedulable.pop(queued.pod.key, None)

    def _first(self, heap: list[tuple[Any, int, QueuedPod]]) -> QueuedPod | None:
        while heap and heap[0][1] != heap[0][2].ticket:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def _wake_getter(self) -> None:
        if self._getter is not None:
            self._getter.resolve(None)

    # -- time

    def _wake_at(self, when: int) -> None:
        """See to it that somebody looks at ``when``, unless somebody looks before that anyway."""
        if not self._timer or when < self._timer:
            self._timer = when
            self.loop.spawn(partial(self._wake, when), name=f"{self.name}/timer")

    async def _wake(self, when: int) -> None:
        await self.loop.sleep((when - self.loop.now) / SECOND)
        if self._timer == when:
            self._timer = 0
            self._flush()

    def _flush(self) -> None:
        """Try again whoever has waited long enough, and wait for the next."""
        for heap in (self._backoff, self._errors):
            while (queued := self._first(heap)) and queued.ready_at <= self.loop.now:
                self._activate(queued)
        for queued in list(self._unschedulable.values()):
            if queued.since + MAX_UNSCHEDULABLE <= self.loop.now:
                self._move_if_worth(queued, ClusterEvent.TIMEOUT, None, None)
        times = [queued.since + MAX_UNSCHEDULABLE for queued in self._unschedulable.values()]
        firsts = (self._first(heap) for heap in (self._backoff, self._errors))
        times += [queued.ready_at for queued in firsts if queued is not None]
        if times:
            self._wake_at(min(times))
