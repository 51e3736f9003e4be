"""Requests · 请求

What a client asks and what it is answered, free of any transport: the HTTPS edge parses a path
into a :class:`Request`, a component in the same process makes one directly, and from there on
nobody can tell them apart.

Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s_ref.apiserver.watchcache import Watch
from k8s_ref.machinery.errors import MethodNotAllowed, NotFound
from k8s_ref.machinery.kinds import Kind, Kinds

VERB_OF = {
    "GET": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
"""The verb of each HTTP method, before list, watch and deletecollection are told apart."""


@dataclass(slots=True, frozen=True)
class User:
    """Who asks: a name, and what the server goes by besides."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
"""Whoever set the cluster up."""


def component(name: str, *groups: str) -> User:
    """A part of the cluster, which has shown who it is."""
    return User(name, (*groups, "system:authenticated"))


def service_account(name: str, namespace: str = "kube-system") -> User:
    """The user that a ServiceAccount is.

    >>> service_account("default", "web").name
    'system:serviceaccount:web:default'
    """
    everyone = "system:serviceaccounts"
    user = f"system:serviceaccount:{namespace}:{name}"
    return component(user, everyone, f"{everyone}:{namespace}")


@dataclass(slots=True)
class Request:
    """One call of the API."""

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    repeated: Sequence[str] = ()
    """What to say of keys that stood twice in the body."""
    user: User = ADMIN
    impersonate: Mapping[str, str] = field(default_factory=dict)
    """The headers by which the user asks to be treated as somebody else."""
    impersonator: User | None = None
    """Who asked, once ``user`` is the one he wanted to be; None: the user himself."""
    agent: str = "kubectl"
    """Who the trace and managedFields say it was: a component's name."""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The query once more, where a parameter may stand several times: ``command``."""
    rest: str = ""
    """What of the path lies behind ``proxy/``."""
    warnings: list[str] = field(default_factory=list)
    """What the server wants the caller to know although it did as asked."""
    annotations: dict[str, str] = field(default_factory=dict)
    """What admission notes for the audit log."""

    @property
    def key(self) -> str:
        """``namespace/name``, or ``name`` where the kind has no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def resource(self) -> str:
        """What admission and authorization name: ``pods``, ``deployments.apps/scale``."""
        kind = self.kind.resource
        return f"{kind}/{self.subresource}" if self.subresource else kind

    @property
    def subject(self) -> str:
        """How the trace names what the call is about."""
        return f"{self.kind.plural}/{self.key}"


@dataclass(slots=True)
class Response:
    """The answer: a code and an object, or a stream of watch events."""

    code: int
    body: Any = None
    stream: Watch | None = None
    warnings: tuple[str, ...] = ()


def parse(
    kinds: Kinds,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    **more: Any,
) -> Request:
    """The request an HTTP method and a path stand for; ``NotFound`` if no resource lives there.

    >>> from k8s_ref.machinery.kinds import KINDS
    >>> r = parse(KINDS, "GET", "/api/v1/namespaces/default/pods/web/log")
    >>> r.verb, r.kind.kind, r.key, r.subresource
    ('get', 'Pod', 'default/web', 'log')
    """
    if method not in VERB_OF:
        raise MethodNotAllowed.of()
    group, version, rest = _split(path)
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *beyond = [*rest, "", "", ""][: max(3, len(rest))]
    kind = kinds.served(group, version, plural)
    if beyond and subresource != "proxy":
        raise NotFound.resource()
    if kind is None or (namespace and not kind.namespaced):
        raise NotFound.resource()
    query = query or {}
    verb = verb_of(method, name, query)
    _check_place(kind, verb, bool(namespace), name, subresource)
    if beyond:
        more["rest"] = "/".join(beyond)
    return Request(verb, kind, namespace, name, subresource, query, body, **more)


def _check_place(kind: Kind, verb: str, inside: bool, name: str, subresource: str) -> None:
    """A list takes new objects, an object changes; what has a namespace is asked for in it."""
    if kind.namespaced and not inside:
        if name:
            raise NotFound.resource()
        if verb not in ("list", "watch"):
            raise MethodNotAllowed.of()
    if (verb == "create" and name and not subresource) or (
        verb in ("update", "patch") and not name
    ):
        raise MethodNotAllowed.of()


def _split(path: str) -> tuple[str, str, list[str]]:
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        return "", parts[1], parts[2:]
    if parts[:1] == ["apis"] and len(parts) > 3:
        return parts[1], parts[2], parts[3:]
    raise NotFound.resource()


def verb_of(method: str, name: str, query: Mapping[str, str]) -> str:
    """The verb of a call; ``name`` is empty if it is about a whole list."""
    if method == "GET" and query.get("watch", "0").lower() not in ("false", "0"):
        return "watch"
    if not name and method in ("GET", "DELETE"):
        return {"GET": "list", "DELETE": "deletecollection"}[method]
    return VERB_OF[method]
