"""kubectl replace · 替换

Puts the object of a file in the place of the one there is, whatever was in that one; an object
that is not there yet is an error, which is the difference to ``apply``.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/replace/replace.go
"""

from __future__ import annotations

from k8s_ref.cli.kubectl.manifests import FILENAME, Manifest, at_source, manifests
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.session import Command, Session, resource_of
from k8s_ref.machinery.errors import ApiError


async def replace(session: Session) -> int:
    """Replace every object of the files."""
    if not session.flags["filename"]:
        raise ValueError("must specify one of -f and -k")
    for manifest in list(manifests(session, "replace")):
        try:
            await _replace(session, manifest)
        except ApiError as error:
            session.fail(at_source(error, "replacing", manifest.source))
    return 0


async def _replace(session: Session, manifest: Manifest) -> None:
    resource, obj = resource_of(manifest.kind), manifest.obj
    if session.dry != "client":
        live = await session.api.get(resource, manifest.key)
        version = live["metadata"]["resourceVersion"]
        meta = {"resourceVersion": version, **obj["metadata"]}
        obj = await session.api.update(resource, {**obj, "metadata": meta})
    report(session, manifest.kind, obj, "replaced")


COMMANDS = (
    Command(
        "replace",
        replace,
        (FILENAME, OUTPUT, DRY_RUN),
        "kubectl replace -f FILE",
        "put the objects of a file in the place of those there are",
    ),
)  # fmt: skip
