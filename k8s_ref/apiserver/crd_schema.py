"""Schemas of custom resources · 自定义资源的模式

A CustomResourceDefinition says in OpenAPI v3 what its objects look like, and the server does with
that what it does with a built-in type: drops fields nobody declared, fills in defaults, and
refuses values that break a rule.  The one idea: schema and value are walked side by side, once
for each of these three; a rule that names no field says nothing about it.

Upstream: apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting,listtype}/,
kube-openapi/pkg/validation/validate/, apiextensions-apiserver/pkg/apiserver/validation/
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from k8s_ref.machinery.errors import (
    Cause,
    duplicate,
    invalid,
    not_supported,
    required,
    show,
    too_long,
    too_many,
    type_invalid,
)
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.timestamps import parse as parse_time

Schema: TypeAlias = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
LIST_TYPE, LIST_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"

_META = ("apiVersion", "kind", "metadata")
"""What every object has, whatever its schema says."""


def prune(value: Any, schema: Schema | None, path: str, unknown: list[str]) -> Any:
    """The value without fields that the schema does not have; their paths go to ``unknown``.

    >>> unknown = []
    >>> prune({"a": 1, "b": {"c": 2}}, {"properties": {"a": {"type": "integer"}}}, "", unknown)
    {'a': 1}
    >>> unknown
    ['b']
    """
    if isinstance(value, list):
        items = (schema or {}).get("items")
        if schema and schema.get(PRESERVE) and items is None:
            return value
        return [prune(item, items, f"{path}[{n}]", unknown) for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, item in value.items():
        where = inside(path, name)
        known, inner = _field(schema or {}, name)
        if known:
            kept[name] = item if inner is _ANYTHING else prune(item, inner, where, unknown)
        else:
            unknown.append(where)
    return kept


_ANYTHING: Schema = {}


def _field(schema: Schema, name: str) -> tuple[bool, Schema | None]:
    """Whether objects of a schema may have the field, and the field's own schema."""
    if schema.get(EMBEDDED) and name in _META:
        return True, _ANYTHING
    properties = schema.get("properties") or {}
    if name in properties:
        return True, properties[name]
    more = schema.get("additionalProperties")
    if more is not None and more is not False:
        return True, more if isinstance(more, dict) else None
    return (True, _ANYTHING) if schema.get(PRESERVE) else (False, None)


def inside(path: str, name: str) -> str:
    """The path of a field of what stands at ``path``."""
    return f"{path}.{name}" if path else name


