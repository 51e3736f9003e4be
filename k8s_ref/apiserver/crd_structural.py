"""Structural schemas · 结构化模式

What a schema must be before the server takes it.  The one idea: which fields there are, and of
which types, is said outside of all logic; ``allOf``, ``anyOf``, ``oneOf`` and ``not`` may only
narrow the values.  So the server knows of every field whether it belongs there, what it is when
nobody sets it, and how to publish it.

Upstream: apiextensions-apiserver/pkg/apiserver/schema/validation.go,
pkg/apis/apiextensions/validation/validation.go (ValidateCustomResourceDefinitionOpenAPISchema)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from k8s_ref.apiserver.crd_schema import (
    EMBEDDED,
    INT_OR_STRING,
    LIST_KEYS,
    LIST_TYPE,
    PRESERVE,
    Schema,
    validate,
)
from k8s_ref.machinery.errors import Cause, forbidden, invalid, not_supported, required

_NO_PLACE = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_ROOT = (
    "description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
    "uniqueItems", "multipleOf", "required", "items", "properties", "externalDocs", "example",
    PRESERVE, "x-kubernetes-validations",
)  # fmt: skip
"""What the schema of an object with a status of its own may say about the whole object."""
_LOGIC = ("allOf", "anyOf", "oneOf")


def schema(root: Schema, path: str, has_status: bool = False) -> Iterator[Cause]:
    """What is wrong with a schema of a version.

    >>> print(*schema({"type": "object", "properties": {"a": {}}}, "s"))
    s.properties[a].type: Required value: must not be empty for specified object fields
    """
    if has_status and (stray := [name for name in root if name not in _ROOT]):
        named = " ".join(_go_name(name) for name in _ROOT)
        why = "fields are allowed at the root of the schema if the status subresource is enabled"
        yield invalid(path, {name: root[name] for name in stray}, f"only [{named}] {why}")
    if has_status and root.get("type") not in (None, "", "object"):
        why = 'only "object" is allowed as the type at the root of the schema'
        why += " if the status subresource is enabled"
        yield invalid(f"{path}.type", root["type"], why)
    yield from _openapi(root, path)
    yield from sorted(_structural(root, path, "root"), key=str)


def _go_name(name: str) -> str:
    words = name.replace("x-kubernetes", "x").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _inner(found: Schema, path: str) -> Iterator[tuple[Schema, str]]:
    """The schemas that a schema holds, with their paths."""
    for name in sorted(found.get("properties") or {}):
        yield found["properties"][name] or {}, f"{path}.properties[{name}]"
    for name in ("items", "additionalProperties", "not"):
        if isinstance(found.get(name), dict):
            yield found[name], f"{path}.{name}"
    for name in _LOGIC:
        for index, each in enumerate(found.get(name) or ()):
            yield each, f"{path}.{name}[{index}]"


_FORBIDDEN: tuple[tuple[str, Callable[[Schema], Any], str], ...] = (
    ("type", lambda s: s.get("type") == "null",
     "type cannot be set to null, use nullable as an alternative"),
    ("items", lambda s: isinstance(s.get("items"), list),
     "items must be a schema object and not an array"),
    ("uniqueItems", lambda s: s.get("uniqueItems"),
     "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
    ("additionalProperties", lambda s: s.get("additionalProperties") is False,
     "additionalProperties cannot be set to false"),
    ("additionalProperties",
     lambda s: s.get("properties") and isinstance(s.get("additionalProperties"), dict),
     "additionalProperties and properties are mutual exclusive"),
)  # fmt: skip


def _openapi(found: Schema, path: str) -> Iterator[Cause]:
    """What of OpenAPI has no place in Kubernetes, here and below."""
    for name in _NO_PLACE:
        if found.get(name):
            yield forbidden(f"{path}.{name}", f"{name} is not supported")
    for name, applies, why in _FORBIDDEN:
        if applies(found):
            yield forbidden(f"{path}.{name}", why)
    yield from _list_type(found, path)
    if "default" in found:
        for cause in validate(found["default"], found):
            yield cause._replace(field=f"{path}.default")
    for each, where in _inner(found, path):
        yield from _openapi(each, where)


def _list_type(found: Schema, path: str) -> Iterator[Cause]:
    kind, keys = found.get(LIST_TYPE), found.get(LIST_KEYS) or []
    if kind is not None and kind not in ("atomic", "map", "set"):
        yield not_supported(f"{path}.{LIST_TYPE}", kind, ("atomic", "map", "set"))
    if kind is not None and found.get("type") != "array":
        why = f"must be array if {LIST_TYPE} is specified"
        yield invalid(f"{path}.type", found.get("type", ""), why)
    if keys and kind != "map":
        why = f"must be map if {LIST_KEYS} is non-empty"
        yield (
            invalid(f"{path}.{LIST_TYPE}", kind, why)
            if kind
            else required(f"{path}.{LIST_TYPE}", why)
        )
    if kind == "map":
        yield from _list_map(found.get("items"), keys, path)


def _list_map(items: Any, keys: list[str], path: str) -> Iterator[Cause]:
    if not keys:
        yield required(f"{path}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map")
    if not isinstance(items, dict):
        yield required(f"{path}.items", f"must have a schema if {LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        why = f"must be object if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type", ""), why)
    for index, key in enumerate(keys):
        yield from _map_key(items, key, path, index)


def _map_key(items: Schema, key: str, path: str, index: int) -> Iterator[Cause]:
    inner = (items.get("properties") or {}).get(key)
    if inner is None:
        why = "entries must all be names of item properties"
        yield invalid(f"{path}.{LIST_KEYS}[{index}]", key, why)
    elif inner.get("type") in ("array", "object"):
        why = f"must be a scalar type if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.properties[{key}].type", inner["type"], why)
    elif "default" not in inner and key not in (items.get("required") or ()):
        why = (
            f"this property is in {LIST_KEYS}, so it must have a default or be a required property"
        )
        yield required(f"{path}.items.properties[{key}].default", why)


_EMPTY_TYPE = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}


def _structural(found: Schema, path: str, level: str) -> Iterator[Cause]:
    """What keeps a schema, outside of all logic, from being structural."""
    items, more = found.get("items"), found.get("additionalProperties")
    if found.get("type") == "array" and items is None:
        yield required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        yield from _structural(items, f"{path}.items", "item")
    for name, inner in (found.get("properties") or {}).items():
        yield from _structural(inner, f"{path}.properties[{name}]", "field")
    if more is not None and level == "root":
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(more, dict):
        yield from _structural(more, f"{path}.additionalProperties", "field")
    yield from _logic(found, path)
    yield from _typed(found, path, level)
    if level == "root" or found.get(EMBEDDED):
        yield from _own_fields(found, path, level)


def _typed(found: Schema, path: str, level: str) -> Iterator[Cause]:
    """What is wrong with the type, and with the marks that stand for one."""
    kind, either = found.get("type", ""), found.get(INT_OR_STRING)
    for name in (PRESERVE, EMBEDDED) if either else ():
        if found.get(name):
            yield invalid(f"{path}.{name}", True, f"must be false if {INT_OR_STRING} is true")
    if found.get(EMBEDDED) and kind != "object":
        why = f"must be object if {EMBEDDED} is true"
        yield invalid(f"{path}.type", kind, why) if kind else required(f"{path}.type", why)
    elif not (kind or either or found.get(PRESERVE)):
        yield required(f"{path}.type", _EMPTY_TYPE[level])
    if level == "root" and kind not in ("", "object"):
        yield invalid(f"{path}.type", kind, "must be object at the root")


def _own_fields(found: Schema, path: str, level: str) -> Iterator[Cause]:
    """An object's own fields are the server's to describe."""
    properties = found.get("properties") or {}
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        kind = properties.get(name, {}).get("type", "")
        if name in properties and kind != wanted:
            yield invalid(f"{path}.properties[{name}].type", kind, f"must be {wanted}")
    inner = properties.get("metadata") or {}
    named = {*(inner.get("properties") or {})} <= {"name", "generateName"}
    if level == "root" and not ({*inner} <= {"type", "properties", "description"} and named):
        why = "must not specify anything other than name and generateName, but metadata is"
        yield forbidden(f"{path}.properties[metadata]", f"{why} implicitly specified")
    if level != "root" and not properties and not found.get(PRESERVE):
        why = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        yield required(f"{path}.properties", why)


_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_EMPTY = {
    "type": "empty", "title": "empty", "description": "empty", LIST_KEYS: "empty",
    "x-kubernetes-validations": "empty", "additionalProperties": "undefined",
    "default": "undefined", "externalDocs": "undefined", LIST_TYPE: "undefined",
    "x-kubernetes-map-type": "undefined", "nullable": "false", PRESERVE: "false",
    EMBEDDED: "false", INT_OR_STRING: "false",
}  # fmt: skip
"""What may stand outside of logic only, and what it must be inside."""


def _logic(found: Schema, path: str) -> Iterator[Cause]:
    """The rules on values that a schema has, and those inside its logic."""
    either = found.get(INT_OR_STRING)
    for name in _LOGIC:
        for index, each in enumerate(found.get(name) or ()):
            # The one way to say both types that upstream allows.
            if not (either and _INT_OR_STRING in (found.get("anyOf"), each.get("anyOf"))):
                yield from _nested(each, f"{path}.{name}[{index}]")
    if isinstance(found.get("not"), dict):
        yield from _nested(found["not"], f"{path}.not")
    try:
        re.compile(found.get("pattern", ""))
    except re.error as error:
        pattern = found["pattern"]
        why = "missing closing )" if "missing )" in str(error) else str(error)
        why = f"must be a valid regular expression, but isn't: error parsing regexp: {why}"
        yield invalid(f"{path}.pattern", pattern, f"{why}: `{pattern}`")


def _nested(found: Schema, path: str) -> Iterator[Cause]:
    yield from _logic(found, path)
    if isinstance(found.get("items"), dict):
        yield from _nested(found["items"], f"{path}.items")
    for name, inner in (found.get("properties") or {}).items():
        yield from _nested(inner, f"{path}.properties[{name}]")
    for name, state in _EMPTY.items():
        if found.get(name) not in (None, "", False, []):
            yield forbidden(f"{path}.{name}", f"must be {state} to be structural")
    if "metadata" in (found.get("properties") or {}):
        why = "must not be specified in a nested context"
        yield forbidden(f"{path}.properties[metadata]", why)


def has_default(found: Schema) -> bool:
    """Whether the schema, or one inside it, has a default."""
    return "default" in found or any(has_default(each) for each, _ in _inner(found, ""))
