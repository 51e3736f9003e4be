"""Service account tokens · 服务账号令牌

How a Pod shows who it is: with a signed text that says whose it is, for whom it is meant and when
it ends.  The one idea: a token is bound to the objects it names, so nobody needs to keep a list of
tokens; delete the Pod, and its token is worth nothing.

Upstream: pkg/serviceaccount/{claims,jwt}.go, pkg/registry/core/serviceaccount/storage/token.go,
staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from k8s_ref.apiserver.request import Request, User
from k8s_ref.machinery.errors import (
    BadRequest,
    Cause,
    Conflict,
    Invalid,
    NotFound,
    Unauthorized,
    invalid,
    show,
)
from k8s_ref.machinery.meta import Object, uuid_of
from k8s_ref.machinery.timestamps import timestamp
from k8s_ref.sim.loop import SECOND, Loop

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who signs, and for whom a token is meant that says nothing else: the API server."""
EXTRA = "authentication.kubernetes.io/"
DEFAULT_SECONDS, LEAST_SECONDS, MOST_SECONDS = 3600, 600, 2**32
LEEWAY = 60
"""Seconds by which the clocks of two machines may differ."""
REMEMBERED = 4096
"""So many tokens with good signatures are known by heart."""
WARN_SECONDS, EXTENDED_SECONDS = 3607, 365 * 24 * 3600
"""A Pod that asks for this odd number gets a token for a year: old programs never read it again."""

Objects = Mapping[str, Object]


class Signer(Protocol):
    """Signs tokens and knows its own signatures."""

    algorithm: str
    key_id: str

    def sign(self, text: bytes) -> bytes:
        """The signature of a text."""


class HMACSigner:
    """Signs with a secret that whoever checks must know as well."""

    algorithm = "HS256"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.key_id = _encoded(hashlib.sha256(secret).digest())

    def sign(self, text: bytes) -> bytes:
        """Its keyed digest."""
        return hmac.digest(self._secret, text, "sha256")


class Claimed(NamedTuple):
    """What a token that was found good says."""

    user: User
    audiences: tuple[str, ...]


class Signed(NamedTuple):
    """A token with a good signature: what it says, and whose it is."""

    claims: Object
    user: User


