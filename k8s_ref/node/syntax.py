"""Shell syntax · shell 语法

A script becomes a tree: words are cut at blanks and operators but keep their quotes and dollars,
which mean something only when the command runs.  Recursive descent, one function a construct.

Upstream: none; POSIX.1-2024, Shell Command Language, 2.10 Shell Grammar
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

_QUOTED = r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\."""
DOLLAR = (
    r"\$\(\((?:[^()]|\([^()]*\))*\)\)|\$\((?:[^()]|\([^()]*\))*\)"
    r"|\$\{[^}]*\}|\$[A-Za-z_]\w*|\$[?$]"
)
"""What a dollar begins: arithmetic, a command's output, a variable."""

_TOKEN = re.compile(
    rf"(?:[ \t\r]|\\\n|#[^\n]*)*(?:(?P<redirect>\d?(?:>>|>&\d|>|<))"
    rf"|(?P<word>(?:{_QUOTED}|{DOLLAR}|\$|[^\s;&|<>()'\"\\$])+)"
    r"|(?P<operator>&&|\|\||[;&|<>()\n])|(?P<bad>\S)|$)",
    re.ASCII | re.DOTALL,
)
PIECE = re.compile(rf"(?P<quoted>{_QUOTED})|(?P<dollar>{DOLLAR})|(?P<plain>.)", re.DOTALL)
"""The pieces of a word."""

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)
"""A word that sets a variable."""

_RESERVED = ("do", "done", "then", "elif", "else", "fi")
_SEPARATORS = (("operator", ";"), ("operator", "\n"))
_LOGICAL = (("operator", "&&"), ("operator", "||"))


class ShellSyntaxError(Exception):
    """The script is not one this shell can read."""


Node: TypeAlias = "Simple | Sequence | Logical | Loop | For | If"


@dataclass(slots=True, frozen=True)
class Simple:
    """A command and its words, still with quotes and dollars."""

    words: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...] = ()
    """Where its output goes or its input comes from: ``("2>", "/tmp/errors")``."""


@dataclass(slots=True, frozen=True)
class Sequence:
    """One after the other: ``a; b``."""

    items: tuple[Node, ...]


@dataclass(slots=True, frozen=True)
class Logical:
    """``a && b`` or ``a || b``."""

    left: Node
    operator: str
    right: Node


@dataclass(slots=True, frozen=True)
class Loop:
    """``while`` (or ``until``) a list succeeds."""

    until: bool
    condition: Node
    body: Node


@dataclass(slots=True, frozen=True)
class For:
    """Once for each word."""

    name: str
    words: tuple[str, ...]
    body: Node


@dataclass(slots=True, frozen=True)
class If:
    """One branch or the other."""

    condition: Node
    then: Node
    otherwise: Node


def parse(script: str) -> Node:
    """The tree of a script, or :class:`ShellSyntaxError`.

    >>> parse("exit 1")
    Sequence(items=(Simple(words=('exit', '1'), redirects=()),))
    """
    return _Parser(script).parse()


class _Parser:
    def __init__(self, script: str) -> None:
        self.tokens = [(m.lastgroup or "end", m[m.lastgroup or 0]) for m in _TOKEN.finditer(script)]
        self.tokens.append(("end", "end of file"))
        self.at = 0

    def parse(self) -> Node:
        tree = self._list(least=0)
        if self._peek()[0] != "end":
            self._fail()
        return tree

    def _list(self, least: int = 1) -> Node:
        """Commands up to a reserved word that closes something, or to the end."""
        items: list[Node] = []
        self._skip_separators()
        while self._begins():
            items.append(self._logical())
            if self._peek()[0] == "operator" and self._peek() not in _SEPARATORS:
                self._fail()
            self._skip_separators()
        if len(items) < least:
            self._fail()
        return Sequence(tuple(items))

    def _logical(self) -> Node:
        node = self._command()
        while (token := self._peek()) in _LOGICAL:
            self.at += 1
            while self._peek() == ("operator", "\n"):
                self.at += 1
            node = Logical(node, token[1], self._command())
        return node

    def _command(self) -> Node:
        text = self._peek()[1]
        if not self._begins():
            self._fail()
        if text in ("while", "until"):
            self.at += 1
            condition = self._list()
            return Loop(text == "until", condition, self._body())
        if text == "for":
            return self._for()
        if text == "if":
            self.at += 1
            return self._if()
        return self._simple()

    def _begins(self) -> bool:
        """Whether a command can begin here."""
        kind, text = self._peek()
        return kind == "redirect" or (kind == "word" and text not in _RESERVED)

    def _simple(self) -> Node:
        words, redirects = list(self._words()), []
        while self._peek()[0] == "redirect":
            operator = self._peek()[1]
            self.at += 1
            target = ""
            if "&" not in operator:
                if self._peek()[0] != "word":
                    self._fail()
                target = self._peek()[1]
                self.at += 1
            redirects.append((operator, target))
            words += self._words()
        return Simple(tuple(words), tuple(redirects))

    def _for(self) -> Node:
        _, name, *words = (*self._words(), "")
        if words[:1] != ["in"]:
            self._fail()
        self._skip_separators()
        return For(name, tuple(words[1:-1]), self._body())

    def _if(self) -> Node:
        condition = self._list()
        self._expect("then")
        then = self._list()
        if self._peek()[1] == "elif":
            self.at += 1
            return If(condition, then, self._if())
        otherwise: Node = Sequence(())
        if self._peek()[1] == "else":
            self.at += 1
            otherwise = self._list()
        self._expect("fi")
        return If(condition, then, otherwise)

    def _body(self) -> Node:
        self._expect("do")
        body = self._list()
        self._expect("done")
        return body

    def _words(self) -> tuple[str, ...]:
        start = self.at
        while self._peek()[0] == "word":
            self.at += 1
        return tuple(text for _, text in self.tokens[start : self.at])

    def _skip_separators(self) -> None:
        while self._peek() in _SEPARATORS:
            self.at += 1

    def _expect(self, text: str) -> None:
        if self._peek() != ("word", text):
            self._fail()
        self.at += 1

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at]

    def _fail(self) -> NoReturn:
        text = {"\n": "newline", "": "end of file"}.get(self._peek()[1], self._peek()[1])
        raise ShellSyntaxError(f'syntax error: unexpected "{text}"')
