"""Bootstrap policy · 引导策略

The roles, bindings and priority classes that every cluster has from the start.  ``bootstrap.json``
holds them in short: a rule is a row of verbs, groups, resources, names and paths.  The one idea:
they are stored as two transactions, not as 140 requests, and what was taken from them is given
back whenever the API server starts, so that nobody can lock himself out for good.

Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/,
pkg/registry/rbac/{rest,reconciliation}/, pkg/registry/scheduling/rest/storage_scheduling.go
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from k8s_ref.apiserver.rbac import GROUP, aggregated, missing
from k8s_ref.apiserver.registry import Registry
from k8s_ref.apiserver.storage import path_of
from k8s_ref.machinery.meta import Object, uuid_of
from k8s_ref.sim.loop import Loop

FIELDS = ("verbs", "apiGroups", "resources", "resourceNames")
LABEL, AUTOUPDATE = "kubernetes.io/bootstrapping", "rbac.authorization.kubernetes.io/autoupdate"
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"

HOOKS = {
    "rbac/bootstrap-roles": ("clusterroles", "roles", "clusterrolebindings", "rolebindings"),
    "scheduling/bootstrap-system-priority-classes": ("priorityclasses",),
}
"""What is stored together, by the name of the step of the start that does it."""


@cache
def policy() -> dict[str, dict[str, Object]]:
    """All objects: for each resource, by key; nobody may change them."""
    text = resources.files("k8s_ref.apiserver").joinpath("bootstrap.json").read_text("utf-8")
    table = {
        plural: {key: _MAKERS[plural](plural, key, row) for key, row in rows.items()}
        for plural, rows in json.loads(text).items()
    }
    roles = table["clusterroles"]
    # Those that are collected by others come first: view, edit, admin.
    for name in sorted((n for n in roles if "aggregationRule" in roles[n]), reverse=True):
        roles[name]["rules"] = aggregated(roles[name], roles)
    return table


def system_node_rules() -> list[Object]:
    """What every kubelet may do as far as it is the same for all."""
    rules: list[Object] = policy()["clusterroles"]["system:node"]["rules"]
    return rules


def born(obj: Object, uid: str, now: str) -> Object:
    """The object as it is stored the first time."""
    return {**obj, "metadata": {**obj["metadata"], "uid": uid, "creationTimestamp": now}}


def restored(stored: Object, wanted: Object) -> Object:
    """A stored role or binding with what it lacks; as it is if its owner wants it so."""
    said = stored["metadata"].get("annotations") or {}
    if said.get(AUTOUPDATE) != "true" or "aggregationRule" in wanted:
        return stored
    if "rules" in wanted:
        field, had = "rules", stored.get("rules") or []
        lacking = [] if had == wanted["rules"] else missing(had, wanted["rules"])
    else:
        field, had = "subjects", stored.get("subjects") or []
        lacking = [subject for subject in wanted.get("subjects", ()) if subject not in had]
    return {**stored, field: [*had, *lacking]} if lacking else stored


def _object(api_version: str, kind: str, key: str, **fields: Any) -> Object:
    namespace, _, name = key.rpartition("/")
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def _rbac(kind: str, key: str, **fields: Any) -> Object:
    obj = _object(f"{GROUP}/v1", kind, key, **fields)
    obj["metadata"] |= {"labels": {LABEL: "rbac-defaults"}, "annotations": {AUTOUPDATE: "true"}}
    return obj


def _role(plural: str, key: str, row: Object) -> Object:
    role = _rbac("ClusterRole" if plural == "clusterroles" else "Role", key)
    role["rules"] = [_rule(*fields) for fields in row.get("rules", ())]
    if "into" in row:
        role["metadata"]["labels"][AGGREGATE + row["into"]] = "true"
    if "collects" in row:
        selector = {"matchLabels": {AGGREGATE + row["collects"]: "true"}}
        role["aggregationRule"] = {"clusterRoleSelectors": [selector]}
    return role


def _rule(verbs: str, *rest: str) -> Object:
    if len(rest) == len(FIELDS):
        return {"verbs": verbs.split(","), "nonResourceURLs": rest[-1].split(",")}
    return {field: text.split(",") for field, text in zip(FIELDS, (verbs, *rest), strict=False)}


def _binding(plural: str, key: str, row: list[str]) -> Object:
    """Who has the role of the same name, unless another is named first."""
    kind = "ClusterRole" if plural == "clusterrolebindings" else "Role"
    name = key.rpartition("/")[2]
    if row and row[0].startswith(f"{kind} "):
        name, row = row[0].partition(" ")[2], row[1:]
    binding = _rbac(f"{kind}Binding", key, roleRef={"apiGroup": GROUP, "kind": kind, "name": name})
    if row:
        binding["subjects"] = list(map(_subject, row))
    return binding


def _subject(text: str) -> Object:
    kind, _, key = text.partition(" ")
    if kind != "ServiceAccount":
        return {"kind": kind, "apiGroup": GROUP, "name": key}
    namespace, _, name = key.partition("/")
    return {"kind": kind, "name": name, "namespace": namespace}


def _priority_class(_: str, key: str, row: Object) -> Object:
    obj = _object("scheduling.k8s.io/v1", "PriorityClass", key, **row)
    obj["preemptionPolicy"], obj["metadata"]["generation"] = "PreemptLowerPriority", 1
    return obj


_MAKERS: dict[str, Callable[[str, str, Any], Object]] = {
    "clusterroles": _role,
    "roles": _role,
    "clusterrolebindings": _binding,
    "rolebindings": _binding,
    "priorityclasses": _priority_class,
}


def _lacking(
    hook: str, registry: Callable[[str], Registry], loop: Loop
) -> Iterator[tuple[str, Object]]:
    """Path and object of everything a step has to store."""
    chance = loop.stream("bootstrap")
    for plural in HOOKS[hook]:
        its = registry(plural)
        for key, wanted in policy()[plural].items():
            if (obj := its.cache.objects.get(key)) is None:
                yield (
                    path_of(its.kind, key),
                    born(wanted, uuid_of(chance.getrandbits(128)), its.now()),
                )
            elif (new := restored(obj, wanted)) is not obj:
                yield path_of(its.kind, key), new


async def ensure(registry: Callable[[str], Registry], loop: Loop, name: str) -> None:
    """Store what the cluster lacks; one transaction, and one line of the trace, for each step."""
    for hook in HOOKS:
        writes = list(_lacking(hook, registry, loop))
        if writes:
            revision = await registry(HOOKS[hook][0]).storage.write(writes)
            loop.record(name, "create", hook, f"{len(writes)} objects", name, revision)
