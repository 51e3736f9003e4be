"""Programs in containers · 容器里的程序

A simulated program is a coroutine that is given its surroundings and returns an exit code: it
prints, sleeps on the cluster's clock and hears signals.  The one idea: a container costs one
suspended coroutine, so thousands run in one process and none of them can do harm.

The first process of a container is special in Linux: a signal it has no handler for is ignored.
That is why ``sleep 3600`` is killed only after the grace period and nginx, which handles it, is
gone at once.

Upstream: none; the kernel and the programs themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from posixpath import join, normpath
from typing import Any, TypeAlias

from k8s_ref.node.cri import Answer, Serve
from k8s_ref.node.terminal import Terminal
from k8s_ref.sim.loop import SECOND, Future, Loop

Program: TypeAlias = "Callable[[Context], Coroutine[Any, Any, int]]"


class Lines:
    """Cuts what is printed into whole lines, stream by stream.

    >>> lines = []
    >>> cut = Lines(lambda stream, line: lines.append(line))
    >>> cut("stdout", "a\\nb")
    >>> lines
    ['a']
    >>> cut.flush()
    >>> lines
    ['a', 'b']
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._rest: dict[str, str] = {}

    def __call__(self, stream: str, text: str) -> None:
        """Take some text; lines go out when they are complete."""
        *lines, self._rest[stream] = (self._rest.get(stream, "") + text).split("\n")
        for line in lines:
            self._tell(stream, line)

    def flush(self) -> None:
        """Nothing more comes: what was not finished with a newline goes out too."""
        for stream, rest in self._rest.items():
            if rest:
                self._tell(stream, rest)
        self._rest.clear()


class Input:
    """Text that a program reads from its standard input, in pieces or line by line."""

    def __init__(self, read: Callable[[], Awaitable[str | None]]) -> None:
        self._read, self._rest = read, ""

    @classmethod
    def of(cls, text: str) -> Input:
        """An input that holds a text and then ends."""
        pieces = [text] if text else []

        async def read() -> str | None:
            return pieces.pop() if pieces else None

        return cls(read)

    async def read(self) -> str | None:
        """The next piece; None at the end."""
        rest, self._rest = self._rest, ""
        return rest or await self._read()

    async def line(self) -> str | None:
        """The next line with its newline, the last one perhaps without; None at the end."""
        while "\n" not in self._rest:
            piece = await self._read()
            if piece is None:
                rest, self._rest = self._rest, ""
                return rest or None
            self._rest += piece
        line, newline, self._rest = self._rest.partition("\n")
        return line + newline


class Context:
    """What a program sees of its container."""

    def __init__(
        self,
        loop: Loop,
        argv: Sequence[str],
        env: Mapping[str, str],
        hostname: str,
        programs: Mapping[str, Program],
        sink: Callable[[str, str], None],
    ) -> None:
        self.loop, self.argv, self.env, self.hostname = loop, list(argv), dict(env), hostname
        self.programs, self.sink = programs, sink
        """Where text goes: ``sink(stream, text)``."""
        self.stopped: Future[str] = Future(loop)
        """Resolved with the signal's name when the container is asked to end."""
        self.files: dict[str, str] = {}
        """Path → text, seen by every program of the container and gone with it."""
        self.listening: dict[int, Serve] = {}
        """Who answers on which port."""
        self.ports: tuple[int, ...] = ()
        """The ports its Pod says it serves."""
        self.stdin: Input | None = None
        """What it reads, if anybody opened it."""
        self.terminal: Terminal | None = None
        """The terminal it talks to, if there is one."""
        self.drain: Callable[[], Awaitable[None]] | None = None
        """Waits until whoever reads the output has caught up."""
        self.cwd = "/"

    def write(self, text: str, stream: str = "stdout") -> None:
        """Print text."""
        if text:
            self.sink(stream, text)

    async def read(self) -> str | None:
        """The next piece of the standard input; None at its end."""
        return await self.stdin.read() if self.stdin is not None else None

    def path(self, name: str) -> str:
        """The absolute path of a file's name.

        >>> context = Context(Loop(), [], {}, "", {}, print)
        >>> context.path("tmp/../etc/hosts"), context.path("/")
        ('/etc/hosts', '/')
        """
        return normpath(join(self.cwd, name)).replace("//", "/")

    def child(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        sink: Callable[[str, str], None] | None = None,
    ) -> Context:
        """The surroundings of a program that this one starts; no signal reaches it."""
        inner = Context(self.loop, argv, env, self.hostname, self.programs, sink or self.sink)
        inner.files, inner.listening, inner.cwd = self.files, self.listening, self.cwd
        inner.stdin, inner.terminal, inner.drain = self.stdin, self.terminal, self.drain
        return inner

    @property
    def time(self) -> datetime:
        """The date and time inside."""
        return datetime.fromtimestamp(self.loop.epoch + self.loop.now / SECOND, UTC)


def server(
    greeting: Sequence[str] = (),
    farewell: Sequence[str] = (),
    ports: Sequence[int] = (),
    root: str = "",
) -> Program:
    """A program that serves until it is asked to end, and then ends well.

    It answers requests from the files under ``root``, or any with 200 if it has no root.
    """

    async def serve(context: Context) -> int:
        async def answer(path: str) -> Answer:
            return from_files(context.files, root, path) if root else Answer(200, "OK\n")

        context.listening.update(dict.fromkeys(ports or context.ports, answer))
        _say(context, greeting)
        signal = await context.stopped
        context.listening.clear()
        await context.loop.sleep(LINGER_SECONDS)
        _say(context, farewell, signal)
        return 0

    return serve


def from_files(files: Mapping[str, str], root: str, path: str) -> Answer:
    """What a web server answers that serves the files under ``root``.

    >>> from_files({"/www/index.html": "hello"}, "/www", "/?q=1")
    Answer(code=200, body='hello')
    """
    name = root + path.partition("?")[0]
    if name.endswith("/"):
        name += "index.html"
        return Answer(200, files[name]) if name in files else Answer(403, "403 Forbidden\n")
    return Answer(200, files[name]) if name in files else Answer(404, "404 Not Found\n")


LINGER_SECONDS = 0.05
"""How long a server takes to close what is open."""


def _say(context: Context, lines: Sequence[str], signal: str = "") -> None:
    time, host = context.time, context.hostname
    for line in lines:
        context.write(line.format(time=time, host=host, signal=signal) + "\n")
