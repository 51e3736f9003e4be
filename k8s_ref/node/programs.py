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

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from k8s_ref.sim.loop import SECOND, Future, Loop

Program: TypeAlias = "Callable[[Context], Coroutine[Any, Any, int]]"


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
        """Where lines go: ``sink(stream, line)``."""
        self.stopped: Future[str] = Future(loop)
        """Resolved with the signal's name when the container is asked to end."""
        self._rest: dict[str, str] = {}

    def write(self, text: str, stream: str = "stdout") -> None:
        """Print text; lines go out when they are complete."""
        *lines, self._rest[stream] = (self._rest.get(stream, "") + text).split("\n")
        for line in lines:
            self.sink(stream, line)

    def flush(self) -> None:
        """The program ends: print what it did not finish with a newline."""
        for stream, rest in self._rest.items():
            if rest:
                self.sink(stream, rest)
        self._rest.clear()

    def child(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        sink: Callable[[str, str], None] | None = None,
    ) -> Context:
        """The surroundings of a program that this one starts; no signal reaches it."""
        return Context(self.loop, argv, env, self.hostname, self.programs, sink or self.sink)

    @property
    def time(self) -> datetime:
        """The date and time inside."""
        return datetime.fromtimestamp(self.loop.epoch + self.loop.now / SECOND, UTC)


def server(greeting: Sequence[str] = (), farewell: Sequence[str] = ()) -> Program:
    """A program that serves until it is asked to end, and then ends well."""

    async def serve(context: Context) -> int:
        _say(context, greeting)
        signal = await context.stopped
        await context.loop.sleep(LINGER_SECONDS)
        _say(context, farewell, signal)
        return 0

    return serve


LINGER_SECONDS = 0.05
"""How long a server takes to close what is open."""


def _say(context: Context, lines: Sequence[str], signal: str = "") -> None:
    for line in lines:
        context.write(line.format(time=context.time, host=context.hostname, signal=signal) + "\n")
