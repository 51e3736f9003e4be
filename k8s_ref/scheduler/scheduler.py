"""Scheduler · 调度器

Takes one Pod without a node at a time, decides for a node, and has the API server write that down.
The one idea: deciding is fast and done one after the other, writing is slow and done on the side;
in between the Pod is *assumed* to be on its node, so the next decision already counts it.

It writes a node's name into a Pod at most once: if the server says that the Pod has a node, or is
gone, the scheduler forgets its own decision.

Upstream: pkg/scheduler/scheduler.go, schedule_one.go, eventhandlers.go
"""

from __future__ import annotations

from functools import partial

from k8s_ref.client.client import Client
from k8s_ref.client.events import SeriesRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.errors import ApiError, Conflict, NotFound
from k8s_ref.machinery.meta import Object, key_of, set_condition, with_path
from k8s_ref.scheduler.cache import (
    Cache,
    NodeInfo,
    PodInfo,
    nomination_of,
    occupies_node,
    waits,
)
from k8s_ref.scheduler.cluster_events import ClusterEvent, assigned_pod_changes, node_changes
from k8s_ref.scheduler.executor import Executor
from k8s_ref.scheduler.framework import Code, CycleState, Framework, Status
from k8s_ref.scheduler.profile import Profile, default_profile
from k8s_ref.scheduler.queue import QueuedPod, SchedulingQueue
from k8s_ref.scheduler.reader import Informed
from k8s_ref.scheduler.schedule_one import Decision, schedule_pod
from k8s_ref.sim.loop import Loop

HOST = "control-plane"
"""The machine it runs on, as its Events name it."""

NOTE_LIMIT = 1024
"""An event's message may be so long."""

CONDITION_ATTEMPTS = 3
"""How often the condition is written again when others write to the Pod at the same time."""


