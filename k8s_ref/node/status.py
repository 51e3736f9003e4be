"""Pod status · Pod 状态

What the kubelet says of a Pod, computed from three things: the spec, what the runtime has, and why
a container could not be started.  A pure function: phase, conditions and container statuses never
remember how they came about, except for the times of transitions, which are kept from the status
before.

Upstream: pkg/kubelet/kubelet_pods.go (generateAPIPodStatus, getPhase,
convertToAPIContainerStatuses), pkg/kubelet/status/generate.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from k8s_ref.machinery.meta import Object
from k8s_ref.node.cri import EXITED, RUNNING, Container
from k8s_ref.node.kuberuntime import Reasons
from k8s_ref.node.pod_actions import PodState, is_sidecar, should_start
from k8s_ref.node.probe_results import ProbeResults

TERMINAL = ("Succeeded", "Failed")
"""Phases that nothing leaves."""

NOWHERE = "The container could not be located when the pod was terminated"


@dataclass(slots=True)
class View:
    """Everything a status is computed from."""

    pod: Object
    before: Object
    """The status before this one."""
    state: PodState
    reasons: Reasons
    host_ip: str
    now: str
    timestamp: Callable[[int], str]
    """Turns virtual nanoseconds into the time objects carry."""
    ended: bool = False
    """The Pod has been killed: nothing of it runs or will run again."""
    why: tuple[str, str] = ("", "")
    """Reason and message of a Pod that the kubelet itself ended."""
    probes: ProbeResults = field(default_factory=ProbeResults)


def pod_status(view: View) -> Object:
    """The part of the status that the kubelet owns."""
    spec, before = view.pod["spec"], view.before
    init_specs = spec.get("initContainers") or []
    inits = [_container_status(view, c, "initContainerStatuses") for c in init_specs]
    mains = [_container_status(view, c, "containerStatuses") for c in spec["containers"]]
    phase = _phase(view, inits, mains)
    status: Object = {
        "observedGeneration": view.pod["metadata"].get("generation", 1),
        "phase": phase,
        "conditions": _conditions(view, inits, mains, phase),
    }
    for name, text in zip(("reason", "message"), view.why, strict=True):
        if text or before.get(name):
            status[name] = text or before[name]
    status |= _addresses(view)
    status["startTime"] = before.get("startTime") or view.now
    if inits:
        status["initContainerStatuses"] = inits
    status["containerStatuses"] = sorted(mains, key=lambda status: str(status["name"]))
    if guests := spec.get("ephemeralContainers"):
        where = "ephemeralContainerStatuses"
        status[where] = [_guest(_container_status(view, guest, where)) for guest in guests]
    status["resources"] = {}
    return status


def _addresses(view: View) -> Object:
    """Where the Pod is; it keeps the address it had after its sandbox is gone."""
    found: Object = {"hostIP": view.host_ip, "hostIPs": [{"ip": view.host_ip}]}
    sandbox = view.state.sandbox
    ip = view.before.get("podIP", "")
    if sandbox is not None:
        ip = sandbox.ip or view.host_ip
    return found | {"podIP": ip, "podIPs": [{"ip": ip}]} if ip else found


# -- containers


def _container_status(view: View, spec: Object, where: str) -> Object:
    name = spec["name"]
    before: list[Object] = view.before.get(where) or []
    told = next((status for status in before if status["name"] == name), None)
    containers = view.state.of(name)
    current = containers[0] if containers else None
    if current is None and told is not None and "terminated" in told["state"]:
        # What the runtime forgot, the API still knows.
        return told
    state, last = _states(view, spec, current)
    if not last and len(containers) > 1:
        last = _terminated(view, containers[1])
    running = "running" in state
    ready = running and view.probes.ready(spec, current)
    if where.startswith("init") and not is_sidecar(spec):
        ready = state.get("terminated", {}).get("exitCode") == 0
    status: Object = {
        "name": name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": current.attempt if current else 0,
        "image": current.image if current else spec["image"],
        "imageID": current.image_id if current else "",
    }
    if current is not None:
        status["containerID"] = f"containerd://{current.id}"
    status["started"] = running and view.probes.started(spec, current)
    if running:
        status |= _resources(spec)
    return status


def _guest(status: Object) -> Object:
    """Nobody waits for a guest: it never counts as ready or started."""
    return {**status, "ready": False, "started": False}


def _states(view: View, spec: Object, current: Container | None) -> tuple[Object, Object]:
    """The state of a container, and its last state where that follows from it."""
    policy = "Always" if is_sidecar(spec) else view.pod["spec"].get("restartPolicy", "Always")
    if current is not None and current.state == RUNNING:
        return {"running": {"startedAt": view.timestamp(current.started or 0)}}, {}
    exited = current is not None and current.state == EXITED
    if exited and (view.ended or not _has_reason(view, spec) or not should_start(policy, current)):
        assert current is not None
        return _terminated(view, current), {}
    if view.ended:
        lost = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": NOWHERE,
                "startedAt": None, "finishedAt": None}  # fmt: skip
        return {"terminated": lost}, {}
    last = _terminated(view, current) if exited and current is not None else {}
    return {"waiting": _waiting(view, spec)}, last


def _has_reason(view: View, spec: Object) -> bool:
    return spec["name"] in view.reasons


def _waiting(view: View, spec: Object) -> Object:
    error = view.reasons.get(spec["name"])
    if error is None:
        init = bool(view.pod["spec"].get("initContainers"))
        return {"reason": "PodInitializing" if init else "ContainerCreating"}
    return {"reason": error.reason, "message": error.message}


def _terminated(view: View, container: Container) -> Object:
    # A program that never started has no time of start: upstream shows the beginning of 1970.
    never = "1970-01-01T00:00:00Z"
    terminated = {
        "exitCode": container.exit_code,
        "reason": container.reason,
        "message": container.message,
        "startedAt": never if container.started is None else view.timestamp(container.started),
        "finishedAt": view.timestamp(container.finished or 0),
        "containerID": f"containerd://{container.id}",
    }
    if not container.message:
        del terminated["message"]
    return {"terminated": terminated}


def _resources(spec: Object) -> Object:
    resources = {k: v for k, v in (spec.get("resources") or {}).items() if k != "claims"}
    requests = resources.get("requests")
    return ({"allocatedResources": requests} if requests else {}) | {"resources": resources}


# -- phase


def _phase(view: View, inits: list[Object], mains: list[Object]) -> str:
    """Upstream's getPhase, and what it makes of a Pod that was killed."""
    before: str = view.before.get("phase", "")
    if before in TERMINAL:
        return before
    policy = view.pod["spec"].get("restartPolicy", "Always")
    phase = _phase_of_containers(policy, _failed_init(view, inits), list(map(_outcome, mains)))
    if view.ended:
        done = all(_outcome(status) == "succeeded" for status in mains)
        return "Succeeded" if done and not view.why[0] else "Failed"
    # A sidecar that still runs keeps the Pod from being finished.
    return "Running" if phase in TERMINAL and view.state.running else phase


