"""kubectl delete · 删除对象

Asks for the deletion of everything selected, then waits until it is gone.  The one idea: a
deletion is a wish.  The server notes when an object should end, its owner or its node brings the
end about, and only the watch tells that it came.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/delete/delete.go
"""

from __future__ import annotations

from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.manifests import at_source
from k8s_ref.cli.kubectl.output import DRY_RUN
from k8s_ref.cli.kubectl.selection import ALL, SELECTORS, Target, chosen, fetch_all
from k8s_ref.cli.kubectl.session import Command, Session, name_of, resource_of, type_of
from k8s_ref.cli.kubectl.watching import WEEK, timed_out, until
from k8s_ref.machinery.errors import ApiError, NotFound, show
from k8s_ref.machinery.meta import Object, namespace_of

FORCED = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been"
    " terminated. The resource may continue to run on the cluster indefinitely."
)


async def delete(session: Session) -> int:
    """Delete what is selected and wait until it is gone."""
    flags = session.flags
    if flags["output"] not in ("", "name"):
        mode = flags["output"]
        raise ValueError(f"unexpected -o output mode: {mode}. We only support '-o name'")
    grace = _grace(session)
    wanted = chosen(session)
    named = [target for listed in wanted for target in await _named(session, listed)]
    if not named and not session.errors:
        session.say("No resources found")
    if flags["force"]:
        session.say(FORCED)
    gone = [(target, uid) for target in named if (uid := await _delete(session, target, grace))]
    if flags["wait"] and not session.dry and not flags["force"]:
        for target, uid in gone:
            await _wait(session, target, uid)
    return 0


async def _named(session: Session, target: Target) -> list[Target]:
    """The objects one by one; those selected otherwise than by name have to be looked up."""
    if target.name:
        return [target]
    found = await fetch_all(session, [target])
    return [Target(kind, obj["metadata"]["name"], namespace_of(obj)) for kind, obj in found]


def _grace(session: Session) -> int | None:
    """The grace period to ask for; None leaves it to the object."""
    flags = session.flags
    grace: int = flags["grace-period"]
    _check_cascade(flags["cascade"])
    if flags["now"]:
        if grace != -1:
            raise ValueError("--now and --grace-period cannot be specified together")
        return 1
    if flags["force"]:
        if grace > 0:
            raise ValueError(
                "--force and --grace-period greater than 0 cannot be specified together"
            )
        return 0
    if grace == 0:
        # Without --force upstream does not let a container go without a second to stop in.
        return 1
    return grace if grace > 0 else None


def _check_cascade(cascade: str) -> None:
    if cascade not in ("background", "foreground", "orphan"):
        known = 'Must be "background", "foreground", or "orphan"'
        raise ValueError(f"invalid cascade value ({cascade}). {known}")


async def _delete(session: Session, target: Target, grace: int | None) -> str:
    """Ask for one deletion and say so; the uid of what is going, or nothing."""
    kind, flags = target.kind, session.flags
    key = session.key(kind, target.name, target.namespace)
    policy = {"propagationPolicy": flags["cascade"].capitalize()}
    answer: Object = {"metadata": {"uid": "dry run"}}
    try:
        if session.dry != "client":
            answer = await session.api.delete(resource_of(kind), key, grace, **policy)
    except ApiError as error:
        missing = isinstance(error, NotFound)
        if not (missing and (flags["ignore-not-found"] or flags["all"] or flags["selector"])):
            source = target.source
            session.fail(at_source(error, "deleting", source) if source else error)
        return ""
    if flags["output"] == "name":
        session.say(name_of(kind, target.name))
    else:
        forced = "force " if flags["force"] else ""
        session.say(f"{type_of(kind)} {show(target.name)} {forced}deleted{session.tail}")
    # A Status says of which object in its details, an object in its metadata.
    return str((answer.get("details") or answer["metadata"])["uid"])


async def _wait(session: Session, target: Target, uid: str) -> None:
    """Wait until the object is gone; another one of its name does not count."""

    def gone(obj: Object | None) -> bool:
        return obj is None or obj["metadata"]["uid"] != uid

    key = session.key(target.kind, target.name, target.namespace)
    try:
        await until(session, target.kind, key, gone, session.flags["timeout"] or WEEK)
    except TimeoutError:
        session.fail(timed_out(target.kind, target.name))


COMMANDS = (
  Command(
    "delete",
    delete,
    (
        *SELECTORS,
        Flag("output", "o", help="name: print only TYPE/NAME"),
        DRY_RUN,
        ALL,
        switch("ignore-not-found", "it is no error if there is nothing"),
        switch("force", "do not wait for the node to confirm"),
        switch("now", "one second of grace"),
        switch("wait", "wait until the objects are gone", default=True),
        Flag("grace-period", type="int", default=-1, help="seconds to stop in"),
        Flag("timeout", type="duration", default=0.0, help="how long to wait"),
        Flag("cascade", default="background", bare="background",
             help="background, foreground or orphan: what becomes of dependents"),
    ),
    "kubectl delete TYPE NAME ... | -f FILE | TYPE -l LABELS | TYPE --all",
    "delete objects and wait until they are gone",
),)  # fmt: skip
