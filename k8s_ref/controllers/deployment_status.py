"""Status of a Deployment · Deployment 的状态

What a Deployment says about itself: the Pods of its ReplicaSets added up, whether enough of them
are available, and whether the rollout is getting anywhere.  The one idea: progress is a change
of the numbers; if none has been seen for ``progressDeadlineSeconds`` the rollout is called stuck.
Nothing is undone then, it is only said.

Upstream: pkg/controller/deployment/progress.go, sync.go, util/deployment_util.go
"""

from __future__ import annotations

from collections.abc import Sequence

from k8s_ref.controllers.deployment_revisions import UNLIMITED
from k8s_ref.controllers.deployment_rolling import max_unavailable, size
from k8s_ref.machinery.meta import Object, condition_of
from k8s_ref.machinery.timestamps import parse, timestamp
from k8s_ref.sim.loop import SECOND

AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
"""Reasons of the condition ``Progressing`` that are asked for later."""


def calculate(deployment: Object, new: Object | None, old: Sequence[Object], now: int) -> Object:
    """The counts of all ReplicaSets together, and the condition ``Available``; ``now`` in
    nanoseconds since 1970."""
    spec, status = deployment["spec"], deployment["status"]
    family = [*old, new] if new else [*old]
    available = _sum(family, "availableReplicas")
    counts = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": _sum(family, "replicas"),
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(family, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(size(family) - available, 0),
    }
    found = {name: count for name, count in counts.items() if count}
    found["terminatingReplicas"] = _sum(family, "terminatingReplicas")
    found["conditions"] = status.get("conditions") or []
    if "collisionCount" in status:
        found["collisionCount"] = status["collisionCount"]
    if available >= spec["replicas"] - max_unavailable(deployment):
        return with_condition(
            found, "Available", "True", "MinimumReplicasAvailable",
            "Deployment has minimum availability.", now,
        )  # fmt: skip
    return with_condition(
        found, "Available", "False", "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.", now,
    )  # fmt: skip


def _sum(sets: Sequence[Object], count: str) -> int:
    return sum(rs["status"].get(count, 0) for rs in sets)


def with_progress(
    deployment: Object, new: Object | None, old: Sequence[Object], status: Object, now: int
) -> Object:
    """The status with the conditions ``Progressing`` and ``ReplicaFailure`` brought up to date."""
    if not has_deadline(deployment):
        status = without_condition(status, "Progressing")
    elif not _was_complete(deployment, status):
        status = _progress(deployment, new, status, now)
    failures = [c for rs in (new, *old) if rs and (c := condition_of(rs, "ReplicaFailure"))]
    if not failures:
        return without_condition(status, "ReplicaFailure")
    since = parse(failures[0]["lastTransitionTime"])
    reason, message = failures[0]["reason"], failures[0]["message"]
    return with_condition(status, "ReplicaFailure", failures[0]["status"], reason, message, since)


def _progress(deployment: Object, new: Object | None, status: Object, now: int) -> Object:
    """Complete, getting on, or stuck: the first that is true is said."""
    whose = f'ReplicaSet "{new["metadata"]["name"]}"' if new else _quoted(deployment)
    if is_complete(deployment, status):
        message = f"{whose} has successfully progressed."
        return with_condition(status, "Progressing", "True", AVAILABLE, message, now)
    if _is_progressing(deployment["status"], status):
        message = f"{whose} is progressing."
        return _still_progressing(deployment, status, message, now)
    if _timed_out(deployment, status, now):
        message = f"{whose} has timed out progressing."
        return with_condition(status, "Progressing", "False", TIMED_OUT, message, now)
    return status


def _quoted(deployment: Object) -> str:
    return f'Deployment "{deployment["metadata"]["name"]}"'


