"""Emitting Markdown · 生成 Markdown

Writes a page as plain Markdown in one language, with its outputs, for the site generator.  The
one idea: all that is special happens here; what comes out needs only standard extensions, so
the generator can be replaced.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from k8s_ref.cli.cellrun import as_html, digest
from tools.site.blocks import joined
from tools.site.listing import anchor
from tools.site.model import Cell, Generated, Page, Part, Prose, Quote
from tools.site.modules import Module, sources_of, suite_of
from tools.site.play import Play
from tools.site.rows import Row
from tools.site.symbols import code_of
from tools.site.tooltips import Tooltips
from tools.site.words import WORDS

Generator = Callable[[str, str], str]
"""Makes Markdown for a ``generated`` fence: (language, key of the page) → text."""


class Edition:
    """Pages in one language."""

    def __init__(
        self, lang: str, root: Path, generators: dict[str, Generator], terms: list[Row]
    ) -> None:
        self.lang, self.root, self.generators, self.terms = lang, root, generators, terms
        self.words = WORDS[lang]

    def page(self, done: Play) -> str:
        """A whole page."""
        page = done.page
        self.tooltips = Tooltips(self.terms, self.lang)
        parts = [self.part(part, done) for part in page.parts]
        places = self.places(page)
        body = "\n\n".join(part for part in parts if part)
        if places:
            body = re.sub(r"^(# .*)$", lambda m: f"{m[1]}\n\n{places}", body, count=1, flags=re.M)
        head = front_matter(title=str(page.title[self.lang]), search={"boost": 2})
        return head + body + "\n"

    def part(self, part: Part, done: Play) -> str:
        """One part of a page."""
        if isinstance(part, Prose):
            return self.tooltips.mark(joined(part[self.lang]))
        if isinstance(part, Quote):
            return self.quote(part, done.page.key)
        if isinstance(part, Generated):
            return self.generators[part.name](self.lang, done.page.key)
        if part.kind == "solution":
            return self.solution(part)
        return self.cell(part, done)

    # -- Cells

    def cell(self, cell: Cell, done: Play) -> str:
        """A cell with the output it showed; the page's script adds its buttons."""
        outputs = done.outputs.get(cell.name, [])
        facts = {"kind": cell.kind, "name": cell.name, "digest": digest(outputs)}
        if cell.may_raise:
            facts["raises"] = "yes"
        if cell.host:
            facts["host"] = "yes"
        data = " ".join(f'data-{name}="{value}"' for name, value in facts.items())
        script = cell.source if cell.kind == "console" else ""
        # Whoever searches looks for what is explained, not for what was printed.
        shown = '<div class="k8s-output" data-search-exclude role="group"'
        shown += f' aria-label="{self.words["output"]}">'
        shown += as_html(outputs, script) + "</div>"
        place = f'id="cell-{cell.name}" ' if cell.host else ""
        head = f'<div class="k8s-cell" {place}{data} markdown="1">'
        bar = self.reason(cell) if cell.host else ""
        return "\n\n".join(part for part in (head, self.code(cell), bar, shown, "</div>") if part)

    def reason(self, cell: Cell) -> str:
        """Why there is no button."""
        why = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(cell.host[self.lang]))
        return f'<p class="k8s-bar k8s-host">{self.words["host"]}{why}</p>'

    def code(self, cell: Cell) -> str:
        """What a cell runs.  A transcript repeats its script, which waits for the editor."""
        if cell.kind == "console":
            return f'<pre class="k8s-script" hidden>{escaped(cell.source)}</pre>'
        return fence(localized(cell.source, self.lang), "python")

    def solution(self, cell: Cell) -> str:
        """A solution, closed until the reader opens it."""
        head = f'<details class="k8s-solution" markdown="1"><summary>{self.words["solution"]}'
        code = fence(localized(cell.source, self.lang), "python")
        return f"{head}</summary>\n\n{code}\n\n</details>"

    # -- Code and places

    def quote(self, quote: Quote, key: str) -> str:
        """The real code of a symbol, with its line numbers and the way to its place."""
        code = code_of(quote.symbol, self.root)
        shown = fence(code.text, f'{{ .python title="{code.file}" linenums="{code.line}" }}')
        up, where = "../" * (key.count("/") + 1), code.file.removesuffix(".py")
        # As HTML: MkDocs does not know the lines, which are put in when it is done.
        href = f"{up}reference/{where}/#{anchor(code.line)}"
        link = f'<p><a href="{href}"><code>{quote.symbol}</code></a></p>'
        head = '<div class="k8s-quote" data-search-exclude markdown="1">'
        return f"{head}\n\n{shown}\n\n{link}\n\n</div>"

    def places(self, page: Page) -> str:
        """Where the other things of the same key are; only what exists."""
        sources = sources_of(page, self.root)
        keys = [page.key, *(module.key for module in sources)]
        tests = [test for key in dict.fromkeys(keys) if (test := suite_of(key, self.root))]
        if page.key == "index" or not (sources or tests or page.cells):
            return ""
        links = [self.links(page.key, "source", sources), self.links(page.key, "test", tests)]
        if page.cells:
            name = page.key.rpartition("/")[2]
            links.append(f"[{self.words['notebook']}]({name}.ipynb){{ download }}")
        links.append(self.other_language(page.key))
        return self.places_line(page.key, links)

    def places_line(self, key: str, links: list[str]) -> str:
        """The line below a title."""
        shown = " · ".join(link for link in [f"`{key}`", *links] if link)
        return f'{shown}\n{{ .k8s-places title="{self.words["places"]}" }}'

    def links(self, key: str, word: str, targets: list[Module]) -> str:
        """One link with the word, or the word and a link for each."""
        at = "#source" if word == "source" else ""
        if len(targets) <= 1:
            link = f"[{self.words[word]}]"
            return "".join(f"{link}({path_to(t.document, key)}{at})" for t in targets)
        each = [f"[{t.file.rpartition('/')[2]}]({path_to(t.document, key)}{at})" for t in targets]
        return f"{self.words[word]} " + " ".join(each)

    def other_language(self, key: str) -> str:
        """The same page in the other language; written as HTML, it lies outside this build."""
        other = "en" if self.lang == "zh" else "zh"
        up = "../" * (key.count("/") + 2)
        name = self.words["other"]
        return f'<a href="{up}{other}/{key}/" hreflang="{other}" lang="{other}">{name}</a>'


