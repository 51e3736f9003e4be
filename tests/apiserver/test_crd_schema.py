"""What a schema does with an object of a custom resource."""

from typing import Any

import pytest

from k8s_ref.apiserver.crd_schema import defaulted, embedded, prune, repeated, validate


def said(value: Any, **schema: Any) -> list[str]:
    """What is wrong with a value at ``spec.a``, in words."""
    return [str(cause) for cause in validate(value, schema, "spec.a")]


def pruned(value: Any, schema: dict[str, Any]) -> tuple[Any, list[str]]:
    unknown: list[str] = []
    return prune(value, schema, "", unknown), unknown


TEXT = {"type": "string"}


def test_a_field_that_nobody_declared_is_dropped_and_named() -> None:
    items = {"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}}
    found = pruned({"list": [{"a": "x"}, {"b": 1}], "c": {}}, {"properties": {"list": items}})
    assert found == ({"list": [{"a": "x"}, {}]}, ["list[1].b", "c"])


def test_a_map_has_any_keys_and_its_values_are_pruned() -> None:
    values = {"type": "object", "properties": {"a": TEXT}}
    found = pruned({"x": {"a": "1", "b": "2"}}, {"additionalProperties": values})
    assert found == ({"x": {"a": "1"}}, ["x.b"])


def test_preserved_fields_stay_and_declared_ones_inside_are_still_pruned() -> None:
    schema = {
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"known": {"type": "object"}},
    }
    value = {"any": {"thing": [1]}, "known": {"no": 1}}
    assert pruned(value, schema) == ({"any": {"thing": [1]}, "known": {}}, ["known.no"])


def test_an_object_inside_keeps_what_every_object_has() -> None:
    schema = {"x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    value = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "foo": 1, "spec": {}}
    assert pruned(value, schema)[1] == ["foo"]


def test_defaults_are_filled_from_the_outside_in() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "integer", "default": 7}}}
    schema = {"properties": {"a": {**inner, "default": {}}, "c": inner}}
    assert defaulted({}, schema) == {"a": {"b": 7}}
    assert defaulted({"c": {}}, schema) == {"a": {"b": 7}, "c": {"b": 7}}
    assert defaulted({"a": {"b": 0}}, schema) == {"a": {"b": 0}}


def test_a_null_is_nothing_unless_it_may_be_one() -> None:
    schema = {
        "properties": {
            "plain": TEXT,
            "filled": {**TEXT, "default": "x"},
            "nullable": {**TEXT, "nullable": True},
        }
    }
    value = {"plain": None, "filled": None, "nullable": None}
    assert defaulted(value, schema) == {"filled": "x", "nullable": None}


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("x", {"type": "integer"}, 'Invalid value: "string": IN must be of type integer: "string"'),
        (1.5, {"type": "integer"}, 'Invalid value: "number": IN must be of type integer: "number"'),
        (None, {"type": "object"}, 'Invalid value: "null": IN must be of type object: "null"'),
        (
            [],
            {"x-kubernetes-int-or-string": True},
            'Invalid value: "array": IN must be of type integer,string: "array"',
        ),
        (0, {"minimum": 1}, "Invalid value: 0: IN should be greater than or equal to 1"),
        (
            1,
            {"minimum": 1, "exclusiveMinimum": True},
            "Invalid value: 1: IN should be greater than 1",
        ),
        (0.5, {"maximum": 0.25}, "Invalid value: 0.5: IN should be less than or equal to 0.25"),
        (5, {"multipleOf": 2}, "Invalid value: 5: IN should be a multiple of 2"),
        ("ab", {"maxLength": 1}, "Too long: may not be more than 1 bytes"),
        ("a", {"minLength": 2}, 'Invalid value: "a": IN should be at least 2 chars long'),
        ("a", {"pattern": "^b$"}, "Invalid value: \"a\": IN should match '^b$'"),
        ("b\n", {"pattern": "^b$"}, "Invalid value: \"b\\n\": IN should match '^b$'"),
        ("x", {"enum": ["a", 1]}, 'Unsupported value: "x": supported values: "a", "1"'),
        (True, {"enum": [1]}, 'Unsupported value: true: supported values: "1"'),
        (
            "noon",
            {"type": "string", "format": "date-time"},
            'Invalid value: "noon": IN must be of type date-time: "noon"',
        ),
        ([1, 2], {"maxItems": 1}, "Too many: 2: must have at most 1 item"),
        ([], {"minItems": 1}, "Invalid value: 0: IN should have at least 1 items"),
        ({"a": 1}, {"maxProperties": 0}, "Too many: 1: must have at most 0 items"),
        ({}, {"minProperties": 1}, "Invalid value: 0: IN should have at least 1 properties"),
    ],
)
def test_a_rule_that_is_broken_is_named(value: Any, schema: Any, expected: str) -> None:
    assert said(value, **schema) == [f"spec.a: {expected}".replace("IN ", "spec.a in body ")]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (3.0, {"type": "integer"}),
        (3, {"type": "number"}),
        (None, {"type": "object", "nullable": True}),
        ("50%", {"x-kubernetes-int-or-string": True}),
        ("2026-01-01T00:00:00Z", {"type": "string", "format": "date-time"}),
        ("1h30m", {"type": "string", "format": "duration"}),
        ("10.0.0.1", {"type": "string", "format": "ipv4"}),
        ("anything", {"type": "string", "format": "unheard-of"}),
        ("xay", {"pattern": "a"}),
    ],
)
def test_what_keeps_the_rules_passes(value: Any, schema: Any) -> None:
    assert said(value, **schema) == []


