"""Container logs · 容器日志

What ``kubectl logs`` prints: the lines of the container that runs, or of the one before it, cut and
stamped as asked.  Which container that is follows from the Pod's status, so whoever asks too early
is told what the container waits for.

Upstream: pkg/kubelet/kubelet.go (validateContainerLogStatus), pkg/kubelet/kuberuntime/logs/logs.go
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from k8s_ref.machinery.errors import BadRequest
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.node.cri import CRI, LogLine
from k8s_ref.sim.loop import SECOND, Future, Loop

_WAITING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def container_id(pod: str, status: Object, container: str, previous: bool) -> str:
    """The container whose log is meant; ``BadRequest`` says why there is none."""
    named = f'container "{container}" in pod "{pod}"'
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    found = (s for field in fields for s in status.get(field) or () if s["name"] == container)
    told = next(found, None)
    if told is None:
        raise BadRequest(f"{named} is not available")
    last: str = told["lastState"].get("terminated", {}).get("containerID", "")
    if previous:
        if not last:
            raise BadRequest(f"previous terminated {named} not found")
        return _bare(last)
    if "waiting" in told["state"] and not last:
        reason = told["state"]["waiting"].get("reason", "")
        raise BadRequest(f"{named} is waiting to start: {_WAITING.get(reason, reason)}")
    return _bare(last if "waiting" in told["state"] else told.get("containerID", ""))


def _bare(identity: str) -> str:
    return identity.partition("://")[2]


class LogStream:
    """The lines of one container as they come: text from ``next()``, None once it has ended."""

    def __init__(
        self, loop: Loop, runtime: CRI, container_id: str, text: str, timestamps: bool
    ) -> None:
        self.loop, self.timestamps = loop, timestamps
        self._lines = deque(text.splitlines(keepends=True))
        self._arrived: Future[None] = Future(loop)
        self._stopped = False
        runtime.follow(container_id, self._tell)

    async def next(self) -> str | None:
        """The next line, or None: there is no more."""
        while not self._lines and not self._stopped:
            self._arrived = Future(self.loop)
            await self._arrived
        return self._lines.popleft() if self._lines else None

    def stop(self) -> None:
        """The reader goes away."""
        self._stopped = True
        self._arrived.resolve(None)

    def _tell(self, line: LogLine | None) -> None:
        if self._stopped:
            raise StopIteration
        if line is None:
            self._stopped = True
        else:
            self._lines.append(text_of([line], self.loop.epoch, timestamps=self.timestamps))
        self._arrived.resolve(None)


def text_of(
    lines: Sequence[LogLine],
    epoch: int,
    tail: int | None = None,
    since: int | None = None,
    timestamps: bool = False,
) -> str:
    """The lines as text: the last ``tail`` of them, printed at ``since`` nanoseconds or later.

    >>> text_of([LogLine(0, "stdout", "a"), LogLine(5, "stdout", "b")], 0, tail=1, timestamps=True)
    '1970-01-01T00:00:00.000000005Z b\\n'
    """
    chosen = [line for line in lines if since is None or line.at >= since]
    if tail is not None:
        chosen = chosen[len(chosen) - min(tail, len(chosen)) :]
    return "".join(f"{_stamp(line, epoch) if timestamps else ''}{line.text}\n" for line in chosen)


def _stamp(line: LogLine, epoch: int) -> str:
    return f"{timestamp(line.at, epoch)[:-1]}.{line.at % SECOND:09d}Z "
