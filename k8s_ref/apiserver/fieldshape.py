"""Shapes of values · 值的形状

How finely a value can be shared is a fact of its type: a struct by its fields, a list by its keys
or not at all.  The one idea: two objects are compared by walking both along the shape of their
kind, and what is the very same value in both is not even looked at.  The rule: what is so often
alike that it would be found again and again (the spec of a template's Pods, the fields of a
condition) is found once.

Upstream: sigs.k8s.io/structured-merge-diff/typed/{compare,tofieldset,helpers}.go
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, TypeAlias

from k8s_ref.apiserver.fieldset import LEAF, SELF, FieldSet, member_of
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

Difference: TypeAlias = tuple[FieldSet | None, FieldSet | None]
"""What was added or changed, and what was removed."""

_NOTHING: Any = object()

MEMO = 2048
"""So many answers are kept."""


def _remember(memo: dict[Any, Any], key: Any, answer: Any) -> None:
    if len(memo) >= MEMO:
        memo.clear()
    memo[key] = answer


class Shape:
    """A value that has one owner, whatever is in it: a scalar, an atomic list or map."""

    def take(self, value: Any, every: bool) -> FieldSet | None:
        """The fields of a value: only what it states, or ``every`` thing that is there with it."""
        return LEAF

    def compare(self, old: Any, new: Any) -> Difference:
        """What makes the new value differ from the old one."""
        return (None if old == new else LEAF), None


ATOMIC = Shape()


class Place(NamedTuple):
    """A field as a part of its parent: its step, its shape, and what it is while nobody set it."""

    step: str
    shape: Shape
    zero: Any = _NOTHING
    """In Go a struct inside another is always there, and so are numbers nobody may leave out."""
    fills: bool = False
    """Whether it is not there at all while there is nothing in it."""

    @property
    def plain(self) -> bool:
        """Whether it is there if it is there, and has one owner."""
        return self.shape is ATOMIC and self.zero is _NOTHING and not self.fills


def _note(
    step: str, shape: Shape, was: Any, item: Any, changed: FieldSet, removed: FieldSet
) -> None:
    """Note how a part differs, one of whose versions may be missing."""
    if was is _NOTHING:
        changed[step] = shape.take(item, True)
    elif item is _NOTHING:
        removed[step] = shape.take(was, True)
    else:
        more, less = shape.compare(was, item)
        if more is not None:
            changed[step] = more
        if less is not None:
            removed[step] = less


class Granular(Shape):
    """An object whose fields may have different owners."""

    def __init__(self, named: dict[str, Place | None], rest: Shape | None = None) -> None:
        self.named, self.rest = named, rest
        self.often = False
        """Whether many objects hold the very same value, as Pods hold their template's."""
        self._often: dict[int, tuple[Any, FieldSet]] = {}
        self._whole: dict[tuple[str, ...], FieldSet] = {}
        self._plans: dict[tuple[str, ...], tuple[FieldSet, list[str]]] = {}
        self.settle()

    def settle(self) -> None:
        """Say once for all which fields are plain leaves: most are, and need no further thought."""
        places = [(name, place) for name, place in self.named.items() if place]
        self.leaves = {name: place.step for name, place in places if place.plain}
        self.flat = not self.rest and all(place.shape is ATOMIC for _, place in places)
        """Whether nothing in it can be shared, so that the names of the fields say it all."""

    def place(self, name: str) -> Place | None:
        """Where a field belongs; None if there is no such field."""
        if name in self.named or self.rest is None:
            return self.named.get(name)
        return Place(f"f:{name}", self.rest)

    def take(self, value: Any, every: bool) -> FieldSet | None:
        """All fields, and where those are not known from the schema, the entries themselves."""
        if not value:
            return LEAF
        if not (every and self.flat):
            return self._take(value, every)
        names = tuple(value)
        known = self._whole.get(names)
        if known is None:
            known = self._take(value, every) or LEAF
            _remember(self._whole, names, known)
        return known

    def _take(self, value: Object, every: bool) -> FieldSet | None:
        node = {SELF: LEAF} if every else {}
        for name in sorted(value):
            place = self.place(name)
            part = place and place.shape.take(value[name], every)
            if place and part is not None:
                node[place.step] = part if name in self.named else member_of(part)
        return node if len(node) > every else LEAF if every else None

    def compare(self, old: Any, new: Any) -> Difference:
        """Field by field; a value both objects share is passed over."""
        if old:
            return self._compare(old, new or {})
        if not self.often:
            return self._added(new or {}), None
        known = self._often.get(id(new))
        if known is None:
            # The value is kept with its answer, or another could come to have its identity.
            known = new, self._added(new or {}) or {}
            _remember(self._often, id(new), known)
        return known[1] or None, None

    def _compare(self, old: Object, new: Object) -> Difference:
        changed: FieldSet = {}
        removed: FieldSet = {}
        leaves = self.leaves
        for name, item in new.items():
            was = old.get(name, _NOTHING)
            if was is item:
                continue
            step = leaves.get(name)
            if step is None:
                self._differ(name, was, item, changed, removed)
            elif was is _NOTHING or was != item:
                changed[step] = LEAF
        if not old.keys() <= new.keys():
            for name, was in old.items():
                if name not in new:
                    self._differ(name, was, _NOTHING, changed, removed)
        return changed or None, removed or None

    def _added(self, new: Object) -> FieldSet | None:
        """What is new in an object that was not there, or empty."""
        names = tuple(new)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plan(names)
            _remember(self._plans, names, plan)
        leaves, others = plan
        if not others:
            return leaves or None
        changed = dict(leaves)
        for name in others:
            self._differ(name, _NOTHING, new[name], changed, {})
        return {step: node for step, node in changed.items() if node is not None} or None

    def _plan(self, names: tuple[str, ...]) -> tuple[FieldSet, list[str]]:
        """The leaves among these fields, with room for the others, and the others."""
        others = [name for name in names if name not in self.leaves and self.place(name)]
        room = {f"f:{name}": None for name in others}
        leaves = {self.leaves[name]: LEAF for name in names if name in self.leaves}
        return dict(sorted({**leaves, **room}.items())), others

    def _differ(self, name: str, was: Any, item: Any, changed: FieldSet, removed: FieldSet) -> None:
        place = self.named.get(name) or self.place(name)
        if place is None:
            return
        step, shape, zero, fills = place
        was = zero if was is _NOTHING or (fills and not was) else was
        item = zero if item is _NOTHING or (fills and not item) else item
        if was is not item:
            _note(step, shape, was, item, changed, removed)


