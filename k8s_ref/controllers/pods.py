"""Pods as controllers judge them · 控制器眼中的 Pod

Is it active, ready, available; which of several should go first; what does one made from a
template look like.  Every controller that keeps a number of Pods asks these same questions.

Upstream: pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from k8s_ref.client.informer import Informer
from k8s_ref.machinery.meta import (
    Object,
    condition_of,
    controller_of,
    key_of,
    owner_reference,
    set_condition,
    with_path,
)
from k8s_ref.machinery.timestamps import parse
from k8s_ref.sim.loop import SECOND

PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class Standing(NamedTuple):
    """How one version of a Pod stands with a controller that counts Pods."""

    pod: Object
    labels: Object
    active: bool
    ready_since: int | None

    @classmethod
    def of(cls, pod: Object) -> Standing:
        """Judge a Pod."""
        return cls(pod, pod["metadata"].get("labels") or {}, is_active(pod), ready_since(pod))

    def is_available(self, min_ready_seconds: int, now: int) -> bool:
        """Ready for at least ``min_ready_seconds``, at ``now`` seconds since 1970."""
        since = self.ready_since
        return since is not None and (min_ready_seconds == 0 or since + min_ready_seconds <= now)


class Roster:
    """The Pods of every controller, each judged once when it changed and not at every count.
    Writes: itself, from the informer's events only."""

    def __init__(self, pods: Informer) -> None:
        self._of: dict[tuple[str, bool], dict[str, Standing]] = {}
        pods.on_change(self._changed)

    def of(self, uid: str, active: bool = True) -> Iterable[Standing]:
        """The active Pods whose controller has this uid, or the others."""
        return self._of.get((uid, active), {}).values()

    def _changed(self, kind: str, pod: Object, old: Object | None) -> None:
        key = key_of(pod)
        if old is not None and (before := controller_of(old)) is not None:
            place = before["uid"], is_active(old)
            there = self._of[place]
            del there[key]
            if not there:
                del self._of[place]
        if kind != "DELETED" and (owner := controller_of(pod)) is not None:
            standing = Standing.of(pod)
            self._of.setdefault((owner["uid"], standing.active), {})[key] = standing


def is_active(pod: Object) -> bool:
    """Neither finished nor on its way out."""
    finished = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not finished and not is_leaving(pod)


def is_leaving(pod: Object) -> bool:
    """On its way out."""
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether the kubelet says that it can serve."""
    return (condition_of(pod, "Ready") or {}).get("status") == "True"


def ready_since(pod: Object) -> int | None:
    """Seconds since 1970 when it became ready, or None."""
    condition = condition_of(pod, "Ready")
    if condition is None or condition["status"] != "True":
        return None
    return parse(condition["lastTransitionTime"]) // SECOND


def next_available(pods: Iterable[Standing], min_ready_seconds: int, now: int) -> float | None:
    """Seconds until the next Pod that is ready becomes available, or None if none will."""
    times = [since + min_ready_seconds - now for each in pods if (since := each.ready_since)]
    return float(min(waits)) if (waits := [time for time in times if time > 0]) else None


def from_template(template: Object, owner: Object) -> Object:
    """The Pod a template describes, owned and controlled by ``owner``."""
    meta = template.get("metadata") or {}
    metadata = {
        "generateName": owner["metadata"]["name"] + "-",
        "namespace": owner["metadata"]["namespace"],
        "ownerReferences": [owner_reference(owner)],
    }
    for name in ("labels", "annotations", "finalizers"):
        if meta.get(name):
            metadata[name] = meta[name]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def with_disruption(pod: Object, reason: str, message: str, now: str) -> Object:
    """The Pod with the condition that says who ends it early, and why; the same if it says so."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "observedGeneration": pod["metadata"].get("generation", 0),
        "lastProbeTime": None,
        "reason": reason,
        "message": message,
    }
    old = pod["status"].get("conditions") or []
    said = condition_of(pod, "DisruptionTarget")
    if said is not None and said["reason"] == reason:
        return pod
    return with_path(pod, ("status", "conditions"), set_condition(old, condition, now))


def deletion_order(pods: Iterable[Object], related: Iterable[Object], now: int) -> list[Object]:
    """The Pods in the order in which to delete them, the least missed first.

    ``related`` are all Pods of the same owner family: of several on one node one goes first.
    """
    neighbours: dict[str, int] = {}
    for pod in related:
        if is_active(pod) and (node := pod["spec"].get("nodeName")):
            neighbours[node] = neighbours.get(node, 0) + 1

    def rank(pod: Object) -> tuple[object, ...]:
        meta, node = pod["metadata"], pod["spec"].get("nodeName", "")
        created = parse(meta["creationTimestamp"]) // SECOND
        return (
            bool(node),
            PHASE_ORDER.get(pod["status"].get("phase", ""), 0),
            is_ready(pod),
            _deletion_cost(pod),
            -neighbours.get(node, 0),
            _magnitude(now - since) if (since := ready_since(pod)) is not None else 0,
            *_restarts(pod),
            _magnitude(now - created),
            meta["uid"],
        )

    return sorted(pods, key=rank)


def _deletion_cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _magnitude(seconds: int) -> int:
    """The power of two below an age in nanoseconds: ages of one magnitude count as equal, so that
    chance (the uid) decides among them and not the second in which they were made."""
    return (max(seconds, 0) * SECOND).bit_length()


def _restarts(pod: Object) -> tuple[int, int]:
    """Who restarted most goes first; the sidecars count when the containers are equal."""
    status, inits = pod["status"], pod["spec"].get("initContainers") or ()
    sidecars = {c["name"] for c in inits if c.get("restartPolicy") == "Always"}
    of_inits = [s for s in status.get("initContainerStatuses") or () if s["name"] in sidecars]
    return -_most(status.get("containerStatuses") or ()), -_most(of_inits)


def _most(statuses: Iterable[Object]) -> int:
    return max((status["restartCount"] for status in statuses), default=0)
