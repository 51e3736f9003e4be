"""kubectl delete · 删除对象

Asks for the deletion of everything selected, then waits until it is gone.  The one idea: a
deletion is a wish.  The server notes when an object should end, its owner or its node brings the
end about, and only the watch tells that it came.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/delete/delete.go
"""

from __future__ import annotations

from k8s_ref.cli.kubectl.apply import DRY_RUN, dry_run
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.selection import SELECTORS, fetch_all, targets
from k8s_ref.cli.kubectl.session import Command, Failure, Session, name_of, resource_of, type_of
from k8s_ref.machinery.errors import ApiError, NotFound, show
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import Object, key_of, namespace_of

WEEK = 7 * 24 * 3600.0

NOTHING_NAMED = """\
error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'"""

FORCED = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been"
    " terminated. The resource may continue to run on the cluster indefinitely."
)


async def delete(session: Session) -> int:
    """Delete what is selected and wait until it is gone."""
    flags, dry = session.flags, dry_run(session)
    if not session.words and not flags["filename"]:
        raise Failure(NOTHING_NAMED)
    grace = _grace(session)
    wanted = targets(session)
    _check_named(session, any(not target.name for target in wanted))
    ignore = flags["ignore-not-found"] or flags["all"] or bool(flags["selector"])
    found = await fetch_all(session, wanted, ignore)
    if not found and not session.errors and not all(target.name for target in wanted):
        session.say("No resources found")
    if flags["force"]:
        session.say(FORCED)
    gone = [pair for pair in found if await _delete_one(session, *pair, grace, dry)]
    if flags["wait"] and not dry and not flags["force"]:
        for kind, obj in gone:
            await _wait(session, kind, obj)
    return 0


def _check_named(session: Session, unnamed: bool) -> None:
    flags = session.flags
    selected = flags["all"] or flags["selector"] or flags["field-selector"]
    if flags["all"] and flags["selector"]:
        raise ValueError("setting 'all' parameter but found a non empty selector. ")
    if unnamed and not selected:
        raise ValueError("resource(s) were provided, but no name was specified")
    if flags["all"] and not unnamed:
        raise ValueError("name cannot be provided when a selector is specified")


def _grace(session: Session) -> int | None:
    """The grace period to ask for; None leaves it to the object."""
    flags = session.flags
    grace: int = flags["grace-period"]
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


async def _delete_one(
    session: Session, kind: Kind, obj: Object, grace: int | None, dry: bool
) -> bool:
    name = f"{type_of(kind)} {show(obj['metadata']['name'])}"
    policy = {"propagationPolicy": session.flags["cascade"].capitalize()}
    if not dry:
        try:
            await session.api.delete(resource_of(kind), key_of(obj), grace, **policy)
        except NotFound as error:
            if not session.flags["ignore-not-found"]:
                session.fail(error)
            return False
        except ApiError as error:
            session.fail(error)
            return False
    if session.flags["output"] == "name":
        session.say(name_of(kind, obj))
    else:
        forced = "force " if session.flags["force"] else ""
        session.say(f"{name} {forced}deleted{' (dry run)' if dry else ''}")
    return True


async def _wait(session: Session, kind: Kind, obj: Object) -> None:
    """Watch until the object is gone; another one of its name does not count."""
    resource, meta = resource_of(kind), obj["metadata"]
    timeout = session.flags["timeout"] or WEEK

    async def follow() -> None:
        while True:
            now = await session.api.list(
                resource, namespace_of(obj), fields=f"metadata.name={meta['name']}"
            )
            if not any(item["metadata"]["uid"] == meta["uid"] for item in now["items"]):
                return
            stream = await session.api.watch(
                resource,
                now["metadata"]["resourceVersion"],
                namespace_of(obj),
                fields=f"metadata.name={meta['name']}",
            )
            while (event := await stream.next()) is not None:
                if event.type == "DELETED":
                    stream.stop()
                    break

    try:
        await session.api.loop.within(timeout, follow())
    except TimeoutError:
        name = f"{kind.plural}/{meta['name']}"
        session.errors.append(f"error: timed out waiting for the condition on {name}")


COMMAND = Command(
    "delete",
    delete,
    (
        *SELECTORS,
        Flag("output", "o", help="name: print only TYPE/NAME"),
        DRY_RUN,
        switch("all", "every object of the type"),
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
)  # fmt: skip
