"""Back-off · 退避

What fails again and again is tried again later and later: 10 s, 20 s, 40 s … 300 s, and from the
beginning once it held for ten minutes.  Both CrashLoopBackOff and ImagePullBackOff are this.
Nothing waits here; whoever asks is told how long is left.

Upstream: staging/src/k8s.io/client-go/util/flowcontrol/backoff.go
"""

from __future__ import annotations

from k8s_ref.sim.loop import SECOND, Loop

INITIAL = 10 * SECOND
LIMIT = 300 * SECOND


class Backoff:
    """Delays by key.  In memory only: a kubelet that starts again is patient again.

    >>> loop = Loop()
    >>> backoff = Backoff(loop)
    >>> backoff.next("web"); backoff.delay("web")
    10000000000
    """

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self._entries: dict[str, tuple[int, int]] = {}
        """The delay of a key, and when it was last raised."""

    def next(self, key: str, since: int | None = None) -> None:
        """Raise the delay of a key that failed at ``since`` (default: now) and is tried now."""
        since = self.loop.now if since is None else since
        delay, updated = self._entries.get(key, (0, 0))
        delay = INITIAL if not delay or _held(since, updated) else min(2 * delay, LIMIT)
        self._entries[key] = (delay, self.loop.now)

    def left(self, key: str, since: int | None = None) -> float:
        """Seconds until the key may be tried again, counted from ``since`` or the last raise."""
        delay, updated = self._entries.get(key, (0, 0))
        since = updated if since is None else since
        if not delay or _held(since, updated):
            return 0.0
        return max(since + delay - self.loop.now, 0) / SECOND

    def delay(self, key: str) -> int:
        """The present delay of a key in nanoseconds."""
        return self._entries.get(key, (0, 0))[0]

    def forget(self, prefix: str) -> None:
        """Drop every key that begins so: the Pod is gone."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]


def _held(since: int, updated: int) -> bool:
    """Whether it went well for so long that the failure at ``since`` is a first one again."""
    return since - updated > 2 * LIMIT
