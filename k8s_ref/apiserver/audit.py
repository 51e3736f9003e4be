"""Audit · 审计

Who did what, written down by the server itself.  A policy decides, for each request, how much of
it is kept: nothing, its words, what was sent, what was answered as well.  The one idea: the first
rule that fits decides, so the policy reads from the special to the general, and what no rule
mentions leaves no trace.

Upstream: staging/src/k8s.io/apiserver/pkg/audit/{policy,request.go}, pkg/endpoints/filters/audit.go
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from k8s_ref.apiserver.authorization import Attributes, Decision, attributes_of
from k8s_ref.apiserver.request import Request, Response
from k8s_ref.apiserver.reviews import user_info
from k8s_ref.machinery.meta import Object, uuid_of
from k8s_ref.machinery.timestamps import micro_time
from k8s_ref.sim.loop import Loop

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
"""How much is kept, each level all that the one before it keeps."""
RECEIVED, STARTED, COMPLETE = "RequestReceived", "ResponseStarted", "ResponseComplete"
STAGES = (RECEIVED, STARTED, COMPLETE, "Panic")

CAPACITY = 1000
"""Events that are remembered here; a sink may keep more."""

WRITES: Object = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": [RECEIVED],
    "rules": [
        {"level": "None", "resources": [
            {"group": "", "resources": ["events"]},
            {"group": "events.k8s.io"},
            {"group": "coordination.k8s.io", "resources": ["leases"]},
        ]},
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "Metadata"},
    ],
}  # fmt: skip
"""A policy for people who want to see who changed what, and no heartbeats."""


class Audit:
    """Keeps a ring of events.  Without a policy it does nothing at all."""

    def __init__(self, loop: Loop, decide: Callable[[Request], Decision]) -> None:
        self.loop, self.decide = loop, decide
        self.policy: Object | None = None
        self.events: deque[Object] = deque(maxlen=CAPACITY)
        self.sink: Callable[[Object], None] = self.events.append
        """Takes each event."""
        self._ids = loop.stream("audit")

    def begin(self, request: Request) -> Record | None:
        """The record of a request, if the policy wants one."""
        if self.policy is None:
            return None
        wanted = attributes_of(request)
        level, omitted = judge(self.policy, wanted)
        if level == "None":
            return None
        record = Record(self, request, wanted, level, omitted)
        record.stage(RECEIVED)
        return record

    def new_id(self) -> str:
        """An ``auditID``: the same for all stages of a request."""
        return uuid_of(self._ids.getrandbits(128))

    def now(self) -> str:
        """The present time, to the microsecond."""
        return micro_time(self.loop.now, self.loop.epoch)


class Record:
    """One request on its way through the stages."""

    def __init__(
        self, audit: Audit, request: Request, wanted: Attributes, level: str, omitted: set[str]
    ) -> None:
        self.audit, self.level, self.omitted = audit, LEVELS.index(level), omitted
        self.request, self.wanted = request, wanted
        self.event: Object = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": level,
            "auditID": audit.new_id(),
            "stage": "",
            "requestURI": _uri(request),
            "verb": wanted.verb,
            "user": user_info(wanted.user),
            "userAgent": request.agent,
            "objectRef": _reference(request, wanted),
            "requestReceivedTimestamp": audit.now(),
        }
        if self.level >= LEVELS.index("Request") and isinstance(request.body, dict):
            self.event["requestObject"] = request.body

    def stage(self, stage: str) -> None:
        """Hand out the event as it is now, unless the policy leaves this stage out."""
        if stage not in self.omitted:
            stamped = {"stage": stage, "stageTimestamp": self.audit.now()}
            self.audit.sink({**self.event, **stamped})

    def end(self, response: Response) -> None:
        """Add the answer; a watch has only begun."""
        status: Object = {"metadata": {}, "code": response.code}
        body = response.body
        if response.code >= 400:
            told = ("status", "message", "reason")
            status |= {name: body[name] for name in told if name in body}
        self.event["responseStatus"] = status
        if self.request.impersonator is not None:
            self.event["impersonatedUser"] = user_info(self.request.user)
        decision = self.audit.decide(self.request)
        # Admission refuses with the same code what authorization allowed.
        denied = response.code == 403 and not decision.allowed
        self.event["annotations"] = {
            **self.request.annotations,
            "authorization.k8s.io/decision": "forbid" if denied else "allow",
            "authorization.k8s.io/reason": decision.reason,
        }
        if self.level == LEVELS.index("RequestResponse") and isinstance(body, dict):
            self.event["responseObject"] = body
        self.stage(STARTED if response.stream is not None else COMPLETE)


def _uri(request: Request) -> str:
    path = request.kind.path(request.namespace, request.name, request.subresource)
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    return f"{path}?{query}" if query else path


def _reference(request: Request, wanted: Attributes) -> Object:
    meta = (request.body.get("metadata") or {}) if isinstance(request.body, dict) else {}
    reference = {
        "resource": wanted.resource,
        "namespace": wanted.namespace,
        "name": wanted.name or meta.get("name", ""),
        "uid": meta.get("uid", ""),
        "apiGroup": wanted.group,
        "apiVersion": request.kind.version,
        "resourceVersion": meta.get("resourceVersion", ""),
        "subresource": wanted.subresource,
    }
    return {field: value for field, value in reference.items() if value}


# -- the policy


def judge(policy: Object, wanted: Attributes) -> tuple[str, set[str]]:
    """Level and omitted stages of the first rule that fits; ``None`` if there is none.

    >>> from k8s_ref.apiserver.request import User
    >>> judge(WRITES, Attributes(User("bob"), "create", "", "pods", "", "default"))
    ('Metadata', {'RequestReceived'})
    """
    for rule in policy.get("rules") or ():
        if _fits(rule, wanted):
            omitted = {*(policy.get("omitStages") or ()), *(rule.get("omitStages") or ())}
            return rule["level"], omitted
    return "None", set(STAGES)


def _fits(rule: Object, wanted: Attributes) -> bool:
    """Whether the words of a rule are those of the request; what it does not say may be any."""
    user = wanted.user
    if not (
        _any(rule.get("users"), (user.name,))
        and _any(rule.get("userGroups"), user.groups)
        and _any(rule.get("verbs"), (wanted.verb,))
    ):
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return not wanted.path and _fits_resource(rule, wanted)
    urls = rule.get("nonResourceURLs")
    return not urls or any(_reaches(url, wanted.path) for url in urls)


def _any(said: Iterable[str] | None, found: Iterable[str]) -> bool:
    return not said or not set(said).isdisjoint(found)


def _reaches(url: str, path: str) -> bool:
    exact = url == path or url == "*"
    return bool(path) and (exact or (url.endswith("*") and path.startswith(url[:-1])))


def _fits_resource(rule: Object, wanted: Attributes) -> bool:
    if not _any(rule.get("namespaces"), (wanted.namespace,)):
        return False
    whole, sub = wanted.resource, wanted.subresource
    spellings = {"*", f"{whole}/{sub}", f"*/{sub}"} if sub else {"*", whole}
    spellings.add(f"{whole}/*")
    return not rule.get("resources") or any(
        each.get("group", "") == wanted.group
        and _any(each.get("resources"), spellings)
        and (not each.get("resources") or _any(each.get("resourceNames"), (wanted.name,)))
        for each in rule["resources"]
    )
