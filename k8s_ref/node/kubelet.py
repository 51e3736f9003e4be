"""Kubelet · 节点代理

Makes the Pods bound to its node run, and says in their status how that goes.  It learns of Pods
from the API and of containers from the runtime, gives each Pod a worker, and has no other memory: a
kubelet that was killed starts again, asks both and goes on where the last one stood.

Its parts, in the order in which a Pod meets them: ``pod_workers`` (when to look), ``admission``
(whether at all), ``pod_actions`` (what to do), ``kuberuntime``, ``image_manager``, ``env`` and
``hooks`` (doing it), ``prober`` (whether it is well), ``status`` and ``status_manager`` (what to
say), ``server`` (what others ask); ``node_status`` speaks for the node itself.

Upstream: pkg/kubelet/kubelet.go
"""

from __future__ import annotations

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import parse, timestamp
from k8s_ref.node.admission import Refusal, out_of, refused_status, requests_of, stays_out
from k8s_ref.node.cri import CRI
from k8s_ref.node.kuberuntime import KubeRuntime
from k8s_ref.node.node_status import Machine, NodeStatus, machine_of
from k8s_ref.node.pod_actions import PodState, is_over
from k8s_ref.node.pod_workers import PodWorker, PodWorkers
from k8s_ref.node.prober import Prober
from k8s_ref.node.server import Server
from k8s_ref.node.status import View, pod_status
from k8s_ref.node.status_manager import StatusManager
from k8s_ref.sim.loop import SECOND, Loop

DEADLINE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


class Kubelet:
    """The kubelet of one node.  Writes: through its parts only."""

    def __init__(
        self,
        api: Client,
        informers: InformerFactory,
        loop: Loop,
        node_name: str,
        runtime: CRI,
        machine: Machine | None = None,
    ) -> None:
        self.api, self.loop, self.node_name, self.runtime = api, loop, node_name, runtime
        self.name = api.agent
        self.machine = machine = machine or machine_of(runtime.pod_cidr)
        self.recorder = EventRecorder(api, loop, "kubelet", node_name)
        self.pods = informers.informer("pods", fields=f"spec.nodeName={node_name}")
        self.status = StatusManager(api, self.pods, loop)
        self.workers = PodWorkers(loop, self)
        self.prober = Prober(
            self.name, loop, runtime, self.recorder, machine.address, self.workers.wake
        )
        self.containers = KubeRuntime(
            api, loop, runtime, self.recorder, machine, self.prober.results
        )
        self.node_status = NodeStatus(api, loop, node_name, machine, runtime)
        self.server = Server(self.name, loop, runtime, self.pods, self.status)
        self.pods.on_change(self._pod_changed)
        runtime.container_events(self.workers.wake)

    def start(self) -> None:
        """Speak for the node, write statuses, and end what has no Pod any more."""
        self.loop.spawn(self.node_status.run, name="node-status")
        self.loop.spawn(self._adopt_orphans, name="orphans")
        self.status.start()

    def _pod_changed(self, kind: str, pod: Object, old: Object | None) -> None:
        if old is not None and old["metadata"]["uid"] != pod["metadata"]["uid"]:
            # The deletion was missed, and another Pod has the name by now.
            self.workers.remove(old)
        if kind == "DELETED":
            self.workers.remove(pod)
        else:
            self.workers.update(pod)
            self.status.pod_changed(pod)

    async def _adopt_orphans(self) -> None:
        """Pods that were deleted while no kubelet ran: only the runtime still knows of them."""
        for sandbox in await self.runtime.list_pod_sandboxes():
            meta = {"namespace": sandbox.namespace, "name": sandbox.name, "uid": sandbox.pod_uid}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}}
            self.workers.adopt_orphan(pod)

    # -- what a worker does

    async def sync_pod(self, worker: PodWorker) -> float | None:
        """Say how the Pod is, then bring it closer to its spec."""
        pod = worker.pod
        if not worker.admitted and (refusal := await self._refusal(worker)) is not None:
            self._refuse(worker, refusal)
            return None
        state = await self.containers.state(worker.uid)
        self.prober.watch(pod, state, self._told(worker))
        status = self._status(worker, state)
        left = self._seconds_left(pod, status)
        if left == 0:
            worker.ended, worker.why = True, DEADLINE
            return None
        if is_over(pod, state):
            worker.ended = True
            return None
        self.status.set(pod, status)
        again = await self.containers.sync_pod(pod, state, worker.reasons)
        return min((s for s in (again, left) if s is not None), default=None)

    async def _refusal(self, worker: PodWorker) -> Refusal | None:
        """Why the Pod cannot be here; otherwise it counts from now on."""
        active = self.workers.active()
        for each in (worker, *active):
            each.needs = each.needs or requests_of(each.pod)
        refusal = out_of(self.machine, worker.needs, [each.needs for each in active])
        node = self.node_status.known
        if refusal is None and (node is None or stays_out(worker.pod, node)):
            # What is known of the node may be old.
            try:
                refusal = stays_out(worker.pod, await self.api.get("nodes", self.node_name))
            except (ApiError, TimeoutError):
                refusal = None if node is None else stays_out(worker.pod, node)
        worker.admitted = refusal is None
        return refusal

    def _refuse(self, worker: PodWorker, refusal: Refusal) -> None:
        pod, now = worker.pod, self._timestamp(self.loop.now)
        subject = f"pods/{key_of(pod)}"
        self.loop.cause = self.loop.record(self.name, "refuse", subject, refusal.message)
        self.recorder.event(pod, "Warning", refusal.reason, refusal.message)
        self.status.set(pod, refused_status(pod, refusal, now))
        worker.ended = worker.refused = True

    async def sync_terminating_pod(self, worker: PodWorker) -> None:
        """Stop what runs, and say how it ended."""
        self.prober.hush(worker.uid)
        state = await self.containers.state(worker.uid)
        if not state.sandboxes and (worker.refused or worker.terminal):
            # It never ran here; what was said of it stands.
            self.status.set(worker.pod, self._told(worker))
            self.status.finish(worker.uid)
            return
        if not worker.gone and state.running:
            self.status.set(worker.pod, self._status(worker, state))
        await self.containers.kill_pod(worker.pod, state, worker.grace)
        self.prober.forget(worker.uid)
        if not worker.gone:
            state = await self.containers.state(worker.uid)
            self.status.set(worker.pod, self._status(worker, state, ended=True))
            self.status.finish(worker.uid)

    async def sync_terminated_pod(self, worker: PodWorker) -> None:
        """Nothing is left of the Pod in the API, so nothing of it stays on the machine."""
        await self.containers.remove_pod(worker.pod)
        self.status.forget(worker.uid)

    def _told(self, worker: PodWorker) -> Object:
        """What was last said of the Pod."""
        return self.status.get(worker.uid) or worker.pod.get("status") or {}

    def _status(self, worker: PodWorker, state: PodState, ended: bool = False) -> Object:
        return pod_status(
            View(
                worker.pod,
                self._told(worker),
                state,
                worker.reasons,
                self.machine.address,
                self._timestamp(self.loop.now),
                self._timestamp,
                ended,
                worker.why,
                self.prober.results,
            )
        )

    def _timestamp(self, nanoseconds: int) -> str:
        return timestamp(nanoseconds, self.loop.epoch)

    def _seconds_left(self, pod: Object, status: Object) -> float | None:
        """Seconds until ``activeDeadlineSeconds`` are over, or None if there is no deadline."""
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        began = parse(status["startTime"]) - self.loop.epoch * SECOND
        left: int = began + seconds * SECOND - self.loop.now
        return max(left, 0) / SECOND
