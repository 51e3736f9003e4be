"""Playing a page · 运行页面

Runs the cells of a page from the top in one session and compares what they show with what the
page records.  The one idea: an output in a page is a claim, checked on every run.  Exercises and
examples are tried in copies of the process, so that nobody's try changes the page.
"""

from __future__ import annotations

import difflib
import os
import pickle
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from k8s_ref.cli.cellrun import Output, Session, as_text, console_call, digest, raised
from k8s_ref.cli.grading import examine
from tools.site.model import Cell, Page, Problem

T = TypeVar("T")

UPDATE = "if the new output is right, run: make update"


@dataclass(slots=True)
class Play:
    """A page that was run: what each cell showed, and what is wrong."""

    page: Page
    outputs: dict[str, list[Output]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.page.path, line, text))

    def cells_as_json(self) -> list[dict[str, object]]:
        """The cells that run, and what they showed, for engines that are not this one."""
        return [
            {
                "kind": cell.kind,
                "name": cell.name,
                "source": cell.source,
                "text": as_text(self.outputs[cell.name]),
                "digest": digest(self.outputs[cell.name]),
            }
            for cell in self.page.cells
            if cell.runs_anywhere
        ]


def play(page: Page) -> Play:
    """Run a page; recorded outputs are compared by :func:`compare`."""
    done = Play(page)
    session = Session()
    for cell in page.cells:
        # What is only tried leaves the page as it was, so it comes before the cell itself.
        tried = Play(page)
        try_cell(cell, session, tried)
        if cell.runs:
            run_cell(cell, session, done)
        if done.problems:
            # What comes after a broken cell would only repeat the complaint.
            return done
        done.problems += tried.problems
        done.outputs |= tried.outputs
    return done


def try_cell(cell: Cell, session: Session, done: Play) -> None:
    """Exercises, solutions and examples."""
    if cell.kind == "exercise":
        try_exercise(cell, session, done)
    elif cell.kind == "solution":
        try_solution(cell, session, done)
    elif cell.kind == "python" and ">>>" in cell.source:
        try_examples(cell, session, done)


def elsewhere(do: Callable[[], T]) -> T:
    """What ``do`` returns, done in a copy of this process, so that nothing here changes."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(do(), pipe)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    if not result:
        raise RuntimeError("a cell could not be tried; see above")
    found: T = pickle.loads(result)
    return found


def run_cell(cell: Cell, session: Session, done: Play) -> None:
    """Run one cell; it may raise only if it says so."""
    outputs = session.run(code_of(cell), cell.name)
    done.outputs[cell.name] = outputs
    if raised(outputs) and not cell.may_raise:
        error = outputs[-1]
        line = cell.line + int(error["where"].split(":")[0] or 0)
        text = f"cell {cell.name!r} raised {error['name']}: {error['message']}"
        done.wrong(line, f"{text}; mend it, or tag the cell raises-exception")
    elif cell.may_raise and not raised(outputs):
        done.wrong(cell.line, f"cell {cell.name!r} did not raise; remove the tag raises-exception")


def code_of(cell: Cell) -> str:
    """The Python that a cell runs."""
    return console_call(cell.source) if cell.kind == "console" else cell.source


def try_exercise(cell: Cell, session: Session, done: Play) -> None:
    """The stub must fail its own doctests; a notebook shows how it fails."""
    result = elsewhere(lambda: session.grade(cell.source, cell.name))
    done.outputs[f"{cell.name}-check"] = elsewhere(lambda: examined(cell, session))
    if raised(result["outputs"]):
        done.wrong(
            cell.line, f"exercise {cell.name!r} raises as it stands; its stub must only fail"
        )
    elif not result["tried"]:
        done.wrong(cell.line, f"exercise {cell.name!r} has no doctests to check it; add some")
    elif not result["failures"]:
        done.wrong(cell.line, f"exercise {cell.name!r} passes unsolved; make it ask for something")


def examined(cell: Cell, session: Session) -> list[Output]:
    """What a notebook shows below an exercise that nobody solved yet."""
    session.run(cell.source)
    return session.run(examination(cell))


def examination(exercise: Cell) -> str:
    """The cell that examines an exercise."""
    names = re.findall(r"^(?:def|class) (\w+)", exercise.source, re.M)
    return f"from {examine.__module__} import {examine.__name__}\n\nexamine({', '.join(names)})"


def try_solution(cell: Cell, session: Session, done: Play) -> None:
    """The solution must pass the doctests of its exercise."""
    above = done.page.cells[: done.page.cells.index(cell)]
    exercises = [other for other in above if other.kind == "exercise"]
    if not exercises:
        done.wrong(cell.line, f"solution {cell.name!r} has no exercise above it; add one")
        return
    examples = exercises[-1].source
    result = elsewhere(lambda: session.grade(cell.source, cell.name, examples))
    if not result["tried"] or result["failures"]:
        why = result["failures"][:1] or as_text(result["outputs"])
        done.wrong(cell.line, f"solution {cell.name!r} does not pass its exercise: {why}")


def try_examples(cell: Cell, session: Session, done: Play) -> None:
    """The doctests in an ordinary cell must pass."""
    for one in elsewhere(lambda: session.grade(cell.source, cell.name))["failures"]:
        text = f"in cell {cell.name!r}, {one['source']} gives {one['got']!r}, not {one['want']!r}"
        done.wrong(cell.line, text)


# -- Comparing and recording


def compare(done: Play) -> list[Problem]:
    """Where the page's recorded outputs are not what its cells showed."""
    problems = []
    for cell in done.page.cells if not done.problems else ():
        shown = as_text(done.outputs.get(cell.name, []))
        if shown != cell.recorded:
            problems.append(difference(done.page.path, cell, shown))
    return problems


def difference(path: Path, cell: Cell, shown: str) -> Problem:
    """The first line that differs, and the whole difference below it."""
    was, now = cell.recorded.split("\n"), shown.split("\n")
    same = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), None)
    index = min(len(was), len(now)) if same is None else same
    line = cell.output.line + index if cell.output else cell.end
    hunks = difflib.unified_diff(was, now, "recorded", "now", lineterm="", n=1)
    body = "\n".join(f"    {text}" for text in hunks)
    return Problem(path, line, f"the output of cell {cell.name!r} changed; {UPDATE}\n{body}")


def record(file: Path, done: Play) -> list[str]:
    """Write what the cells showed into the page; return the difference."""
    before = file.read_text("utf-8")
    lines = before.split("\n")
    for cell in reversed(done.page.cells):
        shown = as_text(done.outputs.get(cell.name, []))
        if cell.runs and shown != cell.recorded:
            lines[cell.end : cell.output_end or cell.end] = fenced(cell, shown)
    after = "\n".join(lines)
    if after != before:
        file.write_text(after, "utf-8")
    name = str(done.page.path)
    hunks = difflib.unified_diff(before.split("\n"), lines, name, name, lineterm="")
    return list(hunks)


def fenced(cell: Cell, shown: str) -> list[str]:
    """The lines of an output fence, with an empty line before it."""
    if not shown:
        return []
    longest = max((len(ticks) for ticks in re.findall(r"^`{3,}", shown, re.MULTILINE)), default=2)
    ticks = "`" * (longest + 1)
    return ["", f"{ticks}output", *shown.split("\n"), ticks]
