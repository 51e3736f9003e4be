"""kubectl events · 事件

Who said what about which object, oldest first: the same Events that ``get events`` lists, in the
columns people read.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/events/
"""

from __future__ import annotations

from k8s_ref.cli.kubectl import columns
from k8s_ref.cli.kubectl.describe.page import moment, when
from k8s_ref.cli.kubectl.flags import Flag, switch
from k8s_ref.cli.kubectl.output import OUTPUT, as_text
from k8s_ref.cli.kubectl.selection import kind_named
from k8s_ref.cli.kubectl.session import Command, Session
from k8s_ref.cli.kubectl.watching import follow
from k8s_ref.machinery.meta import Object

HEAD = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
EVENTS = "events.v1."


async def events(session: Session) -> int:
    """Print the Events of a namespace, or of one object."""
    flags = session.flags
    types = [kind.capitalize() for kind in flags["types"]]
    if any(kind not in ("Normal", "Warning") for kind in types):
        raise ValueError("valid --types are Normal or Warning")
    namespace = "" if flags["all-namespaces"] else session.namespace
    fields = _fields(session)
    listed = await session.api.list(EVENTS, namespace, fields=fields)
    found = [e for e in sorted(listed["items"], key=moment) if not types or e["type"] in types]
    if flags["watch"]:
        _print(session, found)
        since = listed["metadata"]["resourceVersion"]
        stream = await session.api.watch(EVENTS, since, namespace, fields=fields)
        await follow(session, stream, lambda event: _print(session, [event.object], more=True))
    elif found:
        _print(session, found)
    else:
        where = "." if flags["all-namespaces"] else f" in {session.namespace} namespace."
        session.say(f"No events found{where}")
    return 0


def _fields(session: Session) -> str:
    about = session.flags["for"]
    if not about:
        return ""
    type_name, slash, name = about.partition("/")
    if not slash or not name:
        raise ValueError("--for must be in resource/name form")
    kind = kind_named(session, type_name)
    return f"involvedObject.kind={kind.kind},involvedObject.name={name}"


def _print(session: Session, found: list[Object], more: bool = False) -> None:
    flags = session.flags
    if flags["output"] not in ("", "wide"):
        pairs = [(session.api.kinds[EVENTS], event) for event in found]
        session.write(as_text(pairs, flags["output"], one=more))
        return
    table = [_row(session, event) for event in found]
    if not (flags["no-headers"] or more):
        table.insert(0, ["NAMESPACE", *HEAD] if flags["all-namespaces"] else HEAD)
    session.write(columns.rows(table))


def _row(session: Session, event: Object) -> list[str]:
    about = event["involvedObject"]
    first = [event["metadata"]["namespace"]] if session.flags["all-namespaces"] else []
    subject = f"{about['kind']}/{about['name']}"
    message = event.get("message", "").strip()
    return [*first, when(event, session.now), event["type"], event["reason"], subject, message]


COMMANDS = (
    Command(
        "events",
        events,
        (OUTPUT,
         switch("all-namespaces", "of every namespace", "A"),
         Flag("for", help="only about this, as pod/web"),
         Flag("types", type="list", default=(), help="Normal, Warning"),
         switch("no-headers", "leave out the heading"),
         switch("watch", "then print what is said next", "w")),
        "kubectl events [--for TYPE/NAME]",
        "print what was said about objects",
    ),
)  # fmt: skip
