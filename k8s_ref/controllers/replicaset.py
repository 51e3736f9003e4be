"""ReplicaSet controller · 副本集控制器

Keeps ``spec.replicas`` Pods alive: counts the ones it owns, creates what is missing, deletes what
is too many.  It never asks *why* the number is wrong, so a crash, a drained node and a person's
``kubectl delete`` are all repaired by the same line.

Upstream: pkg/controller/replicaset/replica_set.go, replica_set_utils.go
"""

from __future__ import annotations

from dataclasses import dataclass

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.controller import Controller
from k8s_ref.controllers.expectations import Expectations
from k8s_ref.controllers.pods import (
    deletion_order,
    from_template,
    is_active,
    is_available,
    is_ready,
)
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, controller_of, key_of, owner_reference, with_path
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.sim.loop import SECOND, Loop

BURST = 500
"""At most so many Pods are created or deleted in one reconcile."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What to do about the number of Pods."""

    create: int
    delete: list[Object]


class ReplicaSetController(Controller):
    """Writes: Pods of ReplicaSets, and the status of ReplicaSets."""

    name = "replicaset-controller"
    resource, kind, owns = "replicasets", "ReplicaSet", ("pods",)

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.sets, self.pods = informers["replicasets"], informers["pods"]
        self.expectations = Expectations(loop)
        self.recorder = EventRecorder(self.api, loop, self.name)
        self.pods.on_change(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Compare, then create or delete, then write down what there is."""
        rs = self.sets.get(key)
        if rs is None:
            self.expectations.forget(key)
            return None
        pods = await self._claim(rs, self._candidates(rs))
        failure = None
        if self.expectations.satisfied(key) and "deletionTimestamp" not in rs["metadata"]:
            plan = what_to_do(rs, pods, self._related(rs), self._now())
            try:
                await self._carry_out(rs, plan)
            except (ApiError, TimeoutError) as error:
                failure = error
        status = await self._write_status(rs, pods, failure)
        if failure is not None:
            raise failure
        return _until_available(rs, status)

    async def _carry_out(self, rs: Object, plan: Plan) -> None:
        key = key_of(rs)
        if plan.create or plan.delete:
            note = f"{plan.create:+d}" if plan.create else f"-{len(plan.delete)}"
            self.loop.record(self.name, "expect", f"replicasets/{key}", f"{note} Pods")
        if plan.create:
            await self._create(rs, key, plan.create)
        if plan.delete:
            await self._delete(rs, key, plan.delete)

    async def _create(self, rs: Object, key: str, count: int) -> None:
        """Create in batches of 1, 2, 4 … and stop at the first that fails: if the first Pod is
        refused (a quota, say) the next five hundred would be too."""
        self.expectations.expect_creations(key, count)
        done, batch = 0, 1
        while done < count:
            for _ in range(min(batch, count - done)):
                try:
                    pod = await self.api.create("pods", from_template(rs["spec"]["template"], rs))
                except (ApiError, TimeoutError) as error:
                    self._give_up(rs, key, count - done, error)
                    raise
                done += 1
                self.recorder.event(rs, "Normal", "SuccessfulCreate", f"Created pod: {_name(pod)}")
            batch *= 2

    def _give_up(self, rs: Object, key: str, missing: int, error: Exception) -> None:
        for _ in range(missing):
            self.expectations.creation_observed(key)
        self.recorder.event(rs, "Warning", "FailedCreate", f"Error creating: {error}")

    async def _delete(self, rs: Object, key: str, pods: list[Object]) -> None:
        self.expectations.expect_deletions(key, [key_of(pod) for pod in pods])
        for pod in pods:
            try:
                await self.api.delete("pods", key_of(pod), uid=pod["metadata"]["uid"])
            except NotFound:
                self.expectations.deletion_observed(key, key_of(pod))
            except (ApiError, TimeoutError):
                self.expectations.deletion_observed(key, key_of(pod))
                raise
            else:
                text = f"Deleted pod: {_name(pod)}"
                self.recorder.event(rs, "Normal", "SuccessfulDelete", text)

    # -- whose Pods are these

    def _candidates(self, rs: Object) -> list[Object]:
        """Active Pods that are owned already, and orphans of the same namespace."""
        namespace = rs["metadata"]["namespace"]
        owned = self.pods.by("owner", rs["metadata"]["uid"])
        orphans = (p for p in self.pods.by("owner", "") if p["metadata"]["namespace"] == namespace)
        return [pod for pod in (*owned, *orphans) if is_active(pod)]

    async def _claim(self, rs: Object, candidates: list[Object]) -> list[Object]:
        """Adopt orphans the selector matches, release owned Pods it no longer matches."""
        selector = from_label_selector(rs["spec"]["selector"])
        claimed = []
        for pod in candidates:
            matches = selector.matches(pod["metadata"].get("labels") or {})
            owned = controller_of(pod) is not None
            if matches and not owned and "deletionTimestamp" not in rs["metadata"]:
                change = {"ownerReferences": [owner_reference(rs)], "uid": pod["metadata"]["uid"]}
                await self._patch_metadata(pod, change)
            elif owned and not matches:
                await self._patch_metadata(pod, {"ownerReferences": None})
            if matches:
                claimed.append(pod)
        return claimed

    async def _patch_metadata(self, pod: Object, change: Object) -> None:
        try:
            await self.api.patch("pods", key_of(pod), {"metadata": change})
        except NotFound:
            # It was deleted meanwhile: nobody's any more.
            return

    def _related(self, rs: Object) -> list[Object]:
        """Pods of all ReplicaSets of the same owner, to see which nodes are crowded."""
        owner = controller_of(rs)
        if owner is None:
            return list(self.pods.by("owner", rs["metadata"]["uid"]))
        return [
            pod
            for other in self.sets.list()
            if (controller_of(other) or {}).get("uid") == owner["uid"]
            for pod in self.pods.by("owner", other["metadata"]["uid"])
        ]

    # -- status

    async def _write_status(
        self, rs: Object, pods: list[Object], failure: Exception | None
    ) -> Object:
        leaving = [
            pod
            for pod in self.pods.by("owner", rs["metadata"]["uid"])
            if "deletionTimestamp" in pod["metadata"]
        ]
        status = status_of(rs, pods, len(leaving), self._now())
        conditions = self._conditions(rs, failure)
        if conditions:
            status["conditions"] = conditions
        if status != rs["status"]:
            await self.api.update_status("replicasets", with_path(rs, ("status",), status))
        return status

    def _conditions(self, rs: Object, failure: Exception | None) -> list[Object]:
        """``ReplicaFailure`` is there exactly while Pods cannot be created or deleted."""
        old: list[Object] = rs["status"].get("conditions") or []
        others = [c for c in old if c["type"] != "ReplicaFailure"]
        if failure is None:
            return others
        if len(old) > len(others):
            return old
        return [*others, _failure(rs, failure, self.recorder.now())]

    def _pod_changed(self, kind: str, pod: Object, old: Object | None) -> None:
        """Take what arrived off the expectations, and wake those who might adopt an orphan."""
        owner = controller_of(pod)
        if owner is None:
            self._wake_adopters(pod)
        elif owner["kind"] == self.kind:
            key = f"{pod['metadata']['namespace']}/{owner['name']}"
            if kind == "ADDED":
                self.expectations.creation_observed(key)
            if kind == "DELETED" or "deletionTimestamp" in pod["metadata"]:
                self.expectations.deletion_observed(key, key_of(pod))

    def _wake_adopters(self, pod: Object) -> None:
        meta = pod["metadata"]
        for rs in self.sets.list():
            if rs["metadata"]["namespace"] == meta["namespace"]:
                selector = from_label_selector(rs["spec"]["selector"])
                if selector.matches(meta.get("labels") or {}):
                    self.queue.add(key_of(rs))

    def _now(self) -> int:
        return self.loop.epoch + self.loop.now // SECOND


def what_to_do(rs: Object, pods: list[Object], related: list[Object], now: int) -> Plan:
    """How many Pods to create, or which to delete: the whole controller in one comparison.

    >>> what_to_do({"spec": {"replicas": 3}}, [], [], 0)
    Plan(create=3, delete=[])
    """
    missing = rs["spec"]["replicas"] - len(pods)
    if missing >= 0:
        return Plan(min(missing, BURST), [])
    return Plan(0, deletion_order(pods, related, now)[: min(-missing, BURST)])


def status_of(rs: Object, pods: list[Object], leaving: int, now: int) -> Object:
    """The status these Pods amount to; numbers that are zero are left out, as upstream does."""
    labels = (rs["spec"]["template"].get("metadata") or {}).get("labels") or {}
    seconds = rs["spec"].get("minReadySeconds", 0)
    counts = {
        "fullyLabeledReplicas": sum(
            labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods
        ),
        "readyReplicas": sum(map(is_ready, pods)),
        "availableReplicas": sum(is_available(pod, seconds, now) for pod in pods),
    }
    return {
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": leaving,
        "observedGeneration": rs["metadata"]["generation"],
    }


def _until_available(rs: Object, status: Object) -> float | None:
    """Ready is not yet available: look again when ``minReadySeconds`` have passed."""
    seconds: int = rs["spec"].get("minReadySeconds", 0)
    ready = status.get("readyReplicas", 0)
    waiting = ready == rs["spec"]["replicas"] and status.get("availableReplicas", 0) != ready
    return float(seconds) if seconds and waiting else None


def _failure(rs: Object, failure: Exception, now: str) -> Object:
    too_few = rs["status"].get("replicas", 0) < rs["spec"]["replicas"]
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "FailedCreate" if too_few else "FailedDelete",
        "message": str(failure),
    }


def _name(obj: Object) -> str:
    name: str = obj["metadata"]["name"]
    return name
