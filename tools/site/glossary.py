"""Glossary · 术语表

One list of terms, ``docs/terms.yml``, gives the glossary, the tooltips of the pages, and the check
that Chinese prose says a term in no other way.  The one idea: what a word means, and how it is
said in the other language, is decided in one place.

A term is kept in English in Chinese prose where its row says ``keep_english``; ``not:`` lists the
ways in which it must not be said in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tools.site.blocks import pairs
from tools.site.model import Page, Problem, Text
from tools.site.parity import CODE
from tools.site.rows import Row, cell, demand, rows, table
from tools.site.words import WORDS

FILE = "docs/terms.yml"


def terms(root: Path) -> list[Row]:
    """All terms, as they stand in the file."""
    return rows(root, FILE)


def problems(root: Path, pages: list[Page]) -> Iterator[Problem]:
    """Rows without what a term needs, keys that stand twice, and words that Chinese must avoid."""
    seen: dict[str, int] = {}
    for term in terms(root):
        yield from demand(term, "key", "en", "zh", both=("def",))
        key = term.get("key")
        if key in seen:
            yield term.wrong(f"term {key} stands in line {seen[key]} too; remove one", "key")
        seen.setdefault(key, term.line)
    yield from avoided(terms(root), pages)


def avoided(known: list[Row], pages: list[Page]) -> Iterator[Problem]:
    """Chinese prose that says a term in a way its row rules out."""
    wrong = {word: term for term in known for word in term.get("not") or ()}
    if not wrong:
        return
    # A wrong word may be part of a right one; and in brackets it explains the English one.
    right = {said(term, "zh") for term in known} - set(wrong)
    longest = sorted({*wrong, *right, *(f"（{word}）" for word in wrong)}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest)))
    for page in pages:
        for text in (pair.zh for pair in pairs(page)):
            for line, word in found_in(text, pattern):
                if word in wrong:
                    say = said(wrong[word], "zh")
                    yield Problem(page.path, line, f"say {say}, not {word} ({FILE})")


def found_in(text: Text, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Where a pattern stands in prose, code aside: line and word."""
    if str(text).lstrip().startswith("```"):
        return
    for line, words in enumerate(text.lines, text.line):
        yield from ((line, found[0]) for found in pattern.finditer(CODE.sub("", words)))


def said(term: Row, lang: str) -> str:
    """How the prose of a language says a term."""
    return str(term["en" if term.get("keep_english") else lang])


# -- The page


def glossary(root: Path, lang: str) -> str:
    """All terms in a table, in the order of the language, each with its anchor."""
    words, other = WORDS[lang], "en" if lang == "zh" else "zh"
    heads = [words["term"], words["other-term"], words["definition"]]
    known = sorted(terms(root), key=lambda term: order(term[lang], lang))
    return table(heads, [line(term, lang, other) for term in known])


def line(term: Row, lang: str, other: str) -> list[str]:
    """One term."""
    # A link to itself: it can be copied, and a narrow screen scrolls to it with the keyboard.
    here = f'<a id="{term["key"]}" href="#{term["key"]}">{cell(term[lang])}</a>'
    there = f'<span lang="{other}">{cell(term[other])}</span>'
    return [here, there, cell(term["def"][lang])]


def order(text: str, lang: str) -> bytes:
    """Where a term stands: by the alphabet, or by the sound of its first character.

    The old Chinese character set has its common characters in the order of pinyin.

    >>> sorted(["租约", "Pod", "调度器", "绑定"], key=lambda text: order(text, "zh"))
    ['Pod', '绑定', '调度器', '租约']
    """
    return text.casefold().encode("gb18030" if lang == "zh" else "utf-8")
