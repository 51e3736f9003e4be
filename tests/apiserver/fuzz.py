"""The fuzzer: malformed requests against a whole cluster, and what must hold after each.

A round is a new cluster and the requests of one seed; the answer to each, and everything it
stored, is looked at at once.  What is wrong is repeated with fewer and smaller requests until
nothing can be left out, and printed as text to paste.
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import yaml

from k8s_ref import Cluster
from k8s_ref.apiserver.encoding import Representation
from k8s_ref.apiserver.http import Handler, HTTPRequest, HTTPResponse
from k8s_ref.apiserver.routes import Routes
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError
from tests.apiserver.malformed import ADMIN, MADE, Malformed, gizmos
from tests.apiserver.widgets import definition, widget
from tests.harness import pod

ROUND = 250
"""Requests to one cluster."""
REST = 25
"""After so many requests its components have their turn."""

DELIBERATE = {
    500: (
        r'resourceVersion: Invalid value: ".*": strconv.ParseUint: parsing',
        r"failed to create typed patch object \(",
        r"map: .* does not contain declared merge key: ",
        r"unknown patch type: .* in map: ",
        r"The order in patch list:\n.*\n doesn't match \$setElementOrder list:",
        r"target\.(name: Required|kind: Unsupported) value",
        r"This pod has more than one PodDisruptionBudget",
        r"Internal error occurred: failed calling webhook ",
        r"Internal error occurred: the spec replicas field ",
    ),
    503: (r'no endpoints available for service "', r"error trying to reach service: "),
    504: (r"Timeout: Too large resource version: ",),
}
"""What a Kubernetes 1.36 API server answers with such a code too, and how the message begins."""
UNASKED = {
    ("Event", "metadata.name"),
    ("Event", "eventTime"),
    ("Event", "type"),
    ("Event", "series"),
    ("Event", "reportingController"),
    ("Event", "reason"),
    ("CustomResourceDefinition", "status.storedVersions"),
}
"""What only new objects are asked: an update may leave it out, upstream too."""
OF_TWO_GROUPS = ("Event", "HorizontalPodAutoscaler")
"""Kinds whose two versions are kept as they came, so that one may carry fields of the other."""
OF_DELETE = re.compile(
    r"couldn't get version/kind; json parse error: |yaml: |json: |proto: |unexpected EOF|empty "
    r"|provided data does not"
)
"""Nor does upstream word what is wrong with the options of a DELETE; it is answered with 500."""


class Observed(Handler):
    """A handler that remembers which fault it answered with 500."""

    fault: BaseException | None = None

    async def _serve(self, http: HTTPRequest) -> HTTPResponse:
        try:
            return await super()._serve(http)
        except ApiError:
            raise
        except BaseException as error:
            self.fault = error
            raise


class Target:
    """A cluster with something in it, and somebody who looks at every answer."""

    def __init__(self) -> None:
        self.cluster = Cluster(nodes=1, managed_fields=True)
        self.cluster.run(2)
        do = self.cluster.loop.run_task
        for crd in (definition(), gizmos()):
            do(self.cluster.api.create("crds", crd))
        self.cluster.run(1)
        for resource, obj in (("widgets", widget()), ("gizmos", MADE["Gizmo"]()), ("pods", pod())):
            do(self.cluster.api.create(resource, obj))
        do(self.cluster.api.create("namespaces", {"metadata": {"name": "shop"}}))
        self.cluster.run(5)
        self.server = self.cluster.server
        assert self.server is not None
        self.handler = Observed(self.server, (Routes(self.server),))
        self.written: dict[str, Any] = {}
        self.answer = HTTPResponse(0)
        """The last one."""
        store = self.cluster.store
        store.watch("/registry/", store.revision, lambda event: self._on(event.kv, event.deleted))

    def _on(self, kv: Any, deleted: bool) -> None:
        self.written[kv.key] = None if deleted else kv.value

    def send(self, http: HTTPRequest) -> str:
        """Send one; what is wrong with what came of it, or nothing."""
        self.handler.fault = None
        answering = self.handler.serve(http)
        try:
            # No controller has its turn in between, but for what is to be done at once.
            answer = self.cluster.loop.run_task(answering, 60)
            self.answer = answer
            wrong = self._of_answer(http, answer)
        except Exception as error:
            answering.close()
            return _trace(error)
        if self.handler.fault is not None:
            return _trace(self.handler.fault)
        return wrong or next(self._of_stored(), "")

    # -- the answer

    def _of_answer(self, http: HTTPRequest, answer: HTTPResponse) -> str:
        if answer.upgrade is not None:
            answer.upgrade.close()
            return "" if answer.code == 101 else f"an upgrade with {answer.code}"
        if answer.stream is not None:
            return self._of_stream(answer)
        if answer.content_type == "application/json":
            wrong = _of_json(answer)
        else:
            answer.body.decode("utf-8")
            wrong = ""
        if not wrong and not deliberate(http, answer):
            wrong = f"{answer.code}: {answer.body[:600]!r}"
        return wrong

    def _of_stream(self, answer: HTTPResponse) -> str:
        """The first piece, if it is there already."""
        loop, stream = self.cluster.loop, answer.stream
        assert stream is not None
        pieces: list[bytes | None] = []

        async def read() -> None:
            pieces.append(await stream.next())

        task = loop.spawn(read())
        task.observed = True
        loop.run(0)
        stream.stop()
        loop.run(0)
        if task.done:
            task.result()
        task.cancel()
        for line in b"".join(filter(None, pieces)).splitlines():
            if answer.content_type == "application/json":
                event = json.loads(line.decode("utf-8"), parse_constant=_no_json)
                if set(event) != {"type", "object"}:
                    return f"a watch tells {line[:300]!r}"
        return ""

    # -- what is stored

    def _of_stored(self) -> Iterator[str]:
        written, self.written = self.written, {}
        for key, obj in written.items():
            if obj is None or not isinstance(obj, dict):
                continue
            try:
                found = self._of_object(obj)
            except Exception as error:
                found = _trace(error)
            if found:
                yield f"stored at {key}: {found}\n{json.dumps(obj)[:3000]}"

    def _of_object(self, obj: Any) -> str:
        kind = self.server.kinds.of(obj["apiVersion"], obj["kind"])
        if kind is None or kind.gvk not in self.server.registries:
            return f"is of no kind that is served: {obj['apiVersion']} {obj['kind']}"
        problems = schema.Problems()
        if kind.definition is None:
            problems = schema.check(obj, kind)
        if problems.ill_typed or (problems.unknown and kind.kind not in OF_TWO_GROUPS):
            return f"does not fit the schema: {problems}"
        causes = self.server.registries[kind.gvk]._causes(obj)
        causes = [cause for cause in causes if not _unasked(kind.kind, cause)]
        if causes:
            return f"is not valid: {'; '.join(map(str, causes))}"
        json.dumps(obj, ensure_ascii=False, allow_nan=False).encode("utf-8")
        encoder = self.handler.encoder
        for turned in ("Table", "PartialObjectMetadata"):
            shown = encoder.answer(Representation(turned=turned), obj, kind)
            json.loads(shown.decode("utf-8"), parse_constant=_no_json)
        encoder.answer(Representation("application/yaml"), obj, kind).decode("utf-8")
        return ""

    def read_all(self) -> str:
        """List and watch every kind, as JSON and as a table; what is wrong, or nothing."""
        for kind in self.server.kinds:
            if "list" not in kind.verbs or kind.gvk not in self.server.registries:
                continue
            for accept in ("application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"):
                for query in ({}, {"limit": ["500"]}, {"watch": ["true"]}):
                    asked = HTTPRequest("GET", kind.path(), query, {"accept": accept}, b"", ADMIN)
                    if wrong := self.send(asked):
                        return f"reading all {kind.resource}: {wrong}"
        return ""

    def rest(self) -> str:
        """Let the components work; what fails in them, or nothing."""
        try:
            self.cluster.run(2)
        except Exception as error:
            return f"a component: {_trace(error)}"
        return next(self._of_stored(), "")


def _unasked(kind: str, cause: Any) -> bool:
    field = cause.field.partition("[")[0]
    if field == "metadata.generateName" or (kind, field) in UNASKED:
        return True
    return (
        cause.field.startswith("metadata.finalizers") and "neither a standard" not in cause.message
    )


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _trace(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text if len(text) < 6000 else f"{text[:2500]}\n...\n{text[-3000:]}"


def _of_json(answer: HTTPResponse) -> str:
    """What is wrong with the JSON of an answer."""
    body = json.loads(answer.body.decode("utf-8"), parse_constant=_no_json)
    if not isinstance(body, dict):
        return f"{answer.code} with {answer.body[:300]!r}"
    if answer.code < 400:
        known = not OTHERS.isdisjoint(body) or isinstance(body.get("kind"), str)
        return "" if known else f"{answer.code} with {answer.body[:300]!r}"
    known = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": answer.code}
    if any(body.get(name) != value for name, value in known.items()):
        return f"{answer.code} with {answer.body[:300]!r}"
    if not isinstance(body.get("message"), str) or not isinstance(body.get("metadata"), dict):
        return f"a Status without message or metadata: {answer.body[:300]!r}"
    if answer.code != 500 and not body.get("reason"):
        return f"a Status without a reason: {answer.body[:300]!r}"
    return ""


OTHERS = frozenset(("openapi", "swagger", "paths", "major", "issuer", "keys"))
"""What documents begin with that are no objects."""


def deliberate(http: HTTPRequest, answer: HTTPResponse) -> bool:
    """Whether an answer is no fault of the server."""
    if answer.code < 500:
        return True
    read = {"application/json": json.loads, "application/yaml": yaml.safe_load}
    message = answer.body.decode("utf-8")
    if answer.content_type in read:
        message = read[answer.content_type](message).get("message", "")
    if http.method == "DELETE" and answer.code == 500 and OF_DELETE.match(message):
        return True
    return any(re.match(begin, message, re.S) for begin in DELIBERATE.get(answer.code, ()))


# -- rounds


def play(requests: Sequence[HTTPRequest]) -> str:
    """Send these to a new cluster; what is wrong after the last one, or nothing."""
    target = Target()
    for number, http in enumerate(requests, 1):
        wrong = target.send(http) or ("" if number % REST else target.rest())
        if wrong:
            return wrong if number == len(requests) else ""
    return target.rest() or target.read_all()


def round_of(seed: str, count: int = ROUND) -> tuple[list[HTTPRequest], str]:
    """Send the requests of a seed; those sent, and what was wrong after the last, or nothing."""
    target, sent = Target(), []
    malformed = Malformed(seed, lambda: target.server)
    for number in range(1, count + 1):
        sent.append(malformed.request())
        wrong = target.send(sent[-1]) or ("" if number % REST else target.rest())
        if wrong:
            return sent, wrong
    return sent, target.rest() or target.read_all()


# -- smaller


def smallest(requests: list[HTTPRequest], wrong: str, patience: int = 150) -> list[HTTPRequest]:
    """The fewest and shortest requests after which the same is wrong; tries so many times."""
    tries = iter(range(patience))

    def same(some: list[HTTPRequest]) -> bool:
        return next(tries, None) is not None and about(play(some)) == about(wrong)

    found, size = requests, len(requests)
    while size:
        for at in range(0, len(found), size):
            fewer = found[:at] + found[at + size :]
            if fewer and same(fewer):
                found = fewer
                break
        else:
            size //= 2
    for number, http in enumerate(found):
        for less in _less(http):
            if same([*found[:number], less, *found[number + 1 :]]):
                found = [*found[:number], less, *found[number + 1 :]]
                break
    return found


def _less(http: HTTPRequest) -> Iterator[HTTPRequest]:
    """The request without what may have nothing to do with it, the boldest cut first."""
    plain = {name: http.headers[name] for name in ("content-type",) if name in http.headers}
    yield replace(http, query={}, headers=plain, certificate=ADMIN)
    yield replace(http, headers=plain, certificate=ADMIN)
    yield replace(http, query={}, certificate=ADMIN)
    yield replace(http, query={})


def about(wrong: str) -> str:
    """What two faults have in common that are the same: the last line of a traceback, or else
    the words before all details."""
    if "Traceback" in wrong:
        places = re.findall(r'File ".*/(\w+\.py)", line (\d+)', wrong)
        return f"{places[-1]} {wrong.strip().splitlines()[-1].partition(':')[0]}"
    return re.sub(r"[0-9a-f]{5,}|[0-9]+", "#", wrong)[:120]


def paste(requests: Sequence[HTTPRequest]) -> str:
    """A program that sends them again and says what is wrong then."""
    lines = [
        "from k8s_ref.apiserver.http import HTTPRequest",
        "from tests.apiserver.fuzz import play",
    ]
    return "\n".join([*lines, "print(play([", *(f"    {http!r}," for http in requests), "]))"])