class Scheduler:
    """Writes: ``spec.nodeName`` of Pods, by binding, and their condition ``PodScheduled``."""

    def __init__(
        self,
        api: Client,
        informers: InformerFactory,
        loop: Loop,
        name: str = "default-scheduler",
        profile: Profile | None = None,
    ) -> None:
        self.api, self.loop, self.name = api.named(name), loop, name
        profile = profile or default_profile(self.api, Informed(informers))
        self.framework = Framework(profile, loop)
        self.cache = Cache()
        self.queue = SchedulingQueue(loop, self.framework, name)
        self.recorder = SeriesRecorder(self.api, loop, name, HOST)
        self.executor = Executor(
            self.api, loop, self.framework, self.cache, self.queue, self.recorder
        )
        self.pods = informers["pods"]
        self.revision = 0
        """The newest revision heard of."""
        self._random = loop.stream("scheduler")
        self._start = 0
        """The node at which the next search begins."""
        informers["nodes"].on_change(self._node_changed)
        self.pods.on_change(self._pod_changed)

    def start(self) -> None:
        """Begin to take Pods from the queue."""
        self.loop.spawn(self._run, name=self.name)

    async def _run(self) -> None:
        while True:
            await self.schedule_one()
            # Let whoever is to bind the last Pod go first, so that one is done after the other.
            await self.loop.sleep(0)

    async def schedule_one(self) -> None:
        """One scheduling cycle: decide for the next Pod, and let the binding begin."""
        queued = await self.queue.pop()
        state = CycleState()
        decision = schedule_pod(
            self.framework, state, queued.pod, self.cache.snapshot(), self._start
        )
        if decision.nodes:
            seen = len(decision.feasible) + len(decision.statuses)
            self._start = (self._start + seen) % decision.nodes
        if not decision.feasible:
            await self._unfit(queued, decision)
            return
        node = self._select_host(queued.pod, decision)
        self.cache.assume(queued.pod, node)
        status = self._reserve(state, queued.pod, node)
        if status is not None:
            self._requeue(queued, _rejectors(status))
            await self._tell(queued.pod, *_refusal(status))
            return
        bind = partial(self._binding_cycle, queued, state, node)
        self.loop.spawn(bind, name=f"{self.name}/bind")

    async def _unfit(self, queued: QueuedPod, decision: Decision) -> None:
        """The Pod fits nowhere: make room if that is possible, and let it wait."""
        pod, candidate = queued.pod, decision.candidate
        self._record("unfit", f"pods/{pod.key}", self._fitting(decision))
        promised = None
        if candidate is not None or decision.hopeless:
            promised = candidate.node if candidate else ""
            self.cache.nominate(pod, promised)
        if candidate is not None:
            prepare = partial(self.executor.prepare, pod, candidate)
            self.loop.spawn(prepare, name=f"{self.name}/preempt")
        self._requeue(queued, decision.rejected_by)
        await self._tell(pod, "Unschedulable", decision.message, promised)

    def _reserve(self, state: CycleState, pod: PodInfo, node: str) -> Status | None:
        """Let the plugins set aside what the Pod needs; if one refuses, undo everything."""
        status = self.framework.reserve(state, pod, node) or self.framework.permit(state, pod, node)
        if status is None or status.code is Code.WAIT:
            return None
        self._undo(state, pod, node)
        return status

    def _undo(self, state: CycleState, pod: PodInfo, node: str) -> None:
        self.framework.unreserve(state, pod, node)
        self.cache.forget(pod)

    # -- binding

    async def _binding_cycle(self, queued: QueuedPod, state: CycleState, node: str) -> None:
        """Wait for permission, prepare the node, bind: whatever may take time."""
        pod, framework = queued.pod, self.framework
        try:
            status = await framework.wait_on_permit(pod)
            if status is None:
                status = await framework.pre_bind(state, pod, node)
            if status is None:
                await framework.bind(state, pod, node)
        except (Conflict, NotFound):
            # It has a node, or is gone: no longer ours, and the watch tells or told so.
            self._undo(state, pod, node)
            self.queue.done(queued)
        except (ApiError, TimeoutError) as error:
            await self._binding_failed(queued, state, node, Status(Code.ERROR, (str(error),)))
        else:
            if status is not None:
                await self._binding_failed(queued, state, node, status)
                return
            framework.post_bind(state, pod, node)
            self.queue.done(queued)
            text = f"Successfully assigned {pod.key} to {node}"
            self.recorder.event(pod.pod, "Normal", "Scheduled", "Binding", text)

    async def _binding_failed(
        self, queued: QueuedPod, state: CycleState, node: str, status: Status
    ) -> None:
        """Say so while the Pod is still assumed, so that nobody decides about it meanwhile."""
        pod = queued.pod
        await self._tell(pod, *_refusal(status))
        self._undo(state, pod, node)
        self._requeue(queued, _rejectors(status))
        # What was kept for it is free, as if it had been deleted.
        self.queue.move(ClusterEvent.ASSIGNED_POD_DELETE, pod.pod, None)

    # -- failure

    def _requeue(self, queued: QueuedPod, rejected_by: frozenset[str]) -> None:
        pod = self._still_ours(queued.pod)
        if pod is None:
            self.queue.done(queued)
        else:
            self.queue.requeue(queued, pod, rejected_by)

    async def _tell(
        self, pod: PodInfo, reason: str, message: str, nominated: str | None = None
    ) -> None:
        """Explain in an event and in the condition why the Pod has no node, and which it is
        promised, if that changed."""
        found = self._still_ours(pod)
        if found is None:
            return
        note = message if len(message) <= NOTE_LIMIT else f"{message[: NOTE_LIMIT - 4]} ..."
        self.recorder.event(found, "Warning", "FailedScheduling", "Scheduling", note)
        try:
            await self._write_status(found, reason, message, nominated)
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.name, "lose", f"pods/{pod.key}", f"condition: {error}")

    async def _write_status(
        self, pod: Object, reason: str, message: str, nominated: str | None
    ) -> None:
        """Set PodScheduled to False, unless somebody has bound the Pod meanwhile."""
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "reason": reason,
            "message": message,
        }
        for _ in range(CONDITION_ATTEMPTS):
            old = pod["status"].get("conditions") or []
            new = set_condition(old, condition, self.recorder.now())
            promised = nomination_of(pod) if nominated is None else nominated
            if (new is old and promised == nomination_of(pod)) or not waits(pod):
                return
            try:
                changed = with_path(pod, ("status", "conditions"), new)
                if promised != nomination_of(pod):
                    changed = with_path(changed, ("status", "nominatedNodeName"), promised or None)
                await self.api.update_status("pods", changed)
                return
            except Conflict:
                pod = await self.api.get("pods", key_of(pod))

    def _still_ours(self, pod: PodInfo) -> Object | None:
        """The Pod as it is now, if it is still the same one and still needs a node."""
        now = self.pods.get(pod.key)
        if now is None or now["metadata"]["uid"] != pod.uid or not waits(now):
            return None
        return now

    # -- what happens in the cluster

    def _pod_changed(self, kind: str, pod: Object, old: Object | None) -> None:
        self._heard_of(pod)
        if old is not None and old["metadata"]["uid"] != pod["metadata"]["uid"]:
            # Deleted and made anew while nobody watched.
            self._pod_left(old)
            old = None
        if kind == "DELETED":
            self._pod_left(pod)
        elif pod["spec"].get("nodeName"):
            self._assigned(pod, old)
        elif not self.cache.is_assumed(key_of(pod), pod["metadata"]["uid"]):
            self._waiting(pod, old)

    def _assigned(self, pod: Object, old: Object | None) -> None:
        self._forget(pod)
        if not occupies_node(pod):
            self._pod_left(pod)
            return
        self.cache.add_pod(pod)
        if old is None or not occupies_node(old):
            self.queue.move(ClusterEvent.ASSIGNED_POD_ADD, None, pod)
            return
        for event in assigned_pod_changes(old, pod):
            self.queue.move(event, old, pod)

    def _waiting(self, pod: Object, old: Object | None) -> None:
        if pod["spec"].get("schedulerName", self.name) != self.name:
            return
        if not waits(pod):
            self._forget(pod)
            return
        if nomination_of(old or {}) != nomination_of(pod):
            self.cache.nominate(PodInfo.of(pod), nomination_of(pod))
        if old is None:
            self.queue.add(pod)
        else:
            self.queue.update(old, pod)

    def _pod_left(self, pod: Object) -> None:
        """A Pod is gone or has ended: what it requested is free."""
        key = key_of(pod)
        self._forget(pod)
        if self.cache.get(key) is not None:
            self.cache.remove_pod(key)
            self.queue.move(ClusterEvent.ASSIGNED_POD_DELETE, pod, None)

    def _forget(self, pod: Object) -> None:
        """A Pod needs no node any more."""
        self.queue.delete(key_of(pod))
        if nomination_of(pod):
            self.cache.nominate(PodInfo.of(pod), "")

    def _node_changed(self, kind: str, node: Object, old: Object | None) -> None:
        self._heard_of(node)
        if kind == "DELETED":
            self.cache.remove_node(node["metadata"]["name"])
            self.queue.move(ClusterEvent.NODE_DELETE, node, None)
            return
        self.cache.set_node(node)
        events = [ClusterEvent.NODE_ADD] if old is None else node_changes(old, node)
        for event in events:
            self.queue.move(event, old, node)

    def _heard_of(self, obj: Object) -> None:
        self.revision = max(self.revision, int(obj["metadata"]["resourceVersion"]))

    # -- the trace

    def _select_host(self, pod: PodInfo, decision: Decision) -> str:
        """One of the best nodes, at random if there are several."""
        subject, best = f"pods/{pod.key}", decision.best
        node = best[0] if len(best) == 1 else self._random.choice(best)
        self._record("filter", subject, self._fitting(decision))
        if decision.scores:
            self._record("score", subject, _score_note(decision, node, len(best)))
        self._record("select", subject, node.name)
        return node.name

    def _fitting(self, decision: Decision) -> str:
        """How many nodes fit and why others do not, at which revision of the cluster."""
        seen = len(decision.feasible) + len(decision.statuses)
        of = decision.nodes if decision.absent is not None else seen
        text = f"{len(decision.feasible)} of {of} nodes fit at revision {self.revision}"
        counts = decision.counts
        reasons = [f"{counts[reason]} {reason}" for reason in sorted(counts)]
        return ": ".join(filter(None, (text, decision.pre_filter or ", ".join(reasons))))

    def _record(self, verb: str, subject: str, note: str) -> None:
        """Write a record that is the cause of what comes next."""
        self.loop.cause = self.loop.record(self.name, verb, subject, note)


def _rejectors(status: Status) -> frozenset[str]:
    return frozenset({status.plugin}) if status.rejected else frozenset()


def _refusal(status: Status) -> tuple[str, str]:
    """Reason and message about a Pod whose chosen node was refused: that was the only one asked."""
    if not status.rejected:
        return "SchedulerError", str(status)
    return "Unschedulable", f"0/1 nodes are available: 1 {status}."


def _score_note(decision: Decision, node: NodeInfo, best: int) -> str:
    """The winner's total, what each plugin gave to it, and how many others are as good."""
    index = decision.feasible.index(node)
    parts = ", ".join(f"{s.plugin} {s.weight * s.normalized[index]}" for s in decision.scores)
    tie = f", one of {best} equally good" if best > 1 else ""
    return f"{node.name} {decision.totals[index]}: {parts}{tie}"
