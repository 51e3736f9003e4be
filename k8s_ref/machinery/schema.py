"""Schema of the built-in kinds · 内置种类的模式

Which fields an object of a kind may have, of which types, and how lists in it are merged.  The
facts stand in ``schema.json``, distilled from the published OpenAPI definitions; each definition
becomes, when first needed, a tree of nodes that walk over JSON beside them.  Every write is
checked: a value of the wrong type is always refused, an unknown or repeated field is refused,
warned about or passed over as the request asks, and never stored.

Upstream: api/openapi-spec/, apimachinery/pkg/runtime/serializer/json/, sigs.k8s.io/json
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Any, TypeAlias

from k8s_ref.machinery.errors import BadRequest, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.quantity import parse as parse_quantity
from k8s_ref.machinery.timestamps import parse as parse_time

Gvk: TypeAlias = tuple[str, str, str]

# Where a value stands, innermost last: what holds that place, the field name, list index or map
# key, and the Go struct the field belongs to ("" for items of lists and maps).
Place: TypeAlias = "tuple[Place, str | int, str] | None"


@dataclass(slots=True)
class Problems:
    """What a check found: the unknown fields, and the first value that cannot be decoded."""

    unknown: list[str] = field(default_factory=list)
    ill_typed: str = ""
    nulls: bool = False
    """Whether there are nulls, which decoding turns into nothing or into the zero of their type."""

    def refuse(self, problem: str) -> None:
        """Take note of a value that cannot be decoded; only the first one is reported."""
        self.ill_typed = self.ill_typed or problem


class Node:
    """Any JSON at all; base of the other nodes."""

    __slots__ = ("go",)

    zero: Any = None
    """What a null in a list or a map becomes; None where it stays one."""
    plain: type | None = None
    """The Python type of which every value fits, if there is such a type."""

    def __init__(self, go: str) -> None:
        self.go = go

    def fits(self, value: Any) -> bool:
        """Whether :meth:`check` would find nothing here: the quick question, asked first."""
        return value is not None

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Compare a value with the schema; ``null`` passes everywhere, as it does in Go."""
        if value is not None and not self.fits(value):
            self._mismatch(value, place, problems)

    def prune(self, value: Any) -> Any:
        """The value without unknown fields; the very same value when it has none."""
        return value

    def prune_item(self, value: Any) -> Any:
        """Like :meth:`prune`, for an item of a list or a map."""
        return self.zero if value is None else self.prune(value)

    def _mismatch(self, value: Any, place: Place, problems: Problems) -> None:
        fields = [(step, struct) for step, struct in _steps(place) if struct]
        target = "value"
        if fields:
            path = ".".join(str(step) for step, _ in fields)
            target = f"struct field {fields[-1][1]}.{path}"
        found = f"json: cannot unmarshal {_json_type(value)} into Go {target} of type {self.go}"
        problems.refuse(found)


def _steps(place: Place) -> list[tuple[str | int, str]]:
    steps = []
    while place is not None:
        place, step, struct = place
        steps.append((step, struct))
    return steps[::-1]


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    names = {str: "string", dict: "object", list: "array"}
    return next((name for base, name in names.items() if isinstance(value, base)), "number")


@dataclass(slots=True, frozen=True)
class Field:
    """One field of a struct: its node, and how writers share what is in it."""

    name: str
    node: Node
    required: bool = False
    merge_key: str = ""
    strategies: tuple[str, ...] = ()
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    atomic_map: bool = False


Tests: TypeAlias = tuple[tuple[str, Callable[[Any], bool]], ...]


