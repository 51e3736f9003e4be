"""Probe results · 探针结果

What the probes have found so far, by container: has it started, is it ready, must it be killed?
The one idea: a probe only ever changes an answer here, once it failed or succeeded often enough in
a row; whoever acts on the answer (the status, the Pod worker) reads it when it looks anyway.

Upstream: pkg/kubelet/prober/results/results_manager.go, prober_manager.go (UpdatePodStatus)
"""

from __future__ import annotations

from k8s_ref.machinery.meta import Object
from k8s_ref.node.cri import RUNNING, Container

LIVENESS, READINESS, STARTUP = "livenessProbe", "readinessProbe", "startupProbe"
"""The three kinds, by their field in the container."""


class ProbeResults:
    """The answers of one kubelet's probes.  Written by the prober only.

    >>> web = Container("c1", "", "", None, "", "", 0, RUNNING)
    >>> spec = {"name": "web", "readinessProbe": {}}
    >>> results = ProbeResults()
    >>> results.ready(spec, web), results.set("c1", READINESS, True), results.ready(spec, web)
    (False, True, True)
    """

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], bool] = {}

    def set(self, container_id: str, kind: str, result: bool) -> bool:
        """Note a result; says whether it is another than before."""
        changed = self._results.get((container_id, kind)) is not result
        self._results[container_id, kind] = result
        return changed

    def knows(self, container_id: str) -> bool:
        """Whether anything was said of the container."""
        return any((container_id, kind) in self._results for kind in (READINESS, STARTUP))

    def forget(self, container_id: str) -> None:
        """The container is gone."""
        for kind in (LIVENESS, READINESS, STARTUP):
            self._results.pop((container_id, kind), None)

    def started(self, spec: Object, container: Container | None) -> bool:
        """Whether it runs and, if it has a startup probe, that one succeeded."""
        if container is None or container.state != RUNNING:
            return False
        return STARTUP not in spec or self._results.get((container.id, STARTUP)) is True

    def ready(self, spec: Object, container: Container | None) -> bool:
        """Whether it has started and, if it has a readiness probe, that one succeeded."""
        if container is None or not self.started(spec, container):
            return False
        return READINESS not in spec or self._results.get((container.id, READINESS)) is True

    def failed(self, container: Container) -> str:
        """The probe for whose failure the container has to be killed, or nothing."""
        for kind in (LIVENESS, STARTUP):
            if self._results.get((container.id, kind)) is False:
                return kind
        return ""
