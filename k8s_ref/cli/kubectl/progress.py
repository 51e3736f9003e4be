"""How far a rollout is · 发布的进度

One function for each kind that rolls out: it looks at an object and says how far it is, in one
line, and whether that is the end.

Upstream: staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go
"""

from __future__ import annotations

from collections.abc import Callable

from k8s_ref.machinery.errors import show
from k8s_ref.machinery.meta import Object, condition_of

Viewer = Callable[[Object], tuple[str, bool]]


def deployment(obj: Object) -> tuple[str, bool]:
    """How far a Deployment is.

    >>> deployment({"metadata": {"name": "web", "generation": 2}, "spec": {}, "status": {}})
    ('Waiting for deployment spec update to be observed...', False)
    """
    status = obj.get("status") or {}
    if not _observed(obj):
        return "Waiting for deployment spec update to be observed...", False
    name = show(obj["metadata"]["name"])
    progressing = condition_of(obj, "Progressing")
    if progressing is not None and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise ValueError(f"deployment {name} exceeded its progress deadline")
    wanted, total = obj["spec"].get("replicas", 1), status.get("replicas", 0)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    waiting = f"Waiting for deployment {name} rollout to finish:"
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{waiting} {total - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting} {available} of {updated} updated replicas are available...", False
    return f"deployment {name} successfully rolled out", True


def daemonset(obj: Object) -> tuple[str, bool]:
    """How far a DaemonSet is."""
    status, name = obj.get("status") or {}, show(obj["metadata"]["name"])
    _check_rolling(obj)
    if not _observed(obj):
        return "Waiting for daemon set spec update to be observed...", False
    wanted = status.get("desiredNumberScheduled", 0)
    updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    waiting = f"Waiting for daemon set {name} rollout to finish:"
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new pods have been updated...", False
    if ready < wanted:
        return f"{waiting} {ready} of {wanted} updated pods are available...", False
    return f"daemon set {name} successfully rolled out", True


def statefulset(obj: Object) -> tuple[str, bool]:
    """How far a StatefulSet is."""
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    _check_rolling(obj)
    if not status.get("observedGeneration") or not _observed(obj):
        return "Waiting for statefulset spec update to be observed...", False
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...", False
    rolling = (obj["spec"].get("updateStrategy") or {}).get("rollingUpdate")
    if rolling is not None:
        part = wanted - rolling.get("partition", wanted)
        if updated < part:
            part_done = f"{updated} out of {part} new pods have been updated..."
            return f"Waiting for partitioned roll out to finish: {part_done}", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    revision, now = status.get("updateRevision"), status.get("currentRevision")
    if revision != now:
        pods = f"{updated} pods at revision {revision}..."
        return f"waiting for statefulset rolling update to complete {pods}", False
    count = status.get("currentReplicas", 0)
    return f"statefulset rolling update complete {count} pods at revision {now}...", True


def _observed(obj: Object) -> bool:
    seen: int = (obj.get("status") or {}).get("observedGeneration", 0)
    return bool(obj["metadata"].get("generation", 0) <= seen)


def _check_rolling(obj: Object) -> None:
    if (obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        raise ValueError("rollout status is only available for RollingUpdate strategy type")


VIEWERS: dict[str, Viewer] = {
    "Deployment": deployment,
    "DaemonSet": daemonset,
    "StatefulSet": statefulset,
}
