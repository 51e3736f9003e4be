"""OpenAPI · 公布的模式

The server tells which fields its objects have, so that ``kubectl explain`` can print them, and
``kubectl apply`` can check a manifest, for kinds that kubectl was never built with.  The one
idea: the schema that checks a write is the schema that is published; nobody keeps a second one.
There is a document for each group and version, made when it is first asked for.

The types come from ``schema.json``; what the published form needs besides stands in
``openapi.json``, and descriptions, in our own words and two languages, in ``fields.yaml``.

Upstream: api/openapi-spec/v3/, k8s.io/kube-openapi/pkg/handler3/handler.go
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from k8s_ref.apiserver.documents import (
    Document,
    etag,
    page_not_found,
    unless_known,
)
from k8s_ref.apiserver.encoding import JSON, clauses, to_json
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import Kind, Kinds, Subresource
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.schema import Field, ListOf, MapOf, Node, Struct, Text

LANGUAGES = ("en", "zh")
"""The languages there are descriptions in."""

META = "apimachinery.pkg.apis.meta.v1."
SWAGGER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def answer(
    path: str,
    query: Mapping[str, Sequence[str]],
    accept: str,
    kinds: Kinds,
    language: str = "en",
    if_none_match: str = "",
) -> Document | None:
    """The document at a path; ``None`` if the path is none of OpenAPI's."""
    where = path.strip("/")
    if where == "openapi/v2":
        return small_swagger(accept)
    if where == "openapi/v3":
        return _index(kinds, language, if_none_match)
    if not where.startswith("openapi/v3/"):
        return None
    place = where.removeprefix("openapi/v3/")
    rows = _by_place(kinds).get(place)
    if rows is None:
        return page_not_found()
    body, tag = _document(rows, language)
    wanted = query.get("hash")
    if not wanted:
        return unless_known(Document(JSON, body), tag, if_none_match)
    if wanted[0] != tag:
        return Document("", b"", {"Location": _url(place, tag)}, 301)
    # What has its hash in its name never changes and may be kept for ever.
    forever = {"Cache-Control": "public, immutable"}
    return unless_known(Document(JSON, body, forever), tag, if_none_match)


def _index(kinds: Kinds, language: str, if_none_match: str) -> Document:
    paths = {
        place: {"serverRelativeURL": _url(place, _document(rows, language)[1])}
        for place, rows in sorted(_by_place(kinds).items())
    }
    body = to_json({"paths": paths})
    return unless_known(Document(JSON, body), etag(body), if_none_match)


@lru_cache(maxsize=256)
def _document(rows: tuple[Kind, ...], language: str) -> tuple[bytes, str]:
    """The document of these rows, which never change, and its hash."""
    body = to_json(document(rows, language))
    return body, etag(body)


@lru_cache(maxsize=8)
def _by_place(kinds: Kinds) -> dict[str, tuple[Kind, ...]]:
    found: dict[str, tuple[Kind, ...]] = {}
    for kind in kinds:
        place = f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"
        found[place] = (*found.get(place, ()), kind)
    return found


def _url(place: str, tag: str) -> str:
    return f"/openapi/v3/{place}?hash={tag}"


