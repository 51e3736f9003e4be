"""Rows of data · 数据行

Reads the lists in ``docs/*.yml``.  The one idea: a row remembers the line of each of its fields,
so that what is wrong with it can be said as ``file:line``, as with a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.site.model import LANGUAGES, Problem

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader in C, ten times as fast, where PyYAML was built with it."""


@dataclass(slots=True, frozen=True)
class Row:
    """One row: its file as messages name it, its line, its fields and their lines."""

    path: Path
    line: int
    fields: dict[str, Any]
    lines: dict[str, int]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A field that may be missing."""
        return self.fields.get(name, default)

    def wrong(self, text: str, field: str = "") -> Problem:
        """A problem with the row, or with one of its fields."""
        return Problem(self.path, self.lines.get(field, self.line), text)


def rows(root: Path, file: str) -> list[Row]:
    """The rows of a file that is a list of mappings; none if there is no such file."""
    path = root / file
    if not path.exists():
        return []
    loader = LOADER(path.read_text("utf-8"))
    try:
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            node = node.value[0][1]
        inside = node.value if isinstance(node, yaml.SequenceNode) else []
        return [row(Path(file), each, loader) for each in inside]
    finally:
        loader.dispose()


def row(path: Path, node: Any, loader: Any) -> Row:
    """One row; what is no mapping has no fields, and so is found to lack them all."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        return Row(path, line, {}, {})
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    fields: Any = loader.construct_mapping(node, deep=True)
    return Row(path, line, fields, lines)


def demand(found: Row, *fields: str, both: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Fields that every row needs; those in ``both`` in both languages."""
    for name in (*fields, *both):
        value = found.get(name)
        if value is None or value == "":
            yield found.wrong(f"the row needs `{name}:`; add it")
        elif name in both and not (
            isinstance(value, dict) and all(value.get(lang) for lang in LANGUAGES)
        ):
            yield found.wrong(f"`{name}:` needs both `zh:` and `en:`; add what is missing", name)


def cell(text: object) -> str:
    """Text in a cell of a Markdown table.

    >>> cell("a | <b> in `<c>`")
    'a \\\\| &lt;b> in `<c>`'
    """
    parts = re.split(r"(`[^`]*`)", " ".join(str(text).split()))
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts).replace("|", r"\|")


def table(heads: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(heads)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))
