"""What every controller does: keys for changes, children for owners, failures again later."""

from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.machinery.errors import Conflict
from k8s_ref.machinery.meta import owner_reference, with_path
from k8s_ref.sim.loop import SECOND
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod, replicaset


class Noting(Controller):
    """Notes the keys it is given, and fails as often as it is told."""

    name, resource, kind, owns = "noting-controller", "replicasets", "ReplicaSet", ("pods",)

    def __init__(self, plane, fail=0):
        informers = InformerFactory(plane.client(self.name), plane.loop)
        super().__init__(informers.api, informers, plane.loop)
        self.seen, self.fail, self.again = [], fail, None

        async def main():
            await informers.start()
            self.start()

        Process(plane.loop, self.name, main).start()
        plane.loop.run(0)

    async def reconcile(self, key):
        self.seen.append((key, self.loop.now))
        if self.fail:
            self.fail -= 1
            raise Conflict("somebody was faster")
        return self.again


def test_a_change_becomes_the_key_of_the_object():
    plane = ControlPlane()
    controller = Noting(plane)
    plane.do(plane.api.create("replicasets", replicaset()))
    plane.loop.run(0)
    assert [key for key, _ in controller.seen] == ["default/web"]


def test_a_change_of_a_child_becomes_the_key_of_its_owner():
    plane = ControlPlane()
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    controller = Noting(plane)
    controller.seen.clear()
    child = with_path(pod("child"), ("metadata", "ownerReferences"), [owner_reference(rs)])
    plane.do(plane.api.create("pods", child))
    plane.do(plane.api.create("pods", pod("stranger")))
    plane.loop.run(0)
    assert [key for key, _ in controller.seen] == ["default/web"]


def test_a_failure_is_recorded_and_tried_again_after_a_growing_pause():
    plane = ControlPlane()
    controller = Noting(plane, fail=3)
    plane.do(plane.api.create("replicasets", replicaset()))
    plane.loop.run(1)
    pauses = [b - a for (_, a), (_, b) in zip(controller.seen, controller.seen[1:], strict=False)]
    assert [pause / SECOND for pause in pauses] == [0.005, 0.01, 0.02]
    assert len(plane.loop.trace.select(verb="retry")) == 3


def test_reconcile_may_ask_to_look_again():
    plane = ControlPlane()
    controller = Noting(plane)
    controller.again = 60
    plane.do(plane.api.create("replicasets", replicaset()))
    plane.loop.run(150)
    assert [at / SECOND for _, at in controller.seen] == [0, 60, 120]
