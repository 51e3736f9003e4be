"""The command line of the site · 网站的命令行

Usage, from the root of the project: ``python -m tools.site VERB``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from tools.site import notebooks, web
from tools.site.assemble import Pages, assemble, check_notebooks, run_pages
from tools.site.blocks import pairs
from tools.site.lock import locked, read_lock, write_lock
from tools.site.model import Problem
from tools.site.play import record
from tools.site.project import Project
from tools.site.serve import serve
from tools.site.wheels import MissingError


def check(project: Project) -> int:
    """Run every page and compare everything with what is recorded."""
    print("[1/2] running every page")
    done = run_pages(project, print)
    print("[2/2] comparing the notebooks")
    return conclude(done.problems or check_notebooks(project, done), done)


def update(project: Project) -> int:
    """Record the outputs anew, and show what changed."""
    done = run_pages(project, print)
    for ran in done.plays:
        if not ran.problems and not ran.page.problems:
            for line in record(project.root / ran.page.path, ran):
                print(line)
    fresh = run_pages(project, lambda text: None)
    if not fresh.broken:
        write_notebooks(project, fresh)
    return conclude(fresh.problems, fresh)


def accept(project: Project) -> int:
    """Record that both languages agree; say where somebody should have looked."""
    pages = project.pages()
    if problems := [problem for page in pages for problem in page.problems]:
        return conclude(problems, Pages())
    before = read_lock(project.lock)
    for page in pages:
        for pair in pairs(page):
            if locked(pair) not in before.get(page.key, []):
                print(f"{page.path}:{pair.zh.line}: accepted, with line {pair.en.line}")
    write_lock(project.lock, pages)
    return 0


def make_notebooks(project: Project) -> int:
    """Make the notebooks from the pages."""
    done = run_pages(project, print)
    if done.broken:
        return conclude(done.broken, done)
    write_notebooks(project, done)
    return 0


def write_notebooks(project: Project, done: Pages) -> None:
    """Write the notebooks and say which ones changed."""
    wanted = notebooks.notebooks(done.plays, project.root)
    for name in notebooks.write(wanted, project.notebooks):
        print(f"      {project.shown(project.notebooks)}/{name}")


def make_web(project: Project) -> int:
    """Bring the web parts together."""
    made = web.build_web(project)
    print("      build/web is made" if made else "      build/web is up to date")
    return 0


def build(project: Project) -> int:
    """Everything: pages, web parts, both languages of the site."""
    print("[1/4] web parts", flush=True)
    make_web(project)
    print("[2/4] running every page", flush=True)
    done = run_pages(project, print)
    problems = done.problems or check_notebooks(project, done)
    if problems:
        return conclude(problems, done)
    print("[3/4] writing both languages", flush=True)
    assemble(project, done)
    print("[4/4] mkdocs build --strict, Chinese and English", flush=True)
    return conclude(web.build_site(project), done)


def show_cells(project: Project) -> int:
    """All cells with what they show, for other engines."""
    done = run_pages(project, lambda text: None)
    if done.broken:
        return conclude(done.broken, done)
    print(json.dumps({ran.page.key: ran.cells_as_json() for ran in done.plays if ran.page.cells}))
    return 0


def conclude(problems: list[Problem], done: Pages) -> int:
    """Say what is wrong, or how much is right."""
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"{len(problems)} to mend", file=sys.stderr)
        return 1
    cells = sum(len(page.cells) for page in done.pages)
    print(f"{len(done.pages)} pages, {cells} cells: all is well")
    return 0


VERBS: dict[str, Callable[[Project], int]] = {
    "check": check,
    "update": update,
    "accept": accept,
    "notebooks": make_notebooks,
    "web": make_web,
    "build": build,
    "cells": show_cells,
}


def main(arguments: list[str], project: Project | None = None) -> int:
    """Do what the arguments say; 0 is well, 1 is something to mend, 2 is something missing."""
    project = project or Project()
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, action in VERBS.items():
        verbs.add_parser(name, help=action.__doc__)
    serving = verbs.add_parser("serve", help="Serve the site on this machine.")
    serving.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    try:
        if options.verb == "serve":
            return serve(project.site, options.port)
        return VERBS[options.verb](project)
    except MissingError as missing:
        print(missing, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
