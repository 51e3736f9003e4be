"""Tests of selectors; the refusals are those of a Kubernetes 1.36 server."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.selectors import (
    EVERYTHING,
    NOTHING,
    FieldSelector,
    Requirement,
    Selector,
    field_value,
    format_label_selector,
    from_label_selector,
    from_labels,
    label_key_problems,
    label_value_problems,
    matches_node_selector,
    parse_fields,
    parse_labels,
    subdomain_problems,
)

KEYS = st.sampled_from(["app", "tier", "example.com/zone", "in", "notin"])
VALUES = st.sampled_from(["", "web", "db", "in", "1.2_3-x"])
LABELS = st.dictionaries(KEYS, VALUES)
REQUIREMENTS = st.one_of(
    st.builds(Requirement, KEYS, st.sampled_from(["=", "==", "!="]), st.tuples(VALUES)),
    st.builds(
        Requirement,
        KEYS,
        st.sampled_from(["in", "notin"]),
        # "in ()" could be no value or one empty value; upstream takes it for the former.
        st.lists(VALUES, min_size=1, unique=True)
        .filter(lambda v: v != [""])
        .map(lambda v: tuple(sorted(v))),
    ),
    st.builds(Requirement, KEYS, st.sampled_from(["exists", "!"])),
    st.builds(Requirement, KEYS, st.sampled_from(["gt", "lt"]), st.tuples(st.just("5"))),
)


@pytest.mark.parametrize(
    ("text", "labels", "selected"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app=web", {"app": "db"}, False),
        ("app=web", {}, False),
        ("app==web,tier!=db", {"app": "web"}, True),
        ("tier!=db", {"tier": "db"}, False),
        ("e in (x,y)", {"e": "y"}, True),
        ("e in (x,y)", {}, False),
        ("f notin (z)", {}, True),
        ("f notin (z)", {"f": "z"}, False),
        ("g", {"g": ""}, True),
        ("g", {}, False),
        ("!h", {}, True),
        ("!h", {"h": "1"}, False),
        ("a=", {"a": ""}, True),
        ("a in (,x)", {"a": ""}, True),
        ("n>5", {"n": "6"}, True),
        ("n>5", {"n": "5"}, False),
        ("n<5", {"n": "-1"}, True),
        ("n<5", {"n": "x"}, False),
        ("n<5", {}, False),
        (" a = b , c notin ( d , e ) ", {"a": "b"}, True),
        ("in=notin", {"in": "notin"}, True),
    ],
)
def test_text_selects_by_labels(text: str, labels: dict[str, str], selected: bool) -> None:
    assert parse_labels(text).matches(labels) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        (
            "a>x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            "-a=b",
            'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of '
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
            " character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
            "regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (
            "a in ()",
            "unable to parse requirement: values: Invalid value: []: "
            "for 'in', 'notin' operators, values set can't be empty",
        ),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=!b", "unable to parse requirement: found '!', expected: identifier"),
    ],
)
def test_text_that_is_no_selector_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=".") as error:
        parse_labels(text)
    assert str(error.value) == message


@given(st.lists(REQUIREMENTS, max_size=4), LABELS)
def test_a_printed_selector_reads_back_as_itself(
    requirements: list[Requirement], labels: dict[str, str]
) -> None:
    selector = Selector(tuple(sorted(requirements, key=lambda one: one.key)))
    again = parse_labels(str(selector))
    assert str(again) == str(selector)
    assert again.matches(labels) == selector.matches(labels)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS)
def test_a_selector_is_the_conjunction_of_its_requirements(
    requirements: list[Requirement], labels: dict[str, str]
) -> None:
    every = all(Selector((one,)).matches(labels) for one in requirements)
    assert Selector(tuple(requirements)).matches(labels) == every


@given(KEYS, st.lists(VALUES, min_size=1), LABELS)
def test_in_and_notin_are_opposites(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside = Requirement(key, "in", tuple(values)).matches(labels)
    assert Requirement(key, "notin", tuple(values)).matches(labels) != inside


@given(st.text(max_size=12))
def test_any_text_is_a_selector_or_a_value_error(text: str) -> None:
    for parse in (parse_labels, parse_fields):
        with suppress(ValueError):
            parse(text)


@given(LABELS, LABELS)
def test_selecting_by_labels_asks_for_all_of_them(
    wanted: dict[str, str], labels: dict[str, str]
) -> None:
    assert from_labels(wanted).matches(labels) == (wanted.items() <= labels.items())


def test_an_empty_selector_matches_everything_and_an_absent_one_nothing() -> None:
    assert from_label_selector({}) == EVERYTHING
    assert from_label_selector({}).matches(None)
    assert from_label_selector(None) == NOTHING
    assert not from_label_selector(None).matches({"a": "b"})


def test_a_label_selector_object_joins_labels_and_expressions() -> None:
    selector = from_label_selector(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "edge"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "env", "operator": "NotIn", "values": ["dev"]},
                {"key": "zone", "operator": "Exists"},
            ],
        }
    )
    assert str(selector) == "app=web,env notin (dev),!old,tier in (edge,front),zone"
    pod = {"metadata": {"labels": {"app": "web", "tier": "edge", "zone": "a"}}}
    assert selector.selects(pod)
    assert not selector.selects({"metadata": {}})


def test_kubectl_prints_none_for_an_empty_selector_and_error_for_a_broken_one() -> None:
    assert format_label_selector({}) == "<none>"
    assert format_label_selector(None) == "<none>"
    assert format_label_selector({"matchLabels": {"b": "2", "a": "1"}}) == "a=1,b=2"
    broken = {"matchExpressions": [{"key": "a", "operator": "Foo"}]}
    assert format_label_selector(broken) == "<error>"
    with pytest.raises(ValueError, match='^"Foo" is not a valid label selector operator$'):
        from_label_selector(broken)


NODE = {"metadata": {"name": "node-1", "labels": {"zone": "a", "cores": "8"}}}


@pytest.mark.parametrize(
    ("terms", "matched"),
    [
        ([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}], True),
        ([{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["4"]}]}], True),
        ([{"matchExpressions": [{"key": "cores", "operator": "Lt", "values": ["4"]}]}], False),
        ([{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["x"]}]}], False),
        ([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}],
         True),
        ([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["node-1"]}]}],
         False),
        (
            [
                {
                    "matchExpressions": [{"key": "zone", "operator": "Exists"}],
                    "matchFields": [
                        {"key": "metadata.name", "operator": "In", "values": ["node-2"]}
                    ],
                },
                {"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]},
            ],
            True,
        ),
        ([{}], False),
        ([], False),
    ],
)  # fmt: skip
def test_a_node_must_meet_one_whole_term(terms: list[Any], matched: bool) -> None:
    assert matches_node_selector({"nodeSelectorTerms": terms}, NODE) is matched


POD = {"metadata": {"name": "web", "namespace": "d"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("metadata.name=web", True),
        ("metadata.name==web,metadata.namespace=d", True),
        ("metadata.name!=web", False),
        ("spec.nodeName=", True),
        ("spec.nodeName!=", False),
        ("status.phase!=Succeeded,status.phase!=Failed", True),
        ("spec.hostNetwork=false", True),
    ],
)
def test_field_selectors_compare_fields_of_the_object(text: str, selected: bool) -> None:
    assert parse_fields(text).selects(POD) is selected


def test_a_field_is_compared_as_text() -> None:
    assert field_value({"spec": {"unschedulable": True}}, "spec.unschedulable") == "true"
    assert field_value({"status": {"successful": 3}}, "status.successful") == "3"
    assert field_value({"spec": None}, "spec.nodeName") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (
            "metadata.name>c",
            "invalid selector: 'metadata.name>c'; can't understand 'metadata.name>c'",
        ),
    ],
)
def test_a_broken_field_selector_is_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=".") as error:
        parse_fields(text)
    assert str(error.value) == message


@given(st.text(max_size=8))
def test_any_value_survives_being_printed_in_a_field_selector(value: str) -> None:
    selector = FieldSelector((("metadata.name", "=", value),))
    assert parse_fields(str(selector)) == selector
    assert parse_fields(str(selector)).exact("metadata.name") == value


def test_only_an_equality_pins_a_field() -> None:
    assert parse_fields("a!=b").exact("a") is None
    assert parse_fields("a=b").exact("c") is None


def test_label_keys_and_values_follow_upstreams_rules() -> None:
    for key in ("app", "example.com/app", "a.b/C_d-1", "A"):
        assert label_key_problems(key) == ()
    assert label_key_problems("a/b/c")[0].endswith(
        "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    )
    assert label_key_problems("")[0] == "name part must be non-empty"
    assert label_key_problems("/a") == ("prefix part must be non-empty",)
    assert label_key_problems("X/a")[0].startswith("prefix part a lowercase RFC 1123 subdomain")
    assert label_key_problems("a" * 64) == ("name part must be no more than 63 bytes",)
    assert label_value_problems("") == ()
    assert label_value_problems("a" * 64) == ("must be no more than 63 bytes",)
    assert label_value_problems("b c")[0].startswith("a valid label must be an empty string or")
    assert label_value_problems("a\n") != ()


def test_object_names_are_dns_subdomains() -> None:
    assert subdomain_problems("web-1.example.com") == ()
    assert subdomain_problems("Bad_Name")[0].startswith("a lowercase RFC 1123 subdomain must")
    assert subdomain_problems("a" * 254) == ("must be no more than 253 bytes",)