def front_matter(**head: object) -> str:
    """The head of an emitted page."""
    return f"---\n{yaml.safe_dump(head, allow_unicode=True, sort_keys=True)}---\n\n"


def fence(code: str, info: str) -> str:
    """A fence long enough for what it holds."""
    longest = max((len(ticks) for ticks in re.findall(r"^\s*(`{3,})", code, re.M)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{info}\n{code}\n{ticks}"


def localized(code: str, lang: str) -> str:
    """Code with the comments of one language.

    >>> print(localized("#zh 一\\n#en one\\nx = 1", "en"))
    # one
    x = 1
    """
    other = "en" if lang == "zh" else "zh"
    kept = [line for line in code.split("\n") if not re.match(rf"\s*#{other} ", line)]
    return "\n".join(re.sub(rf"^(\s*)#{lang} ", r"\1# ", line) for line in kept)


def escaped(text: str) -> str:
    """Text inside HTML inside Markdown."""
    return html.escape(text).replace("`", "&#96;")


def path_to(document: str, key: str) -> str:
    """The path from the page of a key to another document.

    >>> path_to("reference/k8s_ref/sim/loop.md", "sim/loop")
    '../reference/k8s_ref/sim/loop.md'
    """
    return os.path.relpath(document, os.path.dirname(key) or ".").replace(os.sep, "/")
