"""Reviews · 审查

Questions about permissions, asked as objects: may I, may he, what may I, who am I, whose token is
this?  The one idea: nothing is stored; what is created is answered, with the same functions that
decide about every other request, so the answer cannot differ from what would happen.

Upstream: pkg/registry/{authorization,authentication}/, pkg/apis/authorization/validation/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from k8s_ref.apiserver.authn import Authenticator, authenticated
from k8s_ref.apiserver.authorization import Attributes, Authorization
from k8s_ref.apiserver.request import Request, User
from k8s_ref.apiserver.tokens import ISSUER, ServiceAccountTokens
from k8s_ref.machinery.errors import (
    BadRequest,
    Cause,
    Invalid,
    Unauthorized,
    invalid,
    required,
)
from k8s_ref.machinery.meta import Object

REVIEWS = (
    "SelfSubjectAccessReview",
    "SubjectAccessReview",
    "LocalSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SelfSubjectReview",
    "TokenReview",
)
"""The kinds that are answered here."""


class Reviews:
    """Answers the kinds that are only ever created."""

    def __init__(
        self,
        authorization: Authorization,
        authenticator: Authenticator,
        tokens: ServiceAccountTokens,
    ) -> None:
        self.authorization, self.authenticator = authorization, authenticator
        self.tokens = tokens
        access = self._access
        answers = (access, access, access, self._rules, self._self, self._token)
        self._answers: dict[str, Callable[[Request], Object]] = dict(
            zip(REVIEWS, answers, strict=True)
        )

    def answer(self, request: Request) -> Object:
        """The object that was sent, with a status."""
        status = self._answers[request.kind.kind](request)
        return {**request.body, "status": status}

    def _access(self, request: Request) -> Object:
        spec, kind = request.body.get("spec") or {}, request.kind
        causes = list(_problems(kind.kind, request.body, spec))
        if causes:
            raise Invalid.of(kind.kind, kind.group, "", causes)
        user = request.user if kind.kind.startswith("Self") else _subject(spec)
        decision = self.authorization.authorize(_words(user, spec))
        reason = {"reason": decision.reason} if decision.reason else {}
        return {"allowed": decision.allowed, **reason}

    def _rules(self, request: Request) -> Object:
        namespace = (request.body.get("spec") or {}).get("namespace", "")
        if not namespace:
            raise BadRequest("no namespace on request")
        found = self.authorization.rules_for(request.user, namespace)
        status: Object = {"resourceRules": [], "nonResourceRules": [],
                          "incomplete": bool(found.errors)}  # fmt: skip
        for rule in found.rules:
            where = "nonResourceRules" if "nonResourceURLs" in rule else "resourceRules"
            status[where].append(rule)
        if found.errors:
            status["evaluationError"] = ", ".join(found.errors)
        return status

    def _self(self, request: Request) -> Object:
        return {"userInfo": user_info(request.user)}

    def _token(self, request: Request) -> Object:
        spec = request.body.get("spec") or {}
        token, audiences = spec.get("token", ""), spec.get("audiences") or [ISSUER]
        if not token:
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            claimed = self.tokens.examine(token, audiences)
            if claimed is not None:
                user, meant = authenticated(claimed.user), list(claimed.audiences)
            else:
                user, meant = self.authenticator.of_token(token), audiences
        except Unauthorized as refusal:
            return {"user": {}, "error": str(refusal.__cause__)}
        return {"authenticated": True, "user": user_info(user), "audiences": meant}


def user_info(user: User) -> Object:
    """A user as objects show him."""
    info = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in sorted(user.extra.items())},
    }
    return {field: value for field, value in info.items() if value}


def _subject(spec: Object) -> User:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    groups = tuple(spec.get("groups") or ())
    return User(spec.get("user", ""), groups, spec.get("uid", ""), extra)


def _words(user: User, spec: Object) -> Attributes:
    if (asked := spec.get("nonResourceAttributes")) is not None:
        return Attributes(user, asked.get("verb", ""), path=asked.get("path", ""))
    asked = spec["resourceAttributes"]
    words = ("verb", "group", "resource", "subresource", "namespace", "name")
    fields = ",".join(
        f"{each['key']}={each['values'][0]}"
        for each in (asked.get("fieldSelector") or {}).get("requirements") or ()
        if each["operator"] == "In" and len(each.get("values") or ()) == 1
    )
    return Attributes(user, *(asked.get(word, "") for word in words))._replace(fields=fields)


def _problems(kind: str, body: Object, spec: Object) -> Iterator[Cause]:
    """What is wrong with the question."""
    meta = {name: value for name, value in (body.get("metadata") or {}).items() if value}
    local = kind.startswith("Local")
    namespace = meta.pop("namespace", "") if local else ""
    resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    path = "spec.nonResourceAttributes"
    if resource is not None and other is not None:
        why = "cannot be specified in combination with resourceAttributes"
        yield invalid(path, other, why)
    if resource is None and other is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield required("spec.resourceAttributes", why)
    if not kind.startswith("Self") and not spec.get("user") and not spec.get("groups"):
        yield required("spec.user", "at least one of user or group must be specified")
    if meta:
        yield invalid("metadata", meta, f"must be empty{' except for namespace' if local else ''}")
    if local and resource is not None and resource.get("namespace", "") != namespace:
        field = "spec.resourceAttributes.namespace"
        yield invalid(field, resource.get("namespace", ""), "must match metadata.namespace")
    if local and other is not None:
        yield invalid(path, other, "disallowed on this kind of request")
