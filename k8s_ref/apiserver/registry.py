"""Generic registry · 通用注册表

Create, read, update, delete and watch, the same for every kind.  The one idea: an update names
the version it was made from, and if somebody else wrote in between the store refuses; whoever
sent a patch is retried here, whoever sent an object gets the conflict.

Upstream: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Set
from typing import Any, NamedTuple

from k8s_ref.apiserver import defaults, validation
from k8s_ref.apiserver.admission import Admission, suffix
from k8s_ref.apiserver.codec import not_text
from k8s_ref.apiserver.deletion import plan, released
from k8s_ref.apiserver.listing import Lister
from k8s_ref.apiserver.managedfields import ManagedFields, manager_of, retimed
from k8s_ref.apiserver.options import APPLY, DeleteOptions, delete_options
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.storage import Storage, Taken, path_of
from k8s_ref.apiserver.strategy import GUESTS, strategy_of
from k8s_ref.apiserver.validation_pod_update import guests_update
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import (
    MODIFIED,
    AlreadyExists,
    BadRequest,
    Cause,
    Conflict,
    Invalid,
    NotFound,
    ServerTimeout,
    invalid,
)
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.meta import Object, uuid_of, with_path, without_path
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import SECOND, Loop

RETRIES = 10
"""How often a patch is applied again when others write at the same time."""

SERVERS_OWN = ("resourceVersion", "creationTimestamp", "generation")
"""Metadata only the server writes; whatever an update says there is ignored."""
IF_UNSAID = ("uid", "deletionGracePeriodSeconds")
"""Metadata an update need not repeat and may not change."""
LEFT_OUT = ("labels", "annotations", "ownerReferences", "finalizers")
"""Metadata that is not there at all when the last entry is gone."""

GENERATED_NAMES = 8
"""How many names are tried for an object that leaves its name to the server."""

Change = Callable[[Object], Object]
Allocate = Callable[[Request, Object], Object]
Reviser = Callable[[Request, Object, Object], Object]


class Deleted(NamedTuple):
    """What a DELETE did: the object's last state, whether it is gone, the revisions written."""

    obj: Object
    gone: bool
    revisions: tuple[int, ...]


