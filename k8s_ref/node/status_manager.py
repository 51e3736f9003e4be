"""Status manager · 状态管理器

Carries what the kubelet says of its Pods to the API server, on the side: a Pod is not held up
because the server is slow or gone.  The one idea: it compares what should be written with what is
there, so an unchanged status costs nothing and one that somebody else overwrote is restored.  A Pod
that was to be deleted and has ended is removed here, as the very last thing.

Upstream: pkg/kubelet/status/status_manager.go
"""

from __future__ import annotations

from dataclasses import dataclass

from k8s_ref.client.client import Client
from k8s_ref.client.informer import Informer
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.machinery.errors import ApiError, Conflict, NotFound
from k8s_ref.machinery.meta import Object, key_of, with_path
from k8s_ref.node.status import OWN_CONDITIONS
from k8s_ref.sim.loop import Loop


@dataclass(slots=True)
class Entry:
    """What is to be said of one Pod."""

    key: str
    status: Object
    finished: bool = False
    """Nothing of it runs any more: it may be removed."""
    written: Object | None = None
    """The Pod as the server returned it last."""


class StatusManager:
    """Writes: ``status`` of the node's Pods, and removes those that were deleted and ended."""

    def __init__(self, api: Client, pods: Informer, loop: Loop) -> None:
        self.api, self.pods, self.loop = api, pods, loop
        self.queue = WorkQueue(loop)
        self._entries: dict[str, Entry] = {}

    def start(self) -> None:
        """Begin to write."""
        self.loop.spawn(self._work, name="status-manager")

    def get(self, uid: str) -> Object | None:
        """What was last said of a Pod."""
        entry = self._entries.get(uid)
        return entry.status if entry else None

    def set(self, pod: Object, status: Object) -> None:
        """Say this from now on."""
        uid = pod["metadata"]["uid"]
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = Entry(key_of(pod), {})
        if status != entry.status:
            entry.status = status
            self.queue.add(uid)

    def finish(self, uid: str) -> None:
        """The Pod has ended: once its last status is written it may go."""
        self._entries[uid].finished = True
        self.queue.add(uid)

    def pod_changed(self, pod: Object) -> None:
        """Somebody else wrote the Pod: see whether what we said still stands there."""
        entry = self._entries.get(pod["metadata"]["uid"])
        if entry is not None and entry.written is not pod:
            self.queue.add(pod["metadata"]["uid"])

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        self._entries.pop(uid, None)

    async def _work(self) -> None:
        while True:
            uid = await self.queue.get()
            try:
                await self._sync(uid)
                self.queue.forget(uid)
            except NotFound:
                # Deleted meanwhile; the informer will say so.
                self.queue.forget(uid)
            except (ApiError, TimeoutError) as error:
                delay = self.queue.add_rate_limited(uid)
                note = f"status in {delay * 1000:g} ms: {error}"
                self.loop.record(self.api.agent, "retry", self._subject(uid), note)
            finally:
                self.queue.done(uid)

    async def _sync(self, uid: str) -> None:
        """Write the status if it differs, then remove the Pod if it is time."""
        entry = self._entries.get(uid)
        if entry is None:
            return
        pod = self._newest(entry)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        wanted = merged(pod["status"], entry.status)
        if wanted != pod["status"]:
            try:
                pod = await self.api.update_status("pods", with_path(pod, ("status",), wanted))
            except Conflict:
                entry.written = await self.api.get("pods", entry.key)
                self.queue.add(uid)
                return
            entry.written = pod
        if entry.finished and "deletionTimestamp" in pod["metadata"]:
            await self._remove(entry.key, uid)
            entry.finished = False

    async def _remove(self, key: str, uid: str) -> None:
        try:
            await self.api.delete("pods", key, grace=0, uid=uid)
        except Conflict:
            # Another Pod has the name by now: ours is gone.
            return

    def _newest(self, entry: Entry) -> Object | None:
        """The latest version we know: the cache may lag behind our own writes."""
        cached, written = self.pods.get(entry.key), entry.written
        if cached is None or written is None:
            return cached or written
        return cached if _version(cached) >= _version(written) else written

    def _subject(self, uid: str) -> str:
        entry = self._entries.get(uid)
        return f"pods/{entry.key if entry else uid}"


def merged(there: Object, ours: Object) -> Object:
    """The status to write: our fields, and whatever others wrote."""
    others = [c for c in there.get("conditions") or () if c["type"] not in OWN_CONDITIONS]
    own = [c for c in ours.get("conditions") or () if c["type"] in OWN_CONDITIONS]
    conditions = [*own, *others]
    return {**there, **ours} | ({"conditions": conditions} if conditions else {})


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])
