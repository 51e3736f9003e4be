"""What to do with the containers of a Pod · Pod 的容器要做什么

A pure comparison of a Pod's spec with what the runtime has of it and what its probes say: which
containers have to be killed, and which have to start now?  Init containers run one after the
other before the rest; a sidecar is one that stays.

Upstream: pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions),
kuberuntime_container.go (computeInitContainerActions)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from k8s_ref.machinery.meta import Object
from k8s_ref.node.cri import CREATED, EXITED, READY, RUNNING, Container, PodSandbox
from k8s_ref.node.probe_results import ProbeResults


@dataclass(slots=True, frozen=True)
class PodState:
    """What the runtime has of one Pod."""

    sandboxes: tuple[PodSandbox, ...] = ()
    containers: tuple[Container, ...] = ()
    """Both in order of creation."""

    @property
    def sandbox(self) -> PodSandbox | None:
        """The sandbox in which containers can run."""
        for box in reversed(self.sandboxes):
            if box.state == READY:
                return box
        return None

    def of(self, name: str) -> list[Container]:
        """The containers of one name, the newest first."""
        return [c for c in reversed(self.containers) if c.config.name == name]

    def latest(self, name: str) -> Container | None:
        """The newest container of that name."""
        for container in reversed(self.containers):
            if container.config.name == name:
                return container
        return None

    @property
    def running(self) -> list[Container]:
        """The containers that run."""
        return [c for c in self.containers if c.state == RUNNING]


@dataclass(slots=True, frozen=True)
class Kill:
    """A container that has to end, and why."""

    container: Container
    message: str
    grace: float | None = None
    """Seconds, if other than the Pod's."""


@dataclass(slots=True)
class Actions:
    """What has to be done, in this order."""

    kill: list[Kill] = field(default_factory=list)
    start: list[Object] = field(default_factory=list)


def compute_actions(pod: Object, state: PodState, results: ProbeResults) -> Actions:
    """What has to be killed, and what to start: the next init container, or all the others.

    >>> spec = {"initContainers": [{"name": "init"}], "containers": [{"name": "web"}]}
    >>> [c["name"] for c in compute_actions({"spec": spec}, PodState(), ProbeResults()).start]
    ['init']
    """
    spec = pod["spec"]
    policy = spec.get("restartPolicy", "Always")
    kills = [
        (kill, restart)
        for container in (*filter(is_sidecar, spec.get("initContainers") or ()),
                          *spec["containers"])
        for kill, restart in _kill(container, state, results, policy)
    ]  # fmt: skip
    doomed = {kill.container.id for kill, restart in kills if restart}

    def must_start(container: Object, policy: str) -> bool:
        latest = state.latest(container["name"])
        return should_start(policy, latest) or (latest is not None and latest.id in doomed)

    # Guests may come before the init containers are done, and only once.
    guests = [c for c in spec.get("ephemeralContainers") or () if state.latest(c["name"]) is None]
    starts = guests + _starts(spec, state, results, policy, must_start)
    return Actions([kill for kill, _ in kills], starts)


def _kill(
    spec: Object, state: PodState, results: ProbeResults, policy: str
) -> list[tuple[Kill, bool]]:
    """Why a container that runs must not go on, and whether another takes its place."""
    running, name = state.latest(spec["name"]), spec["name"]
    if running is None or running.state != RUNNING:
        return []
    if running.config.image != spec["image"]:
        return [(Kill(running, f"Container {name} definition changed, will be restarted"), True)]
    probe = results.failed(running)
    if not probe:
        return []
    restart = is_sidecar(spec) or policy != "Never"
    message = f"Container {name} failed {probe.removesuffix('Probe')} probe"
    message += ", will be restarted" if restart else ""
    return [(Kill(running, message, spec[probe].get("terminationGracePeriodSeconds")), restart)]


def _starts(
    spec: Object,
    state: PodState,
    results: ProbeResults,
    policy: str,
    must_start: Callable[[Object, str], bool],
) -> list[Object]:
    box = state.sandbox
    here = {c.name for c in state.containers if box is not None and c.sandbox_id == box.id}
    begun = any(c["name"] in here for c in spec["containers"])
    starts: list[Object] = []
    for container in spec.get("initContainers") or ():
        latest = state.latest(container["name"]) if container["name"] in here else None
        if is_sidecar(container):
            if latest is None or must_start(container, "Always"):
                starts.append(container)
            if not begun and not results.started(container, latest):
                # The next one waits until this one has started.
                return starts
        elif not begun and not _succeeded(latest):
            return [*starts, container] if should_start(policy, latest) else starts
    mains = [c for c in spec["containers"] if must_start(c, policy)]
    done = not mains and not state.running
    return [] if done else starts + mains


def should_start(policy: str, latest: Container | None) -> bool:
    """Whether a container has to start, given the restart policy and the last of its name."""
    if latest is None or latest.state == CREATED:
        return True
    if latest.state == RUNNING or policy == "Never":
        return False
    return policy == "Always" or latest.exit_code != 0


def is_over(pod: Object, state: PodState) -> bool:
    """Whether nothing of the Pod will run again, sidecars aside."""
    spec = pod["spec"]
    policy = spec.get("restartPolicy", "Always")

    def ended(container: Object) -> bool:
        latest = state.latest(container["name"])
        return latest is not None and latest.state == EXITED and not should_start(policy, latest)

    inits = (c for c in spec.get("initContainers") or () if not is_sidecar(c))
    if any(ended(c) and not _succeeded(state.latest(c["name"])) for c in inits):
        return True
    return all(map(ended, spec["containers"]))


def is_sidecar(container: Object) -> bool:
    """An init container that is restarted for as long as the Pod lives."""
    return container.get("restartPolicy") == "Always"


def _succeeded(container: Container | None) -> bool:
    return container is not None and container.state == EXITED and container.exit_code == 0


# -- names and texts


def field_path(pod: Object, name: str) -> str:
    """Where a container stands in the spec, as events name it."""
    groups = ("initContainers", "ephemeralContainers")
    where = (g for g in groups if any(c["name"] == name for c in pod["spec"].get(g) or ()))
    return f"spec.{next(where, 'containers')}{{{name}}}"


def pod_full_name(pod: Object) -> str:
    """``name_namespace(uid)``, as the kubelet's messages name a Pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"
