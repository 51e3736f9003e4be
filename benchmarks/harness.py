"""One comparison, one duration · 一次比较，一段时长

A side of a comparison is a function that does a fixed amount of work and returns how many units
it did.  The sides run in turn, so that what else the machine does falls on both.  A duration is
what a reader waits for; it has no peer, only a goal in seconds.
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
    long: bool = False

    def measure(self) -> str:
        """Runs both sides in turn and says what came out, in one line."""
        pairs = [(speed(self.ours), speed(self.peer)) for _ in range(self.rounds)]
        ours, peer = (median(side) for side in zip(*pairs, strict=True))
        return (
            f"{self.name}: {ours:,.0f} {self.unit}/s, {self.peer_name} {peer:,.0f}: "
            f"{ours / peer:.1f} times (goal {self.goal:g})"
        )


class MissingError(Exception):
    """Something that a measurement needs is not here; the message says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds that something takes, and how few we want."""

    name: str
    unit: str
    seconds: Callable[[], list[float]]
    goal: float
    long: bool = False

    def measure(self) -> str:
        """Says the median of what was measured, in one line; or why nothing was."""
        try:
            taken = median(self.seconds())
        except MissingError as missing:
            return f"{self.name}: skipped, {missing}"
        return f"{self.name}: {taken:.2f} {self.unit} (goal: under {self.goal:g})"


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a second something is done, and how often we want it to be."""

    name: str
    unit: str
    rates: Callable[[], tuple[float, float]]
    """The rate, and that of a peer in the same run."""
    peer_name: str
    goal: float
    long: bool = True

    def measure(self) -> str:
        """Says the rate in one line; or why nothing was measured."""
        try:
            ours, peer = self.rates()
        except MissingError as missing:
            return f"{self.name}: skipped, {missing}"
        return (
            f"{self.name}: {ours:,.0f} {self.unit} (goal: at least {self.goal:,.0f});"
            f" {self.peer_name} {peer:,.0f}, {ours / peer:.2f} times"
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
