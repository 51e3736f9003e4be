"""Scale · 伸缩子资源

How many replicas, asked and answered the same way whatever the kind: whoever scales (a person,
an autoscaler) need not know a Deployment from a StatefulSet.  A Scale is stored nowhere; it is
read out of the object and written back into its ``spec.replicas``.

Upstream: pkg/registry/apps/deployment/storage/storage.go (ScaleREST), pkg/apis/autoscaling/
"""

from __future__ import annotations

from typing import Any, NamedTuple

from k8s_ref.apiserver.jsonpath import find
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import BadRequest, InternalError, Invalid, invalid, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.machinery.selectors import format_label_selector

SCALE = Kind("autoscaling", "v1", "Scale", "scales", namespaced=True)
_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


class Paths(NamedTuple):
    """Where an object says how many it wants and has, and which; no selector: as Deployments do."""

    wanted: str = ".spec.replicas"
    present: str = ".status.replicas"
    selector: str = ""


def paths_of(kind: Kind) -> Paths:
    """The paths of a kind; a custom resource declares its own."""
    if kind.definition is None:
        return Paths()
    declared = (kind.declared("subresources") or {}).get("scale") or {}
    wanted, present = declared.get("specReplicasPath", ""), declared.get("statusReplicasPath", "")
    return Paths(wanted, present, declared.get("labelSelectorPath") or ".status.selector")


def at(obj: Object, path: str) -> Any:
    """The value at a path, or None."""
    return next(iter(find(path, obj)), None)


def scale_of(obj: Object, paths: Paths = Paths()) -> Object:  # noqa: B008
    """The Scale of an object that has replicas; zero replicas are left out, as Go does.

    >>> scale_of({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {}}})["spec"]
    {'replicas': 2}
    """
    meta, replicas = obj["metadata"], at(obj, paths.wanted)
    if replicas is None and paths.selector:
        raise InternalError.of(f"the spec replicas field {show(paths.wanted)} does not exist")
    text = at(obj, paths.selector) or "" if paths.selector else _selector(obj["spec"])
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: meta[name] for name in _META if name in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": at(obj, paths.present) or 0,
            **({} if text in ("<none>", "") else {"selector": text}),
        },
    }


def _selector(spec: Object) -> str:
    selector = spec.get("selector") or {}
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        # A ReplicationController selects by labels alone.
        selector = {"matchLabels": selector}
    return format_label_selector(selector)


def scaled(obj: Object, scale: Any, paths: Paths = Paths()) -> Object:  # noqa: B008
    """The object with the replicas (and the version and uid it means) of a Scale that was sent."""
    if not isinstance(scale, dict):
        raise BadRequest("the body of the request must be an object")
    if problem := schema.check(scale, SCALE).ill_typed:
        raise schema.cannot_handle(SCALE, problem)
    name, kind = obj["metadata"]["name"], scale.get("kind") or SCALE.kind
    version = (scale.get("apiVersion") or SCALE.api_version).rpartition("/")[2]
    if kind != SCALE.kind:
        raise BadRequest(
            f"{kind} in version {show(version)} cannot be handled as a Scale: converting"
            f" ({version}.{kind}) to (autoscaling.Scale): unknown conversion"
        )
    meta = scale.get("metadata") or {}
    if meta.get("name", name) != name:
        raise BadRequest(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        problem = "must be greater than or equal to 0"
        cause = invalid("spec.replicas", replicas, problem)
        raise Invalid.of(SCALE.kind, SCALE.group, name, [cause])
    meant = {field: meta[field] for field in ("uid", "resourceVersion") if meta.get(field)}
    changed: Object = with_path(obj, tuple(paths.wanted.split(".")[1:]), replicas)
    return {**changed, "metadata": {**obj["metadata"], **meant}} if meant else changed
