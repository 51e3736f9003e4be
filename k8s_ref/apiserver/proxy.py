"""Proxy to nodes · 通往节点的代理

Some questions the API server cannot answer from its store: what a container printed is known
only on its node.  It finds the Pod's node and asks the kubelet there on the caller's behalf, so
callers need no way to the nodes.

Upstream: pkg/registry/core/pod/rest/log.go, pkg/registry/core/pod/strategy.go (LogLocation)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from k8s_ref.apiserver.options import number
from k8s_ref.apiserver.validation_rules import NOT_NEGATIVE
from k8s_ref.machinery.errors import (
    BadRequest,
    InternalError,
    Invalid,
    NotFound,
    forbidden,
    invalid,
)
from k8s_ref.machinery.meta import Object


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


Dial = Callable[[str], Node | None]
"""Finds a node by name; None when it does not answer."""


def logs(
    pod: Object, query: Mapping[str, str], dial: Dial, exists: Callable[[str], bool]
) -> str | LogStream:
    """The log of one container of a Pod, a stream with ``follow``; ``BadRequest`` if the caller
    must say which."""
    meta = pod["metadata"]
    _check_options(meta["name"], query)
    container = query.get("container") or _only_container(pod)
    if container not in _containers(pod):
        raise BadRequest(f"container {container} is not valid for pod {meta['name']}")
    node = pod["spec"].get("nodeName")
    if not node:
        # Upstream answers an empty log for a Pod that is not scheduled yet.
        return ""
    if not exists(node):
        # Upstream's words: it looks for the node and names the Pods.
        raise NotFound.of("pods", "", node)
    kubelet = dial(node)
    if kubelet is None:
        address = f"{pod['status'].get('hostIP', node)}:10250"
        path = f"containerLogs/{meta['namespace']}/{meta['name']}/{container}"
        why = f"dial tcp {address}: connect: connection refused"
        raise InternalError(f'Get "https://{address}/{path}": {why}')
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
