"""ReplicaSet controller · 副本集控制器

Keeps ``spec.replicas`` Pods alive: counts the ones it owns, creates what is missing, deletes what
is too many.  It never asks *why* the number is wrong, so a crash, a drained node and a person's
``kubectl delete`` are all repaired by the same line.

Upstream: pkg/controller/replicaset/replica_set.go, replica_set_utils.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers.adoption import Claim, selecting
from k8s_ref.controllers.controller import Controller, index_by_owner, orphans_of
from k8s_ref.controllers.expectations import Expectations
from k8s_ref.controllers.pods import (
    Roster,
    Standing,
    deletion_order,
    from_template,
    is_active,
    is_leaving,
    next_available,
)
from k8s_ref.machinery.errors import ApiError, NotFound
from k8s_ref.machinery.meta import Object, controller_of, key_of, with_path
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.sim.loop import SECOND, Loop

BURST = 500
"""At most so many Pods are created or deleted in one reconcile."""


POD, LABELS = attrgetter("pod"), attrgetter("labels")


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
        self.roster = Roster(self.pods)
        self.pods.on_change(self._pod_changed)
        index_by_owner(self.sets)

    async def reconcile(self, key: str) -> float | None:
        """Compare, then create or delete, then write down what there is."""
        rs = self.sets.get(key)
        if rs is None:
            self.expectations.forget(key)
            return None
        pods = await self._claim(rs)
        failure = None
        if self.expectations.satisfied(key) and "deletionTimestamp" not in rs["metadata"]:
            there = list(map(POD, pods))
            plan = what_to_do(rs, there, partial(self._related, rs), self._now())
            try:
                await self._carry_out(rs, plan)
            except (ApiError, TimeoutError) as error:
                failure = error
        status = await self._write_status(rs, pods, failure)
        if failure is not None:
            raise failure
        return self._next_look(rs, pods, status)

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
        wanted = from_template(rs["spec"]["template"], rs)
        done, batch = 0, 1
        while done < count:
            for _ in range(min(batch, count - done)):
                try:
                    pod = await self.api.create("pods", wanted)
                except (ApiError, TimeoutError) as error:
                    self._give_up(key, count - done)
                    if _terminating(error):
                        return
                    self.recorder.event(rs, "Warning", "FailedCreate", f"Error creating: {error}")
                    raise
                done += 1
                self.recorder.event(rs, "Normal", "SuccessfulCreate", f"Created pod: {_name(pod)}")
            batch *= 2

    def _give_up(self, key: str, missing: int) -> None:
        for _ in range(missing):
            self.expectations.creation_observed(key)

    async def _delete(self, rs: Object, key: str, pods: list[Object]) -> None:
        """Delete each of them; one that cannot be deleted does not save the others."""
        self.expectations.expect_deletions(key, [key_of(pod) for pod in pods])
        failures: list[Exception] = []
        for pod in pods:
            try:
                await self.api.delete("pods", key_of(pod), uid=pod["metadata"]["uid"])
            except NotFound:
                self.expectations.deletion_observed(key, key_of(pod))
            except (ApiError, TimeoutError) as error:
                self.expectations.deletion_observed(key, key_of(pod))
                self.recorder.event(rs, "Warning", "FailedDelete", f"Error deleting: {error}")
                failures.append(error)
            else:
                text = f"Deleted pod: {_name(pod)}"
                self.recorder.event(rs, "Normal", "SuccessfulDelete", text)
        if failures:
            raise failures[0]

    # -- whose Pods are these

    async def _claim(self, rs: Object) -> list[Standing]:
        """The active Pods that are owned already, and those just adopted."""
        mine = list(self.roster.of(rs["metadata"]["uid"]))
        selector = from_label_selector(rs["spec"]["selector"])
        # Pods of one template share the very same labels: one look serves them all.
        labels = list(map(LABELS, mine))
        distinct = dict(zip(map(id, labels), labels, strict=True))
        others = {which for which, found in distinct.items() if not selector.matches(found)}
        strays = [each.pod for each in mine if id(each.labels) in others] if others else []
        kept = [each for each in mine if id(each.labels) not in others] if others else mine
        orphans = self.pods.by("owner", orphans_of(rs["metadata"]["namespace"]))
        claim = Claim(self.api, "replicasets", rs, "pods", selector)
        adopted = await claim.of((*strays, *filter(is_active, orphans)))
        return [*kept, *map(Standing.of, adopted)]

    def _related(self, rs: Object) -> list[Object]:
        """Pods of all ReplicaSets of the same owner, to see which nodes are crowded."""
        owner = controller_of(rs)
        family = self.sets.by("owner", owner["uid"]) if owner else [rs]
        return [pod for each in family for pod in self.pods.by("owner", each["metadata"]["uid"])]

    # -- status

    async def _write_status(
        self, rs: Object, pods: list[Standing], failure: Exception | None
    ) -> Object:
        past = self.roster.of(rs["metadata"]["uid"], active=False)
        leaving = sum(is_leaving(each.pod) for each in past)
        status = status_of(rs, pods, leaving, self._now())
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
        for key in selecting(self.sets, pod):
            self.queue.add(key)

    def _next_look(self, rs: Object, pods: list[Standing], status: Object) -> float | None:
        """Ready is not yet available: look again when the next Pod has been ready long enough."""
        if status.get("readyReplicas", 0) == status.get("availableReplicas", 0):
            return None
        return next_available(pods, rs["spec"].get("minReadySeconds", 0), self._now())

    def _now(self) -> int:
        return self.loop.epoch + self.loop.now // SECOND


def what_to_do(
    rs: Object, pods: list[Object], related: Callable[[], Iterable[Object]], now: int
) -> Plan:
    """How many Pods to create, or which to delete: the whole controller in one comparison.

    ``related`` is asked only when somebody has to go.

    >>> what_to_do({"spec": {"replicas": 3}}, [], list, 0)
    Plan(create=3, delete=[])
    """
    missing = rs["spec"]["replicas"] - len(pods)
    if missing >= 0:
        return Plan(min(missing, BURST), [])
    return Plan(0, deletion_order(pods, related(), now)[: min(-missing, BURST)])


def status_of(rs: Object, pods: list[Standing], leaving: int, now: int) -> Object:
    """The status these Pods amount to; numbers that are zero are left out, as upstream does."""
    labels = (rs["spec"]["template"].get("metadata") or {}).get("labels") or {}
    seconds = rs["spec"].get("minReadySeconds", 0)
    ready = [each for each in pods if each.ready_since is not None]
    found = list(map(LABELS, pods))
    # Pods of one template have the very same labels, which is quickly seen.
    alike = found.count(labels)
    others = [each for each in found if each != labels] if alike < len(found) else []
    counts = {
        "fullyLabeledReplicas": sum(labels.items() <= each.items() for each in others) + alike,
        "readyReplicas": len(ready),
        "availableReplicas": sum(each.is_available(seconds, now) for each in ready)
        if seconds
        else len(ready),
    }
    return {
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": leaving,
        "observedGeneration": rs["metadata"]["generation"],
    }


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


def _terminating(error: Exception) -> bool:
    """Whether the namespace is going: nothing can be made in it any more, and nobody need know."""
    causes = error.causes if isinstance(error, ApiError) else ()
    return any(cause.reason == "NamespaceTerminating" for cause in causes)
