"""Quotas are counted, and what is no longer used is given back."""

import pytest

from k8s_ref.controllers.deployment import DeploymentController
from k8s_ref.controllers.replicaset import ReplicaSetController
from k8s_ref.controllers.resourcequota import RESYNC_SECONDS, ResourceQuotaController
from tests.controllers.scene import Managed
from tests.harness import pod, replicaset


class Plane(Managed):
    """A namespace with a quota."""

    def __init__(self, *controllers, **hard):
        super().__init__(ResourceQuotaController, *controllers)
        self.hard = {name.replace("_", "."): text for name, text in hard.items()}
        meta = {"name": "q", "namespace": "default"}
        self.create("resourcequotas", {"metadata": meta, "spec": {"hard": self.hard}})
        self.loop.run(1)

    def used(self):
        return self.get("resourcequotas", "default/q")["status"]["used"]

    def run(self, seconds=1):
        self.loop.run(seconds)
        return self.used()


def test_a_new_quota_is_counted_at_once():
    plane = Plane(pods="2", requests_cpu="1")
    status = plane.get("resourcequotas", "default/q")["status"]
    assert status == {"hard": plane.hard, "used": {"pods": "0", "requests.cpu": "0"}}


def test_what_was_there_before_counts_and_too_much_of_it_is_no_error():
    plane = Managed(ResourceQuotaController)
    for name in ("a", "b"):
        plane.create("pods", pod(name))
    meta = {"name": "q", "namespace": "default"}
    plane.create("resourcequotas", {"metadata": meta, "spec": {"hard": {"pods": "1"}}})
    plane.loop.run(1)
    assert plane.get("resourcequotas", "default/q")["status"]["used"] == {"pods": "2"}


def test_what_is_deleted_is_given_back():
    plane = Plane(configmaps="3")
    plane.create("configmaps", {"metadata": {"name": "a", "namespace": "default"}})
    assert plane.used() == {"configmaps": "1"}
    plane.delete("configmaps", "default/a")
    assert plane.run() == {"configmaps": "0"}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_gives_back_its_place(phase):
    plane = Plane(pods="2")
    plane.create("pods", pod())
    plane.patch("pods", "default/web", {"status": {"phase": phase}}, "status")
    assert plane.run() == {"pods": "0"}


def test_a_service_that_shrinks_gives_back_its_ports():
    plane = Plane(services_nodeports="3")
    ports = [{"name": f"p{n}", "port": n} for n in (1, 2)]
    meta = {"name": "a", "namespace": "default"}
    plane.create("services", {"metadata": meta, "spec": {"type": "NodePort", "ports": ports}})
    assert plane.used() == {"services.nodeports": "2"}
    plane.patch("services", "default/a", {"spec": {"ports": ports[:1]}})
    assert plane.run() == {"services.nodeports": "1"}


def test_a_quota_that_is_raised_lets_the_rest_in():
    plane = Plane(ReplicaSetController, DeploymentController, pods="2")
    deployment = {**replicaset("web", 3), "kind": "Deployment"}
    plane.create("deployments", deployment)
    plane.loop.run(5)
    assert plane.used() == {"pods": "2"}
    refusals = plane.events("FailedCreate")
    assert refusals[0].endswith(
        "is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    )
    (rs,) = plane.names("replicasets")
    (failure,) = plane.get("replicasets", f"default/{rs}")["status"]["conditions"]
    assert (failure["type"], failure["reason"]) == ("ReplicaFailure", "FailedCreate")
    plane.patch("resourcequotas", "default/q", {"spec": {"hard": {"pods": "9"}}})
    plane.loop.run(30)
    assert plane.get("resourcequotas", "default/q")["status"] == {
        "hard": {"pods": "9"},
        "used": {"pods": "3"},
    }
    assert len(plane.names("pods")) == 3


def test_what_was_charged_and_never_stored_is_found_out_in_time():
    plane = Plane(configmaps="3")
    change = {"status": {"used": {"configmaps": "2"}}}
    plane.patch("resourcequotas", "default/q", change, "status")
    assert plane.run(RESYNC_SECONDS - 10) == {"configmaps": "2"}
    assert plane.run(10) == {"configmaps": "0"}


def test_counting_again_what_has_not_changed_writes_nothing():
    plane = Plane(pods="2")
    before = plane.get("resourcequotas", "default/q")["metadata"]["resourceVersion"]
    plane.loop.run(2 * RESYNC_SECONDS)
    assert plane.get("resourcequotas", "default/q")["metadata"]["resourceVersion"] == before
