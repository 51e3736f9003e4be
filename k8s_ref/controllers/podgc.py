"""Pod garbage collector · Pod 垃圾收集器

Removes Pods that nobody else ever will: those of nodes that no longer exist, of nodes a person
declared out of service, those deleted before they had a node, and the oldest of very many that
have ended.  The one idea: a Pod is confirmed gone by its kubelet; this is for when there is none.

Upstream: pkg/controller/podgc/gc_controller.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.client.client import STRATEGIC, Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.pods import with_disruption
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, condition_of, key_of, with_path
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import SECOND, Loop

CHECK_SECONDS = 20.0
QUARANTINE_SECONDS = 40
"""A node is missed for so long before its Pods are, so that a node made anew keeps them."""

THRESHOLD = 12_500
"""So many ended Pods are kept."""

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"

ENDED = ("Succeeded", "Failed")


class PodGC:
    """Writes: removals of Pods, without grace, and the phase Failed of those that had not ended."""

    name = "pod-garbage-collector-controller"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        self.api, self.loop = api.named(self.name), loop
        self.nodes, self.pods = informers["nodes"], informers["pods"]
        self.missing: dict[str, int] = {}
        """Nodes that Pods name and nobody knows, with the time they were first missed."""

    def start(self) -> None:
        """Look every twenty seconds, for ever."""
        self.loop.spawn(self._run, name=self.name)

    async def _run(self) -> None:
        while True:
            await self.collect()
            await self.loop.sleep(CHECK_SECONDS)

    async def collect(self) -> None:
        """One look at all Pods."""
        pods = list(self.pods.objects.values())
        for pod in too_many(pods, THRESHOLD):
            await self._remove(pod)
        for pod in pods:
            if "deletionTimestamp" in pod["metadata"] and self._abandoned(pod):
                await self._remove(pod)
        gone = await self._gone(pods)
        for pod in pods:
            if pod["spec"].get("nodeName") in gone:
                await self._remove(pod, "PodGC: node no longer exists")

    def _abandoned(self, pod: Object) -> bool:
        """Whether nobody is there to confirm the end of a Pod that is being deleted."""
        name = pod["spec"].get("nodeName")
        if not name:
            return True
        node = self.nodes.get(name)
        return node is not None and out_of_service(node)

    async def _gone(self, pods: Iterable[Object]) -> list[str]:
        """Nodes missed for long enough, and really not there."""
        named = {pod["spec"].get("nodeName", "") for pod in pods} - {""}
        missing = sorted(named - self.nodes.objects.keys())
        self.missing = {name: self.missing.get(name, self.loop.now) for name in missing}
        long_ago = self.loop.now - QUARANTINE_SECONDS * SECOND
        suspects = [name for name, since in self.missing.items() if since <= long_ago]
        return [name for name in suspects if await self._is_gone(name)]

    async def _is_gone(self, name: str) -> bool:
        """Ask the server: the cache may be late."""
        try:
            await self.api.get("nodes", name)
        except NotFound:
            return True
        except (ApiError, TimeoutError):
            return False
        return False

    async def _remove(self, pod: Object, why: str = "") -> None:
        """Remove one Pod; what fails is tried again at the next look."""
        key, now = key_of(pod), timestamp(self.loop.now, self.loop.epoch)
        ended = pod
        if pod["status"].get("phase") not in ENDED:
            ended = with_path(pod, ("status", "phase"), "Failed")
            if why:
                ended = with_disruption(ended, "DeletionByPodGC", why, now)
        try:
            if ended is not pod:
                await self.api.patch("pods", key, _difference(ended, pod), "status", STRATEGIC)
            await self.api.delete("pods", key, grace=0, uid=pod["metadata"]["uid"])
        except NotFound:
            return
        except (ApiError, TimeoutError) as error:
            self.loop.record(self.name, "retry", f"pods/{key}", str(error))


def too_many(pods: Iterable[Object], threshold: int) -> list[Object]:
    """The oldest of the Pods that have ended, as many as there are above the threshold.

    >>> too_many([{"status": {"phase": "Running"}}], threshold=0)
    []
    """
    ended = [pod for pod in pods if pod["status"].get("phase") in ENDED]
    surplus = len(ended) - threshold
    if surplus <= 0:
        return []
    return sorted(ended, key=lambda pod: (pod["metadata"]["creationTimestamp"], key_of(pod)))[
        :surplus
    ]


def out_of_service(node: Object) -> bool:
    """Whether a person said that the machine is off for good, and its kubelet agrees by silence."""
    ready = (condition_of(node, "Ready") or {}).get("status") == "True"
    taints = node["spec"].get("taints") or ()
    return not ready and any(taint["key"] == OUT_OF_SERVICE for taint in taints)


def _difference(new: Object, old: Object) -> Object:
    """The status of a Pod that ended, as a patch: its role lets this controller write no other."""
    had, has = (obj["status"].get("conditions") or () for obj in (old, new))
    status = {
        "phase": new["status"]["phase"],
        "conditions": [each for each in has if each not in had],
        "$setElementOrder/conditions": [{"type": each["type"]} for each in has],
    }
    return {"metadata": {"uid": old["metadata"]["uid"]}, "status": status}
