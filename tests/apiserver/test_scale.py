"""The scale subresource, through a client."""

import pytest

from k8s_ref.machinery.errors import BadRequest, Conflict, Invalid, NotFound
from k8s_ref.machinery.meta import with_path
from tests.harness import ControlPlane, replicaset


@pytest.fixture
def plane():
    plane = ControlPlane()
    plane.do(plane.api.create("replicasets", replicaset(replicas=2)))
    return plane


def scale(replicas, **meta):
    metadata = {"name": "web", "namespace": "default", **meta}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def read(plane):
    return plane.do(plane.api.get("replicasets", "default/web", "scale"))


def test_a_scale_says_how_many_and_which(plane):
    found = read(plane)
    assert (found["kind"], found["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert found["spec"] == {"replicas": 2}
    assert found["status"] == {"replicas": 0, "selector": "app=web"}


def test_a_scale_that_is_put_changes_the_replicas_and_nothing_else(plane):
    before = plane.do(plane.api.get("replicasets", "default/web"))
    plane.do(plane.api.update("replicasets", scale(5), "scale"))
    after = plane.do(plane.api.get("replicasets", "default/web"))
    assert after["metadata"]["generation"] == 2
    assert with_path(after["spec"], ("replicas",), 2) == before["spec"]


def test_a_scale_is_patched_like_any_object(plane):
    change = {"spec": {"replicas": 0}}
    answer = plane.do(plane.api.patch("replicasets", "default/web", change, "scale"))
    assert (answer["kind"], answer["spec"]) == ("Scale", {})
    assert plane.do(plane.api.get("replicasets", "default/web"))["spec"]["replicas"] == 0


def test_fewer_than_none_is_refused(plane):
    words = r'^Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be great'
    with pytest.raises(Invalid, match=words):
        plane.do(plane.api.update("replicasets", scale(-1), "scale"))


def test_a_scale_may_name_the_version_it_means(plane):
    plane.do(plane.api.update("replicasets", scale(3, **read(plane)["metadata"]), "scale"))
    with pytest.raises(Conflict, match=r'replicasets.apps "web": the object has been modified'):
        plane.do(plane.api.update("replicasets", scale(4, resourceVersion="1"), "scale"))
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: 1"):
        plane.do(plane.api.update("replicasets", scale(4, uid="1"), "scale"))


def test_another_kind_is_no_scale(plane):
    words = r"^ReplicaSet in version .v1. cannot be handled as a Scale: converting \(v1.Replica"
    with pytest.raises(BadRequest, match=words):
        plane.do(plane.api.update("replicasets", replicaset(), "scale"))


def test_what_has_no_replicas_has_no_scale(plane):
    with pytest.raises(NotFound, match="could not find the requested resource"):
        plane.do(plane.api.get("namespaces", "default", "scale"))
