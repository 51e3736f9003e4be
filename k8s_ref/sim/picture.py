"""Pictures · 图

Draws a trace: who asked whom (``Sequence``), and what happened to each object when
(``Timeline``).  The one idea: everything in a picture is computed from records, so a picture
cannot tell what did not happen.

Upstream: none; the hand-drawn diagrams of kubernetes.io show the same flows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from textwrap import wrap

from k8s_ref.sim import drawing
from k8s_ref.sim.drawing import BLUE, GOLD, GREEN, GREY, ORANGE, PINK, RED, TEAL, VIOLET
from k8s_ref.sim.trace import VERBS, Record

GLOSS = {**VERBS, "watch": "监听"}
API, ETCD = "kube-apiserver", "etcd"
ORDER = ("kubectl", API, ETCD, "controller", "scheduler", "kubelet", "containerd")
"""Lanes from left to right, by a word in their name; anybody else counts as a controller."""
ROWS, BARS = 120, 40
"""So many rows and bars are drawn, and then how many are not."""
MANY = 4
"""More than so many alike are drawn as one: rows of an instant, lanes of a family."""

FLOORS = (VIOLET, BLUE, BLUE, BLUE, BLUE, GREEN, TEAL)
"""The colour of each place in ``ORDER``."""
HUES = {"create": BLUE, "bind": VIOLET, "sandbox": TEAL, "pull": ORANGE, "container": GOLD}
HUES |= {"start": PINK, "status": GREEN, "restart": GREEN, "heal": GREEN}
HUES |= dict.fromkeys(("unfit", "refuse", "exit", "kill", "backoff", "delete", "crash"), RED)
"""The colour of a bar after each verb; grey after any other."""

GUTTER, PITCH, LABEL, PLOT = 80, 112, 380, 600
"""Width of the time column, least distance of lanes, longest label, length of the time axis."""


class Sequence(drawing.Picture):
    """Life lines from left to right, time from top to bottom, an arrow for each request.

    ``lanes`` picks the actors to show; ``kubelet/*`` is one lane for all kubelets.

    >>> from k8s_ref.sim.trace import Trace
    >>> trace = Trace()
    >>> _ = trace.add(0, "kubectl", "create", "pods/default/web", to=API, revision=5)
    >>> _ = trace.add(0, "default-scheduler", "select", "pods/default/web", "node-2", cause=1)
    >>> Sequence(trace)
    kubectl -> kube-apiserver: create pods/default/web (revision 5)
    kube-apiserver ~> default-scheduler: watch pods/default/web
    default-scheduler: select pods/default/web node-2
    """

    def __init__(self, records: Iterable[Record], lanes: Iterable[str] | None = None) -> None:
        steps = _steps(list(records))
        self.lanes = _lanes(steps) if lanes is None else list(lanes)
        rows = _fold([seen for step in steps if (seen := step.among(self.lanes))])
        self.steps, self.more = rows[:ROWS], len(rows[ROWS:])

    def svg(self, lang: str | None = None) -> str:
        """The picture as an SVG file; without ``lang`` in the language of the page around it."""
        sheet = _Sheet(self.lanes)
        for at, instant in groupby(self.steps, lambda step: step.at):
            sheet.moment(at)
            for _, group in groupby(instant, _box):
                sheet.row(list(group))
        sheet.finish(self.more)
        body = "".join(sheet.parts)
        return drawing.document("Sequence · 时序图", repr(self), body, (sheet.width, sheet.y), lang)

    def __repr__(self) -> str:
        return _lines([str(step) for step in self.steps], self.more)


@dataclass(slots=True, frozen=True)
class Step:
    """One row: a request from ``actor`` to ``to``, or a decision where ``to`` is empty."""

    at: int
    actor: str
    verb: str
    subject: str
    note: str = ""
    to: str = ""
    revision: str = ""

    def __str__(self) -> str:
        arrow = "~>" if self.verb == "watch" else "->"
        who = f"{self.actor} {arrow} {self.to}" if self.to else self.actor
        stored = f"(revision {self.revision})" if self.revision else ""
        return _join(f"{who}: {self.verb}", self.subject, self.note, stored)

    def among(self, lanes: list[str]) -> Step | None:
        """This step as seen where only these lanes are drawn."""
        actor, to = _lane(self.actor, lanes), _lane(self.to, lanes)
        if not actor or (self.verb == "watch" and not to):
            return None
        return replace(self, actor=actor, to="" if to == actor else to)


def _steps(records: list[Record]) -> list[Step]:
    """One step a record, and a watch before whoever was woken by somebody else's write."""
    known = {r.number: r for r in records}
    woken: set[tuple[str, int]] = set()
    steps = []
    for r in records:
        write = known.get(r.cause)
        if write and write.revision and r.actor not in (write.actor, API):
            if (r.actor, r.cause) not in woken:
                steps.append(Step(r.at, API, "watch", write.subject, to=r.actor))
            woken.add((r.actor, r.cause))
        steps.append(Step(r.at, r.actor, r.verb, r.subject, r.note, r.to, str(r.revision or "")))
    return steps


def _lanes(steps: list[Step]) -> list[str]:
    """All who act or are asked, from left to right."""
    names = dict.fromkeys(name for step in steps for name in (step.actor, step.to) if name)
    if any(step.revision for step in steps):
        names[ETCD] = None
    families = [name.partition("/")[0] for name in names if "/" in name]
    crowded = [f"{family}/*" for family in families if families.count(family) > MANY]
    lanes = dict.fromkeys(_lane(name, crowded) or name for name in names)
    return sorted(lanes, key=_place)


def _lane(name: str, lanes: list[str]) -> str:
    """The lane on which somebody of this name is drawn, if any."""
    family = f"{name.partition('/')[0]}/*"
    return next((lane for lane in (name, family) if lane in lanes), "")


def _place(lane: str) -> tuple[int, str, int]:
    """By floor, the parts of a node side by side; otherwise by first appearance."""
    node, rank = lane.partition("/")[2], _rank(lane)
    return 5 if node else rank, node, rank


def colour_of(lane: str) -> str:
    """The colour of whoever has this name."""
    return FLOORS[_rank(lane)]


def _rank(lane: str) -> int:
    other = 6 if "/" in lane else 3
    return next((rank for rank, word in enumerate(ORDER) if word in lane), other)


def _fold(steps: list[Step]) -> list[Step]:
    """Where many alike happen in one instant, one row for all in the place of the first."""
    alike: dict[object, list[Step]] = {}
    for s in steps:
        kind = s.at, s.actor, s.to, s.verb, s.subject.partition("/")[0]
        alike.setdefault(kind, []).append(s)
    rows: dict[int, Step] = {}
    for group in alike.values():
        shown = [_merge(group)] if len(group) > MANY else group
        rows |= {id(s): row for s, row in zip(group, shown, strict=False)}
    return [rows[id(s)] for s in steps if id(s) in rows]


def _merge(group: list[Step]) -> Step:
    first, last = group[0], group[-1]
    shared = {step.subject for step in group} == {first.subject}
    subject = first.subject if shared else first.subject.partition("/")[0] + "/…"
    revision = first.revision and f"{first.revision}…{last.revision}"
    return replace(first, subject=subject, note=f"× {len(group)}", revision=revision)


def _box(step: Step) -> tuple[str, str, int]:
    """Decisions in a row about one subject share a box; requests and writes stand alone."""
    return step.actor, step.subject, id(step) if step.to or step.revision else 0


class _Sheet:
    """A sequence diagram in the making: rows are added from the top down."""

    def __init__(self, lanes: list[str]) -> None:
        self.x = {lane: GUTTER + PITCH // 2 + PITCH * place for place, lane in enumerate(lanes)}
        self.heads = {lane: [w for p in lane.split("/", 1) for w in wrap(p, 11)] for lane in lanes}
        self.top = 28 + 15 * max(map(len, self.heads.values()), default=0)
        self.y, self.width = self.top + 8, GUTTER + PITCH * max(len(lanes), 2) + 24
        self.room = min(self.width - GUTTER - 24, LABEL)
        self.parts: list[str] = []
        self.covered: list[tuple[int, int, int, int]] = []

    def moment(self, at: int) -> None:
        """The clock moved: say so at the left."""
        if self.parts:
            self.y += 16
            self.parts.append(drawing.stroke(f"M{GUTTER - 8} {self.y - 6}H{self.width - 8}", ".15"))
        time = f"{at / 1e9:.3f} s"
        self.parts += [drawing.text(GUTTER - 14, self.y + 14, time, "k8s-small", "end")]

    def row(self, steps: list[Step]) -> None:
        """One arrow, or the decisions of one actor about one subject in a box."""
        first = steps[0]
        parts = self._request(first) if first.to else self._decisions(steps)
        if first.revision and (first.to or first.actor) == API and ETCD in self.x:
            parts += self._stored(first.revision)
        self.parts.append(drawing.group("\n".join(map(str, steps)), parts))

    def _request(self, step: Step) -> list[str]:
        start, end = self.x[step.actor], self.x[step.to]
        label, width = _label(step.verb, _join(step.subject, step.note), self.room)
        middle = self._cover((start + end) // 2, width, 20)
        hue, dash = colour_of(step.actor), "5 4" if step.verb == "watch" else "none"
        self.y += 36
        return [
            drawing.arrow(start, end, self.y - 13, hue, dash),
            drawing.text(middle, self.y - 22, label),
        ]

    def _stored(self, revision: str) -> list[str]:
        """The short way from the API server into the store, with the revision it got there."""
        width = drawing.width(f"revision {revision}") + 8
        middle = self._cover(self.x[ETCD], width, 20)
        left, y = middle - width // 2, self.y
        words = drawing.both(f"revision {revision}", f"修订号 {revision}")
        self.y += 30
        box = drawing.panel(left, y, width, 20, BLUE, 10) + drawing.arrow(
            self.x[API], left, y + 10, BLUE
        )
        return [box, drawing.text(middle, y + 14, words, "k8s-small")]

    def _decisions(self, steps: list[Step]) -> list[str]:
        said = [("", steps[0].subject), *((s.verb, s.note) for s in steps)]
        lines = [_label(verb, rest, self.room) for verb, rest in said]
        width, height = max(width for _, width in lines) + 16, 18 * len(lines) + 10
        left = self._cover(self.x[steps[0].actor], width, height) - width // 2
        parts = [drawing.panel(left, self.y, width, height, colour_of(steps[0].actor), 6)]
        for number, (label, _) in enumerate(lines):
            parts.append(drawing.text(left + 8, self.y + 18 + 18 * number, label, anchor="start"))
        self.y += height + 8
        return parts

    def finish(self, more: int) -> None:
        """Say what is missing, then draw life lines, and the names above and below."""
        if more:
            self.parts.append(_more(self.width // 2, self.y + 18, more))
            self.y += 30
        bottom, long = self.y + 4, self.y > 800
        self.parts[:0] = [self._life(x, bottom) for x in self.x.values()]
        self.parts += [self._head(lane, y) for y in (8, *[bottom] * long) for lane in self.x]
        self.y = bottom + self.top * long + 4

    def _life(self, x: int, bottom: int) -> str:
        path, y = "", self.top
        for left, right, top, end in self.covered:
            if left < x < right:
                path, y = f"{path}M{x} {y}V{top}", end
        return drawing.stroke(f"{path}M{x} {y}V{bottom}", ".35")

    def _head(self, lane: str, top: int) -> str:
        lines, x = self.heads[lane], self.x[lane]
        box = drawing.panel(x - PITCH // 2 + 5, top, PITCH - 10, self.top - 8, colour_of(lane), 8)
        first = top + self.top // 2 + 1 - 15 * (len(lines) - 1) // 2
        words = enumerate(drawing.safe(line) for line in lines)
        return drawing.group(
            lane, [box, *(drawing.text(x, first + 15 * n, w, "k8s-bold") for n, w in words)]
        )

    def _cover(self, middle: int, width: int, height: int) -> int:
        """Keep life lines out of a box in this row; return its middle, moved into the picture."""
        half = width // 2 + 3
        middle = max(min(middle, self.width - half - 6), GUTTER + half)
        self.covered.append((middle - half, middle + half, self.y, self.y + height))
        return middle


class Timeline(drawing.Picture):
    """One bar for each object; each part has the colour of what happened last.

    >>> from k8s_ref.sim.trace import Trace
    >>> trace = Trace()
    >>> _ = trace.add(0, "kubectl", "create", "pods/default/web")
    >>> _ = trace.add(2_500_000_000, "kubelet/node-1", "start", "pods/default/web")
    >>> Timeline(trace)
    pods/default/web: 0.000 create, 2.500 start
    """

    def __init__(self, records: Iterable[Record]) -> None:
        bars: dict[str, dict[int, list[Record]]] = {}
        for r in records:
            bars.setdefault(r.subject, {}).setdefault(r.at, []).append(r)
        self.bars, self.more = dict(list(bars.items())[:BARS]), max(len(bars) - BARS, 0)
        """For each subject, the records of each instant."""
        times = [at for bar in self.bars.values() for at in bar] or [0]
        self.start = min(times)
        # A third is added so that the last state of every object can be seen.
        self.span = (max(times) - self.start) * 4 // 3 or 1_000_000_000

    def svg(self, lang: str | None = None) -> str:
        """The picture as an SVG file; without ``lang`` in the language of the page around it."""
        labels = {subject: _label("", subject, LABEL * 2 // 3) for subject in self.bars}
        left = max((width for _, width in labels.values()), default=0) + 24
        y, parts = 8, []
        for subject, (label, _) in labels.items():
            parts += [
                drawing.text(left - 12, y + 17, label, anchor="end"),
                *self._bar(subject, left, y),
            ]
            y += 34
        if self.more:
            parts.append(_more(left // 2, y + 16, self.more))
        legend, bottom = self._legend(left + PLOT, y + 46)
        body = "".join([*self._axis(left, y), *parts, *legend])
        return drawing.document(
            "Timeline · 时间线", repr(self), body, (left + PLOT + 28, bottom), lang
        )

    def __repr__(self) -> str:
        lines = []
        for subject, bar in self.bars.items():
            story = ((at, " ".join(r.verb for r in records)) for at, records in bar.items())
            lines.append(f"{subject}: " + ", ".join(f"{at / 1e9:.3f} {do}" for at, do in story))
        return _lines(lines, self.more)

    def _axis(self, left: int, bottom: int) -> list[str]:
        """A thin line at each round time, six at most."""
        rounds = (digit * 10**zeros for zeros in range(30) for digit in (1, 2, 5))
        step = next(step for step in rounds if self.span <= 6 * step)
        parts = []
        for at in range(-(-self.start // step) * step, self.start + self.span, step):
            x = left + (at - self.start) * PLOT // self.span
            time = f"{at / 1e9:.9f}".rstrip("0").rstrip(".") + " s"
            parts.append(drawing.stroke(f"M{x} 0V{bottom}", ".15"))
            parts.append(drawing.text(x, bottom + 16, time, "k8s-small"))
        return parts

    def _bar(self, subject: str, left: int, y: int) -> list[str]:
        """The parts of one bar; the last goes on to the end unless the object is gone."""
        bar = list(self.bars[subject].items())
        gone = bar[-1][1][-1].verb in ("delete", "remove")
        bar.append((bar[-1][0] if gone else self.start + self.span, []))
        parts = []
        for (at, records), (until, _) in pairwise(bar):
            x, end = (left + (t - self.start) * PLOT // self.span for t in (at, until))
            hue, room = HUES.get(records[-1].verb, GREY), end - x - 16
            said = [_label(records[-1].verb, rest, LABEL) for rest in (records[-1].note, "")]
            fits = [
                drawing.text(x + 9, y + 17, label, anchor="start") for label, w in said if w <= room
            ]
            box = drawing.panel(x, y, end - x, 24, hue, 2) + drawing.stroke(
                f"M{x} {y - 2}v28", "1", hue, 'stroke-width="3"'
            )
            parts.append(drawing.group("\n".join(map(str, records)), [box, *fits[:1]]))
        return parts

    def _legend(self, right: int, y: int) -> tuple[list[str], int]:
        """The colours that were used, for parts too short to be labelled; and where it ends."""
        used = {records[-1].verb for bar in self.bars.values() for records in bar.values()}
        parts, x = [], 12
        for verb in filter(used.__contains__, VERBS):
            label, width = _label(verb, "", LABEL)
            if x + width > right:
                x, y = 12, y + 24
            parts.append(drawing.panel(x, y - 11, 14, 14, HUES.get(verb, GREY), 2))
            parts.append(drawing.text(x + 20, y, label, anchor="start"))
            x += width + 32
        return parts, y + 16


def _more(x: int, y: int, more: int) -> str:
    return drawing.text(x, y, drawing.both(f"… {more} more", f"…… 另有 {more} 项"), "k8s-small")


def _label(verb: str, rest: str, room: int) -> tuple[str, int]:
    """A verb in both languages and what it is about, shortened to the room; and the width."""
    words, width = "", 0
    if verb:
        words = f'<tspan class="k8s-bold">{drawing.both(verb, GLOSS[verb])}</tspan> '
        width = max(drawing.width(verb), drawing.width(GLOSS[verb])) + 10
    while width + drawing.width(rest, 12) > room and len(rest) > 1:
        middle = len(rest) // 2
        rest = f"{rest[: middle - 1]}…{rest[middle + 1 :]}"
    return f'{words}<tspan class="k8s-mono">{drawing.safe(rest)}</tspan>', width + drawing.width(
        rest, 12
    )


def _join(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _lines(lines: list[str], more: int) -> str:
    return "\n".join([*lines, f"… {more} more"] if more else lines)
