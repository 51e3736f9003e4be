"""How many Pods may go."""

import pytest

from k8s_ref.apiserver.request import Request
from k8s_ref.controllers.disruption import DisruptionController
from k8s_ref.controllers.replicaset import ReplicaSetController
from tests.controllers.scene import Managed
from tests.harness import pod, replicaset

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}


class Plane(Managed):
    """A ReplicaSet of so many Pods, and a budget for them."""

    def __init__(self, replicas=3, **spec):
        super().__init__(DisruptionController, ReplicaSetController)
        if replicas:
            self.create("replicasets", replicaset("web", replicas))
        meta = {"name": "web", "namespace": "default"}
        spec = {"selector": {"matchLabels": {"app": "web"}}, **(spec or {"minAvailable": 2})}
        self.create("poddisruptionbudgets", {"metadata": meta, "spec": spec})
        self.loop.run(1)

    def ready(self, *names):
        for name in names or self.names("pods"):
            status = {"phase": "Running", "conditions": [READY]}
            self.patch("pods", f"default/{name}", {"status": status}, "status")
        self.loop.run(1)

    def status(self):
        return self.get("poddisruptionbudgets", "default/web")["status"]

    def numbers(self):
        """Allowed, healthy, desired, expected."""
        names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
        return tuple(self.status()[name] for name in names)

    def evict(self, name):
        kind = self.server.kinds["pods"]
        body = {"metadata": {"name": name}}
        request = Request("create", kind, "default", name, "eviction", {}, body)
        return self.do(self.server.handle(request)).code


def test_only_pods_that_are_ready_count_as_healthy():
    plane = Plane()
    assert plane.numbers() == (0, 0, 2, 3)
    one, *others = plane.names("pods")
    plane.ready(one)
    assert plane.numbers() == (0, 1, 2, 3)
    plane.ready(*others)
    assert plane.numbers() == (1, 3, 2, 3)
    (condition,) = plane.status()["conditions"]
    assert {**condition, "lastTransitionTime": ""} == {
        "type": "DisruptionAllowed", "status": "True", "observedGeneration": 1,
        "reason": "SufficientPods", "message": "", "lastTransitionTime": "",
    }  # fmt: skip


def test_a_budget_without_pods_allows_nothing_and_says_so():
    plane = Plane(replicas=0, minAvailable=0)
    assert plane.numbers() == (0, 0, 0, 0)
    assert "No matching pods found" in plane.events("NoPods")


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [
        ({"minAvailable": 1}, (3, 4, 1, 4)),
        ({"minAvailable": "51%"}, (1, 4, 3, 4)),
        ({"maxUnavailable": 1}, (1, 4, 3, 4)),
        ({"maxUnavailable": "30%"}, (2, 4, 2, 4)),
        ({"maxUnavailable": 9}, (4, 4, 0, 4)),
    ],
)
def test_numbers_and_percentages_of_what_the_controller_wants(spec, numbers):
    plane = Plane(4, **spec)
    plane.ready()
    assert plane.numbers() == numbers


def test_a_percentage_is_of_what_there_should_be_and_not_of_what_there_is():
    plane = Plane(4, maxUnavailable="50%")
    plane.ready()
    plane.process.stop()
    plane.delete("pods", f"default/{plane.names('pods')[0]}", grace=0)
    plane.controllers = (DisruptionController,)
    plane.process.start()
    plane.loop.run(1)
    assert plane.numbers() == (1, 3, 2, 4)


def test_a_pod_nobody_would_make_again_makes_a_share_impossible():
    plane = Plane(replicas=0, maxUnavailable=1)
    plane.create("pods", pod("alone"))
    plane.ready("alone")
    assert plane.numbers() == (0, 1, 0, 0)
    (said,) = set(plane.events("UnmanagedPods"))
    assert said.startswith("Pods selected by this PodDisruptionBudget (selector: app=web) were")


def test_a_controller_nobody_knows_stops_everything():
    plane = Plane(replicas=0, maxUnavailable=1)
    owner = {"apiVersion": "a.b/v1", "kind": "Strange", "name": "x", "uid": "1", "controller": True}
    made = pod("odd")
    made["metadata"]["ownerReferences"] = [owner]
    plane.create("pods", made)
    plane.loop.run(1)
    (condition,) = plane.status()["conditions"]
    assert (condition["reason"], condition["status"]) == ("SyncFailed", "False")
    assert condition["message"] == 'found no controllers for pod "odd"'


def test_a_pod_that_is_evicted_counts_as_gone_before_it_is():
    plane = Plane(minAvailable=1)
    plane.ready()
    name = plane.names("pods")[0]
    plane.process.stop()
    plane.patch("pods", f"default/{name}", {"metadata": {"finalizers": ["a.b/hold"]}})
    noted = {"disruptedPods": {name: "2026-01-01T00:00:02Z"}, "disruptionsAllowed": 1}
    plane.patch("poddisruptionbudgets", "default/web", {"status": noted}, "status")
    plane.process.start()
    plane.loop.run(1)
    assert plane.numbers() == (1, 2, 1, 3)
    assert list(plane.status()["disruptedPods"]) == [name]


def test_one_that_was_to_be_deleted_and_was_not_counts_again_after_two_minutes():
    plane = Plane(minAvailable=1)
    plane.ready()
    name = plane.names("pods")[0]
    noted = {"disruptedPods": {name: "2026-01-01T00:00:02Z"}, "disruptionsAllowed": 1}
    plane.patch("poddisruptionbudgets", "default/web", {"status": noted}, "status")
    plane.loop.run(100)
    assert plane.numbers() == (1, 2, 1, 3)
    plane.loop.run(30)
    assert plane.numbers() == (2, 3, 1, 3)
    assert "disruptedPods" not in plane.status()
    assert plane.events("NotDeleted")


def test_an_announcement_that_did_not_come_true_is_taken_back():
    plane = Plane()
    plane.ready()
    name = plane.names("pods")[0]
    said = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "lastTransitionTime": "2026-01-01T00:00:02Z"}  # fmt: skip
    plane.patch("pods", f"default/{name}", {"status": {"conditions": [READY, said]}}, "status")
    plane.loop.run(100)
    assert plane.get("pods", f"default/{name}")["status"]["conditions"][1]["status"] == "True"
    plane.loop.run(30)
    assert plane.get("pods", f"default/{name}")["status"]["conditions"][1]["status"] == "False"


def test_evictions_stop_when_no_more_may_go_and_go_on_when_others_are_ready():
    plane = Plane()
    plane.ready()
    first, second, third = plane.names("pods")
    assert [plane.evict(name) for name in (first, second)] == [201, 429]
    plane.loop.run(1)
    plane.ready(*(set(plane.names("pods")) - {second, third}))
    assert plane.numbers() == (1, 3, 2, 3)
    assert plane.evict(second) == 201
