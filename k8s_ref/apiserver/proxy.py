"""Proxy to nodes · 通往节点的代理

Some questions the API server cannot answer from its store: what a container printed is known
only on its node.  It finds the Pod's node and asks the kubelet there on the caller's behalf, so
callers need no way to the nodes.

Upstream: pkg/registry/core/pod/rest/log.go, pkg/registry/core/pod/strategy.go (LogLocation)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from k8s_ref.machinery.errors import BadRequest, InternalError
from k8s_ref.machinery.meta import Object


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


Dial = Callable[[str], Node | None]
"""Finds a node by name; None when it does not answer."""


def logs(pod: Object, query: Mapping[str, str], dial: Dial) -> str:
    """The log of one container of a Pod; ``BadRequest`` if the caller must say which."""
    meta = pod["metadata"]
    container = query.get("container") or _only_container(pod)
    node = pod["spec"].get("nodeName")
    if not node:
        # Upstream answers an empty log for a Pod that is not scheduled yet.
        return ""
    kubelet = dial(node)
    if kubelet is None:
        address = f"{pod['status'].get('hostIP', node)}:10250"
        path = f"containerLogs/{meta['namespace']}/{meta['name']}/{container}"
        why = f"dial tcp {address}: connect: connection refused"
        raise InternalError(f'Get "https://{address}/{path}": {why}')
    tail, since = query.get("tailLines"), query.get("sinceSeconds")
    return kubelet.container_logs(
        meta["namespace"],
        meta["name"],
        container,
        previous=query.get("previous") == "true",
        tail=int(tail) if tail else None,
        since_seconds=int(since) if since else None,
        timestamps=query.get("timestamps") == "true",
    )


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
