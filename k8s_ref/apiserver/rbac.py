"""RBAC · 基于角色的访问控制

Roles say what may be done, bindings say who may do it, and there is no rule that forbids: whatever
no rule allows is forbidden.  The one idea: permissions are objects like all others, so whoever may
write roles could give himself everything; therefore nobody grants what he does not hold.

Upstream: plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/apis/rbac/v1/evaluation_helpers.go,
pkg/registry/rbac/{escalation_check.go,validation/,*/policybased/},
pkg/controller/clusterroleaggregation/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from k8s_ref.apiserver.admission import Plugin
from k8s_ref.apiserver.authorization import MASTERS, Attributes, Authorization, Decision, Rules
from k8s_ref.apiserver.request import Request, User
from k8s_ref.machinery.errors import Forbidden, NotFound, show
from k8s_ref.machinery.meta import Object
from k8s_ref.machinery.selectors import from_label_selector

GROUP = "rbac.authorization.k8s.io"
FIELDS = {
    "apiGroups": "APIGroups",
    "resources": "Resources",
    "nonResourceURLs": "NonResourceURLs",
    "resourceNames": "ResourceNames",
    "verbs": "Verbs",
}
"""The parts of a rule in the order and spelling of messages."""
Objects = Mapping[str, Object]

EVERYTHING: list[Object] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]
"""What ``cluster-admin`` may."""


def allows(rule: Object, wanted: Attributes) -> bool:
    """Whether a rule speaks of these words.

    >>> rule = {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*/scale"]}
    >>> allows(rule, Attributes(User("bob"), "get", "apps", "deployments", "scale"))
    True
    """
    if not _among(wanted.verb, rule["verbs"]):
        return False
    if wanted.path:
        return any(_reaches(url, wanted.path) for url in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _among(wanted.group, rule.get("apiGroups") or ())
        and _covers_resource(
            f"{wanted.resource}/{wanted.subresource}" if wanted.subresource else wanted.resource,
            rule.get("resources") or (),
        )
        and (not names or wanted.name in names)
    )


def _among(word: str, words: Iterable[str]) -> bool:
    return word in words or "*" in words


def _covers_resource(resource: str, resources: Iterable[str]) -> bool:
    _, slash, subresource = resource.partition("/")
    return _among(resource, resources) or (bool(slash) and f"*/{subresource}" in resources)


def _reaches(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url.rstrip("*")))


class Granted(NamedTuple):
    """A rule that is a user's by a binding, or why the rules of a binding are not known."""

    rule: Object | None
    by: str
    everywhere: bool
    error: str = ""


class RBAC:
    """Asks the bindings of the cluster, then those of the namespace."""

    def __init__(
        self, roles: Objects, role_bindings: Objects, cluster_roles: Objects, bindings: Objects
    ) -> None:
        self.roles, self.role_bindings = roles, role_bindings
        self.cluster_roles, self.cluster_role_bindings = cluster_roles, bindings

    def authorize(self, wanted: Attributes) -> Decision:
        """Allow what the first rule that fits allows."""
        errors: dict[str, None] = {}
        for granted in self._granted(wanted.user, wanted.namespace):
            if granted.rule is None:
                errors[granted.error] = None
            elif allows(granted.rule, wanted):
                everywhere = granted.everywhere and not granted.rule.get("resourceNames")
                return Decision(True, f"RBAC: allowed by {granted.by}", everywhere)
        if not errors:
            return Decision(False)
        said = next(iter(errors)) if len(errors) == 1 else f"[{', '.join(errors)}]"
        return Decision(False, f"RBAC: {said}")

    def rules_for(self, user: User, namespace: str) -> Rules:
        """All rules of the user, by whatever binding."""
        found = list(self._granted(user, namespace))
        return Rules(
            [g.rule for g in found if g.rule is not None], [g.error for g in found if g.error]
        )

    def rules_of(self, reference: Object, namespace: str) -> list[Object]:
        """The rules of the role a binding refers to, or ``NotFound``."""
        kind, name = reference["kind"], reference["name"]
        inside = kind == "Role"
        role = self.roles.get(f"{namespace}/{name}") if inside else self.cluster_roles.get(name)
        if role is None:
            raise NotFound.of("roles" if inside else "clusterroles", GROUP, name)
        return role.get("rules") or []

    def _granted(self, user: User, namespace: str) -> Iterator[Granted]:
        for _, binding in sorted(self.cluster_role_bindings.items()):
            yield from self._by(binding, user, "")
        if namespace:
            for key, binding in sorted(self.role_bindings.items()):
                if key.startswith(f"{namespace}/"):
                    yield from self._by(binding, user, namespace)

    def _by(self, binding: Object, user: User, namespace: str) -> Iterator[Granted]:
        for subject in binding.get("subjects") or ():
            if _is(subject, user, namespace):
                break
        else:
            return
        reference, name = binding["roleRef"], binding["metadata"]["name"]
        kind, name = ("RoleBinding", f"{name}/{namespace}") if namespace else (
            "ClusterRoleBinding", name
        )  # fmt: skip
        by = (
            f"{kind} {show(name)} of {reference['kind']} {show(reference['name'])}"
            f" to {_described(subject, namespace)}"
        )
        try:
            for rule in self.rules_of(reference, namespace):
                yield Granted(rule, by, not namespace)
        except NotFound:
            role = f"{reference['kind'].lower()}.{GROUP} {show(reference['name'])}"
            yield Granted(None, by, False, f"{role} not found")


def _is(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject["kind"], subject["name"]
    if kind == "User":
        return bool(user.name == name)
    if kind == "Group":
        return name in user.groups
    namespace = subject.get("namespace") or namespace
    return bool(namespace) and user.name == f"system:serviceaccount:{namespace}:{name}"


def _described(subject: Object, namespace: str) -> str:
    name = subject["name"]
    if subject["kind"] == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f"{subject['kind']} {show(name)}"


# -- nobody grants what he does not hold


def missing(held: Iterable[Object], wanted: Iterable[Object]) -> list[Object]:
    """What of the wanted rules the held ones do not cover, in the smallest pieces."""
    held = list(held)
    pieces = [piece for rule in wanted for piece in pieces_of(rule)]
    return [piece for piece in pieces if not any(_covers(rule, piece) for rule in held)]


def pieces_of(rule: Object) -> Iterator[Object]:
    """The rule as many small ones, of one verb and one resource each."""
    names = [{"resourceNames": [name]} for name in rule.get("resourceNames") or ()] or [{}]
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    for group, resource, verb, name in product(groups, resources, rule["verbs"], names):
        yield {"apiGroups": [group], "resources": [resource], "verbs": [verb], **name}
    for url, verb in product(rule.get("nonResourceURLs") or (), rule["verbs"]):
        yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(rule: Object, piece: Object) -> bool:
    if not _among(piece["verbs"][0], rule["verbs"]):
        return False
    if "nonResourceURLs" in piece:
        return any(
            _reaches(u, piece["nonResourceURLs"][0]) for u in rule.get("nonResourceURLs") or ()
        )
    names = rule.get("resourceNames") or ()
    name = (piece.get("resourceNames") or [None])[0]
    return (
        _among(piece["apiGroups"][0], rule.get("apiGroups") or ())
        and _covers_resource(piece["resources"][0], rule.get("resources") or ())
        and (not names or name in names)
    )


def compact(pieces: Iterable[Object]) -> list[Object]:
    """The pieces with all verbs of one resource together again; paths stay as they are."""
    paths: list[Object] = []
    merged: dict[str, Object] = {}
    for piece in pieces:
        if "nonResourceURLs" in piece:
            paths.append(piece)
            continue
        key = repr([piece.get(field) for field in ("apiGroups", "resources", "resourceNames")])
        verbs = merged.setdefault(key, {**piece, "verbs": []})["verbs"]
        verbs += [verb for verb in piece["verbs"] if verb not in verbs]
    return [*merged.values(), *paths]


def _shown(rule: Object) -> str:
    parts = [
        f"{title}:[{' '.join(map(show, rule[field]))}]"
        for field, title in FIELDS.items()
        if rule.get(field)
    ]
    return f"{{{', '.join(parts)}}}"


class EscalationCheck(Plugin):
    """Refuses roles and bindings that give more than their author has himself."""

    on = tuple(
        f"{operation} {plural}.{GROUP}"
        for operation in ("create", "update")
        for plural in ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
    )

    def __init__(self, rbac: RBAC, authorization: Authorization) -> None:
        self.rbac, self.authorization = rbac, authorization

    def validate(self, request: Request, obj: Object | None, old: Object | None) -> None:
        """Let pass whoever holds the permissions, or has ``escalate`` or ``bind``."""
        if obj is None or MASTERS in request.user.groups or _only_collected(obj, old):
            return
        if "roleRef" in obj:
            reference = obj["roleRef"]
            if not self._may(request, "bind", f"{reference['kind'].lower()}s", reference["name"]):
                rules = self.rbac.rules_of(reference, request.namespace)
                self._confirm(request, obj, rules)
        elif not self._may(request, "escalate", request.kind.plural, request.name):
            self._confirm(request, obj, obj.get("rules") or [])
            if _selectors(obj) or _selectors(old or {}):
                why = "must have cluster-admin privileges to use the aggregationRule"
                self._confirm(request, obj, EVERYTHING, why)

    def _may(self, request: Request, verb: str, plural: str, name: str) -> bool:
        words = Attributes(request.user, verb, GROUP, plural, "", request.namespace, name)
        return self.authorization.authorize(words).allowed

    def _confirm(self, request: Request, obj: Object, rules: list[Object], why: str = "") -> None:
        user = request.user
        held = self.authorization.rules_for(user, request.namespace)
        lacking = missing(held.rules, rules)
        if not lacking:
            return
        if not why:
            groups = " ".join(map(show, user.groups))
            lines = "\n".join(sorted(set(map(_shown, compact(lacking)))))
            why = (
                f"user {show(user.name)} (groups=[{groups}]) is attempting to grant RBAC"
                f" permissions not currently held:\n{lines}"
            )
            if held.errors:
                why += f"; resolution errors: [{' '.join(held.errors)}]"
        raise Forbidden.of(request.kind.plural, GROUP, obj["metadata"]["name"], why)


def _only_collected(obj: Object, old: Object | None) -> bool:
    """Whether an update changes only what the garbage collector has to change."""
    return old is not None and _apart(obj) == _apart(old)


def _apart(obj: Object) -> Object:
    kept = {k: v for k, v in obj["metadata"].items() if k not in _COLLECTORS_OWN}
    return {**obj, "metadata": kept}


_COLLECTORS_OWN = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


# -- roles made of roles


def aggregated(role: Object, roles: Objects) -> list[Object]:
    """The rules of a role that collects those of others, by their labels, each once."""
    rules: list[Object] = []
    for selector in _selectors(role):
        for name, other in sorted(roles.items()):
            labels = other["metadata"].get("labels") or {}
            if name != role["metadata"]["name"] and from_label_selector(selector).matches(labels):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def _selectors(role: Object) -> list[Object]:
    return (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
