"""API client · API 客户端

How a component talks to the API server: verbs as methods, plural names and keys as arguments,
refusals as exceptions.  The one idea: this is the wire.  What goes wrong between two machines
goes wrong here, by the cluster's fault plan, and nowhere else.

Upstream: staging/src/k8s.io/client-go/rest/, dynamic/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from k8s_ref.apiserver.request import ADMIN, Request, Response, User
from k8s_ref.apiserver.watchcache import Watch, WatchEvent
from k8s_ref.machinery.errors import NotFound, from_status
from k8s_ref.machinery.kinds import Kinds
from k8s_ref.machinery.meta import Object, key_of, split_key
from k8s_ref.sim.faults import Faults
from k8s_ref.sim.loop import Loop

Handle = Callable[[Request], Awaitable[Response]]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


class Client:
    """The API as one component sees it.  All methods raise the server's ``ApiError``, and
    ``TimeoutError`` when nothing came back (the call may have been done)."""

    def __init__(
        self,
        handle: Handle,
        kinds: Callable[[], Kinds],
        loop: Loop,
        faults: Faults,
        agent: str,
        user: User = ADMIN,
    ) -> None:
        """``kinds``: what the server serves at present, which custom resources change."""
        self._handle, self._kinds, self.loop, self.faults = handle, kinds, loop, faults
        self.agent, self.user = agent, user
        self.impersonate: dict[str, str] = {}
        """Headers that ask to be treated as somebody else."""
        self.dry = False
        """Whether the server is only to say what it would do."""
        self.warn: Callable[[str], None] = lambda text: None
        """Told what the server wants the caller to know although it did as asked."""

    @property
    def kinds(self) -> Kinds:
        """The table of what can be asked for now."""
        return self._kinds()

    def named(self, agent: str) -> Client:
        """The same connection for another component of the same process."""
        return Client(self._handle, self._kinds, self.loop, self.faults, agent, self.user)

    def acting(self, user: User) -> Client:
        """The same connection for another user."""
        return Client(self._handle, self._kinds, self.loop, self.faults, self.agent, user)

    def trying(self) -> Client:
        """The same connection, for calls that the server checks and answers but does not do."""
        client = self.named(self.agent)
        client.dry, client.warn, client.impersonate = True, self.warn, self.impersonate
        return client

    async def get(self, resource: str, key: str, subresource: str = "") -> Object:
        """One object, or ``NotFound``; or what a subresource shows of it."""
        return await self._ask(self._request("get", resource, key, subresource))

    async def list(
        self, resource: str, namespace: str = "", labels: str = "", fields: str = "", **options: str
    ) -> Object:
        """The list object: ``items`` and ``metadata``; options as in the query: ``limit`` …"""
        query = {**_selectors(labels, fields), **options}
        return await self._ask(self._request("list", resource, f"{namespace}/", query=query))

    async def create(self, resource: str, obj: Object, strict: bool = False) -> Object:
        """Store a new object; ``AlreadyExists`` or ``Invalid``."""
        namespace = obj["metadata"].get("namespace", "")
        query = {"fieldValidation": "Strict"} if strict else {}
        return await self._ask(
            self._request("create", resource, f"{namespace}/", body=obj, query=query)
        )

    async def create_below(self, resource: str, key: str, subresource: str, body: Object) -> Object:
        """Create what has its place below an object, such as a token of a ServiceAccount."""
        return await self._ask(self._request("create", resource, key, subresource, body=body))

    async def update(self, resource: str, obj: Object, subresource: str = "") -> Object:
        """Replace; ``Conflict`` if somebody wrote since it was read."""
        return await self._ask(
            self._request("update", resource, key_of(obj), subresource, body=obj)
        )

    async def update_status(self, resource: str, obj: Object) -> Object:
        """Replace only the status."""
        return await self.update(resource, obj, "status")

    async def patch(
        self,
        resource: str,
        key: str,
        change: Any,
        subresource: str = "",
        content_type: str = MERGE,
        strict: bool = False,
    ) -> Object:
        """Change a part; never a conflict, the server retries."""
        query = {"fieldValidation": "Strict"} if strict else {}
        request = self._request("patch", resource, key, subresource, body=change, query=query)
        request.content_type = content_type
        return await self._ask(request)

    async def apply(
        self, resource: str, obj: Object, subresource: str = "", force: bool = False
    ) -> Object:
        """Say how some fields shall be; ``Conflict`` if somebody else owns one, unless forced."""
        query = {"fieldManager": self.agent, **({"force": "true"} if force else {})}
        key = key_of(obj)
        request = self._request("patch", resource, key, subresource, body=obj, query=query)
        request.content_type = APPLY
        return await self._ask(request)

    async def delete(
        self, resource: str, key: str, grace: int | None = None, uid: str = "", **options: Any
    ) -> Object:
        """Delete, with a grace period in seconds if given, and only the object with ``uid``."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        if uid:
            body["preconditions"] = {"uid": uid}
        return await self._ask(self._request("delete", resource, key, body=body))

    async def bind(self, key: str, node: str, uid: str = "") -> None:
        """Assign a Pod, that of ``uid`` and no namesake; ``Conflict`` if it has a node."""
        namespace, name = split_key(key)
        metadata = {"name": name, "namespace": namespace}
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {**metadata, "uid": uid} if uid else metadata,
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._ask(self._request("create", "pods", key, "binding", body=body))

    async def evict(self, key: str, grace: int | None = None) -> None:
        """Delete a Pod if its disruption budget allows it; ``TooManyRequests`` if it does not."""
        namespace, name = split_key(key)
        body: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        if grace is not None:
            body["deleteOptions"] = {"gracePeriodSeconds": grace}
        await self._ask(self._request("create", "pods", key, "eviction", body=body))

    async def logs(self, key: str, **options: str) -> str:
        """What a container printed; options as in the query: ``container``, ``tailLines`` …"""
        request = self._request("get", "pods", key, "log", query=options)
        text: str = (await self._send(request)).body
        return text

    async def stream(self, key: str, subresource: str, **values: Sequence[str]) -> Any:
        """What ``exec``, ``attach`` or ``portforward`` of a Pod opens; options as in the query."""
        request = self._request("get", "pods", key, subresource)
        request.values = values
        return (await self._send(request)).body

    async def watch(
        self,
        resource: str,
        since: str = "",
        namespace: str = "",
        labels: str = "",
        fields: str = "",
    ) -> ClientWatch:
        """Events after ``since``; without it first ADDED for all there is.  ``Expired``: list."""
        query = {**_selectors(labels, fields), "resourceVersion": since}
        request = self._request("watch", resource, f"{namespace}/", query=query)
        response = await self._send(request)
        assert response.stream is not None, "a watch was answered without a stream"
        return ClientWatch(response.stream, self, resource)

    def _request(
        self,
        verb: str,
        resource: str,
        key: str,
        subresource: str = "",
        body: Any = None,
        query: dict[str, str] | None = None,
    ) -> Request:
        namespace, name = split_key(key)
        kind = self.kinds.find(resource)
        if kind is None:
            raise NotFound.resource()
        return Request(
            verb, kind, namespace, name, subresource, query or {}, body,
            user=self.user, agent=self.agent, impersonate=self.impersonate,
        )  # fmt: skip

    async def _ask(self, request: Request) -> Object:
        body: Object = (await self._send(request)).body
        return body

    async def _send(self, request: Request) -> Response:
        if self.dry and request.verb in ("create", "update", "patch", "delete"):
            request.query = {**request.query, "dryRun": "All"}
        if self.faults.active:
            verb = "bind" if request.subresource == "binding" else request.verb
            response = await self.faults.around(
                self.agent, verb, request.subject, lambda: self._handle(request)
            )
        else:
            response = await self._handle(request)
        if response.code >= 400:
            raise from_status(response.body)
        for text in response.warnings:
            self.warn(text)
        return response


class ClientWatch:
    """The client's end of a watch: what the network did to the events on their way."""

    def __init__(self, stream: Watch, client: Client, resource: str) -> None:
        self._stream, self._client, self._resource = stream, client, resource
        self._again: deque[WatchEvent] = deque()

    async def next(self) -> WatchEvent | None:
        """The next event; None when the stream was cut and has to be opened again."""
        if self._again:
            return self._again.popleft()
        event = self._stream.take() or await self._stream.next()
        faults = self._client.faults
        if event is None or not faults.active:
            return event
        cut, twice, late = faults.on_event(
            self._client.agent, f"{self._resource}/{key_of(event.object)}"
        )
        if late:
            await self._client.loop.sleep(late)
        if cut:
            self.stop()
            return None
        if twice:
            self._again.append(event)
        return event

    def stop(self) -> None:
        """Close the stream."""
        self._stream.stop()


def _selectors(labels: str, fields: str) -> dict[str, str]:
    query = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in query.items() if value}
