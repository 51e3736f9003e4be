"""Managed fields · 受管字段

``metadata.managedFields`` says who owns which field: an entry for each manager, kind of operation
and subresource, with the set of fields it set last.  The one idea: nobody declares ownership;
whoever changes a field takes it from the others, and what nobody changes costs nothing, because
old and new object share it.  Server-side apply reads the same entries the other way round.

Upstream: apimachinery/pkg/util/managedfields/internal/*.go, structured-merge-diff/merge/update.go
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from k8s_ref.apiserver.fieldset import FieldSet, difference, readable, union
from k8s_ref.apiserver.fieldshape import Granular, shape_of, tracked
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import Cause, Invalid, invalid, too_long
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.meta import Object, without_path

Entries: TypeAlias = list[Object]
Manager: TypeAlias = tuple[str, str, str, str]
"""Whose entry it is: manager, operation, API version (of an update), subresource."""

MAX_UPDATERS = 10
"""When more managers than this have updated an object, the oldest share an entry."""
ANCIENT = "ancient-changes"
BEFORE_APPLY = "before-first-apply"
"""Who owns everything in an object that was not tracked before somebody applied to it."""

APPLY, UPDATE = "Apply", "Update"


_STATUS = {"f:metadata", "f:status"}


def manager_of(request: Request) -> str:
    """Who writes: as the query says, or else the program, as far as its name can be printed."""
    named = request.query.get("fieldManager")
    if named:
        return named
    user = request.user.name
    if user == f"{_CONTROLLERS}{request.agent}":
        # Each controller has an account of its own, but all are one program.
        return "kube-controller-manager"
    return user.removeprefix("system:") if user in _PROGRAMS else _program(request.agent)


_CONTROLLERS = "system:serviceaccount:kube-system:"
_PROGRAMS = {"system:kube-controller-manager", "system:kube-scheduler"}
"""Programs with parts that write under other names than the program's."""


@lru_cache
def _program(agent: str) -> str:
    shown = "".join(char for char in agent.partition("/")[0] if char.isprintable())
    return shown.encode()[:128].decode(errors="ignore")


def who(entry: Object) -> Manager:
    """The manager of an entry; an applier stays the same in every API version."""
    operation = entry["operation"]
    version = entry["apiVersion"] if operation == UPDATE else ""
    return entry.get("manager", ""), operation, version, entry.get("subresource", "")


class ManagedFields:
    """The owners of the fields in the objects of one kind."""

    def __init__(self, kind: Kind, on_create: bool = True) -> None:
        self.kind, self.on_create = kind, on_create
        """``on_create``: whether tracking begins at the creation or when somebody applies."""
        self._has_status = kind.subresource("status") is not None
        self._shape: Granular | None = None
        self._tracked: Granular | None = None

    @property
    def shape(self) -> Granular:
        """How finely the objects can be shared; made when first needed."""
        if self._shape is None:
            self._shape = shape_of(self.kind)
        return self._shape

    @property
    def owned(self) -> Granular:
        """The shape without what nobody owns."""
        if self._tracked is None:
            self._tracked = tracked(self.shape)
        return self._tracked

    def update(self, live: Object, new: Object, manager: str, subresource: str, now: str) -> Object:
        """The new object with its owners, after one that was created or updated.

        ``live`` is what it was before, empty if it is new.
        """
        known = live["metadata"].get("managedFields") if live else None
        meta = new["metadata"]
        entries = self._entries(known, meta.get("managedFields"), subresource)
        if not entries and (live or not self.on_create):
            unowned: Object = without_path(new, ("metadata", "managedFields"))
            return unowned
        changed, removed = self.compare(live, new, subresource)
        me = manager or "unknown", UPDATE, self.kind.api_version, subresource
        entries = self._moved(entries, changed, removed, me, now)
        if known and len(known) == len(entries) and all(map(_same, known, entries)):
            entries = known
        if entries is meta.get("managedFields"):
            return new
        return {**new, "metadata": {**meta, "managedFields": entries}}

    def concern(self, live: Object, new: Object) -> bool:
        """Whether there is anything to track: there is not, unless somebody began with it."""
        if not live:
            return self.on_create or "managedFields" in new["metadata"]
        return "managedFields" in live["metadata"] or "managedFields" in new["metadata"]

    def _entries(self, known: Any, sent: Any, subresource: str) -> Entries:
        """The entries to go on from: those a client sent, if it knows what it does."""
        if sent is known or sent is None or subresource:
            return known or []
        if sent in ([], [{}]):
            return []
        read = [{**entry, "fieldsV1": entry.get("fieldsV1") or {}} for entry in sent]
        if not all(map(_decodable, read)):
            return known or []
        problems = list(_causes(read))
        if problems:
            raise Invalid.of(self.kind.kind, self.kind.group, "", problems)
        return read

    def compare(
        self, live: Object, new: Object, subresource: str = ""
    ) -> tuple[FieldSet, FieldSet]:
        """What a write changed and what it removed, of all that it can and that can be owned."""
        if not live and not subresource and self._has_status:
            # A new object has no status yet, whatever its creator sent.
            new = {name: part for name, part in new.items() if name != "status"}
        changed, removed = self.owned.compare(live, new)
        return self.written(changed or {}, subresource), self.written(removed or {}, subresource)

    def written(self, fields: FieldSet, subresource: str) -> FieldSet:
        """The fields without those such a write does not reach, whatever it says of them."""
        if subresource == "status":
            if fields.keys() <= _STATUS:
                return fields
            return {step: node for step, node in fields.items() if step in _STATUS}
        if self._has_status and "f:status" in fields:
            return {step: node for step, node in fields.items() if step != "f:status"}
        return fields

    def _moved(
        self, entries: Entries, changed: FieldSet, removed: FieldSet, me: Manager, now: str
    ) -> Entries:
        """The entries after ``me`` took what changed, and everybody lost what was removed."""
        mine, kept = None, []
        for entry in entries:
            if mine is None and who(entry) == me:
                mine = entry
            elif (left := self.left(entry, changed, removed)) is not None:
                kept.append(left)
        owned = union(difference(mine["fieldsV1"], removed), changed) if mine else changed
        if owned:
            # A scale has no time of its own to give.
            when = now if changed and me[3] != "scale" else (mine or {}).get("time")
            kept.append(entry_of(me, when, owned))
        return capped(ordered(kept))

    def left(self, entry: Object, changed: FieldSet, removed: FieldSet) -> Object | None:
        """An entry without what its manager lost; None if that was all, or cannot be told."""
        version = entry["apiVersion"]
        if version != self.kind.api_version and not _is_served(self.kind, version):
            return None
        fields = entry["fieldsV1"]
        left = difference(difference(fields, changed), removed)
        if left is fields:
            return entry
        return {**entry, "fieldsV1": left} if left else None


