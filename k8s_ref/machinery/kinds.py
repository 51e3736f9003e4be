"""Kinds table · 种类表

Every kind the API serves is one row of a table: its group, version and kind, the plural its paths
use, its scope, the names kubectl accepts for it, its verbs and its subresources.  Nothing below
or above has a list of kinds of its own; a custom resource is a row added to a copy of the table.

The rows, ``kinds.json``, hold what the discovery documents of a Kubernetes 1.36 API server say,
in that server's order, which is also the order of preference when a name is ambiguous.  What most
rows share is left out: all eight verbs, cluster scope, and subresources that are read and written
as the kind itself.

Upstream: staging/src/k8s.io/api/, pkg/registry/*/rest/, api/discovery/aggregated_v2.json
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Self

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(slots=True, frozen=True)
class Subresource:
    """A part of an object with its own path, such as ``pods/status``, and the kind it speaks."""

    name: str
    kind: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    group: str = ""
    version: str = ""


@dataclass(slots=True, frozen=True, eq=False)
class Kind:
    """One row of the table."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = False
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    subresources: tuple[Subresource, ...] = ()
    definition: Mapping[str, Any] | None = field(default=None, repr=False)
    """Of a custom resource the ``spec`` of its CustomResourceDefinition."""
    # What every request asks for is put together once.
    api_version: str = field(init=False)
    """``apps/v1``, or ``v1`` in the core group."""
    gvk: tuple[str, str, str] = field(init=False)
    """Group, version and kind."""
    resource: str = field(init=False)
    """The name messages use: ``pods``, ``deployments.apps``."""
    _subresources: dict[str, Subresource] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The way a frozen record sets its own fields.
        put = object.__setattr__
        put(self, "api_version", f"{self.group}/{self.version}" if self.group else self.version)
        put(self, "gvk", (self.group, self.version, self.kind))
        put(self, "resource", f"{self.plural}.{self.group}" if self.group else self.plural)
        put(self, "_subresources", {sub.name: sub for sub in self.subresources})

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The kind described by a row of ``kinds.json``."""
        return cls(
            row["group"],
            row["version"],
            row["kind"],
            row["plural"],
            row.get("namespaced", False),
            row.get("singular", row["kind"].lower()),
            tuple(row.get("shortNames", ())),
            tuple(row.get("categories", ())),
            tuple(row.get("verbs", VERBS)),
            tuple(_subresource(row, *item) for item in row.get("subresources", {}).items()),
        )

    def declared(self, part: str) -> Any:
        """What the definition of a custom resource says about a part of this version."""
        versions = self.definition["versions"] if self.definition else ()
        found = (version.get(part) for version in versions if version["name"] == self.version)
        return next(found, None) or {}

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name, if the kind has it."""
        return self._subresources.get(name)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a list, an object or a subresource.

        >>> KINDS["deploy"].path("default", "web", "scale")
        '/apis/apps/v1/namespaces/default/deployments/web/scale'
        >>> KINDS["pods"].path()
        '/api/v1/pods'
        """
        parts = ["", "apis" if self.group else "api", self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


def _subresource(row: Mapping[str, Any], name: str, facts: Mapping[str, Any]) -> Subresource:
    return Subresource(
        name,
        facts.get("kind", row["kind"]),
        tuple(facts.get("verbs", ("get", "patch", "update"))),
        facts.get("group", row["group"]),
        facts.get("version", row["version"]),
    )


class Kinds:
    """An immutable table of kinds and the ways to look one up."""

    __slots__ = ("_by_gvk", "_by_kind", "_by_name", "_by_plural", "_rows")

    def __init__(self, rows: Iterable[Kind]) -> None:
        self._rows = tuple(rows)
        self._by_gvk = {row.gvk: row for row in self._rows}
        self._by_kind = {(row.api_version, row.kind): row for row in self._rows}
        self._by_plural = {(row.group, row.version, row.plural): row for row in self._rows}
        self._by_name: dict[str, Kind] = {}
        # A plural or a kind always wins over somebody else's short name, as in kubectl.
        for names in (_full_names, _short_names):
            for row in self._rows:
                for name in names(row):
                    self._by_name.setdefault(name, row)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> Kind:
        """The kind a person means: plural, singular, kind, short name, with or without group.

        >>> KINDS["po"].kind, KINDS["Deployment"].plural, KINDS["events.events.k8s.io"].group
        ('Pod', 'deployments', 'events.k8s.io')
        """
        found = self.find(name)
        if found is None:
            raise KeyError(f'the server doesn\'t have a resource type "{name}"')
        return found

    def find(self, name: str) -> Kind | None:
        """Like ``KINDS[name]``, but ``None`` when there is no such kind."""
        return self._by_name.get(name.lower())

    def of(self, api_version: str, kind: str) -> Kind | None:
        """The kind of an object that says this ``apiVersion`` and ``kind``."""
        return self._by_kind.get((api_version, kind))

    def of_gvk(self, group: str, version: str, kind: str) -> Kind | None:
        """The kind with exactly this group, version and kind."""
        return self._by_gvk.get((group, version, kind))

    def served(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served at this place in the URL space."""
        return self._by_plural.get((group, version, plural))

    def in_category(self, category: str) -> list[Kind]:
        """The kinds of a category, one version of each: what ``kubectl get all`` asks for."""
        found: dict[tuple[str, str], Kind] = {}
        for row in self._rows:
            if category in row.categories:
                found.setdefault((row.group, row.plural), row)
        return list(found.values())

    def with_kinds(self, more: Iterable[Kind]) -> Kinds:
        """A table that also has these kinds, as after a CustomResourceDefinition."""
        return Kinds([*self._rows, *more])


def _full_names(row: Kind) -> Iterator[str]:
    for name in (row.plural, row.singular, row.kind.lower()):
        yield from _qualified(name, row)


def _short_names(row: Kind) -> Iterator[str]:
    for name in row.short_names:
        yield from _qualified(name, row)


def _qualified(name: str, row: Kind) -> Iterator[str]:
    yield name
    yield f"{name}.{row.group}" if row.group else f"{name}."
    yield f"{name}.{row.version}.{row.group}"


def _builtin() -> Kinds:
    text = resources.files("k8s_ref.machinery").joinpath("kinds.json").read_text("utf-8")
    return Kinds(map(Kind.from_row, json.loads(text)))


KINDS = _builtin()
