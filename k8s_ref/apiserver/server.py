"""API server · API 服务器

The only door to the store, and the only place where components meet.  ``handle`` takes a request
and gives a response; it knows no sockets.  The one idea: every call goes the same way (admission,
registry, store, watch cache), so whatever is true of one kind is true of all.

Upstream: staging/src/k8s.io/apiserver/pkg/server/, pkg/endpoints/handlers/,
pkg/registry/core/pod/storage/storage.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from k8s_ref.apiserver import bootstrap
from k8s_ref.apiserver.access import Access
from k8s_ref.apiserver.addresses import ServiceAddresses
from k8s_ref.apiserver.admission import NamespaceLifecycle
from k8s_ref.apiserver.admission.chain import chain
from k8s_ref.apiserver.admission.webhook import Caller, Local
from k8s_ref.apiserver.apply import applied
from k8s_ref.apiserver.crd import Definitions
from k8s_ref.apiserver.crd_registry import CustomRegistry
from k8s_ref.apiserver.eviction import Evictions
from k8s_ref.apiserver.options import APPLY, check_write, patch_of
from k8s_ref.apiserver.proxy import Dial, fetch, logs, stream
from k8s_ref.apiserver.registry import Registry, success
from k8s_ref.apiserver.request import Request, Response, User
from k8s_ref.apiserver.reviews import REVIEWS, user_info
from k8s_ref.apiserver.scale import SCALE, paths_of, scale_of, scaled
from k8s_ref.apiserver.storage import Storage
from k8s_ref.apiserver.strategy import GUESTS, created_by_update
from k8s_ref.apiserver.streams import STREAMING
from k8s_ref.apiserver.tokens import HMACSigner
from k8s_ref.apiserver.watchcache import WatchCache
from k8s_ref.etcd.client import Client
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Conflict,
    MethodNotAllowed,
    NotFound,
    not_supported,
    required,
)
from k8s_ref.machinery.kinds import KINDS, Kind, Kinds
from k8s_ref.machinery.meta import Object, set_condition, with_path
from k8s_ref.sim.loop import Loop

NAME = "kube-apiserver"

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Namespaces that exist from the start."""

PRIORITY_CLASSES = tuple(bootstrap.policy()["priorityclasses"])
"""Classes for what the cluster itself needs, more important than anything users may define."""

VERB_IN_TRACE = {"status": "status", "binding": "bind"}
"""Writes of these subresources have verbs of their own in the trace."""


class Aggregation(Protocol):
    """What leads to the servers behind this one."""

    def routes(self, path: str) -> str:
        """Which APIService leads elsewhere for a path; empty: none."""

    def serves(self, kind: Kind) -> bool:
        """Whether another server serves the kind."""

    async def forward(self, request: Request) -> Response:
        """Send a request on."""

    async def proxy(self, http: Any, user: User) -> Any:
        """Send it on as it came."""

    def aggregated_groups(self) -> list[Object]:
        """What the others serve."""


