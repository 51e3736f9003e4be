"""Tooltips · 术语提示

Explains a term where a page says it first.  The extension ``abbr`` of Markdown would do it at
every place, and at none where Chinese characters follow each other; so the terms are found here.
"""

from __future__ import annotations

import html
import re

from tools.site.glossary import said
from tools.site.rows import Row

PROTECTED = (
    r"^```.*?^```|^(?:\#|\||:::|!!!|\?\?\?)[^\n]*"
    r"|`[^`\n]*`|!?\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?|<[^<>]*>|\{[^{}\n]*\}"
)
"""What is no running text: fences, headings, tables, code, links, HTML, attributes."""


class Tooltips:
    """The terms that one page has not said yet, in one language."""

    def __init__(self, known: list[Row], lang: str) -> None:
        self.lang, self.waiting = lang, dict[str, Row]()
        for term in known:
            # A word that means many things is better not explained than explained wrongly.
            if term.get("tooltip", True):
                self.waiting.setdefault(bare(said(term, lang)), term)
        # The longest first: 工作节点 holds 节点.
        longest = sorted(self.waiting, key=len, reverse=True)
        terms = "|".join(map(spelled, longest)) or "(?!)"
        self.pattern = re.compile(f"{PROTECTED}|(?P<term>{terms})", re.M | re.S)

    def mark(self, text: str) -> str:
        """Prose with tooltips at the terms that were not said before."""
        return self.pattern.sub(self.marked, text)

    def marked(self, found: re.Match[str]) -> str:
        """A term with its meaning, if this is the first time."""
        name = next(filter(self.waiting.__contains__, forms(found["term"] or "")), None)
        if name is None:
            return found[0]
        meaning = " ".join(self.waiting.pop(name)["def"][self.lang].split())
        # A backtick would begin code even inside a tag.
        title = html.escape(meaning.replace("`", ""))
        return f'<abbr title="{title}">{found[0]}</abbr>'


def bare(word: str) -> str:
    """A term without what its row adds in brackets.

    >>> bare("连接跟踪（conntrack）"), bare("master (old name)")
    ('连接跟踪', 'master')
    """
    return re.sub(r"\s*[（(].*", "", word)


def spelled(word: str) -> str:
    """The pattern of a term: in English also in the plural, over two lines, or capitalised.

    >>> [bool(re.fullmatch(spelled("work queue"), text)) for text in ("Work\\nqueues", "workqueue")]
    [True, False]
    """
    if not word.isascii():
        return re.escape(word)
    first = f"[{word[0].upper()}{word[0]}]" if word[0].islower() else re.escape(word[0])
    rest = re.escape(word[1:]).replace(r"\ ", r"\s+")
    return rf"(?<![A-Za-z0-9_./-]){first}{rest}(?:s|es)?(?![A-Za-z0-9_/-]|\.\w)"


def forms(text: str) -> list[str]:
    """The terms that a text can be a form of.

    >>> forms("Queues")
    ['Queues', 'queues', 'Queue', 'queue', 'Queu', 'queu']
    """
    words = " ".join(text.split())
    stems = [words, *(words.removesuffix(end) for end in ("s", "es") if words.endswith(end))]
    return [form for stem in stems for form in (stem, stem[:1].lower() + stem[1:])]
