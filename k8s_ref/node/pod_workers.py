"""Pod workers · Pod 工作协程

One coroutine per Pod, so that a slow Pod holds up nobody, and no two of them ever work on the same
one.  It goes through three states and never back: synchronising, terminating, terminated.  The one
idea: a worker is only ever told "look again"; it takes the newest Pod and asks the runtime.

What cannot wait is done at once: a Pod that must end while its image is still being pulled, or
must end sooner than it was told, has its coroutine replaced by one that begins with terminating.

Upstream: pkg/kubelet/pod_workers.go
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Protocol

from k8s_ref.machinery.meta import Object
from k8s_ref.node.kuberuntime import Reasons
from k8s_ref.node.status import TERMINAL
from k8s_ref.sim.loop import Future, Loop, Task


class PodWorker:
    """What is known of one Pod between two looks."""

    def __init__(self, loop: Loop, pod: Object) -> None:
        self.loop, self.pod = loop, pod
        self.uid: str = pod["metadata"]["uid"]
        self.gone = False
        """No longer in the API."""
        self.ended = False
        """The kubelet itself decided that the Pod is over, or found that it is."""
        self.why = ("", "")
        """Reason and message of that decision."""
        self.stopped = False
        """Nothing of it runs any more."""
        self.admitted = "startTime" in (pod.get("status") or {})
        """The kubelet takes it; one that a kubelet has begun with is not asked again."""
        self.refused = False
        self.needs: dict[str, int] = {}
        """What it asks of the machine, once that was worked out."""
        self.reasons: Reasons = {}
        self.task: Task[Any] | None = None
        self._dirty = False
        self._cause = 0
        self._waiting: Future[None] | None = None

    @property
    def ending(self) -> bool:
        """Whether the Pod has to end, for whatever reason."""
        deleted = "deletionTimestamp" in self.pod["metadata"]
        return self.gone or self.ended or self.terminal or deleted

    @property
    def terminal(self) -> bool:
        """Whether the API says that the Pod is over."""
        return (self.pod.get("status") or {}).get("phase") in TERMINAL

    @property
    def grace(self) -> float:
        """Seconds its containers are given to end."""
        if self.gone:
            # Only this kubelet removes Pods in good time: somebody else used force.
            return 1.0
        seconds = self.pod["metadata"].get("deletionGracePeriodSeconds")
        if seconds is None:
            seconds = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        return float(max(seconds, 1))

    @property
    def patience(self) -> float:
        """How long what runs may go on running: for ever, or for the grace period."""
        return self.grace if self.ending else inf

    def wake(self) -> None:
        """Look again."""
        if not self._dirty:
            self._dirty, self._cause = True, self.loop.cause
        if self._waiting is not None:
            self._waiting.resolve(None)

    async def rest(self, seconds: float | None = None) -> None:
        """Wait until somebody says so, at most so many seconds."""
        if seconds is not None:
            self.loop.call_later(seconds, self.wake)
        if not self._dirty:
            self._waiting = Future(self.loop)
            await self._waiting
            self._waiting = None
        self._dirty, self.loop.cause = False, self._cause


class PodSyncer(Protocol):
    """What the workers have done to Pods: the kubelet."""

    async def sync_pod(self, worker: PodWorker) -> float | None:
        """Bring a Pod closer to its spec; seconds until the next look, or None."""

    async def sync_terminating_pod(self, worker: PodWorker) -> None:
        """Stop what runs and write the last status."""

    async def sync_terminated_pod(self, worker: PodWorker) -> None:
        """Clean up after a Pod that is gone."""


class PodWorkers:
    """The workers of one kubelet, by uid."""

    def __init__(self, loop: Loop, syncer: PodSyncer) -> None:
        self.loop, self.syncer = loop, syncer
        self.workers: dict[str, PodWorker] = {}

    def update(self, pod: Object) -> None:
        """A Pod came or was changed."""
        uid = pod["metadata"]["uid"]
        worker = self.workers.get(uid)
        if worker is None:
            self._start(PodWorker(self.loop, pod))
            return
        patience, old, worker.pod = worker.patience, worker.pod, pod
        # A status, ours or somebody else's, is no reason to look again: that changes nothing here,
        # unless the Pod's readiness waits for what others say.
        gated = pod["spec"].get("readinessGates") and pod["status"] != old["status"]
        if gated or pod["metadata"].get("generation") != old["metadata"].get("generation"):
            worker.wake()
        self._hurry(worker, patience)

    def remove(self, pod: Object) -> None:
        """A Pod is gone from the API."""
        worker = self.workers.get(pod["metadata"]["uid"])
        if worker is not None:
            patience, worker.pod, worker.gone = worker.patience, pod, True
            worker.wake()
            self._hurry(worker, patience)

    def adopt_orphan(self, pod: Object) -> None:
        """Something runs whose Pod was gone before this kubelet began: end it."""
        if pod["metadata"]["uid"] not in self.workers:
            worker = PodWorker(self.loop, pod)
            worker.gone = True
            self._start(worker)

    def active(self) -> list[PodWorker]:
        """The workers whose Pods take room on the machine."""
        return [w for w in self.workers.values() if w.admitted and not w.stopped]

    def wake(self, uid: str) -> None:
        """Something happened to a container of this Pod."""
        if uid in self.workers:
            self.workers[uid].wake()

    def _start(self, worker: PodWorker) -> None:
        self.workers[worker.uid] = worker
        self._spawn(worker)

    def _hurry(self, worker: PodWorker, patience: float) -> None:
        """Do not let a worker finish what is no longer wanted."""
        if worker.patience < patience and not worker.stopped and worker.task is not None:
            worker.task.cancel()
            self._spawn(worker)

    def _spawn(self, worker: PodWorker) -> None:
        work = partial(self._work, worker)
        worker.task = self.loop.spawn(work, name=f"pod-worker/{worker.uid}")

    async def _work(self, worker: PodWorker) -> None:
        while not worker.ending:
            again = await self.syncer.sync_pod(worker)
            if not worker.ending:
                await worker.rest(again)
        await self.syncer.sync_terminating_pod(worker)
        worker.stopped = True
        while not worker.gone:
            await worker.rest()
        await self.syncer.sync_terminated_pod(worker)
        del self.workers[worker.uid]
