"""Aggregation · 聚合层

A part of the API may be served by another server: an APIService says which group and version, and
behind which Service that server is.  The one idea: clients see one API; a request for such a group
is checked here, for who may ask, and then sent on with the user's name in its headers, and what
comes back is handed out as it is.  Whatever this server serves itself has an APIService too, which
says ``Local``.

Whether the other server answers is found out by asking it for its discovery document, again and
again; what it says there becomes rows of the kinds table, so that components in this process can
ask for its resources like for any others.

Upstream: kube-aggregator/pkg/apiserver/{handler_proxy,handler_discovery}.go,
pkg/controllers/{status/remote,autoregister}/, pkg/controlplane/apiserver/aggregator.go
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache, partial
from importlib import resources
from typing import Any, TypeAlias, cast

from k8s_ref.apiserver.http import ByteStream, HTTPRequest, HTTPResponse
from k8s_ref.apiserver.request import VERB_OF, Request, Response, User
from k8s_ref.apiserver.requestheader import FRONT_PROXY, headers_of
from k8s_ref.apiserver.server import NAME, APIServer
from k8s_ref.apiserver.storage import path_of
from k8s_ref.apiserver.watchcache import Watch, WatchEvent, everything
from k8s_ref.machinery.errors import ServiceUnavailable
from k8s_ref.machinery.kinds import Kind, Subresource
from k8s_ref.machinery.meta import Object, condition_of, set_condition, uuid_of, with_path
from k8s_ref.machinery.timestamps import timestamp

Serve: TypeAlias = Callable[[HTTPRequest], Awaitable[HTTPResponse]]
Dial: TypeAlias = Callable[[str, int], Serve | None]
"""Finds the server behind a Service, given its ``namespace/name`` and port."""

AGGREGATOR = User("system:kube-aggregator", ("system:masters",))
MANAGED = "kube-aggregator.kubernetes.io/automanaged"

CHECK_SECONDS, RETRY_SECONDS = 30.0, 5.0
"""Pause between two looks at a server that answered, and at one that did not."""

CUSTOM_PRIORITY = (1000, 100)


@cache
def priorities() -> dict[str, list[int]]:
    """Of each built-in group how important it is among groups, and its version among versions."""
    file = resources.files("k8s_ref.apiserver").joinpath("apiservices.json")
    found: dict[str, list[int]] = json.loads(file.read_text("utf-8"))
    return found


class Aggregator:
    """Leads to the servers behind one API server.  Writes: the APIServices of what is served
    here, and the condition ``Available`` of all."""

    def __init__(self, server: APIServer, dial: Dial) -> None:
        self.server, self.loop, self.dial = server, server.loop, dial
        self._known: dict[str, list[Object]] = {}
        """By name of an APIService the resources its server last told of."""
        self._checked: dict[str, str] = {}
        """By name of an APIService the uid of the one that is being looked after."""
        server.aggregator = self

    @property
    def _services(self) -> dict[str, Object]:
        return self.server.registry("apiservices").cache.objects

    async def start(self) -> None:
        """Register what is served here, and follow the APIServices."""
        await self._register()
        self.loop.spawn(self._follow, name="aggregator")
        self.loop.spawn(self._follow_definitions, name="aggregator")

    # -- leading on

    def routes(self, path: str) -> str:
        """The name of the APIService that leads elsewhere for a path; empty: it is served here."""
        parts = path.strip("/").split("/")
        if len(parts) < 3 or parts[0] != "apis":
            return ""
        return self._remote(parts[1], parts[2])

    def serves(self, kind: Kind) -> bool:
        """Whether another server serves the kind."""
        return bool(kind.group and self._remote(kind.group, kind.version))

    def _remote(self, group: str, version: str) -> str:
        name = f"{version}.{group}"
        found = self._services.get(name)
        return name if found and found["spec"].get("service") else ""

    async def proxy(self, http: HTTPRequest, user: User) -> HTTPResponse:
        """Send a request on for a user who may ask, and hand back what comes."""
        service = self._services[self.routes(http.path)]
        serve = self._dial(service) if _available(service) else None
        if serve is None:
            return _plain(503, "service unavailable")
        return await serve(_for(user, http))

    def _dial(self, service: Object) -> Serve | None:
        where = service["spec"]["service"]
        return self.dial(f"{where['namespace']}/{where['name']}", where.get("port", 443))

    async def forward(self, request: Request) -> Response:
        """The same for a caller in this process."""
        query = {name: [text] for name, text in request.query.items()}
        if request.verb == "watch":
            query["watch"] = ["true"]
        verb = {"list": "get", "watch": "get", "deletecollection": "delete"}.get(request.verb)
        method = next(m for m, v in VERB_OF.items() if v == (verb or request.verb))
        path = request.kind.path(request.namespace, request.name, request.subresource)
        headers = {"accept": "application/json", "content-type": request.content_type,
                   "user-agent": request.agent}  # fmt: skip
        body = b"" if request.body is None else json.dumps(request.body).encode()
        answer = await self.proxy(HTTPRequest(method, path, query, headers, body), request.user)
        if answer.stream is not None:
            return Response(answer.code, stream=cast(Watch, _Events(answer.stream)))
        try:
            return Response(answer.code, json.loads(answer.body))
        except ValueError:
            # What a client makes of an answer that is no Status.
            why = "the server is currently unable to handle the request"
            return Response(answer.code, ServiceUnavailable(why).status())

    # -- who answers

    async def _follow(self) -> None:
        watch = self.server.registry("apiservices").cache.watch(None, everything, None)
        while (event := await watch.next()) is not None:
            name, uid = (event.object["metadata"][field] for field in ("name", "uid"))
            service = self._services.get(name)
            if service is None or not service["spec"].get("service"):
                self._forget(name)
            if service is None:
                continue
            if not service["spec"].get("service"):
                await self._say(service, True, *_LOCAL)
            elif self._checked.get(name) != uid:
                self._checked[name] = uid
                self.loop.spawn(partial(self._check, name, uid), name=f"aggregator/{name}")

    def _forget(self, name: str) -> None:
        self._checked.pop(name, None)
        if self._known.pop(name, None) is not None:
            self._publish()

    async def _check(self, name: str, uid: str) -> None:
        """Ask the server behind an APIService whether it is there, as long as there is one."""
        while self._checked.get(name) == uid and (service := self._services.get(name)):
            reason, message = await self._look(service)
            good = reason == "Passed"
            await self._say(service, good, reason, message)
            await self.loop.sleep(CHECK_SECONDS if good else RETRY_SECONDS)

    async def _look(self, service: Object) -> tuple[str, str]:
        """Whether the Service is there and its server tells what it serves; why not."""
        where = service["spec"]["service"]
        port = where.get("port", 443)
        shown = f'service/{where["name"]} in "{where["namespace"]}"'
        key = f"{where['namespace']}/{where['name']}"
        found = self.server.registry("services").cache.objects.get(key)
        if found is None:
            return "ServiceNotFound", f"{shown} is not present"
        if found["spec"].get("type") == "ClusterIP":
            ports = [
                p.get("name", "") for p in found["spec"].get("ports") or () if p["port"] == port
            ]
            if not ports:
                return "ServicePortError", f"{shown} is not listening on port {port}"
            slices = self._slices(key)
            if not slices:
                return "EndpointsNotFound", f"cannot find endpointslices for {shown}"
            if not any(_has_port(each, ports[0]) for each in slices):
                missing = f'have no addresses with port name "{ports[0]}"'
                return "MissingEndpoints", f"endpointslices for {shown} {missing}"
        return await self._discover(service, found, port)

    def _slices(self, key: str) -> list[Object]:
        namespace, _, name = key.partition("/")
        cache = self.server.registry("endpointslices").cache
        return [
            each
            for each in cache.sorted(f"{namespace}/")
            if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
        ]

    async def _discover(self, service: Object, found: Object, port: int) -> tuple[str, str]:
        spec, name = service["spec"], service["metadata"]["name"]
        path = f"/apis/{spec['group']}/{spec['version']}"
        host = found["spec"].get("externalName") or found["spec"].get("clusterIP", "")
        url = f"https://{host}:{port}{path}"
        serve = self._dial(service)
        if serve is None:
            why = f'Get "{url}": dial tcp {host}:{port}: connect: connection refused'
            return "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}"
        headers = {"accept": "application/json"}
        answer = await serve(_for(AGGREGATOR, HTTPRequest("GET", path, headers=headers)))
        if not 200 <= answer.code < 300:
            why = f"bad status from {url}: {answer.code}"
            return "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}"
        resources = json.loads(answer.body)["resources"]
        if self._known.get(name) != resources:
            self._known[name] = resources
            self._publish()
        return "Passed", "all checks passed"

    async def _say(self, service: Object, good: bool, reason: str, message: str) -> None:
        """Write the condition, if it says anything new."""
        condition = _available_condition(good, reason, message)
        had = (service.get("status") or {}).get("conditions") or []
        conditions = set_condition(had, condition, self._now())
        if conditions != had:
            changed = with_path(service, ("status", "conditions"), conditions)
            await self._ask("update", service["metadata"]["name"], "status", changed)

    async def _ask(self, verb: str, name: str, subresource: str = "", body: Any = None) -> None:
        kind = self.server.kinds["apiservices"]
        request = Request(verb, kind, "", name, subresource, body=body, user=AGGREGATOR, agent=NAME)
        await self.server.handle(request)

    # -- what there is

    def _publish(self) -> None:
        rows: list[Kind] = []
        for name in sorted(self._known):
            version, _, group = name.partition(".")
            rows += rows_of(group, version, self._known[name])
        self.server.install_remote(rows)

    def aggregated_groups(self) -> list[Object]:
        """The groups of other servers that never answered, as discovery describes groups; what
        the others told of is in the kinds table."""
        unknown: dict[str, list[Object]] = {}
        for name, service in sorted(self._services.items()):
            if service["spec"].get("service") and name not in self._known:
                version = {"version": service["spec"]["version"], "freshness": "Stale"}
                unknown.setdefault(service["spec"]["group"], []).append(version)
        return [{"metadata": {"name": g}, "versions": found} for g, found in unknown.items()]

    # -- what is served here

    async def _register(self) -> None:
        """Store the APIServices of the groups this server has built in, in one transaction."""
        registry, uids = self.server.registry("apiservices"), self.loop.stream("apiservices")
        writes = []
        for name, (group, version) in sorted(self._groups(custom=False).items()):
            if name in registry.cache.objects:
                continue
            important = priorities().get(f"{group}/{version}") or priorities()[group]
            made = _local(name, group, version, important, "onstart")
            now, uid = self._now(), uuid_of(uids.getrandbits(128))
            made["metadata"] |= {"uid": uid, "creationTimestamp": now}
            condition = _available_condition(True, *_LOCAL)
            made["status"] = {"conditions": set_condition([], condition, now)}
            writes.append((path_of(registry.kind, name), made))
        if writes:
            revision = await registry.storage.write(writes)
            note = f"{len(writes)} objects"
            self.loop.record(NAME, "create", "autoregister", note, NAME, revision)

    def _groups(self, custom: bool) -> dict[str, tuple[str, str]]:
        """The group and version of each APIService of what is built in, or of what is not."""
        return {
            f"{kind.version}.{kind.group}": (kind.group, kind.version)
            for kind in self.server.kinds
            if (kind.definition is not None) == custom and (custom or kind.group in priorities())
        }

    async def _follow_definitions(self) -> None:
        """Register the groups of custom resources as they come and go."""
        cache = self.server.registry("customresourcedefinitions").cache
        watch = cache.watch(None, everything, None)
        while await watch.next() is not None:
            wanted, present = self._groups(custom=True), self._services
            for name in sorted(wanted.keys() - present.keys()):
                body = _local(name, *wanted[name], CUSTOM_PRIORITY, "true")
                await self._ask("create", "", body=body)
            for name in sorted(present.keys() - wanted.keys()):
                if (present[name]["metadata"].get("labels") or {}).get(MANAGED) == "true":
                    await self._ask("delete", name)

    def _now(self) -> str:
        return timestamp(self.loop.now, self.loop.epoch)


_LOCAL = ("Local", "Local APIServices are always available")


def _local(name: str, group: str, version: str, important: Sequence[int], how: str) -> Object:
    among_groups, among_versions = important
    spec = {"group": group, "version": version, "groupPriorityMinimum": among_groups,
            "versionPriority": among_versions}  # fmt: skip
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name, "labels": {MANAGED: how}},
        "spec": {field: value for field, value in spec.items() if value},
    }


def _available_condition(good: bool, reason: str, message: str) -> Object:
    return {"type": "Available", "status": str(good), "reason": reason, "message": message}


def _available(service: Object) -> bool:
    condition = condition_of(service, "Available")
    return condition is not None and condition["status"] == "True"


def _has_port(endpoints: Object, name: str) -> bool:
    ready = any((each.get("conditions") or {}).get("ready", True) and each.get("addresses")
                for each in endpoints.get("endpoints") or ())  # fmt: skip
    return ready and any(port.get("name", "") == name for port in endpoints.get("ports") or ())


def _for(user: User, http: HTTPRequest) -> HTTPRequest:
    """The request as the front proxy sends it: the caller's own credentials stay behind."""
    hidden = ("authorization", "x-remote-", "impersonate-")
    kept = {name: text for name, text in http.headers.items() if not name.startswith(hidden)}
    headers = {**kept, **headers_of(user)}
    return HTTPRequest(http.method, http.path, http.query, headers, http.body, (FRONT_PROXY, ()))


