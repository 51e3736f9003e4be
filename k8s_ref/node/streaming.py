"""Streaming in the runtime · 运行时里的流

Joins the pipes of an ``exec`` or ``attach`` to a simulated process: what the client types becomes
the process's input, what it prints goes out, and how it ended is said last.  The one idea: exec
starts a process beside the container's own, attach goes to the one that already runs, so only exec
knows an exit code.  A port is the same with one pipe up and one down.

Upstream: containerd, internal/cri/server/container_execsync.go, container_attach.go,
sandbox_portforward_linux.go
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from k8s_ref.apiserver.streams import Connection, Pipe, Session, exited, success
from k8s_ref.node.cri import Answer, Serve
from k8s_ref.node.programs import Context, Input, Program
from k8s_ref.node.shell import INTERRUPTED
from k8s_ref.node.tar import encode
from k8s_ref.node.terminal import Terminal
from k8s_ref.sim.loop import Cancelled, Loop, Task
from k8s_ref.sim.process import Process


class Stdio:
    """The standard streams of one process, seen from outside; clients come and go."""

    def __init__(self, loop: Loop, process: Process, tty: bool) -> None:
        self.loop, self.process = loop, process
        self.sessions: list[Session] = []
        self._input = Pipe(loop)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.terminal = Terminal(loop, partial(self._send, "stdout")) if tty else None
        self.stdin = Input(self.terminal.read if self.terminal else self._read)

    def join(self, session: Session, stdin: bool, once: bool) -> None:
        """A client comes; with its input if the process has one, and the last if ``once``."""
        self.sessions.append(session)
        if stdin and session.options.get("stdin"):
            self._spawn(self._pump(session.stdin, self._type, self.end if once else lambda: None))
        if self.terminal is not None:
            self._spawn(self._pump(session.resize, self.terminal.resize, lambda: None))

    def show(self, stream: str, text: str) -> None:
        """The process printed something."""
        self.terminal.show(text) if self.terminal is not None else self._send(stream, text)

    async def drain(self) -> None:
        """Wait for the slowest client."""
        for session in self.sessions:
            await session.stdout.drain()
            await session.stderr.drain()

    def end(self) -> None:
        """No input will come any more."""
        self._input.close()
        if self.terminal is not None:
            self.terminal.hang_up()

    def finish(self, status: dict[str, Any]) -> None:
        """The process has ended: tell every client how, and let it go."""
        self.end()
        for session in self.sessions:
            session.error.write(json.dumps(status, separators=(",", ":")).encode())
            session.close()

    def _spawn(self, work: Any) -> None:
        # Whoever asked may be gone before the process is.
        self.loop.spawn(work, "stdio", self.process)

    def _send(self, stream: str, text: str) -> None:
        self.sessions = [session for session in self.sessions if not session.error.closed]
        for session in self.sessions:
            wanted = session.options.get(stream)
            pipe = session.stdout if stream == "stdout" else session.stderr
            if wanted:
                pipe.write(encode(text))

    async def _pump(
        self, pipe: Pipe, tell: Callable[[bytes], None], end: Callable[[], None]
    ) -> None:
        while (data := await pipe.read()) is not None:
            tell(data)
            await self._input.drain()
        end()

    def _type(self, data: bytes) -> None:
        if self.terminal is not None:
            self.terminal.type(self._decoder.decode(data))
        else:
            self._input.write(data)

    async def _read(self) -> str | None:
        data = await self._input.read()
        return None if data is None else self._decoder.decode(data)


def execute(
    loop: Loop, process: Process, session: Session, context: Context, program: Program
) -> Task[int]:
    """Run a program beside the container's own, joined to the client."""
    stdio = Stdio(loop, process, bool(session.options.get("tty")))
    stdio.join(session, stdin=True, once=True)
    if not session.options.get("stdin"):
        stdio.end()
    context.sink, context.drain = stdio.show, stdio.drain
    context.stdin, context.terminal = stdio.stdin, stdio.terminal
    task = loop.spawn(program(context), context.argv[0], process)
    task.observed = True
    if stdio.terminal is not None:
        stdio.terminal.foreground = task

    def ended() -> None:
        stdio.finish(exited(_code(task, stdio.terminal), context.argv))

    task.on_done(ended)
    return task


def _code(task: Task[int], terminal: Terminal | None) -> int:
    try:
        return task.result()
    except Cancelled:
        return INTERRUPTED if terminal is not None and terminal.interrupted else KILLED


KILLED = 137
"""Exit code of what the kernel killed: 128 and the number of the signal."""

DETACHED = success()
"""All that an attached client is told when the container ends; the code stands in the status."""


# -- ports

_REQUEST = re.compile(rb"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/(?P<version>1\.[01])\r\n")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
_WORDS = {200: "OK", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}


async def speak(serve: Serve, connection: Connection) -> None:
    """Be the program at the other end of a connection: it answers HTTP, and echoes all else."""
    up, down, received = connection.upward, connection.downward, b""
    try:
        while (data := await up.read()) is not None:
            received += data
            if not re.match(rb"[A-Z]", received) or (
                b"\r\n" in received and not _REQUEST.match(received)
            ):
                down.write(received)
                received = b""
            while (request := _complete(received)) is not None:
                received = received[len(request) :]
                await _answer(serve, request, down)
                if down.closed:
                    return
            await down.drain()
    finally:
        connection.close()


def _complete(received: bytes) -> bytes | None:
    """The first request, if all of it is there.

    >>> _complete(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nGET /more")
    b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
    """
    head, end, _ = received.partition(b"\r\n\r\n")
    if not end or not _REQUEST.match(received):
        return None
    length = _LENGTH.search(head)
    size = len(head) + len(end) + (int(length[1]) if length else 0)
    return received[:size] if len(received) >= size else None


async def _answer(serve: Serve, request: bytes, down: Pipe) -> None:
    found = _REQUEST.match(request)
    assert found is not None, "only whole requests are answered"
    answer = await serve(found["path"].decode("latin-1"))
    last = found["version"] == b"1.0" or _CLOSE.search(request) is not None
    body = answer.body.encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in {
        "Content-Type": content_type(answer), "Content-Length": len(body),
        "Connection": "close" if last else "keep-alive"}.items())  # fmt: skip
    first = f"HTTP/1.1 {answer.code} {_WORDS.get(answer.code, 'Status')}\r\n"
    down.write(f"{first}{head}\r\n".encode() + (b"" if found["method"] == b"HEAD" else body))
    if last:
        down.close()


def content_type(answer: Answer) -> str:
    """What a web server says its answer is."""
    return "text/html" if answer.body.lstrip().startswith("<") else "text/plain"
