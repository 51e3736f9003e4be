"""Simulated container runtime · 模拟的容器运行时

What containerd does on a machine, on the cluster's clock: it pulls images layer by layer, gives a
sandbox an address, and runs each container's program as a coroutine.  The one idea: it is a process
of its own beside the kubelet, so containers go on while a kubelet is down; and since every verb
takes its time first and changes something last, a caller that dies in between leaves nothing half
done.

Upstream: containerd's CRI plugin; pkg/kubelet/cri/remote/ is the caller's side
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from typing import Any

from k8s_ref.apiserver.streams import Connection, Session, failed
from k8s_ref.node.cri import (
    CREATED,
    EXITED,
    NOT_READY,
    READY,
    RUNNING,
    Container,
    ContainerConfig,
    CRIError,
    ExecResult,
    Image,
    LogLine,
    PodSandbox,
    Serve,
    normalize,
)
from k8s_ref.node.images import image_of, layers_of, manifest_of
from k8s_ref.node.programs import Context, Lines, Program
from k8s_ref.node.streaming import DETACHED, KILLED, Stdio, execute, speak
from k8s_ref.sim.loop import Loop, Task
from k8s_ref.sim.process import Process

SANDBOX_SECONDS = 0.3
CREATE_SECONDS = 0.04
START_SECONDS = 0.06
REGISTRY_SECONDS = 0.3
"""Asking the registry for a manifest."""

BYTES_PER_SECOND = 40_000_000
"""Download and unpacking of layers."""

LOG_LINES = 10_000
"""So many lines of a container are kept; the kubelet of a real node rotates files of 10 MiB."""

MESSAGE_BYTES, MESSAGE_FROM_LOG_BYTES, MESSAGE_FROM_LOG_LINES = 4096, 2048, 80
"""How long the message of a container's end may be."""

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class Running:
    """A container's program and what it sees."""

    task: Task[Any]
    context: Context
    stdio: Stdio
    lines: Lines
    """Where its log is cut into lines."""
    execs: list[Task[int]] = field(default_factory=list)
    """What else was started in the container; it ends with it."""


