"""Protobuf bodies · protobuf 请求体

kubectl and other programs written in Go send objects in binary, to save bytes and time; here such a
body becomes the same dict its JSON would have become.  The one idea: on the wire a field has no
name, only a number, and which number is which name never changes once it is published.  The numbers
stand in ``protobuf.json``, distilled from kubectl; the types are those of the schema.

Upstream: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go, k8s.io/api/*/generated.proto
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import BadRequest
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.timestamps import SECOND, micro_time, timestamp

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"

VARINT, BYTES = 0, 2
"""Wire types: a number that shows where it ends, and bytes that begin with how many they are."""

_SIZES = {1: 8, 5: 4}
"""How many bytes values of the other types have; the API uses none of them."""

Value: TypeAlias = tuple[int, Any]
"""A value as it was sent: its wire type, and a whole number or bytes."""


def decode(body: bytes, expected: schema.Gvk = ("", "", "")) -> Object:
    """The object in a request body; ``BadRequest`` if there is none.

    ``expected`` is the kind where the body names none.  Of an object whose kind is not known here
    only the kind is read.

    >>> body = "6b387300 0a0f 0a027631 1209436f6e6669674d6170 1205 0a03 0a0161"
    >>> decode(bytes.fromhex(body))
    {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'a'}}
    """
    api_version, kind, data = _opened(body, expected)
    group, _, version = api_version.rpartition("/")
    definition = definition_of((group, version, kind))
    obj: Object = {"apiVersion": api_version, "kind": kind}
    if not definition:
        return obj
    try:
        return _message(data, schema.struct(definition), definition, obj)
    except (BadRequest, ValueError, RecursionError) as error:
        raise schema.cannot_handle((group, version, kind), str(error)) from None


def definition_of(gvk: schema.Gvk) -> str:
    """The definition of a kind; empty if nobody knows the numbers of its fields."""
    found = schema.struct_of(gvk)
    if gvk[2] == "DeleteOptions":
        found = schema.struct("apimachinery.pkg.apis.meta.v1.DeleteOptions")
    return found.definition if found and found.definition in _numbers() else ""


@cache
def _numbers() -> dict[str, dict[str, str]]:
    """By definition and number the name of a field.

    A star marks a pointer, which may say zero and mean it; after a number sign stands a definition
    whose fields are among those of this one.
    """
    file = resources.files("k8s_ref.apiserver").joinpath("protobuf.json")
    return dict(json.loads(file.read_text("utf-8")))


def _opened(body: bytes, expected: schema.Gvk) -> tuple[str, str, bytes]:
    """What the envelope says, API version and kind, and what is in it."""
    if not body:
        raise BadRequest("empty data")
    if not body.startswith(MAGIC):
        problem = "provided data does not appear to be a protobuf message"
        raise BadRequest(f"{problem}, expected prefix [{' '.join(map(str, MAGIC))}]")
    if body == MAGIC:
        raise BadRequest("empty body")
    type_meta, data = _parts(body[len(MAGIC) :], "Unknown", BYTES, BYTES)
    api_version, kind = map(_text, _parts(type_meta, "TypeMeta", BYTES, BYTES))
    default = "/".join(filter(None, expected[:2]))
    return api_version or default, kind or expected[2], data


def _message(data: bytes, node: schema.Struct, definition: str, into: Object) -> Object:
    """A JSON object with the fields of a message added."""
    numbers = _numbers()[definition]
    for number, value in fields(data, definition.rpartition(".")[2]):
        name = numbers.get(str(number), "")
        known = node.fields.get(name.rstrip("*"))
        if name.startswith("#"):
            _message(_of_type(BYTES, value, name), node, name[1:], into)
        elif known is not None:
            _add(into, known, value, known.required or name.endswith("*"))
    return into


def _add(into: Object, field: schema.Field, value: Value, keep: bool) -> None:
    """Add one value; a zero only if it means something."""
    node, name = field.node, field.name
    if isinstance(node, schema.ListOf):
        into.setdefault(name, []).append(_read(node.items, value, name))
    elif isinstance(node, schema.MapOf):
        key, data = _parts(_of_type(BYTES, value, name), name, BYTES, BYTES)
        into.setdefault(name, {})[_text(key)] = _read(node.items, (BYTES, data), name)
    else:
        item = _read(node, value, name)
        if item or (keep and item is not None):
            into[name] = item


def _read(node: schema.Node, value: Value, name: str) -> Any:
    """A value as it would stand in JSON."""
    if isinstance(node, schema.Integer):
        return _signed(_of_type(VARINT, value, name), node.limit)
    if isinstance(node, schema.Boolean):
        return _of_type(VARINT, value, name) != 0
    data = _of_type(BYTES, value, name)
    if isinstance(node, schema.Struct):
        return _message(data, node, node.definition, {})
    if isinstance(node, schema.ListOf):
        # A list in a map is wrapped in a message of its own.
        return [_read(node.items, item, name) for _, item in fields(data, name)]
    return _TEXTUAL[type(node)](data, node)


def _time(data: bytes, node: Any) -> str | None:
    seconds, nanos = map(_signed, _parts(data, "Time", VARINT, VARINT))
    # In Go no time at all is the first second of the year 1.
    if not data or not 0 < seconds + 62135596800 < 315537897600:
        return None
    return (micro_time if node.micro else timestamp)(nanos % SECOND, seconds)


def _int_or_string(data: bytes, node: Any) -> int | str:
    is_text, number, text = _parts(data, "IntOrString", VARINT, VARINT, BYTES)
    return _text(text) if is_text else _signed(number, 2**31)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


_TEXTUAL: dict[type[schema.Node], Callable[[bytes, Any], Any]] = {
    schema.Text: lambda data, node: _text(data),
    schema.Bytes: lambda data, node: base64.b64encode(data).decode(),
    schema.Quantity: lambda data, node: _text(_parts(data, "Quantity", BYTES)[0]) or "0",
    schema.IntOrString: _int_or_string,
    schema.Time: _time,
    schema.Node: lambda data, node: json.loads(_parts(data, "RawExtension", BYTES)[0] or b"null"),
}


def _parts(data: bytes, name: str, *wires: int) -> list[Any]:
    """The fields of a message of known shape, zero where they were not sent."""
    found: list[Any] = [b"" if wire == BYTES else 0 for wire in wires]
    for number, value in fields(data, name):
        if number <= len(wires):
            found[number - 1] = _of_type(wires[number - 1], value, name)
    return found


def _of_type(wire: int, value: Value, name: str) -> Any:
    if value[0] != wire:
        field = name[:1].upper() + name[1:]
        raise BadRequest(f"proto: wrong wireType = {value[0]} for field {field}")
    return value[1]


def _signed(number: int, limit: int = 2**63) -> int:
    """A number below zero was sent as its two's complement of 64 bits."""
    return (number + limit) % (2 * limit) - limit


def fields(data: bytes, message: str) -> Iterator[tuple[int, Value]]:
    """The fields of a message in the order in which they were sent: their numbers and values.

    >>> list(fields(bytes.fromhex("08 9601 12 02 6869"), "Example"))
    [(1, (0, 150)), (2, (2, b'hi'))]
    """
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if not 0 < number < 2**31:
            raise BadRequest(f"proto: {message}: illegal tag {number} (wire type {key})")
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, (wire, value)
            continue
        if wire != BYTES and wire not in _SIZES:
            raise BadRequest(f"proto: illegal wireType {wire}")
        size, at = varint(data, at) if wire == BYTES else (_SIZES[wire], at)
        if size >= 2**63:
            raise BadRequest("proto: negative length found during unmarshaling")
        if size > len(data) - at:
            raise BadRequest("unexpected EOF")
        yield number, (wire, data[at : at + size])
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number, seven bits to the byte and the lowest first, and where it ends.

    >>> varint(bytes.fromhex("9601"), 0)
    (150, 2)
    """
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise BadRequest("unexpected EOF")
        byte, at = data[at], at + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number % 2**64, at
    raise BadRequest("proto: integer overflow")
