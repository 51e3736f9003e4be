"""Claims that name no class."""

import pytest

from tests.harness import ControlPlane

DEFAULT = "storageclass.kubernetes.io/is-default-class"


@pytest.fixture
def plane():
    return ControlPlane()


def storage_class(plane, name, default="true"):
    meta = {"name": name, "annotations": {DEFAULT: default}}
    plane.do(plane.api.create("storageclasses", {"metadata": meta, "provisioner": "a.b/c"}))


def class_of(plane, name="a", annotations=None, **spec):
    size = {"requests": {"storage": "1Gi"}}
    meta = {"name": name, "namespace": "default", "annotations": annotations or {}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": size, **spec}
    obj = {"metadata": meta, "spec": spec}
    found = plane.do(plane.api.create("persistentvolumeclaims", obj))
    return found["spec"].get("storageClassName")


def test_without_a_default_a_claim_stays_as_it_is(plane):
    storage_class(plane, "slow", "false")
    assert class_of(plane) is None


def test_a_claim_that_names_no_class_gets_the_default(plane):
    storage_class(plane, "standard")
    assert class_of(plane) == "standard"


def test_the_empty_class_is_a_choice_too(plane):
    storage_class(plane, "standard")
    assert class_of(plane, storageClassName="") == ""
    assert class_of(plane, "b", {"volume.beta.kubernetes.io/storage-class": "old"}) is None


def test_of_several_defaults_the_newest_wins_and_then_the_first_by_name(plane):
    storage_class(plane, "b")
    storage_class(plane, "a")
    assert class_of(plane) == "a"
    plane.loop.run(5)
    storage_class(plane, "z")
    assert class_of(plane, "later") == "z"
