"""Server-side apply · 服务端应用

A client says how it wants some fields to be and nothing about the others; the server merges that
into the object, by the schema.  The one idea: what a manager applied last time is remembered, so a
field it does not name any more is a field it gives up, and one that nobody else applies goes away.
The rule: a value somebody else owns is not changed unless he agrees or the applier insists.

Upstream: structured-merge-diff/merge/update.go, typed/{merge,remove,validate}.go,
apimachinery/pkg/util/managedfields/internal/{structuredmerge,lastapplied*,conflict}.go
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from k8s_ref.apiserver.fieldset import (
    SELF,
    FieldSet,
    Path,
    difference,
    intersection,
    is_member,
    of_path,
    path_text,
    paths,
    union,
)
from k8s_ref.apiserver.fieldshape import DEDUCED, Granular, Keyed, Shape
from k8s_ref.apiserver.managedfields import (
    APPLY,
    BEFORE_APPLY,
    UPDATE,
    Entries,
    ManagedFields,
    Manager,
    entry_of,
    manager_of,
    ordered,
    who,
)
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.scale import SCALE, Paths, paths_of, scale_of
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError, BadRequest, Cause, Conflict, show
from k8s_ref.machinery.meta import Object, with_path, without_path

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"
"""The manager that takes over what was applied on the client's side before."""


class Clash(NamedTuple):
    """A field that somebody else owns, and whose value would change."""

    owner: Manager
    path: Path


class Applied(NamedTuple):
    """What came of an apply: the merged object and the entries of all managers."""

    obj: Object
    entries: Entries
    clashes: list[Clash]


def apply(
    fields: ManagedFields,
    live: Object,
    config: Any,
    manager: str,
    *,
    force: bool = False,
    subresource: str = "",
    now: str = "",
) -> Object:
    """The object with a configuration applied, and its owners; ``Conflict`` if they disagree.

    ``live`` is the object as it is, empty if there is none.
    """
    _check_type(fields, config)
    before = _without_entries(live)
    entries = (live.get("metadata") or {}).get("managedFields") or []
    if not entries and live:
        whole, _ = fields.compare({}, before, subresource)
        me = BEFORE_APPLY, UPDATE, fields.kind.api_version, subresource
        entries = [entry_of(me, now, whole)] if whole else []
    _check_config(fields, config)
    me = manager, APPLY, "", subresource
    done = _apply(fields, before, entries, config, me)
    clashes = done.clashes
    if manager == KUBECTL and clashes:
        allowed = _last_applied(fields, before)
        clashes = [clash for clash in clashes if not _has(allowed, clash.path)]
    if clashes and not force:
        raise conflict(clashes)
    obj = _stamped(done, before, entries, me, now)
    if manager == KUBECTL and LAST_APPLIED in (obj["metadata"].get("annotations") or {}):
        text = json.dumps(
            without_path(config, ("metadata", "annotations", LAST_APPLIED)),
            separators=(",", ":"), sort_keys=True, ensure_ascii=False,
        )  # fmt: skip
        obj = with_path(obj, ("metadata", "annotations", LAST_APPLIED), f"{text}\n")
    return obj


def applied(fields: ManagedFields, live: Object, request: Request, now: str) -> Object:
    """The object after the apply a request asks for."""
    query, manager = request.query, manager_of(request)
    options: dict[str, Any] = {"force": query.get("force") in _TRUE, "now": now}
    if request.subresource == "scale":
        paths = paths_of(request.kind)
        return apply_scale(fields, live, request.body, manager, paths=paths, **options)
    obj = apply(fields, live, request.body, manager, subresource=request.subresource, **options)
    uid = obj["metadata"].get("uid")
    if uid and not live:
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was"
        kind = request.kind
        raise Conflict.of(kind.plural, kind.group, request.name, f"{why} found")
    return obj


_TRUE = ("1", "t", "T", "true", "TRUE", "True")


def _stamped(done: Applied, before: Object, known: Entries, me: Manager, now: str) -> Object:
    """The merged object with its entries; who changed nothing gets no new time."""
    mine = next((entry for entry in known if who(entry) == me), {})
    time = mine.get("time") if done.obj == before else now
    entries = [_timed(entry, time) if who(entry) == me else entry for entry in done.entries]
    meta = {**(done.obj.get("metadata") or {})}
    if entries:
        meta["managedFields"] = ordered(entries)
    return {**done.obj, "metadata": meta}


def _timed(entry: Object, time: str | None) -> Object:
    return entry_of(who(entry), time, entry["fieldsV1"], entry["apiVersion"])