def test_required_fields_are_asked_for_by_path() -> None:
    inner = {"type": "object", "required": ["b"]}
    schema = {"properties": {"a": {"type": "array", "items": inner}}}
    assert [str(cause) for cause in validate({"a": [{}]}, schema)] == ["a[0].b: Required value"]


ALTERNATIVES = [{"required": ["a"]}, {"required": ["b"]}]


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ({}, {"anyOf": ALTERNATIVES}, '"spec.a" must validate at least one schema (anyOf)'),
        (
            {},
            {"oneOf": ALTERNATIVES},
            '"spec.a" must validate one and only one schema (oneOf). Found none valid',
        ),
        (
            {"a": 1, "b": 1},
            {"oneOf": ALTERNATIVES},
            '"spec.a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
        ({}, {"allOf": ALTERNATIVES[:1]},
         '"spec.a" must validate all the schemas (allOf). None validated'),
        ({"a": 1}, {"not": ALTERNATIVES[0]}, '"spec.a" must not validate the schema (not)'),
    ],
)  # fmt: skip
def test_logic_says_which_of_its_schemas_failed(value: Any, schema: Any, expected: str) -> None:
    assert f'<nil>: Invalid value: "": {expected}' in said(value, **schema)


def test_what_did_not_change_is_not_looked_at_again() -> None:
    schema = {"properties": {"a": {"type": "integer", "maximum": 1}, "b": TEXT}}
    old = {"a": 5, "b": "x"}
    assert not [*validate({"a": 5, "b": "y"}, schema, old=old)]
    assert [*validate({"a": 6, "b": "x"}, schema, old=old)]


def test_a_list_that_is_a_map_has_each_key_once() -> None:
    schema = {
        "type": "array",
        "items": {"type": "object"},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    items = [{"name": "a", "x": 1}, {"name": "a", "x": 2}]
    causes = repeated({"l": items}, {"properties": {"l": schema}})
    assert [str(cause) for cause in causes] == ['l[1]: Duplicate value: {"name":"a"}']
    assert not [
        *repeated(
            {"l": items}, {"properties": {"l": {**schema, "x-kubernetes-list-type": "atomic"}}}
        )
    ]


def test_a_set_has_each_item_once() -> None:
    causes = repeated([1, 2, 1], {"x-kubernetes-list-type": "set"}, "s")
    assert [str(cause) for cause in causes] == ["s[2]: Duplicate value: 1"]


def test_an_object_inside_must_say_what_it_is() -> None:
    schema = {"properties": {"t": {"x-kubernetes-embedded-resource": True}}}
    causes = [str(cause) for cause in embedded({"t": {"kind": "Pod"}}, schema)]
    assert causes == ["t.apiVersion: Required value: must not be empty"]
