"""Carrying out a preemption · 执行抢占

Evicts the victims of a plan, so that a Pod of higher priority gets their place.  Each first gets a
condition that says why (``DisruptionTarget``), then it is deleted, with its grace period: until it
has ended, the node is only promised.

Meanwhile the Pod is kept out of the active queue; the last eviction is what lets it be tried again.

Upstream: pkg/scheduler/framework/preemption/executor.go
"""

from __future__ import annotations

from k8s_ref.client.client import STRATEGIC, Client
from k8s_ref.client.events import SeriesRecorder
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import Cache, PodInfo
from k8s_ref.scheduler.framework import Candidate, Framework
from k8s_ref.scheduler.plugins.preemption import BY_SCHEDULER, DefaultPreemption
from k8s_ref.scheduler.queue import SchedulingQueue
from k8s_ref.sim.loop import Loop


class Executor:
    """Writes: the condition ``DisruptionTarget`` of victims, which it deletes."""

    def __init__(
        self,
        api: Client,
        loop: Loop,
        framework: Framework,
        cache: Cache,
        queue: SchedulingQueue,
        recorder: SeriesRecorder,
    ) -> None:
        self.api, self.loop, self.framework = api, loop, framework
        self.cache, self.queue, self.recorder = cache, queue, recorder
        plugins = (p for p in framework.plugins if isinstance(p, DefaultPreemption))
        self.preempting = next((plugin.preempting for plugin in plugins), set[str]())

    async def prepare(self, pod: PodInfo, candidate: Candidate) -> None:
        """Make room for a Pod on the node of the candidate."""
        self.preempting.add(pod.uid)
        try:
            await self._clear_nominations(pod, candidate.node)
            victims = [v for v in candidate.victims if "deletionTimestamp" not in v.pod["metadata"]]
            for victim in victims:
                if victim is victims[-1]:
                    # Its deletion is the event that brings the Pod back: it must find it ready.
                    self.preempting.discard(pod.uid)
                await self._evict(victim, pod, candidate.node)
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.api.agent, "lose", f"pods/{pod.key}", f"preemption: {error}")
        finally:
            self.preempting.discard(pod.uid)
            self.queue.release(pod.key)

    async def _evict(self, victim: PodInfo, pod: PodInfo, node: str) -> None:
        """Delete a Pod, or take its node from it if it was not bound yet."""
        note = f"by pods/{pod.key} on {node}"
        self.loop.cause = self.loop.record(self.api.agent, "preempt", f"pods/{victim.key}", note)
        if not self.framework.evict_waiting(victim.uid, DefaultPreemption.name, "preempted"):
            scheduler = pod.pod["spec"].get("schedulerName") or self.api.agent
            condition = {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": BY_SCHEDULER,
                "message": f"{scheduler}: preempting to accommodate a higher priority pod",
                "lastProbeTime": None,
                "lastTransitionTime": self.recorder.now(),
            }
            try:
                await self._patch_status(victim, {"conditions": [condition]})
                await self.api.delete("pods", victim.key, uid=victim.uid)
            except NotFound:
                return
        message = f"Preempted by pod {pod.uid} on node {node}"
        self.recorder.event(victim.pod, "Normal", "Preempted", "Preempting", message, pod.pod)

    async def _clear_nominations(self, pod: PodInfo, node: str) -> None:
        """Less important Pods that were promised the node may not fit any more: they try anew."""
        promised = self.cache.snapshot().nominated.get(node, {})
        for other in list(promised.values()):
            if other.priority < pod.priority:
                self.cache.nominate(other, "")
                await self._patch_status(other, {"nominatedNodeName": None})

    async def _patch_status(self, pod: PodInfo, status: Object) -> None:
        change = {"status": status}
        await self.api.patch("pods", pod.key, change, "status", content_type=STRATEGIC)