def _is_served(kind: Kind, api_version: str) -> bool:
    """Whether objects of this kind can be had in that version."""
    if kind.definition is None:
        return KINDS.of(api_version, kind.kind) is not None
    versions = kind.definition["versions"]
    return any(api_version == f"{kind.group}/{version['name']}" for version in versions)


def entry_of(manager: Manager, time: str | None, fields: FieldSet, version: str = "") -> Object:
    """An entry as objects hold it."""
    name, operation, api_version, subresource = manager
    entry: Object = {"manager": name, "operation": operation, "apiVersion": api_version or version}
    if time:
        entry["time"] = time
    entry["fieldsType"], entry["fieldsV1"] = "FieldsV1", fields
    if subresource:
        entry["subresource"] = subresource
    return entry


def _same(a: Object, b: Object) -> bool:
    return a is b or a == b


def retimed(new: Object, old: Object) -> bool:
    """Whether nothing but times of entries differs, so that nothing needs to be written.

    Upstream: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go
    """
    now, was = (obj["metadata"].get("managedFields") or [] for obj in (new, old))
    if [{**entry, "time": ""} for entry in now] != [{**entry, "time": ""} for entry in was]:
        return False
    bare = ("metadata", "managedFields")
    return bool(without_path(new, bare) == without_path(old, bare))


def ordered(entries: Entries) -> Entries:
    """Appliers first, then by time."""
    return sorted(entries, key=_order) if len(entries) > 1 else entries


def _order(entry: Object) -> tuple[str, str, str, str, str]:
    manager, operation, _, subresource = who(entry)
    return operation, entry.get("time") or "", manager, entry["apiVersion"], subresource


def capped(entries: Entries) -> Entries:
    """The entries, the oldest updates of one API version merged where there are too many."""
    if len(entries) <= MAX_UPDATERS:
        return entries
    updates = [entry for entry in entries if entry["operation"] == UPDATE]
    over = len(updates) - MAX_UPDATERS
    first: dict[str, Object] = {}
    for entry in updates:
        if over <= 0:
            break
        version = entry["apiVersion"]
        older = first.get(version)
        first[version] = entry
        if older is None:
            continue
        both = union(older["fieldsV1"], entry["fieldsV1"])
        first[version] = entry_of((ANCIENT, UPDATE, version, ""), entry.get("time"), both)
        entries = [e for e in entries if e is not older and e is not entry] + [first[version]]
        over -= 1
    return ordered(entries) if first else entries


def _decodable(entry: Object) -> bool:
    return bool(
        entry.get("operation") in (APPLY, UPDATE)
        and entry.get("apiVersion")
        and entry.get("fieldsType") == "FieldsV1"
        and readable(entry["fieldsV1"])
    )


def _causes(entries: Entries) -> Iterator[Cause]:
    for index, entry in enumerate(entries):
        path, manager = f"metadata.managedFields[{index}]", entry.get("manager", "")
        if len(manager.encode()) > 128:
            yield too_long(f"{path}.manager", 128)
        for position, char in enumerate(manager):
            if not char.isprintable():
                problem = f"invalid character U+{ord(char):04X} (at position {position})"
                yield invalid(f"{path}.manager", manager, problem)
        if len(entry.get("subresource", "")) > 256:
            yield too_long(f"{path}.subresource", 256)
