"""kubectl get · 查看对象

Objects as a table, or in any format.  The columns are the server's; what is added here is only
how to lay them out: names with their kind when several kinds stand together, a heading for each
kind, and, with ``-w``, a line for whatever changes.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/get/get.go
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from k8s_ref.apiserver.cells import labels_text
from k8s_ref.apiserver.table import table
from k8s_ref.apiserver.watchcache import WatchEvent
from k8s_ref.cli.kubectl import columns, jsonpath
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.output import FORMATS, OUTPUT, as_text, check_format, inlined
from k8s_ref.cli.kubectl.selection import (
    SELECTORS,
    Target,
    fetch_all,
    nothing_found,
    scope,
    targets,
)
from k8s_ref.cli.kubectl.session import Command, Failure, Session, name_of, resource_of
from k8s_ref.cli.kubectl.watching import follow
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

NO_TYPE = """\
You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of \
supported resources.

error: Required resource not specified.
Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain \
pods).
See 'kubectl get -h' for help and examples"""


async def get(session: Session) -> int:
    """Print what is selected."""
    flags = session.flags
    flags["output"] = inlined(session, flags["output"])
    check_format(flags["output"], FORMATS)
    if not session.words and not flags["filename"]:
        raise Failure(NO_TYPE)
    if flags["output-watch-events"] and not (flags["watch"] or flags["watch-only"]):
        raise ValueError(
            "--output-watch-events option can only be used with --watch or --watch-only"
        )
    wanted = targets(session)
    found = await fetch_all(session, wanted, flags["ignore-not-found"])
    if flags["sort-by"]:
        found = _sorted(found, flags["sort-by"])
    printer = Printer(session, _with_kind(session, wanted))
    watching = (flags["watch"] or flags["watch-only"]) and not session.errors
    if not flags["watch-only"]:
        _show(session, wanted, found, printer)
    if watching:
        await _watch(session, wanted, found, printer)
    return 0


def _show(
    session: Session, wanted: list[Target], found: list[tuple[Kind, Object]], printer: Printer
) -> None:
    """Print what there is now, in the format of the line."""
    flags = session.flags
    if flags["output"] not in ("", "wide"):
        one = len(wanted) == 1 and bool(wanted[0].name)
        if found or not one:
            options = not flags["no-headers"], flags["show-managed-fields"]
            session.write(as_text(found, flags["output"], one, *options))
    elif found:
        printer.print(found)
    elif not (session.errors or flags["ignore-not-found"] or flags["watch"]):
        session.say(nothing_found(session, wanted))


def _with_kind(session: Session, wanted: list[Target]) -> bool:
    """Whether names are printed as ``pod/web``: kinds are mixed, or the line asks for it."""
    kinds = {target.kind for target in wanted}
    in_category = bool(session.words) and bool(
        session.api.kinds.in_category(session.words[0].partition(",")[0])
    )
    return session.flags["show-kind"] or len(kinds) > 1 or in_category


def _sorted(found: list[tuple[Kind, Object]], path: str) -> list[tuple[Kind, Object]]:
    values = [jsonpath.find(path, obj) for _, obj in found]
    if not any(values):
        # Upstream shows nothing rather than something unsorted.
        return []
    order = sorted(range(len(found)), key=lambda i: _sort_key(values[i]))
    return [found[i] for i in order]


def _sort_key(values: list[Any]) -> tuple[int, float, str]:
    value = values[0] if values else None
    if isinstance(value, int | float):
        return 1, value, ""
    return (0, 0, "") if value is None else (2, 0, str(value))


class Printer:
    """Lays out tables; remembers headings and widths while it watches."""

    def __init__(self, session: Session, with_kind: bool) -> None:
        self.session, self.with_kind = session, with_kind
        self.last: Kind | None = None
        self.event = "ADDED"

    def print(self, found: list[tuple[Kind, Object]]) -> None:
        """Print objects, each kind below its own heading."""
        for kind, group in groupby(found, key=lambda pair: pair[0]):
            if self.last is not None and not self.session.flags["no-headers"]:
                self.session.write("\n")
            self.last = kind
            self.session.write(columns.rows(self._table(kind, [obj for _, obj in group])))

    def lines(
        self, kind: Kind, objects: list[Object], heading: bool, event: str = "ADDED"
    ) -> list[list[str]]:
        """The cells of some objects, with or without the heading."""
        self.event = event
        shown = self._table(kind, objects)
        return shown if heading or self.session.flags["no-headers"] else shown[1:]

    def _table(self, kind: Kind, objects: list[Object]) -> list[list[str]]:
        flags = self.session.flags
        served = table(kind, objects, self.session.now, include="Object")
        wide = flags["output"] == "wide"
        shown = [
            index
            for index, column in enumerate(served["columnDefinitions"])
            if wide or not column["priority"]
        ]
        definitions = served["columnDefinitions"]
        heading = [definitions[index]["name"].upper() for index in shown]
        rows = [
            self._row(kind, row, [(definitions[i], row["cells"][i]) for i in shown])
            for row in served["rows"]
        ]
        if flags["no-headers"]:
            return rows
        return [self._heading(kind, heading), *rows]

    def _heading(self, kind: Kind, names: list[str]) -> list[str]:
        flags = self.session.flags
        first = [f"{'EVENT':8}"] if flags["output-watch-events"] else []
        first += ["NAMESPACE"] if flags["all-namespaces"] and kind.namespaced else []
        extra = [label.rpartition("/")[2].upper() for label in flags["label-columns"]]
        return [*first, *names, *extra, *(["LABELS"] if flags["show-labels"] else [])]

    def _row(self, kind: Kind, row: Object, cells: Iterable[tuple[Object, Any]]) -> list[str]:
        flags, meta = self.session.flags, row["object"]["metadata"]
        labels = meta.get("labels") or {}
        out = [f"{self.event:8}"] if flags["output-watch-events"] else []
        out += [meta.get("namespace", "")] if flags["all-namespaces"] and kind.namespaced else []
        for column, value in cells:
            text = _cell(value)
            is_name = column["format"] == "name" and column["name"] == "Name"
            out.append(name_of(kind, text) if is_name and self.with_kind else text)
        out += [labels.get(name, "") for name in flags["label-columns"]]
        return [*out, labels_text(labels)] if flags["show-labels"] else out


def _cell(value: Any) -> str:
    """A cell as text; of several lines only the first is shown."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    first = text.splitlines()[0] if text else ""
    return first if first == text else f"{first}..."


