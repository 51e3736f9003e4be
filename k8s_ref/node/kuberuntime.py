"""Pods on the container runtime · 运行时上的 Pod

Brings the containers of one Pod to what its spec says.  First a pure comparison of spec and
runtime (which containers have to start now?), then the calls: a sandbox if there is none, init
containers one after the other, then the rest, each after its image is there and its back-off is
over.  What went wrong is remembered as a reason, which the next status tells.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod, computePodActions),
kuberuntime_container.go
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import format_duration
from k8s_ref.node.backoff import Backoff
from k8s_ref.node.cri import (
    CREATED,
    CRI,
    EXITED,
    READY,
    RUNNING,
    Container,
    ContainerConfig,
    CRIError,
    PodSandbox,
)
from k8s_ref.node.image_manager import RETRY_SECONDS, ImageManager, StartError
from k8s_ref.sim.loop import SECOND, Loop

TELL_SECONDS = 1.0
"""After so long a new reason is told; upstream's PLEG looks once a second."""

MINIMUM_GRACE = 2.0
"""Even a forced deletion gives a container so many seconds between SIGTERM and SIGKILL."""

Reasons = dict[str, StartError]
"""Container name → why it could not be started."""


@dataclass(slots=True, frozen=True)
class PodState:
    """What the runtime has of one Pod."""

    sandboxes: tuple[PodSandbox, ...] = ()
    containers: tuple[Container, ...] = ()
    """Both in order of creation."""

    @property
    def sandbox(self) -> PodSandbox | None:
        """The sandbox in which containers can run."""
        return next((box for box in reversed(self.sandboxes) if box.state == READY), None)

    def of(self, name: str) -> list[Container]:
        """The containers of one name, the newest first."""
        return [c for c in reversed(self.containers) if c.name == name]

    def latest(self, name: str) -> Container | None:
        """The newest container of that name."""
        return next(iter(self.of(name)), None)

    @property
    def running(self) -> list[Container]:
        """The containers that run."""
        return [c for c in self.containers if c.state == RUNNING]


