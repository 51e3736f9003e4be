"""Taint eviction controller · 污点驱逐控制器

Deletes Pods from nodes with a ``NoExecute`` taint they do not tolerate, or have tolerated for long
enough.  The one idea: nothing but taints and tolerations counts, so a silent node, a drained one
and a person's own taint are all one case, and a taint taken away in time changes nothing.

Upstream: pkg/controller/tainteviction/taint_eviction.go
"""

from __future__ import annotations

from dataclasses import dataclass

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.controllers.pods import with_disruption
from k8s_ref.machinery.errors import NotFound
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.machinery.taints import seconds_tolerated
from k8s_ref.sim.loop import SECOND, Loop


@dataclass(slots=True)
class Eviction:
    """One Pod that has to go."""

    due: int
    told: bool = False
    """Its end was announced: it is no longer called off."""
    done: bool = False


class TaintEvictionController(Controller):
    """Writes: deletions of Pods that do not tolerate their node, and why in their status."""

    name = "taint-eviction-controller"
    resource, kind = "nodes", "Node"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.nodes, self.pods = informers["nodes"], informers["pods"]
        self.pods.add_index("node", lambda pod: pod["spec"].get("nodeName"))
        self.pods.on_change(self._pod_changed)
        self.recorder = EventRecorder(self.api, loop, self.name)
        self.evictions: dict[str, Eviction] = {}
        """By uid of the Pod."""

    async def reconcile(self, key: str) -> float | None:
        """See which Pods of a node are due; seconds until the next one is."""
        node = self.nodes.get(key)
        taints = no_execute(node) if node is not None else []
        if not taints and not self.evictions:
            return None
        pods = sorted(self.pods.by("node", key), key=key_of)
        for pod in pods:
            self._plan(pod, taints)
        planned = [(pod, self.evictions.get(pod["metadata"]["uid"])) for pod in pods]
        waiting = []
        for pod, eviction in planned:
            if eviction is None or eviction.done:
                continue
            if eviction.due <= self.loop.now:
                await self._evict(pod, eviction)
            else:
                waiting.append(eviction.due)
        return (min(waiting) - self.loop.now) / SECOND if waiting else None

    def _plan(self, pod: Object, taints: list[Object]) -> None:
        """Note when a Pod has to go, or that it may stay after all."""
        uid = pod["metadata"]["uid"]
        old = self.evictions.get(uid)
        seconds = seconds_tolerated(taints, pod["spec"].get("tolerations") or [])
        if not taints or seconds is None:
            if self.evictions.pop(uid, None) and old is not None and not old.told:
                self._say(pod, "Cancelling deletion of Pod")
        elif old is None:
            self.evictions[uid] = Eviction(self.loop.now + round(seconds * SECOND))
        elif not seconds:
            # A taint that was added later shortens the time only when it is not borne at all.
            old.due = min(old.due, self.loop.now)

    async def _evict(self, pod: Object, eviction: Eviction) -> None:
        """Announce it, write down why, and delete the Pod with its own grace period."""
        key, uid = key_of(pod), pod["metadata"]["uid"]
        if not eviction.told:
            eviction.told = True
            self.loop.cause = self.loop.record(self.name, "evict", f"pods/{key}")
            self._say(pod, "Marking for deletion Pod")
        try:
            live = await self.api.get("pods", key)
            if live["metadata"]["uid"] == uid:
                marked = with_disruption(
                    live,
                    "DeletionByTaintManager",
                    "Taint manager: deleting due to NoExecute taint",
                    self.recorder.now(),
                )
                if marked is not live:
                    await self.api.update_status("pods", marked)
                await self.api.delete("pods", key, uid=uid)
        except NotFound:
            # Somebody else was faster.
            pass
        eviction.done = True

    def _say(self, pod: Object, what: str) -> None:
        message = f"{what} {key_of(pod)}"
        self.recorder.event(pod, "Normal", "TaintManagerEviction", message)

    def _pod_changed(self, kind: str, pod: Object, old: Object | None) -> None:
        """A Pod came to a tainted node, changed its tolerations, or is gone."""
        if kind == "DELETED":
            self.evictions.pop(pod["metadata"]["uid"], None)
            return
        node = self.nodes.get(pod["spec"].get("nodeName", ""))
        if node is not None and no_execute(node) and _news(pod, old):
            self.queue.add(key_of(node))


def _news(pod: Object, old: Object | None) -> bool:
    """Whether a Pod's node or tolerations are not what they were."""
    if old is None:
        return True
    return any(pod["spec"].get(n) != old["spec"].get(n) for n in ("nodeName", "tolerations"))


def no_execute(node: Object) -> list[Object]:
    """The taints of a node that drive Pods away.

    >>> no_execute({"spec": {}})
    []
    """
    return [t for t in node["spec"].get("taints") or () if t["effect"] == "NoExecute"]
