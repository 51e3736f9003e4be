"""Container runtime interface · 容器运行时接口

The verbs with which a kubelet asks for sandboxes, containers and images, whoever answers them:
the simulated runtime beside this file, or programs of a real machine.  The one idea: whatever
must survive a kubelet lives on the other side of this line, so a kubelet that starts again asks
instead of remembering.  Records are values: the runtime makes new ones, nobody changes one.

Upstream: staging/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto, pkg/apis/services.go
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from k8s_ref.apiserver.streams import Connection, Session

READY, NOT_READY = "READY", "NOTREADY"
"""States of a sandbox."""

CREATED, RUNNING, EXITED = "CREATED", "RUNNING", "EXITED"
"""States of a container."""


class CRIError(Exception):
    """The runtime could not do it; ``code`` is gRPC's, and the caller tries again later."""

    def __init__(self, message: str, code: str = "Unknown") -> None:
        super().__init__(message)
        self.code = code

    @property
    def rpc(self) -> str:
        """The error as the kubelet's gRPC client words it."""
        return f"rpc error: code = {self.code} desc = {self}"


@dataclass(slots=True, frozen=True)
class PodSandbox:
    """What the containers of a Pod share: an address and a host name."""

    id: str
    pod_uid: str
    namespace: str
    name: str
    attempt: int
    created: int
    """Virtual nanoseconds, like every time in these records."""
    ip: str = ""
    """Empty on the host's network."""
    state: str = READY


@dataclass(slots=True, frozen=True)
class ContainerConfig:
    """What to run."""

    name: str
    image: str
    attempt: int = 0
    """How many containers of this name the Pod had before."""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    ports: tuple[int, ...] = ()
    """Ports that the Pod says it serves."""
    message_path: str = "/dev/termination-log"
    """The file whose text becomes the message of the container's end."""
    stdin: bool = False
    """Whether the program's input stays open for those who attach."""
    stdin_once: bool = False
    """Whether the first of them who leaves ends it."""
    tty: bool = False
    message_from_logs: bool = False
    """Without that text, take the end of the log of a container that failed."""


@dataclass(slots=True, frozen=True)
class Container:
    """One container: one start, one exit; a restart makes another."""

    id: str
    sandbox_id: str
    pod_uid: str
    config: ContainerConfig
    image: str
    """The full reference of the image."""
    image_id: str
    created: int
    state: str = CREATED
    started: int | None = None
    finished: int | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        """The container's name in the Pod."""
        return self.config.name

    @property
    def attempt(self) -> int:
        """How many containers of this name the Pod had before."""
        return self.config.attempt


@dataclass(slots=True, frozen=True)
class Image:
    """An image that lies on the machine."""

    reference: str
    digest: str
    size: int

    @property
    def id(self) -> str:
        """The repository with the digest instead of the tag."""
        return f"{repository(self.reference)}@{self.digest}"


@dataclass(slots=True, frozen=True)
class LogLine:
    """One line that a container printed."""

    at: int
    stream: str
    text: str


@dataclass(slots=True, frozen=True)
class ExecResult:
    """What a command run inside a container printed, and how it ended."""

    exit_code: int
    output: str


@dataclass(slots=True, frozen=True)
class Answer:
    """What a server answered to an HTTP GET."""

    code: int
    body: str = ""


Serve: TypeAlias = Callable[[str], Coroutine[Any, Any, Answer]]
"""Something that listens on a port: it is given the path of a request and answers."""


class CRI(Protocol):
    """A container runtime as the kubelet sees it.  Verbs raise :class:`CRIError`."""

    name: str
    """Who the trace says it is."""
    version: str
    """As ``status.nodeInfo.containerRuntimeVersion`` has it."""
    pod_cidr: str
    """The range the addresses of sandboxes come from."""

    def container_events(self, tell: Callable[[str], None]) -> None:
        """From now on call ``tell(pod uid)`` when a container starts or exits; only the last
        who asked is told."""

    async def run_pod_sandbox(
        self, uid: str, namespace: str, name: str, attempt: int, host_network: bool
    ) -> PodSandbox:
        """Make what the containers of a Pod share."""

    async def stop_pod_sandbox(self, sandbox_id: str) -> None:
        """Kill what still runs in it and give the address back."""

    async def remove_pod_sandbox(self, sandbox_id: str) -> None:
        """Forget it and its containers."""

    async def list_pod_sandboxes(self, uid: str = "") -> Sequence[PodSandbox]:
        """Sandboxes of one Pod or of all, in order of creation."""

    async def create_container(self, sandbox: PodSandbox, config: ContainerConfig) -> Container:
        """Prepare a container; its image must be there."""

    async def start_container(self, container_id: str) -> None:
        """Start the program."""

    async def stop_container(self, container_id: str, timeout: float) -> None:
        """Ask the program to end; kill it if it has not after ``timeout`` seconds."""

    async def remove_container(self, container_id: str) -> None:
        """Forget a container that does not run, and its log."""

    async def list_containers(self, uid: str = "") -> Sequence[Container]:
        """Containers of one Pod or of all, in order of creation."""

    async def container_status(self, container_id: str) -> Container:
        """One container."""

    async def exec_sync(
        self, container_id: str, command: Sequence[str], timeout: float
    ) -> ExecResult:
        """Run a command inside and wait for it; ``TimeoutError`` if it takes longer."""

    async def exec(self, container_id: str, command: Sequence[str], session: Session) -> None:
        """Start a command inside, joined to a client; how it ends goes over the session."""

    async def attach(self, container_id: str, session: Session) -> None:
        """Join a client to the program of the container."""

    async def port_forward(self, sandbox_id: str, port: int) -> Connection:
        """A connection to a port inside; ``ConnectionRefusedError`` if nobody listens."""

    def logs(self, container_id: str) -> Sequence[LogLine]:
        """What a container printed; a file that the kubelet reads, not a call."""

    def follow(self, container_id: str, tell: Callable[[LogLine | None], None]) -> None:
        """Call ``tell`` with every line from now on, and with None when the container has ended;
        a ``tell`` that raises ``StopIteration`` is not called again."""

    async def connect(self, host: str, port: int) -> Serve:
        """Whoever listens there; ``ConnectionRefusedError`` if nobody does.  The node's network,
        not a call."""

    async def pull_image(self, image: str) -> Image:
        """Fetch what is missing of an image."""

    async def image_status(self, image: str) -> Image | None:
        """The image, if it lies on the machine."""

    async def list_images(self) -> Sequence[Image]:
        """The images on the machine, in order of arrival."""


def normalize(image: str) -> str:
    """The full reference of an image: registry, repository and tag or digest.

    >>> normalize("nginx"), normalize("registry.k8s.io/pause:3.10")
    ('docker.io/library/nginx:latest', 'registry.k8s.io/pause:3.10')
    """
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif not ("." in first or ":" in first or first == "localhost"):
        image = f"docker.io/{image}"
    tagged = "@" in image or ":" in image.rpartition("/")[2]
    return image if tagged else f"{image}:latest"


def repository(reference: str) -> str:
    """A full reference without its tag or digest.

    >>> repository("docker.io/library/nginx:1.29")
    'docker.io/library/nginx'
    """
    path, slash, last = reference.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def tag_of(reference: str) -> str:
    """The tag of a full reference, empty if it has none."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
