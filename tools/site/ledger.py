"""Ledger · 忠实度账本

What is as upstream, what is simplified and what is absent, from ``docs/fidelity.yml``.  The one
idea: whoever claims to be the same names the test that shows it, and the test must exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tools.site.emit import path_to
from tools.site.listing import anchor
from tools.site.model import Page, Problem
from tools.site.modules import FLOORS, Module
from tools.site.rows import Row, cell, demand, rows, table
from tools.site.words import WORDS

FILE = "docs/fidelity.yml"
STATUSES = ("same", "simplified", "absent")


def problems(root: Path, pages: list[Page]) -> Iterator[Problem]:
    """Rows that lack something, and keys and tests that do not exist."""
    for row in rows(root, FILE):
        yield from demand(row, "key", "en", "zh")
        status = row.get("status")
        if status not in STATUSES:
            yield row.wrong(f"status is one of {', '.join(STATUSES)}, not {status!r}", "status")
        yield from demand(row, *["test"] * (status == "same"))
        yield from demand(row, both=("reason",) * (status in STATUSES[1:]))
        if not known(str(row.get("key")), root, pages):
            yield row.wrong(f"there is no module and no page {row.get('key')}; correct it", "key")
        if row.get("test") and not line_of(row["test"], root):
            yield row.wrong(f"there is no test {row['test']}; correct it", "test")


def known(key: str, root: Path, pages: list[Page]) -> bool:
    """Whether a key names a module, a package or a page."""
    own = root / "k8s_ref" / key
    return own.is_dir() or own.with_suffix(".py").is_file() or key in [page.key for page in pages]


def line_of(test: str, root: Path) -> int:
    """The line of a test ``file::function``, 1 for a whole file; 0 if there is none."""
    file, _, name = test.partition("::")
    path = root / file
    if not (file.startswith("tests/") and path.is_file()):
        return 0
    function = re.escape(re.sub(r"\[.*", "", name.rpartition("::")[2]))
    found = re.search(rf"^[ ]*(?:async )?def {function}\(", path.read_text("utf-8"), re.M)
    if not name:
        return 1
    return found.string.count("\n", 0, found.start()) + 1 if found else 0


# -- The page


def ledger(root: Path, lang: str, here: str) -> str:
    """All rows, a table for each floor, after a count of each status."""
    entries = sorted(rows(root, FILE), key=lambda row: height(row["key"]))
    parts = [count(entries, lang)]
    for floor, members in groupby(entries, key=lambda row: floor_of(row["key"])):
        shown = table(
            WORDS[lang]["ledger"].split("|"), [line(r, root, lang, here) for r in members]
        )
        parts.append(f"{heading(floor, root, lang)}\n\n{shown}")
    return "\n\n".join(parts)


def count(entries: list[Row], lang: str) -> str:
    """How many rows there are of each status."""
    numbers = ((status, sum(row["status"] == status for row in entries)) for status in STATUSES)
    shown = [[WORDS[lang][status] for status in STATUSES], [str(number) for _, number in numbers]]
    return table(shown[0], shown[1:])


def floor_of(key: str) -> str:
    """The package of a key that is a floor of its own; empty at the top."""
    return key.partition("/")[0] if "/" in key else ""


def height(key: str) -> int:
    """Where a key stands in reading order; pages of no package come last."""
    return (*FLOORS, floor_of(key)).index(floor_of(key))


def heading(floor: str, root: Path, lang: str) -> str:
    """The heading of a floor, and what it is about."""
    path = f"k8s_ref/{floor}/__init__.py".replace("//", "/")
    about = f"\n\n{Module(root, path).title[lang]}" if (root / path).is_file() else ""
    return f"## `{floor or 'k8s_ref'}` {{ #{floor or 'top'} }}{about}"


def line(row: Row, root: Path, lang: str, here: str) -> list[str]:
    """One behaviour: what upstream does, what it is here, and where."""
    reason = (row.get("reason") or {}).get(lang, "")
    status = f'<span class="k8s-{row["status"]}">{WORDS[lang][row["status"]]}</span>'
    said = f"{status}{WORDS[lang]['colon'] if reason else ''}{cell(reason)}"
    shown = f"{said} {test_link(row['test'], root, lang, here)}" if row.get("test") else said
    return [cell(row[lang]), shown, key_link(row["key"], root, here)]


def test_link(test: str, root: Path, lang: str, here: str) -> str:
    """The way to the line of a test.  As HTML: MkDocs does not know the lines of listings."""
    document = Module(root, test.partition("::")[0]).document
    href = f"../{path_to(document, here).removesuffix('.md')}/#{anchor(line_of(test, root))}"
    return f'<a href="{href}" title="{test.rpartition("::")[2]}">{WORDS[lang]["test"]}</a>'


def key_link(key: str, root: Path, here: str) -> str:
    """A key, with the way to its module, or to its package in the list of all modules."""
    module = Module(root, f"k8s_ref/{key}.py")
    if (root / module.file).is_file():
        return f"[`{key}`]({path_to(module.document, here)})"
    if (root / "k8s_ref" / key).is_dir():
        return f"[`{key}`]({path_to('reference.md', here)}#{key.replace('/', '-')})"
    return f"`{key}`"
