"""Tests of the things every component does with an object."""

from __future__ import annotations

import copy as standard
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.meta import (
    Object,
    condition_of,
    controller_of,
    copy,
    key_of,
    namespace_of,
    owner_reference,
    seal,
    set_condition,
    split_key,
    with_path,
    without_path,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)
OWNER = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "web", "namespace": "default", "uid": "u-1"},
}


def test_a_key_splits_into_the_parts_it_was_made_of() -> None:
    pod = {"metadata": {"namespace": "default", "name": "web-1"}}
    node = {"metadata": {"name": "node-1"}}
    assert split_key(key_of(pod)) == ("default", "web-1")
    assert split_key(key_of(node)) == ("", "node-1")
    assert (namespace_of(pod), namespace_of(node)) == ("default", "")


def test_a_key_with_three_parts_is_refused() -> None:
    with pytest.raises(ValueError, match='unexpected key format: "a/b/c"'):
        split_key("a/b/c")


def test_the_controller_is_the_owner_that_says_so() -> None:
    reference = owner_reference(OWNER)
    other = {**reference, "controller": False, "uid": "u-2"}
    child = {"metadata": {"name": "x", "ownerReferences": [other, reference]}}
    assert controller_of(child) == reference
    assert reference["blockOwnerDeletion"] is True
    assert list(reference)[:4] == ["apiVersion", "kind", "name", "uid"]
    assert controller_of({"metadata": {"name": "x", "ownerReferences": [other]}}) is None
    assert controller_of({"metadata": {"name": "x"}}) is None


@given(JSON)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value: Any) -> None:
    copied = copy(value)
    assert copied == value
    if isinstance(value, dict | list):
        assert copied is not value
        inner = value.values() if isinstance(value, dict) else value
        mutable = {id(item) for item in inner if isinstance(item, dict | list)}
        again = copied.values() if isinstance(copied, dict) else copied
        assert not mutable & {id(item) for item in again}


def test_a_new_version_shares_what_is_not_on_the_path() -> None:
    old: Object = {
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "x"}, {"name": "y"}]},
    }
    before = standard.deepcopy(old)
    new = with_path(old, ("spec", "containers", 1, "image"), "nginx")
    assert new["spec"]["containers"][1] == {"name": "y", "image": "nginx"}
    assert new["spec"]["containers"][0] is old["spec"]["containers"][0]
    assert new["metadata"] is old["metadata"]
    assert old == before


def test_a_path_is_made_where_there_was_none() -> None:
    assert with_path({}, ("status", "phase"), "Running") == {"status": {"phase": "Running"}}
    assert with_path({"status": None}, ("status", "phase"), "x") == {"status": {"phase": "x"}}


def test_removing_a_path_leaves_the_rest_and_an_absent_one_changes_nothing() -> None:
    old = {"metadata": {"name": "a", "labels": {"x": "1"}}, "list": [{"k": 1}, {"k": 2}]}
    assert without_path(old, ("metadata", "labels"))["metadata"] == {"name": "a"}
    assert without_path(old, ("list", 0))["list"] == [{"k": 2}]
    assert without_path(old, ("list", 1, "k"))["list"] == [{"k": 1}, {}]
    assert without_path(old, ("metadata", "labels", "y")) is old
    assert without_path(old, ("spec", "x")) is old
    assert without_path(old, ("list", 7)) is old


def test_a_condition_moves_its_time_only_when_its_status_changes() -> None:
    ready = {"type": "Ready", "status": "False", "reason": "Starting"}
    first = set_condition([], ready, "t1")
    assert first == [{**ready, "lastTransitionTime": "t1"}]
    reworded = set_condition(first, {**ready, "reason": "StillStarting"}, "t2")
    assert (reworded[0]["reason"], reworded[0]["lastTransitionTime"]) == ("StillStarting", "t1")
    turned = set_condition(reworded, {**ready, "status": "True"}, "t3")
    assert turned[0]["lastTransitionTime"] == "t3"
    assert first[0]["status"] == "False"


def test_an_unchanged_condition_gives_back_the_same_list() -> None:
    conditions = set_condition([], {"type": "Ready", "status": "True"}, "t1")
    assert set_condition(conditions, {"type": "Ready", "status": "True"}, "t2") is conditions


def test_a_condition_is_replaced_in_its_place() -> None:
    conditions = [{"type": name, "status": "False"} for name in ("A", "B", "C")]
    changed = set_condition(conditions, {"type": "B", "status": "True"}, "t1")
    assert [condition["type"] for condition in changed] == ["A", "B", "C"]
    found = condition_of({"status": {"conditions": changed}}, "B")
    assert found is not None
    assert found["status"] == "True"
    assert condition_of({}, "B") is None


@pytest.mark.parametrize(
    "write",
    [
        lambda obj: obj.update(a=1),
        lambda obj: obj["metadata"].__setitem__("name", "b"),
        lambda obj: obj["metadata"].pop("name"),
        lambda obj: obj["list"].append(1),
        lambda obj: obj["list"][0].setdefault("k", 1),
        lambda obj: obj["list"].sort(),
        lambda obj: obj.__delitem__("list"),
        lambda obj: obj.__ior__({"a": 1}),
    ],
)
def test_a_write_to_a_sealed_object_is_an_error(write: Any) -> None:
    sealed = seal({"metadata": {"name": "a"}, "list": [{"k": 2}]})
    with pytest.raises(TypeError, match="with_path"):
        write(sealed)


@given(JSON)
def test_a_sealed_object_reads_and_prints_like_the_original(value: Any) -> None:
    sealed = seal(value)
    assert sealed == value
    assert json.dumps(sealed) == json.dumps(value)
    assert yaml.safe_dump(sealed) == yaml.safe_dump(value)
    assert seal(sealed) == value


def test_a_new_version_or_a_copy_of_a_sealed_object_can_be_written() -> None:
    sealed = seal({"metadata": {"name": "a"}, "list": [{"k": 2}]})
    new = with_path(sealed, ("metadata", "labels"), {"x": "1"})
    new["metadata"]["labels"]["y"] = "2"
    assert new["list"] is sealed["list"]
    copied = copy(sealed)
    copied["list"][0]["k"] = 3
    assert sealed["list"][0]["k"] == 2
