"""Bodies of requests · 请求体

JSON, YAML or protobuf comes in, a dict goes on, and nobody further in can tell which it was.  The
one idea: all three mean the same, so the ``Content-Type`` decides how to read and nothing else.
The rule: bytes that are no object never get past here, and are refused in the words of Go's
readers; keys that stand twice are noted, for field validation to refuse or to warn of.

Upstream: apiserver/pkg/endpoints/handlers/rest.go, negotiation/negotiate.go,
apimachinery/pkg/runtime/serializer/json/json.go
"""

from __future__ import annotations

import json
import re
from typing import Any

from k8s_ref.apiserver import protobuf, yamltext
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from k8s_ref.machinery.patch import PATCHES
from k8s_ref.machinery.schema import Gvk, Undecodable, decode_json

LARGEST = 3 * 1024 * 1024
"""Bytes in a body at most."""

JSON, YAML, APPLY = "application/json", "application/yaml", "application/apply-patch+yaml"
CONNECT = ("attach", "exec", "portforward", "proxy")
"""Subresources that are conversations; nobody looks at the body with which one begins."""

Read = tuple[Any, list[str]]
"""A value, and the keys that stood in it twice."""


def decode_body(request: Request, raw: bytes) -> Any:
    """What the body of a request holds; ``None`` where none is needed and none came.

    Keys that stand in it twice are put down in ``request.repeated``.
    """
    if request.subresource in CONNECT or (not raw and request.verb.startswith("delete")):
        return None
    media_type = request.content_type.partition(";")[0].strip().lower()
    gvk = expected(request)
    patch = request.verb == "patch"
    if not patch:
        _check_accepted(media_type, gvk)
    if len(raw) > LARGEST:
        raise RequestEntityTooLarge(f"Request entity too large: limit is {LARGEST}")
    try:
        read = _patch(media_type, raw) if patch else _object(media_type, raw, gvk)
    except Undecodable:
        raise
    except (BadRequest, ValueError) as error:
        raise _refusal(str(error), raw, "" if patch else gvk[2]) from None
    value, request.repeated = read
    return value


def expected(request: Request) -> Gvk:
    """The kind of the object in a body: that of the path, of its subresource, or DeleteOptions."""
    if request.verb.startswith("delete"):
        return "", "v1", "DeleteOptions"
    found = request.kind.subresource(request.subresource)
    return (found.group, found.version, found.kind) if found else request.kind.gvk


def _check_accepted(media_type: str, gvk: Gvk) -> None:
    accepted = [JSON, YAML, *[protobuf.MEDIA_TYPE] * bool(protobuf.definition_of(gvk))]
    if media_type not in accepted:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(accepted)
        )


def _refusal(problem: str, raw: bytes, kind: str) -> ApiError:
    if not kind:
        return BadRequest(problem)
    if kind == "DeleteOptions":
        # Upstream does not word this one: what the reader said goes out as a failure of its own.
        return ApiError(problem)
    what = f"the object provided is unrecognized (must be of type {kind})"
    return BadRequest(f"{what}: {problem} ({_summary(raw)})")


def _summary(raw: bytes) -> str:
    """The beginning of a body: as it stands if it looks like JSON, else in hexadecimal."""
    begin = raw[:30]
    shown = begin.decode("utf-8", "replace") if begin.startswith(b"{") else begin.hex()
    return (shown + " ..." * (len(raw) > len(begin))) or "<empty>"


def _object(media_type: str, raw: bytes, gvk: Gvk) -> Read:
    if media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(raw, gvk), []
    text = raw.decode("utf-8", "replace")
    try:
        value, repeated = _yaml(text) if media_type == YAML else _json(text)
        return _checked(value), repeated
    except yamltext.BadYaml:
        raise
    except ValueError as error:
        raise ValueError(f"couldn't get version/kind; json parse error: {error}") from None


