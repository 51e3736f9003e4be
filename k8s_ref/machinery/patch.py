"""Patches · 补丁

Four ways to say a change instead of a whole object; three of them are here (server-side apply
needs to know who owns which field).  A *JSON patch* lists operations on paths.  A *merge patch*
looks like the part of the object that should change.  A *strategic merge patch* does too, and
knows from the schema that ``containers`` is a list keyed by ``name``, so that it can change one
container and leave the others; directives (``$patch``, ``$retainKeys``, ``$setElementOrder`` …)
say what a look-alike cannot.

No patch changes its input: the result shares every part that stays the same.

Upstream: apimachinery/pkg/util/strategicpatch/patch.go, json-merge-patch (RFC 7386), RFC 6902
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

from k8s_ref.machinery.errors import ApiError, BadRequest, Invalid, UnsupportedMediaType
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.schema import Field, MapOf, Node, Struct, element, struct_of

_OBJECT_EXPECTED = "Go value of type map[string]interface {}"


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with a merge patch applied: objects merge, ``null`` deletes, all else replaces.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    base = target if isinstance(target, dict) else {}
    merged = dict(base)
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(base.get(name), change)
    return _shared(target, merged)


def _shared(old: Any, new: Object) -> Object:
    if not isinstance(old, dict) or len(old) != len(new):
        return new
    if all(name in old and _same(old[name], item) for name, item in new.items()):
        return old
    return new


def _same(a: Any, b: Any) -> bool:
    # In Python 1 == True; in JSON they are two values.
    return a is b or (type(a) is type(b) and not isinstance(a, dict | list) and a == b)


def check_merge_patch(patch: Any) -> Object:
    """The patch, if it is an object; refused as upstream does otherwise."""
    if isinstance(patch, dict):
        return patch
    if patch is None:
        raise BadRequest("Invalid JSON Patch")
    found = _json_type(patch)
    raise BadRequest(
        f"error decoding patch: json: cannot unmarshal {found} into {_OBJECT_EXPECTED}"
    )


def _json_type(value: Any) -> str:
    names = {bool: "bool", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")


def json_patch(target: Any, operations: Any) -> Any:
    """The target with the operations of a JSON patch applied one after the other.

    Follows the library upstream uses where it is more lenient than the RFC: ``replace`` may
    create, ``copy`` of something missing gives ``null``, negative positions count from the end.

    >>> json_patch({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 3}])
    {'a': [1, 2, 3]}
    """
    if not isinstance(operations, list):
        found = _json_type(operations)
        expected = "Go value of type []handlers.jsonPatchOp"
        raise BadRequest(f"error decoding patch: json: cannot unmarshal {found} into {expected}")
    try:
        for operation in operations:
            target = _operate(target, operation)
    except (LookupError, TypeError, ValueError, AttributeError):
        # Upstream says no more than this, whichever operation failed and however.
        message = "the server rejected our request due to an error in our request"
        raise Invalid(message, {}) from None
    return target


def _operate(target: Any, operation: Object) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _put(target, path, operation.get("value"), insert=True)
        case "replace":
            return _put(target, path, operation.get("value"), insert=False)
        case "remove":
            return _drop(target, path)
        case "copy":
            return _put(target, path, _get(target, _pointer(operation["from"])), insert=True)
        case "move":
            source = _pointer(operation["from"])
            return _put(_drop(target, source), path, _get(target, source), insert=True)
        case "test":
            if _get(target, path) != operation.get("value"):
                raise ValueError("test failed")
            return target
    raise ValueError("unknown operation")


def _pointer(text: str) -> list[str]:
    # What stands before the first slash is dropped, even if it is something.
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _position(items: list[Any], step: str, most: int) -> int:
    position = int(step)
    if not -len(items) <= position <= most:
        raise IndexError(step)
    return position + len(items) if position < 0 else position


def _get(target: Any, path: list[str]) -> Any:
    for index, step in enumerate(path):
        if isinstance(target, list):
            target = target[_position(target, step, len(target) - 1)]
        elif index == len(path) - 1:
            target = target.get(step)
        else:
            target = target[step]
    return target


def _put(target: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(target, dict):
        return {**target, step: _put(target[step], rest, value, insert=insert) if rest else value}
    if rest:
        at = _position(target, step, len(target) - 1)
        return [*target[:at], _put(target[at], rest, value, insert=insert), *target[at + 1 :]]
    if insert:
        at = len(target) if step == "-" else _position(target, step, len(target))
        return [*target[:at], value, *target[at:]]
    at = _position(target, step, len(target) - 1)
    return [*target[:at], value, *target[at + 1 :]]


def _drop(target: Any, path: list[str]) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(target, dict):
        if rest:
            return {**target, step: _drop(target[step], rest)}
        if step not in target:
            raise KeyError(step)
        return {name: item for name, item in target.items() if name != step}
    at = _position(target, step, len(target) - 1)
    return [*target[:at], *([_drop(target[at], rest)] if rest else []), *target[at + 1 :]]


def _strategic(target: Object, patch: Any, kind: Kind) -> Object:
    found = struct_of(kind)
    if found is None:
        # A custom resource: nobody told the server how its lists merge.
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml"
        )
    return strategic_merge_patch(target, patch, found)


# How a body of each content type changes an object of a kind.
PATCHES: dict[str, Callable[[Object, Any, Kind], Object]] = {
    "application/json-patch+json": lambda target, patch, kind: json_patch(target, patch),
    "application/merge-patch+json": lambda target, patch, kind: merge_patch(
        target, check_merge_patch(patch)
    ),
    "application/strategic-merge-patch+json": _strategic,
}

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_UNKNOWN = Field("", Node(""))


def strategic_merge_patch(target: Object, patch: Any, schema: Struct) -> Object:
    """The target with a strategic merge patch applied, lists merging as the schema says.

    ``schema`` is the node of the object's kind, from ``schema.struct_of``.
    """
    if not isinstance(patch, dict):
        found = _json_type(patch)
        raise BadRequest(f"json: cannot unmarshal {found} into {_OBJECT_EXPECTED}")
    return _merge_map(target, patch, schema)


def _merge_map(original: Object, patch: Object, node: Node) -> Object:
    if _PATCH in patch:
        return _directed(patch, node)
    merged = dict(original)
    if _RETAIN_KEYS in patch:
        merged = _retained(merged, patch)
    # Most parts of most patches hold no directive at all.
    directed = "$" in "".join(patch)
    for name, field in _fields(_names(patch) if directed else patch, node).items():
        if name not in patch:
            if name in merged:
                merged[name] = _merge_list(merged[name], [], field, _Directives.of(patch, name))
        elif patch[name] is None:
            merged.pop(name, None)
        else:
            directives = _Directives.of(patch, name) if directed else _NONE
            merged[name] = _merge(merged.get(name), patch[name], field, directives)
    return _shared(original, merged)


class _Directives(NamedTuple):
    """What a patch says about a list beside the list: the order of its items, and which to drop."""

    order: list[Any] | None = None
    removed: tuple[Any, ...] = ()

    @classmethod
    def of(cls, patch: Object, name: str) -> Self:
        order, removed = patch.get(_ORDER + name), patch.get(_DELETE + name, [])
        if not isinstance(order, list | None):
            raise BadRequest("Invalid patch format of setElementOrder list")
        if not isinstance(removed, list):
            raise BadRequest("Invalid patch format of primitive list")
        return cls(order, tuple(removed))


_NONE = _Directives()


def _directed(patch: Object, node: Node) -> Object:
    directive = patch[_PATCH]
    if directive == "delete":
        return {}
    if directive != "replace":
        raise ApiError(f"unknown patch type: {directive} in map: {_go(patch)}")
    rest = {name: item for name, item in patch.items() if name != _PATCH}
    return _merge_map({}, rest, node)


def _retained(original: Object, patch: Object) -> Object:
    keys = patch[_RETAIN_KEYS]
    stray = (name for name in patch if not name.startswith("$") and name not in keys)
    if not isinstance(keys, list) or next(stray, None) is not None:
        raise BadRequest("Invalid patch format of retainKeys")
    return {name: item for name, item in original.items() if name in keys}


def _names(patch: Object) -> dict[str, Any]:
    """What a patch speaks of, in its order, what is only named by a directive included."""
    names = dict.fromkeys(name.removeprefix(_ORDER).removeprefix(_DELETE) for name in patch)
    names.pop(_RETAIN_KEYS, None)
    return names


def _fields(names: Iterable[str], node: Node) -> dict[str, Field]:
    if isinstance(node, Struct):
        return {name: node.fields.get(name, _UNKNOWN) for name in names}
    item = Field("", node.items) if isinstance(node, MapOf) else _UNKNOWN
    return dict.fromkeys(names, item)


def _merge(original: Any, change: Any, field: Field, directives: _Directives) -> Any:
    if isinstance(change, dict):
        keep = isinstance(original, dict) and "replace" not in field.strategies
        return _merge_map(original if keep else {}, change, field.node)
    if isinstance(change, list):
        return _merge_list(
            original if isinstance(original, list) else [], change, field, directives
        )
    return change


def _merge_list(
    original: list[Any], change: list[Any], field: Field, directives: _Directives
) -> list[Any]:
    order, removed = directives
    if "merge" not in field.strategies:
        return change
    if field.merge_key:
        merged, change = _merge_maps(original, change, field)
    else:
        merged = _merge_scalars(original, change, removed)
    if order is None:
        return _in_order(merged, change, original, field.merge_key)
    if not _is_part(_keys(change, field.merge_key), _keys(order, field.merge_key)):
        raise ApiError(
            f"The order in patch list:\n{_go(change)}\n"
            f" doesn't match {_ORDER[:-1]} list:\n{_go(order)}\n"
        )
    return _in_order(merged, order, original, field.merge_key)


def _merge_scalars(original: list[Any], change: list[Any], removed: tuple[Any, ...]) -> list[Any]:
    _keys(change, "")
    kept = (item for item in original if item not in removed)
    return list(dict.fromkeys([*kept, *change]))


def _merge_maps(
    original: list[Any], change: list[Any], field: Field
) -> tuple[list[Any], list[Any]]:
    """The original with each item of the change merged into the first one with the same key."""
    merge_key, node = field.merge_key, element(field.node)
    plain, deleted, replace = _sorted_out(change, merge_key)
    keys = _keys(plain, merge_key)
    if replace or not original:
        return [_merge_map({}, item, node) for item in plain], plain
    merged = [item for item in original if item.get(merge_key) not in deleted]
    for key, item in zip(keys, plain, strict=True):
        at = next((n for n, old in enumerate(merged) if old.get(merge_key) == key), len(merged))
        merged[at : at + 1] = [_merge_map(merged[at] if at < len(merged) else {}, item, node)]
    return merged, plain


def _sorted_out(change: list[Any], merge_key: str) -> tuple[list[Any], list[Any], bool]:
    plain, deleted, replace = [], [], False
    for item in change:
        directive = item.get(_PATCH) if isinstance(item, dict) else None
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            deleted.append(_key(item, merge_key))
        elif directive == "replace":
            replace = True
        else:
            raise ApiError(f"unknown patch type: {directive} in map: {_go(item)}")
    return plain, deleted, replace


def _key(item: Any, merge_key: str) -> Any:
    if not isinstance(item, dict) or isinstance(item.get(merge_key, []), dict | list):
        raise ApiError(f"map: {_go(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _keys(items: Iterable[Any], merge_key: str) -> list[Any]:
    """What tells the items of a list apart: their merge keys, or the plain items themselves."""
    if merge_key:
        return [_key(item, merge_key) for item in items]
    keys = list(items)
    if any(isinstance(key, dict | list) for key in keys):
        raise BadRequest("Invalid patch format of primitive list")
    return keys


def _is_part(keys: list[Any], order: list[Any]) -> bool:
    rest = iter(order)
    return all(key in rest for key in keys)


def _in_order(
    merged: list[Any], wanted: list[Any], original: list[Any], merge_key: str
) -> list[Any]:
    """The items the patch names in its order, among the others in the server's order."""
    place, rank = (
        {key: position for position, key in reversed(list(enumerate(_keys(items, merge_key))))}
        for items in (wanted, original)
    )
    keyed = list(zip(_keys(merged, merge_key), merged, strict=True))
    named = sorted((pair for pair in keyed if pair[0] in place), key=lambda pair: place[pair[0]])
    others = [pair for pair in keyed if pair[0] not in place]
    ordered = []
    for key, item in named:
        # Others go first only where the server is known to have had them in front of this one.
        while key in rank and others and rank[others[0][0]] < rank[key]:
            ordered.append(others.pop(0)[1])
        ordered.append(item)
    ordered += [item for _, item in others]
    same = len(ordered) == len(original) and all(map(_same, ordered, original))
    return original if same else ordered


def _go(value: Any) -> str:
    """A JSON value as Go prints it."""
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{name}:{_go(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    return str(value)
