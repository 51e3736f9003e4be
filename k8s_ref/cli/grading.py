"""Exercises · 练习

Grades an exercise by its own doctests: what was tried, what passed, and for each failure what was
wanted and what came.  The one idea: the page, the check and a notebook grade with this very code.
It stands apart from the cell runner because :mod:`doctest` is slow to load in a browser, and
most readers run cells before they try an exercise.

Upstream: none; doctest, without its printing.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

Result = dict[str, Any]


def doctests(source: str, names: dict[str, Any]) -> Iterator[doctest.DocTest]:
    """The doctests of every function and class of a source, each with a copy of ``names``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield doctest_of(node.name, ast.get_docstring(node), names)


def doctest_of(name: str, docstring: str | None, names: dict[str, Any]) -> doctest.DocTest:
    """The examples of one docstring."""
    return doctest.DocTestParser().get_doctest(docstring or "", names, name, None, None)


def examined(tests: Iterable[doctest.DocTest]) -> Result:
    """Run doctests; how many were tried and passed, and for each failure what was wanted."""
    examiner, tried = Examiner(), 0
    for test in tests:
        examiner.run(test, out=len, clear_globs=False)
        tried += len(test.examples)
    passed = tried - len(examiner.failed)
    return {"tried": tried, "passed": passed, "failures": examiner.failed}


class Examiner(doctest.DocTestRunner):
    """Runs doctests and, instead of printing, keeps what failed."""

    def __init__(self) -> None:
        super().__init__(verbose=False, optionflags=doctest.ELLIPSIS)
        self.failed: list[Result] = []

    def report_failure(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        """An example printed something else."""
        kept = {"source": example.source, "want": example.want, "got": got}
        self.failed.append({name: text.rstrip() for name, text in kept.items()})

    def report_unexpected_exception(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, exc_info: Any
    ) -> None:
        """An example raised."""
        self.report_failure(out, test, example, f"{exc_info[0].__name__}: {exc_info[1]}")


class Report:
    """The result of an exercise, as a notebook shows it."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def __repr__(self) -> str:
        failures = self.result["failures"]
        lines = [f"{'✗' if failures else '✓'} {self.result['passed']}/{self.result['tried']}"]
        for one in failures:
            lines += [f">>> {one['source']}", f"    {one['got'] or 'None'}   ≠   {one['want']}"]
        return "\n".join(lines)


def examine(*subjects: Any) -> Report:
    """Run the doctests of functions or classes of the caller; notebooks end exercises so."""
    names = sys._getframe(1).f_globals
    return Report(examined(doctest_of(s.__name__, inspect.getdoc(s), names) for s in subjects))