class Runtime:
    """The containerd of one machine.  Writes: its sandboxes, containers, logs and images.

    >>> loop = Loop()
    >>> runtime = Runtime(loop, "node-1", "10.244.0.0/24")
    >>> box = loop.run_task(runtime.run_pod_sandbox("u", "default", "web", 0, False))
    >>> box.ip, loop.seconds
    ('10.244.0.2', 0.3)
    """

    version = "containerd://2.2.1"

    def __init__(self, loop: Loop, node: str, pod_cidr: str) -> None:
        self.loop, self.node, self.pod_cidr = loop, node, pod_cidr
        self.name = f"containerd/{node}"
        self.process = Process(loop, self.name, self._nothing)
        self.images: dict[str, Image] = {}
        self.layers: dict[str, int] = {}
        self._sandboxes: dict[str, PodSandbox] = {}
        self._containers: dict[str, Container] = {}
        self._pods: dict[str, dict[str, None]] = {}
        """Uid of a Pod → ids of its containers."""
        self._running: dict[str, Running] = {}
        self._logs: dict[str, deque[LogLine]] = {}
        self._followers: dict[str, list[Callable[[LogLine | None], None]]] = {}
        self._network = ip_network(pod_cidr)
        self._addresses: dict[str, str] = {}
        self._last_address = 1
        self._ids = loop.stream(self.name)
        self._tell: Callable[[str], None] = lambda uid: None

    def container_events(self, tell: Callable[[str], None]) -> None:
        """From now on call ``tell(pod uid)`` when a container starts or exits."""
        self._tell = tell

    def reboot(self) -> None:
        """The machine went down and came up again: nothing runs, everything on disk is there."""
        self.process.stop()
        for container_id in list(self._running):
            self._exited(container_id, 255, "Unknown")
        for sandbox in list(self._sandboxes.values()):
            self._sandboxes[sandbox.id] = replace(sandbox, state=NOT_READY)
        self._addresses.clear()

    # -- sandboxes

    async def run_pod_sandbox(
        self, uid: str, namespace: str, name: str, attempt: int, host_network: bool
    ) -> PodSandbox:
        """Make what the containers of a Pod share: here only an address."""
        await self.loop.sleep(SANDBOX_SECONDS)
        new = self._new_id()
        ip = "" if host_network else self._address(new)
        sandbox = PodSandbox(new, uid, namespace, name, attempt, self.loop.now, ip)
        self._sandboxes[new] = sandbox
        return sandbox

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kill what still runs in it and give the address back."""
        for container in self._inside(sandbox_id):
            if container.id in self._running:
                self._kill(container.id)
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is not None:
            self._sandboxes[sandbox_id] = replace(sandbox, state=NOT_READY)
            self._addresses.pop(sandbox.ip, None)

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        """Forget it and its containers."""
        await self.stop_pod_sandbox(sandbox_id)
        for container in self._inside(sandbox_id):
            await self.remove_container(container.id)
        self._sandboxes.pop(sandbox_id, None)

    async def list_pod_sandboxes(self, uid: str = "") -> Sequence[PodSandbox]:
        """Sandboxes of one Pod or of all, in order of creation."""
        return [box for box in self._sandboxes.values() if not uid or box.pod_uid == uid]

    def _inside(self, sandbox_id: str) -> list[Container]:
        """The containers of a sandbox."""
        box = self._sandboxes.get(sandbox_id)
        return [c for c in self._of(box.pod_uid) if c.sandbox_id == sandbox_id] if box else []

    def _of(self, uid: str) -> list[Container]:
        return [self._containers[container_id] for container_id in self._pods.get(uid, ())]

    def _address(self, sandbox_id: str) -> str:
        """The next free address, going round; the first belongs to the bridge."""
        for _ in range(self._network.num_addresses):
            self._last_address += 1
            if self._last_address >= self._network.num_addresses - 1:
                self._last_address = 2
            ip = str(self._network[self._last_address])
            if ip not in self._addresses:
                self._addresses[ip] = sandbox_id
                return ip
        raise CRIError(f"no IP addresses available in range set: {self.pod_cidr}")

    # -- containers

    async def create_container(self, sandbox: PodSandbox, config: ContainerConfig) -> Container:
        """Prepare a container; its image must be there."""
        image = await self.image_status(config.image)
        if image is None:
            raise CRIError(
                f'failed to create containerd container: image "{config.image}": not found'
            )
        await self.loop.sleep(CREATE_SECONDS)
        new = self._new_id()
        container = Container(
            new, sandbox.id, sandbox.pod_uid, config, image.reference, image.id, self.loop.now
        )
        self._containers[new] = container
        self._pods.setdefault(sandbox.pod_uid, {})[new] = None
        self._logs[new] = deque(maxlen=LOG_LINES)
        return container

    async def start_container(self, container_id: str) -> None:
        """Start the program; :class:`CRIError` and exit code 128 if there is no such executable."""
        await self.loop.sleep(START_SECONDS)
        container = self._container(container_id)
        assert container.state == CREATED, "a container is started once"
        manifest = manifest_of(container.image)
        argv = manifest.argv(container.config.command, container.config.args)
        program = manifest.find(argv)
        if program is None:
            raise self._cannot_start(container, argv)
        lines = Lines(partial(self._print, container_id))
        stdio = Stdio(self.loop, self.process, container.config.tty)
        context = self._context(container, argv, stdio, lines)
        context.files.update(manifest.files)
        self._containers[container_id] = replace(container, state=RUNNING, started=self.loop.now)
        # Spawned into the runtime's own process: the kubelet that asked may die.
        task = self.loop.spawn(
            self._run(container_id, program, context), argv[0] if argv else "", self.process
        )
        self._running[container_id] = Running(task, context, stdio, lines)
        self._tell(container.pod_uid)

    async def stop_container(self, container_id: str, timeout: float) -> None:
        """Ask the program to end; kill it if it has not after ``timeout`` seconds."""
        running = self._running.get(container_id)
        if running is None:
            return
        signal = manifest_of(self._container(container_id).image).stop_signal
        running.context.stopped.resolve(signal)
        either = self.loop.future()
        running.task.on_done(lambda: either.resolve(None))
        self.loop.call_later(timeout, either.resolve, None)
        await either
        if self._running.get(container_id) is running:
            self._kill(container_id)

    async def remove_container(self, container_id: str) -> None:
        """Forget a container that does not run, and its log."""
        assert container_id not in self._running, "a running container is not removed"
        container = self._containers.pop(container_id, None)
        self._logs.pop(container_id, None)
        if container is not None:
            del self._pods[container.pod_uid][container_id]
            if not self._pods[container.pod_uid]:
                del self._pods[container.pod_uid]

    async def list_containers(self, uid: str = "") -> Sequence[Container]:
        """Containers of one Pod or of all, in order of creation."""
        return self._of(uid) if uid else list(self._containers.values())

    async def container_status(self, container_id: str) -> Container:
        """One container."""
        return self._container(container_id)

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout: float
    ) -> ExecResult:
        """Run a command inside and wait for it; ``TimeoutError`` if it takes longer."""
        container = self._container(container_id)
        if container_id not in self._running:
            raise CRIError(f"container {container_id} is not running")
        program = manifest_of(container.image).find(command)
        if program is None:
            raise CRIError(f"failed to exec in container: {_not_executable(command[0])}")
        pieces: list[str] = []
        context = self._inside_of(container, command)
        context.sink = lambda _, text: pieces.append(text)
        code = await self.loop.within(timeout, program(context))
        return ExecResult(code, "".join(pieces))

    async def exec(self, container_id: str, command: Sequence[str], session: Session) -> None:
        """Start a command inside, joined to a client."""
        container, running = self._container(container_id), self._running.get(container_id)
        if running is None:
            raise CRIError(f"container is in CONTAINER_{container.state} state")
        program = manifest_of(container.image).find(command)
        if program is None:
            why = (
                f'failed to exec in container: failed to start exec "{self._new_id()}": OCI runtime'
                " exec failed: exec failed: unable to start container process:"
                f" {_not_executable(command[0] if command else '')}"
            )
            status = failed(f"error executing command in container: {why}")
            session.error.write(json.dumps(status, separators=(",", ":")).encode())
            session.close()
            return
        context = self._inside_of(container, command)
        running.execs = [task for task in running.execs if not task.done]
        running.execs.append(execute(self.loop, self.process, session, context, program))

    async def attach(self, container_id: str, session: Session) -> None:
        """Join a client to the program of the container."""
        container, running = self._container(container_id), self._running.get(container_id)
        if running is None:
            raise CRIError(f"container is in CONTAINER_{container.state} state")
        running.stdio.join(session, container.config.stdin, container.config.stdin_once)

    async def port_forward(self, sandbox_id: str, port: int) -> Connection:
        """A connection to a port inside; ``ConnectionRefusedError`` if nobody listens."""
        serve = self._listening([self._sandboxes[sandbox_id]], port)
        if serve is None:
            space = (
                f"/var/run/netns/cni-{sandbox_id[:8]}" if self._sandboxes[sandbox_id].ip else "host"
            )
            refused = "connect: connection refused"
            raise ConnectionRefusedError(
                f'failed to execute portforward in network namespace "{space}": failed to connect'
                f' to localhost:{port} inside namespace "{sandbox_id}",'
                f" IPv4: dial tcp4 127.0.0.1:{port}: {refused}"
                f" IPv6 dial tcp6 [::1]:{port}: {refused} "
            )
        connection = Connection(self.loop)
        self.loop.spawn(speak(serve, connection), f"port {port}", self.process)
        return connection

    def _inside_of(self, container: Container, command: Sequence[str]) -> Context:
        """The surroundings of another program in a container that runs."""
        context = self._running[container.id].context.child(command, self._env(container))
        context.stdin, context.terminal, context.drain, context.cwd = None, None, None, "/"
        return context

    async def connect(self, host: str, port: int) -> Serve:
        """Whoever listens there; ``ConnectionRefusedError`` if nobody does."""
        # What has no address of its own is on the host's network.
        there = [self._sandboxes[self._addresses[host]]] if host in self._addresses else [
            box for box in self._sandboxes.values() if box.state == READY and not box.ip
        ]  # fmt: skip
        serve = self._listening(there, port)
        if serve is None:
            raise ConnectionRefusedError(f"dial tcp {host}:{port}: connect: connection refused")
        return serve

    def _listening(self, boxes: Sequence[PodSandbox], port: int) -> Serve | None:
        for container in (c for box in boxes for c in self._inside(box.id)):
            running = self._running.get(container.id)
            if running is not None and port in running.context.listening:
                return running.context.listening[port]
        return None

    def logs(self, container_id: str) -> Sequence[LogLine]:
        """What a container printed."""
        return list(self._logs.get(container_id, ()))

    def follow(self, container_id: str, tell: Callable[[LogLine | None], None]) -> None:
        """Call ``tell`` with every line from now on, and with None when the container has ended."""
        if container_id in self._running:
            self._followers.setdefault(container_id, []).append(tell)
        else:
            tell(None)

    def _print(self, container_id: str, stream: str, text: str) -> None:
        line = LogLine(self.loop.now, stream, text)
        self._logs[container_id].append(line)
        if container_id in self._followers:
            self._tell_followers(container_id, line)

    def _tell_followers(self, container_id: str, line: LogLine | None) -> None:
        for tell in list(self._followers.get(container_id, ())):
            try:
                tell(line)
            except StopIteration:
                self._followers[container_id].remove(tell)

    def _container(self, container_id: str) -> Container:
        if container_id not in self._containers:
            raise CRIError(
                f'an error occurred when try to find container "{container_id}": not found',
                "NotFound",
            )
        return self._containers[container_id]

    def _context(
        self, container: Container, argv: Sequence[str], stdio: Stdio, lines: Lines
    ) -> Context:
        hostname = self._sandboxes[container.sandbox_id].name

        def show(stream: str, text: str) -> None:
            lines(stream, text)
            stdio.show(stream, text)

        programs = manifest_of(container.image).programs
        context = Context(self.loop, argv, self._env(container), hostname, programs, show)
        context.ports = container.config.ports
        context.files["/etc/hostname"] = f"{hostname}\n"
        context.drain, context.terminal = stdio.drain, stdio.terminal
        context.stdin = stdio.stdin if container.config.stdin else None
        return context

    def _env(self, container: Container) -> dict[str, str]:
        hostname = self._sandboxes[container.sandbox_id].name
        return {"PATH": SEARCH_PATH, "HOSTNAME": hostname, **dict(container.config.env)}

    async def _run(self, container_id: str, program: Program, context: Context) -> None:
        code = await program(context)
        self._exited(container_id, code, "Error" if code else "Completed")

    def _kill(self, container_id: str) -> None:
        task = self._running[container_id].task
        task.cancel()
        self.process.tasks.pop(task, None)
        self._exited(container_id, KILLED, "Error")

    def _exited(self, container_id: str, code: int, reason: str) -> None:
        container, running = self._containers[container_id], self._running.pop(container_id)
        running.lines.flush()
        container = self._containers[container_id] = replace(
            container, state=EXITED, finished=self.loop.now, exit_code=code, reason=reason,
            message=self._last_words(container, running.context, code),
        )  # fmt: skip
        self._tell_followers(container_id, None)
        self._followers.pop(container_id, None)
        running.stdio.finish(DETACHED)
        for task in running.execs:
            task.cancel()
        sandbox = self._sandboxes[container.sandbox_id]
        self.loop.cause = self.loop.record(
            self.name, "exit", f"pods/{sandbox.namespace}/{sandbox.name}",
            f"{container.name}: exit code {code}",
        )  # fmt: skip
        self._tell(container.pod_uid)

    def _last_words(self, container: Container, context: Context, code: int) -> str:
        """What the program left in its termination file, or printed last."""
        config = container.config
        text = context.files.get(config.message_path, "")[:MESSAGE_BYTES]
        if text or not code or not config.message_from_logs:
            return text
        lines = list(self._logs[container.id])[-MESSAGE_FROM_LOG_LINES:]
        return "".join(f"{line.text}\n" for line in lines)[-MESSAGE_FROM_LOG_BYTES:]

    def _cannot_start(self, container: Container, argv: Sequence[str]) -> CRIError:
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create"
            f" failed: runc create failed: unable to start container process: error during"
            f" container init: {_not_executable(argv[0] if argv else '')}"
        )
        self._containers[container.id] = replace(
            container, state=EXITED, started=None, finished=self.loop.now, exit_code=128,
            reason="StartError", message=message,
        )  # fmt: skip
        return CRIError(message)

    # -- images

    async def pull_image(self, image: str) -> Image:
        """Fetch the layers that are missing, one after the other; layers that came are kept."""
        reference = normalize(image)
        await self.loop.sleep(REGISTRY_SECONDS)
        for layer, size in layers_of(reference).items():
            if layer not in self.layers:
                await self.loop.sleep(size / BYTES_PER_SECOND)
                self.layers[layer] = size
        self.images[reference] = image_of(reference)
        return self.images[reference]

    async def image_status(self, image: str) -> Image | None:
        """The image, if it lies on the machine."""
        return self.images.get(normalize(image))

    async def list_images(self) -> Sequence[Image]:
        """The images on the machine, in order of arrival."""
        return list(self.images.values())

    def _new_id(self) -> str:
        return f"{self._ids.getrandbits(256):064x}"

    async def _nothing(self) -> None:
        """The runtime does nothing of its own accord."""


def _not_executable(name: str) -> str:
    slash = "stat" if "/" in name else ""
    why = "no such file or directory" if slash else "executable file not found in $PATH"
    return f'exec: "{name}": {"stat " + name + ": " if slash else ""}{why}'
