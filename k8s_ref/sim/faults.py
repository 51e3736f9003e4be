"""Faults · 故障

Accidents by seed or by order, at every API call and every watch event: the caller crashes
before or after the call, the request or its answer is lost, either is late, a stream is cut,
an event is told twice, a process is partitioned from everybody.  The one idea: all of it
happens on the wire between a client and the API server, so no component knows about it.

Upstream: none; what chaos tests and bad networks do to a real cluster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from k8s_ref.sim.loop import SECOND, Crash, Loop

T = TypeVar("T")

KINDS = (
    "crash-before",
    "crash-after",
    "lose-request",
    "lose-answer",
    "delay",
    "cut-watch",
    "drop-event",
    "repeat-event",
    "delay-event",
)
"""What can go wrong: five things at a call, four on a watch.

A stream delivers in order or not at all: what is dropped is lost with all that comes after it,
until somebody notices that the stream is dead.  Only what comes by different streams can change
places.
"""

_ON_A_WATCH = {"cut-watch": "cut", "drop-event": "lose", "repeat-event": "repeat"}
"""The verb that the trace has for it; delays are seen from the times."""

TIMEOUT = 10.0
"""A caller whose request or answer was lost gives up after so many seconds."""


@dataclass(slots=True)
class Rule:
    """One kind of accident, to whom, and when."""

    kind: str
    actor: str = ""
    """Part of the name of the actor or of its process; empty: everybody with a process."""
    verb: str = ""
    chance: float = 1.0
    call: int = 0
    """Only the n-th matching call (counted from 1); 0: each of them."""
    seconds: float = 1.0
    """How late the delayed are, at most."""
    seen: int = 0


class Faults:
    """The accidents of one cluster.  Without rules and partitions nothing here costs anything.

    >>> faults = Faults(Loop())
    >>> faults.add("crash-after", actor="scheduler", verb="bind", call=1)
    >>> faults.active
    True
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.rules: list[Rule] = []
        self.partitioned: set[str] = set()
        self._random = loop.stream("faults")

    @property
    def active(self) -> bool:
        """Whether anything can go wrong at present."""
        return bool(self.rules or self.partitioned)

    def add(
        self,
        kind: str,
        actor: str = "",
        verb: str = "",
        chance: float = 1.0,
        call: int = 0,
        seconds: float = 1.0,
    ) -> None:
        """From now on this goes wrong; see :data:`KINDS` and :class:`Rule`."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
        self.rules.append(Rule(kind, actor, verb, chance, call, seconds))

    def clear(self) -> None:
        """Nothing goes wrong any more; partitions heal."""
        self.rules.clear()
        for name in sorted(self.partitioned):
            self.heal(name)

    def partition(self, name: str) -> None:
        """Whoever's name contains ``name`` can no longer talk to the API server."""
        self.partitioned.add(name)
        self.loop.record("faults", "partition", name)

    def heal(self, name: str) -> None:
        """Undo :meth:`partition`."""
        self.partitioned.discard(name)
        self.loop.record("faults", "heal", name)

    def cut_off(self, actor: str) -> bool:
        """Whether the present task is on the far side of a partition."""
        name = self._name(actor)
        return any(part in name for part in self.partitioned)

    async def around(
        self, actor: str, verb: str, subject: str, call: Callable[[], Awaitable[T]]
    ) -> T:
        """Make one API call, with whatever goes wrong around it."""
        due = [rule.kind for rule in self.rules if self._strikes(rule, actor, verb)]
        for rule in self.rules:
            if rule.kind == "delay" and rule.kind in due:
                await self._late(rule, actor, subject)
        if "crash-before" in due:
            raise Crash(f"before {verb} {subject}")
        if "lose-request" in due or self.cut_off(actor):
            await self._timeout(actor, f"request: {verb} {subject}")
        answer = await call()
        if "crash-after" in due:
            raise Crash(f"after {verb} {subject}")
        if "lose-answer" in due:
            await self._timeout(actor, f"answer: {verb} {subject}")
        return answer

    def on_event(self, actor: str, subject: str) -> tuple[bool, bool, float]:
        """What happens to one watch event: (stream cut, told twice, seconds until then)."""
        due = {rule.kind: rule for rule in self.rules if self._strikes(rule, actor, "watch")}
        for kind, verb in _ON_A_WATCH.items():
            if kind in due:
                self.loop.record("faults", verb, actor, subject)
        late = due.get("drop-event") or due.get("delay-event")
        seconds = self._random.uniform(0, late.seconds) if late else 0.0
        cut = "cut-watch" in due or "drop-event" in due or self.cut_off(actor)
        return cut, "repeat-event" in due, seconds

    def _strikes(self, rule: Rule, actor: str, verb: str) -> bool:
        """Count the call against the rule and draw whether it goes wrong."""
        if rule.kind.endswith(("-watch", "-event")) != (verb == "watch"):
            return False
        name = self._name(actor)
        if not name or rule.actor not in name or (rule.verb and rule.verb != verb):
            return False
        rule.seen += 1
        if rule.call:
            return rule.seen == rule.call
        return rule.chance >= 1 or self._random.random() < rule.chance

    def _name(self, actor: str) -> str:
        """The actor and its process; empty for a person, who has none and is spared."""
        process = self.loop.task.process if self.loop.task else None
        return f"{process.name} {actor}" if process else ""

    async def _late(self, rule: Rule, actor: str, subject: str) -> None:
        seconds = round(self._random.uniform(0, rule.seconds) * SECOND) / SECOND
        self.loop.record("faults", "delay", actor, f"{subject} by {seconds:.3f} s")
        await self.loop.sleep(seconds)

    async def _timeout(self, actor: str, what: str) -> None:
        self.loop.record("faults", "lose", actor, what)
        await self.loop.sleep(TIMEOUT)
        raise TimeoutError(f"no answer within {TIMEOUT:g} s ({what})")