async def _watch(
    session: Session, wanted: list[Target], found: list[tuple[Kind, Object]], printer: Printer
) -> None:
    """Print a line for every change until there is no news any more."""
    if len(wanted) != 1:
        raise ValueError("you may only specify a single resource type")
    target, flags = wanted[0], session.flags
    kind = target.kind
    listed = await session.api.list(resource_of(kind), scope(session, kind))
    since = listed["metadata"]["resourceVersion"]
    fields = f"metadata.name={target.name}" if target.name else flags["field-selector"]
    stream = await session.api.watch(
        resource_of(kind), since, scope(session, kind), flags["selector"], fields
    )
    shown = [] if flags["watch-only"] else [obj for _, obj in found]
    widths = _Widths(printer.lines(kind, shown, heading=True))
    heading = [not shown]

    def tell(event: WatchEvent) -> None:
        if flags["output"] not in ("", "wide"):
            managed = flags["show-managed-fields"]
            session.write(as_text([(kind, event.object)], flags["output"], True, managed=managed))
            return
        cells = printer.lines(kind, [event.object], heading[0], event.type)
        heading[0] = False
        session.write(widths.lay_out(cells))

    await follow(session, stream, tell)


class _Widths:
    """Column widths of what was printed before; lines that come later keep to them."""

    def __init__(self, table: list[list[str]]) -> None:
        self.widest: list[str] = []
        self.lay_out(table)

    def lay_out(self, table: list[list[str]]) -> str:
        """The lines, aligned with those before; the widths grow when they must."""
        for cells in table:
            self.widest += [""] * (len(cells) - len(self.widest))
            self.widest = [
                max(old, new, key=len) for old, new in zip(self.widest, cells, strict=False)
            ] + self.widest[len(cells) :]
        text = columns.rows([self.widest, *table])
        return text.partition("\n")[2]


COMMANDS = (
    Command(
        "get",
        get,
        (
            *SELECTORS,
            OUTPUT,
            switch("no-headers", "leave out the heading"),
            switch("show-labels", "all labels as the last column"),
            switch("show-managed-fields", "in JSON and YAML also who owns which field"),
            switch("show-kind", "names as TYPE/NAME"),
            Flag("label-columns", "L", "list", (), help="these labels as columns"),
            Flag("sort-by", help="order by a field, as .metadata.name"),
            switch("ignore-not-found", "it is no error if there is nothing"),
            switch("watch", "then print a line for every change", "w"),
            switch("watch-only", "the same without what there is now"),
            Flag("chunk-size", type="int", default=500),
            switch("output-watch-events", "say of each line which event it was"),
        ),
        "kubectl get TYPE [NAME ... | -l LABELS] [-o FORMAT]",
        "print objects",
    ),
)
