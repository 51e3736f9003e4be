"""The project's folders · 项目目录

Where things are below the root, and the pages themselves.  Tests give it another root.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.site.lock import read_lock
from tools.site.model import Page
from tools.site.parity import check_parity
from tools.site.parse import parse

HERE = Path(__file__).resolve().parent.parent.parent


@dataclass(slots=True, frozen=True)
class Project:
    """A root and what lies below it."""

    root: Path = HERE

    @property
    def docs(self) -> Path:
        """The pages, one file for both languages."""
        return self.root / "docs"

    @property
    def lock(self) -> Path:
        """What both languages were when they agreed."""
        return self.docs / "i18n.lock.json"

    @property
    def notebooks(self) -> Path:
        """The notebooks, one tree for each language."""
        return self.root / "notebooks"

    @property
    def build(self) -> Path:
        """What the build makes on its way."""
        return self.root / "build"

    @property
    def site(self) -> Path:
        """The finished site."""
        return self.root / "site"

    def shown(self, path: Path) -> Path:
        """A path as messages show it: from the root."""
        return path.relative_to(self.root)

    def pages(self) -> list[Page]:
        """All pages, parsed, their languages compared."""
        lock = read_lock(self.lock)
        found = []
        for path in sorted(self.docs.rglob("*.md")):
            key = path.relative_to(self.docs).with_suffix("").as_posix()
            page = parse(path, self.shown(path), key)
            check_parity(page, lock.get(key, []))
            found.append(page)
        return found
