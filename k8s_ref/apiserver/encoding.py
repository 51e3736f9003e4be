"""Representations · 表示

The same object can be sent as JSON, as YAML, as a row of a table or as nothing but its metadata;
the ``Accept`` header says which.  The one idea: an object that did not change is never encoded
twice, for it is immutable and its bytes can be shared by everybody who reads or watches it.

Upstream: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go, response.go, watch.go
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from k8s_ref.apiserver.table import table
from k8s_ref.machinery.errors import NotAcceptable
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

JSON, YAML, PROTOBUF = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
)
ENCODED = 10_000
"""How many objects' bytes are kept."""


class Representation(NamedTuple):
    """How an answer is to look: its media type, and what the objects are turned into."""

    media_type: str = JSON
    turned: str = ""
    """``Table``, ``PartialObjectMetadata``, ``PartialObjectMetadataList``, or nothing at all."""
    version: str = "v1"


@lru_cache(256)
def negotiate(accept: str) -> Representation:
    """The first representation of an ``Accept`` header that this server has.

    >>> negotiate("application/json;as=Table;v=v1;g=meta.k8s.io,application/json").turned
    'Table'
    >>> negotiate("application/vnd.kubernetes.protobuf, */*").media_type
    'application/json'
    """
    for media_type, options in clauses(accept):
        turned = options.get("as", "")
        if turned and (turned not in _TURNED or options.get("g") != "meta.k8s.io"):
            continue
        if turned and options.get("v") not in ("v1", "v1beta1"):
            continue
        found = _MEDIA_TYPES.get(media_type)
        if found is not None:
            return Representation(found, turned, options.get("v", "v1"))
    representations = f"{JSON}, {YAML}, {PROTOBUF}"
    if not any(media_type in _MEDIA_TYPES for media_type, _ in clauses(accept)):
        words = f"406: Not Acceptable\n\nAvailable representations: {representations}"
        raise NotAcceptable(words, {})
    raise NotAcceptable(f"only the following media types are accepted: {representations}")


_TURNED = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_MEDIA_TYPES = {"*/*": JSON, "application/*": JSON, JSON: JSON, YAML: YAML}


def clauses(accept: str) -> list[tuple[str, dict[str, str]]]:
    """The media types of an ``Accept`` header with their options, the most wanted first.

    >>> clauses("text/plain;q=0.5, application/json;as=Table;v=v1")
    [('application/json', {'as': 'Table', 'v': 'v1'}), ('text/plain', {'q': '0.5'})]
    """
    found = []
    for clause in (accept or "*/*").split(","):
        media_type, *options = (part.strip() for part in clause.split(";"))
        pairs = dict(option.partition("=")[::2] for option in options)
        found.append((media_type, pairs))
    return sorted(found, key=lambda clause: -_quality(clause[1].get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


class Encoder:
    """Turns answers into bytes.  ``now`` gives the present in nanoseconds since 1970."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self._encoded: dict[int, tuple[Object, bytes]] = {}

    def answer(
        self, wanted: Representation, body: Any, kind: Kind | None = None, include: str = ""
    ) -> bytes:
        """The whole body of an answer; ``include`` is what rows of a table carry."""
        if kind is not None and wanted.turned:
            return to_json(self._turned(wanted, body, kind, include))
        if wanted.media_type == YAML:
            return yaml.safe_dump(body, allow_unicode=True).encode()
        if "items" in body and "metadata" in body and "kind" in body:
            return self._list(body)
        return self.object(body) + b"\n"

    def event(
        self, wanted: Representation, type_: str, obj: Object, kind: Kind, include: str = ""
    ) -> bytes:
        """One line of a watch."""
        if wanted.turned and type_ != "ERROR":
            body = to_json(self._turned(wanted, obj, kind, include))[:-1]
        else:
            body = self.object(obj)
        return b'{"type":"%s","object":%s}\n' % (type_.encode(), body)

    def object(self, obj: Object) -> bytes:
        """An object as JSON; remembered, because the next reader wants the same bytes."""
        found = self._encoded.get(id(obj))
        # The object is kept with its bytes, so that nobody else can come by its id.
        if found is not None:
            return found[1]
        encoded = to_json(obj)[:-1]
        if len(self._encoded) >= ENCODED:
            self._encoded.clear()
        self._encoded[id(obj)] = obj, encoded
        return encoded

    def _list(self, body: Object) -> bytes:
        head = to_json({name: part for name, part in body.items() if name != "items"})[:-2]
        return head + b',"items":[' + b",".join(map(self.object, body["items"])) + b"]}\n"

    def _turned(self, wanted: Representation, body: Object, kind: Kind, include: str) -> Object:
        api_version = f"meta.k8s.io/{wanted.version}"
        many = "items" in body
        if wanted.turned == "Table":
            objects = body["items"] if many else [body]
            metadata = _only_list(body["metadata"])
            made = table(kind, objects, self.now(), metadata, include or "Metadata")
            return {**made, "apiVersion": api_version}
        if not many:
            return _partial(body, api_version)
        items = [_partial(obj, api_version) for obj in body["items"]]
        about = {"kind": "PartialObjectMetadataList", "apiVersion": api_version}
        return {**about, "metadata": body["metadata"], "items": items}


def _only_list(metadata: Object) -> Object:
    return {name: metadata[name] for name in _LIST_META if name in metadata}


_LIST_META = ("resourceVersion", "continue", "remainingItemCount")


def _partial(obj: Object, api_version: str) -> Object:
    about = {"kind": "PartialObjectMetadata", "apiVersion": api_version}
    return {**about, "metadata": obj["metadata"]}


def to_json(value: Any) -> bytes:
    """JSON as Go writes it: no spaces, what HTML could mistake escaped, a newline at the end.

    >>> to_json({"a": "<b>"})
    b'{"a":"\\\\u003cb\\\\u003e"}\\n'
    """
    text = _encoded(value)
    for char, escaped in _ESCAPED:
        if char in text:
            text = text.replace(char, escaped)
    return text.encode("utf-8", "surrogatepass") + b"\n"


_encoded = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_ESCAPED = (
    ("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"),
    ("\u2028", "\\u2028"), ("\u2029", "\\u2029"),
)  # fmt: skip
