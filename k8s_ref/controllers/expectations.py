"""Expectations · 期望记账

A controller's cache is a little late: right after it created a Pod it does not see it yet, and
without a note would create it again.  The one idea: remember how many creations and which
deletions are on their way, and decide nothing new until they have arrived or five minutes passed.

Upstream: pkg/controller/controller_utils.go (UIDTrackingControllerExpectations)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from k8s_ref.sim.loop import SECOND, Loop

TIMEOUT = 5 * 60 * SECOND
"""After this long whatever was expected is given up: the watch lost it, look at the world."""


@dataclass(slots=True)
class _Expected:
    since: int
    creations: int = 0
    deletions: dict[str, None] = field(default_factory=dict)


class Expectations:
    """What is on its way, per key.

    >>> expectations = Expectations(Loop())
    >>> expectations.expect_creations("default/web", 1)
    >>> expectations.satisfied("default/web")
    False
    >>> expectations.creation_observed("default/web")
    >>> expectations.satisfied("default/web")
    True
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._expected: dict[str, _Expected] = {}

    def satisfied(self, key: str) -> bool:
        """Whether the cache has caught up with what was done for this key."""
        expected = self._expected.get(key)
        if expected is None or (expected.creations <= 0 and not expected.deletions):
            return True
        return self.loop.now - expected.since > TIMEOUT

    def expect_creations(self, key: str, count: int) -> None:
        """So many objects are about to be created."""
        self._expected[key] = _Expected(self.loop.now, creations=count)

    def expect_deletions(self, key: str, children: list[str]) -> None:
        """These children are about to be deleted."""
        self._expected[key] = _Expected(self.loop.now, deletions=dict.fromkeys(children))

    def creation_observed(self, key: str) -> None:
        """One of the creations arrived, or failed."""
        if key in self._expected:
            self._expected[key].creations -= 1

    def deletion_observed(self, key: str, child: str) -> None:
        """A child is gone or going, or its deletion failed."""
        if key in self._expected:
            self._expected[key].deletions.pop(child, None)

    def forget(self, key: str) -> None:
        """The object itself is gone."""
        self._expected.pop(key, None)