def _patch(media_type: str, raw: bytes) -> Read:
    """A patch, which may be any JSON; that nobody here knows its type is said later."""
    if media_type not in (*PATCHES, APPLY):
        return None, []
    text = raw.decode("utf-8", "replace")
    prefix = "" if "strategic" in media_type else "error decoding patch: "
    try:
        return _yaml(text) if media_type == APPLY else _json(text)
    except yamltext.BadYaml as error:
        raise ValueError(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from None


def _yaml(text: str) -> Read:
    # Go's reader ends the last line itself.
    value, repeated = yamltext.first(text if text.endswith("\n") else f"{text}\n")
    return value, ["yaml: unmarshal errors:\n  " + "\n  ".join(repeated)] if repeated else []


_TYPES = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\"";'
    ' Kind string "json:\\"kind,omitempty\\"" }'
)


def _checked(value: Any) -> Any:
    """An object whose kind, if it names one, is text; nothing at all is an empty object."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        found = _TYPES[type(value)]
        raise ValueError(f"json: cannot unmarshal {found} into Go value of type {_TYPE_META}")
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str | None):
            raise ValueError(not_text(name, value[name]))
    return {
        name: item for name, item in value.items() if item or name not in ("apiVersion", "kind")
    }


def not_text(name: str, value: Any) -> str:
    """What is wrong with an ``apiVersion`` or a ``kind`` that is no text."""
    return (
        f"json: cannot unmarshal {_TYPES[type(value)]} into Go struct field .{name} of type string"
    )


_ODD = re.compile(r"NaN|Infinity|\\u[dD][89a-fA-F]|[eE]\+?\d{3}")
"""What Python reads and JSON, or text in UTF-8, has no place for."""


def _json(text: str) -> Read:
    try:
        value, repeated = decode_json(text)
        if _ODD.search(text):
            plain = json.dumps(value, ensure_ascii=False, allow_nan=False)
            value = json.loads(plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except json.JSONDecodeError as error:
        raise ValueError(in_go(error)) from None
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    except ValueError:
        # So many digits even Python does not read.
        raise ValueError("json: cannot unmarshal number into Go value of type float64") from None
    return value, repeated


_IN_GO = {
    "Expecting property name enclosed in double quotes": (
        "looking for beginning of object key string"
    ),
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]*)?")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')


def in_go(error: json.JSONDecodeError) -> str:
    """What Go says where Python finds text to be no JSON.

    >>> try: json.loads("nope")
    ... except json.JSONDecodeError as error: print(in_go(error))
    invalid character 'o' in literal null (expecting 'u')
    """
    text, at, place = error.doc, error.pos, _IN_GO.get(error.msg, "")
    if error.msg == "Expecting value":
        at, place = _literal(text, at)
    elif error.msg.startswith("Invalid \\"):
        escape = _ESCAPE.match(text, text.rindex("\\", 0, at + 1))
        at = escape.end() if escape else at
    elif error.msg == "Expecting ',' delimiter":
        place = "after object key:value pair" if _in_object(text[:at]) else "after array element"
    if at >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    # Go looks at bytes, and shows the one it stumbled over as if it were a character.
    char = chr(text[at].encode()[0])
    shown = {"'": r"'\''", '"': "'\"'"}.get(
        char
    ) or f"'{json.dumps(char, ensure_ascii=False)[1:-1]}'"
    return f"invalid character {shown} {place}"


def _literal(text: str, at: int) -> tuple[int, str]:
    """Where a word that is no value departs from the one it began as."""
    for word in ("true", "false", "null"):
        if text.startswith(word[0], at):
            end = next(n for n in range(5) if not text.startswith(word[: n + 1], at))
            return at + end, f"in literal {word} (expecting '{word[end]}')"
    if text.startswith("-", at):
        return at + 1, "in numeric literal"
    return at, "looking for beginning of value"


def _in_object(text: str) -> bool:
    open_: list[str] = []
    for char in _STRING.sub("", text):
        if char in "{[":
            open_.append(char)
        elif char in "}]":
            open_.pop()
    return open_[-1:] == ["{"]
