"""kubectl create · 创建对象

Creates the objects of a file, or one object from the words of the line; whatever exists already
is an error, which is the difference to ``apply``.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8s_ref.cli.kubectl.apply import DRY_RUN, annotated, create_one, dry_run
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.manifests import FILENAME, manifests
from k8s_ref.cli.kubectl.output import OUTPUT, check_format, report
from k8s_ref.cli.kubectl.session import Command, Session, resource_of
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.machinery.meta import Object, with_path

USAGE = "kubectl create -f FILE | namespace NAME | deployment NAME --image=IMAGE | configmap NAME"


async def create(session: Session) -> int:
    """Create every object of the files, or the one the words describe."""
    check_format(session.flags["output"])
    dry = dry_run(session)
    if session.words and not session.flags["filename"]:
        await _from_words(session, dry)
        return 0
    if not session.flags["filename"]:
        raise ValueError("must specify one of -f and -k")
    for manifest in manifests(session, "create"):
        saved = annotated(manifest.obj) if session.flags["save-config"] else manifest.obj
        await create_one(session, manifest, saved, dry)
    return 0


async def _from_words(session: Session, dry: bool) -> None:
    word, *names = session.words
    kind = KINDS.find(word)
    make = _MAKERS.get(kind.kind) if kind else None
    if kind is None or make is None:
        unexpected = " ".join(session.words)
        raise ValueError(
            f"Unexpected args: [{unexpected}]\nSee 'kubectl create -h' for help and examples"
        )
    if len(names) != 1:
        raise ValueError(
            f"exactly one NAME is required, got {len(names)}\n"
            f"See 'kubectl create {kind.singular} -h' for help and examples"
        )
    obj = make(session, names[0])
    if session.flags["namespace"] and kind.namespaced:
        obj["metadata"]["namespace"] = session.namespace
    if not dry:
        obj = await session.api.create(resource_of(kind), _placed(session, kind, obj), strict=True)
    report(session, kind, obj, f"created{' (dry run)' if dry else ''}")


def _placed(session: Session, kind: Kind, obj: Object) -> Object:
    if not kind.namespaced:
        return obj
    return with_path(obj, ("metadata", "namespace"), session.namespace)


def _plain(api_version: str, kind: str, **more: Any) -> Callable[[Session, str], Object]:
    def make(session: Session, name: str) -> Object:
        meta = {"name": name, "creationTimestamp": None}
        return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}

    return make


def _configmap(session: Session, name: str) -> Object:
    data: dict[str, str] = {}
    for literal in session.flags["from-literal"]:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise ValueError(f"invalid literal source {literal}, expected key=value")
        data[key] = value
    obj = _plain("v1", "ConfigMap")(session, name)
    return {**obj, "data": data} if data else obj


def _deployment(session: Session, name: str) -> Object:
    images = session.flags["image"]
    if not images:
        raise ValueError('required flag(s) "image" not set')
    labels = {"app": name}
    containers = [
        {
            "name": image.rpartition("/")[2].partition(":")[0].partition("@")[0],
            "image": image,
            "resources": {},
        }
        for image in images
    ]
    obj = _plain("apps/v1", "Deployment")(session, name)
    obj["metadata"]["labels"] = labels
    obj["spec"] = {
        "replicas": session.flags["replicas"],
        "selector": {"matchLabels": labels},
        "strategy": {},
        "template": {
            "metadata": {"labels": labels, "creationTimestamp": None},
            "spec": {"containers": containers},
        },
    }
    obj["status"] = {}
    return obj


_MAKERS: dict[str, Callable[[Session, str], Object]] = {
    "Namespace": _plain("v1", "Namespace", spec={}, status={}),
    "ServiceAccount": _plain("v1", "ServiceAccount"),
    "ConfigMap": _configmap,
    "Deployment": _deployment,
}

COMMAND = Command(
    "create",
    create,
    (
        FILENAME,
        OUTPUT,
        DRY_RUN,
        switch("save-config", "keep the manifest in an annotation, for a later apply"),
        Flag("image", type="list", default=(), help="image of a deployment"),
        Flag("replicas", "r", "int", 1, help="Pods of a deployment"),
        Flag("from-literal", type="list", default=(), help="KEY=VALUE of a configmap"),
    ),
    USAGE,
    "create objects from a file or from words",
)