class APIServer:
    """One API server in front of one store."""

    def __init__(
        self,
        etcd: Client,
        loop: Loop,
        kinds: Kinds = KINDS,
        dial: Dial = lambda _: None,
        ring: int = 0,
        caller: Caller | None = None,
        managed_fields: bool = False,
        secret: bytes = b"",
    ) -> None:
        """``secret``: what the tokens of ServiceAccounts are signed with; empty: the seed."""
        self.loop, self.kinds, self.dial = loop, kinds, dial
        self.webhooks = caller or Local(loop)
        self.storage = Storage(etcd, loop, ring)
        self.registries = {
            kind.gvk: Registry(kind, self.storage, loop) for kind in kinds if "list" in kind.verbs
        }
        self._builtin = kinds, self.registries
        self._custom: list[Kind] = []
        self._remote: list[Kind] = []
        self.aggregator: Aggregation | None = None
        """Who leads to other servers, if somebody does."""
        self.managed_fields = managed_fields
        """Whether it is tracked from their creation on who owns which field of the objects."""
        for registry in self.registries.values():
            registry.fields.on_create = managed_fields
        self.lifecycle = NamespaceLifecycle(self.registry("namespaces").cache)
        self.access = Access(self._cache, loop, HMACSigner(secret) if secret else None)
        self._admit()
        definitions = self.registry("customresourcedefinitions")
        self.definitions = Definitions(definitions, self.handle, self._install)
        self._verbs: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    def _admit(self) -> None:
        """Wire admission, in upstream's order, and allocation."""
        admission = chain(self._cache, self.kinds, self.loop, self.handle, self.webhooks)
        admission.plugins = (self.access.escalation, *admission.plugins)
        self._reviews = {
            kind.gvk: Registry(kind, self.storage, self.loop)
            for kind in self.kinds
            if kind.kind in REVIEWS
        }
        for registry in self.registries.values():
            registry.admission = admission
        services = self.registry("services")
        addresses = ServiceAddresses(services.cache, self.loop)
        services.allocate, services.reviser = addresses.create, addresses.update
        self.registry("certificatesigningrequests").allocate = requested
        both = self.registry("pods"), self.registry("poddisruptionbudgets")
        self.evictions = Evictions(*both, self._change, self._delete, self.loop)

    def _install(self, custom: list[CustomRegistry]) -> None:
        """From now on serve these custom resources, and no others."""
        _, registries = self._builtin
        self._custom = [registry.kind for registry in custom]
        self.install_remote(self._remote)
        self.registries = {**registries, **{each.kind.gvk: each for each in custom}}
        for registry in custom:
            registry.admission = self.registry("pods").admission
            registry.fields.on_create = self.managed_fields

    def install_remote(self, kinds: list[Kind]) -> None:
        """From now on know these kinds, which other servers serve."""
        self._remote = kinds
        self.kinds = self._builtin[0].with_kinds([*self._custom, *kinds])

    def _cache(self, name: str) -> WatchCache:
        return self.registry(name).cache

    async def start(self) -> None:
        """Read the store and make what every cluster has."""
        await self.storage.start()
        await self.definitions.start()
        for name in NAMESPACES:
            await self._ensure("namespaces", name)
        await bootstrap.ensure(self.registry, self.loop, NAME)

    async def _ensure(self, resource: str, name: str) -> None:
        kind = self.kinds[resource]
        if name not in self.registry(resource).cache.objects:
            body = {"metadata": {"name": name}}
            await self.handle(Request("create", kind, body=body, agent=NAME))

    def stop(self) -> None:
        """Close every stream and let go of the store."""
        self.storage.stop()

    def registry(self, name: str) -> Registry:
        """The registry of a resource by any of its names."""
        return self.registries[self.kinds[name].gvk]

    async def handle(self, request: Request) -> Response:
        """Answer a request; whatever is refused is answered with a Status."""
        record = self.access.audit.begin(request)
        response = await self._answer(request)
        if record is not None:
            record.end(response)
        return response

    async def _answer(self, request: Request) -> Response:
        try:
            self.access.check(request)
            if self.aggregator is not None and self.aggregator.serves(request.kind):
                return await self.aggregator.forward(request)
            return await self._serve(request)
        except ApiError as error:
            if request.verb not in ("get", "list", "watch"):
                self._record(request, request.name, "refuse", str(error), 0)
            return Response(error.code, error.status())

    async def _serve(self, request: Request) -> Response:
        verb, kind, subresource = self._verbs.get(request.verb), request.kind, request.subresource
        if request.verb == "create" and kind.gvk in self._reviews:
            request.body = self._reviews[kind.gvk].read(request.body, request)
            return Response(201, self.access.reviews.answer(request))
        if verb is None or kind.gvk not in self.registries:
            raise MethodNotAllowed.of()
        if subresource and kind.subresource(subresource) is None:
            raise NotFound.resource()
        if not _may_be(request):
            raise MethodNotAllowed.of()
        if subresource == "proxy" or subresource in STREAMING:
            return await self._connect(request)
        if request.verb in _WRITES:
            check_write(request)
            self._read(request)
        self.lifecycle.validate(request)
        response = await verb(request)
        response.warnings = tuple(request.warnings)
        return response

    def _read(self, request: Request) -> None:
        """Read the body; what a patch makes of an object is read later."""
        if request.verb != "patch" and request.subresource not in _OTHER_BODIES:
            request.body = self._of(request).read(request.body, request)
        elif request.verb == "create":
            _check_types(request)

    def _of(self, request: Request) -> Registry:
        return self.registries[request.kind.gvk]

    # -- verbs

    async def _get(self, request: Request) -> Response:
        registry = self._of(request)
        if "resourceVersion" in request.query:
            registry.check_version(request.query["resourceVersion"])
        obj = await registry.get(request.key)
        if request.subresource == "log":
            code = 200 if obj["spec"].get("nodeName") else 204
            return Response(code, logs(obj, request.query, self.dial, self._has_node))
        if request.subresource == "scale":
            return Response(200, scale_of(obj, paths_of(request.kind)))
        if request.subresource not in ("", "status"):
            raise MethodNotAllowed.of()
        return Response(200, obj)

    async def _connect(self, request: Request) -> Response:
        """Lead the caller on to a node, or to a port in the network of Pods."""
        if request.subresource == "proxy":
            slices = self.registry("endpointslices").cache.objects
            return await fetch(
                request, lambda r, key: self.registry(r).get(key), slices.values, self.dial
            )
        pod = await self._of(request).get(request.key)
        way = stream(self.loop, pod, request, self.dial, self._has_node)
        self._record(request, request.name, "stream", request.subresource, 0)
        return Response(101, way)

    def _has_node(self, name: str) -> bool:
        return name in self.registry("nodes").cache.objects

    async def _list(self, request: Request) -> Response:
        return Response(200, await self._of(request).list(request))

    async def _watch(self, request: Request) -> Response:
        return Response(200, stream=self._of(request).watch(request))

    async def _create(self, request: Request) -> Response:
        if request.subresource == "binding":
            return await self._bind(request)
        if request.subresource == "eviction":
            return await self.evictions.create(request)
        if request.subresource == "token":
            return Response(201, self.access.tokens.request(request))
        if request.subresource:
            raise MethodNotAllowed.of()
        created = await self._of(request).create(request)
        self._wrote(request, created)
        return Response(201, created)

    async def _update(self, request: Request) -> Response:
        paths = paths_of(request.kind)
        if request.subresource == "scale":
            return await self._change(request, lambda old: scaled(old, request.body, paths))
        if created_by_update(request) and request.key not in self._of(request).cache.objects:
            self.access.check(replace(request, verb="create"))
            return await self._serve(replace(request, verb="create", name=""))
        return await self._change(request, lambda old: request.body)

    async def _patch(self, request: Request) -> Response:
        if request.content_type.startswith(APPLY):
            return await self._apply(request)
        registry, paths = self._of(request), paths_of(request.kind)
        apply = patch_of(request.content_type)
        if request.subresource == "scale":
            return await self._change(
                request,
                lambda old: scaled(old, apply(scale_of(old, paths), request.body, SCALE), paths),
            )
        return await self._change(
            request, lambda old: registry.patched(apply(old, request.body, request.kind), request)
        )

    async def _apply(self, request: Request) -> Response:
        """Server-side apply: what is not there yet is created."""
        registry = self._of(request)

        def change(old: Object) -> Object:
            merged = applied(registry.fields, old, request, registry.now())
            return merged if request.subresource == "scale" else registry.patched(merged, request)

        if request.subresource or request.key in registry.cache.objects:
            return await self._change(request, change)
        self.access.check(replace(request, verb="create"))
        return await self._serve(replace(request, verb="create", name="", body=change({})))

    async def _change(self, request: Request, change: Callable[[Object], Object]) -> Response:
        """Update by ``change`` what the verb and the subresource allow to be changed."""
        subresource = request.kind.subresource(request.subresource)
        if request.subresource not in _CHANGED or (
            subresource is not None and request.verb not in subresource.verbs
        ):
            raise MethodNotAllowed.of()
        changed = await self._of(request).update(request, change, _CHANGED[request.subresource])
        self._wrote(request, changed)
        if request.subresource == "scale":
            changed = scale_of(changed, paths_of(request.kind))
        return Response(200, changed)

    async def _delete(self, request: Request) -> Response:
        registry = self._of(request)
        obj, gone, revisions = await registry.delete(request)
        if revisions:
            # The mark and the end of an object are one deed, though two revisions.
            self._wrote(request, obj, revisions[-1])
            self.loop.trace.also(revisions[0], revisions[-1])
        if gone and not registry.strategy.returns_deleted:
            return Response(200, success(request.kind, obj))
        return Response(200, obj)

    async def _delete_collection(self, request: Request) -> Response:
        """Delete one after the other what a list with these selectors finds."""
        found = await self._of(request).list(request)
        for obj in found["items"]:
            meta = obj["metadata"]
            one = replace(request, verb="delete", name=meta["name"])
            one.namespace = meta.get("namespace", "")
            try:
                await self._delete(one)
            except NotFound:
                continue
        return Response(200, found)

    async def _bind(self, request: Request) -> Response:
        """Set ``spec.nodeName``, once; the scheduler's only write.

        Upstream: BindingREST.assignPod in pkg/registry/core/pod/storage/storage.go
        """
        target = (request.body or {}).get("target") or {}
        node = target.get("name", "")
        if target.get("kind", "Node") not in ("Node", ""):
            raise ApiError(str(not_supported("target.kind", target["kind"], ("Node", "<empty>"))))
        if not node:
            raise ApiError(str(required("target.name")))
        registry = self._of(request)
        uid = request.body["metadata"].get("uid")

        def assign(pod: Object) -> Object:
            why = ""
            if pod["metadata"].get("deletionTimestamp"):
                why = f"pod {request.name} is being deleted, cannot be assigned to a host"
            elif pod["spec"].get("nodeName"):
                why = f'pod {request.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            if why:
                raise Conflict.of("pods/binding", "", request.name, why)
            bound = _assigned(pod, node, registry.now())
            other = uid and uid != pod["metadata"]["uid"]
            return with_path(bound, ("metadata", "uid"), uid) if other else bound

        where = request.namespace, request.name, "binding", request.query
        patch = Request("patch", request.kind, *where)
        bound = await registry.bind(patch, assign)
        self._wrote(request, bound, note=node)
        return Response(201, {"kind": "Status", "apiVersion": "v1", "metadata": {},
                              "status": "Success", "code": 201})  # fmt: skip

    # -- the trace

    def _wrote(self, request: Request, obj: Object, revision: int = 0, note: str = "") -> None:
        """Record a write; what was only tried, or changed nothing, has no revision of its own."""
        meta = obj["metadata"]
        if request.subresource == "status":
            note = (obj.get("status") or {}).get("phase", "")
        revision = revision or int(meta.get("resourceVersion", 0))
        if not revision or self.loop.trace.number_of(revision):
            return
        verb = VERB_IN_TRACE.get(request.subresource, request.verb)
        if request.kind.kind == "Lease" and verb in ("update", "patch"):
            verb = "heartbeat"
        self._record(request, meta["name"], verb, note, revision)

    def _record(self, request: Request, name: str, verb: str, note: str, revision: int) -> None:
        key = f"{request.namespace}/{name}" if request.namespace else name
        subject = f"{request.kind.plural}/{key}"
        self.loop.record(request.agent, verb, subject, note, NAME, revision)


