"""Validation of roles and bindings · 角色与绑定校验

A rule is about resources or about paths, never about both; a binding refers to one role for ever,
because whoever may list the subjects of a binding must not be able to change what they get.

Upstream: pkg/apis/rbac/validation/validation.go
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from k8s_ref.apiserver.validation_scheduling import label_selector
from k8s_ref.machinery.errors import Cause, invalid, not_supported, required
from k8s_ref.machinery.meta import Object

GROUP = "rbac.authorization.k8s.io"
Check = Callable[[Object, str], Iterator[Cause]]
Change = Callable[[Object, Object], Iterator[Cause]]


def path_segment(name: str) -> tuple[str, ...]:
    """What hinders a name from standing alone between two slashes.

    >>> path_segment("system:node"), path_segment("a/b")
    ((), ("may not contain '/'",))
    """
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{char}'" for char in "/%" if char in name)


def role(obj: Object, path: str) -> Iterator[Cause]:
    """A Role."""
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{index}]", namespaced=True)


def cluster_role(obj: Object, path: str) -> Iterator[Cause]:
    """A ClusterRole, which may be made of others."""
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(rule, f"rules[{index}]", namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None and not aggregation.get("clusterRoleSelectors"):
        why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        yield required("aggregationRule.clusterRoleSelectors", why)
    for index, selector in enumerate((aggregation or {}).get("clusterRoleSelectors") or ()):
        yield from label_selector(selector, f"aggregationRule.clusterRoleSelectors[{index}]")


def _rule(rule: Object, path: str, namespaced: bool) -> Iterator[Cause]:
    if not rule.get("verbs"):
        yield required(f"{path}.verbs", "verbs must contain at least one value")
    urls, field = rule.get("nonResourceURLs"), f"{path}.nonResourceURLs"
    groups, resources = rule.get("apiGroups"), rule.get("resources")
    if urls:
        if namespaced:
            yield invalid(field, urls, "namespaced rules cannot apply to non-resource URLs")
        if groups or resources or rule.get("resourceNames"):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid(field, urls, why)
        return
    if not groups:
        yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not resources:
        yield required(f"{path}.resources", "resource rules must supply at least one resource")


def binding(*kinds: str) -> Check:
    """The check of a binding to a role of one of these kinds."""

    def check(obj: Object, path: str) -> Iterator[Cause]:
        reference = obj.get("roleRef") or {}
        if reference.get("apiGroup", GROUP) != GROUP:
            yield not_supported("roleRef.apiGroup", reference["apiGroup"], (GROUP,))
        if reference.get("kind", "") not in kinds:
            yield not_supported("roleRef.kind", reference.get("kind", ""), kinds)
        if not reference.get("name"):
            yield required("roleRef.name")
        elif problems := path_segment(reference["name"]):
            yield from (invalid("roleRef.name", reference["name"], each) for each in problems)
        for index, subject in enumerate(obj.get("subjects") or ()):
            yield from _subject(subject, f"subjects[{index}]", "Role" in kinds)

    return check


def binding_update(check: Check) -> Change:
    """What may change of such a binding: who has the role, but not which."""

    def change(new: Object, old: Object) -> Iterator[Cause]:
        yield from check(new, "")
        reference = new.get("roleRef") or {}
        if reference != old["roleRef"]:
            # Upstream shows the Go struct, whose fields have no JSON names.
            shown = {_go(key): reference.get(key, "") for key in ("apiGroup", "kind", "name")}
            yield invalid("roleRef", shown, "cannot change roleRef")

    return change


def _go(name: str) -> str:
    return "APIGroup" if name == "apiGroup" else name.capitalize()


def _subject(subject: Any, path: str, namespaced: bool) -> Iterator[Cause]:
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    if not subject.get("name"):
        yield required(f"{path}.name")
    if kind == "ServiceAccount":
        if group:
            yield not_supported(f"{path}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")
    elif kind not in ("User", "Group"):
        yield not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"))
    elif group != GROUP:
        yield not_supported(f"{path}.apiGroup", group, (GROUP,))
