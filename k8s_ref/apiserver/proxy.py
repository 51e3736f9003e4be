"""Proxy to nodes · 通往节点的代理

Some questions the API server cannot answer from its store: what a container printed is known
only on its node, and only there can a command run beside it.  It finds the Pod's node and asks the
kubelet on the caller's behalf, so callers need no way to the nodes; what flows from then on it
only passes through.

Upstream: pkg/registry/core/pod/rest/log.go, subresources.go, pkg/registry/core/pod/strategy.go
(LogLocation, streamLocation, ResourceLocation)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

from k8s_ref.apiserver.options import number
from k8s_ref.apiserver.request import Request, Response
from k8s_ref.apiserver.streams import (
    FLAGS,
    Connection,
    Forwarding,
    Refused,
    Session,
    Stream,
    options_of,
)
from k8s_ref.apiserver.validation_rules import NOT_NEGATIVE
from k8s_ref.machinery.errors import (
    BadRequest,
    InternalError,
    Invalid,
    NotFound,
    ServiceUnavailable,
    forbidden,
    invalid,
)
from k8s_ref.machinery.meta import Object
from k8s_ref.sim.loop import Loop


class LogStream(Protocol):
    """The lines of a log that goes on."""

    async def next(self) -> str | None:
        """The next line, or None: there is no more."""

    def stop(self) -> None:
        """The reader goes away."""


class Node(Protocol):
    """What a kubelet serves on its own port."""

    def container_logs(
        self,
        namespace: str,
        name: str,
        container: str,
        *,
        previous: bool,
        tail: int | None,
        since_seconds: int | None,
        timestamps: bool,
    ) -> str:
        """What a container printed."""

    def follow_logs(
        self,
        namespace: str,
        name: str,
        container: str,
        *,
        previous: bool,
        tail: int | None,
        since_seconds: int | None,
        timestamps: bool,
    ) -> LogStream:
        """The same, and what it prints from now on."""

    async def exec(
        self, namespace: str, name: str, container: str, command: Sequence[str], session: Session
    ) -> None:
        """Start a command in a container; ``Refused``."""

    async def attach(self, namespace: str, name: str, container: str, session: Session) -> None:
        """Join the program of a container; ``Refused``."""

    async def port_forward(
        self, namespace: str, name: str
    ) -> Callable[[int], Awaitable[Connection]]:
        """How to reach the ports of a Pod; ``Refused``."""

    async def fetch(self, host: str, port: int, path: str) -> tuple[int, str]:
        """What an address in the network of Pods answers; ``ConnectionRefusedError``."""

    def page(self, path: str) -> tuple[int, str]:
        """What the kubelet itself answers under a path."""


Dial = Callable[[str], Node | None]
"""Finds a node by name; None when it does not answer."""


def logs(
    pod: Object, query: Mapping[str, str], dial: Dial, exists: Callable[[str], bool]
) -> str | LogStream:
    """The log of one container of a Pod, a stream with ``follow``; ``BadRequest`` if the caller
    must say which."""
    meta = pod["metadata"]
    _check_options(meta["name"], query)
    container = _chosen(pod, query.get("container", ""))
    node = pod["spec"].get("nodeName")
    if not node:
        # Upstream answers an empty log for a Pod that is not scheduled yet.
        return ""
    _check_node(node, exists)
    kubelet = dial(node)
    if kubelet is None:
        path = f"containerLogs/{meta['namespace']}/{meta['name']}/{container}"
        raise InternalError(f'Get "https://{_address(pod)}/{path}": {_refused(_address(pod))}')
    tail, since = query.get("tailLines"), query.get("sinceSeconds")
    ask = kubelet.follow_logs if query.get("follow") == "true" else kubelet.container_logs
    return ask(
        meta["namespace"],
        meta["name"],
        container,
        previous=query.get("previous") == "true",
        tail=int(tail) if tail else None,
        since_seconds=int(since) if since else None,
        timestamps=query.get("timestamps") == "true",
    )


def _check_node(node: str, exists: Callable[[str], bool]) -> None:
    if not exists(node):
        # Upstream's words: it looks for the node and names the Pods.
        raise NotFound.of("pods", "", node)


def _address(pod: Object) -> str:
    """Where the kubelet of a Pod listens."""
    return f"{pod['status'].get('hostIP', pod['spec']['nodeName'])}:10250"


def _refused(address: str) -> str:
    return f"dial tcp {address}: connect: connection refused"


def _check_options(name: str, query: Mapping[str, str]) -> None:
    causes = []
    for field, least, words in (("tailLines", 0, NOT_NEGATIVE), ("sinceSeconds", 1, _POSITIVE)):
        if query.get(field) and number(query[field]) < least:
            causes.append(invalid(field, number(query[field]), words))
    if query.get("sinceSeconds") and query.get("sinceTime"):
        causes.append(
            forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified")
        )
    if causes:
        raise Invalid.of("PodLogOptions", "", name, causes)


_POSITIVE = "must be greater than 0"


def _chosen(pod: Object, container: str) -> str:
    """The container that is meant; it need not be said if there is one."""
    container = container or _only_container(pod)
    if container not in _containers(pod):
        raise BadRequest(f"container {container} is not valid for pod {pod['metadata']['name']}")
    return container


def _containers(pod: Object) -> list[str]:
    groups = ("containers", "initContainers", "ephemeralContainers")
    return [c["name"] for group in groups for c in pod["spec"].get(group) or ()]


def _only_container(pod: Object) -> str:
    spec, name = pod["spec"], pod["metadata"]["name"]
    names: list[str] = [c["name"] for c in spec["containers"]]
    init: list[str] = [c["name"] for c in spec.get("initContainers") or ()]
    if len(names) == 1:
        return names[0]
    message = (
        f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    )
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    raise BadRequest(message)


# -- streams


def stream(
    loop: Loop, pod: Object, request: Request, dial: Dial, exists: Callable[[str], bool]
) -> Stream:
    """The way to a container for ``exec`` or ``attach``, to a Pod's ports for ``portforward``.

    Nothing has begun yet: whoever speaks with the client opens it, and hears what the kubelet says.
    """
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    what, options = request.subresource, options_of(request.values)
    forwards = what == "portforward"
    container = "" if forwards else _chosen(pod, options.get("container", ""))
    node = pod["spec"].get("nodeName")
    if not node:
        raise BadRequest(f"pod {name} does not have a host assigned")
    _check_node(node, exists)

    def kubelet() -> Node:
        found = dial(node)
        if found is None:
            raise _nobody(pod, f"{what}/{namespace}/{name}/{container}", options)
        loop.record("kube-apiserver", "stream", f"pods/{namespace}/{name}", what, f"kubelet/{node}")
        return found

    if forwards:
        return Forwarding(lambda: kubelet().port_forward(namespace, name))
    if what == "attach":
        return Session(loop, options, lambda s: kubelet().attach(namespace, name, container, s))
    command = options.get("command", [])
    return Session(loop, options, lambda s: kubelet().exec(namespace, name, container, command, s))


def _nobody(pod: Object, path: str, options: Object) -> Refused:
    """The kubelet is away; an API server that asks it itself shows the whole question."""
    names = zip(("input", "output", "error", "tty"), FLAGS, strict=True)
    query = [("command", word) for word in options.get("command", ())]
    query += [(name, "1") for name, flag in sorted(names) if options.get(flag)]
    refused, url = _refused(_address(pod)), f"https://{_address(pod)}/{path}?{urlencode(query)}"
    told = f'error sending request: Post "{url}": {refused}'
    return Refused(500, f"error dialing backend: {refused}", told)


# -- HTTP


async def fetch(
    request: Request, get: Get, slices: Callable[[], Iterable[Object]], dial: Dial
) -> Response:
    """What a port of a Pod answers, or one behind a Service, or a kubelet itself."""
    resource = request.kind.plural
    name, port = _name_and_port(request)
    path = f"/{request.rest}" + (f"?{urlencode(request.query)}" if request.query else "")
    obj = await get(resource, f"{request.namespace}/{name}" if request.namespace else name)
    if resource == "nodes":
        node, host, number = name, name, 10250
    elif resource == "services":
        mine = [s for s in slices() if _belongs(s, request.namespace, name)]
        node, host, number = _endpoint(obj, port, mine)
    else:
        node, host, number = _pod_port(obj, port)
    kubelet = dial(node)
    try:
        if kubelet is None:
            raise ConnectionRefusedError(_refused(f"{host}:{number}"))
        if resource == "nodes":
            return Response(*kubelet.page(path))
        return Response(*await kubelet.fetch(host, number, path))
    except ConnectionRefusedError as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error


Get = Callable[[str, str], Awaitable[Object]]
"""Reads an object: resource and key."""


def _name_and_port(request: Request) -> tuple[str, str]:
    """``web``, ``web:80`` or ``http:web:80``: the last two parts."""
    parts = request.name.split(":", 2)
    scheme, name, port = parts if len(parts) == 3 else ("", *parts, "")[:3]
    if not name or scheme not in ("", "http", "https") or ":" in port:
        kind = request.kind.kind.lower()
        raise BadRequest(f'invalid {kind} request "{request.name}"')
    return name, port


def _pod_port(pod: Object, port: str) -> tuple[str, str, int]:
    """Node, address and port; without a port the first that a container names."""
    named = [p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or ()]
    ip = pod["status"].get("podIP", "")
    if not ip:
        raise BadRequest("address not allowed")
    return pod["spec"].get("nodeName", ""), ip, number(port) if port else next(iter(named), 80)


def _belongs(piece: Object, namespace: str, service: str) -> bool:
    meta = piece["metadata"]
    label = (meta.get("labels") or {}).get("kubernetes.io/service-name")
    return meta["namespace"] == namespace and label == service


def _endpoint(service: Object, port: str, slices: Sequence[Object]) -> tuple[str, str, int]:
    """Node, address and port of the first endpoint that is ready."""
    name = service["metadata"]["name"]
    if port.isdigit():
        found = [p for p in service["spec"].get("ports") or () if p["port"] == int(port)]
        if not found:
            raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
        port = found[0].get("name", "")
    for piece in slices:
        numbers = [p["port"] for p in piece.get("ports") or () if p.get("name", "") == port]
        for endpoint in piece.get("endpoints") or ():
            if numbers and (endpoint.get("conditions") or {}).get("ready", True):
                return endpoint.get("nodeName", ""), endpoint["addresses"][0], numbers[0]
    raise ServiceUnavailable(f'no endpoints available for service "{name}"')
