"""Deployment controller · Deployment 控制器

Turns a change of the template into a change of numbers: one ReplicaSet per template, the new one
grows while the old ones shrink.  It never touches a Pod; that is the ReplicaSets' work.  The one
idea: each reconcile takes one step and then waits for the Pods to answer through the status.

Upstream: pkg/controller/deployment/deployment_controller.go, sync.go, rolling.go, recreate.go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from k8s_ref.client.client import Client
from k8s_ref.client.events import EventRecorder
from k8s_ref.client.informer import InformerFactory
from k8s_ref.controllers import deployment_revisions as revisions
from k8s_ref.controllers import deployment_status as statuses
from k8s_ref.controllers.adoption import Claim, selecting
from k8s_ref.controllers.controller import Controller, index_by_owner, orphans_of
from k8s_ref.controllers.deployment_rolling import (
    DESIRED,
    Step,
    active,
    is_rolling,
    new_size,
    resize,
    shrink_old,
)
from k8s_ref.machinery.errors import AlreadyExists, ApiError, NotFound
from k8s_ref.machinery.meta import Object, condition_of, controller_of, key_of, with_path
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.sim.loop import SECOND, Loop

CATCH_UP = 1.0
"""Seconds until the next look if the cache does not show our own last write yet."""


@dataclass(slots=True, frozen=True)
class Rollout:
    """A Deployment and its ReplicaSets: the one of the present template, and all others."""

    deployment: Object
    new: Object | None
    old: Sequence[Object]


class DeploymentController(Controller):
    """Writes: ReplicaSets of Deployments, the status of Deployments and their revision."""

    name = "deployment-controller"
    resource, kind, owns = "deployments", "Deployment", ("replicasets",)

    def __init__(self, api: Client, informers: InformerFactory, loop: Loop) -> None:
        super().__init__(api, informers, loop)
        self.deployments, self.sets = informers["deployments"], informers["replicasets"]
        self.pods = informers["pods"]
        self.recorder = EventRecorder(self.api, loop, self.name)
        self._wrote: dict[str, dict[str, int]] = {}
        """Per Deployment and resource, the revision of the last write."""
        index_by_owner(self.pods)
        self.sets.on_change(self._set_changed)
        self.pods.on_change(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        """Take the next step of whatever is going on, then write down how things stand."""
        deployment = self.deployments.get(key)
        if deployment is None:
            self._wrote.pop(key, None)
            return None
        if self._is_behind(key):
            return CATCH_UP
        sets = await self._claim(deployment)
        rollout = Rollout(deployment, *revisions.split(deployment, sets))
        if "deletionTimestamp" in deployment["metadata"]:
            await self._write_counts(await self._sync_revision(rollout))
            return None
        rollout = await self._sync_revision(await self._sync_pause(rollout))
        if deployment["spec"].get("paused") or _is_scaling(rollout):
            await self._sync_size(rollout)
            return None
        if is_rolling(deployment):
            return await self._write_progress(await self._roll(rollout))
        return await self._write_progress(await self._recreate(rollout))

    # -- the ways to get there

    async def _roll(self, rollout: Rollout) -> Rollout:
        """Grow the new set if there is room, otherwise shrink the old ones, otherwise be done."""
        rollout = await self._with_new_set(rollout)
        deployment, new, old = rollout.deployment, rollout.new, rollout.old
        assert new is not None, "a rollout needs a new ReplicaSet"
        wanted = new_size(deployment, new, old)
        if wanted != new["spec"]["replicas"]:
            await self._take(rollout, [Step(new["metadata"]["name"], wanted)])
        elif steps := shrink_old(deployment, new, old):
            await self._take(rollout, steps)
        else:
            await self._clean_up_if_complete(rollout)
        return rollout

    async def _recreate(self, rollout: Rollout) -> Rollout:
        """First the end of every old Pod, only then the new ones."""
        running = active(rollout.old)
        if running:
            await self._take(rollout, [Step(rs["metadata"]["name"], 0) for rs in running])
            return rollout
        if self._old_pods_run(rollout):
            return rollout
        rollout = await self._with_new_set(rollout)
        assert rollout.new is not None, "a rollout needs a new ReplicaSet"
        replicas = rollout.deployment["spec"]["replicas"]
        if rollout.new["spec"]["replicas"] != replicas:
            await self._take(rollout, [Step(rollout.new["metadata"]["name"], replicas)])
        await self._clean_up_if_complete(rollout)
        return rollout

    def _old_pods_run(self, rollout: Rollout) -> bool:
        """Whether any Pod of an earlier template may still do something, terminating or not."""
        return any(
            pod["status"].get("phase") not in ("Succeeded", "Failed", "Unknown")
            for rs in rollout.old
            for pod in self.pods.by("owner", rs["metadata"]["uid"])
        ) or any(rs["status"].get("replicas", 0) for rs in rollout.old)

    async def _sync_size(self, rollout: Rollout) -> None:
        """Only follow ``spec.replicas``: nobody rolls while paused, nor in the same step."""
        await self._take(rollout, resize(rollout.deployment, rollout.new, rollout.old))
        if rollout.deployment["spec"].get("paused"):
            await self._clean_up(rollout)
        await self._write_counts(rollout)

    async def _take(self, rollout: Rollout, steps: Sequence[Step]) -> None:
        """Carry out the steps.  The rollout keeps the sets as they were: what became of a step is
        for the status of the ReplicaSets to say."""
        sets = {rs["metadata"]["name"]: rs for rs in (rollout.new, *rollout.old) if rs}
        for step in steps:
            sets[step.name] = await self._scale(rollout.deployment, sets[step.name], step.replicas)

    async def _scale(self, deployment: Object, rs: Object, replicas: int) -> Object:
        had, notes = rs["spec"]["replicas"], rs["metadata"].get("annotations") or {}
        scaled = with_path(rs, ("spec", "replicas"), replicas) if had != replicas else rs
        notes = {**notes, **revisions.replica_notes(deployment)}
        scaled = revisions.with_notes(scaled, notes)
        if scaled is rs:
            return rs
        if had != replicas:
            subject = f"replicasets/{key_of(rs)}"
            self.loop.record(self.name, "scale", subject, f"{had} to {replicas}")
        updated = self._written(deployment, await self.api.update("replicasets", scaled))
        if had != replicas:
            self._tell_scaled(deployment, rs, had, replicas)
        return updated

    def _tell_scaled(self, deployment: Object, rs: Object, had: int, replicas: int) -> None:
        way, name = "up" if had < replicas else "down", rs["metadata"]["name"]
        text = f"Scaled {way} replica set {name} from {had} to {replicas}"
        self.recorder.event(deployment, "Normal", "ScalingReplicaSet", text)

    # -- the new ReplicaSet, and the history

    async def _sync_revision(self, rollout: Rollout) -> Rollout:
        """An existing new set gets the annotations and the number it should have, and the
        Deployment says which number that is."""
        deployment, new = rollout.deployment, rollout.new
        if new is None:
            return rollout
        fresh = revisions.refreshed(deployment, new, rollout.old)
        if fresh is not new:
            new = self._written(deployment, await self.api.update("replicasets", fresh))
        status = deployment["status"]
        if statuses.has_deadline(deployment) and condition_of(deployment, "Progressing") is None:
            text = f'Found new replica set "{new["metadata"]["name"]}"'
            why = ("FoundNewReplicaSet", text)
            status = statuses.with_condition(status, "Progressing", "True", *why, self._now())
        number = new["metadata"]["annotations"][revisions.REVISION]
        deployment = await self._store_status(deployment, status, number)
        return replace(rollout, deployment=deployment, new=new)

    async def _with_new_set(self, rollout: Rollout) -> Rollout:
        """The rollout with the ReplicaSet of its template, made now if it is missing."""
        deployment = rollout.deployment
        if rollout.new is not None:
            return rollout
        new = revisions.new_replica_set(deployment, rollout.old)
        try:
            created = self._written(deployment, await self.api.create("replicasets", new))
        except AlreadyExists:
            return await self._found(rollout, new)
        except ApiError as error:
            await self._tell_failed(deployment, new, error)
            raise
        if created["spec"]["replicas"]:
            self._tell_scaled(deployment, created, 0, created["spec"]["replicas"])
        status, number = deployment["status"], created["metadata"]["annotations"]
        if statuses.has_deadline(deployment):
            text = f'Created new replica set "{created["metadata"]["name"]}"'
            why = ("NewReplicaSetCreated", text)
            status = statuses.with_condition(status, "Progressing", "True", *why, self._now())
        deployment = await self._store_status(deployment, status, number[revisions.REVISION])
        return Rollout(deployment, created, rollout.old)

    async def _found(self, rollout: Rollout, new: Object) -> Rollout:
        """The name is taken: by our own set, not seen yet, or by one of another template with
        the same hash, which then counts as a collision."""
        deployment = rollout.deployment
        there = await self.api.get("replicasets", key_of(new))
        owner = controller_of(there)
        ours = owner is not None and owner["uid"] == deployment["metadata"]["uid"]
        if ours and revisions.same_template(deployment, there):
            number = there["metadata"]["annotations"][revisions.REVISION]
            deployment = await self._store_status(deployment, deployment["status"], number)
            return Rollout(deployment, there, rollout.old)
        count = deployment["status"].get("collisionCount", 0) + 1
        await self._store_status(deployment, {**deployment["status"], "collisionCount": count})
        raise AlreadyExists(f"hash collision: {new['metadata']['name']} is another replica set")

    async def _tell_failed(self, deployment: Object, new: Object, error: ApiError) -> None:
        if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
            return
        text = f'Failed to create new replica set "{new["metadata"]["name"]}": {error}'
        self.recorder.event(deployment, "Warning", "ReplicaSetCreateError", text)
        if statuses.has_deadline(deployment):
            why = ("False", "ReplicaSetCreateError", text, self._now())
            status = statuses.with_condition(deployment["status"], "Progressing", *why)
            await self._store_status(deployment, status)

    async def _clean_up_if_complete(self, rollout: Rollout) -> None:
        if statuses.is_complete(rollout.deployment, rollout.deployment["status"]):
            await self._clean_up(rollout)

    async def _clean_up(self, rollout: Rollout) -> None:
        for rs in revisions.to_clean_up(rollout.deployment, rollout.old):
            try:
                await self.api.delete("replicasets", key_of(rs), uid=rs["metadata"]["uid"])
            except NotFound:
                continue

    # -- status

    async def _sync_pause(self, rollout: Rollout) -> Rollout:
        status = statuses.pausing(rollout.deployment, self._now())
        if status is None:
            return rollout
        return replace(rollout, deployment=await self._store_status(rollout.deployment, status))

    async def _write_counts(self, rollout: Rollout) -> None:
        deployment = rollout.deployment
        status = statuses.calculate(deployment, rollout.new, rollout.old, self._now())
        await self._store_status(deployment, status)

    async def _write_progress(self, rollout: Rollout) -> float | None:
        deployment, new, old = rollout.deployment, rollout.new, rollout.old
        status = statuses.calculate(deployment, new, old, self._now())
        status = statuses.with_progress(deployment, new, old, status, self._now())
        stored = await self._store_status(deployment, status)
        return statuses.next_check(stored, status, self._now()) if stored is deployment else None

    async def _store_status(self, deployment: Object, status: Object, number: str = "") -> Object:
        """Write the status, and the revision if given; nothing if that is what is there."""
        notes = deployment["metadata"].get("annotations") or {}
        if number and notes.get(revisions.REVISION) != number:
            noted = revisions.with_notes(deployment, {**notes, revisions.REVISION: number})
        else:
            noted = deployment
        if noted is deployment and status == deployment["status"]:
            return deployment
        changed = {**noted, "status": status}
        return self._written(deployment, await self.api.update_status("deployments", changed))

    # -- what the cache shows

    def _written(self, deployment: Object, obj: Object) -> Object:
        """Remember how new a cache has to be to show this write."""
        resource = "deployments" if obj["kind"] == self.kind else "replicasets"
        wrote = self._wrote.setdefault(key_of(deployment), {})
        wrote[resource] = max(wrote.get(resource, 0), int(obj["metadata"]["resourceVersion"]))
        return obj

    def _is_behind(self, key: str) -> bool:
        """Whether a cache is older than our own last write: nothing may be decided from it."""
        wrote = self._wrote.get(key, {})
        return self.deployments.revision < wrote.get("deployments", 0) or (
            self.sets.revision < wrote.get("replicasets", 0)
        )

    async def _claim(self, deployment: Object) -> list[Object]:
        owned = self.sets.by("owner", deployment["metadata"]["uid"])
        orphans = self.sets.by("owner", orphans_of(deployment["metadata"]["namespace"]))
        selector = from_label_selector(deployment["spec"]["selector"])
        claim = Claim(self.api, "deployments", deployment, "replicasets", selector)
        return await claim.of((*owned, *orphans))

    def _set_changed(self, _: str, rs: Object, __: Object | None) -> None:
        """An orphan wakes whoever may adopt it; children wake their owner anyway."""
        if controller_of(rs) is not None:
            return
        for key in selecting(self.deployments, rs):
            self.queue.add(key)

    def _pod_changed(self, kind: str, pod: Object, _: Object | None) -> None:
        """Whoever recreates waits for the last old Pod to be gone."""
        owner = controller_of(pod)
        if kind != "DELETED" or owner is None or owner["kind"] != "ReplicaSet":
            return
        namespace = pod["metadata"]["namespace"]
        rs = self.sets.get(f"{namespace}/{owner['name']}")
        above = controller_of(rs) if rs else None
        deployment = self.deployments.get(f"{namespace}/{above['name']}") if above else None
        if deployment is not None and not is_rolling(deployment):
            self.queue.add(key_of(deployment))

    def _now(self) -> int:
        """Nanoseconds since 1970."""
        return self.loop.epoch * SECOND + self.loop.now


def _is_scaling(rollout: Rollout) -> bool:
    """Whether ``spec.replicas`` changed: a ReplicaSet remembers another number."""
    desired = str(rollout.deployment["spec"]["replicas"])
    return any(
        (rs["metadata"].get("annotations") or {}).get(DESIRED, desired) != desired
        for rs in active([*rollout.old, rollout.new])
    )
