"""Generic registry · 通用注册表

Create, read, update, delete and watch, the same for every kind.  The one idea: an update names
the version it was made from, and if somebody else wrote in between the store refuses; whoever
sent a patch is retried here, whoever sent an object gets the conflict.

Upstream: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from k8s_ref.apiserver import defaults, validation
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.storage import Storage, Taken
from k8s_ref.apiserver.strategy import selectable, strategy_of
from k8s_ref.apiserver.watchcache import Selector, Watch, everything
from k8s_ref.machinery import schema, selectors
from k8s_ref.machinery.errors import (
    MODIFIED,
    AlreadyExists,
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    ServerTimeout,
)
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, without_path
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import SECOND, Loop

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, no 0, 1 or 3, so that no words come out."""

RETRIES = 10
"""How often a patch is applied again when others write at the same time."""

SYSTEM_FIELDS = (
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""Metadata only the server writes; whatever a caller sends there is ignored."""

Change = Callable[[Object], Object]


class Registry:
    """One resource.  Writes: the objects of that resource, and only through the store."""

    def __init__(self, kind: Kind, storage: Storage, loop: Loop) -> None:
        self.kind, self.storage, self.loop = kind, storage, loop
        self.strategy = strategy_of(kind)
        self.cache = storage.cache(kind, self.strategy.trigger)
        self._selectable = selectable(kind)
        self._uids = loop.stream("uid")
        self._names = loop.stream("name")

    # -- reading

    async def get(self, key: str) -> Object:
        """The object, or ``NotFound``."""
        found = self.cache.objects.get(key)
        if found is None:
            raise self._not_found(key)
        return found

    async def list(self, request: Request) -> Object:
        """All objects of a namespace, or of all, that the selectors let pass."""
        selector, _ = self.selector(request)
        prefix = f"{request.namespace}/" if request.namespace else ""
        items = [obj for obj in self.cache.sorted(prefix) if selector(obj)]
        return {
            "kind": f"{self.kind.kind}List",
            "apiVersion": self.kind.api_version,
            "metadata": {"resourceVersion": str(self.storage.revision)},
            "items": items,
        }

    def watch(self, request: Request) -> Watch:
        """Events after ``resourceVersion``; without one (or 0) first ADDED for all there is."""
        version = request.query.get("resourceVersion", "")
        if version and not version.isdigit():
            raise BadRequest(f'Invalid value: "{version}": strconv.ParseUint: invalid syntax')
        selector, value = self.selector(request)
        return self.cache.watch(int(version or 0) or None, selector, value)

    def selector(self, request: Request) -> tuple[Selector, str | None]:
        """Which objects the request means, and the value of the trigger field if it names one."""
        try:
            labels = selectors.parse_labels(request.query.get("labelSelector", ""))
            fields = selectors.parse_fields(request.query.get("fieldSelector", ""))
        except ValueError as error:
            raise BadRequest(str(error)) from None
        for field, *_ in fields.terms:
            if field not in self._selectable:
                raise BadRequest(f"field label not supported: {field}")
        namespace = request.namespace
        if not (namespace or "labelSelector" in request.query or "fieldSelector" in request.query):
            return everything, None

        def selected(obj: Object) -> bool:
            return (
                (not namespace or obj["metadata"].get("namespace") == namespace)
                and labels.selects(obj)
                and fields.selects(obj)
            )

        return selected, fields.exact("spec.nodeName") if self.strategy.trigger else None

    # -- writing

    async def create(self, request: Request) -> Object:
        """Store a new object, completed and found valid; ``AlreadyExists``, ``Invalid``."""
        obj = self._prepare(defaults.apply(self.kind.kind, request.body))
        causes = validation.validate(self.kind.kind, obj)
        if causes:
            name = obj["metadata"].get("name", "")
            raise Invalid.of(self.kind.kind, self.kind.group, name, causes)
        if request.query.get("dryRun") == "All":
            return obj
        name = obj["metadata"]["name"]
        key = f"{request.namespace}/{name}" if request.namespace else name
        try:
            return await self.storage.create(self.kind, key, obj)
        except Taken:
            raise AlreadyExists.of(self.kind.plural, self.kind.group, name) from None

    async def update(self, request: Request, change: Change, subresource: str = "") -> Object:
        """Store what ``change`` makes of the present object, unless others wrote meanwhile.

        Writing what is already there costs no revision and wakes nobody.
        """
        for _ in range(RETRIES):
            old = await self.get(request.key)
            changed = change(old)
            self._check_same(changed["metadata"], old["metadata"])
            new = self._prepare_update(changed, old, subresource)
            if new == old:
                return old
            self._check_update(new, old, subresource)
            if request.query.get("dryRun") == "All":
                return new
            try:
                return await self._store(request.key, old, new)
            except Taken:
                if request.verb == "update":
                    raise self._conflict(request.name) from None
        raise ServerTimeout(f"{self.kind.resource} {request.name!r} is written too often")

    async def replace(self, request: Request, subresource: str = "") -> Object:
        """Store the object sent, if nobody wrote since the ``resourceVersion`` it carries."""
        return await self.update(request, lambda old: request.body, subresource)

    def bind(self, request: Request, assign: Change) -> Awaitable[Object]:
        """Let ``assign`` set what no update may: the node of a Pod."""
        return self.update(request, assign, "binding")

    async def delete(self, request: Request) -> tuple[Object, bool]:
        """Mark or remove the object; returns its last state and whether it is gone."""
        options = {**(request.body or {})}
        grace = request.query.get("gracePeriodSeconds", options.get("gracePeriodSeconds"))
        for _ in range(RETRIES):
            old = await self.get(request.key)
            self._check_preconditions(old["metadata"], options.get("preconditions") or {})
            seconds = self.strategy.grace(old, int(grace) if grace is not None else None)
            marked = self._mark(old, seconds)
            if request.query.get("dryRun") == "All":
                return marked, False
            try:
                if seconds == 0 and not self.strategy.held(old):
                    await self.storage.delete(self.kind, request.key, old)
                    return marked, True
                if marked == old:
                    return old, False
                return await self.storage.update(self.kind, request.key, old, marked), False
            except Taken:
                continue
        raise ServerTimeout(f"{self.kind.resource} {request.name!r} is written too often")

    def read(self, obj: Any, request: Request) -> Object:
        """The object sent, known to be of this kind, in this place, with no unknown fields."""
        if not isinstance(obj, dict):
            raise BadRequest("the body of the request must be an object")
        # The path says already what it is; whoever leaves that out means the same.
        obj = {"kind": self.kind.kind, "apiVersion": self.kind.api_version, **obj}
        if (obj.get("kind"), obj.get("apiVersion")) != (self.kind.kind, self.kind.api_version):
            raise BadRequest(self._wrong_kind(obj))
        obj = self._decoded(obj, request)
        meta = {**(obj.get("metadata") or {})}
        if self.kind.namespaced:
            meta.setdefault("namespace", request.namespace)
        if meta.get("namespace", "") != request.namespace:
            raise BadRequest(
                "the namespace of the provided object does not match"
                " the namespace sent on the request"
            )
        if request.name and meta.get("name", request.name) != request.name:
            raise BadRequest(
                f"the name of the object ({meta['name']}) does not match"
                f" the name on the URL ({request.name})"
            )
        return {**obj, "metadata": meta}

    def _decoded(self, obj: Object, request: Request) -> Object:
        """The object without unknown fields, which are refused or warned about as asked."""
        problems = schema.check(obj, self.kind)
        if problems.ill_typed:
            raise schema.cannot_handle(self.kind, problems.ill_typed)
        if not problems.unknown:
            return schema.prune(obj, self.kind) if problems.nulls else obj
        wanted = request.query.get("fieldValidation", "Warn")
        if wanted == "Strict":
            raise schema.cannot_handle(self.kind, schema.strict_problem(problems.unknown))
        if wanted == "Warn":
            request.warnings.extend(problems.unknown)
        return schema.prune(obj, self.kind)

    # -- what every write goes through

    def _prepare(self, obj: Object) -> Object:
        """Name, uid, creation time, generation and the kind's own first status."""
        meta = {**obj["metadata"]}
        if not meta.get("name") and meta.get("generateName"):
            suffix = "".join(self._names.choice(SUFFIX) for _ in range(5))
            meta["name"] = meta["generateName"][:58] + suffix
        meta["uid"] = self._new_uid()
        meta["creationTimestamp"] = self.now()
        meta.pop("resourceVersion", None)
        meta.pop("deletionTimestamp", None)
        if self.strategy.generation:
            meta["generation"] = 1
        return self.strategy.prepare({**obj, "metadata": meta})

    def _prepare_update(self, new: Object, old: Object, subresource: str) -> Object:
        """Keep what this call may not change, and count the generation."""
        if subresource == "status":
            kept = {**old, "status": new.get("status") or {}}
            conditions = kept["status"].get("conditions")
            return without_path(kept, ("status", "conditions")) if conditions == [] else kept
        if not subresource:
            new = defaults.apply(self.kind.kind, new)
        meta, was = {**new["metadata"]}, old["metadata"]
        for name in SYSTEM_FIELDS:
            meta.pop(name, None)
            if name in was:
                meta[name] = was[name]
        if self.kind.subresource("status") and not subresource:
            new = without_path(new, ("status",))
            new = {**new, "status": old["status"]} if "status" in old else new
        if self.strategy.generation and not subresource and new.get("spec") != old.get("spec"):
            meta["generation"] = was.get("generation", 0) + 1
        return {**new, "metadata": meta}

    async def _store(self, key: str, old: Object, new: Object) -> Object:
        """Write; an object that is being deleted and lost its last finalizer goes now."""
        meta = new["metadata"]
        released = self.strategy.held(old) and not self.strategy.held(new)
        if released and "deletionTimestamp" in meta and not meta["deletionGracePeriodSeconds"]:
            await self.storage.delete(self.kind, key, old)
            return new
        return await self.storage.update(self.kind, key, old, new)

    def _mark(self, obj: Object, seconds: int) -> Object:
        """The object with the time it is to be gone; a later DELETE can only bring it forward."""
        meta = obj["metadata"]
        if "deletionTimestamp" in meta and meta.get("deletionGracePeriodSeconds", 0) <= seconds:
            return obj
        when = timestamp(self.loop.now + seconds * SECOND, self.loop.epoch)
        marked = {**meta, "deletionTimestamp": when, "deletionGracePeriodSeconds": seconds}
        if self.strategy.generation and "deletionTimestamp" not in meta:
            marked["generation"] = meta.get("generation", 0) + 1
        return self.strategy.marked({**obj, "metadata": marked})

    def now(self) -> str:
        """The present time as objects write it."""
        return timestamp(self.loop.now, self.loop.epoch)

    def _new_uid(self) -> str:
        digits = f"{self._uids.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    # -- refusals

    def _check_same(self, sent: Object, old: Object) -> None:
        """Whoever names a version or a uid means that one and no other."""
        if sent.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
            raise self._conflict(old["name"])
        self._check_preconditions(old, {"uid": sent.get("uid")})

    def _check_update(self, new: Object, old: Object, subresource: str) -> None:
        if subresource == "binding":
            return
        causes = validation.validate_update(self.kind.kind, new, old)
        if causes:
            raise Invalid.of(self.kind.kind, self.kind.group, old["metadata"]["name"], causes)

    def _check_preconditions(self, meta: Object, wanted: Object) -> None:
        for field, title in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            if wanted.get(field) and wanted[field] != meta[field]:
                raise self._conflict(
                    meta["name"],
                    f"Precondition failed: {title} in precondition: {wanted[field]},"
                    f" {title} in object meta: {meta[field]}",
                )

    def _wrong_kind(self, obj: Object) -> str:
        return (
            f"the object provided is unrecognized (must be of type {self.kind.kind}): expected"
            f" {self.kind.api_version}, Kind={self.kind.kind}, got"
            f" {obj.get('apiVersion')}, Kind={obj.get('kind')}"
        )

    def _not_found(self, key: str) -> NotFound:
        return NotFound.of(self.kind.plural, self.kind.group, key.rpartition("/")[2])

    def _conflict(self, name: str, why: str = MODIFIED) -> Conflict:
        return Conflict.of(self.kind.plural, self.kind.group, name, why)


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
