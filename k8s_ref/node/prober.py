"""Prober · 探针

Asks a container again and again whether it is well: by a command run inside, an HTTP request, or
a connection.  One coroutine per container and probe, from the moment the container runs until it
is gone; it sleeps between two questions, so a Pod without probes costs nothing.

A startup probe goes first and alone: until it succeeds the others wait.

Upstream: pkg/kubelet/prober/prober_manager.go, worker.go, prober.go; pkg/probe/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from k8s_ref.client.events import EventRecorder
from k8s_ref.machinery.meta import Object, key_of
from k8s_ref.node.cri import CRI, RUNNING, Container, CRIError
from k8s_ref.node.pod_actions import PodState, field_path
from k8s_ref.node.probe_results import LIVENESS, READINESS, STARTUP, ProbeResults
from k8s_ref.sim.loop import SECOND, Loop, Task

KINDS = (STARTUP, LIVENESS, READINESS)
TRIES = 3
"""A question that could not even be asked is asked so often before it is given up."""

Outcome = tuple[bool, str]
"""Whether the container is well, and what it said."""


class Prober:
    """The probes of one kubelet.  Writes: their results, and events."""

    def __init__(
        self,
        actor: str,
        loop: Loop,
        runtime: CRI,
        recorder: EventRecorder,
        host_ip: str,
        wake: Callable[[str], None],
    ) -> None:
        self.actor, self.loop, self.runtime, self.recorder = actor, loop, runtime, recorder
        self.host_ip, self.wake = host_ip, wake
        self.results = ProbeResults()
        self._workers: dict[str, Workers] = {}
        """By uid of the Pod."""
        self._known: dict[str, list[str]] = {}
        """Uid of a Pod → ids of its containers about which there may be results."""

    def watch(self, pod: Object, state: PodState, told: Object) -> None:
        """Probe what runs, and nothing else; ``told`` is the Pod's status so far."""
        uid = pod["metadata"]["uid"]
        probed = list(_probed(pod, state))
        if not probed and uid not in self._known:
            return
        wanted, alive = {}, [container.id for _, container in probed]
        for gone in (each for each in self._known.get(uid, ()) if each not in alive):
            self.results.forget(gone)
        self._known[uid] = alive
        for spec, container in probed:
            self._remember(spec, container, told)
            waiting = STARTUP in spec and not self.results.started(spec, container)
            for kind in (STARTUP,) if waiting else (LIVENESS, READINESS):
                if kind in spec:
                    wanted[container.id, kind] = (spec, container)
        workers = self._workers.setdefault(uid, {})
        self._end(workers, [which for which in workers if which not in wanted])
        for which, (spec, container) in wanted.items():
            if which not in workers:
                work = partial(self._work, pod, spec, container, which[1])
                workers[which] = self.loop.spawn(work, name=f"{which[1]}/{container.name}")

    def hush(self, uid: str) -> None:
        """The Pod is ending: whether it is alive does not matter any more, only readiness."""
        workers = self._workers.get(uid, {})
        self._end(workers, [which for which in workers if which[1] != READINESS])

    def forget(self, uid: str) -> None:
        """The Pod has ended: ask no more."""
        for task in self._workers.pop(uid, {}).values():
            task.cancel()
        for container_id in self._known.pop(uid, ()):
            self.results.forget(container_id)

    def _end(self, workers: Workers, which: list[tuple[str, str]]) -> None:
        for each in which:
            workers.pop(each).cancel()

    def _remember(self, spec: Object, container: Container, told: Object) -> None:
        """A kubelet that was restarted believes what the one before it wrote."""
        if self.results.knows(container.id):
            return
        fields = ("containerStatuses", "initContainerStatuses")
        status: Object = next(
            (s for field in fields for s in told.get(field) or ()
             if s.get("containerID", "").endswith(f"/{container.id}")), {},
        )  # fmt: skip
        for kind, field in ((STARTUP, "started"), (READINESS, "ready")):
            if kind in spec and status.get(field):
                self.results.set(container.id, kind, True)

    async def _work(self, pod: Object, spec: Object, container: Container, kind: str) -> None:
        """Ask at fixed times; note a result that came often enough in a row."""
        probe = spec[kind]
        due = (container.started or 0) + probe.get("initialDelaySeconds", 0) * SECOND
        last, run = None, 0
        while True:
            due = max(due, self.loop.now)
            await self.loop.sleep((due - self.loop.now) / SECOND)
            well = await self._ask(pod, spec, container, kind)
            if well is not None:
                last, run = well, run + 1 if well is last else 1
                if run >= probe["successThreshold" if well else "failureThreshold"]:
                    self._conclude(pod, container, kind, well)
                    if kind == STARTUP or (kind == LIVENESS and not well):
                        # What follows are other probes, or another container.
                        return
            due += probe["periodSeconds"] * SECOND

    def _conclude(self, pod: Object, container: Container, kind: str, well: bool) -> None:
        if self.results.set(container.id, kind, well):
            subject, verdict = f"pods/{key_of(pod)}", "succeeds" if well else "fails"
            note = f"{container.name}: {_word(kind).lower()} {verdict}"
            self.loop.cause = self.loop.record(self.actor, "probe", subject, note)
            self.wake(pod["metadata"]["uid"])

    async def _ask(self, pod: Object, spec: Object, container: Container, kind: str) -> bool | None:
        """One answer, or None if the question could not be asked."""
        probe, path = spec[kind], field_path(pod, spec["name"])
        for tries_left in reversed(range(TRIES)):
            try:
                well, output = await self._question(pod, spec, probe, container)
            except CRIError as error:
                if not tries_left:
                    what = f"{_word(kind)} probe errored and resulted in unknown state: {error.rpc}"
                    self.recorder.event(pod, "Warning", "Unhealthy", what, path)
            else:
                if not well:
                    what = f"{_word(kind)} probe failed: {output}"
                    self.recorder.event(pod, "Warning", "Unhealthy", what, path)
                return well
        return None

    async def _question(
        self, pod: Object, spec: Object, probe: Object, container: Container
    ) -> Outcome:
        timeout = probe.get("timeoutSeconds", 1)
        if "exec" in probe:
            command = probe["exec"].get("command") or []
            return await run_command(self.runtime, container.id, command, timeout)
        sandbox = next(
            (b for b in await self.runtime.list_pod_sandboxes(pod["metadata"]["uid"])
             if b.id == container.sandbox_id), None,
        )  # fmt: skip
        ip = sandbox.ip if sandbox is not None and sandbox.ip else self.host_ip
        if "httpGet" in probe:
            return await get(self.runtime, self.loop, probe["httpGet"], spec, ip, timeout)
        target = probe.get("tcpSocket") or probe.get("grpc") or {}
        return await connect(self.runtime, target.get("host") or ip, port_of(target, spec))