class Struct(Node):
    """A JSON object with a fixed set of fields."""

    __slots__ = ("_left", "_tests", "atomic", "definition", "fields", "gvk", "name")

    def __init__(self, definition: str) -> None:
        *_, version, self.name = definition.split(".")
        super().__init__(f"{version}.{self.name}")
        self.definition, self.atomic = definition, False
        """``atomic`` says that writers share it as a whole or not at all."""
        self.gvk: list[str] | None = None
        """The kind it is the schema of, if it is of one."""
        self.fields: dict[str, Field] = {}
        self._tests: dict[str, Callable[[Any], bool] | type] = {}
        """By field the type every value of which fits, or else how to tell whether one does."""
        self._left = lru_cache(maxsize=1000)(self._left_to_ask)
        """By names and types what is left to ask: few shapes come again and again."""

    def add(self, known: Field) -> None:
        """Give the struct one more field."""
        node = known.node
        self.fields[known.name] = known
        self._tests[known.name] = node.plain or node.fits
        if keeps_null(known):
            self._tests[known.name] = lambda item: item is None or node.fits(item)

    def fits(self, value: Any) -> bool:
        """Whether all fields are known and fit."""
        if not isinstance(value, dict):
            return False
        tests = self._left(tuple(value), tuple(map(type, value.values())))
        if tests is None:
            return False
        # Asked so often that the generator of an all() would be most of the price.
        for name, test in tests:  # noqa: SIM110
            if not test(value[name]):
                return False
        return True

    def _left_to_ask(self, names: tuple[str, ...], types: tuple[type, ...]) -> Tests | None:
        """The fields whose types alone do not settle it; None if one is unknown or ill-typed."""
        left: list[tuple[str, Callable[[Any], bool]]] = []
        for name, given in zip(names, types, strict=True):
            test = self._tests.get(name)
            if test is not given:
                if test is None or isinstance(test, type):
                    return None
                left.append((name, test))
        return tuple(left)

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Check each field, and take note of those the struct does not have."""
        if not isinstance(value, dict):
            if value is not None:
                self._mismatch(value, place, problems)
            return
        fields = self.fields
        for name, item in value.items():
            known = fields.get(name)
            if item is None and not (known and keeps_null(known)):
                problems.nulls = True
            if known is None:
                problems.unknown.append(f"unknown field {show(_path((place, name, self.name)))}")
            else:
                known.node.check(item, (place, name, self.name), problems)

    def prune_item(self, value: Any) -> Any:
        """A null in a list of structs becomes a struct with nothing in it."""
        return {} if value is None else self.prune(value)

    def prune(self, value: Any) -> Any:
        """Keep the fields the struct has, and of those that are null only moments not yet known."""
        if not isinstance(value, dict):
            return value
        kept = {
            name: known.node.prune(item)
            for name, item in value.items()
            if (known := self.fields.get(name)) is not None
            and (item is not None or keeps_null(known))
        }
        return _shared(value, kept)


def keeps_null(known: Field) -> bool:
    """Whether a field may be null without losing it: a moment that is written even if unknown."""
    return isinstance(known.node, Time) and known.name != "creationTimestamp"


def _path(place: Place) -> str:
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step, _ in _steps(place)
    )
    return path.removeprefix(".")


def _shared(value: Object, changed: Object) -> Object:
    same = len(changed) == len(value) and all(changed[name] is value[name] for name in changed)
    return value if same else changed


class MapOf(Node):
    """A JSON object with free keys and values of one type."""

    __slots__ = ("items",)

    def __init__(self, items: Node, go: str = "") -> None:
        super().__init__(go or f"map[string]{items.go}")
        self.items = items

    def fits(self, value: Any) -> bool:
        """Whether all values fit."""
        return isinstance(value, dict) and all(map(self.items.fits, value.values()))

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Check each value; every key is welcome."""
        if isinstance(value, dict):
            for name, item in value.items():
                problems.nulls = problems.nulls or item is None
                self.items.check(item, (place, name, ""), problems)
        elif value is not None:
            self._mismatch(value, place, problems)

    def prune(self, value: Any) -> Any:
        """Prune each value."""
        if not isinstance(value, dict):
            return value
        return _shared(value, {name: self.items.prune_item(item) for name, item in value.items()})


