"""Disruption controller · 中断预算控制器

Counts the healthy Pods of every PodDisruptionBudget and writes how many may go.  It deletes
nothing itself: whoever wants to evict a Pod asks the API server, which takes one from the number
written here, and this controller counts anew.  A Pod about to be evicted counts as gone, so that
nobody is given the same Pod twice.

Upstream: pkg/controller/disruption/disruption.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.apiserver.eviction import allowance
from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.client.workqueue import WorkQueue
from k8s_ref.controllers.controller import Controller
from k8s_ref.controllers.deployment_rolling import scaled_value
from k8s_ref.controllers.pods import is_ready
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import (
    Object,
    condition_of,
    controller_of,
    key_of,
    namespace_of,
    set_condition,
    with_path,
)
from k8s_ref.machinery.selectors import format_label_selector, from_label_selector
from k8s_ref.machinery.timestamps import parse, timestamp
from k8s_ref.sim.loop import SECOND, Loop

DELETION_SECONDS = 120
"""A Pod that was to be evicted and is still there after so long was not deleted after all."""

STALE_SECONDS = 120
"""The condition that announced the end of such a Pod is taken back after so long."""

SCALES = {
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets",
    "Deployment": "deployments",
}
"""Controllers of Pods that say how many there should be."""


class DisruptionController(Controller):
    """Writes: the status of PodDisruptionBudgets, and takes back stale DisruptionTargets."""

    name = "disruption-controller"
    resource, kind = "poddisruptionbudgets", "PodDisruptionBudget"

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.budgets, self.pods = informers["poddisruptionbudgets"], informers["pods"]
        self.recorder = EventRecorder(self.api, loop, "controllermanager")
        self.stale = WorkQueue(loop)
        self.pods.on_change(self._pod_changed)
        for resource in SCALES.values():
            informers.informer(resource)

    def start(self) -> None:
        """Work on budgets, and beside that on Pods that were spared."""
        super().start()
        self.loop.spawn(self._clear_stale, name=f"{self.name}/stale")

    def _pod_changed(self, what: str, pod: Object, old: Object | None) -> None:
        versions = [pod] if old is None else [pod, old]
        for key, budget in sorted(self.budgets.objects.items()):
            if _is_in(pod, budget) and any(_selects(budget, version) for version in versions):
                self.queue.add(key)
        if what != "DELETED" and (wait := self._stale_in(pod)) is not None:
            self.stale.add_after(key_of(pod), max(wait, 0.0))

    async def reconcile(self, key: str) -> float | None:
        """Count, and write if the status says something else."""
        budget = self.budgets.get(key)
        if budget is None:
            return None
        pods = [p for p in self.pods.list() if _is_in(p, budget) and _selects(budget, p)]
        if not pods:
            self.recorder.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected, desired = self._expected(budget, pods)
        except LookupError as error:
            await self._fail_safe(budget, str(error))
            return None
        going, again = self._going(budget, pods)
        healthy = sum(is_ready(p) for p in pods if not _is_going(p) and _name(p) not in going)
        await self._write(budget, healthy, desired, expected, going)
        return again

    async def _write(
        self, budget: Object, healthy: int, desired: int, expected: int, going: Object
    ) -> None:
        old = budget.get("status") or {}
        status = {
            "observedGeneration": budget["metadata"].get("generation", 0),
            **({"disruptedPods": going} if going else {}),
            # A budget that sees no Pods allows nothing: its first ones may be on their way.
            "disruptionsAllowed": max(0, healthy - desired) if expected > 0 else 0,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
        }
        conditions = old.get("conditions") or []
        status["conditions"] = set_condition(conditions, allowance(status), self._now())
        if status != old:
            await self.api.update_status("poddisruptionbudgets", {**budget, "status": status})

    async def _fail_safe(self, budget: Object, why: str) -> None:
        """Whoever cannot count must not let anybody go."""
        message = f"Failed to calculate the number of expected pods: {why}"
        reason = "CalculateExpectedPodCountFailed"
        self.recorder.event(budget, "Warning", reason, message)
        old = budget.get("status") or {}
        condition = {**allowance({**old, "disruptionsAllowed": 0}), "reason": "SyncFailed",
                     "message": why}  # fmt: skip
        conditions = set_condition(old.get("conditions") or [], condition, self._now())
        status = {**old, "disruptionsAllowed": 0, "conditions": conditions}
        if status != old:
            await self.api.update_status("poddisruptionbudgets", {**budget, "status": status})

    # -- how many there should be

    def _expected(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """How many Pods there should be, and how many of them healthy."""
        spec = budget["spec"]
        least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
        if most is None and not isinstance(least, str):
            return len(pods), least or 0
        expected = self._scale(budget, pods)
        if most is None:
            return expected, scaled_value(least or 0, expected, up=True)
        return expected, max(0, expected - scaled_value(most, expected, up=True))

    def _scale(self, budget: Object, pods: Iterable[Object]) -> int:
        """The sum of what the controllers of these Pods want; ``LookupError`` if one is unknown."""
        scales: dict[str, int] = {}
        alone = []
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                alone.append(pod)
            elif owner["uid"] not in scales:
                found = self._scale_of(namespace_of(pod), owner)
                if found is None:
                    raise LookupError(f'found no controllers for pod "{_name(pod)}"')
                scales |= found
        if alone:
            selector = format_label_selector((budget.get("spec") or {}).get("selector"))
            self.recorder.event(budget, "Warning", "UnmanagedPods", _UNMANAGED.format(selector))
        # A Deployment counts once, however many ReplicaSets it has at present.
        return sum(scales.values())

    def _scale_of(self, namespace: str, owner: Object) -> dict[str, int] | None:
        resource = SCALES.get(owner["kind"])
        if resource is None:
            return None
        found = self.informers[resource].get(f"{namespace}/{owner['name']}")
        if found is None or found["metadata"]["uid"] != owner["uid"]:
            return None
        above = controller_of(found)
        if above is not None and above["kind"] == "Deployment":
            return self._scale_of(namespace, above)
        return {found["metadata"]["uid"]: found["spec"].get("replicas", 1)}

    # -- Pods on their way out

    def _going(self, budget: Object, pods: list[Object]) -> tuple[Object, float | None]:
        """The Pods that are to be evicted and not deleted yet; seconds until the first is late."""
        noted = (budget.get("status") or {}).get("disruptedPods") or {}
        going, waits = {}, []
        for pod in pods:
            since = noted.get(_name(pod))
            if since is None or _is_going(pod):
                continue
            wait = self._wait(since, DELETION_SECONDS)
            if wait >= 0:
                going[_name(pod)] = since
                waits.append(wait)
            else:
                where = f"{namespace_of(budget)}/{namespace_of(budget)}"
                why = f"Pod was expected by PDB {where} to be deleted but it wasn't"
                self.recorder.event(pod, "Warning", "NotDeleted", why)
        return going, min(waits) + 1 if waits else None

    def _stale_in(self, pod: Object) -> float | None:
        """Seconds until the announcement that this Pod goes is no longer believed."""
        said = condition_of(pod, "DisruptionTarget")
        if said is None or said["status"] != "True" or _is_going(pod):
            return None
        ended = pod["status"].get("phase") in ("Succeeded", "Failed")
        if ended or said.get("reason") == "TerminationByKubelet":
            return None
        return self._wait(said["lastTransitionTime"], STALE_SECONDS)

    async def _clear_stale(self) -> None:
        while True:
            key = await self.stale.get()
            pod = self.pods.get(key)
            wait = self._stale_in(pod) if pod is not None else None
            try:
                if pod is not None and wait is not None and wait <= 0:
                    taken_back = {"type": "DisruptionTarget", "status": "False",
                                  "lastProbeTime": None}  # fmt: skip
                    conditions = set_condition(pod["status"]["conditions"], taken_back, self._now())
                    changed = with_path(pod, ("status", "conditions"), conditions)
                    await self.api.update_status("pods", changed)
            except (ApiError, TimeoutError) as error:
                self.stale.add_rate_limited(key)
                self.loop.record(self.name, "retry", f"pods/{key}", str(error))
            finally:
                self.stale.done(key)

    def _wait(self, since: str, seconds: int) -> float:
        now = self.loop.now + self.loop.epoch * SECOND
        return (parse(since) + seconds * SECOND - now) / SECOND

    def _now(self) -> str:
        return timestamp(self.loop.now, self.loop.epoch)


_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a"
    " result, the status of the PDB cannot be calculated correctly, which may result in undefined"
    ' behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an'
    " integer value."
)


def _selects(budget: Object, pod: Object) -> bool:
    return from_label_selector((budget.get("spec") or {}).get("selector")).selects(pod)


def _is_in(pod: Object, budget: Object) -> bool:
    return namespace_of(pod) == namespace_of(budget)


def _is_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])
