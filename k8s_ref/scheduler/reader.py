"""What plugins read · 插件读什么

Nodes and Pods come with every question; a few plugins want to know other objects too: the labels
of a namespace, the Services and controllers a Pod belongs to.  The one idea: they read from
whatever answers ``get`` and ``list``, so the same plugin decides in a running scheduler, about an
earlier revision of the cluster, and in a test about no cluster at all.

Upstream: the listers of pkg/scheduler/framework/interface.go (SharedInformerFactory)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from k8s_ref.client.informer import InformerFactory
from k8s_ref.machinery.meta import Object

RESOURCES = (
    "namespaces", "services", "replicationcontrollers", "replicasets", "statefulsets",
    "poddisruptionbudgets",
)  # fmt: skip
"""What the plugins of the default profile read."""


class Reader(Protocol):
    """Objects as somebody knows them."""

    def get(self, resource: str, key: str) -> Object | None:
        """The object of that key, None if there is none."""

    def list(self, resource: str, namespace: str) -> Iterable[Object]:
        """The objects of a namespace."""


class Nothing:
    """Knows no objects: no namespace has labels, no Pod belongs to anything."""

    def get(self, resource: str, key: str) -> Object | None:
        """There is none."""
        return None

    def list(self, resource: str, namespace: str) -> Iterable[Object]:
        """There are none."""
        return ()


class Informed:
    """Objects as the informers know them, which have to be started after this is made."""

    def __init__(self, informers: InformerFactory) -> None:
        self._informers = {resource: informers[resource] for resource in RESOURCES}
        for informer in self._informers.values():
            informer.add_index("namespace", lambda obj: obj["metadata"].get("namespace", ""))

    def get(self, resource: str, key: str) -> Object | None:
        """The object as last heard of."""
        return self._informers[resource].get(key)

    def list(self, resource: str, namespace: str) -> Iterable[Object]:
        """The objects last heard of, in no particular order."""
        return self._informers[resource].by("namespace", namespace)
