"""The cells of a Pod · Pod 的单元格

STATUS of ``kubectl get pods`` is one word for a whole Pod, and it is no field: it is worked out
from the phase, the containers' states and the deletion time.  The one idea: the most telling
reason wins, and the order in which reasons overrule each other is the order of this file.

Upstream: printPod in pkg/printers/internalversion/printers.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from k8s_ref.machinery.meta import Object, condition_of
from k8s_ref.machinery.timestamps import human_duration, parse


def pod_status(pod: Object, now: int = 0) -> str:
    """The word in the STATUS column.

    >>> pod_status({"metadata": {}, "spec": {"containers": []}, "status": {"phase": "Pending"}})
    'Pending'
    """
    deleted = "deletionTimestamp" in pod["metadata"]
    status = pod.get("status") or {}
    if deleted and status.get("reason") == "NodeLost":
        return "Unknown"
    if deleted and status.get("phase") not in ("Succeeded", "Failed"):
        return "Terminating"
    reason = _whole_pod_reason(pod)
    stuck = _init_reason(pod)
    if stuck:
        reason = stuck
    if stuck and not _is_true(pod, "Initialized"):
        return reason
    return _container_reason(pod, reason)


def pod_ready(pod: Object, now: int = 0) -> str:
    """``1/2``: containers that are ready, of all that are meant to stay."""
    sidecars = _sidecar_names(pod)
    ready = 0
    for status in _passed(pod):
        ready += status["name"] in sidecars and _serves(status)
    if not _init_reason(pod) or _is_true(pod, "Initialized"):
        ready += sum(_runs_ready(status) for status in _statuses(pod, "containerStatuses"))
    return f"{ready}/{len(pod['spec'].get('containers') or ()) + len(sidecars)}"


def pod_restarts(pod: Object, now: int) -> str:
    """``3 (5s ago)``: restarts of its containers, and when the last one ended."""
    counted = _statuses(pod, "initContainerStatuses")
    if not _init_reason(pod) or _is_true(pod, "Initialized"):
        sidecars = _sidecar_names(pod)
        counted = [status for status in counted if status["name"] in sidecars]
        counted += _statuses(pod, "containerStatuses")
    restarts = sum(status.get("restartCount", 0) for status in counted)
    ends = [end for status in counted if (end := _last_end(status))]
    if not restarts or not ends:
        return str(restarts)
    return f"{restarts} ({human_duration(now - max(map(parse, ends)))} ago)"


def pod_ip(pod: Object, now: int = 0) -> str:
    """The first of its addresses."""
    addresses = (pod.get("status") or {}).get("podIPs") or [{}]
    return addresses[0].get("ip") or "<none>"


def readiness_gates(pod: Object, now: int = 0) -> str:
    """``1/2``: conditions that hold, of those somebody else must set."""
    gates = pod["spec"].get("readinessGates") or ()
    held = sum(_is_true(pod, gate["conditionType"]) for gate in gates)
    return f"{held}/{len(gates)}" if gates else "<none>"


def _whole_pod_reason(pod: Object) -> str:
    status = pod.get("status") or {}
    scheduled = condition_of(pod, "PodScheduled") or {}
    if scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    reason: str = status.get("reason") or status.get("phase") or ""
    return reason


def _init_reason(pod: Object) -> str:
    """What the first init container that is not through is doing; empty when all are."""
    sidecars = _sidecar_names(pod)
    statuses = _statuses(pod, "initContainerStatuses")
    for index, status in enumerate(statuses):
        if not _is_through(status, sidecars):
            return _init_word(status, index, len(pod["spec"].get("initContainers") or ()))
    return ""


def _init_word(status: Object, index: int, total: int) -> str:
    state = status.get("state") or {}
    if "terminated" in state:
        return f"Init:{_end_word(state['terminated'])}"
    reason = (state.get("waiting") or {}).get("reason", "")
    return f"Init:{reason}" if reason not in ("", "PodInitializing") else f"Init:{index}/{total}"


def _container_reason(pod: Object, reason: str) -> str:
    """The reason of the first container that waits or ended, or what was known before."""
    statuses = _statuses(pod, "containerStatuses")
    for status in reversed(statuses):
        state = status.get("state") or {}
        if waiting := (state.get("waiting") or {}).get("reason"):
            reason = waiting
        elif "terminated" in state:
            reason = _end_word(state["terminated"])
    # One container has done its work and another still serves.
    if reason == "Completed" and any(map(_runs_ready, statuses)):
        return "Running" if _is_true(pod, "Ready") else "NotReady"
    return reason


def _end_word(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _passed(pod: Object) -> Iterator[Object]:
    """The init containers that are through, up to the first that is not."""
    sidecars = _sidecar_names(pod)
    for status in _statuses(pod, "initContainerStatuses"):
        if not _is_through(status, sidecars):
            return
        yield status


def _is_through(status: Object, sidecars: Iterable[str]) -> bool:
    if status["name"] in sidecars and status.get("started"):
        return True
    ended = (status.get("state") or {}).get("terminated")
    return ended is not None and ended.get("exitCode", 0) == 0


def _serves(status: Object) -> bool:
    ended = "terminated" in (status.get("state") or {})
    return bool(status.get("ready")) and not ended


def _runs_ready(status: Object) -> bool:
    return bool(status.get("ready")) and "running" in (status.get("state") or {})


def _last_end(status: Object) -> str:
    ended: Object = (status.get("lastState") or {}).get("terminated") or {}
    return ended.get("finishedAt") or ""


def _sidecar_names(pod: Object) -> set[str]:
    """Init containers with ``restartPolicy: Always`` start like the others and stay."""
    init = pod["spec"].get("initContainers") or ()
    return {c["name"] for c in init if c.get("restartPolicy") == "Always"}


def _statuses(pod: Object, field: str) -> list[Object]:
    return list((pod.get("status") or {}).get(field) or ())


def _is_true(pod: Object, condition: str) -> bool:
    return (condition_of(pod, condition) or {}).get("status") == "True"
