"""Discovery · 发现

What does this server serve?  Every client asks that first, and only then knows that ``deploy``
means ``/apis/apps/v1/…/deployments``.  The one idea: each answer is a view of the kinds table and
nothing is written down twice, so a custom resource is discovered as soon as it is a row.  Old
clients walk from ``/apis`` to every group and version; newer ones get everything in two documents.

Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/discovery/, api/discovery/aggregated_v2.json
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256

from k8s_ref.apiserver.documents import (
    Document,
    etag,
    page_not_found,
    pretty,
    unless_known,
)
from k8s_ref.apiserver.encoding import JSON, clauses, to_json
from k8s_ref.machinery.kinds import KINDS, Kind, Kinds, Subresource
from k8s_ref.machinery.meta import Object


def answer(
    path: str,
    accept: str,
    kinds: Kinds,
    if_none_match: str = "",
    address: str = "",
    remote: Sequence[Object] = (),
) -> Document | None:
    """The document at a path; ``None`` if the path is none of discovery's.

    ``address`` is where clients reach this server; ``remote`` are the groups that other servers
    serve behind it, as they describe themselves in ``apidiscovery.k8s.io/v2``.
    """
    root, *names = path.strip("/").split("/")
    if root not in ("api", "apis") or len(names) > (1 if root == "api" else 2):
        return None
    version = aggregated_version(accept)
    if not names and version:
        return _aggregated(root, version, kinds, remote, if_none_match)
    found = _legacy(root, names, kinds, address, remote)
    return Document(JSON, to_json(found)) if found else page_not_found()


def root_paths(kinds: Kinds, more: Iterable[str] = ()) -> Document:
    """What ``/`` answers: the paths below which there is something, with those of other parts."""
    paths = {"/api", "/apis", "/apis/", *more}
    for kind in kinds:
        paths |= {f"/apis/{kind.group}", f"/apis/{kind.api_version}"} if kind.group else {
            f"/api/{kind.version}"
        }  # fmt: skip
    return Document(JSON, pretty({"paths": sorted(paths)}))


# -- everything at once


def aggregated_version(accept: str) -> str:
    """The version in which a caller wants all groups at once; empty for one by one.

    >>> aggregated_version("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    'v2'
    >>> aggregated_version("application/json")
    ''
    """
    for media, wanted in clauses(accept):
        if media not in (JSON, "application/*", "*/*"):
            continue
        target = wanted.get("g"), wanted.get("as")
        if target == ("apidiscovery.k8s.io", "APIGroupDiscoveryList"):
            if wanted.get("v") in ("v2", "v2beta1"):
                return wanted["v"]
        elif "as" not in wanted:
            return ""
    return ""


def _aggregated(
    root: str, version: str, kinds: Kinds, remote: Sequence[Object], if_none_match: str
) -> Document:
    found = [
        group for group in _groups(kinds, remote) if bool(group["metadata"]) == (root == "apis")
    ]
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}"}
    body = to_json({**head, "metadata": {}, "items": found})
    media = f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    document = Document(media, body, {"Cache-Control": "public"})
    return unless_known(document, etag(body), if_none_match)


@lru_cache(maxsize=8)
def groups(kinds: Kinds) -> tuple[Object, ...]:
    """Every group of the table as ``apidiscovery.k8s.io/v2`` describes it, the best first."""
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return tuple(
        {
            "metadata": {"name": name} if name else {},
            "versions": [_version(rows) for rows in _best_first(name, found[name])],
        }
        for name in sorted(found, key=_rank)
    )


def _groups(kinds: Kinds, remote: Sequence[Object]) -> list[Object]:
    everything = [*groups(kinds), *remote]
    return sorted(everything, key=lambda group: _rank(group["metadata"].get("name", "")))


# The groups a server comes with stand in its own order; what was added stands behind, by name.
_ORDER = {kind.group: index for index, kind in reversed([*enumerate(KINDS)])}


def _rank(group: str) -> tuple[int, str]:
    return (_ORDER[group], "") if group in _ORDER else (len(KINDS), group)


def _best_first(group: str, versions: dict[str, list[Kind]]) -> list[list[Kind]]:
    names = list(versions) if group in _ORDER else sorted(versions, key=version_rank)
    return [versions[name] for name in names]


def version_rank(version: str) -> tuple[int, int, int, str]:
    """A sorting key that puts the better version first.

    >>> sorted(["v1beta1", "foo", "v1", "v2", "v1alpha1", "v1beta2"], key=version_rank)
    ['v2', 'v1', 'v1beta2', 'v1beta1', 'v1alpha1', 'foo']
    """
    match = re.fullmatch(r"v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?", version)
    if match is None:
        return 3, 0, 0, version
    stability = {None: 0, "beta": 1, "alpha": 2}[match[2]]
    return stability, -int(match[1]), -int(match[3] or 0), ""


def _version(rows: list[Kind]) -> Object:
    resources = [_resource(kind) for kind in sorted(rows, key=lambda kind: kind.plural)]
    return {"version": rows[0].version, "resources": resources, "freshness": "Current"}


def _resource(kind: Kind) -> Object:
    described = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
        **_names(kind),
    }
    if kind.subresources:
        described["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(kind, sub.kind, sub),
                "verbs": sorted(sub.verbs),
            }
            for sub in _subresources(kind)
        ]
    return described


def _subresources(kind: Kind) -> list[Subresource]:
    return sorted(kind.subresources, key=lambda sub: sub.name)


def _response_kind(kind: Kind, name: str, sub: Subresource | None = None) -> Object:
    """Group and version are said only where they are others than one would expect."""
    other = sub is not None and (sub.group, sub.version) != (kind.group, kind.version)
    group, version = (sub.group, sub.version) if sub and other else ("", "")
    return {"group": group, "version": version, "kind": name}


def _names(kind: Kind) -> Object:
    names = {"shortNames": [*kind.short_names], "categories": [*kind.categories]}
    return {key: value for key, value in names.items() if value}


# -- one by one


def _legacy(
    root: str, names: list[str], kinds: Kinds, address: str, remote: Sequence[Object]
) -> Object | None:
    if root == "apis" and len(names) < 2:
        return _api_groups(names, _groups(kinds, remote))
    if not names:
        where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}
    group, version = ("", *names) if root == "api" else names
    rows = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not rows:
        return None
    head = {"kind": "APIResourceList", **({"apiVersion": "v1"} if group else {})}
    rows.sort(key=lambda kind: kind.plural)
    listed = [entry for kind in rows for entry in _legacy_resources(kind, kinds)]
    return {**head, "groupVersion": rows[0].api_version, "resources": listed}


def _api_groups(names: list[str], found: list[Object]) -> Object | None:
    described = [_api_group(group) for group in found if group["metadata"]]
    if not names:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": described}
    asked = (group for group in described if group["name"] == names[0])
    return next(({"kind": "APIGroup", "apiVersion": "v1", **group} for group in asked), None)


def _api_group(group: Object) -> Object:
    name = group["metadata"]["name"]
    versions = [
        {"groupVersion": f"{name}/{each['version']}", "version": each["version"]}
        for each in group["versions"]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _legacy_resources(kind: Kind, kinds: Kinds) -> Iterator[Object]:
    scope = {"namespaced": kind.namespaced}
    head = {"name": kind.plural, "singularName": kind.singular, **scope, "kind": kind.kind}
    stored = storage_version_hash(kind, kinds) if "watch" in kind.verbs else ""
    yield {
        **head,
        "verbs": sorted(kind.verbs),
        **_names(kind),
        **({"storageVersionHash": stored} if stored else {}),
    }
    for sub in _subresources(kind):
        place = _response_kind(kind, sub.kind, sub)
        spoken = {key: value for key, value in place.items() if value}
        name = f"{kind.plural}/{sub.name}"
        yield {"name": name, "singularName": "", **scope, **spoken, "verbs": sorted(sub.verbs)}


def storage_version_hash(kind: Kind, kinds: Kinds) -> str:
    """A short name for the form in which objects of a kind are stored: that of its best version.

    >>> storage_version_hash(KINDS["configmaps"], KINDS)
    'qFsyl6wFWjQ='
    """
    same = (row for row in kinds if (row.group, row.plural) == (kind.group, kind.plural))
    stored = "/".join(next(same, kind).gvk)
    return b64encode(sha256(stored.encode()).digest()[:8]).decode()
