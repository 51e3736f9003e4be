"""What the registry of a custom resource does with its objects."""

import copy
from typing import Any

import pytest

from k8s_ref.machinery.errors import BadRequest, Invalid, UnsupportedMediaType
from tests.apiserver.widgets import definition, serving, widget
from tests.harness import ControlPlane


@pytest.fixture
def plane() -> Any:
    """A control plane that serves widgets."""
    return serving()


def test_an_object_is_pruned_and_completed(plane: Any) -> None:
    said: list[str] = []
    plane.api.warn = said.append
    sent = {**widget(unknown="x"), "status": {"size": 9}}
    sent["metadata"]["foo"] = 1
    made = plane.do(plane.api.create("widgets", sent))
    assert made["spec"] == {"size": 3, "color": "red"}
    assert "status" not in made and made["metadata"]["generation"] == 1
    assert made["apiVersion"] == "example.com/v1" and made["kind"] == "Widget"
    assert said == ['unknown field "metadata.foo"', 'unknown field "spec.unknown"']


def test_strict_validation_refuses_unknown_fields(plane: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        plane.do(plane.api.create("widgets", widget(foo=2), strict=True))
    assert str(refused.value) == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error:'
        ' unknown field "spec.foo"'
    )


def test_rules_are_kept_on_the_way_in_and_later(plane: Any) -> None:
    with pytest.raises(Invalid) as refused:
        plane.do(plane.api.create("widgets", widget("xw1", size="x")))
    assert str(refused.value) == (
        'Widget.example.com "xw1" is invalid: spec.size: Invalid value: "string":'
        ' spec.size in body must be of type integer: "string"'
    )
    plane.do(plane.api.create("widgets", widget()))
    with pytest.raises(Invalid) as refused:
        plane.do(plane.api.patch("widgets", "default/w1", {"spec": {"color": "green"}}))
    assert refused.value.causes[0].message == (
        'Unsupported value: "green": supported values: "red", "blue"'
    )


def test_an_object_of_another_version_or_kind_is_refused(plane: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        plane.do(plane.api.create("widgets", {**widget(), "apiVersion": "example.com/v2"}))
    assert str(refused.value) == (
        "the API version in the data (example.com/v2) does not match"
        " the expected API version (example.com/v1)"
    )
    with pytest.raises(Invalid, match='kind: Invalid value: "Pod": must be Widget'):
        plane.do(plane.api.create("widgets", {**widget(), "kind": "Pod"}))


def test_the_status_is_written_apart(plane: Any) -> None:
    made = plane.do(plane.api.create("widgets", widget()))
    changed = {**made, "spec": {"size": 8}, "status": {"size": 2}}
    changed["metadata"] = {**made["metadata"], "labels": {"a": "b"}}
    after = plane.do(plane.api.update_status("widgets", changed))
    assert after["status"] == {"size": 2} and after["spec"]["size"] == 3
    assert "labels" not in after["metadata"] and after["metadata"]["generation"] == 1
    again = plane.do(plane.api.update("widgets", {**after, "spec": {"size": 4}, "status": {}}))
    assert again["status"] == {"size": 2} and again["metadata"]["generation"] == 2


def test_a_custom_resource_is_scaled_by_its_own_paths(plane: Any) -> None:
    made = plane.do(plane.api.create("widgets", widget()))
    plane.do(plane.api.update_status("widgets", {**made, "status": {"size": 1, "selector": "a=b"}}))
    change = {"spec": {"replicas": 7}}
    scale = plane.do(plane.api.patch("widgets", "default/w1", change, "scale"))
    assert scale["spec"] == {"replicas": 7}
    assert scale["status"] == {"replicas": 1, "selector": "a=b"}
    assert plane.do(plane.api.get("widgets", "default/w1"))["spec"]["size"] == 7


def test_a_strategic_merge_patch_needs_a_built_in_type(plane: Any) -> None:
    plane.do(plane.api.create("widgets", widget()))
    strategic = "application/strategic-merge-patch+json"
    with pytest.raises(UnsupportedMediaType):
        plane.do(plane.api.patch("widgets", "default/w1", {}, content_type=strategic))


def test_only_declared_fields_select(plane: Any) -> None:
    plane.do(plane.api.create("widgets", widget()))
    plane.do(plane.api.create("widgets", widget("w2", color="blue")))
    found = plane.do(plane.api.list("widgets", fields="spec.color=blue"))
    assert [item["metadata"]["name"] for item in found["items"]] == ["w2"]
    assert found["kind"] == "WidgetList"
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.size"):
        plane.do(plane.api.list("widgets", fields="spec.size=3"))


def two_versions(storage: str) -> dict[str, Any]:
    crd = definition()
    [version] = crd["spec"]["versions"]
    crd["spec"]["versions"] = [
        {**copy.deepcopy(version), "name": name, "storage": name == storage}
        for name in ("v1beta1", "v1")
    ]
    return crd


def test_objects_leave_the_store_in_the_version_that_is_asked_for() -> None:
    plane: Any = ControlPlane()
    plane.do(plane.api.create("crds", two_versions("v1beta1")))
    plane.loop.run(0)
    plane.do(plane.api.create("widgets.v1.example.com", widget()))
    stored = plane.store.get("/registry/example.com/widgets/default/w1").value
    assert stored["apiVersion"] == "example.com/v1beta1"
    assert plane.do(plane.api.get("widgets", "default/w1"))["apiVersion"] == "example.com/v1"
    watch = plane.do(plane.api.watch("widgets.v1beta1.example.com"))
    assert plane.do(watch.next()).object["apiVersion"] == "example.com/v1beta1"
    [item] = plane.do(plane.api.list("widgets"))["items"]
    assert item["apiVersion"] == "example.com/v1"


def test_a_version_that_once_was_stored_is_remembered() -> None:
    plane: Any = ControlPlane()
    made = plane.do(plane.api.create("crds", two_versions("v1beta1")))
    plane.loop.run(0)
    versions = two_versions("v1")["spec"]["versions"]
    change = {"spec": {"versions": versions}}
    made = plane.do(plane.api.patch("crds", "widgets.example.com", change))
    assert made["status"]["storedVersions"] == ["v1beta1", "v1"]
    change = {"spec": {"versions": versions[1:]}}
    with pytest.raises(Invalid, match="v1beta1 was previously a storage version"):
        plane.do(plane.api.patch("crds", "widgets.example.com", change))


def test_a_default_that_came_later_shows_in_objects_that_were_there(plane: Any) -> None:
    plane.do(plane.api.create("widgets", widget()))
    versions = definition()["spec"]["versions"]
    properties = versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["shape"] = {"type": "string", "default": "round"}
    plane.do(plane.api.patch("crds", "widgets.example.com", {"spec": {"versions": versions}}))
    plane.loop.run(0)
    assert plane.do(plane.api.get("widgets", "default/w1"))["spec"]["shape"] == "round"
