"""NodePorts · 主机端口

A port of the machine (``hostPort``) can be taken once: per protocol, number and address.  The
address ``0.0.0.0``, which is meant where none is given, is all addresses, so it is in conflict with
every other.

Upstream: pkg/scheduler/framework/plugins/nodeports/node_ports.go,
staging/src/k8s.io/kube-scheduler/framework/types.go (HostPortInfo)
"""

from __future__ import annotations

from collections.abc import Mapping

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent, Hint, always
from k8s_ref.scheduler.framework import SKIP, CycleState, Plugin, Status

ANY_ADDRESS = "0.0.0.0"

HostPort = tuple[str, str, int]
"""Address, protocol and number."""


class NodePorts(Plugin):
    """Keeps a Pod off nodes where a port it wants is taken."""

    name = "NodePorts"

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Snapshot) -> Status | None:
        """Most Pods want no port of the machine."""
        state[self.name] = wanted = host_ports(pod.pod)
        return None if wanted else SKIP

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """No, if another Pod on the node has one of the ports."""
        taken = [port for other in node.pods.values() for port in host_ports(other.pod)]
        if not any(in_conflict(mine, theirs) for mine in state[self.name] for theirs in taken):
            return None
        reason = "node(s) didn't have free ports for the requested pod ports"
        return self.reject(reason, resolvable=True)

    def events(self) -> Mapping[ClusterEvent, Hint]:
        """Another node, or the end of a Pod that has one of the ports."""
        return {ClusterEvent.NODE_ADD: always, ClusterEvent.ASSIGNED_POD_DELETE: _gives_back}


def host_ports(pod: Object) -> list[HostPort]:
    """The ports of the machine that a Pod holds for as long as it runs."""
    sidecars = [
        container
        for container in pod["spec"].get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    ]
    return [
        (port.get("hostIP") or ANY_ADDRESS, port.get("protocol") or "TCP", port["hostPort"])
        for container in (*pod["spec"]["containers"], *sidecars)
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def in_conflict(one: HostPort, other: HostPort) -> bool:
    """Whether two ports cannot be held at the same time.

    >>> in_conflict(("0.0.0.0", "TCP", 80), ("10.0.0.7", "TCP", 80))
    True
    >>> in_conflict(("10.0.0.8", "TCP", 80), ("10.0.0.7", "TCP", 80))
    False
    """
    return one[1:] == other[1:] and (one[0] == other[0] or ANY_ADDRESS in (one[0], other[0]))


def _gives_back(pod: PodInfo, old: Object | None, new: Object | None) -> bool:
    freed = host_ports(old) if old is not None else []
    return any(in_conflict(mine, theirs) for mine in host_ports(pod.pod) for theirs in freed)
