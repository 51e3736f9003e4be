"""Streams · 流

What flows between a client and a container while ``exec``, ``attach`` or ``port-forward`` lasts,
free of any transport.  The one idea: a channel is a :class:`Pipe` on the cluster's own loop, with a
writer at one end and a reader at the other; WebSocket frames, SPDY frames and an in-process kubectl
only carry bytes between pipes.  Nothing is kept without bound: who writes too fast waits.

Upstream: staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go,
staging/src/k8s.io/kubelet/pkg/cri/streaming/remotecommand/, portforward/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from k8s_ref.apiserver.options import number
from k8s_ref.machinery.errors import InternalError
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Future, Loop

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
"""Numbers of the channels on the wire; how a command ended goes over the one called error."""

AHEAD = 1 << 18
"""So many bytes a writer may be ahead of the reader."""


class Pipe:
    """Bytes that flow one way.

    >>> loop = Loop()
    >>> pipe = Pipe(loop)
    >>> pipe.write(b"hello")
    >>> pipe.close()
    >>> loop.run_task(pipe.read()), loop.run_task(pipe.read())
    (b'hello', None)
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.closed = False
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._changed: Future[None] = Future(loop)

    def write(self, data: bytes) -> None:
        """Put bytes in; into a closed pipe they fall silently."""
        if data and not self.closed:
            self._chunks.append(data)
            self._size += len(data)
            self._wake()

    async def drain(self) -> None:
        """Wait until the reader has caught up."""
        while self._size > AHEAD and not self.closed:
            await self._changed

    async def read(self) -> bytes | None:
        """The next bytes; None: there will be no more."""
        while not self._chunks and not self.closed:
            await self._changed
        if not self._chunks:
            return None
        data = self._chunks.popleft()
        self._size -= len(data)
        self._wake()
        return data

    def close(self) -> None:
        """Nothing more comes; what is inside can still be read."""
        if not self.closed:
            self.closed = True
            self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, Future(self.loop)
        changed.resolve(None)


class Refused(Exception):  # noqa: N818  The kubelet's no, which becomes a Status later.
    """The kubelet does not open the stream: an HTTP code and a line of text."""

    def __init__(self, code: int, text: str, told: str = "") -> None:
        """``told``: in which words an API server says it that speaks with the kubelet itself."""
        super().__init__(text)
        self.code, self.text = code, text
        self.told = told or f"unable to upgrade connection: {text}"


class Session:
    """One ``exec`` or ``attach``: five pipes between a client and a process.

    The client writes ``stdin`` and ``resize``; the node writes the rest: last of all a Status
    to ``error``.
    """

    def __init__(
        self, loop: Loop, options: Object, opener: Callable[[Session], Awaitable[None]]
    ) -> None:
        self.loop, self.options, self._opener = loop, options, opener
        self.stdin, self.stdout, self.stderr, self.error, self.resize = self.channels = tuple(
            Pipe(loop) for _ in range(5)
        )

    async def open(self) -> None:
        """Have the node begin; :class:`Refused` if it will not."""
        await self._opener(self)

    def close(self) -> None:
        """Both sides are done."""
        for pipe in self.channels:
            pipe.close()


class Connection:
    """One connection to a port: bytes to the program and bytes from it."""

    def __init__(self, loop: Loop) -> None:
        self.upward, self.downward = Pipe(loop), Pipe(loop)
        """To the program, and to the client."""

    def close(self) -> None:
        """Both sides are done."""
        self.upward.close()
        self.downward.close()


class Forwarding:
    """One ``port-forward``: as many connections as the client wants, to any port of a Pod."""

    def __init__(
        self, opener: Callable[[], Awaitable[Callable[[int], Awaitable[Connection]]]]
    ) -> None:
        self._opener = opener
        self._connections: list[Connection] = []

    async def open(self) -> None:
        """Have the node begin; :class:`Refused` if it will not."""
        self._dial = await self._opener()

    async def connect(self, port: int) -> Connection:
        """A connection to a port; :class:`ConnectionError` if nobody listens there."""
        connection = await self._dial(port)
        self._connections = [c for c in self._connections if not c.downward.closed]
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """The client goes away, and every connection with it."""
        for connection in self._connections:
            connection.close()


Stream = Session | Forwarding
"""What a request to a subresource that streams is answered with."""

FLAGS = ("stdin", "stdout", "stderr", "tty")
STREAMING = ("exec", "attach", "portforward")
"""The subresources that stream."""


def options_of(query: Mapping[str, Sequence[str]]) -> Object:
    """The options object that a query string stands for; what upstream decodes it to.

    >>> options_of({"command": ["ls", "/"], "stdout": ["true"], "container": ["web"]})
    {'stdout': True, 'container': 'web', 'command': ['ls', '/']}
    """
    options: Object = {flag: True for flag in FLAGS if query.get(flag, [""])[-1] in ("true", "1")}
    if query.get("container"):
        options["container"] = query["container"][-1]
    if query.get("command"):
        options["command"] = list(query["command"])
    if query.get("ports"):
        options["ports"] = [number(port) for each in query["ports"] for port in each.split(",")]
    return options


# -- how a command ended


def success() -> Object:
    """The command ended with exit code 0."""
    return {"metadata": {}, "status": "Success"}


def exited(code: int, command: Sequence[str]) -> Object:
    """The Status of a command that ended with an exit code.

    >>> exited(3, ["sh", "-c", "exit 3"])["details"]
    {'causes': [{'reason': 'ExitCode', 'message': '3'}]}
    """
    if not code:
        return success()
    how = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {how}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(why: str) -> Object:
    """The Status of a stream that went wrong before or beside the command."""
    error = InternalError.of(why).status()
    return {name: error[name] for name in error if name not in ("kind", "apiVersion")}


def exit_code(status: Object) -> int | None:
    """The exit code a Status tells, or None if it tells of another failure."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    return next((int(c["message"]) for c in causes if c.get("reason") == "ExitCode"), None)


def translated(status: Object) -> Object:
    """A Status of the node as the API server hands it on when it speaks for the node.

    Upstream: codeExitToStatusError and writeStatus in
    staging/src/k8s.io/apiserver/pkg/util/proxy/streamtranslator.go
    """
    code = exit_code(status)
    if code is None:
        return failed(status["message"])
    told = f"command terminated with non-zero exit code: command terminated with exit code {code}"
    return {**status, "message": told} if code else status
