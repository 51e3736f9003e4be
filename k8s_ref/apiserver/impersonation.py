"""Impersonation · 扮演

To act as somebody else for one request: ``kubectl --as bob``.  Whoever asks must be allowed to be
each part of him, the name, every group, every extra.  The one idea of the newer way is a second
question, asked first: may he do just this while he is somebody else?  If not, the old way is
tried, where the verb ``impersonate`` allows everything the other may do.

Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/filters/impersonation/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from k8s_ref.apiserver.authn import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED
from k8s_ref.apiserver.authorization import MASTERS, Attributes, Authorization, forbidden
from k8s_ref.apiserver.request import User
from k8s_ref.machinery.errors import BadRequest, Forbidden, show

EXTRA = "impersonate-extra-"
MANY = 4
"""From so many groups or extras on, one question is asked for all of them first."""
NODE_NAME = "authentication.kubernetes.io/node-name"


@dataclass(slots=True)
class Wanted:
    """Whom the headers name."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


def impersonated(
    asked: Attributes, headers: Mapping[str, str], authorization: Authorization
) -> User | None:
    """Whom the request is made as, None if as oneself; ``Forbidden``."""
    wanted = _wanted(headers)
    if wanted is None:
        return None
    first: Forbidden | None = None
    for mode in _modes(wanted, asked.user):
        try:
            return _Check(authorization, asked, wanted, mode).user()
        except Forbidden as refusal:
            first = first or refusal
    assert first is not None, "the old way was not tried"
    raise first


def _wanted(headers: Mapping[str, str]) -> Wanted | None:
    """A header that stands several times has a line for each."""
    wanted = Wanted(headers.get("impersonate-user", ""), headers.get("impersonate-uid", ""))
    wanted.groups = tuple(filter(None, headers.get("impersonate-group", "").split("\n")))
    for header, values in sorted(headers.items()):
        if header.startswith(EXTRA):
            wanted.extra[unquote(header.removeprefix(EXTRA))] = tuple(values.split("\n"))
    if wanted.name:
        return wanted
    if not (wanted.uid or wanted.groups or wanted.extra):
        return None
    raise BadRequest(f"requested {_as_go(wanted)} without impersonating a user name")


def _as_go(wanted: Wanted) -> str:
    """The user as Go prints a struct."""

    def strings(values: tuple[str, ...]) -> str:
        return f"[]string{{{', '.join(map(show, values))}}}" if values else "[]string(nil)"

    pairs = ", ".join(f"{show(key)}:{strings(values)}" for key, values in wanted.extra.items())
    extra = f"map[string][]string{{{pairs}}}" if wanted.extra else "map[string][]string(nil)"
    return (
        f"&user.DefaultInfo{{Name:{show(wanted.name)}, UID:{show(wanted.uid)},"
        f" Groups:{strings(wanted.groups)}, Extra:{extra}}}"
    )


def _modes(wanted: Wanted, requestor: User) -> Iterator[str]:
    """The ways to be tried, the one that allows least first."""
    only_name = not (wanted.uid or wanted.groups or wanted.extra)
    node, account = _node(wanted.name), _account(wanted.name)
    if only_name and node:
        if _account(requestor.name) and requestor.extra.get(NODE_NAME) == (node,):
            yield "associated-node"
        yield "arbitrary-node"
    if only_name and account:
        yield "serviceaccount"
    if not node and not account:
        yield "user-info"
    yield ""


def _node(name: str) -> str:
    return name.removeprefix("system:node:") if name.startswith("system:node:") else ""


def _account(name: str) -> tuple[str, str] | None:
    """Namespace and name of a ServiceAccount's user name."""
    parts = name.split(":")
    is_account = parts[:2] == ["system", "serviceaccount"] and len(parts) == 4
    return (parts[2], parts[3]) if is_account else None


class _Check:
    """All questions of one way; the old one has no mode."""

    def __init__(
        self, authorization: Authorization, asked: Attributes, wanted: Wanted, mode: str
    ) -> None:
        self.authorization, self.asked, self.wanted, self.mode = authorization, asked, wanted, mode
        self.verb = f"impersonate:{mode}" if mode else "impersonate"
        self.group = "authentication.k8s.io" if mode else ""
        self.requestor = asked.user
        if mode == "associated-node":
            # The answer is for all nodes alike, so it must not depend on which one it is.
            keys = tuple(sorted(asked.user.extra))
            extra = {"authentication.kubernetes.io/associated-node-keys": keys}
            self.requestor = replace(asked.user, extra=extra)

    def user(self) -> User:
        """The user to be, or ``Forbidden``."""
        if self.mode:
            verb = f"impersonate-on:{self.mode}:{self.asked.verb}"
            self.authorization.require(self.asked._replace(user=self.requestor, verb=verb))
        wanted = self.wanted
        groups = self._name()
        if wanted.uid:
            self.authorization.require(self._about("authentication.k8s.io", "uids", wanted.uid))
        self._groups()
        self._extra()
        known = UNAUTHENTICATED if wanted.name == ANONYMOUS.name else AUTHENTICATED
        if known not in groups and UNAUTHENTICATED not in groups:
            groups = (*groups, known)
        return User(wanted.name, groups, wanted.uid, wanted.extra)

    def _about(self, group: str, resource: str, name: str, subresource: str = "") -> Attributes:
        return Attributes(self.requestor, self.verb, group, resource, subresource, "", name)

    def _name(self) -> tuple[str, ...]:
        """Ask about the name; the groups he has then."""
        name, groups = self.wanted.name, self.wanted.groups
        about = self._about(self.group, "users", name)
        if self.mode and (node := _node(name)):
            where = "*" if self.mode == "associated-node" else node
            about, groups = self._about(self.group, "nodes", where), ("system:nodes",)
        if account := _account(name):
            about = self._about(self.group, "serviceaccounts", account[1])
            about = about._replace(namespace=account[0])
            everywhere = "system:serviceaccounts"
            groups = groups or (everywhere, f"{everywhere}:{account[0]}")
        self.authorization.require(about)
        return groups

    def _groups(self) -> None:
        groups = self.wanted.groups
        if self.mode and MASTERS in groups:
            about = self._about(self.group, "groups", MASTERS)
            raise forbidden(about, f"impersonating the {MASTERS} group is not allowed")
        if self._all(len(groups), self._about(self.group, "groups", "*")):
            return
        for group in groups:
            self.authorization.require(self._about(self.group, "groups", group))

    def _extra(self) -> None:
        group, plural = "authentication.k8s.io", "userextras"
        pairs = [(key, value) for key, values in self.wanted.extra.items() for value in values]
        if self._all(len(pairs), self._about(group, plural, "*", "*")):
            return
        for key, value in pairs:
            self.authorization.require(self._about(group, plural, value, key))

    def _all(self, count: int, about: Attributes) -> bool:
        many = bool(self.mode) and count >= MANY
        return many and self.authorization.authorize(about).allowed
