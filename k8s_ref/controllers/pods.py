"""Pods as controllers judge them · 控制器眼中的 Pod

Is it active, ready, available; which of several should go first; what does one made from a
template look like.  Every controller that keeps a number of Pods asks these same questions.

Upstream: pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go
"""

from __future__ import annotations

from collections.abc import Iterable

from k8s_ref.machinery.meta import Object, condition_of, owner_reference
from k8s_ref.machinery.timestamps import parse
from k8s_ref.sim.loop import SECOND

PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def is_active(pod: Object) -> bool:
    """Neither finished nor on its way out."""
    finished = pod["status"].get("phase") in ("Succeeded", "Failed")
    return not finished and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether the kubelet says that it can serve."""
    return (condition_of(pod, "Ready") or {}).get("status") == "True"


def ready_since(pod: Object) -> int | None:
    """Seconds since 1970 when it became ready, or None."""
    condition = condition_of(pod, "Ready")
    if condition is None or condition["status"] != "True":
        return None
    return parse(condition["lastTransitionTime"]) // SECOND


def is_available(pod: Object, min_ready_seconds: int, now: int) -> bool:
    """Ready for at least ``min_ready_seconds``, at ``now`` seconds since 1970."""
    since = ready_since(pod)
    return since is not None and (min_ready_seconds == 0 or since + min_ready_seconds <= now)


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
            -_restarts(pod),
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
    """The power of two below an age: ages of one magnitude count as equal, so that chance (the
    uid) decides among them and not the second in which they were made."""
    return max(seconds, 0).bit_length()


def _restarts(pod: Object) -> int:
    return max((s["restartCount"] for s in pod["status"].get("containerStatuses") or ()), default=0)
