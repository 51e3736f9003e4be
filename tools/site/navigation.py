"""Navigation · 导航

The tree of pages, from folders and titles: a new page appears by itself.  ``mkdocs.yml`` names the
folders, in reading order; within a folder pages stand by ``order``, then by name.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from tools.site.model import Page, Problem
from tools.site.modules import Module
from tools.site.words import WORDS

Section = dict[str, str]
"""A folder of pages: ``folder``, and its title in ``zh`` and ``en``."""


def navigation(
    pages: list[Page], sections: list[Section], code: list[Module], lang: str
) -> list[Any]:
    """The navigation as MkDocs wants it."""
    words = WORDS[lang]
    tree: list[Any] = [{words["home"]: "index.md"}]
    for section in sections:
        members = [page for page in pages if folder_of(page) == section["folder"]]
        # These two have places of their own.
        members = [page for page in members if page.key not in ("index", "reference")]
        members.sort(key=lambda page: (page.order, page.key))
        if members:
            links = [{str(page.title[lang]): f"{page.key}.md"} for page in members]
            tree.append({section[lang]: links})
    reference: list[Any] = [{words["modules"]: "reference.md"}]
    for package, inside in groupby(code, key=lambda module: module.package):
        links = [{module.title[lang]: module.document} for module in inside]
        reference += [{package: links}] if package else links
    return [*tree, {words["reference"]: reference}]


def folder_of(page: Page) -> str:
    """The folder of a page; empty for those at the top."""
    return page.key.rpartition("/")[0]


def check_sections(pages: list[Page], sections: list[Section]) -> list[Problem]:
    """Every folder of pages needs a title."""
    known = {"", *(section["folder"] for section in sections)}
    return [
        Problem(page.path, 1, f"folder {folder_of(page)!r} is in no section; add it to mkdocs.yml")
        for page in pages
        if folder_of(page) not in known
    ]