_WRITES = ("create", "update", "patch")
_OTHER_BODIES = ("binding", "scale", "eviction", "token")
"""Subresources whose bodies are of kinds of their own."""
_CHANGED = {"": "", "scale": "", **{own: own for own in ("status", "finalize", "approval", GUESTS)}}
"""What may be updated, and by whose rules: to scale is to update the object itself."""


def _may_be(request: Request) -> bool:
    """Whether a kind has the verb; what is only a part of an object nobody can delete."""
    if request.subresource in ("", "proxy"):
        return bool(request.subresource) or request.verb in request.kind.verbs
    return not request.verb.startswith("delete")


def _check_types(request: Request) -> None:
    """Refuse a body of another kind than its resource in which something has the wrong type."""
    found = request.kind.subresource(request.subresource)
    assert found is not None, "such a subresource is in the table"
    gvk = found.group, found.version, found.kind
    if problem := schema.check(request.body or {}, gvk).ill_typed:
        raise schema.cannot_handle(gvk, problem)


def _assigned(pod: Object, node: str, now: str) -> Object:
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    status = {**pod["status"]}
    status["conditions"] = set_condition(status.get("conditions") or [], condition, now)
    # The room that was kept for it is taken now.
    status.pop("nominatedNodeName", None)
    return {**pod, "spec": {**pod["spec"], "nodeName": node}, "status": status}


def requested(request: Request, obj: Object) -> Object:
    """A request for a certificate says who made it, whatever else it claims."""
    return {**obj, "spec": {**obj["spec"], **user_info(request.user)}}


def kind_of(kinds: Kinds, obj: Object) -> Kind:
    """The row of the kind an object says it is; ``BadRequest`` in kubectl's words otherwise."""
    kind = kinds.of(obj.get("apiVersion", ""), obj.get("kind", ""))
    if kind is None:
        raise BadRequest(
            f'no matches for kind "{obj.get("kind", "")}" in version "{obj.get("apiVersion", "")}"'
        )
    return kind