class ListOf(Node):
    """A JSON array of values of one type."""

    __slots__ = ("items",)

    def __init__(self, items: Node) -> None:
        super().__init__(f"[]{items.go}")
        self.items = items

    def fits(self, value: Any) -> bool:
        """Whether all items fit."""
        return isinstance(value, list) and all(map(self.items.fits, value))

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Check each item."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                problems.nulls = problems.nulls or item is None
                self.items.check(item, (place, index, ""), problems)
        elif value is not None:
            self._mismatch(value, place, problems)

    def prune(self, value: Any) -> Any:
        """Prune each item."""
        if not isinstance(value, list):
            return value
        kept = [self.items.prune_item(item) for item in value]
        return value if all(a is b for a, b in zip(kept, value, strict=True)) else kept


class Text(Node):
    """A string; ``enum`` holds the values of its Go type, where upstream lists them."""

    __slots__ = ("enum",)
    zero, plain = "", str

    def __init__(self, go: str = "string", enum: tuple[str, ...] = ()) -> None:
        super().__init__(go)
        self.enum = enum

    def fits(self, value: Any) -> bool:
        """Only strings."""
        return isinstance(value, str)


class Boolean(Node):
    """``true`` or ``false``."""

    __slots__ = ()
    zero, plain = False, bool

    def fits(self, value: Any) -> bool:
        """Only booleans."""
        return isinstance(value, bool)


class Number(Node):
    """A number with or without a fraction."""

    __slots__ = ()
    zero = 0

    def fits(self, value: Any) -> bool:
        """Any number, but no boolean."""
        return isinstance(value, int | float) and not isinstance(value, bool)


class Integer(Node):
    """A whole number of 32 or 64 bits."""

    __slots__ = ("limit",)
    zero = 0

    def __init__(self, go: str) -> None:
        super().__init__(go)
        self.limit = 2 ** (int(go.removeprefix("int")) - 1)

    def fits(self, value: Any) -> bool:
        """Only whole numbers of that many bits."""
        return type(value) is int and -self.limit <= value < self.limit

    def _mismatch(self, value: Any, place: Place, problems: Problems) -> None:
        super()._mismatch(value, place, problems)
        # A number of the wrong size or shape is quoted.
        if _json_type(value) == "number":
            problems.ill_typed = problems.ill_typed.replace(
                "unmarshal number into", f"unmarshal number {json.dumps(value)} into"
            )


class IntOrString(Node):
    """A number of Pods, or a percentage of them."""

    __slots__ = ()
    _number = Integer("int32")

    def fits(self, value: Any) -> bool:
        """Any string, or a whole number of 32 bits."""
        return isinstance(value, str) or self._number.fits(value)

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """What is no string is refused as a number would be."""
        if not isinstance(value, str):
            self._number.check(value, None, problems)


def _reads(parse: Callable[..., Any], *value: Any) -> bool:
    try:
        parse(*value)
    except ValueError:
        return False
    return True


