"""Node lifecycle controller · 节点生命周期控制器

Notices that a kubelet has fallen silent, says so in the node's conditions, and turns conditions
into taints: ``NoSchedule`` at once, ``NoExecute`` one node after the other.  The one idea: it sees
only whether heartbeats come, never why they do not, so the more nodes of a zone are silent the
less it does, down to nothing when all are; then it is more likely itself that is cut off.

Upstream: pkg/controller/nodelifecycle/node_lifecycle_controller.go
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.controllers.pods import is_ready
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, condition_of, key_of, set_condition, with_path
from k8s_ref.machinery.taints import taints_of
from k8s_ref.sim.loop import SECOND, Loop

MONITOR_SECONDS = 5.0
"""How often all nodes are looked at."""

PAUSE_SECONDS = 0.1
"""So long after a look Pods begin to lose their nodes: ``NoSchedule`` taints come first."""

GRACE_SECONDS = 50
"""A node may be silent for so long."""

EVICTIONS_PER_SECOND = 0.1
"""Nodes of one zone that are given a ``NoExecute`` taint, per second."""

FEW_EVICTIONS_PER_SECOND = 0.01
"""The same in a large zone most of whose nodes are silent; in a small one it is none."""

LARGE_ZONE = 50
UNHEALTHY = 0.55
"""A zone is partially disrupted when more than two nodes and this part of them are not ready."""

NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"

LEASES = "kube-node-lease"
"""Namespace of the nodes' Leases."""

PREFIX = "node.kubernetes.io/"
NOT_READY, UNREACHABLE = f"{PREFIX}not-ready", f"{PREFIX}unreachable"
UNSCHEDULABLE = f"{PREFIX}unschedulable"

TAINTS = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): f"{PREFIX}memory-pressure",
    ("DiskPressure", "True"): f"{PREFIX}disk-pressure",
    ("NetworkUnavailable", "True"): f"{PREFIX}network-unavailable",
    ("PIDPressure", "True"): f"{PREFIX}pid-pressure",
}
"""Which ``NoSchedule`` taint follows from which condition."""

OWN_TAINTS = {*TAINTS.values(), UNSCHEDULABLE}

CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""What only a kubelet can know, and nobody does when it is silent."""


@dataclass(slots=True, eq=False)
class Zone:
    """The nodes of one zone that wait for their ``NoExecute`` taint, and how fast they get it."""

    state: str = NORMAL
    rate: float = EVICTIONS_PER_SECOND
    waiting: dict[str, str] = field(default_factory=dict)
    """Names of nodes and the key of the taint, in the order in which they fell silent."""
    next: int = 0
    """Not before this time."""


@dataclass(slots=True)
class Health:
    """What is known of one node, and when it last gave a sign of life by the controller's clock."""

    node: Object
    lease: Object | None
    sign: tuple[str, ...]
    """The times in the Lease and in the status as they were then."""
    seen: int
    zone: Zone
    ready: str
    settled: bool = False
    """Nothing follows from this version of the node."""