Workers = dict[tuple[str, str], Task[Any]]
"""By container and kind of probe."""


def _probed(pod: Object, state: PodState) -> Iterator[tuple[Object, Container]]:
    """The containers that run and have probes."""
    spec = pod["spec"]
    for each in (*(spec.get("initContainers") or ()), *spec["containers"]):
        if any(kind in each for kind in KINDS):
            container = state.latest(each["name"])
            if container is not None and container.state == RUNNING:
                yield each, container


def _word(kind: str) -> str:
    return kind.removesuffix("Probe").capitalize()


# -- asking


async def run_command(
    runtime: CRI, container_id: str, command: Sequence[str], timeout: float
) -> Outcome:
    """Run a command inside the container; exit code 0 is well."""
    try:
        result = await runtime.exec_sync(container_id, command, timeout)
    except TimeoutError:
        return False, f'command "{" ".join(command)}" timed out'
    return result.exit_code == 0, result.output


async def connect(runtime: CRI, host: str, port: int) -> Outcome:
    """Open a connection and close it again."""
    try:
        await runtime.connect(host, port)
    except ConnectionRefusedError as error:
        return False, str(error)
    return True, ""


async def get(
    runtime: CRI, loop: Loop, action: Object, spec: Object, ip: str, timeout: float
) -> Outcome:
    """Ask a web server for a path; any code from 200 to 399 is well."""
    host, port = action.get("host") or ip, port_of(action, spec)
    path = action.get("path") or "/"
    path = path if path.startswith("/") else f"/{path}"
    url = f"{action.get('scheme', 'HTTP').lower()}://{host}:{port}{path}"
    try:
        serve = await runtime.connect(host, port)
        answer = await loop.within(timeout, serve(path))
    except ConnectionRefusedError as error:
        return False, f'Get "{url}": {error}'
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return False, f'Get "{url}": {why}'
    if 200 <= answer.code < 400:
        return True, answer.body
    return False, f"HTTP probe failed with statuscode: {answer.code}"


def port_of(action: Object, spec: Object) -> int:
    """The port an action means, by number or by the name it has in the container.

    >>> port_of({"port": "http"}, {"ports": [{"name": "http", "containerPort": 8080}]})
    8080
    """
    port = action["port"]
    named = (p["containerPort"] for p in spec.get("ports") or () if p.get("name") == port)
    return port if isinstance(port, int) else int(next(named, 0))
