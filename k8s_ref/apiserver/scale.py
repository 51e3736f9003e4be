"""Scale · 伸缩子资源

How many replicas, asked and answered the same way whatever the kind: whoever scales (a person,
an autoscaler) need not know a Deployment from a StatefulSet.  A Scale is stored nowhere; it is
read out of the object and written back into its ``spec.replicas``.

Upstream: pkg/registry/apps/deployment/storage/storage.go (ScaleREST), pkg/apis/autoscaling/
"""

from __future__ import annotations

from typing import Any

from k8s_ref.machinery.errors import BadRequest, Invalid, invalid, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, with_path
from k8s_ref.machinery.selectors import format_label_selector

SCALE = Kind("autoscaling", "v1", "Scale", "scales", namespaced=True)
_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: Object) -> Object:
    """The Scale of an object that has replicas; zero replicas are left out, as Go does.

    >>> scale_of({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {}}})["spec"]
    {'replicas': 2}
    """
    meta, spec = obj["metadata"], obj["spec"]
    selector = spec.get("selector") or {}
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        # A ReplicationController selects by labels alone.
        selector = {"matchLabels": selector}
    replicas = spec.get("replicas", 0)
    text = format_label_selector(selector)
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {name: meta[name] for name in _META if name in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            **({} if text == "<none>" else {"selector": text}),
        },
    }


def scaled(obj: Object, scale: Any) -> Object:
    """The object with the replicas (and the version and uid it means) of a Scale that was sent."""
    if not isinstance(scale, dict):
        raise BadRequest("the body of the request must be an object")
    name, kind = obj["metadata"]["name"], scale.get("kind", SCALE.kind)
    version = scale.get("apiVersion", SCALE.api_version).rpartition("/")[2]
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
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        problem = "must be greater than or equal to 0"
        cause = invalid("spec.replicas", replicas, problem)
        raise Invalid.of(SCALE.kind, SCALE.group, name, [cause])
    meant = {field: meta[field] for field in ("uid", "resourceVersion") if meta.get(field)}
    changed: Object = with_path(obj, ("spec", "replicas"), replicas)
    return {**changed, "metadata": {**obj["metadata"], **meant}} if meant else changed
