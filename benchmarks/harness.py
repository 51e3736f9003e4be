"""One comparison · 一次比较

A side is a function that does a fixed amount of work and returns how many units it did.  The
sides run in turn, so that what else the machine does falls on both.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Side = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our way and a peer's way of doing the same work, and the ratio we want to reach."""

    name: str
    unit: str
    ours: Side
    peer: Side
    peer_name: str
    goal: float
    rounds: int = 5

    def measure(self) -> str:
        """Runs both sides in turn and says what came out, in one line."""
        pairs = [(speed(self.ours), speed(self.peer)) for _ in range(self.rounds)]
        ours, peer = (median(side) for side in zip(*pairs, strict=True))
        return (
            f"{self.name}: {ours:,.0f} {self.unit}/s, {self.peer_name} {peer:,.0f}: "
            f"{ours / peer:.1f} times (goal {self.goal:g})"
        )


def speed(side: Side) -> float:
    """Units per second of one run, with the garbage collector out of the way."""
    gc.collect()
    gc.disable()
    try:
        start = perf_counter()
        units = side()
        return units / (perf_counter() - start)
    finally:
        gc.enable()