def _phase_of_containers(policy: str, init: str, outcomes: list[str]) -> str:
    if init:
        return init
    if "waiting" in outcomes:
        return "Pending"
    if "running" in outcomes or policy == "Always":
        return "Running"
    if "failed" not in outcomes:
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _failed_init(view: View, inits: list[Object]) -> str:
    """The phase of a Pod whose init containers are not done, or nothing."""
    unfinished = incomplete(view.pod, inits)
    if not unfinished:
        return ""
    failed = any(_outcome(s) == "failed" for s in inits if s["name"] in unfinished)
    return "Failed" if failed and view.pod["spec"].get("restartPolicy") == "Never" else "Pending"


def _outcome(status: Object) -> str:
    """``running``, ``waiting``, ``succeeded`` or ``failed``; between two tries the last one's."""
    state = status["state"]
    if "running" in state:
        return "running"
    ended = state.get("terminated") or status["lastState"].get("terminated")
    if ended is None:
        return "waiting"
    return "failed" if ended["exitCode"] else "succeeded"


# -- conditions


def _conditions(view: View, inits: list[Object], mains: list[Object], phase: str) -> list[Object]:
    undone = incomplete(view.pod, inits)
    sidecars = [c["name"] for c in view.pod["spec"].get("initContainers") or () if is_sidecar(c)]
    serving = [*(s for s in inits if s["name"] in sidecars), *mains]
    unready = [s["name"] for s in serving if not s["ready"]]
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    serves = (False, over, "") if over else _all_done("ContainersNotReady", "unready", unready)
    closed = _closed_gates(view.pod) if serves[0] else ""
    initialized = _all_done("ContainersNotInitialized", "incomplete", undone)
    if phase == "Succeeded":
        initialized = (True, over, "")
    sandbox = view.state.sandbox is not None and not view.ended
    facts = {
        "PodReadyToStartContainers": (sandbox, "", ""),
        "Initialized": initialized,
        "Ready": (False, "ReadinessGatesNotReady", closed) if closed else serves,
        "ContainersReady": serves,
        "PodScheduled": (True, "", ""),
    }
    before = {c["type"]: c for c in view.before.get("conditions") or ()}
    return [_condition(view, before.get(kind), kind, *fact) for kind, fact in facts.items()]


def _closed_gates(pod: Object) -> str:
    """The conditions that others must set before the Pod counts as ready, and have not."""
    told = (pod.get("status") or {}).get("conditions") or ()
    status = {c["type"]: c["status"] for c in told}
    closed = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in status:
            closed.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif status[kind] != "True":
            why = f'the status of pod readiness gate "{kind}" is not "True", but {status[kind]}'
            closed.append(why)
    return ", ".join(closed)


def _all_done(reason: str, adjective: str, names: list[str]) -> tuple[bool, str, str]:
    if not names:
        return True, "", ""
    return False, reason, f"containers with {adjective} status: [{' '.join(names)}]"


def incomplete(pod: Object, inits: Iterable[Object]) -> list[str]:
    """Names of init containers that are not done; a sidecar is done once it has started."""
    sidecars = [c["name"] for c in pod["spec"].get("initContainers") or () if is_sidecar(c)]

    def done(status: Object) -> bool:
        if status["name"] in sidecars:
            return bool(status["started"]) or status["restartCount"] > 0
        return _outcome(status) == "succeeded"

    return [status["name"] for status in inits if not done(status)]


def _condition(
    view: View, old: Object | None, kind: str, value: bool, reason: str, message: str
) -> Object:
    status = "True" if value else "False"
    same = old is not None and old["status"] == status
    condition: Object = {
        "type": kind,
        "observedGeneration": view.pod["metadata"].get("generation", 1),
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": old["lastTransitionTime"] if old and same else view.now,
    }
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


OWN_CONDITIONS = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
)
"""Conditions the kubelet writes; all others belong to somebody else and are kept."""
