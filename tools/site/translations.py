"""Translated docstrings · 文档字符串的译文

``docs/api.zh.yml`` holds the Chinese of what the API reference says, each entry with the digest
of the English it was made from.  The one idea: a translation that is older than its original is
worse than none, so it is a warning, and warnings stop the strict build.
"""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import Any

import yaml

from tools.site.rows import LOADER

HERE = Path(__file__).resolve().parent.parent.parent
FILE = "docs/api.zh.yml"


class Translations:
    """The entries of the file: ``path: {of: digest, zh: text}``."""

    def __init__(self, root: Path = HERE) -> None:
        path = root / FILE
        entries: Any = yaml.load(path.read_text("utf-8"), LOADER) if path.exists() else None
        self.entries: dict[str, dict[str, str]] = entries or {}
        self.used: set[str] = set()

    def of(self, path: str, english: str) -> tuple[str, str]:
        """What to show for an object's docstring, and what is wrong with its translation."""
        entry = self.entries.get(path)
        if entry is None:
            return english, ""
        self.used.add(path)
        if entry["of"] != digest(english):
            return english, (
                f"{FILE}: the English of {path} changed; translate it again"
                f" and write: of: {digest(english)}"
            )
        return entry["zh"], ""


def digest(english: str) -> str:
    """A short name for a text.

    >>> digest("Let time pass.") == digest("    Let time pass.\\n")
    True
    """
    return hashlib.sha256(inspect.cleandoc(english).strip().encode()).hexdigest()[:8]
