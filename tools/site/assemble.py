"""Assembling the sources of the site · 汇集网站的源文件

Runs every page, says everything that is wrong, and writes the Markdown of both languages, the
reference, notebooks and navigation into ``build/docs``, where the site generator finds them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tools.site import coverage, glossary, host, ledger, listing, notebooks
from tools.site.emit import Edition
from tools.site.lock import drift
from tools.site.model import LANGUAGES, Generated, Page, Problem, Quote
from tools.site.modules import modules, suites
from tools.site.navigation import Section, check_sections, navigation
from tools.site.play import Play, compare, play
from tools.site.project import Project
from tools.site.reference import chinese_words, generators, reference_pages
from tools.site.symbols import code_of

Say = Callable[[str], None]


@dataclass(slots=True)
class Pages:
    """All pages, run."""

    plays: list[Play] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def pages(self) -> list[Page]:
        """The pages themselves."""
        return [done.page for done in self.plays]

    @property
    def broken(self) -> list[Problem]:
        """Problems that leave a page without a meaning: it cannot be shown or recorded."""
        return [p for done in self.plays for p in (*done.page.problems, *done.problems)]


def run_pages(project: Project, say: Say) -> Pages:
    """Parse and run every page; note everything that is wrong."""
    done = Pages()
    for page in project.pages():
        ran = play(page)
        done.plays.append(ran)
        say(f"      {page.key}: {len(page.cells)} cells")
    for page in done.pages:
        check_symbols(page, project)
        check_tabs(page)
    done.problems += done.broken
    done.problems += [problem for ran in done.plays for problem in compare(ran)]
    done.problems += host.problems(done.plays)
    done.problems += drift(project.lock, project.shown(project.lock), done.pages)
    done.problems += check_sections(done.pages, sections(project))
    done.problems += check_data(project, done.pages)
    return done


def check_data(project: Project, pages: list[Page]) -> list[Problem]:
    """The lists from which pages are made say nothing that is not so."""
    found: list[Problem] = []
    for one in (glossary, ledger, coverage):
        try:
            found += one.problems(project.root, pages)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            found.append(Problem(Path(one.FILE), line, f"this is not YAML: {error.problem}"))
    return found


def check_symbols(page: Page, project: Project) -> None:
    """Every quoted symbol exists."""
    known = generators(project.root, [])
    for part in page.parts:
        if isinstance(part, Generated) and part.name not in known:
            page.wrong(part.line, f"nothing generates {part.name!r}; there is {', '.join(known)}")
        if isinstance(part, Quote):
            try:
                code_of(part.symbol, project.root)
            except LookupError as error:
                page.wrong(part.line, f"{error.args[0]}; correct the name")


def check_tabs(page: Page) -> None:
    """Markdown makes spaces of tabs, so a reader would run other code than we did."""
    for cell in page.cells:
        if "\t" in cell.source:
            page.wrong(cell.line, f"there is a tab in cell {cell.name!r}; write \\t or spaces")


def sections(project: Project) -> list[Section]:
    """The folders of pages, as ``mkdocs.yml`` names them."""
    return list(yaml.load(config_text(project), Loader=Plain)["extra"]["sections"])


def config_text(project: Project) -> str:
    """The configuration of the site generator."""
    return (project.root / "mkdocs.yml").read_text("utf-8")


class Plain(yaml.SafeLoader):
    """Reads ``mkdocs.yml`` without running what its tags name."""


Plain.add_multi_constructor("!", lambda loader, suffix, node: None)
Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def check_notebooks(project: Project, done: Pages) -> list[Problem]:
    """Notebooks that are not what their pages make."""
    wanted = notebooks.notebooks(done.plays, project.root)
    return notebooks.stale(wanted, project.notebooks, project.shown(project.notebooks))


def assemble(project: Project, done: Pages) -> None:
    """Write everything the site generator reads."""
    out = project.build / "docs"
    books = notebooks.notebooks(done.plays, project.root)
    for lang in LANGUAGES:
        wanted = dict(documents(project, done, lang))
        wanted |= {n.removeprefix(f"{lang}/"): t for n, t in books.items() if n.startswith(lang)}
        mirror(wanted, out / lang)
    listing.write([*modules(project.root), *suites(project.root)], out / "listings")
    code, titles = modules(project.root), sections(project)
    trees: dict[str, Any] = {x: navigation(done.pages, titles, code, x) for x in LANGUAGES}
    (out / "navigation.json").write_text(json.dumps(trees, ensure_ascii=False, indent=1), "utf-8")
    (out / "words.txt").write_text(chinese_words(project.root), "utf-8")


def documents(project: Project, done: Pages, lang: str) -> Iterator[tuple[str, str]]:
    """Every Markdown file of one language."""
    known = glossary.terms(project.root)
    edition = Edition(lang, project.root, generators(project.root, done.pages), known)
    for ran in done.plays:
        yield f"{ran.page.key}.md", edition.page(ran)
    yield from reference_pages(edition, done.pages).items()


def mirror(wanted: dict[str, str], folder: Path) -> None:
    """Make a folder hold these files and no others; files that are the same are not touched."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
