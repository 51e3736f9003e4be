"""The loop against asyncio · 循环与 asyncio 之比

The same thousand coroutines sleep the same lengths on both, on a virtual clock: nothing is
waited for, so what is measured is the cost of an event.
"""

import asyncio
import selectors

from benchmarks.harness import Comparison
from k8s_ref.sim.loop import Loop

SLEEPERS = 1_000
NAPS = 50


def length(sleeper: int, nap: int) -> float:
    """Seconds of one nap: all different, and the same on both sides."""
    return 0.001 + (sleeper * 7 + nap * 13) % 997 / 1_000


def on_our_loop() -> int:
    """Every nap is one event of our loop."""
    loop = Loop()

    async def sleeper(number: int) -> None:
        for nap in range(NAPS):
            await loop.sleep(length(number, nap))

    for number in range(SLEEPERS):
        loop.spawn(sleeper(number))
    loop.run(NAPS)
    return SLEEPERS * NAPS


class VirtualSelector(selectors.SelectSelector):
    """Nothing ever arrives; waiting only moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Lets the time pass at once."""
        self.now += timeout or 0
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a virtual clock."""

    def __init__(self) -> None:
        self._clock = VirtualSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.now


def on_asyncio() -> int:
    """Every nap is one event of asyncio."""

    async def sleeper(number: int) -> None:
        for nap in range(NAPS):
            await asyncio.sleep(length(number, nap))

    async def everybody() -> None:
        await asyncio.gather(*(sleeper(number) for number in range(SLEEPERS)))

    loop = VirtualLoop()
    try:
        loop.run_until_complete(everybody())
    finally:
        loop.close()
    return SLEEPERS * NAPS


COMPARISONS = (
    Comparison("loop", "events", on_our_loop, on_asyncio, "asyncio on a virtual clock", goal=5),
)
