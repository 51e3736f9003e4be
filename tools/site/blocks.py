"""Blocks of prose · 段落

Cuts prose into blocks (headings, paragraphs, lists, tables, admonitions, fences) as Markdown does,
at empty lines.  The one idea: both languages of a page consist of the same blocks in the same
order, so block by block they can be compared, locked, and found again by the language switch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tools.site.model import Cell, Page, Prose, Text

KINDS = (
    ("heading", r"#{1,6} "),
    ("fence", r"```"),
    ("admonition", r"(!!!|\?\?\?\+?) "),
    ("table", r"\|"),
    ("list", r"([-*+]|\d+\.) "),
    ("continuation", r" {4}|\t"),
    ("api", r"::: "),
    ("html", r"<"),
)


@dataclass(slots=True, frozen=True)
class Block:
    """Lines between two empty lines."""

    kind: str
    text: Text


@dataclass(slots=True, frozen=True)
class Pair:
    """The two languages of one block, of a title, or of a comment in code."""

    zh: Text
    en: Text


def blocks(text: Text) -> list[Block]:
    """Cut a region into blocks."""
    found: list[Block] = []
    begin: int | None = None
    fenced = False
    for n, line in enumerate((*text.lines, "")):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if line.strip() and begin is None:
            begin = n
        elif not line.strip() and not fenced and begin is not None:
            found.append(block(Text(text.line + begin, text.lines[begin:n])))
            begin = None
    return found


def block(text: Text) -> Block:
    """A block is named after the way it begins."""
    for kind, pattern in KINDS:
        if re.match(pattern, text.lines[0]):
            return Block(kind, text)
    return Block("paragraph", text)


WIDE = "\u2018-\u201f\u2026\u3000-\u303f\u4e00-\u9fff\uff00-\uffef"
SOFT_BREAK = re.compile(rf"(?<=[{WIDE}])\n *(?=[{WIDE}])")


def joined(text: Text) -> str:
    """Prose whose lines are joined without a space where Chinese meets Chinese."""
    parts, after = [], text.line
    for one in blocks(text):
        body = str(one.text)
        parts.append("\n" * (one.text.line - after))
        parts.append(body if one.kind == "fence" else SOFT_BREAK.sub("", body))
        after = one.text.line + len(one.text.lines) - 1
    return "".join(parts)


def pairs(page: Page) -> Iterator[Pair]:
    """Everything on a page that is said in two languages, in order."""
    yield Pair(page.title["zh"], page.title["en"])
    for part in page.parts:
        if isinstance(part, Cell):
            yield from comment_pairs(part)
        elif isinstance(part, Prose):
            both = zip(blocks(part.zh), blocks(part.en), strict=False)
            yield from (Pair(zh.text, en.text) for zh, en in both)


def comment_pairs(cell: Cell) -> Iterator[Pair]:
    """``#zh`` comments of a cell, each with the ``#en`` comments right after it."""
    groups = comment_groups(cell)
    for (lang, text), (other, translation) in pairwise(groups):
        if (lang, other) == ("zh", "en"):
            yield Pair(text, translation)


def comment_groups(cell: Cell) -> list[tuple[str, Text]]:
    """Runs of neighbouring comment lines of one language."""
    groups: list[tuple[str, Text]] = []
    for number, line in enumerate(cell.source.split("\n"), cell.line + 1):
        found = re.match(r"\s*#(zh|en) ", line)
        if not found:
            continue
        last = groups[-1] if groups else None
        if last and last[0] == found[1] and last[1].line + len(last[1].lines) == number:
            groups[-1] = (found[1], Text(last[1].line, (*last[1].lines, line)))
        else:
            groups.append((found[1], Text(number, (line,))))
    return groups
