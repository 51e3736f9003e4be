"""The page parser · 页面解析

Reads a page: jupytext Markdown with ``zh`` and ``en`` regions in pairs, named ``python`` and
``console`` fences, each with the ``output`` it printed, and ``source`` fences that quote a symbol.
The one idea: a page has no other parts, so everything that is none of these is an error with a
line number.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import yaml

from tools.site.model import LANGUAGES, Cell, Generated, Page, Prose, Quote, Text

REGION = re.compile(r'<!-- #region lang="(\w+)" -->\s*$')
END_OF_REGION = "<!-- #endregion -->"
FENCE = re.compile(r"(`{3,})(\w*)\s*(.*?)\s*$")
OPTION = re.compile(r'(\w+)=(?:"([^"]*)"|\[([^\]]*)\])')
TAGS = {"raises-exception", "exercise", "solution"}


def parse(path: Path, shown: Path, key: str) -> Page:
    """Read one page; ``shown`` is the path that problems name."""
    lines = path.read_text("utf-8").split("\n")
    page = Page(shown, key, {})
    start = read_front_matter(page, lines)
    Reader(page, lines, start).read()
    return page


def read_front_matter(page: Page, lines: list[str]) -> int:
    """Read titles and order; return the index of the first line after it."""
    end = lines.index("---", 1) if lines[0] == "---" and "---" in lines[1:] else 0
    head = (yaml.safe_load("\n".join(lines[1:end])) if end else None) or {}
    titles = head.get("title")
    if not isinstance(titles, dict) or not all(titles.get(lang) for lang in LANGUAGES):
        page.wrong(1, "the page needs front matter with `title:` in both `zh:` and `en:`; add it")
        titles = dict.fromkeys(LANGUAGES, page.key)
    for lang in LANGUAGES:
        found = [n for n in range(end) if re.match(rf"\s+{lang}:", lines[n])]
        page.title[lang] = Text(found[0] + 1 if found else 1, (str(titles[lang]),))
    page.order = int(head.get("order", 0))
    page.covers = tuple(head.get("covers", ()))
    return end + 1 if end else 0


class Reader:
    """Walks over the lines of a page, one part at a time."""

    def __init__(self, page: Page, lines: list[str], start: int) -> None:
        self.page, self.lines, self.at = page, lines, start
        self.chinese: Text | None = None
        self.names: set[str] = set()

    def read(self) -> None:
        """Read all parts."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if region := REGION.match(line):
                self.read_region(region[1])
            elif fence := FENCE.match(line):
                self.read_fence(fence[1], fence[2], fence[3])
            elif line.strip():
                self.wrong("text stands outside a region; move it into a zh or an en region")
            self.at += 1
        self.demand_no_chinese_alone()

    def wrong(self, text: str) -> None:
        """Note a problem with the present line."""
        self.page.wrong(self.at + 1, text)

    def take_until(self, end: str, missing: str) -> tuple[str, ...]:
        """The lines between the present one and ``end``; the present line becomes ``end``."""
        begin = self.at + 1
        try:
            self.at = self.lines.index(end, begin)
        except ValueError:
            self.wrong(missing)
            self.at = len(self.lines)
        return tuple(self.lines[begin : self.at])

    # -- Prose

    def read_region(self, lang: str) -> None:
        """A zh region waits for its en region."""
        line = self.at + 1
        if lang not in LANGUAGES:
            self.wrong(f'a region is lang="zh" or lang="en", not {lang!r}')
        if lang != "en":
            self.demand_no_chinese_alone()
        lines = self.take_until(END_OF_REGION, f"the region is never closed; add {END_OF_REGION}")
        text = trimmed(Text(line + 1, lines))
        if lang == "zh":
            self.chinese = text
        elif self.chinese is None:
            self.page.wrong(line, "an en region without a zh region right before it; add that")
        else:
            self.page.parts.append(Prose(self.chinese, text))
            self.chinese = None

    def demand_no_chinese_alone(self) -> None:
        """A zh region must be followed by its en region before anything else comes."""
        if self.chinese is not None:
            line = self.chinese.line - 1
            self.page.wrong(line, "a zh region without an en region right after it; add that")
            self.chinese = None

    # -- Fences

    def read_fence(self, ticks: str, kind: str, options: str) -> None:
        """A cell, an output, or a quotation."""
        self.demand_no_chinese_alone()
        line = self.at + 1
        body = self.take_until(ticks, f"the fence is never closed; add {ticks}")
        if kind in ("python", "console"):
            self.add_cell(kind, line, "\n".join(body), options)
        elif kind == "output":
            self.add_output(Text(line + 1, body))
        elif kind == "source":
            self.page.parts.append(Quote(line + 1, "".join(body).strip()))
        elif kind == "generated":
            self.page.parts.append(Generated(line + 1, "".join(body).strip()))
        else:
            known = "python, console, output, source, generated"
            self.page.wrong(line, f"no fence is called {kind!r} here; there are {known}")

    def add_cell(self, kind: str, line: int, source: str, options: str) -> None:
        """A cell with a name of its own."""
        found = {m[1]: m[2] or m[3] or "" for m in OPTION.finditer(options)}
        name = found.get("name", "")
        tags = tuple(re.findall(r'"([^"]+)"', found.get("tags", "")))
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name in self.names:
            self.page.wrong(
                line, f'the cell needs a name="…" of its own (a-z, 0-9, -), not {name!r}'
            )
        if unknown := set(tags) - TAGS:
            self.page.wrong(line, f"no tag is called {min(unknown)!r}; there are {sorted(TAGS)}")
        self.names.add(name)
        kind = "exercise" if "exercise" in tags else "solution" if "solution" in tags else kind
        host = self.reasons(line, kind, found["host"]) if "host" in found else {}
        self.page.parts.append(Cell(kind, name, line, self.at + 1, source, tags, host=host))

    def reasons(self, line: int, kind: str, text: str) -> dict[str, str]:
        """Why a cell cannot run in a browser, by language."""
        en, _, zh = (part.strip() for part in text.partition(" · "))
        if not en or not zh:
            say = "a host cell says why it cannot run in a browser, in both languages"
            self.page.wrong(line, f'{say}: host="needs a real etcd · 要有真的 etcd"')
        if kind in ("exercise", "solution"):
            text = "only a python or console cell can be for the host; take `host=` away"
            self.page.wrong(line, text)
        return {"en": en, "zh": zh}

    def add_output(self, output: Text) -> None:
        """The recorded output of the cell right before it."""
        last = self.page.parts[-1] if self.page.parts else None
        if not isinstance(last, Cell) or last.output or not last.runs:
            self.page.wrong(
                output.line - 1, "an output must follow the cell it belongs to; move it"
            )
            return
        self.page.parts[-1] = replace(last, output=output, output_end=self.at + 1)


def trimmed(text: Text) -> Text:
    """The text without empty lines at its ends."""
    lines, line = list(text.lines), text.line
    while lines and not lines[0].strip():
        del lines[0]
        line += 1
    while lines and not lines[-1].strip():
        del lines[-1]
    return Text(line, tuple(lines))
