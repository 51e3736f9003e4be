"""Work of the outside · 外面的活

A coroutine of the cluster's loop that needs the network has it done by asyncio, and sleeps until
the answer is there.  The one rule: nothing of the outside touches the cluster; it resolves one
future and wakes the loop, which goes on when it has its turn.

Upstream: none; there everything waits on sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from k8s_ref.sim.loop import Loop

T = TypeVar("T")


class Outside:
    """How the loop has something done; ``wake`` is told when it can go on."""

    def __init__(self, loop: Loop, wake: Callable[[], None]) -> None:
        self.loop, self.wake = loop, wake

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine of asyncio; it is cancelled if nobody waits any more."""
        answer = self.loop.future()

        def done(task: asyncio.Task[T]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                answer.fail(error)
            elif not task.cancelled():
                answer.resolve(task.result())
            self.wake()

        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(done)
        try:
            found: T = await answer
        finally:
            task.cancel()
        return found
