"""kubectl rollout · 发布

Follows a rollout and steers it: how far it is, what was before, back to that, hold, go on, start
all Pods anew.  The one idea: a revision is nothing but a ReplicaSet that was kept, so going back
means copying its template into the Deployment.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/rollout/, pkg/polymorphichelpers/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from k8s_ref.cli.kubectl.columns import align
from k8s_ref.cli.kubectl.describe.page import Page
from k8s_ref.cli.kubectl.describe.workloads import pod_template
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.output import DRY_RUN, OUTPUT, report
from k8s_ref.cli.kubectl.progress import VIEWERS
from k8s_ref.cli.kubectl.selection import SELECTORS, change_each, patched, targets
from k8s_ref.cli.kubectl.session import Command, Session, full_name, name_of
from k8s_ref.cli.kubectl.watching import until
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, controller_of, key_of, with_path, without_path
from k8s_ref.machinery.selectors import from_label_selector
from k8s_ref.machinery.timestamps import timestamp

REVISION = "deployment.kubernetes.io/revision"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
OWN = (
    "kubectl.kubernetes.io/last-applied-configuration", REVISION,
    "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to",
)  # fmt: skip
"""Annotations that a Deployment keeps when it goes back."""

HOUR = 3600.0
"""How long ``status`` waits when the line does not say."""

Change = Callable[[Session, Kind, Object], Awaitable[None]]


def _command(change: Change) -> Callable[[Session], Awaitable[int]]:
    """A command that does this to everything selected."""

    async def run(session: Session) -> int:
        if not session.words and not session.flags["filename"]:
            raise ValueError("required resource not specified")
        return await change_each(session, targets(session), partial(change, session))

    return run


async def status(session: Session, kind: Kind, obj: Object) -> None:
    """Tell how far the rollout is, until it is done."""
    viewer = VIEWERS.get(kind.kind)
    if viewer is None:
        raise ValueError(f"no status viewer has been implemented for {full_name(kind)}")

    def seen(now: Object | None) -> bool:
        if now is None:
            raise ValueError("object has been deleted")
        text, done = viewer(now)
        session.say(text)
        return done or not session.flags["watch"]

    try:
        await until(session, kind, key_of(obj), seen, session.flags["timeout"] or HOUR)
    except TimeoutError:
        raise ValueError("timed out waiting for the condition") from None


def _revision(obj: Object) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(REVISION) or 0)


async def _revisions(session: Session, deployment: Object) -> dict[int, Object]:
    """The ReplicaSets of a Deployment by their revision, oldest first."""
    selector = str(from_label_selector(deployment["spec"]["selector"]))
    namespace = deployment["metadata"]["namespace"]
    listed = await session.api.list("replicasets.apps", namespace, selector)
    uid = deployment["metadata"]["uid"]
    own = [rs for rs in listed["items"] if (controller_of(rs) or {}).get("uid") == uid]
    return {_revision(rs): rs for rs in sorted(own, key=_revision)}


async def history(session: Session, kind: Kind, obj: Object) -> None:
    """Print the revisions, or one of them in full."""
    wanted = session.flags["revision"]
    if wanted < 0:
        raise ValueError(f"revision must be a positive integer: {wanted}")
    if kind.kind != "Deployment":
        raise ValueError(f"no history viewer has been implemented for {show(full_name(kind))}")
    found = await _revisions(session, obj)
    if wanted and wanted not in found:
        raise ValueError("unable to find the specified revision")
    if wanted:
        session.say(f"{name_of(kind, obj)} with revision #{wanted}")
        session.say(_template(session, found[wanted]))
        return
    rows = [f"{number}\t{_cause(rs)}\n" for number, rs in found.items()]
    table = align("".join(["REVISION\tCHANGE-CAUSE\n", *rows]))
    session.say(f"{name_of(kind, obj)} \n{table}")


def _cause(rs: Object) -> str:
    return (rs["metadata"].get("annotations") or {}).get("kubernetes.io/change-cause") or "<none>"


def _template(session: Session, rs: Object) -> str:
    page = Page(session.now)
    pod_template(page, rs["spec"]["template"])
    return page.text


async def undo(session: Session, kind: Kind, obj: Object) -> None:
    """Go back to the revision before, or to the one the line names."""
    if kind.kind != "Deployment":
        raise ValueError(f"no rollbacker has been implemented for {show(full_name(kind))}")
    found = await _revisions(session, obj)
    wanted = session.flags["to-revision"] or (sorted(found)[-2:-1] or [0])[0]
    if not wanted:
        raise ValueError(f"no rollout history found for deployment {show(obj['metadata']['name'])}")
    if wanted not in found:
        raise ValueError(f"unable to find specified revision {wanted} in history")
    if session.dry == "client":
        report(session, kind, obj, _template(session, found[wanted]))
        return
    if obj["spec"].get("paused"):
        raise ValueError("you cannot rollback a paused deployment; resume it first with"
                         " 'kubectl rollout resume' and try again")  # fmt: skip
    template = without_path(
        found[wanted]["spec"]["template"], ("metadata", "labels", "pod-template-hash")
    )
    if template == obj["spec"]["template"]:
        same = f"(current template already matches revision {wanted})"
        report(session, kind, obj, f"skipped rollback {same}")
        return
    old = obj["metadata"].get("annotations") or {}
    then = found[wanted]["metadata"].get("annotations") or {}
    annotations = {key: old[key] for key in OWN if key in old} | {
        key: value for key, value in then.items() if key not in OWN
    }
    operations = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]
    obj = await patched(session, kind, obj, operations, "application/json-patch+json")
    report(session, kind, obj, "rolled back")


def _steer(verb: str, name: str) -> Change:
    """``pause`` and ``resume``: the switch ``paused``."""
    wanted = verb == "paused"

    async def change(session: Session, kind: Kind, obj: Object) -> None:
        if kind.kind != "Deployment":
            raise ValueError(f"{_subject(kind, obj)} {name} is not supported")
        if bool(obj["spec"].get("paused")) == wanted:
            how = "already paused" if wanted else "not paused"
            raise ValueError(f"{_subject(kind, obj)} is {how}")
        change = {"spec": {"paused": True if wanted else None}}
        report(session, kind, await patched(session, kind, obj, change), verb)

    return change


def _subject(kind: Kind, obj: Object) -> str:
    return f"{kind.resource} {show(obj['metadata']['name'])}"


async def restart(session: Session, kind: Kind, obj: Object) -> None:
    """Change the template by a date, so that every Pod is replaced."""
    if kind.kind not in ("Deployment", "DaemonSet", "StatefulSet"):
        raise ValueError(f"{_subject(kind, obj)} restarting is not supported")
    if obj["spec"].get("paused"):
        problem = "can't restart paused deployment (run rollout resume first)"
        raise ValueError(f"{_subject(kind, obj)} {problem}")
    path = ("metadata", "annotations", RESTARTED)
    change = with_path({"metadata": {"annotations": {}}}, path, timestamp(session.now))
    after = await patched(session, kind, obj, {"spec": {"template": change}})
    if after["spec"] == obj["spec"]:
        raise ValueError(
            f"failed to create patch for {obj['metadata']['name']}: if restart has already been"
            " triggered within the past second, please wait before attempting to trigger another"
        )
    report(session, kind, after, "restarted")


_SELECT = (*SELECTORS[:2], OUTPUT)
_ROWS: tuple[tuple[str, Change, tuple[Flag, ...], str], ...] = (
    ("status", status,
     (*SELECTORS[:2], switch("watch", "go on until it is done", "w", default=True),
      Flag("timeout", type="duration", default=0.0, help="how long to wait")),
     "follow a rollout until it is done"),
    ("history", history,
     (*_SELECT, Flag("revision", type="int", default=0, help="show this one in full")),
     "print the revisions there were"),
    ("undo", undo,
     (*_SELECT, DRY_RUN, Flag("to-revision", type="int", default=0, help="back to this one")),
     "go back to a revision"),
    ("pause", _steer("paused", "pausing"), _SELECT, "hold a rollout"),
    ("resume", _steer("resumed", "resuming"), _SELECT, "let it go on"),
    ("restart", restart, _SELECT, "replace every Pod"),
)  # fmt: skip

COMMANDS = tuple(
    Command(f"rollout {name}", _command(change), flags, f"kubectl rollout {name} TYPE/NAME", about)
    for name, change, flags, about in _ROWS
)
