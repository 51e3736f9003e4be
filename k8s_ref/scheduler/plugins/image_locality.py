"""ImageLocality · 镜像在不在

A Pod starts sooner where its images are already.  A node scores by the bytes that need not be
pulled, scaled down by the share of the nodes that have the image: otherwise whatever ran first on
one node would draw all its equals there.

Upstream: pkg/scheduler/framework/plugins/imagelocality/image_locality.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.cache import NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.framework import MAX_NODE_SCORE, SKIP, CycleState, Domains, Plugin, Status

MEBIBYTE = 1024 * 1024
FEW_BYTES = 23 * MEBIBYTE
"""Less than this saves no time worth a point."""
MANY_BYTES = 1000 * MEBIBYTE
"""Per image; more than this gives no more points."""


class ImageLocality(Plugin):
    """Prefers nodes that have the images already."""

    name = "ImageLocality"
    domain = True

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Snapshot) -> Status | None:
        """Count where the images are, while all nodes are in sight; nothing is filtered."""
        having = nodes.tally(self.name, lambda node: dict.fromkeys(node.images, 1))
        names = images_of(pod.pod)
        state[self.name] = {name: having.get(name, 0) / max(len(nodes), 1) for name in names}
        return SKIP

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
    ) -> Status | None:
        """Nothing to score if the images are nowhere."""
        return None if any(state[self.name].values()) else SKIP

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The bytes that are there, between few and many."""
        spread: Mapping[str, float] = state[self.name]
        images = images_of(pod.pod)
        there = sum(int(node.images.get(name, 0) * spread[name]) for name in images)
        many = MANY_BYTES * max(len(images), 1)
        counted = min(max(there, FEW_BYTES), many) - FEW_BYTES
        return MAX_NODE_SCORE * counted // (many - FEW_BYTES)

    def domains(self, state: CycleState, pod: PodInfo) -> Domains | None:
        """Nodes with the same of the Pod's images are alike."""
        names = tuple(images_of(pod.pod))
        return (self.name, names), lambda node: tuple(map(node.images.get, names))


def images_of(pod: Object) -> list[str]:
    """The images a Pod needs on its node, as nodes name them.

    >>> images_of({"spec": {"containers": [{"image": "nginx"}, {"image": "my.io:5000/app:1"}]}})
    ['nginx:latest', 'my.io:5000/app:1']
    """
    spec = pod["spec"]
    containers = (*(spec.get("initContainers") or ()), *spec["containers"])
    volumes = (volume.get("image") or {} for volume in spec.get("volumes") or ())
    named = [container.get("image") for container in containers]
    named += [volume["reference"] for volume in volumes if volume.get("reference")]
    return [_tagged(name or "") for name in named]


def _tagged(name: str) -> str:
    # A colon before the last slash is a port of the registry.
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