class KubeRuntime:
    """The runtime as one kubelet uses it.  Writes: sandboxes and containers, and events."""

    def __init__(
        self, actor: str, loop: Loop, runtime: CRI, recorder: EventRecorder, host_ip: str
    ) -> None:
        self.actor, self.loop, self.runtime, self.recorder = actor, loop, runtime, recorder
        self.host_ip = host_ip
        self.images = ImageManager(actor, loop, runtime, recorder)
        self.backoff = Backoff(loop)

    async def state(self, uid: str) -> PodState:
        """What the runtime has of the Pod at this moment."""
        return PodState(
            tuple(await self.runtime.list_pod_sandboxes(uid)),
            tuple(await self.runtime.list_containers(uid)),
        )

    # -- starting

    async def sync_pod(self, pod: Object, state: PodState, reasons: Reasons) -> float | None:
        """Start what has to start; returns the seconds until the next look, if one is due."""
        starts = containers_to_start(pod, state)
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
            await self._run_container(pod, sandbox, spec, state, path)
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
        latest, name = state.latest(spec["name"]), spec["name"]
        if latest is None or latest.state != EXITED:
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
        self, pod: Object, sandbox: PodSandbox, spec: Object, state: PodState, path: str
    ) -> None:
        latest = state.latest(spec["name"])
        reason, wait = "CreateContainerError", RETRY_SECONDS
        try:
            if latest is None or latest.state != CREATED or latest.sandbox_id != sandbox.id:
                attempt = latest.attempt + 1 if latest else 0
                self._record("container", pod, spec["name"])
                config = self._config(pod, sandbox, spec, attempt)
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

    def _config(
        self, pod: Object, sandbox: PodSandbox, spec: Object, attempt: int
    ) -> ContainerConfig:
        facts = {"status.podIP": sandbox.ip or self.host_ip, "status.hostIP": self.host_ip}
        env = environment(pod, spec, facts)
        command, args = (
            tuple(expand(word, env) for word in spec.get(part) or ())
            for part in ("command", "args")
        )
        return ContainerConfig(
            spec["name"], spec["image"], attempt, command, args, tuple(env.items())
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

    async def _kill(self, pod: Object, container: Container, grace: float) -> None:
        path = field_path(pod, container.name)
        self.recorder.event(pod, "Normal", "Killing", f"Stopping container {container.name}", path)
        self._record("kill", pod, f"{container.name}, grace {grace:g} s")
        await self.runtime.stop_container(container.id, grace)

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


# -- what has to run


def containers_to_start(pod: Object, state: PodState) -> list[Object]:
    """The containers that have to start now: the next init container, or all the others.

    >>> spec = {"initContainers": [{"name": "init"}], "containers": [{"name": "web"}]}
    >>> [c["name"] for c in containers_to_start({"spec": spec}, PodState())]
    ['init']
    """
    spec, box = pod["spec"], state.sandbox
    policy = spec.get("restartPolicy", "Always")
    init = spec.get("initContainers") or []
    here = {c.name for c in state.containers if box is not None and c.sandbox_id == box.id}
    begun = any(c["name"] in here for c in spec["containers"])
    starts = []
    for container in init:
        latest = state.latest(container["name"]) if container["name"] in here else None
        if is_sidecar(container):
            if should_start("Always", latest):
                starts.append(container)
                if not begun:
                    return starts
        elif not begun and not _succeeded(latest):
            return [container] if should_start(policy, latest) else []
    mains = [c for c in spec["containers"] if should_start(policy, state.latest(c["name"]))]
    done = not mains and not state.running
    return [] if done else starts + mains


def should_start(policy: str, latest: Container | None) -> bool:
    """Whether a container has to start, given the restart policy and the last of its name."""
    if latest is None or latest.state == CREATED:
        return True
    if latest.state == RUNNING or policy == "Never":
        return False
    return policy == "Always" or latest.exit_code != 0


def is_over(pod: Object, state: PodState) -> bool:
    """Whether nothing of the Pod will run again, sidecars aside."""
    spec = pod["spec"]
    policy = spec.get("restartPolicy", "Always")

    def ended(container: Object) -> bool:
        latest = state.latest(container["name"])
        return latest is not None and latest.state == EXITED and not should_start(policy, latest)

    inits = (c for c in spec.get("initContainers") or () if not is_sidecar(c))
    if any(ended(c) and not _succeeded(state.latest(c["name"])) for c in inits):
        return True
    return all(map(ended, spec["containers"]))


def is_sidecar(container: Object) -> bool:
    """An init container that is restarted for as long as the Pod lives."""
    return container.get("restartPolicy") == "Always"


def _succeeded(container: Container | None) -> bool:
    return container is not None and container.state == EXITED and container.exit_code == 0


# -- names and texts


def field_path(pod: Object, name: str) -> str:
    """Where a container stands in the spec, as events name it."""
    init = any(c["name"] == name for c in pod["spec"].get("initContainers") or ())
    return f"spec.{'initContainers' if init else 'containers'}{{{name}}}"


def pod_full_name(pod: Object) -> str:
    """``name_namespace(uid)``, as the kubelet's messages name a Pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


def environment(pod: Object, spec: Object, facts: dict[str, str]) -> dict[str, str]:
    """The variables of a container: values that may use earlier ones, and fields of the Pod."""
    meta = pod["metadata"]
    fields = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        **facts,
    }
    env: dict[str, str] = {}
    for variable in spec.get("env") or ():
        field = (variable.get("valueFrom") or {}).get("fieldRef", {}).get("fieldPath")
        value = fields.get(field, "") if field else expand(variable.get("value", ""), env)
        env[variable["name"]] = value
    return env


def expand(text: str, env: dict[str, str]) -> str:
    """``$(NAME)`` replaced where the name is known; ``$$`` is one dollar.

    >>> expand("hello $(WHO), $(NOBODY) and $$(WHO)", {"WHO": "you"})
    'hello you, $(NOBODY) and $(WHO)'
    """

    def replaced(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else env.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([^()]*)\)", replaced, text)
