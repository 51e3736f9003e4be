"""Metrics · 指标

How many requests of which sort, how long they took, how many watch, how many objects there are:
numbers that something else collects at times and keeps.  The one idea: a counter only grows, so
whoever missed a look has lost detail but no count.

Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/metrics/metrics.go
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from k8s_ref.apiserver.documents import Document
from k8s_ref.apiserver.request import Request
from k8s_ref.apiserver.server import APIServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30,
    45, 60,
)  # fmt: skip
"""Upper ends, in seconds, of the classes in which durations are counted."""

Labels = tuple[tuple[str, str], ...]

_VERBS = {"create": "POST", "update": "PUT"}


class Metrics:
    """The counters of one server.  Writes: its own, from :meth:`observe`."""

    def __init__(self) -> None:
        self.requests: Counter[Labels] = Counter()
        self.durations: dict[Labels, list[int]] = {}
        self.seconds: dict[Labels, float] = {}

    def observe(self, request: Request, code: int, seconds: float) -> None:
        """Count an answer and how long it took; a watch has no duration to speak of."""
        labels = _labels(request)
        self.requests[(("code", str(code)), *labels)] += 1
        if request.verb != "watch":
            counts = self.durations.setdefault(labels, [0] * (len(BUCKETS) + 1))
            counts[bisect_left(BUCKETS, seconds)] += 1
            self.seconds[labels] = self.seconds.get(labels, 0.0) + seconds

    def answer(self, path: str, server: APIServer) -> Document | None:
        """The document at ``/metrics``, as Prometheus reads it."""
        if path.rstrip("/") != "/metrics":
            return None
        return Document(CONTENT_TYPE, "".join(self._lines(server)).encode())

    def _lines(self, server: APIServer) -> Iterator[str]:
        yield from _family(
            "apiserver_request_total", "counter", "Answered requests.", self.requests.items()
        )
        name = "apiserver_request_duration_seconds"
        yield f"# HELP {name} How long answers took.\n# TYPE {name} histogram\n"
        for labels, counts in sorted(self.durations.items()):
            ends = [*(f"{end:g}" for end in BUCKETS), "+Inf"]
            for end, count in zip(ends, accumulate(counts), strict=True):
                yield _line(f"{name}_bucket", (*labels, ("le", end)), count)
            yield _line(f"{name}_sum", labels, self.seconds[labels])
            yield _line(f"{name}_count", labels, sum(counts))
        watches, objects = [], []
        for registry in server.registries.values():
            place = ("group", registry.kind.group), ("resource", registry.kind.plural)
            watch = (*place, ("verb", "WATCH"), ("version", registry.kind.version))
            watches.append((watch, len(registry.cache.watches)))
            objects.append((place, len(registry.cache.objects)))
        yield from _family("apiserver_longrunning_requests", "gauge", "Open watches.", watches)
        yield from _family("apiserver_resource_objects", "gauge", "Stored objects.", objects)
        revision = [((), server.storage.revision)]
        yield from _family(
            "etcd_debugging_mvcc_current_revision", "gauge", "Revision of the store.", revision
        )


def _labels(request: Request) -> Labels:
    kind, verb = request.kind, _VERBS.get(request.verb, request.verb.upper())
    one = request.name or request.verb == "create"
    scope = "resource" if one else "namespace" if request.namespace else "cluster"
    if verb == "PATCH" and request.content_type.startswith("application/apply-patch"):
        verb = "APPLY"
    return (
        ("component", "apiserver"),
        ("dry_run", request.query.get("dryRun", "")),
        ("group", kind.group),
        ("resource", kind.plural),
        ("scope", scope),
        ("subresource", request.subresource),
        ("verb", verb),
        ("version", kind.version),
    )


def _family(
    name: str, form: str, about: str, values: Iterable[tuple[Labels, float]]
) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} {form}\n"
    for labels, value in sorted(values):
        yield _line(name, labels, value)


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f"{label}={json.dumps(text)}" for label, text in labels)
    return f"{name}{{{inner}}} {value:.12g}\n" if inner else f"{name} {value:.12g}\n"
