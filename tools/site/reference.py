"""The reference · 参考页

Pages made from the code itself: every module with its API and its whole text, every file of
tests, and the list of all modules.  Nobody writes them, so they cannot be out of date.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from tools.site import host
from tools.site.coverage import coverage
from tools.site.emit import Edition, Generator, front_matter, path_to
from tools.site.glossary import glossary, terms
from tools.site.ledger import ledger
from tools.site.listing import place
from tools.site.model import Page
from tools.site.modules import Module, modules, page_of, suite_of, suites
from tools.site.where import where
from tools.site.words import WORDS


def reference_pages(edition: Edition, pages: list[Page]) -> dict[str, str]:
    """Every generated page of one language: its path and its Markdown."""
    made = {m.document: module_page(m, edition, pages) for m in modules(edition.root)}
    made |= {m.document: test_page(m, edition, pages) for m in suites(edition.root)}
    return made


def module_page(module: Module, edition: Edition, pages: list[Page]) -> str:
    """A module: what it offers, then the whole file."""
    words, title = edition.words, module.title[edition.lang]
    explained, test = page_of(module, pages), suite_of(module.key, edition.root)
    here = module.document.removesuffix(".md")
    links = [
        f"[{words['page']}]({path_to(explained.key + '.md', here)})" if explained else "",
        edition.links(here, "test", [test] if test else []),
        edition.other_language(here),
    ]
    return "\n\n".join(
        [
            front_matter(title=title, search={"exclude": True}) + f"# {title} {{ #module }}",
            edition.places_line(module.key, links),
            f"::: {module.dotted}",
            f"## {words['whole']} {{ #source }}",
            place(module),
        ]
    )


def test_page(module: Module, edition: Edition, pages: list[Page]) -> str:
    """A file of tests, as it is."""
    here = module.document.removesuffix(".md")
    key = module.file.removeprefix("tests/").replace("test_", "").removesuffix(".py")
    source = Module(edition.root, f"k8s_ref/{key}.py")
    sources = [source] if (edition.root / source.file).is_file() else []
    found = page_of(source, pages)
    links = [
        f"[{edition.words['page']}]({path_to(found.key + '.md', here)})" if found else "",
        edition.links(here, "source", sources),
        edition.other_language(here),
    ]
    name = module.file.rpartition("/")[2]
    head = front_matter(title=name, search={"exclude": True}) + f"# {name} {{ #tests }}"
    return "\n\n".join([head, edition.places_line(module.file, links), place(module)])


def generators(root: Path, pages: list[Page]) -> dict[str, Generator]:
    """What the ``generated`` fences of pages can show."""
    return {
        "modules": lambda lang, key: module_tables(root, pages, lang, key),
        "glossary": lambda lang, key: glossary(root, lang),
        "ledger": lambda lang, key: ledger(root, lang, key),
        "host": lambda lang, key: host.listed(pages, lang, key),
        "where": lambda lang, key: where(root, pages, lang, key),
        "coverage": lambda lang, key: coverage(root, pages, lang, key),
    }


def module_tables(root: Path, pages: list[Page], lang: str, key: str) -> str:
    """All modules, a table for each package."""
    words, parts = WORDS[lang], []
    for package, members in groupby(modules(root), key=lambda m: m.package):
        title = Module(root, f"k8s_ref/{package}/__init__.py".replace("//", "/")).title[lang]
        rows = [
            f"## `{f'k8s_ref/{package}'.rstrip('/')}/` {{ #{package.replace('/', '-') or 'top'} }}",
            f"\n{title}\n",
            f"| {words['module']} | {words['title']} | {words['page']} |\n|---|---|---|",
        ]
        rows += [module_row(module, pages, lang, key) for module in members]
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def module_row(module: Module, pages: list[Page], lang: str, key: str) -> str:
    """One module in the list of all."""
    page = page_of(module, pages)
    shown = f"[{page.title[lang]}]({path_to(page.key + '.md', key)})" if page else ""
    name = module.file.rpartition("/")[2]
    return f"| [`{name}`]({path_to(module.document, key)}) | {module.title[lang]} | {shown} |"


def chinese_words(root: Path) -> str:
    """Names of modules and terms, one a line: words that the search must not cut.

    The search completes what was typed, and so 调度 finds 调度器; but 节点 would not find 工作节点,
    which therefore may be cut.
    """
    said = [*(module.title["zh"] for module in modules(root)), *(t["zh"] for t in terms(root))]
    found = {word for text in said for word in re.findall("[\u4e00-\u9fff]{2,}", text)}
    whole = (word for word in found if not any(other in word[1:] for other in found))
    return "".join(f"{word}\n" for word in sorted(whole))
