"""Tests of patches; orders and refusals are those of a Kubernetes 1.36 server."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.errors import ApiError, BadRequest, Invalid, UnsupportedMediaType
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.meta import Object, seal
from k8s_ref.machinery.patch import (
    PATCHES,
    check_merge_patch,
    json_patch,
    merge_patch,
    strategic_merge_patch,
)
from k8s_ref.machinery.schema import struct_of

JSON = st.recursive(
    st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)

POD = seal(
    {
        "metadata": {"name": "p", "finalizers": ["a", "b", "c"], "labels": {"x": "1"}},
        "spec": {
            "containers": [
                {"name": "one", "image": "1", "env": [{"name": "X", "value": "1"}]},
                {"name": "two", "image": "2"},
            ],
            "tolerations": [{"key": "a"}, {"key": "b"}],
        },
    }
)


def apply(patch: Any, resource: str = "pods", target: Object = POD) -> Object:
    node = struct_of(KINDS[resource])
    assert node is not None
    return strategic_merge_patch(target, patch, node)


def containers(patch: Any) -> list[Object]:
    found: list[Object] = apply({"spec": patch})["spec"]["containers"]
    return found


def names(patch: Any) -> list[str]:
    return [container["name"] for container in containers(patch)]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_follow_the_examples_of_rfc_7386(
    target: Any, patch: Any, result: Any
) -> None:
    assert merge_patch(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_changes_no_input_and_twice_is_as_good_as_once(
    target: Object, patch: Object
) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) is once
    assert (target, patch) == before


def test_a_merge_patch_shares_what_it_does_not_touch() -> None:
    old = {"metadata": {"name": "a"}, "spec": {"x": {"y": 1}}}
    new = merge_patch(old, {"metadata": {"labels": {"k": "v"}}})
    assert new["spec"] is old["spec"]
    assert merge_patch(old, {"spec": {"x": {"y": 1}}}) is old


def test_true_and_one_are_two_values() -> None:
    assert merge_patch({"a": 1}, {"a": True})["a"] is True


def test_a_merge_patch_must_be_an_object() -> None:
    with pytest.raises(BadRequest, match="^Invalid JSON Patch$"):
        check_merge_patch(None)
    with pytest.raises(BadRequest) as error:
        check_merge_patch([])
    assert error.value.message == (
        "error decoding patch: json: cannot unmarshal array into "
        "Go value of type map[string]interface {}"
    )


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([], {"a": "b"}),
        ([{"op": "replace", "path": "/data/zz", "value": "x"}], {"a": "b", "zz": "x"}),
        ([{"op": "add", "path": "/data/-", "value": "x"}], {"a": "b", "-": "x"}),
        ([{"op": "copy", "from": "/data/none", "path": "/data/q"}], {"a": "b", "q": None}),
        ([{"op": "test", "path": "/data/none", "value": None}], {"a": "b"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/r"}], {"r": "b"}),
        ([{"op": "remove", "path": "/data/a"}], {}),
        ([{"op": "add", "path": "/data/x~1y~0", "value": 1}], {"a": "b", "x/y~": 1}),
        (
            [
                {"op": "add", "path": "/data/l", "value": [1, 2, 3]},
                {"op": "add", "path": "/data/l/0", "value": 0},
                {"op": "add", "path": "/data/l/-", "value": 4},
                {"op": "remove", "path": "/data/l/1"},
                {"op": "replace", "path": "/data/l/-1", "value": 9},
            ],
            {"a": "b", "l": [0, 2, 3, 9]},
        ),
    ],
)
def test_json_patch_operations_apply_in_turn(operations: Any, data: Object) -> None:
    target = seal({"data": {"a": "b"}, "metadata": {"name": "c1"}})
    patched = json_patch(target, operations)
    assert patched["data"] == data
    assert patched["metadata"] is target["metadata"]
    assert target["data"] == {"a": "b"}


def test_what_stands_before_the_first_slash_is_dropped() -> None:
    assert json_patch({}, [{"op": "add", "path": "data/a", "value": "x"}]) == {"a": "x"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "no"},
        {"op": "foo", "path": "/data/a"},
        {"op": "remove", "path": "/data/zzz"},
        {"op": "add", "path": "/nothere/x", "value": "x"},
        {"op": "replace", "path": "/nodata/zz", "value": "x"},
        {"op": "move", "from": "/data/q", "path": "/data/r"},
        {"op": "remove", "path": "/metadata/finalizers/0"},
        {"op": "add", "path": "/metadata/finalizers/0", "value": "x.y/z"},
        {"op": "add", "path": "/list/5", "value": 1},
        {"op": "remove", "path": ""},
        {"path": "/data/a"},
        "x",
    ],
)
def test_an_operation_that_cannot_be_done_is_refused_without_saying_why(operation: Any) -> None:
    target = {"data": {"a": "b"}, "metadata": {}, "list": [1]}
    with pytest.raises(Invalid) as error:
        json_patch(target, [operation])
    status = error.value.status()
    assert status["message"] == "the server rejected our request due to an error in our request"
    assert (status["details"], status["code"]) == ({}, 422)


def test_a_json_patch_must_be_a_list() -> None:
    with pytest.raises(BadRequest) as error:
        json_patch({}, {"op": "add"})
    assert error.value.message == (
        "error decoding patch: json: cannot unmarshal object into "
        "Go value of type []handlers.jsonPatchOp"
    )


def test_a_keyed_list_merges_item_by_item() -> None:
    merged = containers({"containers": [{"name": "two", "image": "9"}]})
    assert merged == [POD["spec"]["containers"][0], {"name": "two", "image": "9"}]
    assert merged[0] is POD["spec"]["containers"][0]


def test_lists_inside_items_merge_too_and_null_deletes_a_field() -> None:
    env = [{"name": "X", "value": None}, {"name": "Y", "value": "2"}]
    assert containers({"containers": [{"name": "one", "env": env}]})[0]["env"] == [
        {"name": "X"},
        {"name": "Y", "value": "2"},
    ]


def test_a_new_item_goes_before_those_the_patch_does_not_name() -> None:
    assert names({"containers": [{"name": "new"}]}) == ["new", "one", "two"]


def test_named_items_take_the_order_of_the_patch() -> None:
    both = [{"name": "two"}, {"name": "one"}]
    assert names({"containers": both}) == ["two", "one"]


def test_set_element_order_places_old_and_new_items() -> None:
    order = [{"name": "one"}, {"name": "two"}, {"name": "new"}]
    patch = {"$setElementOrder/containers": order, "containers": [{"name": "new"}]}
    assert names(patch) == ["one", "two", "new"]
    assert names({"$setElementOrder/containers": order[1::-1]}) == ["two", "one"]


def test_set_element_order_must_agree_with_the_list() -> None:
    patch = {
        "$setElementOrder/containers": [{"name": "one"}, {"name": "two"}],
        "containers": [{"name": "two"}, {"name": "one"}],
    }
    with pytest.raises(ApiError, match="The order in patch list:") as error:
        names(patch)
    assert error.value.message.endswith(
        "doesn't match $setElementOrder list:\n[map[name:one] map[name:two]]\n"
    )


def test_patch_delete_removes_an_item_and_patch_replace_all_of_them() -> None:
    assert names({"containers": [{"name": "one", "$patch": "delete"}]}) == ["two"]
    assert names({"containers": [{"$patch": "replace"}, {"name": "z"}]}) == ["z"]


def test_patch_replace_of_an_object_keeps_nothing_of_the_old_one() -> None:
    labels = {"labels": {"$patch": "replace", "y": "2"}}
    assert apply({"metadata": labels})["metadata"]["labels"] == {"y": "2"}
    assert apply({"metadata": {"labels": {"$patch": "delete"}}})["metadata"]["labels"] == {}


def test_retain_keys_drops_the_fields_it_does_not_name() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}
    target = {"spec": {"strategy": rolling}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert apply(patch, "deploy", target) == {"spec": {"strategy": {"type": "Recreate"}}}
    wrong = {"spec": {"strategy": {"$retainKeys": [], "type": "Recreate"}}}
    with pytest.raises(BadRequest, match="Invalid patch format of retainKeys"):
        apply(wrong, "deploy", target)


def test_plain_lists_merge_as_sets_and_lose_what_is_to_be_deleted() -> None:
    def finalizers(patch: Object) -> list[str]:
        found: list[str] = apply({"metadata": patch})["metadata"]["finalizers"]
        return found

    assert finalizers({"finalizers": ["c", "d"]}) == ["a", "b", "c", "d"]
    assert finalizers({"$deleteFromPrimitiveList/finalizers": ["b"]}) == ["a", "c"]
    order = {"$setElementOrder/finalizers": ["a", "d", "b"], "finalizers": ["d"]}
    assert finalizers(order) == ["a", "d", "b", "c"]


def test_a_list_without_merge_key_and_a_selector_of_a_budget_are_replaced_whole() -> None:
    assert apply({"spec": {"tolerations": [{"key": "z"}]}})["spec"]["tolerations"] == [{"key": "z"}]
    target = {"spec": {"selector": {"matchLabels": {"a": "b"}}}}
    patch = {"spec": {"selector": {"matchLabels": {"c": "d"}}}}
    assert apply(patch, "pdb", target) == patch


def test_ports_that_share_a_number_are_not_lost() -> None:
    dns = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]
    target = {"spec": {"containers": [{"name": "dns", "ports": dns}]}}
    patched = apply({"spec": {"containers": [{"name": "dns", "image": "x"}]}}, "pods", target)
    assert patched["spec"]["containers"][0]["ports"] is dns
    fresh = apply({"spec": {"containers": [{"name": "one", "ports": dns}]}})
    assert fresh["spec"]["containers"][0]["ports"] == dns
    more = [{"containerPort": 80}]
    again = apply({"spec": {"containers": [{"name": "dns", "ports": more}]}}, "pods", target)
    assert again["spec"]["containers"][0]["ports"] == [*more, *dns]


def test_directives_leave_no_trace_where_there_was_nothing_to_merge_with() -> None:
    patch = {
        "spec": {
            "$setElementOrder/initContainers": [{"name": "a"}],
            "initContainers": [{"name": "a", "image": None}, {"name": "b", "$patch": "delete"}],
            "$setElementOrder/volumes": [],
            "$retainKeys": ["initContainers", "containers", "tolerations"],
        }
    }
    spec = apply(patch)["spec"]
    assert spec["initContainers"] == [{"name": "a"}]
    assert "volumes" not in spec
    assert not [name for name in spec if name.startswith("$")]


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        ({"spec": {"containers": [{"image": "x"}]}}, 500,
         "map: map[image:x] does not contain declared merge key: name"),
        ({"spec": {"containers": [{"$patch": "foo", "name": "c"}]}}, 500,
         "unknown patch type: foo in map: map[$patch:foo name:c]"),
        ([], 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ({"spec": {"$setElementOrder/containers": 3}}, 400,
         "Invalid patch format of setElementOrder list"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 3}}, 400,
         "Invalid patch format of primitive list"),
        ({"metadata": {"finalizers": [{}]}}, 400, "Invalid patch format of primitive list"),
    ],
)  # fmt: skip
def test_a_broken_strategic_patch_is_refused(patch: Any, code: int, message: str) -> None:
    with pytest.raises(ApiError) as error:
        apply(patch)
    assert (error.value.code, error.value.message) == (code, message)


def test_a_patch_that_changes_nothing_gives_back_the_object() -> None:
    assert apply({}) is POD
    assert apply({"spec": {"containers": [{"name": "one", "image": "1"}]}}) is POD
    assert apply({"metadata": {"finalizers": ["a"], "labels": {"y": None}}}) is POD


NAMES = st.sampled_from(["a", "b", "c", "d"])
ITEMS = st.lists(NAMES, unique=True, max_size=4).flatmap(
    lambda keys: st.tuples(
        *(st.fixed_dictionaries({"name": st.just(k), "image": st.sampled_from("xy")}) for k in keys)
    )
)


@given(ITEMS, ITEMS)
def test_a_merged_list_has_every_item_once_and_what_the_patch_says(old: Any, new: Any) -> None:
    target = seal({"spec": {"containers": list(old)}})
    merged = apply({"spec": {"containers": list(new)}}, "pods", target)["spec"]["containers"]
    by_name = {item["name"]: item for item in merged}
    assert len(by_name) == len(merged)
    assert by_name == {item["name"]: item for item in (*old, *new)}
    kept = [item["name"] for item in merged if item["name"] in {new_["name"] for new_ in new}]
    assert kept == [item["name"] for item in new]
    rest = [item["name"] for item in merged if item["name"] not in kept]
    assert rest == [item["name"] for item in old if item["name"] not in kept]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["delete", "replace", "name"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["spec", "metadata", "containers", "finalizers", "name", "labels", "$patch",
             "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(ANY)
def test_no_patch_however_odd_fails_otherwise_than_with_an_api_error(patch: Any) -> None:
    for patched in PATCHES.values():
        with suppress(ApiError):
            patched(POD, patch, KINDS["pods"])


def test_a_custom_resource_has_no_strategic_merge_patch() -> None:
    widget = Kind("example.com", "v1", "Widget", "widgets")
    with pytest.raises(UnsupportedMediaType, match="application/merge-patch"):
        PATCHES["application/strategic-merge-patch+json"]({}, {}, widget)
    merged = PATCHES["application/merge-patch+json"]({"a": 1}, {"b": 2}, widget)
    assert merged == {"a": 1, "b": 2}
