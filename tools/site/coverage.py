"""Coverage · 覆盖

Which rows of the mission have pages, and what holds those pages: cells that run, and tests.  The
one idea: ``docs/mission.yml`` names pages only; all numbers are counted, and a row whose pages run
nothing is as open as a row without pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from k8s_ref.cli.where import suites_of
from tools.site.emit import path_to
from tools.site.model import Page, Problem
from tools.site.rows import Row, cell, demand, rows, table
from tools.site.words import WORDS

FILE = "docs/mission.yml"
STATUSES = ("covered", "partly", "open")


def problems(root: Path, pages: list[Page]) -> Iterator[Problem]:
    """Rows that lack something, are out of order, or name a page that does not exist."""
    known = {page.key for page in pages}
    for number, row in enumerate(rows(root, FILE), 1):
        yield from demand(row, "number", "en", "zh", "pages")
        if row.get("number") not in (None, number):
            yield row.wrong(f"row {row['number']} stands where row {number} should", "number")
        for key in row.get("pages") or ():
            if key not in known:
                yield row.wrong(f"row {row.get('number')}: there is no page {key}", "pages")


# -- The page


@dataclass(slots=True, frozen=True)
class Covered:
    """One row of the mission with its pages."""

    row: Row
    pages: list[Page]

    @property
    def status(self) -> str:
        """``open`` without a page that runs something, ``partly`` if the row says so."""
        if not any(page.cells for page in self.pages):
            return "open"
        return "partly" if self.row.get("partly") else "covered"


def coverage(root: Path, pages: list[Page], lang: str, here: str) -> str:
    """How many rows are covered, all of them, and once more those that are open."""
    words, known = WORDS[lang], {page.key: page for page in pages}
    mission = [Covered(row, [known[key] for key in row["pages"]]) for row in rows(root, FILE)]
    missing = [one.row for one in mission if one.status == "open"]
    numbers = [str(sum(one.status == status for one in mission)) for status in STATUSES]
    heads = ["", words["mission-row"], words["status"], words["page"], words["cells"]]
    lines = [line(one, root, lang, here) for one in mission]
    items = [f"- [{row['number']}](#row-{row['number']}) {cell(row[lang])}" for row in missing]
    return "\n\n".join(
        [
            table([words[status] for status in STATUSES], [numbers]),
            f"## {words['all-rows']} {{ #rows }}",
            table([*heads, words["tests"]], lines),
            f"## {words['open-rows']} {{ #open }}",
            "\n".join(items),
        ]
    )


def line(one: Covered, root: Path, lang: str, here: str) -> list[str]:
    """One row: its pages, how many cells they run, how many tests hold them."""
    number = one.row["number"]
    links = [f"[{page.title[lang]}]({path_to(page.key + '.md', here)})" for page in one.pages]
    return [
        f'<span id="row-{number}">{number}</span>',
        cell(one.row[lang]),
        WORDS[lang][one.status],
        "<br>".join(links),
        str(sum(len(page.cells) for page in one.pages)),
        str(sum(tests_in(suite, root) for suite in suites(one.pages, root))),
    ]


def suites(found: list[Page], root: Path) -> set[str]:
    """The files of tests of pages and of all that they cover."""
    keys = [(key, page.key) for page in found for key in (page.key.replace("-", "_"), *page.covers)]
    return {suite for key, page in keys for suite in suites_of(key, page, root)}


def tests_in(suite: str, root: Path) -> int:
    """How many tests a file has."""
    return len(re.findall(r"^ *(?:async )?def test_", (root / suite).read_text("utf-8"), re.M))
