"""Authentication · 认证

Who asks.  There are no user objects: a name is whatever a certificate or a token that the server
trusts says it is.  The one idea: each way of asking either recognizes somebody, or has never heard
of him, or knows that he lies; only the last is refused, and whom nobody knows is anonymous.

Upstream: staging/src/k8s.io/apiserver/pkg/authentication/{request,group,user}/,
pkg/kubeapiserver/authenticator/config.go
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from k8s_ref.apiserver.request import User
from k8s_ref.apiserver.requestheader import FRONT_PROXY, user_of
from k8s_ref.machinery.errors import Unauthorized

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
"""Whoever says nothing about himself."""

Certificate = tuple[str, tuple[str, ...]]
"""Common name and organizations of a certificate that was found good."""
Recognize = Callable[[str], User | None]
"""Whose token it is; None if it is none of this kind, ``Unauthorized`` if it is no longer good."""


class Authenticator:
    """Certificates first, then tokens."""

    def __init__(self, *recognize: Recognize) -> None:
        self.recognize = recognize
        self.tokens: dict[str, User] = {}
        """Tokens that somebody wrote down with the names of their owners."""

    def authenticate(self, headers: Mapping[str, str], certificate: Certificate | None) -> User:
        """The user, in the group of those who showed who they are; ``Unauthorized``."""
        if certificate is not None and certificate[0] == FRONT_PROXY:
            return authenticated(user_of(headers))
        if certificate is not None:
            return authenticated(User(*certificate))
        token = bearer(headers.get("authorization", ""))
        return self.of_token(token) if token else ANONYMOUS

    def of_token(self, token: str) -> User:
        """Whose token it is, or ``Unauthorized``; the exception's cause says why."""
        if token in self.tokens:
            return authenticated(self.tokens[token])
        for recognize in self.recognize:
            if (user := recognize(token)) is not None:
                return authenticated(user)
        raise Unauthorized.of() from PermissionError("invalid bearer token")


def bearer(header: str) -> str:
    """The token of an ``Authorization`` header; empty if it holds anything else.

    >>> bearer("Bearer abc"), bearer("Basic YWJj")
    ('abc', '')
    """
    scheme, _, rest = header.strip().partition(" ")
    return rest.partition(" ")[0] if scheme.lower() == "bearer" else ""


def authenticated(user: User) -> User:
    """The user as a member of the group of all who are known."""
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra)
