"""Lifecycle hooks · 生命周期钩子

What a Pod wants done right after a container has started and right before it is told to stop: a
command inside, an HTTP request, or just a pause.  The start hook runs beside the container's own
program and is waited for; the stop hook uses up the grace period.

Upstream: pkg/kubelet/lifecycle/handlers.go, kuberuntime_container.go (executePreStopHook)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.meta import Object
from k8s_ref.node.cri import CRI, Container, CRIError
from k8s_ref.node.pod_actions import field_path, pod_full_name
from k8s_ref.node.prober import get
from k8s_ref.sim.loop import Loop

NO_LIMIT = 1e6
"""A hook may take so many seconds, which is for ever."""


class HookError(Exception):
    """The hook failed; the text is for the container's status."""


class Hooks:
    """Runs hooks for one kubelet.  Writes: events about those that failed."""

    def __init__(self, loop: Loop, runtime: CRI, recorder: EventRecorder) -> None:
        self.loop, self.runtime, self.recorder = loop, runtime, recorder

    async def post_start(self, pod: Object, spec: Object, container: Container, ip: str) -> None:
        """Wait for the hook; :class:`HookError` if it fails."""
        hook = (spec.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        try:
            await self._run(pod, spec, hook, container, ip)
        except HookError:
            path = field_path(pod, spec["name"])
            self.recorder.event(pod, "Warning", "FailedPostStartHook", "PostStartHook failed", path)
            raise

    async def pre_stop(
        self, pod: Object, container: Container, grace: float, ip: Callable[[], Awaitable[str]]
    ) -> None:
        """Wait for the hook, at most for the grace period; a failure is only told."""
        specs = (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"])
        spec: Object = next((spec for spec in specs if spec["name"] == container.name), {})
        hook = (spec.get("lifecycle") or {}).get("preStop")
        if not hook:
            return
        try:
            run = self._run(pod, spec, hook, container, await ip())
            await self.loop.within(grace, run)
        except TimeoutError:
            return
        except HookError:
            path = field_path(pod, spec["name"])
            self.recorder.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", path)

    async def _run(
        self, pod: Object, spec: Object, hook: Object, container: Container, ip: str
    ) -> None:
        if "sleep" in hook:
            await self.loop.sleep(hook["sleep"]["seconds"])
            return
        whom = f'for Container "{spec["name"]}" in Pod "{pod_full_name(pod)}" failed - error:'
        if "exec" in hook:
            command = hook["exec"].get("command") or []
            error, output = await self._exec(container, command)
            if error:
                what = f"Exec lifecycle hook ([{' '.join(command)}]) {whom} {error}"
                raise HookError(f'{what}, message: "{_quoted(output)}"')
        elif "httpGet" in hook:
            well, output = await get(self.runtime, self.loop, hook["httpGet"], spec, ip, NO_LIMIT)
            if not well:
                path = hook["httpGet"].get("path", "")
                raise HookError(f'HTTP lifecycle hook ({path}) {whom} {output}, message: ""')

    async def _exec(self, container: Container, command: list[str]) -> tuple[str, str]:
        """The error in upstream's words (nothing if all went well), and the output."""
        try:
            result = await self.runtime.exec_sync(container.id, command, NO_LIMIT)
        except CRIError as error:
            return error.rpc, ""
        if not result.exit_code:
            return "", result.output
        how = f"exited with {result.exit_code}: {result.output}"
        return f"command '{' '.join(command)}' {how}", result.output


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
