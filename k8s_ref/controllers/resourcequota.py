"""ResourceQuota controller · 资源配额控制器

Counts again what a namespace uses and writes it into the quota's status.  Admission only ever adds
to that number; when something is deleted, ends or shrinks, it is this controller that gives back.
It never refuses anything, so a quota smaller than what is there already is merely full.

Upstream: pkg/controller/resourcequota/resource_quota_controller.go
"""

from __future__ import annotations

from functools import partial

from k8s_ref.apiserver.admission.usage import (
    ZERO,
    Usage,
    added,
    amounts,
    matches,
    texts,
    tracks,
    usage_of,
)
from k8s_ref.client.client import Client
from k8s_ref.client.informer import InformerFactory
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.controllers.controller import Controller
from k8s_ref.machinery.kinds import Kind, Kinds
from k8s_ref.machinery.meta import Object, key_of, namespace_of
from k8s_ref.sim.loop import SECOND, Loop

RESYNC_SECONDS = 300.0
"""Every quota is counted anew so often, whatever was missed."""


class ResourceQuotaController(Controller):
    """Writes: the status of ResourceQuotas."""

    name = "resourcequota-controller"
    resource, kind = "resourcequotas", "ResourceQuota"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        self.api, self.informers, self.loop = api.named(self.name), informers, loop
        self.queue = WorkQueue(loop)
        self.quotas = informers["resourcequotas"]
        self.quotas.on_change(self._quota_changed)

    def start(self) -> None:
        """Listen to everything that can be counted, then work."""
        self.loop.spawn(self._listen, name=self.name)
        super().start()

    async def _listen(self) -> None:
        for kind in countable(self.api.kinds):
            self.informers[self._shared(kind)].on_change(partial(self._changed, kind))
        await self.informers.start()

    def _quota_changed(self, what: str, quota: Object, old: Object | None) -> None:
        # What admission charged is not counted yet: a look at once would take it back.
        if old is None or old["spec"] != quota["spec"]:
            self.queue.add(key_of(quota))

    def _changed(self, kind: Kind, what: str, obj: Object, old: Object | None) -> None:
        """Give back what an object no longer uses: it is gone, or uses less."""
        # Most namespaces have no quota, and to know what a Pod uses takes a while.
        if what == "ADDED" or old is None or not (concerned := self._concerned(kind, obj)):
            return
        if what == "DELETED" or _gives_back(kind, obj, old, self._now()):
            for key in concerned:
                self.queue.add(key)

    def _concerned(self, kind: Kind, obj: Object) -> list[str]:
        """The quotas that count such an object."""
        namespace, found = namespace_of(obj), []
        for key, quota in sorted(self.quotas.objects.items()):
            limited = quota["spec"].get("hard") or ()
            if namespace_of(quota) == namespace and any(tracks(kind, name) for name in limited):
                found.append(key)
        return found

    def _shared(self, kind: Kind) -> str:
        """The name under which all components share one informer."""
        return kind.plural if self.api.kinds[kind.plural] is kind else kind.resource

    def _now(self) -> int:
        return self.loop.now + self.loop.epoch * SECOND

    async def reconcile(self, key: str) -> float | None:
        """Count, and write if the status says something else."""
        quota = self.quotas.get(key)
        if quota is None:
            return None
        hard, status = quota["spec"].get("hard") or {}, quota.get("status") or {}
        used = texts(self._used(quota))
        if status.get("hard") != hard or amounts(status.get("used")) != amounts(used):
            status = {"hard": hard, "used": used}
            await self.api.update_status("resourcequotas", {**quota, "status": status})
        return RESYNC_SECONDS

    def _used(self, quota: Object) -> Usage:
        """The sum of what all objects of the namespace use, of that which is limited."""
        hard, namespace, now = quota["spec"].get("hard") or {}, namespace_of(quota), self._now()
        kinds = [k for k in countable(self.api.kinds) if any(tracks(k, name) for name in hard)]
        found: Usage = {name: ZERO for name in hard if any(tracks(k, name) for k in kinds)}
        for kind in kinds:
            objects = self.informers[self._shared(kind)].objects
            theirs = [o for k, o in objects.items() if k.startswith(f"{namespace}/")]
            uses = [usage_of(kind, obj, now) for obj in theirs if matches(quota, kind, obj)]
            found = added((found, *({n: u[n] for n in u if n in found} for u in uses)))
        return found


def countable(kinds: Kinds) -> list[Kind]:
    """The kinds quotas may count: those that live in a namespace and can be listed, once each;
    not Events, which are free."""
    found: dict[str, Kind] = {}
    for kind in kinds:
        listed = {"create", "list", "watch"} <= set(kind.verbs)
        if kind.namespaced and listed and kind.kind != "Event":
            found.setdefault(kind.resource, kind)
    return list(found.values())


def _gives_back(kind: Kind, new: Object, old: Object, now: int) -> bool:
    if kind.resource not in ("pods", "services", "persistentvolumeclaims"):
        return False
    before, after = usage_of(kind, old, now), usage_of(kind, new, now)
    return any(after.get(name, ZERO) < amount for name, amount in before.items())
