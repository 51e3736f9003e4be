"""Pods on the container runtime · 运行时上的 Pod

Brings the containers of one Pod to what its spec says.  First a pure comparison decides what
has to be killed and started (``pod_actions``), then come the calls: a sandbox if there is none,
and each container after its image is there and its back-off is over.  What went wrong is
remembered as a reason, which the next status tells.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod), kuberuntime_container.go
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import format_duration
from k8s_ref.node.backoff import Backoff
from k8s_ref.node.cri import (
    CREATED,
    CRI,
    EXITED,
    READY,
    Container,
    ContainerConfig,
    CRIError,
    PodSandbox,
)
from k8s_ref.node.env import Environment, expand
from k8s_ref.node.hooks import HookError, Hooks
from k8s_ref.node.image_manager import RETRY_SECONDS, ImageManager, StartError
from k8s_ref.node.node_status import Machine
from k8s_ref.node.pod_actions import (
    PodState,
    compute_actions,
    field_path,
    is_sidecar,
    pod_full_name,
)
from k8s_ref.node.probe_results import ProbeResults
from k8s_ref.sim.loop import SECOND, Loop

TELL_SECONDS = 1.0
"""After so long a new reason is told; upstream's PLEG looks once a second."""

MINIMUM_GRACE = 2.0
"""Even a forced deletion gives a container so many seconds between SIGTERM and SIGKILL."""

Reasons = dict[str, StartError]
"""Container name → why it could not be started."""