class Keyed(Shape):
    """A list whose items are told apart by some of their fields, or by what they are."""

    def __init__(self, keys: Sequence[str], items: Shape) -> None:
        self.keys, self.items = tuple(sorted(keys)), items
        self._steps: dict[Any, str] = {}

    def step(self, item: Any) -> str:
        """What tells the item from the others."""
        if not self.keys:
            return f"v:{json.dumps(item, separators=(',', ':'))}"
        get = item.get
        if len(self.keys) == 1:
            told = get(self.keys[0])
        else:
            told = tuple([get(key, KEY_DEFAULTS.get(key)) for key in self.keys])
        try:
            step = self._steps.get(told)
        except TypeError:
            # A key that is no scalar is refused, but not here.
            return self._written(item)
        if step is None:
            step = self._written(item)
            _remember(self._steps, told, step)
        return step

    def _written(self, item: Object) -> str:
        said = {key: item.get(key, KEY_DEFAULTS.get(key)) for key in self.keys}
        said = {key: value for key, value in said.items() if value is not None}
        return f"k:{json.dumps(said, separators=(',', ':'))}"

    def index(self, items: Any) -> dict[str, Any]:
        """The items by what tells them apart; of several that are alike the first."""
        found: dict[str, Any] = {}
        for item in items or ():
            found.setdefault(self.step(item), item)
        return found

    def take(self, value: Any, every: bool) -> FieldSet | None:
        """All items, and all that is in them."""
        if not value:
            return LEAF if every or value is None else None
        node = {SELF: LEAF} if every else {}
        found = self.index(value)
        for step in sorted(found):
            node[step] = member_of(self.items.take(found[step], every))
        return node

    def compare(self, old: Any, new: Any) -> Difference:
        """Item by item, wherever in the list they stand."""
        was, now = self.index(old), self.index(new)
        changed: FieldSet = {}
        removed: FieldSet = {}
        for step, item in now.items():
            before = was.get(step, _NOTHING)
            if before is not item:
                _note(step, self.items, before, item, changed, removed)
        if not was.keys() <= now.keys():
            for step, item in was.items():
                if step not in now:
                    removed[step] = self.items.take(item, True)
        return changed or None, removed or None


class Deduced(Granular):
    """A value nobody described: an object can be shared by its fields, anything else cannot."""

    def __init__(self) -> None:
        super().__init__({}, self)

    def take(self, value: Any, every: bool) -> FieldSet | None:
        """The fields of an object."""
        return super().take(value, every) if isinstance(value, dict) else LEAF

    def compare(self, old: Any, new: Any) -> Difference:
        """Field by field, if both are objects."""
        if isinstance(old, dict) and isinstance(new, dict):
            return super().compare(old, new)
        return ATOMIC.compare(old, new)


