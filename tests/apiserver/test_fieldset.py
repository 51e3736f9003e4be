"""Sets of fields: what is in a union, a difference, an intersection, and how paths are shown."""

from k8s_ref.apiserver.fieldset import (
    difference,
    intersection,
    path_text,
    paths,
    readable,
    union,
)

PORT = 'k:{"containerPort":80,"protocol":"TCP"}'


def test_a_field_and_what_is_in_it_are_two_things():
    parent, child = {"f:a": {}}, {"f:a": {"f:b": {}}}
    both = {"f:a": {".": {}, "f:b": {}}}
    assert union(parent, child) == union(child, parent) == both
    assert difference(both, parent) == child
    assert difference(both, child) == parent
    assert difference(child, parent) == child
    assert difference(parent, child) == parent
    assert intersection(both, parent) == parent
    assert intersection(parent, child) == {}


def test_a_union_that_adds_nothing_is_the_same_set():
    large = {"f:a": {".": {}, "f:b": {}}, "f:c": {}}
    assert union(large, {"f:a": {"f:b": {}}}) is large
    assert union(large, {"f:a": {}}) is large
    assert difference(large, {"f:d": {}}) is large
    assert difference(large, {"f:a": {"f:z": {}}}) is large


def test_nothing_is_left_of_a_set_without_itself():
    whole = {"f:a": {".": {}, "f:b": {"f:c": {}}}}
    assert difference(whole, whole) == {}


def test_paths_are_those_of_a_parent_before_what_is_in_them():
    fields = {"f:b": {"f:x": {}}, "f:a": {".": {}, "f:y": {}}, "f:c": {}}
    assert [path_text(path) for path in paths(fields)] == [".a", ".c", ".a.y", ".b.x"]


def test_a_path_shows_keys_and_values():
    assert path_text(("f:p", PORT)) == '.p[containerPort=80,protocol="TCP"]'
    assert path_text(("f:finalizers", 'v:"x/y"')) == '.finalizers[="x/y"]'
    assert path_text(("f:a", "i:3", "f:b")) == ".a[3].b"


def test_what_is_no_set_is_known():
    assert readable({"f:a": {".": {}, 'k:{"name":"x"}': {}, "v:1": {}}})
    assert not readable({"a": {}})
    assert not readable({"f:a": 1})
    assert not readable({"k:{": {}})
