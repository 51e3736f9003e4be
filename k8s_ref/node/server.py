"""The kubelet's server · kubelet 的服务端

What a kubelet answers on its own port: logs, commands to run in containers, ports to reach, and a
few pages about itself.  Only the API server calls it.  The one idea: the kubelet knows names and
the runtime knows ids; here one becomes the other, for containers that run at this moment, and what
then flows between client and container does not concern the kubelet any more.

Upstream: pkg/kubelet/server/server.go, pkg/kubelet/kubelet_pods.go (GetExec, GetAttach,
GetPortForward)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from k8s_ref.apiserver.streams import Connection, Refused, Session
from k8s_ref.client.informer import Informer
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.node.cri import CRI, READY, RUNNING, Container, CRIError
from k8s_ref.node.logs import LogStream, container_id, text_of
from k8s_ref.node.status_manager import StatusManager
from k8s_ref.sim.loop import SECOND, Loop

NO_STREAMS = "you must specify at least 1 of stdin, stdout, stderr"


class Server:
    """Answers for one kubelet.  Writes: nothing."""

    def __init__(
        self, actor: str, loop: Loop, runtime: CRI, pods: Informer, status: StatusManager
    ) -> None:
        self.actor, self.loop, self.runtime = actor, loop, runtime
        self.pods, self.status = pods, status

    # -- logs

    def container_logs(
        self,
        namespace: str,
        name: str,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        timestamps: bool = False,
        since_seconds: float | None = None,
    ) -> str:
        """What a container printed; ``NotFound`` or ``BadRequest`` in upstream's words."""
        lines = self.runtime.logs(self._container_id(namespace, name, container, previous))
        since = None if since_seconds is None else self.loop.now - round(since_seconds * SECOND)
        return text_of(lines, self.loop.epoch, tail, since, timestamps)

    def follow_logs(
        self, namespace: str, name: str, container: str, *, timestamps: bool = False, **more: Any
    ) -> LogStream:
        """The same, and then what it prints from now on, until it ends."""
        text = self.container_logs(namespace, name, container, timestamps=timestamps, **more)
        identity = self._container_id(namespace, name, container, more.get("previous", False))
        return LogStream(self.loop, self.runtime, identity, text, timestamps)

    def _container_id(self, namespace: str, name: str, container: str, previous: bool) -> str:
        pod = self.pods.get(f"{namespace}/{name}")
        if pod is None:
            raise NotFound.of("pods", "", name)
        status = self.status.get(pod["metadata"]["uid"]) or pod["status"]
        return container_id(name, status, container, previous)

    # -- streams

    async def exec(
        self, namespace: str, name: str, container: str, command: Sequence[str], session: Session
    ) -> None:
        """Start a command in a container that runs."""
        found = await self._running(self._pod(namespace, name, session), container)
        if found is None:
            raise Refused(500, f'container not found ("{container}")')
        self._record(namespace, name, f"{container}: {' '.join(command)}")
        await self._ask(self.runtime.exec(found.id, command, session))

    async def attach(self, namespace: str, name: str, container: str, session: Session) -> None:
        """Join the program of a container that runs."""
        found = await self._running(self._pod(namespace, name, session), container)
        if found is None:
            raise Refused(500, f"container {container} not found in pod {name}_{namespace}")
        self._record(namespace, name, container)
        await self._ask(self.runtime.attach(found.id, session))

    async def port_forward(
        self, namespace: str, name: str
    ) -> Callable[[int], Awaitable[Connection]]:
        """How to reach the ports of a Pod that runs."""
        pod = self._pod(namespace, name)
        boxes = await self.runtime.list_pod_sandboxes(pod["metadata"]["uid"])
        ready = next((box for box in reversed(boxes) if box.state == READY), None)
        if ready is None:
            raise Refused(500, f'pod not found ("{name}_{namespace}")')

        async def connect(port: int) -> Connection:
            self._record(namespace, name, f"port {port}")
            try:
                return await self.runtime.port_forward(ready.id, port)
            except ConnectionRefusedError as error:
                why = f"error forwarding port {port} to pod {ready.id}, uid : {error}"
                raise ConnectionRefusedError(why) from error

        return connect

    def _pod(self, namespace: str, name: str, session: Session | None = None) -> Object:
        options = session.options if session is not None else {"stdout": True}
        if not any(options.get(stream) for stream in ("stdin", "stdout", "stderr")):
            raise Refused(400, NO_STREAMS)
        pod = self.pods.get(f"{namespace}/{name}")
        if pod is None:
            raise Refused(404, "pod does not exist")
        return pod

    async def _running(self, pod: Object, name: str) -> Container | None:
        containers = await self.runtime.list_containers(pod["metadata"]["uid"])
        return next((c for c in containers if c.name == name and c.state == RUNNING), None)

    def _record(self, namespace: str, name: str, note: str) -> None:
        subject = f"pods/{namespace}/{name}"
        self.loop.record(self.actor, "stream", subject, note, self.runtime.name)

    async def _ask(self, call: Awaitable[None]) -> None:
        try:
            await call
        except CRIError as error:
            raise Refused(500, error.rpc) from error

    # -- HTTP

    async def fetch(self, host: str, port: int, path: str) -> tuple[int, str]:
        """What an address answers that can be reached from this node."""
        answer = await (await self.runtime.connect(host, port))(path)
        return answer.code, answer.body

    def page(self, path: str) -> tuple[int, str]:
        """A page about the kubelet or its Pods, as ``kubectl get --raw …/proxy/healthz`` asks."""
        parts = path.partition("?")[0].strip("/").split("/")
        if parts == ["healthz"]:
            return 200, "ok"
        if parts == ["pods"]:
            items = sorted(self.pods.list(), key=key_of)
            body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
            return 200, json.dumps(body, separators=(",", ":")) + "\n"
        if parts[0] == "containerLogs" and len(parts) == 4:
            try:
                return 200, self.container_logs(*parts[1:])
            except ApiError as error:
                return error.code, str(error)
        return 404, "404 page not found\n"
