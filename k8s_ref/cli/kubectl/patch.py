"""kubectl patch, scale · 打补丁与伸缩

Changes of some fields: ``patch`` sends what the line says, in one of three forms, and ``scale``
knows the one field most often changed, the number of replicas.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/patch/patch.go, pkg/cmd/scale/scale.go, pkg/scale/
"""

from __future__ import annotations

from functools import partial

from k8s_ref.cli.kubectl import yamltext
from k8s_ref.cli.kubectl.flags import Flag
from k8s_ref.cli.kubectl.manifests import read
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, change_each, chosen, fetch_all, patched
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.client.client import MERGE, STRATEGIC
from k8s_ref.machinery import schema
from k8s_ref.machinery.errors import NotFound, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object

FORMS = {"json": "application/json-patch+json", "merge": MERGE, "strategic": STRATEGIC}


async def patch(session: Session) -> int:
    """Patch everything selected."""
    flags = session.flags
    if flags["type"] not in FORMS:
        raise ValueError(f"--type must be one of [{' '.join(FORMS)}], not {show(flags['type'])}")
    text = read(session, flags["patch-file"]) if flags["patch-file"] else flags["patch"]
    if not text:
        raise ValueError(
            "must specify --patch or --patch-file containing the contents of the patch"
        )
    return await change_each(session, chosen(session), partial(_patch, session, text))


async def _patch(session: Session, text: str, kind: Kind, obj: Object) -> None:
    asked = session.flags["type"]
    if asked == "strategic" and schema.struct_of(kind) is None:
        asked = "merge"
    try:
        # JSON is YAML too.
        body: Object = next(yamltext.read(text), {})
    except yamltext.BadYaml as error:
        raise ValueError(f"unable to parse {show(text)}: {error}") from None
    after = await patched(session, kind, obj, body, FORMS[asked], session.flags["subresource"])
    same = _without_version(after) == _without_version(obj)
    report(session, kind, after, "patched (no change)" if same else "patched", tail=False)


def _without_version(obj: Object) -> Object:
    kept = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}
    hidden = ("resourceVersion", "managedFields")
    meta = {name: value for name, value in obj["metadata"].items() if name not in hidden}
    return {**kept, "metadata": meta}


async def scale(session: Session) -> int:
    """Set the replicas of everything selected."""
    flags = session.flags
    if flags["replicas"] < 0:
        raise ValueError(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )
    found = await fetch_all(session, chosen(session))
    if not found:
        nothing, session.errors = session.errors, []
        why = f" {nothing[0]}" if nothing else ""
        raise ValueError(f"no objects passed to scale{why}")
    for kind, obj in found:
        await _scale(session, kind, obj)
    return 0


async def _scale(session: Session, kind: Kind, obj: Object) -> None:
    if kind.subresource("scale") is None and session.dry != "client":
        raise NotFound.resource()
    current, wanted = (obj.get("spec") or {}).get("replicas", 0), session.flags["replicas"]
    if session.flags["current-replicas"] not in (-1, current):
        asked = session.flags["current-replicas"]
        raise ValueError(f"Expected replicas to be {asked}, was {current}")
    if session.dry != "client":
        await patched(session, kind, obj, {"spec": {"replicas": wanted}}, MERGE, "scale")
    report(session, kind, obj, "scaled")


COMMANDS = (
    Command(
        "patch",
        patch,
        (*SELECTORS, OUTPUT, DRY_RUN,
         Flag("patch", "p", help="the patch, in JSON or YAML"),
         Flag("patch-file", help="a file with the patch"),
         Flag("type", default="strategic", help="json, merge or strategic"),
         Flag("subresource", help="what to patch instead of the object, as status")),
        "kubectl patch TYPE NAME -p PATCH",
        "change some fields of objects",
    ),
    Command(
        "scale",
        scale,
        (*SELECTORS[:2], OUTPUT, DRY_RUN, ALL,
         Flag("replicas", type="int", default=None, help="how many", required=True),
         Flag("current-replicas", type="int", default=-1, help="only if there are so many now")),
        "kubectl scale TYPE NAME --replicas=COUNT",
        "set how many replicas there are to be",
    ),
)  # fmt: skip
