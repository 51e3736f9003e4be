"""A page of describe · 描述页

Lines of ``Name:<tab>value``, indented by level; the tabs become columns at the end.  What many
kinds have in common stands here: labels, conditions, Events, the age of things.

Upstream: staging/src/k8s.io/kubectl/pkg/describe/describe.go
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from k8s_ref.apiserver.cells import event_source, since
from k8s_ref.cli.kubectl.session import Session
from k8s_ref.machinery.errors import ApiError
from k8s_ref.machinery.meta import Object, controller_of
from k8s_ref.machinery.timestamps import SECOND, parse

HIDDEN_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)

LONGEST = 140
"""Letters of an annotation that are shown."""


class Page:
    """Text that grows line by line."""

    def __init__(self, now: int) -> None:
        self.now, self.text = now, ""

    def line(self, level: int, text: str) -> None:
        """One line, two spaces in for each level."""
        self.text += f"{'  ' * level}{text}\n"

    def field(self, level: int, name: str, value: Any) -> None:
        """``Name:  value``."""
        self.line(level, f"{name}:\t{value}")

    def maybe(self, level: int, name: str, value: Any) -> None:
        """The same, but only if there is a value."""
        if value:
            self.field(level, name, value)

    def mapping(self, name: str, values: Object | None, level: int = 0) -> None:
        """Labels: one a line, the first beside the name."""
        shown = [f"{key}={value}" for key, value in sorted((values or {}).items())]
        self.items(name, shown, level)

    def items(self, name: str, values: list[str], level: int = 0) -> None:
        """Values one below the other, the first beside the name."""
        first, *rest = values or ["<none>"]
        self.field(level, name, first)
        for value in rest:
            self.line(0, f"\t{value}")

    def annotations(self, values: Object | None, level: int = 0) -> None:
        """Annotations, without kubectl's own; a long one stands below its name."""
        shown = [
            line
            for key, value in sorted((values or {}).items())
            if key not in HIDDEN_ANNOTATIONS
            for line in _annotation(key, value)
        ]
        self.items("Annotations", shown, level)

    def heading(self, obj: Object) -> None:
        """Name and namespace."""
        meta = obj["metadata"]
        self.field(0, "Name", meta["name"])
        self.field(0, "Namespace", meta.get("namespace", ""))

    def controlled_by(self, obj: Object) -> None:
        """The owner that controls the object."""
        owner = controller_of(obj)
        if owner:
            self.field(0, "Controlled By", f"{owner['kind']}/{owner['name']}")

    def age(self, moment: str | None) -> str:
        """How long ago."""
        return since(moment, self.now)

    async def events(self, session: Session, obj: Object) -> None:
        """What was said about the object, oldest first."""
        meta = obj["metadata"]
        wanted = {
            "involvedObject.name": meta["name"],
            "involvedObject.namespace": meta.get("namespace", ""),
            "involvedObject.uid": meta["uid"],
        }
        fields = ",".join(f"{name}={value}" for name, value in wanted.items() if value)
        namespace = meta.get("namespace", "")
        try:
            found = (await session.api.list("events.v1.", namespace, fields=fields))["items"]
        except ApiError:
            return
        self.event_table(sorted(found, key=moment))

    def event_table(self, events: list[Object]) -> None:
        """Events as a table, or that there are none."""
        if not events:
            self.line(0, "Events:\t<none>")
            return
        self.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage")
        self.line(1, "----\t------\t----\t----\t-------")
        for event in events:
            source = event_source(event, self.now).partition(",")[0]
            message = event.get("message", "").strip()
            cells = (event.get("type", ""), event.get("reason", ""), when(event, self.now), source)
            self.line(1, "\t".join([*cells, message]))


def when(event: Object, now: int) -> str:
    """``10s``, or ``5s (x3 over 10s)`` when it was said several times."""
    first = event.get("firstTimestamp") or event.get("eventTime")
    series, count = event.get("series") or {}, event.get("count") or 0
    if series:
        last, count = series["lastObservedTime"], series["count"]
        return f"{since(last, now)} (x{count} over {since(first, now)})"
    if count > 1:
        return f"{since(event.get('lastTimestamp'), now)} (x{count} over {since(first, now)})"
    return since(first, now)


def moment(event: Object) -> tuple[str, str]:
    """When an Event was last said, and its name, to put Events in order."""
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return last or "", event["metadata"]["name"]


def _annotation(key: str, value: str) -> list[str]:
    value = value.removesuffix("\n")
    if len(value) + len(key) + 2 <= LONGEST and "\n" not in value:
        return [f"{key}: {value}"]
    return [f"{key}:", *(f"  {_short(line)}" for line in value.split("\n"))]


def _short(line: str) -> str:
    return f"{line[: LONGEST - 2]}..." if len(line) > LONGEST - 2 else line


def long_date(moment: str | None) -> str:
    """A moment as describe prints it; midnight of the year 1 if there was none.

    >>> long_date("2026-01-01T00:00:05Z")
    'Thu, 01 Jan 2026 00:00:05 +0000'
    """
    if not moment:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    when = datetime.fromtimestamp(parse(moment) // SECOND, UTC)
    return format_datetime(when)