def _apply(
    fields: ManagedFields, live: Object, entries: Entries, config: Object, me: Manager
) -> Applied:
    """Merge, take away what was given up, and see whom that bothers."""
    stated = fields.written(fields.owned.take(config, every=False) or {}, me[3])
    others = [entry for entry in entries if who(entry) != me]
    last: FieldSet = next((entry["fieldsV1"] for entry in entries if who(entry) == me), {})
    merged = merge(fields.shape, live, config)
    applied = [entry["fieldsV1"] for entry in others if entry["operation"] == APPLY]
    # The configuration also says which object it is, and that is not to be taken away.
    applied.append(fields.shape.take(config, every=False) or {})
    new = _prune(fields.shape, merged, last, applied) if last else merged
    changed, removed = fields.compare(live, new, me[3])
    clashes = [
        Clash(who(entry), path)
        for entry in sorted(others, key=who)
        for path in paths(intersection(entry["fieldsV1"], changed))
    ]
    kept = [left for e in others if (left := fields.left(e, changed, removed)) is not None]
    if stated:
        kept.append(entry_of(me, None, stated, fields.kind.api_version))
    return Applied(new, kept, clashes)


def _without_entries(obj: Object) -> Object:
    bare: Object = without_path(obj, ("metadata", "managedFields"))
    return bare


# -- checks


def _check_type(fields: ManagedFields, config: Any) -> None:
    if not isinstance(config, dict):
        raise BadRequest(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot"
            f" unmarshal {_json_type(config)} into Go value of type map[string]interface {{}}"
        )
    group, _, version = str(config.get("apiVersion") or "").rpartition("/")
    if (group, version, config.get("kind")) != fields.kind.gvk:
        raise BadRequest(f"invalid object type: {_gvk(config)}")
    if "managedFields" in _metadata(config):
        raise BadRequest("metadata.managedFields must be nil")


_PLACE = ("namespace", "name")


def _metadata(config: Object) -> Object:
    """The metadata, if that is what stands there."""
    found = config.get("metadata")
    return found if isinstance(found, dict) else {}


def _json_type(value: Any) -> str:
    names = {str: "string", list: "array", bool: "bool"}
    return names.get(type(value), "number")


def _gvk(obj: Object) -> str:
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return f"{group}/{version}, Kind={obj.get('kind') or ''}"


def _check_config(fields: ManagedFields, config: Object) -> None:
    node = schema.struct_of(fields.kind)
    found = _problems(fields.shape, node, config, "") if node else ill_shaped(fields.shape, config)
    problems = list(found)
    if problems:
        meta = _metadata(config)
        place, name = (text if isinstance(text := meta.get(key), str) else "" for key in _PLACE)
        what = f"{place}/{name}; {_gvk(config)}"
        text = problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems])
        raise ApiError(f"failed to create typed patch object ({what}): {text}")


def _problems(shape: Shape, node: schema.Node, value: Any, path: str) -> Iterator[str]:
    """What of a configuration does not have the type it should."""
    expected = _expected(node, value)
    if value is None or expected is None:
        return
    if expected:
        yield f"{path}: expected {expected}, got {_go(value)}"
    elif isinstance(node, schema.Struct):
        yield from _problems_of_fields(shape, node, value, path)
    elif isinstance(node, schema.MapOf):
        for name, item in value.items():
            yield from _problems(_inside(shape, name), node.items, item, f"{path}.{name}")
    elif isinstance(node, schema.ListOf):
        yield from _problems_of_items(shape, node, value, path)


