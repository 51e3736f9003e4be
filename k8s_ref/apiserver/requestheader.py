"""Request headers · 请求头身份

How one API server tells the next for whom it asks: it shows its own certificate, that of the
front proxy, and names the user in headers.  The one rule: whoever comes with any other
certificate may write what he likes into these headers; nobody reads them.

Upstream: staging/src/k8s.io/apiserver/pkg/authentication/request/headerrequest/requestheader.go,
client-go/transport/round_trippers.go (SetAuthProxyHeaders)
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

from k8s_ref.apiserver.request import User

FRONT_PROXY = "front-proxy-client"
"""The common name of the certificate whose bearer is believed."""

_USER, _UID, _GROUP, _EXTRA = (
    "x-remote-user", "x-remote-uid", "x-remote-group", "x-remote-extra-",
)  # fmt: skip


def headers_of(user: User) -> dict[str, str]:
    """The headers that name a user; several values of one header stand with commas.

    >>> headers_of(User("bob", ("dev", "ops")))
    {'x-remote-user': 'bob', 'x-remote-group': 'dev,ops'}
    """
    said = {_USER: user.name, _UID: user.uid, _GROUP: ",".join(user.groups)}
    for key, values in user.extra.items():
        said[_EXTRA + quote(key.lower(), safe="")] = ",".join(values)
    return {name: text for name, text in said.items() if text}


def user_of(headers: Mapping[str, str]) -> User:
    """The user whom a front proxy names.

    >>> user_of({"x-remote-user": "bob", "x-remote-group": "dev,ops"}).groups
    ('dev', 'ops')
    """
    groups = tuple(filter(None, headers.get(_GROUP, "").split(",")))
    extra = {
        unquote(name.removeprefix(_EXTRA)): tuple(text.split(","))
        for name, text in headers.items()
        if name.startswith(_EXTRA)
    }
    return User(headers.get(_USER, ""), groups, headers.get(_UID, ""), extra)
