"""Registry of a custom resource · 自定义资源的注册表

One version of one custom resource.  Everything the generic registry asks of code is here asked
of the definition's schema: which fields there are, what unset ones become, which values are
refused.  The one idea: objects are kept in one version, the storage version, and leave the store
in the version that was asked for.

Upstream: apiextensions-apiserver/pkg/registry/customresource/strategy.go,
pkg/apiserver/customresource_handler.go, pkg/apiserver/conversion/nop_converter.go
"""

from __future__ import annotations

from typing import Any

from k8s_ref.apiserver.apply import ill_shaped
from k8s_ref.apiserver.crd_schema import EMBEDDED, defaulted, embedded, prune, repeated, validate
from k8s_ref.apiserver.registry import Change, Deleted, Registry
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.scale import at, paths_of
from k8s_ref.apiserver.storage import Storage
from k8s_ref.apiserver.validation_meta import metadata, metadata_update
from k8s_ref.apiserver.validation_names import dns_subdomain
from k8s_ref.apiserver.watchcache import Watch
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import BadRequest, Cause, Invalid, MethodNotAllowed, invalid
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.sim.loop import Loop

_METADATA = "apimachinery.pkg.apis.meta.v1.ObjectMeta"


class CustomRegistry(Registry):
    """One served version of a custom resource."""

    def __init__(self, kind: Kind, storage: Storage, loop: Loop, terminating: bool) -> None:
        super().__init__(kind, storage, loop)
        found = kind.declared("schema").get("openAPIV3Schema") or {}
        self.schema = {**found, EMBEDDED: True}
        """The schema; that an object has a kind and metadata need not be said there."""
        self.terminating = terminating
        """Whether the definition is being deleted, so that nothing new may come."""
        self._find, self._follow = self.list, self.watch
        self.list, self.watch = self._list, self._watch

    # -- what leaves the store

    def served(self, obj: Object) -> Object:
        """A stored object as this version shows it."""
        shown: Object = defaulted({**obj, "apiVersion": self.kind.api_version}, self.schema)
        return shown

    async def get(self, key: str) -> Object:
        """The object in this version, or ``NotFound``."""
        return self.served(await super().get(key))

    async def _list(self, request: Request) -> Object:
        found = await self._find(request)
        name = self.kind.definition["names"]["listKind"] if self.kind.definition else ""
        return {**found, "kind": name, "items": [self.served(obj) for obj in found["items"]]}

    def _watch(self, request: Request) -> Watch:
        watch = self._follow(request)
        watch.shown = self.served
        return watch

    async def create(self, request: Request) -> Object:
        """Store a new object, unless the definition is on its way out."""
        if self.terminating:
            why = "not allowed while custom resource definition is terminating"
            raise MethodNotAllowed(f"create {why}", {"group": self.kind.group,
                                                     "kind": self.kind.plural})  # fmt: skip
        return self.served(await super().create(request))

    async def update(self, request: Request, change: Change, subresource: str = "") -> Object:
        """Store what ``change`` makes of the object, told in this version."""
        return self.served(await super().update(request, change, subresource))

    async def delete(self, request: Request) -> Deleted:
        """Mark or remove the object; its last state in this version."""
        done = await super().delete(request)
        return done._replace(obj=self.served(done.obj))

    # -- what comes in

    def read(self, obj: Any, request: Request) -> Object:
        """The object sent, of this kind and version."""
        said = obj if isinstance(obj, dict) else {}
        wanted = self.kind.api_version
        if said.get("apiVersion", wanted) != wanted:
            raise BadRequest(
                f"the API version in the data ({said['apiVersion']}) does not match"
                f" the expected API version ({wanted})"
            )
        if said.get("kind", self.kind.kind) != self.kind.kind:
            name = (said.get("metadata") or {}).get("name", "")
            cause = invalid("kind", said["kind"], f"must be {self.kind.kind}")
            raise Invalid.of(self.kind.kind, self.kind.group, name, [cause])
        return super().read(obj, request)

    def _decoded(self, obj: Object, request: Request) -> Object:
        unknown: list[str] = []
        made = prune(obj, self.schema, "", unknown)
        problems, node = schema.Problems(), schema.struct(_METADATA)
        if obj.get("metadata") is not None:
            node.check(obj["metadata"], (None, "metadata", self.kind.kind), problems)
            made["metadata"] = node.prune(obj["metadata"])
        if problems.ill_typed:
            raise schema.cannot_handle(self.kind, problems.ill_typed)
        found = [*problems.unknown, *(f'unknown field "{path}"' for path in sorted(unknown))]
        self._unknown(found, request)
        decoded: Object = defaulted(made, self.schema)
        return decoded

    def _owned(self, request: Request, old: Object, new: Object) -> Object:
        """The new object with its owners; one that is quite wrong, to be refused, has none."""
        shape = self.fields.shape
        if any(ill_shaped(shape, new)) or any(ill_shaped(shape, old)):
            return new
        return super()._owned(request, old, new)

    def _prepare(self, obj: Object) -> Object:
        made = super()._prepare(obj)
        if self.kind.subresource("status"):
            made.pop("status", None)
        return with_path(made, ("metadata", "generation"), 1)

    def _prepare_update(self, new: Object, old: Object, subresource: str) -> Object:
        if subresource == "status":
            # Of the metadata such a write changes nothing but who owns the status.
            kept = {name: part for name, part in old.items() if name != "status"}
            owners = new["metadata"].get("managedFields")
            if owners is not None and owners is not old["metadata"].get("managedFields"):
                kept["metadata"] = {**old["metadata"], "managedFields": owners}
            return {**kept, "status": new["status"]} if "status" in new else kept
        made = super()._prepare_update(new, old, subresource)
        generation = old["metadata"].get("generation", 0)
        generation += _content(made) != _content(old)
        return made if made == old else with_path(made, ("metadata", "generation"), generation)

    # -- rules

    def _causes(self, obj: Object) -> list[Cause]:
        return [
            *metadata(obj["metadata"], "metadata", dns_subdomain, core=False),
            *self._rules(obj, None),
        ]

    def _update_causes(self, new: Object, old: Object) -> list[Cause]:
        twice = [*metadata_update(new["metadata"], old["metadata"], "metadata")] * 2
        return [*twice, *self._rules(new, old)]

    def _rules(self, obj: Object, old: Object | None) -> list[Cause]:
        apart = {name: self.schema[name] for name in self.schema if name != EMBEDDED}
        return [
            *validate(obj, apart, old=old),
            *self._scale(obj),
            *embedded(obj, apart),
            *repeated(obj, self.schema),
        ]

    def _scale(self, obj: Object) -> list[Cause]:
        if not self.kind.subresource("scale"):
            return []
        counts = [(path, at(obj, path)) for path in paths_of(self.kind)[:2]]
        why = "should be a non-negative integer"
        return [invalid(path, n, why) for path, n in counts if isinstance(n, int) and n < 0]


def _content(obj: Object) -> Object:
    return {name: part for name, part in obj.items() if name != "metadata"}