class ServiceAccountTokens:
    """Issues tokens and recognizes them; reads the objects they are bound to."""

    def __init__(
        self, loop: Loop, signer: Signer, accounts: Objects, bound: Mapping[str, Objects]
    ) -> None:
        """``bound``: by kind, the objects a token may be bound to: Pod, Node, Secret."""
        self.loop, self.signer, self.accounts, self.bound = loop, signer, accounts, bound
        self._ids = loop.stream("token ids")
        # A good signature stays good.  Whatever can change is looked at each time: the clock, and
        # the objects a token is bound to.
        self._signed: dict[str, Signed] = {}

    def now(self) -> int:
        """The present second, as tokens count."""
        return self.loop.epoch + self.loop.now // SECOND

    # -- issuing

    def request(self, request: Request) -> Object:
        """Answer a TokenRequest for an account: itself, with the token in its status."""
        body, account = request.body or {}, self.accounts.get(request.key)
        self._check_place(body.get("metadata") or {}, request)
        if account is None:
            raise NotFound.of("serviceaccounts", "", request.name)
        spec = {**(body.get("spec") or {})}
        spec["audiences"] = spec.get("audiences") or [ISSUER]
        spec["expirationSeconds"] = seconds = spec.get("expirationSeconds", DEFAULT_SECONDS)
        _check(list(_problems(seconds)))
        bound = self._bound(account, spec.get("boundObjectRef"))
        now = self.now()
        meta = {"name": request.name, "namespace": request.namespace}
        status = {
            "token": self.issue(account, bound, spec["audiences"], seconds),
            "expirationTimestamp": timestamp(0, now + seconds),
        }
        created = {"creationTimestamp": timestamp(0, now)}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {**meta, **created},
            "spec": spec,
            "status": status,
        }

    def issue(
        self, account: Object, bound: Mapping[str, Object], audiences: Sequence[str], seconds: int
    ) -> str:
        """A token of an account, bound to objects of these kinds."""
        now, meta = self.now(), account["metadata"]
        about: Object = {kind.lower(): ref for kind, ref in bound.items()}
        about |= {"namespace": meta["namespace"], "serviceaccount": _reference(account)}
        if seconds == WARN_SECONDS and "Pod" in bound and ISSUER in audiences:
            about["warnafter"], seconds = now + seconds, EXTENDED_SECONDS
        claims = {
            "aud": list(audiences),
            "exp": now + seconds,
            "iat": now,
            "iss": ISSUER,
            "jti": uuid_of(self._ids.getrandbits(128)),
            "kubernetes.io": {key: about[key] for key in sorted(about)},
            "nbf": now,
            "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
        }
        header = {"alg": self.signer.algorithm, "kid": self.signer.key_id}
        text = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
        return f"{text}.{_encoded(self.signer.sign(text.encode()))}"

    def _check_place(self, meta: Object, request: Request) -> None:
        for field, wanted in (("name", request.name), ("namespace", request.namespace)):
            if meta.get(field, wanted) != wanted:
                why = f"must match the service account {field} if specified"
                _check([invalid(f"metadata.{field}", meta[field], why)], request.name)

    def _bound(self, account: Object, reference: Object | None) -> dict[str, Object]:
        """The objects the token is to end with; of a Pod also its node."""
        if not reference:
            return {}
        kind, name = reference.get("kind", ""), reference.get("name", "")
        group, _, version = reference.get("apiVersion", "").rpartition("/")
        if group or kind not in self.bound:
            what = f"{group}/{version}, Kind={kind}"
            raise BadRequest(f"cannot bind token to object of type {what}")
        meta = account["metadata"]
        obj = self.bound[kind].get(name if kind == "Node" else f"{meta['namespace']}/{name}")
        if obj is None:
            raise NotFound.of(f"{kind.lower()}s", "", name)
        found = {kind: _reference(obj)}
        if kind == "Pod":
            if obj["spec"].get("serviceAccountName") != meta["name"]:
                raise BadRequest(
                    f"cannot bind token for serviceaccount {show(meta['name'])} to pod running"
                    " with different serviceaccount name."
                )
            if node := obj["spec"].get("nodeName"):
                known = self.bound["Node"].get(node)
                found["Node"] = _reference(known) if known else {"name": node}
        uid = reference.get("uid")
        if uid and uid != obj["metadata"]["uid"]:
            why = (
                f"the UID in the bound object reference ({uid}) does not match the UID in record."
                " The object might have been deleted and then recreated"
            )
            raise Conflict.of(kind, "", name, why)
        return found

    # -- recognizing

    def recognize(self, token: str) -> User | None:
        """Whose token for this server it is; None if it was not made here."""
        found = self.examine(token, (ISSUER,))
        return found.user if found else None

    def examine(self, token: str, audiences: Sequence[str]) -> Claimed | None:
        """What a token made here says; ``Unauthorized`` if it is not good, or not for these."""
        signed = self._signed.get(token) or self._verified(token)
        if signed is None:
            return None
        if why := self._wrong(signed.claims, audiences):
            raise _refused(why)
        meant = tuple([a for a in signed.claims["aud"] if a in audiences])
        return Claimed(signed.user, meant)

    def _verified(self, token: str) -> Signed | None:
        """The token, if it was made here; ``Unauthorized`` if only its words are ours."""
        claims = _claims(token)
        if claims is None or claims.get("iss") != ISSUER:
            return None
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_encoded(self.signer.sign(text.encode())), signature):
            raise _refused("square/go-jose: error in cryptographic primitive")
        if len(self._signed) >= REMEMBERED:
            self._signed.clear()
        signed = self._signed[token] = Signed(claims, _user(claims))
        return signed

    def _wrong(self, claims: Object, audiences: Sequence[str]) -> str:
        if not any(audience in audiences for audience in claims["aud"]):
            meant, here = (f"[{' '.join(map(show, a))}]" for a in (claims["aud"], audiences))
            return f"token audiences {meant} is invalid for the target audiences {here}"
        if self.now() - LEEWAY > claims["exp"]:
            return "service account token has expired"
        return self._gone(claims["kubernetes.io"])

    def _gone(self, about: Object) -> str:
        """Why the token ended with one of the objects it names."""
        namespace, account = about["namespace"], about["serviceaccount"]
        found = self.accounts.get(f"{namespace}/{account['name']}")
        if found is None:
            return f'serviceaccounts "{account["name"]}" not found'
        uid = found["metadata"]["uid"]
        if uid != account["uid"]:
            return f"service account UID ({uid}) does not match claim ({account['uid']})"
        for kind in ("Secret", "Pod", "Node"):
            ref = about.get(kind.lower())
            if ref is None or (kind == "Node" and "pod" in about):
                continue
            obj = self.bound[kind].get(
                ref["name"] if kind == "Node" else f"{namespace}/{ref['name']}"
            )
            if obj is None or obj["metadata"]["uid"] != ref["uid"]:
                return "service account token has been invalidated"
        return ""


def _refused(why: str) -> Unauthorized:
    refusal = Unauthorized.of()
    refusal.__cause__ = PermissionError(f"[invalid bearer token, {why}]")
    return refusal


def _problems(seconds: int) -> Sequence[Cause]:
    field = "spec.expirationSeconds"
    if seconds < LEAST_SECONDS:
        return [invalid(field, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > MOST_SECONDS:
        return [invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _check(causes: list[Cause], name: str = "") -> None:
    if causes:
        raise Invalid.of("TokenRequest", "authentication.k8s.io", name, causes)


def _reference(obj: Object) -> Object:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _user(claims: Object) -> User:
    about, name = claims["kubernetes.io"], claims["sub"]
    extra = {f"{EXTRA}credential-id": (f"JTI={claims['jti']}",)}
    for kind in ("node", "pod"):
        for field in ("name", "uid"):
            if value := (about.get(kind) or {}).get(field):
                extra[f"{EXTRA}{kind}-{field}"] = (value,)
    everywhere = "system:serviceaccounts"
    groups = (everywhere, f"{everywhere}:{about['namespace']}")
    return User(name, groups, about["serviceaccount"]["uid"], extra)


def _claims(token: str) -> Object | None:
    """What a token says, whoever signed it; None if it is no such token."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "==")) if len(parts) == 3 else None
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