def _still_progressing(deployment: Object, status: Object, message: str, now: int) -> Object:
    """Say it again even if it was said: the deadline counts from ``lastUpdateTime``."""
    before = condition_of(deployment, "Progressing")
    cleared = without_condition(status, "Progressing")
    said = with_condition(cleared, "Progressing", "True", "ReplicaSetUpdated", message, now)
    if before is None or before["status"] != "True":
        return said
    *others, last = said["conditions"]
    kept = {**last, "lastTransitionTime": before["lastTransitionTime"]}
    return {**said, "conditions": [*others, kept]}


def has_deadline(deployment: Object) -> bool:
    """Whether the rollout is expected to get on."""
    return bool(deployment["spec"].get("progressDeadlineSeconds", UNLIMITED) != UNLIMITED)


def is_complete(deployment: Object, status: Object) -> bool:
    """Every Pod is of the new template and available, and no old one is left."""
    replicas = deployment["spec"]["replicas"]
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    observed = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return observed and all(status.get(count, 0) == replicas for count in counts)


def _was_complete(deployment: Object, status: Object) -> bool:
    """Nothing rolls: a change of the numbers is then no progress, and its lack no failure."""
    before = condition_of(deployment, "Progressing")
    rolled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    return rolled and before is not None and before["reason"] == AVAILABLE


def _is_progressing(before: Object, now: Object) -> bool:
    def grew(count: str) -> bool:
        return bool(now.get(count, 0) > before.get(count, 0))

    def outdated(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    shrunk = outdated(now) < outdated(before)
    return shrunk or any(map(grew, ("updatedReplicas", "readyReplicas", "availableReplicas")))


def _timed_out(deployment: Object, status: Object, now: int) -> bool:
    condition = condition_of({"status": status}, "Progressing")
    if condition is None or condition["reason"] == AVAILABLE:
        return False
    return condition["reason"] == TIMED_OUT or _deadline(deployment, condition) < now


def _deadline(deployment: Object, condition: Object) -> int:
    seconds: int = deployment["spec"]["progressDeadlineSeconds"]
    return parse(condition["lastUpdateTime"]) + seconds * SECOND


def next_check(deployment: Object, status: Object, now: int) -> float | None:
    """Seconds until a rollout that does nothing has to be looked at again, to call it stuck."""
    condition = condition_of(deployment, "Progressing")
    if condition is None or not has_deadline(deployment) or is_complete(deployment, status):
        return None
    if condition["reason"] in (AVAILABLE, TIMED_OUT):
        # What was finished once is never called stuck, and what is stuck is called so already.
        return None
    return (_deadline(deployment, condition) - now) / SECOND + 1


def pausing(deployment: Object, now: int) -> Object | None:
    """The status that says it was paused or resumed, or None if that is said already.

    It restarts the clock of the deadline: a pause is not a lack of progress.
    """
    condition = condition_of(deployment, "Progressing")
    reason = condition["reason"] if condition else ""
    if not has_deadline(deployment) or reason == TIMED_OUT:
        return None
    paused = bool(deployment["spec"].get("paused"))
    if paused == (reason == PAUSED):
        return None
    why = (PAUSED, "Deployment is paused") if paused else _RESUMED
    return with_condition(deployment["status"], "Progressing", "Unknown", *why, now)


_RESUMED = ("DeploymentResumed", "Deployment is resumed")


def with_condition(
    status: Object, kind: str, value: str, reason: str, message: str, now: int
) -> Object:
    """The status with this condition at the end; unchanged if status and reason are the same."""
    before = condition_of({"status": status}, kind)
    if before and (before["status"], before["reason"]) == (value, reason):
        return status
    when = timestamp(now)
    same = before is not None and before["status"] == value
    since = before["lastTransitionTime"] if before and same else when
    condition = {
        "type": kind,
        "status": value,
        "lastUpdateTime": when,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    others = without_condition(status, kind).get("conditions") or []
    return {**status, "conditions": [*others, condition]}


def without_condition(status: Object, kind: str) -> Object:
    """The status without a condition; itself if it has none of that type."""
    conditions = status.get("conditions") or []
    kept = [condition for condition in conditions if condition["type"] != kind]
    return status if len(kept) == len(conditions) else {**status, "conditions": kept}
