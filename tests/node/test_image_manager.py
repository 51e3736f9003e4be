"""Pulling: by policy, in turn, and with patience."""

import pytest

from k8s_ref.client.events import EventRecorder
from k8s_ref.node.image_manager import ImageManager, StartError
from k8s_ref.node.runtime import Runtime
from tests.harness import ControlPlane, pod


class Puller(ControlPlane):
    def __init__(self):
        super().__init__()
        self.runtime = Runtime(self.loop, "node-1", "10.244.0.0/24")
        recorder = EventRecorder(self.client("kubelet/node-1"), self.loop, "kubelet", "node-1")
        self.manager = ImageManager("kubelet/node-1", self.loop, self.runtime, recorder)
        self.pod = self.do(self.api.create("pods", pod()))

    def do(self, coroutine):
        try:
            return super().do(coroutine)
        finally:
            self.loop.run(0)

    async def ensure(self, image, policy):
        container = {"name": "web", "image": image, "imagePullPolicy": policy}
        await self.manager.ensure_image_exists(self.pod, container, "spec.containers{web}")


@pytest.mark.parametrize(
    ("policy", "present", "pulls"),
    [
        ("Always", False, 1),
        ("Always", True, 1),
        ("IfNotPresent", False, 1),
        ("IfNotPresent", True, 0),
        ("Never", True, 0),
    ],
)
def test_the_policy_decides_whether_to_pull(policy, present, pulls):
    plane = Puller()
    if present:
        plane.do(plane.runtime.pull_image("nginx"))
    plane.do(plane.ensure("nginx", policy))
    assert len(plane.loop.trace.select(verb="pull")) == pulls


def test_never_means_never():
    plane = Puller()
    with pytest.raises(StartError) as caught:
        plane.do(plane.ensure("nginx", "Never"))
    assert caught.value.reason == "ErrImageNeverPull"
    assert caught.value.message == (
        'Container image "nginx" is not present with pull policy of Never'
    )


def test_an_image_that_failed_is_left_alone_for_a_while():
    plane = Puller()
    reasons = []
    for seconds in (0, 1, 10):
        plane.loop.run(seconds)
        with pytest.raises(StartError) as caught:
            plane.do(plane.ensure("nginx:missing", "Always"))
        reasons.append(caught.value.reason)
    assert reasons == ["ErrImagePull", "ImagePullBackOff", "ErrImagePull"]


def test_whoever_gives_up_waiting_leaves_the_turn_to_the_next():
    plane = Puller()
    first = plane.loop.spawn(plane.ensure("nginx", "Always"))
    second = plane.loop.spawn(plane.ensure("redis", "Always"))
    third = plane.loop.spawn(plane.ensure("busybox", "Always"))
    plane.loop.run(1)
    second.cancel()
    first.cancel()
    plane.loop.run(5)
    assert third.done
    assert [r.note for r in plane.loop.trace.select(verb="pull")] == ["nginx", "busybox"]