class NodeLifecycleController(Controller):
    """Writes: conditions of silent nodes, taints that follow from conditions, and the Ready
    condition of Pods on nodes that are not ready."""

    name = "node-lifecycle-controller"
    resource, kind = "nodes", "Node"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.nodes, self.leases = informers["nodes"], informers["leases"]
        self.pods = informers["pods"]
        self.pods.add_index("node", lambda pod: pod["spec"].get("nodeName"))
        self.pods.on_change(self._pod_changed)
        self.recorder = EventRecorder(self.api, loop, "node-controller")
        self.health: dict[str, Health] = {}
        self.zones: dict[str, Zone] = {}
        self._told: set[str] = set()
        """Nodes whose Pods were told that their node is not ready."""

    def start(self) -> None:
        """Turn conditions into taints as they change, and look for silent nodes."""
        super().start()
        self.loop.spawn(self._watch_over, name=self.name)

    # -- conditions become NoSchedule taints, as they change

    async def reconcile(self, key: str) -> float | None:
        """Give the node the ``NoSchedule`` taints its conditions call for, and no others."""
        node = self.nodes.get(key)
        if node is None:
            return None
        wanted = no_schedule(node)
        there = {t["key"] for t in taints_of(node, "NoSchedule")} & OWN_TAINTS
        if there != set(wanted):
            gone = sorted(there.difference(wanted))
            added = [name for name in wanted if name not in there]
            await self._taint(key, "NoSchedule", added, gone)
        return None

    async def _taint(
        self, name: str, effect: str, add: Iterable[str], remove: Iterable[str]
    ) -> None:
        """Change taints of one effect on the node as it is now, not as the cache knows it."""
        try:
            node = await self.api.get("nodes", name)
        except NotFound:
            return
        old = node["spec"].get("taints") or []
        present = {(taint["key"], taint["effect"]) for taint in old}
        new = [t for t in old if t["effect"] != effect or t["key"] not in set(remove)]
        new += [
            {"key": key, "effect": effect, "timeAdded": self.recorder.now()}
            for key in add
            if (key, effect) not in present
        ]
        if new != old:
            version = node["metadata"]["resourceVersion"]
            change = {"metadata": {"resourceVersion": version}, "spec": {"taints": new or None}}
            # Recorded first, so that the write and what follows from it have this as their cause.
            self.loop.cause = self.loop.record(self.name, "taint", f"nodes/{name}", _diff(old, new))
            await self.api.patch("nodes", name, change)

    # -- silence becomes a condition, every five seconds

    async def _watch_over(self) -> None:
        while True:
            self._come_and_go()
            for name, health in self.health.items():
                self._hear(name, health)
                if not health.settled or self._is_silent(health):
                    await self._try(name, health)
            self.loop.cause = 0
            await self.loop.sleep(PAUSE_SECONDS)
            await self._disruption()
            self.loop.cause = 0
            await self.loop.sleep(MONITOR_SECONDS - PAUSE_SECONDS)

    def _come_and_go(self) -> None:
        """Greet new nodes and see off those that are gone."""
        for name in sorted(self.nodes.objects.keys() - self.health.keys()):
            node = self.nodes.objects[name]
            zone, ready = self._zone(node), status_of(node)
            self.health[name] = Health(node, None, (), self.loop.now, zone, ready)
            self._say(name, "RegisteredNode", f"event: Registered Node {name} in Controller")
        for name in sorted(self.health.keys() - self.nodes.objects.keys()):
            self._say(name, "RemovingNode", f"event: Removing Node {name} from Controller")
            self.health.pop(name).zone.waiting.pop(name, None)
            self._told.discard(name)

    def _say(self, name: str, reason: str, message: str) -> None:
        meta = {"name": name, "uid": self.health[name].node["metadata"]["uid"]}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": meta}
        self.recorder.event(node, "Normal", reason, f"Node {name} {message}")

    def _hear(self, name: str, health: Health) -> None:
        """Take in what arrived since the last look."""
        node = self.nodes.objects.get(name, health.node)
        lease = self.leases.objects.get(f"{LEASES}/{name}")
        if node is health.node and lease is health.lease and health.sign:
            return
        sign = _sign(node, lease)
        if sign != health.sign:
            health.sign, health.seen = sign, self.loop.now
        if node is not health.node:
            zone = self._zone(node)
            if zone is not health.zone:
                health.zone.waiting.pop(name, None)
            health.zone, health.ready, health.settled = zone, status_of(node), False
        health.node, health.lease = node, lease

    def _is_silent(self, health: Health) -> bool:
        return self.loop.now - health.seen > GRACE_SECONDS * SECOND

    async def _try(self, name: str, health: Health) -> None:
        """Do what follows from one node's state; what fails is tried again in five seconds."""
        self._because_of(health.node)
        try:
            if self._is_silent(health):
                await self._give_up(name, health)
            await self._follow(name, health)
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.name, "retry", f"nodes/{name}", str(error))

    def _because_of(self, node: Object) -> None:
        """Whatever is done next is done because the node is as this version says."""
        version = int(node["metadata"]["resourceVersion"])
        self.loop.cause = self.loop.trace.number_of(version)

    async def _give_up(self, name: str, health: Health) -> None:
        """Say of a silent node that nothing is known of it."""
        old = health.node["status"].get("conditions") or []
        conditions = unknown(old, self.recorder.now())
        if conditions == old:
            return
        silence = (self.loop.now - health.seen) / SECOND
        # Nothing led to this: something did not happen.
        self.loop.cause = 0
        note = f"no heartbeat for {silence:g} s"
        self.loop.cause = self.loop.record(self.name, "lose", f"nodes/{name}", note)
        changed = with_path(health.node, ("status", "conditions"), conditions)
        health.node = await self.api.update_status("nodes", changed)
        health.ready, health.settled = "Unknown", False
        self._say(name, "NodeNotReady", "status is now: NodeNotReady")

    async def _follow(self, name: str, health: Health) -> None:
        """Do what follows from the Ready condition: tell Pods, queue for a taint or free."""
        if health.ready == "True":
            self._told.discard(name)
            health.zone.waiting.pop(name, None)
            await self._free(health.node)
            health.settled = True
            return
        unreachable = health.ready == "Unknown"
        if unreachable and name not in self._told:
            await self._tell_pods(name)
            self._told.add(name)
        wanted, other = (UNREACHABLE, NOT_READY) if unreachable else (NOT_READY, UNREACHABLE)
        there = {taint["key"] for taint in taints_of(health.node, "NoExecute")}
        if other in there:
            await self._taint(name, "NoExecute", [wanted], [other])
        elif wanted not in there:
            health.zone.waiting[name] = wanted

    async def _free(self, node: Object) -> None:
        there = {taint["key"] for taint in taints_of(node, "NoExecute")}
        if there & {NOT_READY, UNREACHABLE}:
            await self._taint(node["metadata"]["name"], "NoExecute", [], (NOT_READY, UNREACHABLE))

    async def _tell_pods(self, name: str) -> None:
        """Its Pods serve nobody as far as anyone can tell, so they leave their Services."""
        for pod in sorted(self.pods.by("node", name), key=key_of):
            if is_ready(pod):
                await self._not_ready(pod)

    async def _not_ready(self, pod: Object) -> None:
        old, now = pod["status"]["conditions"], self.recorder.now()
        ready = {**(condition_of(pod, "Ready") or {}), "status": "False"}
        del ready["lastTransitionTime"]
        changed = with_path(pod, ("status", "conditions"), set_condition(old, ready, now))
        try:
            await self.api.update_status("pods", changed)
        except NotFound:
            return
        self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    def _pod_changed(self, _: str, pod: Object, old: Object | None) -> None:
        """A Pod that came to a silent node has not been told yet."""
        node = pod["spec"].get("nodeName", "")
        if node in self._told and (old is None or old["spec"].get("nodeName") != node):
            self._told.discard(node)

    # -- how many nodes may lose their Pods

    def _zone(self, node: Object) -> Zone:
        labels = node["metadata"].get("labels") or {}
        names = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
        return self.zones.setdefault("/".join(labels.get(name, "") for name in names), Zone())

    async def _disruption(self) -> None:
        """Judge each zone by how many of its nodes are ready, then taint as many as it may."""
        ready: dict[Zone, list[bool]] = {zone: [] for zone in self.zones.values()}
        for health in self.health.values():
            ready[health.zone].append(health.ready == "True")
        for zone, found in ready.items():
            zone.state = zone_state(found)
        everywhere = all(zone.state == FULL for zone, found in ready.items() if found)
        if everywhere:
            await self._free_all()
        for zone, found in ready.items():
            zone.rate = 0.0 if everywhere else rate(zone.state, len(found))
            await self._taint_next(zone)

    async def _free_all(self) -> None:
        """No node is ready: rather the controller is cut off than all of them dead."""
        for name in list(self.health):
            node = self.nodes.get(name)
            if node is None:
                continue
            self._because_of(node)
            try:
                await self._free(node)
            except (ApiError, TimeoutError) as error:
                self.loop.record(self.name, "retry", f"nodes/{name}", str(error))

    async def _taint_next(self, zone: Zone) -> None:
        """Give one node its ``NoExecute`` taint, if the zone's rate allows one by now."""
        if not zone.waiting or not zone.rate or self.loop.now < zone.next:
            return
        name, key = next(iter(zone.waiting.items()))
        zone.next = self.loop.now + round(SECOND / zone.rate)
        if (node := self.nodes.get(name)) is not None:
            self._because_of(node)
        try:
            await self._taint(name, "NoExecute", [key], [])
            zone.waiting.pop(name, None)
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.name, "retry", f"nodes/{name}", str(error))


