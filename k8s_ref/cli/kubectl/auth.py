"""kubectl auth, create token · 权限

Who am I, what may I, and a token to be somebody else.  kubectl works nothing out by itself: each
command creates one review, and the server answers it as it would decide.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/auth/{cani,whoami}.go, pkg/cmd/create/create_token.go
"""

from __future__ import annotations

from typing import Any

from k8s_ref.apiserver.rbac import compact, pieces_of
from k8s_ref.cli.kubectl.columns import rows
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.output import OUTPUT, as_text
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.kinds import VERBS
from k8s_ref.machinery.meta import Object

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io/v1", "authentication.k8s.io/v1"
_MORE_VERBS = ("proxy", "use", "bind", "escalate", "impersonate", "approve", "sign", "attest", "*")


async def _review(session: Session, api_version: str, kind: str, **spec: Any) -> Object:
    body = {"apiVersion": api_version, "kind": kind, "metadata": {}, "spec": spec}
    answered = await session.api.create(kind.lower(), body)
    status: Object = answered["status"]
    return status


async def can_i(session: Session) -> int:
    """Say yes or no, and the exit code says the same."""
    flags = session.flags
    if flags["list"]:
        return await _list(session)
    if len(session.words) != 2:
        raise ValueError(
            "you must specify two arguments: verb resource or verb resource/resourceName.\n"
            "See 'kubectl auth can-i -h' for help and examples."
        )
    verb, what = session.words
    if what.startswith("/"):
        spec = {"nonResourceAttributes": {"verb": verb, "path": what}}
    else:
        spec = {"resourceAttributes": _attributes(session, verb, what)}
    status = await _review(session, AUTHORIZATION, "SelfSubjectAccessReview", **spec)
    said = ["yes" if status["allowed"] else "no"]
    if not status["allowed"] and status.get("reason"):
        said.append(status["reason"])
    if not flags["quiet"]:
        session.say(" - ".join(said))
    return 0 if status["allowed"] else 1


def _attributes(session: Session, verb: str, what: str) -> Object:
    resource, _, name = what.partition("/")
    plural, _, group = resource.partition(".")
    everywhere = session.flags["all-namespaces"]
    kind = session.api.kinds.find(resource)
    if kind is not None:
        plural, group = kind.plural, kind.group
    inside = f" in group '{group}'" if group else ""
    if kind is None and resource != "*":
        session.say(f"Warning: the server doesn't have a resource type '{plural}'{inside}\n")
    elif kind is not None and not kind.namespaced and not everywhere:
        session.say(f"Warning: resource '{plural}' is not namespace scoped{inside}\n")
    if verb not in (*VERBS, *_MORE_VERBS):
        session.say(f"Warning: verb '{verb}' is not a known verb\n")
    return {
        "namespace": "" if everywhere else session.namespace,
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": session.flags["subresource"],
        "name": name,
    }


async def _list(session: Session) -> int:
    asked = {"namespace": session.namespace}
    status = await _review(session, AUTHORIZATION, "SelfSubjectRulesReview", **asked)
    if status["incomplete"]:
        why = status.get("evaluationError", "")
        session.say(f"warning: the list may be incomplete: {why}")
    pieces = [
        piece
        for rule in (*status["resourceRules"], *status["nonResourceRules"])
        for piece in pieces_of(rule)
    ]
    table = [] if session.flags["no-headers"] else [
        ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]
    ]  # fmt: skip
    table += [_row(rule) for rule in sorted(compact(pieces), key=_order)]
    session.write(rows(table))
    return 0


def _listed(rule: Object, field: str) -> str:
    return f"[{' '.join(rule.get(field) or ())}]"


def _order(rule: Object) -> list[str]:
    fields = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    return [_listed(rule, field) for field in fields]


def _row(rule: Object) -> list[str]:
    plural, slash, subresource = (rule.get("resources") or [""])[0].partition("/")
    group = (rule.get("apiGroups") or [""])[0]
    resource = f"{plural}.{group}" if group else plural
    cells = (_listed(rule, field) for field in ("nonResourceURLs", "resourceNames", "verbs"))
    return [f"{resource}{slash}{subresource}", *cells]


async def whoami(session: Session) -> int:
    """Print the user the server takes the caller for."""
    status = await _review(session, AUTHENTICATION, "SelfSubjectReview")
    info = status["userInfo"]
    if session.flags["output"]:
        review = {"apiVersion": AUTHENTICATION, "kind": "SelfSubjectReview",
                  "metadata": {"creationTimestamp": None}, "status": status}  # fmt: skip
        kind = session.api.kinds["selfsubjectreviews"]
        session.write(as_text([(kind, review)], session.flags["output"], True))
        return 0
    table = [["ATTRIBUTE", "VALUE"], ["Username", info["username"]]]
    table += [["UID", info["uid"]]] if "uid" in info else []
    table += [["Groups", _listed(info, "groups")]] if "groups" in info else []
    extra = info.get("extra") or {}
    table += [[f"Extra: {key}", _listed(extra, key)] for key in sorted(extra)]
    session.write(rows(table))
    return 0


async def token(session: Session) -> int:
    """Print a new token of a ServiceAccount."""
    flags = session.flags
    if len(session.words) != 1:
        raise session.misused(f"exactly one NAME is required, got {len(session.words)}")
    spec: Object = {"audiences": list(flags["audience"])}
    if flags["duration"]:
        spec["expirationSeconds"] = int(flags["duration"])
    if flags["bound-object-kind"]:
        spec["boundObjectRef"] = {
            "kind": flags["bound-object-kind"],
            "apiVersion": "v1",
            "name": flags["bound-object-name"],
            "uid": flags["bound-object-uid"],
        }
    body = {"apiVersion": AUTHENTICATION, "kind": "TokenRequest", "metadata": {}, "spec": spec}
    key = f"{session.namespace}/{session.words[0]}"
    try:
        made = await session.api.create_below("serviceaccounts", key, "token", body)
    except ApiError as error:
        raise ValueError(f"failed to create token: {error.message}") from None
    if flags["output"]:
        kind = session.api.kinds["serviceaccounts"]
        session.write(as_text([(kind, made)], flags["output"], True))
    else:
        session.say(made["status"]["token"])
    return 0


COMMANDS = (
    Command("auth can-i", can_i, (
        switch("list", "everything that is allowed"),
        switch("quiet", "only the exit code", "q"),
        switch("all-namespaces", "in all namespaces", "A"),
        switch("no-headers", "no heading"),
        Flag("subresource", help="such as log or status"),
    ), "kubectl auth can-i VERB TYPE|TYPE/NAME|URL", "ask whether something is allowed"),
    Command("auth whoami", whoami, (OUTPUT,), "kubectl auth whoami", "print who you are"),
    Command("create token", token, (
        OUTPUT,
        Flag("audience", type="list", default=(), help="for whom it is meant"),
        Flag("duration", type="duration", default=0.0, help="how long it holds"),
        Flag("bound-object-kind", help="Pod, Secret or Node"),
        Flag("bound-object-name", help="with what it ends"),
        Flag("bound-object-uid", help="with which one"),
    ), "kubectl create token SERVICE_ACCOUNT", "print a token of a ServiceAccount"),
)  # fmt: skip
