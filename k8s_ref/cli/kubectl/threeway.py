"""Three-way merge · 三方合并

What ``kubectl apply`` sends: the smallest patch that makes the live object what the manifest says.
The one idea: a manifest only speaks for the fields it names, so a field is deleted only if the
manifest applied before named it and this one does not; whatever others set stays.

Upstream: staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go
"""

from __future__ import annotations

from typing import Any

from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.schema import Field, ListOf, MapOf, Node, Struct

_SAME = object()


def three_way(original: Object, modified: Object, current: Object, kind: Kind) -> Object:
    """The patch from ``current`` to ``modified``, given what was applied before; may be empty."""
    node = schema.struct_of(kind) or Node("")
    return _maps(original, modified, current, Field("", node))


def _maps(original: Object, modified: Object, current: Object, field: Field) -> Object:
    patch: Object = {}
    for key, new in modified.items():
        inner = _field(field.node, key)
        if key not in current:
            change = _SAME if new is None else new
        else:
            change = _value(original.get(key), new, current[key], inner, patch)
        if change is not _SAME:
            patch[key] = change
    patch |= {key: None for key in original if key not in modified}
    if patch and "retainKeys" in field.strategies:
        patch["$retainKeys"] = sorted(modified)
    return patch


def _value(old: Any, new: Any, now: Any, field: Field, patch: Object) -> Any:
    """The change of one field; directives about it are put beside it in ``patch``."""
    if isinstance(new, dict) and isinstance(now, dict):
        change = _maps(old if isinstance(old, dict) else {}, new, now, field)
        return change or _SAME
    if isinstance(new, list) and isinstance(now, list) and "merge" in field.strategies:
        before = old if isinstance(old, list) else []
        if field.merge_key:
            return _keyed(before, new, now, field, patch)
        return _set(before, new, now, field, patch)
    return _SAME if new == now or (new is None and old is None) else new


def _keyed(old: list[Any], new: list[Any], now: list[Any], field: Field, patch: Object) -> Any:
    """A list whose items are known by a key: changed ones by their key, lost ones deleted."""
    key = field.merge_key
    before, live = ({item[key]: item for item in items if key in item} for items in (old, now))
    inside = Field(field.name, schema.element(field.node), strategies=field.strategies)
    changes = []
    for item in new:
        known = live.get(item.get(key))
        change = item if known is None else _maps(before.get(item[key], {}), item, known, inside)
        if change:
            changes.append({**change, key: item[key]} if key in item else change)
    wanted = [item.get(key) for item in new]
    gone = [name for name in before if name not in wanted]
    changes += [{"$patch": "delete", key: name} for name in gone]
    if changes or [name for name in live if name in wanted] != wanted:
        patch[f"$setElementOrder/{field.name}"] = [{key: name} for name in wanted]
    return changes or _SAME


def _set(old: list[Any], new: list[Any], now: list[Any], field: Field, patch: Object) -> Any:
    """A list that is a set of plain values."""
    gone = [item for item in old if item not in new]
    more = [item for item in new if item not in now]
    if gone:
        patch[f"$deleteFromPrimitiveList/{field.name}"] = gone
    if gone or more:
        patch[f"$setElementOrder/{field.name}"] = new
    return more or _SAME


def _field(node: Node, key: str) -> Field:
    """What the schema says of one field; a map's entries are all alike."""
    if isinstance(node, Struct) and key in node.fields:
        return node.fields[key]
    if isinstance(node, MapOf):
        return Field(key, node.items)
    return Field(key, ListOf(Node("")) if isinstance(node, ListOf) else Node(""))