def defaulted(value: Any, schema: Schema | None) -> Any:
    """The value with the defaults of its schema; a null that may not be one counts as unset.

    >>> defaulted({}, {"properties": {"color": {"type": "string", "default": "red"}}})
    {'color': 'red'}
    """
    if not schema:
        return value
    if isinstance(value, list):
        return [defaulted(item, schema.get("items")) for item in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    made = {n: item for n, item in value.items() if item is not None or _nullable(schema, n)}
    for name, inner in properties.items():
        if "default" in inner and name not in made:
            made[name] = inner["default"]
    return {name: defaulted(item, _field(schema, name)[1]) for name, item in made.items()}


def _nullable(schema: Schema, name: str) -> bool:
    known, inner = _field(schema, name)
    return not known or not inner or bool(inner.get("nullable") or inner.get(PRESERVE))


# -- rules


def validate(value: Any, schema: Schema, path: str = "", old: Any = None) -> Iterator[Cause]:
    """All that is wrong with a value; what is the same in ``old`` was looked at back then.

    >>> print(*validate({"size": "x"}, {"properties": {"size": {"type": "integer"}}}))
    size: Invalid value: "string": size in body must be of type integer: "string"
    """
    # To Python 1 and true are the same; JSON tells them apart.
    if old is not None and value == old and repr(value) == repr(old):
        return
    yield from _type(value, schema, path)
    if value is not None:
        yield from _junctors(value, schema, path)
        for base, rules in _RULES:
            if isinstance(value, base) and not isinstance(value, bool):
                yield from rules(value, schema, path, old)
    if schema.get("enum") and not any(_same(value, allowed) for allowed in schema["enum"]):
        allowed = [item if isinstance(item, str) else show(item) for item in schema["enum"]]
        yield not_supported(_shown(path), value, allowed)


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _shown(path: str) -> str:
    return path or "<nil>"


def _bad(path: str, value: Any, rule: str) -> Cause:
    return invalid(_shown(path), value, f"{path} in body {rule}")


def type_of(value: Any) -> str:
    """What JSON calls the value, with whole numbers apart."""
    names = {bool: "boolean", str: "string", dict: "object", list: "array", int: "integer"}
    return "null" if value is None else names.get(type(value), "number")


def _type(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    wanted = schema.get("type", "")
    types = ("integer", "string") if schema.get(INT_OR_STRING) else (wanted,) if wanted else ()
    found = type_of(value)
    if not types or found in types or (found == "null" and schema.get("nullable")):
        return
    whole = found == "number" and value.is_integer() and "integer" in types
    if not whole and not (found == "integer" and "number" in types):
        rule = f"must be of type {','.join(types)}: {show(found)}"
        yield type_invalid(_shown(path), found, f"{path} in body {rule}")


def _junctors(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """The schemas of which any, one, all or none must hold."""
    results = [list(validate(value, each, path)) for each in schema.get("anyOf") or ()]
    if results and all(results):
        yield _of(path, "must validate at least one schema (anyOf)")
        yield from results[0]
    results = [list(validate(value, each, path)) for each in schema.get("oneOf") or ()]
    valid = sum(not causes for causes in results)
    if results and valid != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield _of(path, f"must validate one and only one schema (oneOf). {found}")
        yield from () if valid else results[0]
    results = [list(validate(value, each, path)) for each in schema.get("allOf") or ()]
    yield from (cause for causes in results for cause in causes)
    if any(results):
        none = ". None validated" if all(results) else ""
        yield _of(path, f"must validate all the schemas (allOf){none}")
    if schema.get("not") is not None and not any(validate(value, schema["not"], path)):
        yield _of(path, "must not validate the schema (not)")


def _of(path: str, rule: str) -> Cause:
    # Upstream loses the field on the way, and shows Go's word for no path.
    return invalid("<nil>", "", f"{show(path)} {rule}")


def _text(value: str, schema: Schema, path: str, _: Any) -> Iterator[Cause]:
    least, most, pattern = (schema.get(n) for n in ("minLength", "maxLength", "pattern"))
    if most is not None and len(value) > most:
        yield too_long(_shown(path), most)
    elif least is not None and len(value) < least:
        yield _bad(path, value, f"should be at least {least} chars long")
    elif pattern and not _compiled(pattern).search(value):
        yield _bad(path, value, f"should match '{pattern}'")
    form = schema.get("format", "").replace("-", "")
    if form in FORMATS and not _reads(FORMATS[form], value):
        rule = f"must be of type {schema['format']}: {show(value)}"
        yield type_invalid(_shown(path), value, f"{path} in body {rule}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Go's $ is the very end of a text, Python's also stands before a last line feed.
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _number(value: float, schema: Schema, path: str, _: Any) -> Iterator[Cause]:
    factor, most, least = (schema.get(name) for name in ("multipleOf", "maximum", "minimum"))
    number = int if isinstance(value, int) else float
    if factor and (value / factor) % 1:
        yield _bad(path, value, f"should be a multiple of {go_number(factor)}")
    if most is not None:
        bare = schema.get("exclusiveMaximum")
        if value > most or (bare and value == most):
            words = "less than" if bare else "less than or equal to"
            yield _bad(path, value, f"should be {words} {go_number(number(most))}")
    if least is not None:
        bare = schema.get("exclusiveMinimum")
        if value < least or (bare and value == least):
            words = "greater than" if bare else "greater than or equal to"
            yield _bad(path, value, f"should be {words} {go_number(number(least))}")


def go_number(value: float) -> str:
    """A number as Go prints it.

    >>> go_number(10), go_number(0.5), go_number(1e6)
    ('10', '0.5', '1e+06')
    """
    text = repr(value)
    if not isinstance(value, float) or 1e-4 <= abs(value) < 1e6 or not value:
        return text.removesuffix(".0")
    digits = f"{value:.16e}" if float(f"{value:.15e}") != value else f"{value:.15e}"
    mantissa, _, exponent = digits.partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def _list(value: list[Any], schema: Schema, path: str, old: Any) -> Iterator[Cause]:
    keys = schema.get(LIST_KEYS) if schema.get(LIST_TYPE) == "map" else None
    before = {_key(item, keys): item for item in old} if keys and isinstance(old, list) else {}
    if isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            same = before.get(_key(item, keys)) if before and keys else None
            yield from validate(item, schema["items"], f"{path}[{index}]", same)
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        yield _bad(path, len(value), f"should have at least {least} items")
    if most is not None and len(value) > most:
        yield too_many(_shown(path), len(value), most)


def _key(item: Any, keys: Iterable[str]) -> str:
    return show([item.get(key) for key in keys]) if isinstance(item, dict) else show(item)


def _object(value: Object, schema: Schema, path: str, old: Any) -> Iterator[Cause]:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        yield _bad(path, len(value), f"should have at least {least} properties")
        return
    if most is not None and len(value) > most:
        yield too_many(_shown(path), len(value), most)
        return
    before = old if isinstance(old, dict) else {}
    properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
    if isinstance(more, dict):
        for name in sorted(value.keys() - properties.keys()):
            yield from validate(value[name], more, f"{path}.{name}", before.get(name))
    for name in sorted(value.keys() & properties.keys()):
        yield from validate(value[name], properties[name], inside(path, name), before.get(name))
    for name in schema.get("required") or ():
        if name not in value:
            yield required(inside(path, name))


_RULES: tuple[tuple[Any, Callable[[Any, Schema, str, Any], Iterator[Cause]]], ...] = (
    (str, _text),
    (int | float, _number),
    (list, _list),
    (dict, _object),
)


def repeated(value: Any, schema: Schema | None, path: str = "") -> Iterator[Cause]:
    """The items that stand twice in a list of the type ``set``, or have a key twice in a map."""
    if not schema:
        return
    if isinstance(value, dict):
        for name in sorted(value):
            yield from repeated(value[name], _field(schema, name)[1], inside(path, name))
    elif isinstance(value, list):
        kind, keys = schema.get(LIST_TYPE), schema.get(LIST_KEYS) or ()
        seen: set[str] = set()
        for index, item in enumerate(value):
            by_keys = kind == "map" and isinstance(item, dict)
            key = _key(item, keys) if by_keys else show(item)
            if kind in ("set", "map") and key in seen:
                named = {name: item[name] for name in keys if name in item} if by_keys else item
                yield duplicate(f"{path}[{index}]", named)
            seen.add(key)
            yield from repeated(item, schema.get("items"), f"{path}[{index}]")


def embedded(value: Any, schema: Schema | None, path: str = "") -> Iterator[Cause]:
    """What objects inside the object lack to be objects."""
    if not schema or schema is _ANYTHING:
        return
    if isinstance(value, dict):
        for name in ("apiVersion", "kind") if schema.get(EMBEDDED) else ():
            if not value.get(name):
                yield required(inside(path, name), "must not be empty")
        for name in sorted(value):
            yield from embedded(value[name], _field(schema, name)[1], inside(path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from embedded(item, schema.get("items"), f"{path}[{index}]")


# -- formats


def _reads(parse: Callable[[str], Any], value: str) -> bool:
    try:
        return parse(value) is not False
    except (ValueError, binascii.Error):
        return False


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_HEX = "[0-9A-Fa-f]"
_LABEL = "[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"

FORMATS: dict[str, Callable[[str], Any]] = {
    "datetime": parse_time,
    "date": lambda value: parse_time(f"{value}T00:00:00Z"),
    "duration": _matches(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)+(\d.*)?|0"),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "cidr": lambda value: "/" in value and ipaddress.ip_network(value, strict=False),
    "mac": _matches(rf"{_HEX}{{2}}([:-]{_HEX}{{2}}){{5}}"),
    "uuid": _matches(rf"{_HEX}{{8}}-?({_HEX}{{4}}-?){{3}}{_HEX}{{12}}"),
    "email": _matches(rf"[^@\s]+@{_LABEL}(\.{_LABEL})*"),
    "hostname": _matches(rf"{_LABEL}(\.{_LABEL})*"),
    "uri": lambda value: bool(urlsplit(value).scheme) or value.startswith("/"),
    "byte": lambda value: base64.b64decode(value, validate=True),
}
"""The formats of text that are checked, written without dashes."""
