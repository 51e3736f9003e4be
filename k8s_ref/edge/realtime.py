"""Real time · 真实时间

The same loop, driven by the wall clock: it goes on in slices of a few milliseconds, so that
sockets stay served, and sleeps when nothing is due.  The one idea: a request is a coroutine of
that loop which is run at once as far as it comes; only one that has to wait is left to the loop.

Upstream: none; there the operating system does this.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from k8s_ref.sim.loop import SECOND, Loop, Task

T = TypeVar("T")

SLICE = 0.005
"""Seconds of wall time the loop runs before sockets have their turn."""
LATE = 2.0
"""Seconds of wall time it may fall behind before it says so."""


class RealTime:
    """Drives a loop: ``speed`` virtual seconds a second; 0 is paused, until somebody says run."""

    def __init__(
        self, loop: Loop, speed: float = 1.0, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.loop, self.speed, self.say = loop, speed, say
        self._began = time.monotonic(), loop.now
        self._kick = asyncio.Event()
        self._late = False
        self._next: int | None = None
        """When the loop expects to go on by itself."""

    def due(self) -> int:
        """Where the virtual clock should be now, in nanoseconds."""
        wall, virtual = self._began
        return virtual + round((time.monotonic() - wall) * self.speed * SECOND)

    async def drive(self) -> None:
        """Run for ever, or until cancelled."""
        while True:
            self._kick.clear()
            if self._run_slice(self.due()):
                await asyncio.sleep(0)
                continue
            self._next = self.loop.next_instant
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._kick.wait()

    async def perform(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine of the loop returns; cancelled together with the caller."""
        task = Task(self.loop, work, "request", None)
        task.observed = True
        task.step()
        if not task.done:
            done = asyncio.get_running_loop().create_future()
            task.on_done(lambda: None if done.done() else done.set_result(None))
            self._look()
            try:
                await done
            except asyncio.CancelledError:
                task.cancel()
                raise
        self._look()
        return task.result()

    def _look(self) -> None:
        """Have the loop go on if it was given something to do: reads leave nothing behind."""
        if self.loop.busy or self.loop.next_instant != self._next:
            self._kick.set()

    def wake(self) -> None:
        """Look at the loop again: something came in from outside."""
        self._kick.set()

    def rebase(self) -> None:
        """Count from now on: somebody else let virtual time pass, and it goes on from there."""
        self._began = time.monotonic(), self.loop.now
        self._kick.set()

    def _run_slice(self, until: int) -> bool:
        """Run what is due, for one slice; say whether there is more."""
        limit = time.perf_counter() + SLICE
        seconds = max(0, until - self.loop.now) / SECOND
        more = self.loop.run_until(lambda: time.perf_counter() > limit, seconds)
        self._watch_the_clock((until - self.loop.now) / SECOND if more else 0.0)
        return more

    def _watch_the_clock(self, behind: float) -> None:
        late = self.speed > 0 and behind > LATE * self.speed
        if late and not self._late:
            self.say(f"the cluster is {behind:.1f} s behind the clock: this machine is too slow")
        self._late = late

    def _rest(self) -> float | None:
        """Wall seconds until the next entry of the heap is due."""
        soonest = self.loop.next_instant
        if soonest is None or not self.speed:
            return None
        return max(0.0, (soonest - self.due()) / SECOND / self.speed)
