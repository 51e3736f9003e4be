"""Processes · 进程

A component is a process: a main coroutine and the tasks it spawned.  When it crashes all of
them end where they wait, what it knew is lost, and after a pause it starts again from nothing.

Upstream: none; an operating system process, restarted by systemd or by the kubelet.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from k8s_ref.sim.loop import Loop, Task

RESTART_SECONDS = 1.0
"""How long a crashed component stays away."""


class Process:
    """Runs ``main()``; after a crash runs it again.  Writes: its own tasks, nothing else."""

    def __init__(
        self, loop: Loop, name: str, main: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self.loop, self.name, self.main = loop, name, main
        self.tasks: dict[Task[Any], None] = {}
        self.alive = False
        self.wanted = False
        """Whether it comes back after a crash: not if it was stopped meanwhile."""
        self.crashes = 0

    def start(self) -> None:
        """Begin, or begin again after :meth:`stop`."""
        self.wanted = True
        if not self.alive:
            self.alive = True
            self.loop.spawn(self.main, name=self.name, process=self)

    def stop(self) -> None:
        """End every task where it waits; nothing is restarted."""
        self.alive = self.wanted = False
        for task in list(self.tasks):
            task.cancel()
        self.tasks.clear()

    def crash(self, why: str = "") -> None:
        """Die now and come back after a pause."""
        if not self.alive:
            return
        self.crashes += 1
        self.loop.record(self.name, "crash", self.name, why)
        self.stop()
        self.wanted = True
        self.loop.call_later(RESTART_SECONDS, self._restart)

    def _restart(self) -> None:
        if self.wanted and not self.alive:
            self.loop.record(self.name, "restart", self.name)
            self.start()
