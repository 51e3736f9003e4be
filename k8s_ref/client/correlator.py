"""Event correlator · 事件归并器

Decides what becomes of something said: a new Event, one more of an old one, or nothing.  The one
idea: everything hangs on what counts as "the same", and there are three answers, from narrow to
wide: the same words, the same reason, the same object.  Each answer has a small, forgetful memory.

Upstream: staging/src/k8s.io/client-go/tools/record/events_cache.go
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, TypeVar

from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import SECOND, Loop

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MEMORY = 4096
"""How many keys each memory holds; the one not used for longest is forgotten first."""

SIMILAR = 10
"""From the tenth different message of one reason on they are combined into one Event …"""

SIMILAR_SECONDS = 600
"""… unless there was silence for so long."""

BURST = 25
REFILL_SECONDS = 300
"""Of one object 25 Events may be told at once, and one more every five minutes."""

COMBINED = "(combined from similar events): "


class Recent(dict[K, V]):
    """A memory of the :data:`MEMORY` keys used last."""

    def remember(self, key: K, value: V) -> None:
        """Keep it, as the newest."""
        self.pop(key, None)
        self[key] = value
        if len(self) > MEMORY:
            del self[next(iter(self))]


class Said(NamedTuple):
    """What is known of an Event already sent."""

    name: str
    first: str
    times: int


class Correlator:
    """The memories of one source of events.

    >>> event = {"metadata": {"name": "a.1"}, "involvedObject": {}, "type": "Normal",
    ...          "reason": "Pulled", "message": "done", "firstTimestamp": "t", "count": 1}
    >>> correlator = Correlator(Loop())
    >>> [correlator.correlate(event)["count"] for _ in range(3)]
    [1, 2, 3]
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._buckets: Recent[Hashable, tuple[float, int]] = Recent()
        self._similar: Recent[Hashable, tuple[dict[str, None], int]] = Recent()
        self._said: Recent[Hashable, Said] = Recent()

    def correlate(self, event: Object) -> Object | None:
        """The Event to send, by its ``count`` a new one (1) or a repeated one; None: none."""
        involved = event["involvedObject"]
        about = tuple([involved.get(f, "") for f in ("kind", "namespace", "name", "uid")])
        event, key = self._aggregate(event, about)
        said = self._said.get(key)
        if said:
            event = {
                **event,
                "metadata": {**event["metadata"], "name": said.name},
                "firstTimestamp": said.first,
                "count": said.times + 1,
            }
        known = Said(event["metadata"]["name"], event["firstTimestamp"], event["count"])
        self._said.remember(key, known)
        return None if self._is_spam(about) else event

    def _aggregate(self, event: Object, about: Hashable) -> tuple[Object, Hashable]:
        """The Event and what makes it the same as another; with too many messages the reason."""
        message, now = event["message"], self.loop.now
        group = (about, event["type"], event["reason"])
        messages, last = self._similar.get(group, ({}, now))
        if now - last > SIMILAR_SECONDS * SECOND:
            messages = {}
        messages[message] = None
        self._similar.remember(group, (messages, now))
        if len(messages) < SIMILAR:
            return event, (*group, event["involvedObject"].get("fieldPath", ""), message)
        del messages[next(iter(messages))]
        return {**event, "message": COMBINED + message}, group

    def _is_spam(self, about: Hashable) -> bool:
        """Take a token from the object's bucket; there may be none."""
        now = self.loop.now
        tokens, last = self._buckets.get(about, (float(BURST), now))
        tokens = min(BURST, tokens + (now - last) / SECOND / REFILL_SECONDS)
        empty = tokens < 1
        self._buckets.remember(about, (tokens if empty else tokens - 1, now))
        return empty