def _plain(code: int, text: str) -> HTTPResponse:
    headers = [("X-Content-Type-Options", "nosniff")]
    return HTTPResponse(code, f"{text}\n".encode(), "text/plain; charset=utf-8", headers)


def rows_of(group: str, version: str, resources: list[Object]) -> list[Kind]:
    """The rows of the kinds table that the resources of an ``APIResourceList`` stand for."""
    return [
        Kind(
            group,
            version,
            found["kind"],
            found["name"],
            bool(found.get("namespaced")),
            found.get("singularName") or found["kind"].lower(),
            tuple(found.get("shortNames") or ()),
            tuple(found.get("categories") or ()),
            tuple(found["verbs"]),
            tuple(_subresources(found["name"], resources, group, version)),
        )
        for found in resources
        if "/" not in found["name"]
    ]


def _subresources(
    plural: str, resources: list[Object], group: str, version: str
) -> Iterator[Subresource]:
    for found in resources:
        parent, _, name = found["name"].partition("/")
        if parent == plural and name:
            own = found.get("group", group), found.get("version", version)
            yield Subresource(name, found["kind"], tuple(found["verbs"]), *own)


class _Events:
    """A watch of another server, read from its lines."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._rest = stream, b""

    async def next(self) -> WatchEvent | None:
        """The next event, or None: the stream has ended."""
        while b"\n" not in self._rest:
            piece = await self._stream.next()
            if piece is None:
                return None
            self._rest += piece
        return self.take()

    def take(self) -> WatchEvent | None:
        """The next event if it has come already."""
        line, found, rest = self._rest.partition(b"\n")
        if not found:
            return None
        self._rest, said = rest, json.loads(line)
        return WatchEvent(said["type"], said["object"])

    def stop(self) -> None:
        """Close the stream."""
        self._stream.stop()