def _sign(node: Object, lease: Object | None) -> tuple[str, ...]:
    """What changes whenever the kubelet gives a sign of life."""
    ready = condition_of(node, "Ready") or {}
    renewed = lease["spec"].get("renewTime", "") if lease else ""
    return node["metadata"]["uid"], renewed, ready.get("lastHeartbeatTime", "")


def status_of(node: Object) -> str:
    """Whether a node is ready: True, False or Unknown."""
    status: str = (condition_of(node, "Ready") or {}).get("status", "Unknown")
    return status


def no_schedule(node: Object) -> list[str]:
    """The keys of the ``NoSchedule`` taints a node should have.

    >>> down = [{"type": "Ready", "status": "Unknown"}, {"type": "DiskPressure", "status": "True"}]
    >>> no_schedule({"spec": {"unschedulable": True}, "status": {"conditions": down}})[1:]
    ['node.kubernetes.io/disk-pressure', 'node.kubernetes.io/unschedulable']
    """
    conditions = (node.get("status") or {}).get("conditions") or ()
    found = {(condition.get("type"), condition.get("status")) for condition in conditions}
    keys = [key for condition, key in TAINTS.items() if condition in found]
    return [*keys, UNSCHEDULABLE] if node["spec"].get("unschedulable") else keys


def unknown(conditions: list[Object], now: str) -> list[Object]:
    """The conditions of a node whose kubelet is silent."""
    known = {condition.get("type"): condition for condition in conditions}
    for kind in CONDITIONS:
        old = known.get(kind)
        if old is None:
            reason, message = "NodeStatusNeverUpdated", "Kubelet never posted node status."
            old = {"type": kind, "lastHeartbeatTime": None}
        elif old.get("status") != "Unknown":
            reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
        else:
            continue
        new = {**old, "status": "Unknown", "reason": reason, "message": message}
        known[kind] = {**new, "lastTransitionTime": now}
    return list(known.values())