DEDUCED = Deduced()
KEY_DEFAULTS = {"protocol": "TCP"}
"""What a key of a list is if an item does not say."""

_UNTRACKED = {
    *("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation"),
    *("managedFields", "resourceVersion"),
}
_GRANULAR = "claimRef"
"""The one reference that is shared by its fields."""


def shape_of(kind: Kind) -> Granular:
    """The shape of the objects of a kind; what no schema describes is deduced."""
    found = schema.struct_of(kind)
    if found is not None:
        return _of_struct(found)
    declared = kind.declared("schema").get("openAPIV3Schema") if kind.definition else None
    shape = _of_declared(declared) if declared else DEDUCED
    assert isinstance(shape, Granular), "an object has fields"
    scalars = {name: Place(f"f:{name}", ATOMIC) for name in ("apiVersion", "kind")}
    meta = _of_struct(schema.struct("apimachinery.pkg.apis.meta.v1.ObjectMeta"))
    own: dict[str, Place | None] = {**scalars, "metadata": Place("f:metadata", meta, {})}
    return Granular({**shape.named, **own}, shape.rest)


def _of_declared(declared: Object) -> Shape:
    """The shape of what a CustomResourceDefinition describes."""
    if declared.get("x-kubernetes-map-type") == "atomic":
        return ATOMIC
    if declared.get("type") == "array":
        if declared.get("x-kubernetes-list-type") in ("map", "set"):
            keys = declared.get("x-kubernetes-list-map-keys") or ()
            return Keyed(keys, _of_declared(declared.get("items") or {}))
        return ATOMIC
    more = declared.get("additionalProperties")
    free = DEDUCED if declared.get("x-kubernetes-preserve-unknown-fields") or more is True else None
    if declared.get("type") != "object":
        return free or ATOMIC
    properties = (declared.get("properties") or {}).items()
    named: dict[str, Place | None] = {
        name: Place(f"f:{name}", _of_declared(part)) for name, part in properties
    }
    return Granular(named, _of_declared(more) if isinstance(more, dict) else free)


def tracked(shape: Granular) -> Granular:
    """The shape without what has no owner: which object it is, and what the server writes."""
    meta = shape.named["metadata"]
    assert meta and isinstance(meta.shape, Granular), "metadata is granular"
    kept = Granular({**meta.shape.named, **dict.fromkeys(_UNTRACKED)})
    hidden = dict.fromkeys(("apiVersion", "kind"))
    return Granular({**shape.named, **hidden, "metadata": meta._replace(shape=kept)}, shape.rest)


_shapes: dict[str, Granular] = {}


def _of_struct(node: schema.Struct) -> Granular:
    made = _shapes.get(node.definition)
    if made is None:
        # Known before its fields are, because some definitions contain themselves.
        made = _shapes[node.definition] = Granular({})
        for name, field in node.fields.items():
            fills = isinstance(field.node, schema.ListOf | schema.MapOf) and not field.required
            made.named[name] = Place(f"f:{name}", _of_field(field), _zero(node, field), fills)
        made.settle()
        made.often = node.name == "PodSpec"
    return made


def _of_field(field: schema.Field) -> Shape:
    if field.atomic_map:
        return ATOMIC
    if isinstance(field.node, schema.ListOf):
        if field.list_type in ("map", "set"):
            return Keyed(field.list_keys, _of_node(field.node.items))
        return ATOMIC
    if field.name == _GRANULAR and isinstance(field.node, schema.Struct):
        return _of_struct(field.node)
    return _of_node(field.node)


def _of_node(node: schema.Node) -> Shape:
    if isinstance(node, schema.Struct):
        return ATOMIC if node.atomic else _of_struct(node)
    if isinstance(node, schema.MapOf):
        return Granular({}, _of_node(node.items))
    return DEDUCED if type(node) is schema.Node else ATOMIC


def _zero(parent: schema.Struct, field: schema.Field) -> Any:
    if isinstance(field.node, schema.Struct):
        inside = field.name in _members(parent.definition)
        return {} if inside or (parent.gvk and field.name in _PARTS) else _NOTHING
    if not field.required:
        return _NOTHING
    return field.node.zero


_PARTS = ("metadata", "spec", "status")


@cache
def _members(definition: str) -> frozenset[str]:
    """The fields that are in the Go struct itself: those without the star of a pointer."""
    return frozenset(_numbers().get(definition, {}).values())


@cache
def _numbers() -> dict[str, dict[str, str]]:
    file = resources.files("k8s_ref.apiserver").joinpath("protobuf.json")
    return dict(json.loads(file.read_text("utf-8")))