class Quantity(Node):
    """An amount of a resource, as text or as a number."""

    __slots__, zero = (), "0"

    def fits(self, value: Any) -> bool:
        """Whether it reads as a quantity."""
        return isinstance(value, str) and _reads(parse_quantity, value)

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Anything that reads as a quantity."""
        if value is None:
            return
        try:
            parse_quantity(value if isinstance(value, str | int | float) else "{}")
        except ValueError as error:
            problems.refuse(str(error))


class Time(Node):
    """A moment in RFC 3339 form."""

    __slots__ = ("micro",)

    def __init__(self, go: str, micro: bool = False) -> None:
        super().__init__(go)
        self.micro = micro

    def fits(self, value: Any) -> bool:
        """Whether it reads as a moment."""
        return isinstance(value, str) and _reads(parse_time, value, self.micro)

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Only text that reads as a moment."""
        if not isinstance(value, str):
            Text().check(value, None, problems)
            return
        try:
            parse_time(value, self.micro)
        except ValueError as error:
            problems.refuse(str(error))


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*")
_BASE64_END = re.compile(r"(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BASE64_PART = re.compile(r"[A-Za-z0-9+/]*")


class Bytes(Node):
    """Bytes in base64."""

    __slots__ = ()

    def fits(self, value: Any) -> bool:
        """Whether it reads as base64."""
        return isinstance(value, str) and illegal_base64(value) is None

    def check(self, value: Any, place: Place, problems: Problems) -> None:
        """Only text that reads as base64."""
        if not isinstance(value, str):
            if value is not None:
                self._mismatch(value, place, problems)
            return
        offset = illegal_base64(value)
        if offset is not None:
            problems.refuse(f"illegal base64 data at input byte {offset}")


def illegal_base64(text: str) -> int | None:
    """Where base64 text goes wrong, as Go counts it; ``None`` if it does not.

    >>> illegal_base64("aGk="), illegal_base64("not base64!")
    (None, 3)
    """
    text = text.replace("\r", "").replace("\n", "")
    start = len(_BASE64.match(text)[0])  # type: ignore[index]
    rest = text[start:]
    if _BASE64_END.fullmatch(rest):
        return None
    good = len(_BASE64_PART.match(rest)[0])  # type: ignore[index]
    if good == len(rest):
        return start
    if rest[good] != "=" or good < 2:
        return start + good
    if good == 2 and not rest.startswith("=", 3):
        return start + min(3, len(rest))
    return start + 4


@cache
def _document() -> Object:
    file = resources.files("k8s_ref.machinery").joinpath("schema.json")
    document: Object = json.loads(file.read_text("utf-8"))
    return document


@cache
def _definitions_of_kinds() -> dict[Gvk, str]:
    bodies = _document()["definitions"].items()
    return {tuple(body["gvk"]): name for name, body in bodies if "gvk" in body}


def release() -> str:
    """The Kubernetes release the schema was distilled from."""
    return str(_document()["release"])


_SCALARS: dict[str, Node] = {
    "string": Text(),
    "boolean": Boolean("bool"),
    "double": Number("float64"),
    "int32": Integer("int32"),
    "int64": Integer("int64"),
    "int-or-string": IntOrString("intstr.IntOrString"),
    "quantity": Quantity("resource.Quantity"),
    "time": Time("v1.Time"),
    "micro-time": Time("v1.MicroTime", micro=True),
    "bytes": Bytes("[]uint8"),
    "raw": Node("json.RawMessage"),
}


@cache
def _node(text: str) -> Node:
    """The node for a type as the distilled schema writes it: ``[]#api.core.v1.Container``."""
    shape, _, go = text.partition(":")
    if shape.startswith("[]"):
        return ListOf(_node(shape[2:]))
    if shape.startswith("{}"):
        return MapOf(_node(shape[2:]), go)
    if shape.startswith("#"):
        return struct(shape[1:])
    if go:
        return Text(go, tuple(_document()["enums"].get(go, ())))
    return _SCALARS[shape]


_structs: dict[str, Struct] = {}


def struct(definition: str) -> Struct:
    """The node of a definition, such as ``api.core.v1.PodSpec``."""
    made = _structs.get(definition)
    if made is None:
        # Known before its fields are, because some definitions contain themselves.
        made = _structs[definition] = Struct(definition)
        body = _document()["definitions"][definition]
        made.atomic, made.gvk = body.get("map") == "atomic", body.get("gvk")
        for name, described in body["fields"].items():
            made.add(_field(name, described, name in body.get("required", ())))
    return made


def _field(name: str, described: str | list[Any], required: bool) -> Field:
    shape, notes = (described, {}) if isinstance(described, str) else described
    return Field(
        name,
        _node(shape),
        required,
        notes.get("merge", ""),
        tuple(notes.get("strategy", "").split(",")) if "strategy" in notes else (),
        notes.get("list", ""),
        tuple(notes.get("keys", ())),
        notes.get("map") == "atomic",
    )


@cache
def struct_of(kind: Kind | Gvk) -> Struct | None:
    """The node of a built-in kind; ``None`` for a kind that has no schema here."""
    definition = _definitions_of_kinds().get(kind.gvk if isinstance(kind, Kind) else kind)
    return struct(definition) if definition else None


def fields_of(kind: Kind | Gvk) -> Mapping[str, Field]:
    """The fields at the top of a kind."""
    found = struct_of(kind)
    return found.fields if found else {}


def lookup(kind: Kind | Gvk, path: str) -> Field | None:
    """The field at a dotted path; lists and maps on the way are entered by themselves.

    >>> lookup(("", "v1", "Pod"), "spec.containers").merge_key
    'name'
    >>> lookup(("", "v1", "Pod"), "spec.containers.resources.limits").node.go
    'v1.ResourceList'
    """
    found: Field | None = None
    fields = fields_of(kind)
    for step in path.split("."):
        found = fields.get(step)
        if found is None:
            return None
        inner = element(found.node)
        fields = inner.fields if isinstance(inner, Struct) else {}
    return found


def element(node: Node) -> Node:
    """What a list or map finally holds; any other node itself."""
    while isinstance(node, ListOf | MapOf):
        node = node.items
    return node


def check(obj: Object, kind: Kind | Gvk) -> Problems:
    """Compare an object with the schema of its kind.

    >>> check({"spec": {"foo": 1}}, ("", "v1", "Pod")).unknown
    ['unknown field "spec.foo"']
    """
    problems = Problems()
    found = struct_of(kind)
    # Only when something is wrong somebody has to know where.
    if found and not found.fits(obj):
        found.check(obj, None, problems)
    return problems


def prune(obj: Object, kind: Kind | Gvk) -> Object:
    """The object without the fields its kind does not have; the same object if it has none."""
    found = struct_of(kind)
    pruned: Object = found.prune(obj) if found else obj
    return pruned


class Undecodable(BadRequest):
    """The body is JSON but no object of the kind: correct it, retrying is useless."""


def cannot_handle(kind: Kind | Gvk, problem: str) -> Undecodable:
    """The refusal of a body that is not an object of the kind."""
    _, version, name = kind.gvk if isinstance(kind, Kind) else kind
    return Undecodable(
        f"{name} in version {show(version)} cannot be handled as a {name}: {problem}"
    )


def strict_problem(found: list[str]) -> str:
    """How strict field validation words what it found.

    >>> print(cannot_handle(("", "v1", "Pod"), strict_problem(['unknown field "spec.foo"'])))
    Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.foo"
    """
    return f"strict decoding error: {', '.join(found)}"


class _Repeated(dict[str, Any]):
    """A JSON object in which a key stood more than once."""

    repeated: tuple[str, ...] = ()


def decode_json(text: str | bytes) -> tuple[Any, list[str]]:
    """JSON text as a value, and a warning for each field that stands in it twice (the last wins).

    >>> decode_json('{"metadata": {"name": "a", "name": "b"}}')
    ({'metadata': {'name': 'b'}}, ['duplicate field "metadata.name"'])
    """
    seen: list[_Repeated] = []

    def build(pairs: list[tuple[str, Any]]) -> Object:
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        names = [name for name, _ in pairs]
        marked = _Repeated(built)
        marked.repeated = tuple(name for name in built if names.count(name) > 1)
        seen.append(marked)
        return marked

    value = json.loads(text, object_pairs_hook=build)
    if not seen:
        return value, []
    warnings: list[str] = []
    return _unmarked(value, None, warnings), warnings


def _unmarked(value: Any, place: Place, warnings: list[str]) -> Any:
    if isinstance(value, dict):
        for name in value.repeated if isinstance(value, _Repeated) else ():
            warnings.append(f"duplicate field {show(_path((place, name, '')))}")
        return {name: _unmarked(item, (place, name, ""), warnings) for name, item in value.items()}
    if isinstance(value, list):
        return [_unmarked(item, (place, index, ""), warnings) for index, item in enumerate(value)]
    return value
