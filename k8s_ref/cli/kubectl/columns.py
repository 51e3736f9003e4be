"""Aligned columns · 对齐的列

Text with tabs becomes text in columns, the way kubectl's own output does.  The one idea: a column
ends where a line has no cell in it, so the parts of a page align by themselves and one long word
widens only its own part.

Upstream: Go's text/tabwriter; staging/src/k8s.io/cli-runtime/pkg/printers/tabwriter.go
"""

from __future__ import annotations

import unicodedata


def align(text: str, padding: int = 2, least: int = 0) -> str:
    """Put the cells of each line, which end with tabs, into columns.

    >>> print(align("Name:\\tweb\\nNamespace:\\tdefault\\n"), end="")
    Name:       web
    Namespace:  default
    """
    lines = [line.split("\t") for line in text.split("\n")]
    out: list[str] = []
    _format(lines, 0, len(lines), [], out, padding, least)
    return "\n".join(out)


def _format(
    lines: list[list[str]],
    start: int,
    end: int,
    widths: list[int],
    out: list[str],
    padding: int,
    least: int,
) -> None:
    """Write lines ``start`` to ``end``, whose first ``len(widths)`` columns are known."""
    column, this = len(widths), start
    while this < end:
        if column >= len(lines[this]) - 1:
            out.append(_line(lines[this], widths))
            this += 1
            continue
        first = this
        while this < end and column < len(lines[this]) - 1:
            this += 1
        width = max(_width(lines[i][column]) for i in range(first, this)) + padding
        _format(lines, first, this, [*widths, max(width, least)], out, padding, least)


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [
        cell + " " * (widths[i] - _width(cell)) if i < len(widths) else cell
        for i, cell in enumerate(cells)
    ]
    return "".join(padded)


def _width(text: str) -> int:
    # Go counts characters; combining marks are the only ones that would shift a column.
    return sum(not unicodedata.combining(char) for char in text)


def rows(table: list[list[str]]) -> str:
    """A table as ``kubectl get`` prints it: three spaces apart, columns at least six wide.

    >>> print(rows([["NAME", "AGE"], ["web", "5s"]]), end="")
    NAME   AGE
    web    5s
    """
    return align("".join("\t".join(cells) + "\n" for cells in table), padding=3, least=6)
