"""Where is it? · 它在哪儿

The page that lists every kind, controller, plugin, command and verb with its four places.  The
one idea: the names come from ``k8s-ref where``, which reads them off the cluster's own tables.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from k8s_ref.cli.where import Name, names, suites_of
from tools.site.emit import path_to
from tools.site.ledger import key_link
from tools.site.model import Page
from tools.site.modules import Module
from tools.site.rows import table
from tools.site.words import WORDS


def where(root: Path, pages: list[Page], lang: str, here: str) -> str:
    """A table for each sort of name; modules have a page of their own."""
    words, parts = WORDS[lang], []
    heads = [words["name"], words["key"], words["test"], words["page"], words["notebook"]]
    for sort, members in groupby(names(), key=lambda one: one.sort):
        if sort != "module":
            lines = [line(one, root, pages, lang, here) for one in sorted(members, key=by_name)]
            shown = table(heads, lines)
            parts.append(f"## {words[f'sort-{sort}']} {{ #{sort} }}\n\n{shown}")
    return "\n\n".join(parts)


def by_name(one: Name) -> str:
    """Names stand by the alphabet."""
    return one.name.casefold()


def line(one: Name, root: Path, pages: list[Page], lang: str, here: str) -> list[str]:
    """One name: its key, which leads to the source, and the other three places of that key."""
    page = explaining(one.key, pages)
    return [
        f'<span id="{one.sort}-{one.name.split()[-1].lower()}">`{one.name}`</span>',
        key_link(one.key, root, here),
        " ".join(tests(one.key, page.key if page else one.key, root, here)),
        f"[{page.title[lang]}]({path_to(page.key + '.md', here)})" if page else "",
        notebook(page, lang, here),
    ]


def explaining(key: str, pages: list[Page]) -> Page | None:
    """The page that explains a key; a package is explained where its modules are."""
    for page in pages:
        own = (page.key.replace("-", "_"), *page.covers)
        if any(each == key or each.startswith(f"{key}/") for each in own):
            return page
    return None


def tests(key: str, page: str, root: Path, here: str) -> list[str]:
    """The way to each file of tests."""
    found = [Module(root, suite) for suite in suites_of(key, page, root)]
    return [f"[`{t.file.rpartition('/')[2]}`]({path_to(t.document, here)})" for t in found]


def notebook(page: Page | None, lang: str, here: str) -> str:
    """The notebook of a page that has one."""
    if page is None or not page.cells:
        return ""
    return f"[{WORDS[lang]['notebook']}]({path_to(page.key + '.ipynb', here)}){{ download }}"
