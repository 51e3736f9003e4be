"""Authorization · 授权

Whether this user may do this.  Every request becomes the same few words (verb, group, resource,
namespace, name), and authorizers are asked in a row: the first that allows decides, one that does
not know says nothing, and if nobody allows, the request is forbidden.  The one idea: hardly any
decision depends on the object's name, so a yes that holds everywhere is kept until roles change.

Upstream: staging/src/k8s.io/apiserver/pkg/authorization/{authorizer,union,authorizerfactory}/,
pkg/endpoints/filters/authorization.go, pkg/endpoints/handlers/responsewriters/errors.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from k8s_ref.apiserver.request import VERB_OF, Request, User, verb_of
from k8s_ref.machinery.errors import Forbidden, show
from k8s_ref.machinery.meta import Object

MASTERS = "system:masters"
"""The group that may do everything, whatever the roles say: the spare key."""


class Attributes(NamedTuple):
    """What a request is to whoever decides about it; ``path`` if it is about no resource."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    fields: str = ""
    """The field selector of a list: a kubelet may list the Pods of its own node."""

    def __str__(self) -> str:
        begin = f"User {show(self.user.name)} cannot {self.verb}"
        if self.path:
            return f"{begin} path {show(self.path)}"
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = f"in the namespace {show(self.namespace)}" if self.namespace else ""
        where = where or "at the cluster scope"
        return f"{begin} resource {show(resource)} in API group {show(self.group)} {where}"


class Decision(NamedTuple):
    """What an authorizer says."""

    allowed: bool
    reason: str = ""
    everywhere: bool = False
    """Whether it would say the same for any name in any namespace."""


class Rules(NamedTuple):
    """What a user may do, as far as it can be listed."""

    rules: list[Object]
    errors: list[str]


class Authorizer(Protocol):
    """One of those who are asked."""

    def authorize(self, wanted: Attributes) -> Decision:
        """Allow, or say nothing and why."""

    def rules_for(self, user: User, namespace: str) -> Rules:
        """What it would allow the user in a namespace."""


SILENT = Decision(False)
NO_RULES = Rules([], [])


class PrivilegedGroup:
    """Allows the members of one group everything."""

    def authorize(self, wanted: Attributes) -> Decision:
        """Whether the user is one of them."""
        return Decision(True, everywhere=True) if MASTERS in wanted.user.groups else SILENT

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Nothing: a role that says the same exists for those who ask."""
        return NO_RULES


class Authorization:
    """The chain.  Writes: the memo of what is allowed everywhere."""

    def __init__(self, authorizers: Iterable[Authorizer]) -> None:
        self.authorizers = tuple(authorizers)
        self._settled: dict[tuple[str, tuple[str, ...], str, str, str], Decision] = {}
        self.forget: Callable[[], None] = self._settled.clear
        """To be called when a role or a binding changed."""

    def check(self, request: Request) -> None:
        """Let the request pass, or ``Forbidden``."""
        decision = self.decide(request)
        if not decision.allowed:
            raise forbidden(attributes_of(request), decision.reason)

    def decide(self, request: Request) -> Decision:
        """The decision about a request: a yes that holds everywhere is asked for only once."""
        user, kind = request.user, request.kind
        key = user.name, user.groups, request.verb, kind.resource, request.subresource
        decision = self._settled.get(key)
        if decision is None:
            decision = self.authorize(attributes_of(request))
            if decision.allowed and decision.everywhere:
                self._settled[key] = decision
        return decision

    def require(self, wanted: Attributes) -> Decision:
        """The decision if it is a yes, otherwise ``Forbidden``."""
        decision = self.authorize(wanted)
        if not decision.allowed:
            raise forbidden(wanted, decision.reason)
        return decision

    def authorize(self, wanted: Attributes) -> Decision:
        """The first yes, or a no with the reasons of all who gave one."""
        reasons = []
        for authorizer in self.authorizers:
            decision = authorizer.authorize(wanted)
            if decision.allowed:
                return decision
            if decision.reason:
                reasons.append(decision.reason)
        return Decision(False, "\n".join(reasons))

    def rules_for(self, user: User, namespace: str) -> Rules:
        """What all of them together would allow."""
        found = [each.rules_for(user, namespace) for each in self.authorizers]
        return Rules([r for f in found for r in f.rules], [e for f in found for e in f.errors])


def forbidden(wanted: Attributes, reason: str) -> Forbidden:
    """The refusal in upstream's words.

    >>> print(forbidden(Attributes(User("bob"), "get", path="/metrics"), ""))
    forbidden: User "bob" cannot get path "/metrics"
    """
    why = f"{wanted}: {reason}" if reason else str(wanted)
    return Forbidden.of(wanted.resource, wanted.group, wanted.name, why)


def attributes_of(request: Request) -> Attributes:
    """The words of a request; a namespace is in itself, and a list of one name is about it."""
    kind, query = request.kind, request.query
    fields = query.get("fieldSelector", "") if request.verb in _MANY else ""
    name = request.name or dict(equalities(fields)).get("metadata.name", "")
    namespace = request.namespace or (name if kind.resource == "namespaces" else "")
    return Attributes(
        request.user, request.verb, kind.group, kind.plural, request.subresource, namespace, name,
        fields=fields,
    )  # fmt: skip


def path_words(user: User, method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """The words of an HTTP call, whether anything lives at its path or not.

    >>> path_words(User("bob"), "GET", "/api/v1/namespaces/e/pods/web/log", {})[1:7]
    ('get', '', 'pods', 'log', 'e', 'web')
    """
    parts = [part for part in path.split("/") if part]
    group, rest = "", parts[2:] if parts[:1] == ["api"] else []
    if parts[:1] == ["apis"]:
        group, rest = parts[1] if len(parts) > 1 else "", parts[3:]
    if not rest:
        return Attributes(user, method.lower(), path=path)
    namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 1 else ""
    if namespace and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    plural, name, subresource = [*rest, "", "", ""][:3]
    verb = verb_of(method, name, query) if method in VERB_OF else method.lower()
    fields = query.get("fieldSelector", "") if verb in _MANY else ""
    name = name or dict(equalities(fields)).get("metadata.name", "")
    return Attributes(user, verb, group, plural, subresource, namespace, name, fields=fields)


_MANY = ("list", "watch", "deletecollection")


def equalities(selector: str) -> Iterator[tuple[str, str]]:
    """The fields a selector wants to have one value.

    >>> dict(equalities("spec.nodeName=node-1,status.phase!=Failed"))
    {'spec.nodeName': 'node-1'}
    """
    for part in selector.split(","):
        field, equals, value = part.partition("=")
        if equals and not field.endswith("!"):
            yield field, value.removeprefix("=")
