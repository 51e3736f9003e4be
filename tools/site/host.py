"""Cells for the host · 只在本机运行的单元格

A cell that needs a real program or a socket runs in CPython only: in the check and in a notebook's
kernel, never in a page.  It says why, in both languages, and the page shows that instead of a
button.  The rules they keep: they are few, and no other cell needs what they leave behind, so
that the rest of the page runs everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from k8s_ref.cli.cellrun import Session, digest
from tools.site.emit import path_to
from tools.site.model import Cell, Page, Problem
from tools.site.play import Play, code_of
from tools.site.rows import cell as shown
from tools.site.rows import table
from tools.site.words import WORDS

SHARE = 10
"""Of so many cells one may be for the host."""


def problems(plays: list[Play]) -> Iterator[Problem]:
    """Too many host cells, and cells that show something else without them."""
    yield from too_many([done.page for done in plays])
    for done in plays:
        if not done.problems and any(cell.host for cell in done.page.cells):
            yield from dependent(done)


def too_many(pages: list[Page]) -> Iterator[Problem]:
    """The host cells beyond one in ten."""
    cells = [(page, cell) for page in pages for cell in page.cells if cell.runs]
    host = [(page, cell) for page, cell in cells if cell.host]
    for page, cell in host[len(cells) // SHARE :]:
        counted = f"{len(host)} of {len(cells)} cells are for the host"
        text = f"{counted}, and at most one in ten may be; make this one run in a browser"
        yield Problem(page.path, cell.line, text)


def dependent(done: Play) -> Iterator[Problem]:
    """Cells that show something else where host cells do not run."""
    session = Session()
    for cell in (cell for cell in done.page.cells if cell.runs_anywhere):
        if digest(session.run(code_of(cell), cell.name)) != digest(done.outputs[cell.name]):
            text = f"cell {cell.name!r} shows something else where host cells do not run"
            yield Problem(
                done.page.path, cell.line, f"{text}; make it do without them, or a host cell too"
            )
            return


# -- The list on the ledger's page


def listed(pages: list[Page], lang: str, here: str) -> str:
    """All host cells: page, name and reason."""
    heads = [WORDS[lang]["page"], WORDS[lang]["name"], WORDS[lang]["reason"]]
    lines = [line(page, cell, lang, here) for page in pages for cell in page.cells if cell.host]
    return table(heads, lines) if lines else WORDS[lang]["none"]


def line(page: Page, cell: Cell, lang: str, here: str) -> list[str]:
    """One cell."""
    link = f"[{page.title[lang]}]({path_to(f'{page.key}.md', here)}#{anchor(cell)})"
    return [link, f"`{cell.name}`", shown(cell.host[lang])]


def anchor(cell: Cell) -> str:
    """The id of a host cell."""
    return f"cell-{cell.name}"
