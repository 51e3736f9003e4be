"""Sets of fields · 字段集

Which fields of an object somebody owns is said by a tree that looks like the object without its
values: ``f:`` a field, ``k:`` the item of a list with this key, ``v:`` an item that is this value,
``.`` the thing itself and not only what is in it.  The one idea: the tree is kept in the form in
which it is sent, so nothing is ever encoded or decoded.  The rule: a tree is never changed, and an
operation that makes no difference returns the very same one.

Upstream: sigs.k8s.io/structured-merge-diff/fieldpath/{set,serialize,element}.go
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from k8s_ref.machinery.errors import show

FieldSet: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]

LEAF: FieldSet = {}
SELF = "."


def is_member(node: FieldSet) -> bool:
    """Whether the thing itself is in the set, and not only something in it."""
    return not node or SELF in node


def member_of(node: FieldSet | None) -> FieldSet:
    """The same set with the thing itself."""
    return {SELF: LEAF, **node} if node and SELF not in node else node or LEAF


def union(a: FieldSet, b: FieldSet) -> FieldSet:
    """The fields that are in either; ``a`` itself if that is all.

    >>> union({"f:data": {"f:a": {}}}, {"f:data": {"f:b": {}}})
    {'f:data': {'f:a': {}, 'f:b': {}}}
    """
    more = {}
    for key, node in b.items():
        if key not in a:
            more[key] = node
        elif key != SELF and a[key] is not node:
            both = _joined(a[key], node)
            if both is not a[key]:
                more[key] = both
    return dict(sorted({**a, **more}.items())) if more else a


def _joined(a: FieldSet, b: FieldSet) -> FieldSet:
    """The union of two nodes: one without anything in it is a field itself."""
    if not a:
        return member_of(b) if b else a
    return union(a, b or {SELF: LEAF})


def difference(a: FieldSet, b: FieldSet) -> FieldSet:
    """The fields of ``a`` that are not in ``b``; ``a`` itself if that is all of them.

    >>> difference({"f:spec": {"f:replicas": {}}}, {"f:spec": {"f:replicas": {}, "f:paused": {}}})
    {}
    """
    # Most writers have nothing to do with each other.
    if not b or a.keys().isdisjoint(b):
        return a
    return _without(a, b) or {}


def _without(a: FieldSet, b: FieldSet) -> FieldSet | None:
    if not a:
        return None if is_member(b) else a
    kept, same = {}, True
    for key, node in a.items():
        if key == SELF:
            left = None if is_member(b) else node
        else:
            left = _without(node, b[key]) if key in b else node
        same = same and left is node
        if left is not None:
            kept[key] = left
    if same:
        return a
    return None if not kept else LEAF if kept.keys() == {SELF} else kept


def intersection(a: FieldSet, b: FieldSet) -> FieldSet:
    """The fields that are in both.

    >>> intersection({"f:data": {"f:a": {}, "f:b": {}}}, {"f:data": {".": {}, "f:b": {}}})
    {'f:data': {'f:b': {}}}
    """
    found = {}
    for key in a.keys() & b.keys() - {SELF}:
        node = intersection(a[key], b[key])
        member = is_member(a[key]) and is_member(b[key])
        if member or node:
            found[key] = member_of(node) if member else node
    return found


def paths(fields: FieldSet, above: Path = ()) -> Iterator[Path]:
    """Every field of the set, those of one parent before what is in them."""
    keys = sorted(fields.keys() - {SELF})
    yield from ((*above, key) for key in keys if is_member(fields[key]))
    for key in keys:
        yield from paths(fields[key], (*above, key))


def readable(fields: Any) -> bool:
    """Whether this is a set, and not something else that somebody sent."""
    return isinstance(fields, dict) and all(
        key == SELF or (_readable_step(key) and readable(node)) for key, node in fields.items()
    )


def _readable_step(step: str) -> bool:
    if step[:2] not in ("k:", "v:", "i:"):
        return step[1:2] == ":"
    try:
        json.loads(step[2:])
    except ValueError:
        return False
    return True


def of_path(path: Path) -> FieldSet:
    """The set with one field."""
    return {path[0]: of_path(path[1:])} if path else LEAF


def path_text(path: Path) -> str:
    """A path as messages write it.

    >>> path_text(("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"))
    '.spec.ports[port=80,protocol="TCP"].name'
    """
    return "".join(map(_step_text, path))


def _step_text(step: str) -> str:
    kind, text = step[:2], step[2:]
    if kind == "k:":
        pairs = (f"{name}={_scalar(value)}" for name, value in json.loads(text).items())
        return f"[{','.join(pairs)}]"
    return {"f:": f".{text}", "i:": f"[{text}]"}.get(kind) or f"[={_scalar(json.loads(text))}]"


def _scalar(value: Any) -> str:
    return show(value) if isinstance(value, str) else json.dumps(value)