def ill_shaped(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """What of the configuration of a custom resource is no object or no list, but should be."""
    if value is None or shape is DEDUCED:
        return
    if isinstance(shape, Granular):
        if not isinstance(value, dict):
            yield f"{path}: expected map, got {_go(value)}"
            return
        for name, item in value.items():
            place = shape.place(name)
            yield from ill_shaped(place.shape if place else DEDUCED, item, f"{path}.{name}")
    elif isinstance(shape, Keyed):
        if not isinstance(value, list):
            yield f"{path}: expected list, got {_go(value)}"
            return
        for index, item in enumerate(value):
            yield from _ill_shaped_item(shape, item, index, path)


def _ill_shaped_item(shape: Keyed, item: Any, index: int, path: str) -> Iterator[str]:
    if shape.keys and not isinstance(item, dict):
        why = "a null element" if item is None else "non-map elements"
        yield f"{path}: element {index}: associative list with keys may not have {why}"
    else:
        yield from ill_shaped(shape.items, item, f"{path}[{index}]")


def _problems_of_fields(
    shape: Shape, node: schema.Struct, value: Object, path: str
) -> Iterator[str]:
    for name, item in value.items():
        field, here = node.fields.get(name), f"{path}.{name}"
        if field is None:
            yield f"{here}: field not declared in schema"
        else:
            yield from _problems(_inside(shape, name), field.node, item, here)


def _problems_of_items(
    shape: Shape, node: schema.ListOf, value: list[Any], path: str
) -> Iterator[str]:
    seen = set()
    for index, item in enumerate(value):
        step = f"i:{index}"
        if isinstance(shape, Keyed):
            if shape.keys and not isinstance(item, dict):
                why = "a null element" if item is None else "non-map elements"
                yield f"{path}: element {index}: associative list with keys may not have {why}"
                continue
            step = shape.step(item)
        text = path_text((step,))
        if step in seen:
            yield f"{path}: duplicate entries for key {text}"
        seen.add(step)
        inner = shape.items if isinstance(shape, Keyed) else shape
        yield from _problems(inner, node.items, item, f"{path}{text}")


def _inside(shape: Shape, name: str) -> Shape:
    place = shape.place(name) if isinstance(shape, Granular) else None
    return place.shape if place else shape


# What a node expects in the words of the library, and the types of Python that are that.
_EXPECTED: dict[type[schema.Node], tuple[str, tuple[type, ...]]] = {
    schema.Struct: ("map", (dict,)),
    schema.MapOf: ("map", (dict,)),
    schema.ListOf: ("list", (list,)),
    schema.Text: ("string", (str,)),
    schema.Bytes: ("string", (str,)),
    schema.Boolean: ("boolean", (bool,)),
    schema.Integer: ("numeric (int or float)", (int, float)),
    schema.Number: ("numeric (int or float)", (int, float)),
}
_ANY_SCALAR = ("any scalar", (str, bool, int, float))


def _expected(node: schema.Node, value: Any) -> str | None:
    """What was expected, if it is not that; empty if it is; None where anything goes."""
    if type(node) is schema.Node:
        return None
    name, types = _EXPECTED.get(type(node), _ANY_SCALAR)
    fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    return "" if fits else name


def _go(value: Any) -> str:
    """A value as Go shows the library's own record of it."""
    return f"&value.valueUnstructured{{Value:{_go_value(value)}}}"


def _go_value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{show(name)}:{_go_value(value[name])}" for name in sorted(value))
        return f"map[string]interface {{}}{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_value, value))}}}"
    return show(value) if isinstance(value, str) else json.dumps(value)


# -- values


def merge(shape: Shape, live: Any, config: Any) -> Any:
    """The live value with all the configuration says; nothing is taken away."""
    if isinstance(shape, Granular) and isinstance(config, dict):
        if shape is DEDUCED and not isinstance(live, dict):
            return config
        base = live or {}
        said = {name: _merged(shape, name, base, item) for name, item in config.items()}
        return {**base, **said}
    if isinstance(shape, Keyed) and isinstance(config, list):
        return _merge_list(shape, shape.index(live), shape.index(config))
    return config


def _merged(shape: Granular, name: str, base: Object, item: Any) -> Any:
    place = shape.place(name)
    if place is None or name not in base:
        return item
    return merge(place.shape, base[name], item)


def _merge_list(shape: Keyed, live: Object, config: Object) -> list[Any]:
    """All items: those of the configuration in its order, the others where they were."""

    def both(step: str) -> Any:
        return merge(shape.items, live[step], config[step]) if step in live else config[step]

    merged, waiting = [], list(config)
    for step, item in live.items():
        if step not in config:
            merged.append(item)
        elif step == next((other for other in waiting if other in live), None):
            upto = waiting.index(step) + 1
            merged += map(both, waiting[:upto])
            waiting = waiting[upto:]
    return [*merged, *map(both, waiting)]


def remove(shape: Shape, value: Any, fields: FieldSet) -> Any:
    """The value without these fields; null where nothing is left."""
    kept: Any = value
    if isinstance(shape, Granular) and isinstance(value, dict):
        parts = ((name, fields.get(f"f:{name}"), _inside(shape, name)) for name in value)
        kept = {
            name: remove(inner, value[name], node or {})
            for name, node, inner in parts
            if not _is_gone(node)
        }
    elif isinstance(shape, Keyed) and isinstance(value, list):
        nodes = [(item, fields.get(shape.step(item))) for item in value]
        kept = [remove(shape.items, item, node or {}) for item, node in nodes if not _is_gone(node)]
    if not fields or kept == value:
        return value
    return kept or None


def _is_gone(node: FieldSet | None) -> bool:
    return node is not None and is_member(node)


def _prune(shape: Granular, merged: Object, last: FieldSet, applied: list[FieldSet]) -> Object:
    """Take away what this manager applied last time and no applier applies now."""
    whole = _stated(shape, merged)
    last = _with_parents(shape, last)
    # Removing a thing removes what is in it: what others apply, or nobody gave up, comes back.
    wanted = _stated(shape, remove(shape, merged, last))
    for entry in applied:
        wanted = union(wanted, _with_parents(shape, entry))
    pruned = remove(shape, merged, difference(whole, wanted))
    gone = intersection(difference(whole, _stated(shape, pruned)), last)
    left: Object = remove(shape, merged, gone)
    return left


def _stated(shape: Granular, obj: Object) -> FieldSet:
    return _with_parents(shape, shape.take(obj, every=False) or {})


def _with_parents(shape: Shape, fields: FieldSet) -> FieldSet:
    """The set, and with each field also the fields it is in."""
    more: FieldSet = {}
    for step, node in fields.items():
        inner = _shape_at(shape, step)
        named = isinstance(shape, Granular) and step[2:] in shape.named
        below = _with_parents(inner, node) if node and inner else node
        more[step] = {SELF: {}, **below} if named and below else below
    return more


def _shape_at(shape: Shape, step: str) -> Shape | None:
    if isinstance(shape, Keyed):
        return shape.items
    place = shape.place(step[2:]) if isinstance(shape, Granular) else None
    return place.shape if place else None


# -- conflicts


def conflict(clashes: list[Clash]) -> Conflict:
    """The refusal, with a cause for each field."""
    causes = [
        Cause("FieldManagerConflict", f"conflict with {_shown(owner)}", path_text(path))
        for owner, path in clashes
    ]
    if len(clashes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines: list[str] = []
        for owner in dict.fromkeys(clash.owner for clash in clashes):
            lines.append(f"conflicts with {_shown(owner)}:")
            lines += [f"- {path_text(clash.path)}" for clash in clashes if clash.owner == owner]
        text = f"Apply failed with {len(clashes)} conflicts: " + "\n".join(lines)
    return Conflict(text, {"causes": [cause.as_json() for cause in causes]})


def _shown(owner: Manager) -> str:
    name, operation, version, subresource = owner
    text = show(name) + (f" with subresource {show(subresource)}" if subresource else "")
    return f"{text} using {version}" if operation == UPDATE else text


def _last_applied(fields: ManagedFields, live: Object) -> FieldSet:
    """What client-side apply set and nobody changed since: ``kubectl`` may take that over."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = json.loads(text or "")
    except ValueError:
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != fields.kind.api_version:
        return {}
    changed, removed = fields.owned.compare(last, live)
    stated = fields.owned.take(last, every=False) or {}
    return difference(difference(stated, changed or {}), removed or {})


def _has(fields: FieldSet, path: Path) -> bool:
    node: FieldSet | None = fields
    for step in path:
        node = node.get(step) if node is not None else None
    return node is not None and is_member(node)


# -- scale


_REPLICAS: FieldSet = {"f:spec": {"f:replicas": {}}}


def apply_scale(
    fields: ManagedFields,
    live: Object,
    config: Any,
    manager: str,
    *,
    paths: Paths,
    force: bool,
    now: str,
) -> Object:
    """The object after somebody applied to its Scale, which knows only who owns the replicas.

    Upstream: apimachinery/pkg/util/managedfields/scalehandler.go
    """
    place = tuple(paths.wanted.split(".")[1:])
    wanted = of_path(tuple(f"f:{name}" for name in place))
    entries = live["metadata"].get("managedFields") or []
    owners = [entry for entry in entries if intersection(entry["fieldsV1"], wanted)]
    shown = [{**e, "apiVersion": SCALE.api_version, "fieldsV1": _REPLICAS} for e in owners]
    scale = with_path(scale_of(live, paths), ("metadata", "managedFields"), shown)
    options: dict[str, Any] = {"force": force, "subresource": "scale", "now": now}
    done = apply(ManagedFields(SCALE), scale, config, manager, **options)
    left = {_name(entry): entry for entry in done["metadata"].get("managedFields") or ()}
    kept = []
    for entry in entries:
        if entry not in owners or left.pop(_name(entry), None):
            kept.append(entry)
        elif rest := difference(entry["fieldsV1"], wanted):
            kept.append({**entry, "fieldsV1": rest})
    for entry in left.values():
        if intersection(entry["fieldsV1"], _REPLICAS):
            kept.append({**entry, "apiVersion": fields.kind.api_version, "fieldsV1": wanted})
    new = with_path(live, place, (done.get("spec") or {}).get("replicas", 0))
    owned: Object = with_path(new, ("metadata", "managedFields"), ordered(kept))
    return owned


def _name(entry: Object) -> tuple[str, str, str]:
    return entry.get("manager", ""), entry["operation"], entry.get("subresource", "")
