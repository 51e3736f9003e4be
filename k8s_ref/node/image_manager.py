"""Image manager · 镜像管理器

Makes sure that a container's image lies on the machine before the container is created: by the
pull policy it asks the runtime or takes what is there, one pull at a time, and backs off from an
image that cannot be had.

Upstream: pkg/kubelet/images/image_manager.go, puller.go
"""

from __future__ import annotations

import re

from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.timestamps import format_duration
from k8s_ref.node.backoff import Backoff
from k8s_ref.node.cri import CRI, CRIError, Image
from k8s_ref.sim.loop import Future, Loop

MILLISECOND = 1_000_000

RETRY_SECONDS = 10.0
"""What has no back-off of its own is tried again after so long."""

_REFERENCE = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*"
    r"(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?",
    re.ASCII,
)


class StartError(Exception):
    """A container cannot be started now: a reason for its status, and a message."""

    def __init__(self, reason: str, message: str, wait: float = RETRY_SECONDS) -> None:
        super().__init__(message)
        self.reason, self.message, self.wait = reason, message, wait
        """After how many seconds it is worth trying again."""


class ImageManager:
    """Pulls images for one kubelet.  Writes: its back-offs, and events."""

    def __init__(self, actor: str, loop: Loop, runtime: CRI, recorder: EventRecorder) -> None:
        self.actor, self.loop, self.runtime, self.recorder = actor, loop, runtime, recorder
        self.backoff = Backoff(loop)
        self._last_error: dict[str, str] = {}
        self._pulling: Future[None] | None = None

    async def ensure_image_exists(self, pod: Object, container: Object, path: str) -> None:
        """Have the image on the machine, or raise :class:`StartError` with upstream's reason."""
        image, policy = container["image"], container.get("imagePullPolicy", "IfNotPresent")
        present = await self._present(pod, image, path)
        if present and policy != "Always":
            there = "already present on machine and can be accessed by the pod"
            message = f'Container image "{image}" {there}'
            self.recorder.event(pod, "Normal", "Pulled", message, path)
        elif policy == "Never":
            message = f'Container image "{image}" is not present with pull policy of Never'
            self.recorder.event(pod, "Warning", "ErrImageNeverPull", message, path)
            raise StartError("ErrImageNeverPull", message)
        else:
            await self._pull(pod, image, path)

    async def _present(self, pod: Object, image: str, path: str) -> bool:
        if not _REFERENCE.fullmatch(image):
            why = "invalid reference format"
            if image != image.lower():
                why += f": repository name ({image.partition(':')[0]}) must be lowercase"
            message = (
                f'Failed to apply default image tag "{image}":'
                f' couldn\'t parse image name "{image}": {why}'
            )
            self.recorder.event(pod, "Warning", "InspectFailed", message, path)
            raise StartError("InvalidImageName", message)
        return await self.runtime.image_status(image) is not None

    async def _pull(self, pod: Object, image: str, path: str) -> None:
        key = f"{pod['metadata']['uid']}/{image}"
        if left := self.backoff.left(key):
            message = f'Back-off pulling image "{image}"'
            self.recorder.event(pod, "Normal", "BackOff", message, path)
            self.loop.record(self.actor, "backoff", f"pods/{key_of(pod)}", f"{image}: {left:g} s")
            raise StartError("ImagePullBackOff", f"{message}: {self._last_error[key]}", left)
        self.recorder.event(pod, "Normal", "Pulling", f'Pulling image "{image}"', path)
        asked = self.loop.now
        try:
            pulled, took = await self._in_turn(pod, image)
        except CRIError as error:
            self.backoff.next(key)
            self._last_error[key] = f"ErrImagePull: {error.rpc}"
            message = f'Failed to pull image "{image}": {error.rpc}'
            self.recorder.event(pod, "Warning", "Failed", message, path)
            raise StartError("ErrImagePull", error.rpc) from error
        message = (
            f'Successfully pulled image "{image}" in {_milliseconds(took)}'
            f" ({_milliseconds(self.loop.now - asked)} including waiting)."
            f" Image size: {pulled.size} bytes."
        )
        self.recorder.event(pod, "Normal", "Pulled", message, path)

    async def _in_turn(self, pod: Object, image: str) -> tuple[Image, int]:
        """The image, and how long its own pull took: only one is under way at a time."""
        while self._pulling is not None:
            await self._pulling
        mine = self._pulling = Future(self.loop)
        self.loop.cause = self.loop.record(
            self.actor, "pull", f"pods/{key_of(pod)}", image, to=self.runtime.name
        )
        began = self.loop.now
        try:
            pulled = await self.runtime.pull_image(image)
        finally:
            self._pulling = None
            mine.resolve(None)
        return pulled, self.loop.now - began

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        self.backoff.forget(f"{uid}/")
        for key in [key for key in self._last_error if key.startswith(f"{uid}/")]:
            del self._last_error[key]


def _milliseconds(nanoseconds: int) -> str:
    return format_duration(nanoseconds // MILLISECOND * MILLISECOND)