class Registry:
    """One resource.  Writes: the objects of that resource, and only through the store."""

    def __init__(self, kind: Kind, storage: Storage, loop: Loop) -> None:
        self.kind, self.storage, self.loop = kind, storage, loop
        self.strategy = strategy_of(kind)
        self.cache = storage.cache(kind, self.strategy.trigger)
        lister = Lister(kind, storage, self.cache, self.strategy.trigger is not None)
        self.list, self.watch, self.check_version = lister.find, lister.watch, lister.check_version
        self._uids = loop.stream("uid")
        self._names = loop.stream("name")
        self.fields = ManagedFields(kind, on_create=False)
        """Who owns which field; from their creation on, if the API server is to track it."""
        self.admission = Admission()
        """Who is asked before anything is written."""
        self.allocate: Allocate | None = None
        """Gives new objects of this kind what only one of them can have, such as an address."""
        self.reviser: Reviser | None = None
        """What allocation does to updates of this kind."""

    # -- reading

    async def get(self, key: str) -> Object:
        """The object, or ``NotFound``."""
        found = self.cache.objects.get(key)
        if found is None:
            raise self._not_found(key)
        return found

    # -- writing

    async def create(self, request: Request) -> Object:
        """Store a new object, completed and found valid; ``AlreadyExists``, ``Invalid``."""
        obj = self._owned(request, {}, defaults.apply(self.kind.kind, request.body))
        obj = await self.admission.admit("create", request, obj)
        if self.allocate is not None:
            obj = self.allocate(request, obj)
        generated = not obj["metadata"].get("name") and bool(obj["metadata"].get("generateName"))
        obj = self._prepare(obj)
        causes = self._causes(obj)
        if causes:
            raise self._invalid(obj["metadata"].get("name", ""), causes)
        await self.admission.validate("create", request, obj)
        if request.query.get("dryRun") == "All":
            return self._tried(request, obj)
        for _ in range(GENERATED_NAMES if generated else 1):
            name = obj["metadata"]["name"]
            key = f"{request.namespace}/{name}" if request.namespace else name
            try:
                return await self.storage.create(self.kind, key, obj, self.strategy.ttl)
            except Taken as taken:
                refusal = self._exists(name, taken.current)
            if generated:
                obj = with_path(obj, ("metadata", "name"), self._new_name(obj["metadata"]))
        raise refusal

    def _tried(self, request: Request, obj: Object) -> Object:
        """What would be stored if it were not only tried."""
        name = obj["metadata"]["name"]
        key = f"{request.namespace}/{name}" if request.namespace else name
        if key in self.cache.objects:
            raise self._exists(name, self.cache.objects[key])
        return obj

    async def update(self, request: Request, change: Change, subresource: str = "") -> Object:
        """Store what ``change`` makes of the present object, unless others wrote meanwhile.

        Writing what is already there costs no revision and wakes nobody.
        """
        for _ in range(RETRIES):
            old = await self.get(request.key)
            sent = self._owned(request, old, change(old))
            changed = await self.admission.admit("update", request, sent, old)
            self._check_same(changed["metadata"], old["metadata"], request)
            new = self._prepare_update(changed, old, subresource)
            if self.reviser is not None and not subresource:
                new = self.reviser(request, new, old)
            if new == old or (_applies(request) and retimed(new, old)):
                return old
            self._check_update(new, old, subresource)
            await self.admission.validate("update", request, new, old)
            if request.query.get("dryRun") == "All":
                return new
            try:
                return await self._store(request.key, old, new)
            except Taken:
                if request.verb == "update":
                    raise self._conflict(request.name) from None
        raise ServerTimeout(f"{self.kind.resource} {request.name!r} is written too often")

    def _owned(self, request: Request, old: Object, new: Object) -> Object:
        """The new object with its owners, unless who applied or bound it said all about them."""
        subresource = request.subresource
        if subresource == "binding" or _applies(request) or not self.fields.concern(old, new):
            return new
        if old and not subresource and _differ(new, old, _NEVER_COMPLETED):
            new = defaults.apply(self.kind.kind, new)
        return self.fields.update(old, new, manager_of(request), subresource, self.now())

    def bind(self, request: Request, assign: Change) -> Awaitable[Object]:
        """Let ``assign`` set what no update may: the node of a Pod."""
        return self.update(request, assign, "binding")

    async def delete(self, request: Request) -> Deleted:
        """Mark or remove the object, as the options and its kind have it."""
        options = delete_options(request)
        for _ in range(RETRIES):
            old = await self.get(request.key)
            self._check_preconditions(old["metadata"], options)
            await self.admission.validate("delete", request, None, old)
            now = self.loop.now + self.loop.epoch * SECOND
            marked, gone = plan(old, options, self.strategy, now)
            if options.dry_run:
                return Deleted(marked, gone, ())
            try:
                return await self._carry_out(request.key, old, marked, gone)
            except Taken:
                continue
        raise ServerTimeout(f"{self.kind.resource} {request.name!r} is written too often")

    async def _carry_out(self, key: str, old: Object, marked: Object, gone: bool) -> Deleted:
        """Write the mark, if there is one, and then remove the object, if nothing holds it."""
        revisions: tuple[int, ...] = ()
        if marked is not old:
            marked = await self.storage.update(self.kind, key, old, marked)
            revisions = (int(marked["metadata"]["resourceVersion"]),)
        if gone:
            revisions += (await self.storage.delete(self.kind, key, marked),)
        return Deleted(marked, gone, revisions)

    def read(self, obj: Any, request: Request) -> Object:
        """The object sent, known to be of this kind, in this place, with no unknown fields."""
        if not isinstance(obj, dict):
            raise BadRequest("the body of the request must be an object")
        # The path says already what it is; whoever leaves that out means the same.
        said = {"kind": self.kind.kind, "apiVersion": self.kind.api_version}
        obj = {**said, **obj}
        self._check_text(obj, said)
        if obj["kind"] != said["kind"] or obj["apiVersion"] != said["apiVersion"]:
            raise schema.Undecodable(self._wrong_kind(obj))
        obj = self._decoded(obj, request)
        meta = obj.get("metadata") or {}
        if self.kind.namespaced and "namespace" not in meta:
            meta = {**meta, "namespace": request.namespace}
        if meta.get("namespace", "") != request.namespace:
            raise BadRequest(
                "the namespace of the provided object does not match"
                " the namespace sent on the request"
            )
        if request.name and not meta.get("name"):
            raise BadRequest(
                f"the name of the object ({request.name} based on URL) was undeterminable:"
                " name must be provided"
            )
        if request.name and meta["name"] != request.name:
            raise BadRequest(
                f"the name of the object ({meta['name']}) does not match"
                f" the name on the URL ({request.name})"
            )
        return obj if meta is obj.get("metadata") else {**obj, "metadata": meta}

    def _check_text(self, obj: Object, names: Iterable[str]) -> None:
        for name in names:
            if not isinstance(obj[name], str | None):
                problem = not_text(name, obj[name])
                begin = "couldn't get version/kind; json parse error"
                raise schema.cannot_handle(self.kind, f"{begin}: {problem}")

    def patched(self, obj: Any, request: Request) -> Object:
        """What a patch made, read as if it had been sent; ``Invalid`` if it is no object."""
        try:
            return self.read(obj, request)
        except schema.Undecodable as error:
            # The refusal shows all that came out, and Go's words about it.
            shown = json.dumps({name: obj[name] for name in sorted(obj)}, separators=(",", ":"))
            problem = error.message.partition(f" cannot be handled as a {self.kind.kind}: ")[2]
            raise Invalid.of("", "", "", [invalid("patch", shown, problem)]) from None

    def _decoded(self, obj: Object, request: Request) -> Object:
        """The object without unknown fields, which are refused or warned about as asked."""
        # What is the very object that is stored was looked at when it was stored.
        stored = self.cache.objects.get(request.key)
        fresh = obj if stored is None else _apart_from(obj, stored)
        problems = schema.check(fresh, self.kind)
        if problems.ill_typed:
            raise schema.cannot_handle(self.kind, problems.ill_typed)
        found = self._unknown(problems.unknown, request)
        if found or problems.nulls:
            obj = schema.prune(obj, self.kind)
        # In Go a part that nobody spoke of is there, and empty.
        named = "spec" in obj or "spec" not in schema.fields_of(self.kind)
        return obj if named else {**obj, "spec": {}}

    def _unknown(self, unknown: list[str], request: Request) -> list[str]:
        """Refuse unknown and repeated fields or warn about them, as the request asks."""
        found = [*request.repeated, *unknown]
        wanted = request.query.get("fieldValidation", "Warn")
        if found and wanted == "Strict":
            raise schema.cannot_handle(self.kind, schema.strict_problem(found))
        if wanted == "Warn":
            request.warnings.extend(found)
        return found

    # -- what every write goes through

    def _prepare(self, obj: Object) -> Object:
        """Name, uid, creation time, generation and the kind's own first status."""
        meta = {**obj["metadata"]}
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self._new_name(meta)
        meta["uid"] = self._new_uid()
        meta["creationTimestamp"] = self.now()
        meta.pop("resourceVersion", None)
        meta.pop("deletionTimestamp", None)
        meta.pop("generation", None)
        if self.strategy.generation:
            meta["generation"] = 1
        if "managedFields" in meta:
            # They are long, so they stand behind what one wants to read.
            meta["managedFields"] = meta.pop("managedFields")
        return self.strategy.prepare({**obj, "metadata": meta})

    def _prepare_update(self, new: Object, old: Object, subresource: str) -> Object:
        """Keep what this call may not change, and count the generation."""
        if subresource in ("", GUESTS) and _differ(new, old, _NEVER_COMPLETED):
            new = defaults.apply(self.kind.kind, new)
        was = old["metadata"]
        meta = self._prepare_metadata(new["metadata"], was, subresource)
        if subresource == "status":
            kept = {**old, "metadata": meta, "status": new.get("status") or {}}
            conditions = kept["status"].get("conditions")
            return without_path(kept, ("status", "conditions")) if conditions == [] else kept
        if not subresource and self.kind.subresource("status"):
            new = without_path(new, ("status",))
            new = {**new, "status": old["status"]} if "status" in old else new
        if self.strategy.update is not None:
            new = self.strategy.update({**new, "metadata": meta}, old, subresource)
            meta = meta if subresource == GUESTS else new["metadata"]
        if subresource in ("", GUESTS) and any(
            new.get(n) != old.get(n) for n in self.strategy.generation
        ):
            meta = {**meta, "generation": was.get("generation", 0) + 1}
        return {**new, "metadata": meta}

    def _prepare_metadata(self, sent: Object, was: Object, subresource: str) -> Object:
        if sent is was:
            return was
        meta = {name: part for name, part in sent.items() if part or name not in LEFT_OUT}
        kept = SERVERS_OWN + self.strategy.keeps(subresource)
        if "deletionTimestamp" in was:
            kept += ("deletionTimestamp",)
        for name in kept:
            meta.pop(name, None)
            if name in was:
                meta[name] = was[name]
        for name in IF_UNSAID:
            if name in was:
                meta.setdefault(name, was[name])
        return was if meta == was else meta

    async def _store(self, key: str, old: Object, new: Object) -> Object:
        """Write; an object that is being deleted and lost its last finalizer goes now."""
        if released(new, old):
            revision = await self.storage.delete(self.kind, key, old)
            return with_path(new, ("metadata", "resourceVersion"), str(revision))
        return await self.storage.update(self.kind, key, old, new, self.strategy.ttl)

    def now(self) -> str:
        """The present time as objects write it."""
        return timestamp(self.loop.now, self.loop.epoch)

    def _new_name(self, meta: Object) -> str:
        return str(meta["generateName"][:58]) + suffix(self._names.choice)

    def _new_uid(self) -> str:
        return uuid_of(self._uids.getrandbits(128))

    # -- refusals

    def _check_same(self, sent: Object, old: Object, request: Request) -> None:
        """Whoever names a version or a uid means that one and no other."""
        # Of a patch the uid is a field like others: validation says that it may not change.
        uid = sent.get("uid", old["uid"])
        if uid != old["uid"] and (request.verb == "update" or request.subresource == "binding"):
            path = path_of(self.kind, request.key)
            # What is only tried never gets to the layer that knows the root of all keys.
            path = path.removeprefix("/registry") if request.query.get("dryRun") else path
            raise self._conflict(
                old["name"],
                f"StorageError: invalid object, Code: 4, Key: {path},"
                " ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in"
                f" precondition: {uid}, UID in object meta: {old['uid']}",
            )
        # No version, or 0, is whatever there is.
        if sent.get("resourceVersion") not in (None, "", "0", old["resourceVersion"]):
            raise self._conflict(old["name"])

    def _check_update(self, new: Object, old: Object, subresource: str) -> None:
        if subresource == "binding":
            return
        check = guests_update if subresource == GUESTS else self._update_causes
        causes = check(new, old)
        if causes:
            raise self._invalid(old["metadata"]["name"], causes)

    def _causes(self, obj: Object) -> list[Cause]:
        return validation.validate(self.kind.kind, obj)

    def _update_causes(self, new: Object, old: Object) -> list[Cause]:
        return validation.validate_update(self.kind.kind, new, old)

    def _check_preconditions(self, meta: Object, options: DeleteOptions) -> None:
        why = ""
        if options.uid and options.uid != meta["uid"]:
            why = (
                f"the UID in the precondition ({options.uid}) does not match the UID in record"
                f" ({meta['uid']}). The object might have been deleted and then recreated"
            )
        elif options.version and options.version != meta["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({options.version}) does not match the"
                f" ResourceVersion in record ({meta['resourceVersion']})."
                " The object might have been modified"
            )
        if why:
            # Here upstream names the kind where it otherwise names the resource.
            raise Conflict.of(self.kind.kind, self.kind.group, meta["name"], why)

    def _exists(self, name: str, current: Object | None) -> AlreadyExists:
        refusal = AlreadyExists.of(self.kind.plural, self.kind.group, name)
        if current is not None and "deletionTimestamp" in current["metadata"]:
            return AlreadyExists(f"object is being deleted: {refusal}", refusal.details)
        return refusal

    def _wrong_kind(self, obj: Object) -> str:
        """In Go's words: either nobody knows the kind, or nobody can make this one of it."""
        api_version, kind = obj.get("apiVersion") or "", obj.get("kind") or ""
        version = api_version.rpartition("/")[2]
        begin = f'{kind} in version "{version}" cannot be handled as a {self.kind.kind}'
        if KINDS.of(api_version, kind) is None:
            scheme = 'in scheme "pkg/api/legacyscheme/scheme.go:30"'
            version = api_version
            return f'{begin}: no kind "{kind}" is registered for version "{version}" {scheme}'
        package = self.kind.group.partition(".")[0] or "core"
        wanted = f"({package}.{self.kind.kind})"
        return f"{begin}: converting ({version}.{kind}) to {wanted}: unknown conversion"

    def _invalid(self, name: str, causes: list[Cause]) -> Invalid:
        # Events of both groups are kept as one, and refused as one.
        group = "" if self.kind.kind == "Event" else self.kind.group
        return Invalid.of(self.kind.kind, group, name, causes)

    def _not_found(self, key: str) -> NotFound:
        return NotFound.of(self.kind.plural, self.kind.group, key.rpartition("/")[2])

    def _conflict(self, name: str, why: str = MODIFIED) -> Conflict:
        return Conflict.of(self.kind.plural, self.kind.group, name, why)


def _applies(request: Request) -> bool:
    return request.content_type.startswith(APPLY)


def _apart_from(new: Object, old: Object) -> Object:
    """The parts of an object that another does not hold as well."""
    return {name: part for name, part in new.items() if name not in old or part is not old[name]}


def _differ(new: Object, old: Object, apart: Set[str]) -> bool:
    """Whether an object has parts, but for these, that another does not hold as well."""
    return any(new[name] is not old.get(name) for name in new if name not in apart)


_NEVER_COMPLETED = {"metadata", "kind", "apiVersion"}


def success(kind: Kind, obj: Object) -> dict[str, Any]:
    """The Status that answers a DELETE of most kinds."""
    meta = obj["metadata"]
    details = {"name": meta["name"], "group": kind.group, "kind": kind.plural, "uid": meta["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {name: value for name, value in details.items() if value},
    }