def zone_state(ready: list[bool]) -> str:
    """How a zone is, given which of its nodes are ready.

    >>> zone_state([True, False]), zone_state([True] + [False] * 3), zone_state([False])
    ('Normal', 'PartialDisruption', 'FullDisruption')
    """
    silent = ready.count(False)
    if silent and silent == len(ready):
        return FULL
    if silent > 2 and silent / len(ready) >= UNHEALTHY:
        return PARTIAL
    return NORMAL


def rate(state: str, size: int) -> float:
    """Nodes per second that may be given a ``NoExecute`` taint in a zone of so many nodes.

    >>> rate("Normal", 3), rate("PartialDisruption", 3), rate("PartialDisruption", 51)
    (0.1, 0.0, 0.01)
    """
    if state != PARTIAL:
        return EVICTIONS_PER_SECOND
    return FEW_EVICTIONS_PER_SECOND if size > LARGE_ZONE else 0.0


def _diff(old: list[Object], new: list[Object]) -> str:
    """The change of a node's taints in one line."""
    words = [f"+{_short(taint)}" for taint in new if taint not in old]
    return " ".join(words + [f"-{_short(taint)}" for taint in old if taint not in new])


def _short(taint: Object) -> str:
    return f"{taint['key'].removeprefix(PREFIX)}:{taint['effect']}"
