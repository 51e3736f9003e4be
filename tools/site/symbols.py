"""Symbols · 符号

Finds the real code behind a dotted path, so that pages quote code by name and never by line.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True, frozen=True)
class Code:
    """The source of one symbol: its file below the root, its first line, its text."""

    file: str
    line: int
    text: str


def resolve(symbol: str) -> Any:
    """The object of a dotted path; raises ``LookupError`` if there is none.

    >>> resolve("tools.site.symbols.Code").__name__
    'Code'
    """
    parts = symbol.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if not all(part.isidentifier() for part in parts):
            break
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name and not name.startswith(error.name):
                raise
            continue
        try:
            for part in parts[length:]:
                found = inspect.getattr_static(found, part)
        except AttributeError:
            break
        return found
    raise LookupError(f"there is no {symbol}")


def code_of(symbol: str, root: Path) -> Code:
    """The source of a function, class, method or property; raises ``LookupError`` if none."""
    found = resolve(symbol)
    found = inspect.unwrap(getattr(found, "__func__", getattr(found, "fget", found)))
    try:
        lines, first = inspect.getsourcelines(found)
        file = Path(inspect.getsourcefile(found) or "").resolve()
    except (TypeError, OSError):
        raise LookupError(f"{symbol} has no source of its own; quote a function or class") from None
    text = textwrap.dedent("".join(lines)).rstrip()
    return Code(file.relative_to(root.resolve()).as_posix(), max(first, 1), text)