class KubeRuntime:
    """The runtime as one kubelet uses it.  Writes: sandboxes and containers, and events."""

    def __init__(
        self,
        api: Client,
        loop: Loop,
        runtime: CRI,
        recorder: EventRecorder,
        machine: Machine,
        results: ProbeResults,
    ) -> None:
        self.actor, self.loop, self.runtime, self.recorder = api.agent, loop, runtime, recorder
        self.api, self.machine, self.results = api, machine, results
        self.hooks = Hooks(loop, runtime, recorder)
        self.images = ImageManager(self.actor, loop, runtime, recorder)
        self.backoff = Backoff(loop)

    async def state(self, uid: str) -> PodState:
        """What the runtime has of the Pod at this moment."""
        return PodState(
            tuple(await self.runtime.list_pod_sandboxes(uid)),
            tuple(await self.runtime.list_containers(uid)),
        )

    # -- starting

    async def sync_pod(self, pod: Object, state: PodState, reasons: Reasons) -> float | None:
        """Kill and start what has to; returns the seconds until the next look, if one is due."""
        actions = compute_actions(pod, state, self.results)
        starts = actions.start
        for kill in actions.kill:
            grace = kill.grace or pod["spec"].get("terminationGracePeriodSeconds", 30)
            await self._kill(pod, kill.container, grace, kill.message)
        if not starts:
            reasons.clear()
            return None
        sandbox = state.sandbox
        if sandbox is None:
            try:
                sandbox = await self._run_sandbox(pod, state)
            except CRIError as error:
                message = f"Failed to create pod sandbox: {error.rpc}"
                self.recorder.event(pod, "Warning", "FailedCreatePodSandBox", message)
                return TELL_SECONDS
        waits = [await self._start(pod, sandbox, c, state, reasons) for c in starts]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _run_sandbox(self, pod: Object, state: PodState) -> PodSandbox:
        meta = pod["metadata"]
        self._record("sandbox", pod)
        attempt = 1 + max((box.attempt for box in state.sandboxes), default=-1)
        host_network = bool(pod["spec"].get("hostNetwork"))
        return await self.runtime.run_pod_sandbox(
            meta["uid"], meta["namespace"], meta["name"], attempt, host_network
        )

    async def _start(
        self, pod: Object, sandbox: PodSandbox, spec: Object, state: PodState, reasons: Reasons
    ) -> float | None:
        """Start one container, or note why not; returns when to look again in that case."""
        name, path = spec["name"], field_path(pod, spec["name"])
        known = reasons.get(name)
        try:
            self._check_back_off(pod, spec, state, path)
            await self._ensure_image(pod, spec, path)
            config = await self._config(pod, sandbox, spec, state, path)
            await self._run_container(pod, sandbox, spec, state, config)
        except StartError as error:
            reasons[name] = error
            # A reason that is new has to be told first; then it is only a matter of waiting.
            told = known is not None and known.reason == error.reason
            return error.wait if told else min(error.wait, TELL_SECONDS)
        reasons.pop(name, None)
        for old in state.of(name)[1:]:
            self._record("remove", pod, f"{name}, attempt {old.attempt}")
            await self.runtime.remove_container(old.id)
        return None

    def _check_back_off(self, pod: Object, spec: Object, state: PodState, path: str) -> None:
        """Raise CrashLoopBackOff if the container exited too short a while ago."""
        name = spec["name"]
        # One that was just killed still runs in this picture: the one before it counts.
        latest = next((c for c in state.of(name) if c.state == EXITED), None)
        if latest is None:
            return
        key = f"{pod['metadata']['uid']}/{name}"
        if left := self.backoff.left(key, latest.finished):
            full_name = pod_full_name(pod)
            message = f"Back-off restarting failed container {name} in pod {full_name}"
            self.recorder.event(pod, "Warning", "BackOff", message, path)
            self.loop.record(self.actor, "backoff", f"pods/{key_of(pod)}", f"{name}: {left:g} s")
            delay = format_duration(self.backoff.delay(key))
            message = f"back-off {delay} restarting failed container={name} pod={full_name}"
            raise StartError("CrashLoopBackOff", message, left)
        self.backoff.next(key, latest.finished)

    async def _ensure_image(self, pod: Object, spec: Object, path: str) -> None:
        try:
            await self.images.ensure_image_exists(pod, spec, path)
        except StartError as error:
            self.recorder.event(pod, "Warning", "Failed", f"Error: {error.reason}", path)
            raise

    async def _run_container(
        self,
        pod: Object,
        sandbox: PodSandbox,
        spec: Object,
        state: PodState,
        config: ContainerConfig,
    ) -> None:
        latest, path = state.latest(spec["name"]), field_path(pod, spec["name"])
        reason, wait = "CreateContainerError", RETRY_SECONDS
        try:
            if latest is None or latest.state != CREATED or latest.sandbox_id != sandbox.id:
                self._record("container", pod, spec["name"])
                latest = await self.runtime.create_container(sandbox, config)
                self.recorder.event(pod, "Normal", "Created", "Container created", path)
            # It counts as an exit: CrashLoopBackOff decides when to try again.
            reason, wait = "RunContainerError", TELL_SECONDS
            self._record("start", pod, spec["name"])
            await self.runtime.start_container(latest.id)
        except CRIError as error:
            self.recorder.event(pod, "Warning", "Failed", f"Error: {error}", path)
            raise StartError(reason, str(error), wait) from error
        self.recorder.event(pod, "Normal", "Started", "Container started", path)
        await self._post_start(pod, spec, sandbox, latest)

    async def _post_start(
        self, pod: Object, spec: Object, sandbox: PodSandbox, container: Container
    ) -> None:
        """A container whose first hook fails is killed again."""
        try:
            await self.hooks.post_start(pod, spec, container, sandbox.ip or self.machine.address)
        except HookError as error:
            grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
            await self._kill(pod, container, grace, "FailedPostStartHook")
            raise StartError("PostStartHookError", str(error), TELL_SECONDS) from error

    async def _config(
        self, pod: Object, sandbox: PodSandbox, spec: Object, state: PodState, path: str
    ) -> ContainerConfig:
        ip, host, latest = sandbox.ip, self.machine.address, state.latest(spec["name"])
        facts = {f"status.{name}": ip or host for name in ("podIP", "podIPs")}
        facts |= {f"status.{name}": host for name in ("hostIP", "hostIPs")}
        facts |= {"limits.cpu": self.machine.cpu, "limits.memory": self.machine.allocatable_memory}
        try:
            env = await Environment(self.api, pod, facts).of(spec)
        except StartError as error:
            self.recorder.event(pod, "Warning", "Failed", f"Error: {error.message}", path)
            raise
        words = {part: tuple(expand(word, env) for word in spec.get(part) or ())
                 for part in ("command", "args")}  # fmt: skip
        return ContainerConfig(
            spec["name"],
            spec["image"],
            latest.attempt + 1 if latest else 0,
            words["command"],
            words["args"],
            tuple(env.items()),
            tuple(port["containerPort"] for port in spec.get("ports") or ()),
            spec.get("terminationMessagePath", "/dev/termination-log"),
            bool(spec.get("stdin")),
            bool(spec.get("stdinOnce")),
            bool(spec.get("tty")),
            spec.get("terminationMessagePolicy") == "FallbackToLogsOnError",
        )

    # -- stopping

    async def kill_pod(self, pod: Object, state: PodState, grace: float) -> None:
        """Stop all containers at once, sidecars after the others, then the sandbox."""
        deadline = self.loop.now + round(grace * SECOND)
        sidecars = {c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)}
        for last in (False, True):
            group = [c for c in state.running if (c.name in sidecars) == last]
            left = max((deadline - self.loop.now) / SECOND, MINIMUM_GRACE)
            await self._together(self._kill(pod, c, left) for c in group)
        for sandbox in state.sandboxes:
            if sandbox.state == READY:
                await self.runtime.stop_pod_sandbox(sandbox.id)

    async def _kill(
        self, pod: Object, container: Container, grace: float, message: str = ""
    ) -> None:
        """Say so, run the last hook, send the signal; both share the grace period."""
        path, message = (
            field_path(pod, container.name),
            message or f"Stopping container {container.name}",
        )
        self.recorder.event(pod, "Normal", "Killing", message, path)
        self._record("kill", pod, f"{container.name}, grace {grace:g} s")
        began = self.loop.now
        await self.hooks.pre_stop(pod, container, grace, partial(self._ip_of, pod, container))
        left = grace - (self.loop.now - began) / SECOND
        await self.runtime.stop_container(container.id, max(left, MINIMUM_GRACE))

    async def _ip_of(self, pod: Object, container: Container) -> str:
        state = await self.state(pod["metadata"]["uid"])
        ips = [box.ip for box in state.sandboxes if box.id == container.sandbox_id]
        return next((ip for ip in ips if ip), self.machine.address)

    async def _together(self, calls: Iterable[Coroutine[Any, Any, None]]) -> None:
        tasks = [self.loop.spawn(call) for call in calls]
        for task in tasks:
            await task

    async def remove_pod(self, pod: Object) -> None:
        """Forget everything of a Pod that does not run any more."""
        uid = pod["metadata"]["uid"]
        for sandbox in (await self.state(uid)).sandboxes:
            self._record("remove", pod)
            await self.runtime.remove_pod_sandbox(sandbox.id)
        self.backoff.forget(f"{uid}/")
        self.images.forget(uid)

    def _record(self, verb: str, pod: Object, note: str = "") -> None:
        """Tell the trace what is asked of the runtime; what follows is caused by it."""
        subject = f"pods/{key_of(pod)}"
        self.loop.cause = self.loop.record(self.actor, verb, subject, note, to=self.runtime.name)
