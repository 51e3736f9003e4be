"""Work queue · 工作队列

Keys to look at, each at most once however often it was added, never two workers on one key, and
slower after each failure.  The one idea: the queue holds names, not events, so whoever takes a
key looks at the world as it is now.

Upstream: staging/src/k8s.io/client-go/util/workqueue/queue.go, default_rate_limiters.go
"""

from __future__ import annotations

from collections import deque

from k8s_ref.sim.loop import SECOND, Future, Loop

BASE_DELAY = 0.005
MAX_DELAY = 1000.0

BURST = 100
RATE = 10
"""All keys together are retried a hundred times at once and then ten times a second."""


class WorkQueue:
    """A queue of keys.

    >>> queue = WorkQueue(Loop())
    >>> queue.add("default/web"); queue.add("default/web")
    >>> len(queue)
    1
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._queue: deque[str] = deque()
        self._dirty: dict[str, int] = {}
        """Keys to look at, with the cause that made them dirty first."""
        self._processing: set[str] = set()
        self._failures: dict[str, int] = {}
        self._tokens, self._counted = float(BURST), 0
        """The retries still free, and when (virtual nanoseconds) they were last counted."""
        self._getters: deque[Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, key: str) -> None:
        """Look at this key; adding it again before somebody did changes nothing."""
        if key in self._dirty:
            return
        self._dirty[key] = self.loop.cause
        if key not in self._processing:
            self._enqueue(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Look at this key after so many seconds."""
        self.loop.call_later(seconds, self.add, key)

    def add_rate_limited(self, key: str) -> float:
        """Look at it again, later after each failure; returns the seconds until then."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay: float = max(min(BASE_DELAY * 2.0**failures, MAX_DELAY), self._reserve())
        self.add_after(key, delay)
        return delay

    def _reserve(self) -> float:
        """Take a token, on credit if there is none; returns the seconds until it is earned."""
        earned = (self.loop.now - self._counted) / SECOND * RATE
        self._tokens = min(self._tokens + earned, BURST) - 1
        self._counted = self.loop.now
        return max(-self._tokens / RATE, 0.0)

    def forget(self, key: str) -> None:
        """It went well: the next failure is a first one again."""
        self._failures.pop(key, None)

    async def get(self) -> str:
        """The next key, which is then the caller's alone until :meth:`done`."""
        while not self._queue:
            getter: Future[None] = Future(self.loop)
            self._getters.append(getter)
            await getter
        key = self._queue.popleft()
        self._processing.add(key)
        self.loop.cause = self._dirty.pop(key)
        return key

    def done(self, key: str) -> None:
        """Give the key back; if it was added meanwhile it is queued again."""
        self._processing.discard(key)
        if key in self._dirty:
            self._enqueue(key)

    def _enqueue(self, key: str) -> None:
        self._queue.append(key)
        if self._getters:
            self._getters.popleft().resolve(None)
