"""The page model · 页面模型

What a page consists of.  The one idea: a page is a list of parts, and every part knows the lines
it came from, so that whatever is wrong can be said as ``file:line: what, and what to do``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LANGUAGES = ("zh", "en")
"""Chinese first: the default of the site."""


@dataclass(slots=True, frozen=True)
class Problem:
    """Something wrong, where it is, and what to do about it."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(slots=True, frozen=True)
class Text:
    """Consecutive lines of a file; ``line`` is the number of the first."""

    line: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(slots=True, frozen=True)
class Prose:
    """A paragraph or more, in both languages."""

    zh: Text
    en: Text

    def __getitem__(self, language: str) -> Text:
        return {"zh": self.zh, "en": self.en}[language]


@dataclass(slots=True, frozen=True)
class Cell:
    """Code that runs: ``line`` is its opening fence, ``end`` its closing one."""

    kind: str
    name: str
    line: int
    end: int
    source: str
    tags: tuple[str, ...] = ()
    output: Text | None = None
    output_end: int = 0
    host: dict[str, str] = field(default_factory=dict)
    """Why it cannot run in a browser, in each language; empty if it can."""

    @property
    def runs(self) -> bool:
        """Whether it runs with the page; an exercise and its solution do not."""
        return self.kind in ("python", "console")

    @property
    def runs_anywhere(self) -> bool:
        """Whether it runs in a browser too."""
        return self.runs and not self.host

    @property
    def recorded(self) -> str:
        """The output the page records."""
        return str(self.output) if self.output else ""

    @property
    def may_raise(self) -> bool:
        """Whether the cell shows an error."""
        return "raises-exception" in self.tags


@dataclass(slots=True, frozen=True)
class Quote:
    """A place where the real code of a symbol is shown."""

    line: int
    symbol: str


@dataclass(slots=True, frozen=True)
class Generated:
    """A place where a list made from the code itself is shown."""

    line: int
    name: str


Part = Prose | Cell | Quote | Generated


@dataclass(slots=True)
class Page:
    """One page: its title in both languages, its parts, and what is wrong with it."""

    path: Path
    key: str
    title: dict[str, Text]
    order: int = 0
    covers: tuple[str, ...] = ()
    parts: list[Part] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def cells(self) -> list[Cell]:
        """The cells, in order."""
        return [part for part in self.parts if isinstance(part, Cell)]

    @property
    def prose(self) -> list[Prose]:
        """The prose, in order."""
        return [part for part in self.parts if isinstance(part, Prose)]

    def wrong(self, line: int, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.path, line, text))
