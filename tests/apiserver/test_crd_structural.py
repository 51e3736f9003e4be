"""Which schemas the server takes."""

from typing import Any

import pytest

from k8s_ref.apiserver.crd_structural import schema


def test_every_field_outside_of_logic_has_a_type() -> None:
    causes = schema({"type": "object", "properties": {"a": {}}}, "s")
    assert [str(cause) for cause in causes] == [
        "s.properties[a].type: Required value: must not be empty for specified object fields"
    ]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"type": "array"}, "items: Required value: must be specified"),
        ({"type": "string", "pattern": "("}, 'pattern: Invalid value: "(": must be a valid regular'
         " expression, but isn't: error parsing regexp: missing closing ): `(`"),
        ({"type": "object", "allOf": [{"type": "object"}]},
         "allOf[0].type: Forbidden: must be empty to be structural"),
        ({"type": "object", "not": {"x-kubernetes-int-or-string": True}},
         "not.x-kubernetes-int-or-string: Forbidden: must be false to be structural"),
        ({"type": "object", "properties": {"b": {"type": "string"}},
          "additionalProperties": {"type": "string"}},
         "additionalProperties: Forbidden: additionalProperties and properties are mutual"
         " exclusive"),
        ({"type": "object", "$ref": "x"}, "$ref: Forbidden: $ref is not supported"),
        ({"type": "string", "default": 1}, 'default: Invalid value: "integer":  in body must be of'
         ' type string: "integer"'),
        ({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
         "x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type"
         " is map"),
        ({"x-kubernetes-embedded-resource": True},
         "type: Required value: must be object if x-kubernetes-embedded-resource is true"),
    ],
)  # fmt: skip
def test_a_schema_must_be_structural(field: Any, expected: str) -> None:
    found = [str(c) for c in schema({"type": "object", "properties": {"a": field}}, "s")]
    assert f"s.properties[a].{expected}" in found


def test_a_number_or_text_says_so_in_the_one_way_that_is_allowed() -> None:
    both = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    field = {"x-kubernetes-int-or-string": True, **both}
    assert not [*schema({"type": "object", "properties": {"a": field}}, "s")]
    assert [*schema({"type": "object", "properties": {"a": {"type": "object", **both}}}, "s")]


def test_the_server_describes_metadata_itself() -> None:
    root = {"type": "object", "properties": {"metadata": {"type": "object", "required": ["name"]}}}
    assert [str(cause) for cause in schema(root, "s")] == [
        "s.properties[metadata]: Forbidden: must not specify anything other than name and"
        " generateName, but metadata is implicitly specified"
    ]
