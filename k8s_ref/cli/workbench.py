"""The cluster as a person holds it · 手中的集群

``Cluster`` is the public face: apply a manifest, let time pass, look.  Its methods are ordinary
functions; each runs the loop for the caller until it has an answer.  Pages, notebooks and other
people's tests use this and nothing below it.

Upstream: none; a terminal with kubectl, and patience.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml

from k8s_ref.cli import console, kubectl
from k8s_ref.cli.architecture import Architecture
from k8s_ref.cluster import Wiring
from k8s_ref.machinery.meta import Object
from k8s_ref.scheduler.explain import Explanation, explain_decision
from k8s_ref.sim.picture import Sequence, Timeline
from k8s_ref.sim.trace import Trace


class Text(str):
    """What a command printed; a notebook shows it as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.rstrip("\n")


class Why(Trace):
    """A chain of causes, and the verdicts behind a decision, computed again when asked for."""

    def __init__(self, chain: Trace, verdict: Explanation | None = None) -> None:
        super().__init__(chain, chain)
        self.verdict = verdict

    def __repr__(self) -> str:
        chain = super().__repr__()
        return chain if self.verdict is None else f"{chain}\n\n{self.verdict}"


class Cluster(Wiring):
    """A whole Kubernetes cluster on virtual time.

    >>> cluster = Cluster(nodes=2, seed=7)
    >>> cluster.kubectl("create namespace shop")
    namespace/shop created
    """

    def apply(self, manifest: str | Object) -> Text:
        """``kubectl apply`` of YAML text or of one object; raises ``ValueError`` if refused."""
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(manifest)
        printed, code = self._kubectl("apply -f -", text)
        if code:
            raise ValueError(printed.strip())
        return printed

    def kubectl(self, line: str, stdin: str = "") -> Text:
        """What ``kubectl LINE`` prints, errors included."""
        return self._kubectl(line.removeprefix("kubectl "), stdin)[0]

    def console(self, script: str) -> Text:
        """Play a console scenario and return its transcript; see :mod:`k8s_ref.cli.console`."""
        return Text(console.play(self, script))

    def run(self, seconds: float) -> Cluster:
        """Let so many virtual seconds pass."""
        self.loop.run(seconds)
        return self

    def run_until(self, condition: Callable[[], bool], timeout: float = 600) -> bool:
        """Run until the condition holds, at most ``timeout`` seconds; say whether it does."""
        return self.loop.run_until(condition, timeout)

    def why(self, subject: str) -> Why:
        """How the last thing that happened to a subject came about, oldest cause first; of a Pod
        that fits nowhere also what every plugin says of every node."""
        found = self.trace.select(subject=subject)
        if not found:
            raise ValueError(f"nothing in the trace is about {subject!r}")
        return Why(self.trace.why(found[-1]), self._verdict(found[-1].subject))

    def sequence(self, records: Trace | None = None) -> Sequence:
        """A sequence diagram of the trace or of a part of it, without heartbeats and Events."""
        return Sequence(_story(self.trace if records is None else records))

    def timeline(self, records: Trace | None = None) -> Timeline:
        """One bar per object on a time axis, without heartbeats and Events."""
        return Timeline(_story(self.trace if records is None else records))

    def architecture(self) -> Architecture:
        """A picture of the processes there are now, and of who talks to whom."""
        return Architecture(self)

    def __repr__(self) -> str:
        return (
            f"<Cluster: {len(self.runtimes)} nodes, {self.loop.seconds:g} s,"
            f" revision {self.store.revision}>"
        )

    def _verdict(self, subject: str) -> Explanation | None:
        """The scheduler's last decision about a Pod, if it was that no node fits."""
        verbs = ("filter", "unfit")
        decisions = [r.verb for r in self.trace if r.subject == subject and r.verb in verbs]
        if decisions[-1:] != ["unfit"]:
            return None
        return explain_decision(self.trace, subject.removeprefix("pods/"), self.at)

    def _kubectl(self, line: str, stdin: str) -> tuple[Text, int]:
        printed, code = self.loop.run_task(kubectl.run(self.api, line, stdin))
        return Text(printed), code


def _story(records: Trace) -> Trace:
    """Leave out what is only said about the story, and the pulse of the nodes."""
    return records.without("events/", "leases/", "nodes/")
