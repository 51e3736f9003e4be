"""Modules and their keys · 模块与键

One key, four places: which source, tests and notebook belong to a page, derived from names alone.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.site.model import Page


@dataclass(frozen=True)
class Module:
    """A Python file of the project; ``file`` is its path below the root."""

    root: Path
    file: str

    @property
    def key(self) -> str:
        """The key it has in all four places: ``sim/loop``."""
        return self.file.removeprefix("k8s_ref/").removesuffix(".py")

    @property
    def package(self) -> str:
        """The folder below ``k8s_ref``; empty at the top."""
        return self.key.rpartition("/")[0]

    @property
    def floor(self) -> str:
        """The package that is a floor of its own."""
        return self.package.partition("/")[0]

    @property
    def dotted(self) -> str:
        """Its name in an import."""
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def document(self) -> str:
        """The page of the site that shows it."""
        return f"reference/{self.file.removesuffix('.py')}.md"

    @cached_property
    def text(self) -> str:
        """The whole file."""
        return (self.root / self.file).read_text("utf-8")

    @cached_property
    def title(self) -> dict[str, str]:
        """The first line of its docstring, ``English title · 中文名``, in two."""
        docstring = ast.get_docstring(ast.parse(self.text)) or self.dotted
        english, dot, chinese = docstring.split("\n")[0].rpartition(" · ")
        title = {"en": english if dot else chinese, "zh": chinese}
        return {lang: text.strip().rstrip(".") for lang, text in title.items()}


FLOORS = (
    *("sim", "machinery", "etcd", "apiserver", "client", "controllers", "scheduler", "node"),
    *("network", "storage", "addons", "edge", "", "cli"),
)
"""Packages in reading order; the empty one is the top, above all that it wires together."""


def modules(root: Path) -> list[Module]:
    """The modules of the package in reading order, without the faces of packages."""
    found = [one for one in files(root, "k8s_ref/**/*.py") if "/__" not in one.file]
    return sorted(
        found, key=lambda one: ((*FLOORS, one.floor).index(one.floor), one.package, one.file)
    )


def suites(root: Path) -> list[Module]:
    """The modules of the tests."""
    return files(root, "tests/**/test_*.py")


def files(root: Path, pattern: str) -> list[Module]:
    """Python files below a root."""
    found = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern))
    return [Module(root, file) for file in found]


def sources_of(page: Page, root: Path) -> list[Module]:
    """The modules a page explains: that of its key, and those it says it covers."""
    keys = [page.key.replace("-", "_"), *page.covers]
    found = [Module(root, f"k8s_ref/{key}.py") for key in keys]
    return [module for module in found if (root / module.file).is_file()]


def suite_of(key: str, root: Path) -> Module | None:
    """The tests of a key, if there are any."""
    folder, _, name = key.replace("-", "_").rpartition("/")
    file = f"tests/{folder}/test_{name}.py" if folder else f"tests/test_{name}.py"
    return Module(root, file) if (root / file).is_file() else None


def page_of(module: Module, pages: list[Page]) -> Page | None:
    """The page that explains a module."""
    for page in pages:
        if module.key in (page.key.replace("-", "_"), *page.covers):
            return page
    return None
