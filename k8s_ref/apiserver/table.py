"""Tables · 表格

What ``kubectl get`` shows is decided here and not in kubectl: a client that asks for a ``Table``
gets columns and cells, so a new kind prints well in an old client.  The one idea: a column is a
row of data, ``columns.json``, which says where in the object its cell stands; only cells that
must be computed name a function.  A table is a pure function of the objects and the moment.

A cell is described by one of these::

    spec.nodeName or <none>     the value at a path, or else the word after "or"
    text spec.minAvailable      the same as text, a number too
    flag spec.suspend           True or False as text
    count data binaryData       how many entries there are at these paths together
    join spec.cidrs             the items of a list, with commas
    pod_status()                what the function of this name in podcells.py or cells.py says

Upstream: pkg/printers/internalversion/printers.go, pkg/printers/tablegenerator.go
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from k8s_ref.apiserver import cells, podcells
from k8s_ref.apiserver.jsonpath import find
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

Cell = Callable[[Object, int], Any]
"""The content of a cell, given an object and the present in nanoseconds since 1970."""


@dataclass(slots=True, frozen=True)
class Column:
    """One column: its name, how a cell of it is found, and how clients should treat it."""

    name: str
    cell: Cell
    type: str = "string"
    format: str = ""
    wide: bool = False
    description: str = ""

    @classmethod
    def of(cls, name: str, how: str, words: str = "") -> Column:
        """The column a row of ``columns.json`` describes."""
        notes = words.split()
        types = [word for word in notes if word in ("integer", "boolean", "date")]
        form = "name" if "name" in notes else ""
        return cls(name, compile_cell(how), (types or ["string"])[0], form, "wide" in notes)

    def definition(self) -> Object:
        """The column as it stands in ``columnDefinitions``."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": int(self.wide),
        }


def table(
    kind: Kind,
    objects: Iterable[Object],
    now: int,
    metadata: Object | None = None,
    include: str = "Metadata",
) -> Object:
    """The objects as a ``meta.k8s.io/v1`` Table; ``now`` is in nanoseconds since 1970.

    ``include`` says what rows carry besides their cells: ``Metadata``, ``Object`` or ``None``.
    """
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [_row(columns, obj, now, include) for obj in objects],
    }


def _row(columns: tuple[Column, ...], obj: Object, now: int, include: str) -> Object:
    row: Object = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj["metadata"],
        }
    return row


@cache
def columns_of(kind: Kind) -> tuple[Column, ...]:
    """The columns of a kind; a kind without columns of its own has a name and an age."""
    if kind.definition is not None:
        rows = kind.declared("additionalPrinterColumns") or (_CREATED,)
        return (Column.of(*_ANY[0]), *map(_declared, rows))
    return tuple(Column.of(*row) for row in _document().get(kind.resource, _ANY))


_ANY = (("Name", "metadata.name", "name"), ("Age", "age()"))


_CREATED = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _declared(row: Object) -> Column:
    """The column that the definition of a custom resource describes."""
    kind, path = row["type"], row["jsonPath"]

    def cell(obj: Object, now: int) -> Any:
        found = find(path, obj)
        value = found[0] if found else None
        if kind == "date" and isinstance(value, str):
            return cells.since(value, now)
        if kind == "string" and value is not None:
            return " ".join(map(_text, found))
        return value if isinstance(value, _CELL_TYPES[kind]) else None

    said = f"Custom resource definition column (in JSONPath format): {path}"
    wide, form = bool(row.get("priority")), row.get("format", "")
    return Column(row["name"], cell, kind, form, wide, row.get("description") or said)


_CELL_TYPES: dict[str, Any] = {"boolean": bool, "integer": int, "number": int | float}
_CELL_TYPES |= {"date": (), "string": ()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


@cache
def _document() -> dict[str, list[list[str]]]:
    file = resources.files("k8s_ref.apiserver").joinpath("columns.json")
    document: dict[str, list[list[str]]] = json.loads(file.read_text("utf-8"))
    return document


def compile_cell(how: str) -> Cell:
    """The function that finds a cell, from its description.

    >>> compile_cell("count data binaryData")({"data": {"a": "1"}}, 0)
    1
    >>> compile_cell("spec.nodeName or <none>")({"spec": {}}, 0)
    '<none>'
    """
    if how.endswith("()"):
        name = how.removesuffix("()")
        function: Cell = getattr(podcells if hasattr(podcells, name) else cells, name)
        return function
    verb, _, rest = how.partition(" ")
    if verb == "count":
        paths = rest.split()
        return lambda obj, now: sum(len(cells.at(obj, path) or ()) for path in paths)
    if verb in _FORMS:
        return _at(rest, _FORMS[verb])
    return _at(how, lambda value: value)


_FORMS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "flag": str,
    "join": lambda items: ",".join(map(str, items)) or None,
}


def _at(how: str, form: Callable[[Any], Any]) -> Cell:
    path, _, word = how.partition(" or ")
    missing = _literal(word)

    def cell(obj: Object, now: int) -> Any:
        value = cells.at(obj, path)
        shown = None if value is None or value == "" else form(value)
        return missing if shown is None else shown

    return cell


def _literal(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return word