def small_swagger(accept: str) -> Document:
    """The old document of everything at once, of which only the head is served.

    kubectl before 1.29 asks for it, as protobuf, and is content when it finds nothing there.
    """
    version = f"v{schema.release()}"
    if any("protobuf" in media for media, _ in clauses(accept)):
        info = _field(1, b"Kubernetes") + _field(2, version.encode())
        return Document(SWAGGER, b"".join((_field(1, b"2.0"), _field(2, info), b"B\0", b"J\0")))
    head = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": version}}
    return Document(JSON, to_json({**head, "paths": {}, "definitions": {}}))


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that is short bytes."""
    return bytes((number << 3 | 2, len(content))) + content


# -- one document


def document(rows: Iterable[Kind], language: str) -> Object:
    """The OpenAPI 3 document of kinds that share a group and version."""
    paths: Object = {}
    components: dict[str, Object] = {}
    for kind in rows:
        name = component(kind)
        paths.update(_paths(kind, name, kind.definition is None))
        if kind.definition is not None:
            components[name] = _published(kind, language)
        if name and "list" in kind.verbs:
            components[f"{name}List"] = _list(kind, name)
    _complete(components, paths, language)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{schema.release()}"},
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def component(kind: Kind | Subresource) -> str:
    """The name of the schema of a kind; empty if it has none.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> component(KINDS["deploy"])
    'io.k8s.api.apps.v1.Deployment'
    """
    struct = schema.struct_of((kind.group, kind.version, kind.kind))
    if struct is not None:
        return f"io.k8s.{struct.definition}"
    custom = isinstance(kind, Kind) and kind.definition is not None
    words = [*reversed(kind.group.split(".")), kind.version, kind.kind]
    return ".".join(words) if custom else ""


def _complete(components: dict[str, Object], paths: Object, language: str) -> None:
    """Add every schema that is referred to, and those that these refer to."""
    wanted = [*_references(paths), *_references(components)]
    while wanted:
        name = wanted.pop()
        if name not in components:
            components[name], references = _definition(name.removeprefix("io.k8s."), language)
            wanted += references


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from _references(part)


# -- schemas


@cache
def _definition(definition: str, language: str) -> tuple[Object, tuple[str, ...]]:
    """A schema, and the names of those it refers to."""
    values = dict(_facts()["values"].values())
    made = dict(values[definition]) if definition in values else _struct(definition, language)
    return made, tuple(_references(made))


def _struct(definition: str, language: str) -> Object:
    struct = schema.struct(definition)
    short = ".".join(definition.split(".")[-3:])
    known = sorted(struct.fields.items())
    made = {
        **_described(short, "this", language),
        "type": "object",
        "properties": {
            name: _property(short, field, language, struct.gvk is not None) for name, field in known
        },
    }
    required = [name for name, field in known if field.required]
    if required:
        made["required"] = required
    if struct.gvk:
        made["x-kubernetes-group-version-kind"] = [_gvk(*struct.gvk)]
    if struct.atomic:
        made["x-kubernetes-map-type"] = "atomic"
    return made


def _property(struct: str, field: Field, language: str, is_kind: bool) -> Object:
    place = f"{struct}.{field.name}"
    facts = _facts()
    raw = facts["raw"].get(place)
    made = _type(field.node, raw)
    beside = _described(struct, field.name, language, is_kind)
    if place in facts["defaults"]:
        beside["default"] = facts["defaults"][place]
    beside.update(_sharing(field))
    # What stands beside a reference would be ignored.
    return {"allOf": [made], **beside} if beside and "$ref" in made else {**made, **beside}


def _sharing(field: Field) -> Object:
    """How several writers share the field."""
    sharing = {
        "x-kubernetes-list-map-keys": list(field.list_keys),
        "x-kubernetes-list-type": field.list_type,
        "x-kubernetes-map-type": "atomic" if field.atomic_map else "",
        "x-kubernetes-patch-merge-key": field.merge_key,
        "x-kubernetes-patch-strategy": ",".join(field.strategies),
    }
    return {name: value for name, value in sharing.items() if value}


def _type(node: Node, raw: str | None = None) -> Object:
    if isinstance(node, ListOf):
        return {"type": "array", "items": _type(node.items, raw)}
    if isinstance(node, MapOf):
        return {"type": "object", "additionalProperties": _type(node.items, raw)}
    if isinstance(node, Struct):
        return _ref(node.definition)
    if isinstance(node, Text):
        return {"type": "string", **({"enum": [*node.enum]} if node.enum else {})}
    go = raw or node.go
    if go in _facts()["values"]:
        return _ref(_facts()["values"][go][0])
    return dict(_facts()["scalars"].get(go, {"type": "object"}))


def _ref(definition: str) -> Object:
    return {"$ref": f"#/components/schemas/io.k8s.{definition}"}


def _gvk(group: str, version: str, kind: str) -> Object:
    return {"group": group, "kind": kind, "version": version}


def _list(kind: Kind, name: str) -> Object:
    text = {"type": "string"}
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    meta = _ref(f"{META}ListMeta")
    return {
        "type": "object",
        "properties": {"apiVersion": text, "items": items, "kind": text, "metadata": meta},
        "required": ["items"],
        "x-kubernetes-group-version-kind": [_gvk(kind.group, kind.version, f"{kind.kind}List")],
    }


def _published(kind: Kind, language: str) -> Object:
    """The schema of a custom resource with the fields that every object has."""
    custom = kind.declared("schema").get("openAPIV3Schema") or {}
    text = {"type": "string"}
    meta = {"allOf": [_ref(f"{META}ObjectMeta")]}
    every = {
        name: {**made, **_described("any", name, language)}
        for name, made in (("apiVersion", text), ("kind", text), ("metadata", meta))
    }
    return {
        **custom,
        "properties": dict(sorted({**(custom.get("properties") or {}), **every}.items())),
        "x-kubernetes-group-version-kind": [_gvk(*kind.gvk)],
    }


# -- paths


def _paths(kind: Kind, name: str, strategic: bool) -> Object:
    """What can be done at the paths of a kind."""
    every = kind.path().removesuffix(f"/{kind.plural}")
    inside = f"{every}/namespaces/{{namespace}}" if kind.namespaced else every
    place = f"{inside}/{kind.plural}"
    many = _operations(kind, name, ("list", "create", "deletecollection"), strategic)
    one = _operations(kind, name, ("get", "update", "patch", "delete"), strategic)
    found = {}
    if kind.namespaced and "list" in kind.verbs:
        found[f"{every}/{kind.plural}"] = {"get": many["get"]}
    found[place] = many
    found[f"{place}/{{name}}"] = one
    for sub in kind.subresources:
        found[f"{place}/{{name}}/{sub.name}"] = _subresource(sub, strategic)
    return {
        path: {**operations, **_path_parameters(path)}
        for path, operations in found.items()
        if operations
    }


_METHODS = {
    "list": "get", "get": "get", "create": "post", "update": "put", "patch": "patch",
    "delete": "delete", "deletecollection": "delete",
}  # fmt: skip


def _operations(
    kind: Kind | Subresource, name: str, verbs: Iterable[str], strategic: bool
) -> Object:
    return {
        _METHODS[verb]: _operation(kind, name, verb, strategic)
        for verb in verbs
        if verb in kind.verbs
    }


def _operation(kind: Kind | Subresource, name: str, verb: str, strategic: bool) -> Object:
    shown = {"$ref": f"#/components/schemas/{name}"} if name else {"type": "object"}
    answered = _ref(f"{META}Status") if verb.startswith("delete") else shown
    if verb == "list" and name:
        answered = {"$ref": f"#/components/schemas/{name}List"}
    made: Object = {"parameters": _query(_facts()["query"].get(verb, ""))}
    if verb in ("create", "update"):
        made["requestBody"] = {"content": {"*/*": {"schema": shown}}, "required": True}
    if verb == "patch":
        made["requestBody"] = _patch_body(strategic)
    if verb.startswith("delete"):
        made["requestBody"] = {"content": {"*/*": {"schema": _ref(f"{META}DeleteOptions")}}}
    action = {"create": "post", "update": "put"}.get(verb, verb)
    return {**made, **_answers(answered, action, kind)}


def _answers(shown: Object, action: str, kind: Kind | Subresource) -> Object:
    content = {media: {"schema": shown} for media in (JSON, "application/yaml")}
    return {
        "responses": {
            "200": {"description": "OK", "content": content},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind.group, kind.version, kind.kind),
    }


def _patch_body(strategic: bool) -> Object:
    """A patch in one of the forms it can have; only built-in kinds know how their lists merge."""
    forms = ["apply-patch+yaml", "json-patch+json", "merge-patch+json"]
    forms += ["strategic-merge-patch+json"] * strategic
    patch = {"schema": _ref(f"{META}Patch")}
    return {"content": {f"application/{form}": patch for form in forms}, "required": True}


def _subresource(sub: Subresource, strategic: bool) -> Object:
    connected = _facts()["connect"].get(sub.name)
    if connected is None:
        return _operations(sub, component(sub), ("get", "create", "update", "patch"), strategic)
    action = "get" if sub.name == "log" else "connect"
    one = {"parameters": _query(connected), **_answers({"type": "string"}, action, sub)}
    return {method: one for verb, method in _METHODS.items() if verb in sub.verbs}


def _query(words: str) -> list[Object]:
    pairs = (word.partition(":") for word in words.split())
    return [
        {"name": name, "in": "query", "schema": {"type": of or "string", "uniqueItems": True}}
        for name, _, of in pairs
    ]


def _path_parameters(path: str) -> Object:
    found = [name for name in ("name", "namespace") if f"{{{name}}}" in path]
    parameters = [
        {"name": name, "in": "path", "required": True,
         "schema": {"type": "string", "uniqueItems": True}}
        for name in found
    ]  # fmt: skip
    return {"parameters": parameters} if parameters else {}


# -- data


def _described(struct: str, field: str, language: str, is_kind: bool = False) -> Object:
    known = _descriptions()
    about = known.get(struct, {}).get(field) or (known["any"].get(field) if is_kind else None)
    return {"description": about[language]} if about else {}


@cache
def _descriptions() -> dict[str, dict[str, dict[str, str]]]:
    text = resources.files("k8s_ref.apiserver").joinpath("fields.yaml").read_text("utf-8")
    # The loader in C is ten times as fast, where there is one.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, dict[str, str]]] = yaml.load(text, loader)
    return found


@cache
def _facts() -> Object:
    text = resources.files("k8s_ref.apiserver").joinpath("openapi.json").read_text("utf-8")
    facts: Object = json.loads(text)
    return facts
