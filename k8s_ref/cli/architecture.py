"""The architecture picture · 架构图

Draws a cluster as it runs: which processes there are, what acts inside each, and who talks to
whom.  The one idea: it is read off the cluster, from its tasks and its trace, so it changes when
the cluster does.  The rule it keeps: a process that is stopped talks to nobody.

Upstream: none; the hand-drawn "Cluster Architecture" of kubernetes.io shows the same boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from textwrap import wrap
from typing import NamedTuple

from k8s_ref.cluster import Wiring
from k8s_ref.sim import drawing
from k8s_ref.sim.drawing import GREY, both
from k8s_ref.sim.picture import API, ETCD, MANY, colour_of

WIDTH, COLUMN, TOP, GAP = 680, 210, 86, 14


class Box(NamedTuple):
    """Where something is drawn."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[int, int]:
        """Its centre."""
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def foot(self) -> int:
        """Where it ends."""
        return self.y + self.height


class Architecture(drawing.Picture):
    """The processes of a cluster and the connections between them, at this moment.

    >>> Architecture(Wiring(nodes=0))
    kubectl -> kube-apiserver
    kube-apiserver -> etcd
    kube-controller-manager -> kube-apiserver
    kube-scheduler -> kube-apiserver
    """

    def __init__(self, cluster: Wiring) -> None:
        self.person, self.revision = cluster.api.agent, cluster.store.revision
        self.plane = [name for name in cluster.processes if "/" not in name]
        tasks = {name: [t.name for t in p.tasks] for name, p in cluster.processes.items()}
        nodes = {node: [runtime.name] for node, runtime in cluster.runtimes.items()}
        for name in cluster.processes:
            if "/" in name:
                nodes[name.partition("/")[2]].insert(0, name)
        self.nodes = dict(list(nodes.items())[: MANY - (len(nodes) > MANY)])
        self.more = len(nodes) - len(self.nodes)
        """So many nodes are not drawn."""
        self.places = [self.person, *self.plane, *(p for node in self.nodes.values() for p in node)]
        self.stopped = [p for p in self.places if p in tasks and not cluster.processes[p].alive]
        self.watches = {name: _inside(names, watching=True) for name, names in tasks.items()}
        self.actors = {name: [a for a in _inside(tasks[name]) if a != name] for name in self.plane}
        """Under which names the trace knows what runs inside a process."""
        self.edges = self._edges(cluster)

    def _edges(self, cluster: Wiring) -> list[tuple[str, str]]:
        """Who talks to whom: as they are wired, and as the trace saw them."""
        owner = {name: name for name in self.places}
        owner |= {actor: name for name, actors in self.actors.items() for actor in actors}
        seen = {(owner.get(r.actor, ""), r.to) for r in cluster.trace if r.to}
        seen |= {(r.to, ETCD) for r in cluster.trace if r.revision}
        seen |= {(name, API) for name, watched in self.watches.items() if watched}
        seen |= {(k.name, k.runtime.name) for k in cluster.kubelets.values()}
        seen.add((self.person, API))
        pairs = product(self.places, [*self.places, ETCD])
        return [(a, b) for a, b in pairs if (a, b) in seen and a != b and a not in self.stopped]

    def __repr__(self) -> str:
        lines = [f"{a} -> {b}" for a, b in self.edges]
        lines += [f"{name}: stopped" for name in self.stopped]
        return "\n".join(lines + [f"… {self.more} more nodes"] * bool(self.more))

    def svg(self, lang: str | None = None) -> str:
        """The picture as an SVG file; without ``lang`` in the language of the page around it."""
        boxes: dict[str, Box] = {}
        parts = [*self._control_plane(boxes)]
        bus = boxes[API].foot + 32
        parts += self._nodes(boxes, bus + 18)
        parts += [_wire(a, b, boxes, bus) for a, b in self.edges]
        parts += [self._box(name, box) for name, box in boxes.items()]
        height = max(box.foot for box in boxes.values()) + 40
        if self.more:
            words = both(f"… {self.more} more nodes", f"…… 另有 {self.more} 个节点")
            parts.append(drawing.text(WIDTH // 2, height + 8, words, "k8s-small"))
            height += 20
        size, title = (WIDTH, height), "Architecture · 架构图"
        return drawing.document(title, repr(self), "".join(parts), size, lang)

    def _control_plane(self, boxes: dict[str, Box]) -> Iterator[str]:
        """kubectl above, the API server in the middle, the store right of it, the others left."""
        y = TOP
        for name in self.plane:
            if name != API:
                boxes[name] = Box(24, y, COLUMN, 32 + 15 * len(self._said(name)))
                y = boxes[name].foot + GAP
        height = max(y - GAP - TOP, 68)
        boxes[API] = Box(WIDTH // 2 - 66, TOP, 132, height)
        boxes[ETCD] = Box(WIDTH - 204, TOP + height // 2 - 34, 150, 68)
        boxes[self.person] = Box(WIDTH // 2 - 45, 8, 90, 30)
        panel = Box(8, TOP - 26, WIDTH - 16, height + 40)
        yield _frame(panel, TOP - 8, "control plane", "控制平面")

    def _nodes(self, boxes: dict[str, Box], top: int) -> Iterator[str]:
        """The nodes side by side; in each its processes, then its runtime."""
        width = min(212, (WIDTH - 16 + GAP) // max(len(self.nodes), 1) - GAP)
        x = (WIDTH - len(self.nodes) * (width + GAP) + GAP) // 2
        for node, names in self.nodes.items():
            y = top + 14
            for name in names:
                boxes[name] = Box(x + 14, y, width - 28, 32 + 15 * len(self._said(name)))
                y = boxes[name].foot + 22
            yield _frame(Box(x, top, width, y + 6 - top), y - 4, f"node {node}", f"节点 {node}")
            x += width + GAP

    def _said(self, name: str) -> list[str]:
        """What stands in a box below the name."""
        if name == ETCD:
            return [both("store", "存储"), both("revision", "修订号") + f" {self.revision}"]
        if name in self.stopped:
            return [both("stopped", "已停止")]
        watched = self.watches.get(name, [])
        lines = wrap(", ".join(watched[:MANY]), 26)
        lines[:1] = [f"{both('watches', '监听')} {line}" for line in lines[:1]]
        return [*_few(self.actors.get(name, [])), *lines, *_few(watched)[MANY:]]

    def _box(self, name: str, box: Box) -> str:
        said, (x, y) = self._said(name), box.middle
        y += 5 - 15 * len(said) // 2
        words = [drawing.text(x, y, name.partition("/")[0], "k8s-bold")]
        words += [drawing.text(x, y + 16 + 15 * n, w, "k8s-small") for n, w in enumerate(said)]
        return drawing.group(name, [drawing.panel(*box, colour_of(name), 8), *words])


def _inside(tasks: list[str], watching: bool = False) -> list[str]:
    """What the tasks called ``informer/…`` watch, or the names of all others, each once."""
    split = [name.partition("/")[::2] for name in tasks]
    return list(
        dict.fromkeys(e if watching else h for h, e in split if (h == "informer") == watching)
    )


def _few(names: list[str]) -> list[str]:
    """These names, or the first of them and how many there are besides."""
    more = len(names) - MANY
    return names if more <= 0 else [*names[:MANY], both(f"… {more} more", f"…… 另有 {more} 项")]


def _frame(box: Box, base: int, en: str, zh: str) -> str:
    label = drawing.text(box.x + 14, base, both(en, zh), "k8s-small", "start")
    return drawing.panel(*box, GREY, 12) + label


def _wire(a: str, b: str, boxes: dict[str, Box], bus: int) -> str:
    """An arrow: straight across, straight down, or up from a node by way of the bus."""
    start, end = boxes[a], boxes[b]
    (x, y), (to, _) = start.middle, end.middle
    if end.y <= y <= end.foot and start.x < end.x:
        path, tip, head = f"M{start.x + start.width} {y}", f"{end.x} {y}", "l-8 -5v10z"
    elif start.y < end.y:
        path, tip, head = f"M{x} {start.foot}", f"{x} {end.y}", "l-5 -8h10z"
    else:
        path, tip, head = f"M{x} {start.y}V{bus}H{to}", f"{to} {end.foot}", "l-5 8h10z"
    hue = colour_of(a)
    line = drawing.stroke(f"{path}L{tip}", "1", hue, 'stroke-width="2" fill="none"')
    return drawing.group(f"{a} → {b}", [line, f'<path d="M{tip}{head}" fill="{hue}"/>'])
