"""Webhook rules · Webhook 规则

Which calls of the API a webhook wants to hear of: its rules say operations and resources, its
selectors say namespaces and objects.  All of them must fit.  Written down too is how a call is put
to a webhook, the AdmissionReview, and what is no answer to one.

Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/{predicates,request}/
"""

from __future__ import annotations

from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind, Kinds
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import from_label_selector

REVIEW = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}
EXEMPT = "admissionregistration.k8s.io"
"""No webhook is asked about webhooks: nobody could take a broken one away."""


def operation_of(obj: Object | None, old: Object | None) -> str:
    """``CREATE``, ``UPDATE`` or ``DELETE``."""
    if obj is None:
        return "DELETE"
    return "CREATE" if old is None else "UPDATE"


def ruled(hook: Object, operation: str, request: Request, kinds: Kinds) -> bool:
    """Whether a rule names this operation on this resource, or, where the webhook takes that as
    equivalent, on the same resource in another version."""
    own = request.kind
    same = [own]
    if hook.get("matchPolicy", "Equivalent") == "Equivalent":
        same += [
            k for k in kinds if (k.group, k.plural) == (own.group, own.plural) and k is not own
        ]
    rules = hook.get("rules") or ()
    return any(_fits(rule, operation, request, kind) for rule in rules for kind in same)


def _fits(rule: Object, operation: str, request: Request, kind: Kind) -> bool:
    asked = {"operations": operation, "apiGroups": kind.group, "apiVersions": kind.version}
    if not all(_named(rule.get(name) or [], value) for name, value in asked.items()):
        return False
    scope = rule.get("scope") or "*"
    # A namespace is not in itself.
    inside = bool(request.namespace) and kind.resource != "namespaces"
    if scope != "*" and (scope == "Namespaced") != inside:
        return False
    return any(
        _is(wanted, kind.plural, request.subresource) for wanted in rule.get("resources") or ()
    )


def _named(wanted: list[str], name: str) -> bool:
    return "*" in wanted or name in wanted


def _is(wanted: str, plural: str, subresource: str) -> bool:
    """``pods`` is not ``pods/status``; ``*/*`` is everything."""
    resource, _, part = wanted.partition("/")
    return resource in ("*", plural) and part in ("*", subresource)


def selected(
    hook: Object, obj: Object | None, old: Object | None, namespace: Object | None
) -> bool:
    """Whether the selectors want this object, old or new, in this namespace."""
    if namespace is not None:
        wanted = from_label_selector(hook.get("namespaceSelector") or {})
        if not wanted.selects(namespace):
            return False
    wanted = from_label_selector(hook.get("objectSelector") or {})
    return any(wanted.selects(each) for each in (obj, old) if each is not None)


def review_of(request: Request, obj: Object | None, old: Object | None, uid: str) -> Object:
    """What a webhook is asked."""
    kind, operation = request.kind, operation_of(obj, old)
    user = request.user
    version = {"group": kind.group, "version": kind.version}
    of_kind, of_resource = {**version, "kind": kind.kind}, {**version, "resource": kind.plural}
    part = request.subresource
    spoken = kind.subresource(part)
    if spoken is not None and (obj or {}).get("kind") == spoken.kind:
        of_kind = {"group": spoken.group, "version": spoken.version, "kind": spoken.kind}
    who = {"username": user.name, "uid": user.uid, "groups": list(user.groups),
           "extra": {name: list(values) for name, values in user.extra.items()}}  # fmt: skip
    asked = {
        "uid": uid, "kind": of_kind, "resource": of_resource, "subResource": part,
        "requestKind": of_kind, "requestResource": of_resource, "requestSubResource": part,
        "name": request.name or (obj or {"metadata": {}})["metadata"].get("name", ""),
        "namespace": request.namespace, "operation": operation,
        "userInfo": {name: value for name, value in who.items() if value},
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value}
    asked |= {"object": obj, "oldObject": old, "dryRun": bool(request.query.get("dryRun"))}
    return {**REVIEW, "request": {**asked, "options": _options(request, operation)}}


def _options(request: Request, operation: str) -> Object:
    kind = "Patch" if request.verb == "patch" else operation.capitalize()
    body = request.body if operation == "DELETE" and isinstance(request.body, dict) else {}
    said: Object = {name: request.query[name] for name in _SAID if name in request.query}
    if "dryRun" in said:
        said["dryRun"] = [said["dryRun"]]
    return {**body, "kind": f"{kind}Options", "apiVersion": "meta.k8s.io/v1", **said}


_SAID = ("dryRun", "fieldManager", "fieldValidation")


def problem_of(answer: Object, uid: str, mutating: bool) -> str:
    """Why this is no answer to the review with that uid; empty if it is one."""
    response = answer.get("response")
    if not response:
        return "webhook response was absent"
    if response.get("uid") != uid:
        return f"expected response.uid={show(uid)}, got {show(response.get('uid') or '')}"
    if {name: answer.get(name) for name in REVIEW} != REVIEW:
        group, _, version = (answer.get("apiVersion") or "").rpartition("/")
        found = f"{group}/{version}, Kind={answer.get('kind') or ''}"
        wanted = "admission.k8s.io/v1, Kind=AdmissionReview"
        return f"expected webhook response of {wanted}, got {found}"
    patch, kind = response.get("patch"), response.get("patchType")
    if mutating and bool(patch) != (kind is not None):
        there, missing = ("patch", "patchType") if patch else ("patchType", "patch")
        return f"webhook returned response.{there} but not response.{missing}"
    if not mutating and (patch or kind is not None):
        return f"validating webhook may not return response.{'patch' if patch else 'patchType'}"
    return ""
