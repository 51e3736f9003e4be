"""API server · API 服务器

The only door to the store, and the only place where components meet.  ``handle`` takes a request
and gives a response; it knows no sockets.  The one idea: every call goes the same way (admission,
registry, store, watch cache), so whatever is true of one kind is true of all.

Upstream: staging/src/k8s.io/apiserver/pkg/server/, pkg/endpoints/handlers/,
pkg/registry/core/pod/storage/storage.go
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from k8s_ref.apiserver.admission import NamespaceLifecycle
from k8s_ref.apiserver.proxy import Dial, logs
from k8s_ref.apiserver.registry import Registry, success
from k8s_ref.apiserver.request import Request, Response
from k8s_ref.apiserver.storage import Storage
from k8s_ref.etcd.client import Client
from k8s_ref.machinery.errors import (
    ApiError,
    BadRequest,
    Conflict,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from k8s_ref.machinery.kinds import KINDS, Kind, Kinds
from k8s_ref.machinery.meta import Object, set_condition, with_path
from k8s_ref.machinery.patch import PATCHES
from k8s_ref.sim.loop import Loop

NAME = "kube-apiserver"

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""Namespaces that exist from the start."""

VERB_IN_TRACE = {"status": "status", "binding": "bind"}
"""Writes of these subresources have verbs of their own in the trace."""


class APIServer:
    """One API server in front of one store."""

    def __init__(
        self, etcd: Client, loop: Loop, kinds: Kinds = KINDS, dial: Dial = lambda _: None
    ) -> None:
        self.loop, self.kinds, self.dial = loop, kinds, dial
        self.storage = Storage(etcd, loop)
        self.registries = {
            kind.gvk: Registry(kind, self.storage, loop) for kind in kinds if "list" in kind.verbs
        }
        self.admission = [NamespaceLifecycle(self.registry("namespaces").cache)]
        self._verbs: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }

    async def start(self) -> None:
        """Read the store and make the namespaces every cluster has."""
        await self.storage.start()
        for name in NAMESPACES:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            request = Request("create", self.kinds["namespaces"], body=body, agent=NAME)
            await self.handle(request)

    def stop(self) -> None:
        """Close every stream and let go of the store."""
        self.storage.stop()

    def registry(self, name: str) -> Registry:
        """The registry of a resource by any of its names."""
        return self.registries[self.kinds[name].gvk]

    async def handle(self, request: Request) -> Response:
        """Answer a request; whatever is refused is answered with a Status."""
        try:
            return await self._serve(request)
        except ApiError as error:
            if request.verb not in ("get", "list", "watch"):
                self._record(request, request.name, "refuse", str(error), 0)
            return Response(error.code, error.status())

    async def _serve(self, request: Request) -> Response:
        verb = self._verbs.get(request.verb)
        if verb is None or request.kind.gvk not in self.registries:
            raise MethodNotAllowed.of()
        if not request.subresource and request.verb not in request.kind.verbs:
            raise MethodNotAllowed.of()
        if request.subresource and request.kind.subresource(request.subresource) is None:
            raise NotFound.resource()
        if request.verb in ("create", "update") and request.subresource != "binding":
            request.body = self._of(request).read(request.body, request)
        for plugin in self.admission:
            plugin.validate(request)
        response = await verb(request)
        response.warnings = tuple(request.warnings)
        return response

    def _of(self, request: Request) -> Registry:
        return self.registries[request.kind.gvk]

    # -- verbs

    async def _get(self, request: Request) -> Response:
        obj = await self._of(request).get(request.key)
        if request.subresource == "log":
            return Response(200, logs(obj, request.query, self.dial))
        if request.subresource not in ("", "status"):
            raise MethodNotAllowed.of()
        return Response(200, obj)

    async def _list(self, request: Request) -> Response:
        return Response(200, await self._of(request).list(request))

    async def _watch(self, request: Request) -> Response:
        return Response(200, stream=self._of(request).watch(request))

    async def _create(self, request: Request) -> Response:
        if request.subresource == "binding":
            return await self._bind(request)
        if request.subresource:
            raise MethodNotAllowed.of()
        created = await self._of(request).create(request)
        self._wrote(request, created)
        return Response(201, created)

    async def _update(self, request: Request) -> Response:
        updated = await self._of(request).replace(request, _writable(request))
        self._wrote(request, updated)
        return Response(200, updated)

    async def _patch(self, request: Request) -> Response:
        registry = self._of(request)
        media_type = request.content_type.partition(";")[0].strip()
        apply = PATCHES.get(media_type)
        if apply is None:
            accepted = ", ".join(PATCHES)
            raise UnsupportedMediaType(
                f"the body of the request was in an unknown format - accepted media types include:"
                f" {accepted}"
            )

        def change(old: Object) -> Object:
            return registry.read(apply(old, request.body, request.kind), request)

        patched = await registry.update(request, change, _writable(request))
        self._wrote(request, patched)
        return Response(200, patched)

    async def _delete(self, request: Request) -> Response:
        registry = self._of(request)
        obj, gone = await registry.delete(request)
        self._wrote(request, obj, self.storage.revision if gone else 0)
        if gone and not registry.strategy.returns_deleted:
            return Response(200, success(request.kind, obj))
        return Response(200, obj)

    async def _bind(self, request: Request) -> Response:
        """Set ``spec.nodeName``, once; the scheduler's only write.

        Upstream: BindingREST.assignPod in pkg/registry/core/pod/storage/storage.go
        """
        node = ((request.body or {}).get("target") or {}).get("name", "")
        if not node:
            raise BadRequest("target.name: Required value")
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
            return with_path(bound, ("metadata", "uid"), uid) if uid else bound

        patch = Request("patch", request.kind, request.namespace, request.name)
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


def _writable(request: Request) -> str:
    """The subresource an update or a patch may go to."""
    if request.subresource not in ("", "status"):
        raise MethodNotAllowed.of()
    return request.subresource


def _assigned(pod: Object, node: str, now: str) -> Object:
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    conditions = set_condition(pod["status"].get("conditions") or [], condition, now)
    bound = with_path(pod, ("spec", "nodeName"), node)
    return with_path(bound, ("status", "conditions"), conditions)


def kind_of(kinds: Kinds, obj: Object) -> Kind:
    """The row of the kind an object says it is; ``BadRequest`` in kubectl's words otherwise."""
    kind = kinds.of(obj.get("apiVersion", ""), obj.get("kind", ""))
    if kind is None:
        raise BadRequest(
            f'no matches for kind "{obj.get("kind", "")}" in version "{obj.get("apiVersion", "")}"'
        )
    return kind
