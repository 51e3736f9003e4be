"""kubectl apply · 应用清单

Makes the cluster's objects what the manifests say: missing ones are created, others patched, and
those that are as they should be are left alone.  The one idea: the manifest is kept in an
annotation of the object, so that the next ``apply`` knows which fields it may take away.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go, patcher.go
"""

from __future__ import annotations

import json

from k8s_ref.cli.kubectl.manifests import FILENAME, Manifest, at_source, manifests, worded
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, check_format, compact_json, report
from k8s_ref.cli.kubectl.session import Command, Session, resource_of
from k8s_ref.cli.kubectl.threeway import three_way
from k8s_ref.client.client import MERGE, STRATEGIC
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import ApiError, NotFound, show
from k8s_ref.machinery.meta import Object, with_path, without_path

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATION = ("metadata", "annotations", LAST_APPLIED)


class BadName(ValueError):  # noqa: N818
    """An object cannot be applied for want of a name."""


async def apply(session: Session) -> int:
    """Create or patch every object of the files."""
    check_format(session.flags["output"])
    if not session.flags["filename"]:
        raise ValueError("must specify one of -f and -k")
    for manifest in list(manifests(session, "apply")):
        try:
            await _apply_one(session, manifest)
        except (ApiError, BadName) as error:
            session.fail(error)
    return 0


async def _apply_one(session: Session, manifest: Manifest) -> None:
    if not manifest.name:
        prefix = manifest.obj["metadata"].get("generateName", "")
        raise BadName(f"from {prefix}: cannot use generate name with apply")
    wanted = annotated(manifest.obj)
    try:
        current = await session.api.get(resource_of(manifest.kind), manifest.key)
    except NotFound:
        await create_one(session, manifest, wanted)
        return
    if LAST_APPLIED not in current["metadata"].get("annotations", {}):
        session.say(_warning(manifest))
    patch = three_way(_last_applied(current), wanted, current, manifest.kind)
    done = "configured" if patch else "unchanged"
    if patch and session.dry != "client":
        current = await _patch(session, manifest, patch)
    report(session, manifest.kind, current, done)


async def create_one(session: Session, manifest: Manifest, obj: Object) -> None:
    """Create one object and say so."""
    if session.dry != "client":
        try:
            obj = await session.api.create(resource_of(manifest.kind), obj, strict=True)
        except ApiError as error:
            session.fail(at_source(error, "creating", manifest.source))
            return
    report(session, manifest.kind, obj, "created")


async def _patch(session: Session, manifest: Manifest, patch: Object) -> Object:
    form = STRATEGIC if schema.struct_of(manifest.kind) else MERGE
    resource = resource_of(manifest.kind)
    try:
        return await session.api.patch(resource, manifest.key, patch, "", form, strict=True)
    except ApiError as error:
        patching = at_source(error, "patching", manifest.source)
        raise worded(patching, _refused(manifest, patch, patching.message)) from None


def _refused(manifest: Manifest, patch: Object, why: str) -> str:
    kind, meta = manifest.kind, manifest.obj["metadata"]
    version = f"{kind.group}/{kind.version}"
    return (
        f"error when applying patch:\n{compact_json(patch)}\nto:\n"
        f'Resource: "{version}, Resource={kind.plural}",'
        f' GroupVersionKind: "{version}, Kind={kind.kind}"\n'
        f"Name: {show(manifest.name)}, Namespace: {show(meta.get('namespace', ''))}\n"
        f"for: {show(manifest.source)}: {why}"
    )


def annotated(obj: Object) -> Object:
    """The object with its own manifest in the annotation."""
    plain = without_path(obj, _ANNOTATION)
    if not plain["metadata"].get("annotations"):
        plain = with_path(plain, ("metadata", "annotations"), {})
    return with_path(obj, _ANNOTATION, f"{compact_json(plain)}\n")


def _last_applied(current: Object) -> Object:
    annotations = current["metadata"].get("annotations") or {}
    found: Object = json.loads(annotations.get(LAST_APPLIED) or "{}")
    return found


def _warning(manifest: Manifest) -> str:
    return (
        f"Warning: resource {manifest.kind.plural}/{manifest.name} is missing the {LAST_APPLIED}"
        " annotation which is required by kubectl apply. kubectl apply should only be used on"
        " resources created declaratively by either kubectl create --save-config or kubectl apply."
        " The missing annotation will be patched automatically."
    )


COMMANDS = (
    Command(
        "apply",
        apply,
        (FILENAME, OUTPUT, DRY_RUN),
        "kubectl apply -f FILE",
        "make objects what a file says",
    ),
)
