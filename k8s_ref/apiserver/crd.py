"""CustomResourceDefinition · 自定义资源定义

An object that makes the server serve a new kind.  The one idea: the server's kinds are a table,
and a definition is where further rows of it come from; whatever works on rows (paths, discovery,
tables, watches, the namespace controller, the garbage collector) works on custom resources too.

A definition becomes rows in two steps that stand in its conditions: its names are accepted, if no
other definition of the group has them, and it is established.  When it is deleted its objects go
first: a finalizer holds it until the last one is gone.

Upstream: apiextensions-apiserver/pkg/controller/{status,establish,finalizer}/,
pkg/registry/customresourcedefinition/strategy.go
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from k8s_ref.apiserver.crd_registry import CustomRegistry
from k8s_ref.apiserver.registry import Registry
from k8s_ref.apiserver.request import Request, Response, component
from k8s_ref.apiserver.storage import Storage, directory_of
from k8s_ref.apiserver.watchcache import everything
from k8s_ref.machinery.kinds import Kind, Subresource
from k8s_ref.machinery.meta import Object, condition_of, set_condition, with_path
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import Loop

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
POLL_SECONDS = 5.0
"""Pause between two looks whether the last object is gone."""

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")

SELF = component("system:apiserver", "system:masters")


# -- rows


def rows_of(crd: Object) -> list[Kind]:
    """The rows of the kinds table that a definition stands for, its best version first."""
    if not (_is(crd, "NamesAccepted") or _is(crd, "Established")):
        return []
    served = [version for version in crd["spec"]["versions"] if version.get("served")]
    return [_row(crd, version) for version in sorted(served, key=version_rank)]


def _row(crd: Object, version: Object) -> Kind:
    spec, names = crd["spec"], crd["status"]["acceptedNames"]
    own = (spec["group"], version["name"])
    subresources = []
    declared = version.get("subresources") or {}
    if "status" in declared:
        subresources.append(Subresource("status", names["kind"], group=own[0], version=own[1]))
    if "scale" in declared:
        subresources.append(Subresource("scale", "Scale", group="autoscaling", version="v1"))
    return Kind(
        *own,
        names["kind"],
        names["plural"],
        spec["scope"] == "Namespaced",
        names.get("singular", ""),
        tuple(names.get("shortNames") or ()),
        tuple(names.get("categories") or ()),
        VERBS,
        tuple(subresources),
        definition=spec,
    )


def version_rank(version: Object) -> tuple[Any, ...]:
    """Where a version stands among others: stable before beta before alpha, high before low.

    >>> names = ["v1alpha1", "foo", "v1", "v2beta1", "v10"]
    >>> sorted(names, key=lambda name: version_rank({"name": name}))
    ['v10', 'v1', 'v2beta1', 'v1alpha1', 'foo']
    """
    name = version["name"]
    found = re.fullmatch(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?", name)
    if found is None:
        return (3, 0, 0, name)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0), name)


# -- conditions


def _is(crd: Object, kind: str) -> bool:
    condition = condition_of(crd, kind)
    return condition is not None and condition["status"] == "True"


def accept(crd: Object, others: Iterable[Object], now: str) -> Object:
    """The status after a look at the names of the other definitions of the group."""
    wanted, status = crd["spec"]["names"], crd["status"]
    accepted = {**(status.get("acceptedNames") or {})}
    taken = [(other["status"] or {}).get("acceptedNames") or {} for other in others]
    why = ("NoConflicts", "no conflicts found")
    for field, among in _FIELDS.items():
        used = {name for names in taken for each in among for name in _list(names.get(each))}
        clashes = [f'"{n}" is already in use' for n in _list(wanted.get(field))
                   if n in used and n not in _list(accepted.get(field))]  # fmt: skip
        if clashes:
            text = clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]"
            why = (f"{field[0].upper()}{field[1:]}Conflict", text)
        else:
            accepted[field] = wanted.get(field)
    accepted["categories"] = wanted.get("categories")
    conditions = _conditions(crd, why, now)
    names = {field: name for field, name in accepted.items() if name}
    return {**status, "acceptedNames": names, "conditions": conditions}


_NAMES = ("plural", "singular", "shortNames")
_KINDS = ("kind", "listKind")
_FIELDS = {**dict.fromkeys(_NAMES, _NAMES), **dict.fromkeys(_KINDS, _KINDS)}
"""The names of a definition, and among which names of others they must be unique."""


def _list(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []


_INITIAL = "the initial names have been accepted"


def _conditions(crd: Object, why: tuple[str, str], now: str) -> list[Object]:
    """Names first; what was established once stays so."""
    had: list[Object] = crd["status"].get("conditions") or []
    good = why[0] == "NoConflicts"
    conditions = set_condition(had, _condition("NamesAccepted", good, *why), now)
    if _is(crd, "Established"):
        return conditions
    step = ("Installing", _INITIAL) if good else ("NotAccepted", "not all names are accepted")
    if good and had and conditions == had:
        # The rows are there since the names were accepted: now they may be relied on.
        step = ("InitialNamesAccepted", _INITIAL)
    established = _condition("Established", step[0] == "InitialNamesAccepted", *step)
    return set_condition(conditions, established, now)


def _condition(kind: str, holds: bool, reason: str, message: str) -> Object:
    return {"type": kind, "status": str(holds), "reason": reason, "message": message}


# -- the controller

_Served: TypeAlias = tuple[Object, list[CustomRegistry]]


class Definitions:
    """Follows the definitions.  Writes: their status and finalizer, through ``handle``; the
    server's rows, through ``install``."""

    def __init__(
        self,
        registry: Registry,
        handle: Callable[[Request], Awaitable[Response]],
        install: Callable[[list[CustomRegistry]], None],
    ) -> None:
        self.registry, self.handle, self.install = registry, handle, install
        self.storage: Storage = registry.storage
        self.loop: Loop = registry.loop
        self._served: dict[str, _Served] = {}
        """By name of a definition the object its registries were made from."""
        self._going: set[str] = set()

    async def start(self) -> None:
        """Serve what is established, and follow what changes."""
        await self._publish()
        self.loop.spawn(self._run, name="crd")

    async def _run(self) -> None:
        watch = self.registry.cache.watch(None, everything, None)
        while await watch.next() is not None:
            await self._publish()
            for crd in self.registry.cache.sorted():
                await self._sync(crd)

    async def _publish(self) -> None:
        """Make the rows and registries those of the definitions there are."""
        crds: dict[str, Object] = self.registry.cache.objects
        made: dict[str, _Served] = {}
        for name in sorted(crds):
            known = self._served.get(name)
            if known is None or known[0] is not crds[name]:
                known = (crds[name], await self._registries(crds[name]))
            made[name] = known
        for name in self._served.keys() - made.keys():
            for registry in self._served[name][1][:1]:
                self.storage.close(registry.kind)
        self._served = made
        self.install([registry for _, found in made.values() for registry in found])

    async def _registries(self, crd: Object) -> list[CustomRegistry]:
        rows = rows_of(crd)
        if rows:
            await self.storage.open(rows[0])
        going = _is(crd, "Terminating")
        return [CustomRegistry(row, self.storage, self.loop, going) for row in rows]

    async def _sync(self, crd: Object) -> None:
        """Bring one definition a step further."""
        name, group = crd["metadata"]["name"], crd["spec"]["group"]
        if "deletionTimestamp" in crd["metadata"]:
            if FINALIZER in crd["metadata"].get("finalizers", ()) and name not in self._going:
                self._going.add(name)
                self.loop.spawn(lambda: self._finalize(name), name=f"crd/{name}")
            return
        others = [other for other in self.registry.cache.objects.values()
                  if other is not crd and other["spec"]["group"] == group]  # fmt: skip
        status = accept(crd, others, self._now())
        if status != crd["status"]:
            await self._write({**crd, "status": status})

    async def _finalize(self, name: str) -> None:
        """Delete the objects, wait until they are gone, and let the definition go."""
        try:
            crd = self.registry.cache.objects[name]
            await self._terminating(name, True, "InstanceDeletionInProgress",
                                    "CustomResource deletion is in progress")  # fmt: skip
            if not _is(crd, "Established"):
                await self._release(name, "NeverEstablished", "resource was never established")
                return
            while not await self._emptied(crd):
                await self.loop.sleep(POLL_SECONDS)
            await self._release(name, "InstanceDeletionCompleted", "removed all instances")
        finally:
            self._going.discard(name)

    async def _emptied(self, crd: Object) -> bool:
        """Tell all objects to go; whether they have gone."""
        for row in rows_of(crd)[:1]:
            for namespace in sorted({_namespace(key) for key in self._left(row)}):
                await self._ask(Request("deletecollection", row, namespace))
            return not self._left(row)
        # Nobody serves any version of it.
        return True

    def _left(self, row: Kind) -> list[str]:
        cache = self.storage.caches.get(directory_of(row))
        return list(cache.objects) if cache else []

    async def _release(self, name: str, reason: str, message: str) -> None:
        await self._terminating(name, False, reason, message)
        crd = self.registry.cache.objects.get(name)
        if crd is not None:
            rest = [f for f in crd["metadata"].get("finalizers", ()) if f != FINALIZER]
            await self._write(with_path(crd, ("metadata", "finalizers"), rest))

    async def _terminating(self, name: str, goes: bool, reason: str, message: str) -> None:
        crd = self.registry.cache.objects.get(name)
        if crd is None:
            return
        condition = _condition("Terminating", goes, reason, message)
        conditions = set_condition(crd["status"].get("conditions") or [], condition, self._now())
        await self._write(with_path(crd, ("status", "conditions"), conditions))

    async def _write(self, crd: Object) -> None:
        name, kind = crd["metadata"]["name"], self.registry.kind
        await self._ask(Request("update", kind, "", name, "status", body=crd))

    async def _ask(self, request: Request) -> None:
        request.user, request.agent = SELF, "kube-apiserver"
        await self.handle(request)

    def _now(self) -> str:
        return timestamp(self.loop.now, self.loop.epoch)


def _namespace(key: str) -> str:
    return key.rpartition("/")[0]
