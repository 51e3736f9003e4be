"""The walls a machine can check · 机器可以检查的墙

Every check takes the root of a tree and returns messages, ``path:line: what is wrong``, so a
test can run it on this tree and on one that is wrong on purpose.  ``python -m
tests.architecture`` prints what all of them find.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

FLOORS = (
    ("sim",),
    ("machinery",),
    ("etcd",),
    ("apiserver",),
    ("client",),
    ("controllers", "scheduler", "node", "network", "storage", "addons", "edge"),
    ("cluster",),
    ("cli",),
    ("k8s_ref",),
)
"""From the ground up; imports only go down.  The front door stands on the roof: none use it."""

LEVEL = {part: level for level, floor in enumerate(FLOORS) for part in floor}

CEILINGS = {
    ("sim",): 810,
    ("machinery",): 1_850,
    ("etcd",): 1_600,
    ("apiserver",): 13_200,
    ("client",): 720,
    ("controllers",): 4_500,
    ("scheduler",): 2_700,
    ("node",): 3_500,
    ("network",): 2_500,
    ("storage",): 1_300,
    ("addons", "edge"): 1_500,
    ("cluster",): 400,
    ("cli",): 5_300,
    ("k8s_ref",): 80,
}
"""Code lines that these parts may spend together.  A ceiling only ever goes down; what decisions
0002 to 0005 raised, they gave reasons for."""

MODULE_LINES = 400
FUNCTION_LINES = 40
CONCEPT_LINES = 80
"""A module this long is a concept of its own, with a page and notebooks."""

DUE = "tests/pages_due.txt"

OUTSIDE = ("sim", "edge", "cli")
CLOCKS = {"time", "random", "threading", "asyncio", "uuid", "secrets"} | {
    "_thread",
    "_random",
    "concurrent",
    "multiprocessing",
}
"""Time, chance and threads, also by their other names."""

MADE = ("node_modules", "__pycache__", "site", "build", "dist")
"""Folders that the tools make: the first two anywhere, the others at the root."""

MARKS = re.compile(
    r"/(?:work|farm|root)/|/(?:home|Users)/[a-z]|[C]o-Authored-By|\b(?:[T]ODO|[F]IXME|[X]XX)\b"
)
"""Places on somebody's machine, and marks of unfinished work."""


@dataclass(frozen=True)
class Module:
    """One source file of the implementation."""

    shown: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, self.shown)

    @property
    def key(self) -> str:
        """The name of its concept.

        >>> Module("k8s_ref/sim/loop.py", "").key, Module("k8s_ref/sim/__init__.py", "").key
        ('sim/loop', 'sim')
        """
        key = self.shown.removeprefix("k8s_ref/").removesuffix(".py")
        return key.removesuffix("__init__").removesuffix("/")

    @property
    def name(self) -> str:
        """Its name in an import.

        >>> Module("k8s_ref/sim/loop.py", "").name, Module("k8s_ref/__init__.py", "").name
        ('k8s_ref.sim.loop', 'k8s_ref')
        """
        return ".".join(["k8s_ref", *self.key.split("/")]).removesuffix(".")

    @property
    def part(self) -> str:
        """The part of the house it belongs to."""
        return part_of(self.name)

    @cached_property
    def code(self) -> frozenset[int]:
        """The numbers of its lines that are code: not blank, comment or docstring."""
        silent = {number for node in ast.walk(self.tree) for number in docstring_lines(node)}
        return frozenset(
            number
            for number, line in enumerate(self.text.splitlines(), 1)
            if number not in silent and line.strip() and not line.strip().startswith("#")
        )


def part_of(name: str) -> str:
    """The part of the house a dotted name belongs to.

    >>> part_of("k8s_ref.sim.loop"), part_of("k8s_ref.cluster"), part_of("k8s_ref")
    ('sim', 'cluster', 'k8s_ref')
    """
    names = name.split(".")
    return "k8s_ref" if names[1:] in ([], ["__main__"]) else names[1]


def docstring_lines(node: ast.AST) -> Iterator[int]:
    """The lines of strings that stand alone in a body, as docstrings do."""
    body = getattr(node, "body", None)
    for each in body if isinstance(body, list) else []:
        value = each.value if isinstance(each, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from range(each.lineno, (each.end_lineno or 0) + 1)


def modules(root: Path) -> list[Module]:
    """Every module of the implementation, sorted by path."""
    paths = sorted((root / "k8s_ref").rglob("*.py"))
    return [parsed(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]


@cache
def parsed(shown: str, text: str) -> Module:
    """The same module for the same text, so that several checks parse it once."""
    return Module(shown, text)


@dataclass(frozen=True)
class Import:
    """One import of one of our modules; ``typing`` if only a type checker sees it."""

    target: str
    line: int
    typing: bool


def imports(module: Module, known: set[str]) -> list[Import]:
    """What a module imports of this package, anywhere in the file."""
    for_types = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for each in node.body
        for inner in ast.walk(each)
    }
    return [
        Import(target, node.lineno, id(node) in for_types)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for target in targets(node, known)
    ]


def targets(node: ast.Import | ast.ImportFrom, known: set[str]) -> list[str]:
    """The modules of this package that one import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        whole = [f"{node.module}.{alias.name}" for alias in node.names]
        names = [name if name in known else str(node.module) for name in whole]
    return [name for name in dict.fromkeys(names) if name.split(".")[0] == "k8s_ref"]


def floors(root: Path) -> list[str]:
    """Imports only go down, never up and never sideways to another part."""
    house = modules(root)
    known = {module.name for module in house}
    wrong = [f"{m.shown}:1: {m.part} is on no floor" for m in house if m.part not in LEVEL]
    for module in house:
        for each in imports(module, known):
            here, there = module.part, part_of(each.target)
            if here != there and LEVEL.get(there, 99) >= LEVEL.get(here, 99):
                wrong.append(
                    f"{module.shown}:{each.line}: {here} (floor {LEVEL.get(here)}) imports "
                    f"{there} (floor {LEVEL.get(there)}); imports only go down"
                )
    return wrong


def full_paths(root: Path) -> list[str]:
    """No relative imports."""
    return [
        f"{module.shown}:{node.lineno}: relative import; write the full module path"
        for module in modules(root)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def cycles(root: Path) -> list[str]:
    """No module needs itself, however long the way round; what only types need does not count."""
    house = modules(root)
    known = {module.name for module in house}
    graph = {
        module.name: {
            each.target: f"{module.shown}:{each.line}"
            for each in imports(module, known)
            if not each.typing
        }
        for module in house
    }
    found = {}
    for name in sorted(graph):
        way = way_round(graph, name)
        if way and frozenset(way) not in found:
            found[frozenset(way)] = f"{graph[name][way[1]]}: import cycle: {' → '.join(way)}"
    return list(found.values())


def way_round(graph: dict[str, dict[str, str]], start: str) -> list[str]:
    """The shortest way from a module back to itself."""
    ways, seen = [[start]], set()
    for way in ways:
        for target in sorted(graph.get(way[-1], ())):
            if target == start:
                return [*way, start]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []


def sizes(root: Path) -> list[str]:
    """Modules and functions one can read at once, and a ceiling over every floor."""
    wrong = []
    spent = dict.fromkeys(CEILINGS, 0)
    for module in modules(root):
        if len(module.code) > MODULE_LINES:
            wrong.append(f"{module.shown}:1: {len(module.code)} code lines of {MODULE_LINES}")
        wrong += long_functions(module)
        for parts in CEILINGS:
            spent[parts] += len(module.code) * (module.part in parts)
    return wrong + [
        f"k8s_ref/{parts[0]}:1: {' and '.join(parts)}: {spent[parts]} code lines of {ceiling}"
        for parts, ceiling in CEILINGS.items()
        if spent[parts] > ceiling
    ]


def long_functions(module: Module) -> Iterator[str]:
    """Functions with more code lines than one can hold in mind."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = len(module.code & set(range(node.lineno, (node.end_lineno or 0) + 1)))
            if lines > FUNCTION_LINES:
                where = f"{module.shown}:{node.lineno}"
                yield f"{where}: {node.name}: {lines} code lines of {FUNCTION_LINES}"


def clocks(root: Path) -> list[str]:
    """Time, chance and threads come from the loop alone."""
    wrong = []
    for module in modules(root):
        if module.part not in OUTSIDE:
            dates = dates_of(module)
            for node in ast.walk(module.tree):
                for use in clock_uses(node, dates):
                    line = getattr(node, "lineno", 1)
                    wrong.append(f"{module.shown}:{line}: {use}; only the loop may")
    return wrong


def dates_of(module: Module) -> set[str]:
    """The names under which a module knows the classes that can tell today's date."""
    return {"datetime", "date"} | {
        alias.asname or alias.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module == "datetime"
        for alias in node.names
        if alias.name in ("datetime", "date")
    }


def clock_uses(node: ast.AST, dates: set[str]) -> Iterator[str]:
    """How a piece of code reaches for the machine's clock, dice or threads, if it does."""
    if isinstance(node, ast.Import):
        yield from (f"imports {a.name}" for a in node.names if a.name.split(".")[0] in CLOCKS)
    elif isinstance(node, ast.ImportFrom):
        yield from clocks_from(node)
    elif isinstance(node, ast.Call | ast.Subscript):
        yield from clocks_by_string(node)
    elif isinstance(node, ast.Attribute):
        whole = ast.unparse(node)
        owner = whole.split(".")[-2] if "." in whole else ""
        if (owner in dates and node.attr in ("now", "utcnow", "today")) or whole == "os.urandom":
            yield f"uses {whole}"


def clocks_from(node: ast.ImportFrom) -> Iterator[str]:
    """``from random import …``, and a clock borrowed from one of our own modules."""
    source = str(node.module)
    names = {alias.name for alias in node.names}
    if source.split(".")[0] in CLOCKS:
        yield f"imports {source}"
    elif source.split(".")[0] == "k8s_ref":
        yield from (f"imports {name} from {source}" for name in sorted(names & CLOCKS))
    elif source == "os" and "urandom" in names:
        yield "imports os.urandom"


def clocks_by_string(node: ast.Call | ast.Subscript) -> Iterator[str]:
    """``__import__("time")``, ``import_module("time")`` and ``sys.modules["time"]``."""
    if isinstance(node, ast.Call):
        taker, argument = ast.unparse(node.func), node.args[0] if node.args else None
    else:
        taker, argument = ast.unparse(node.value), node.slice
    known = taker.endswith(("__import__", "import_module", "sys.modules"))
    name = argument.value if known and isinstance(argument, ast.Constant) else ""
    if str(name).split(".")[0] in CLOCKS:
        yield f"imports {name}"


def keys(root: Path) -> list[str]:
    """A concept is found under one key: module, page, test, notebook in two languages."""
    pages, wrong = pages_of(root)
    due = due_of(root)
    for module in modules(root):
        concept = len(module.code) >= CONCEPT_LINES
        if concept and not tests_of(root, module.key, pages.get(module.key, module.key)):
            folder, _, name = module.key.rpartition("/")
            wrong.append(f"{module.shown}:1: no test tests/{folder}/test_{name}.py")
        line = due.pop(module.key, 0)
        wrong += page_trouble(root, module, pages.get(module.key), line, concept)
    wrong += [
        f"{DUE}:{line}: there is no module {key}; remove the line" for key, line in due.items()
    ]
    return list(dict.fromkeys(wrong))


def tests_of(root: Path, key: str, page: str) -> list[Path]:
    """The tests of a module, or those of the family whose page explains it."""
    folder, _, name = key.rpartition("/")
    family, _, head = page.replace("-", "_").rpartition("/")
    own = sorted((root / "tests" / folder).glob(f"test_{name}.py"))
    return own or sorted((root / "tests" / family).glob(f"test_{head}*.py"))


def page_trouble(
    root: Path, module: Module, page: str | None, line: int, concept: bool
) -> Iterator[str]:
    """What is wrong with a module's page: ``page`` explains it, ``line`` is where it is due."""
    if page is None and concept and not line:
        yield f"{module.shown}:1: no page docs/{module.key}.md, and no page covers {module.key}"
    elif line and (page or not concept):
        why = f"is explained by docs/{page}.md" if page else "is too small to need a page"
        yield f"{DUE}:{line}: {module.key} {why}; remove the line"
    for language in ("zh", "en") if page else ():
        notebook = f"notebooks/{language}/{page}.ipynb"
        if not (root / notebook).exists():
            yield f"docs/{page}.md:1: no {notebook}; run make notebooks"


def pages_of(root: Path) -> tuple[dict[str, str], list[str]]:
    """The page that explains each key: its own or one that names it under ``covers:``."""
    known = {module.key for module in modules(root)}
    pages, wrong = {}, []
    for path in sorted((root / "docs").rglob("*.md")):
        page = path.relative_to(root / "docs").with_suffix("").as_posix()
        pages[page.replace("-", "_")] = page
        head = re.match(r"---\n(.*?)^---$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        front = yaml.safe_load(head[1]) if head else None
        for key in (front or {}).get("covers", ()):
            pages.setdefault(key, page)
            if key not in known:
                wrong.append(f"docs/{page}.md:1: covers {key}, and there is no such module")
    return pages, wrong


def due_of(root: Path) -> dict[str, int]:
    """The keys whose page is still to be written, with their lines."""
    path = root / DUE
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return {
        line.strip(): number
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    }


def docstrings(root: Path) -> list[str]:
    """A module's first line names it in English and in Chinese."""
    wrong = []
    for module in modules(root):
        first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
        if not re.search(r"\S · .*[\u4e00-\u9fff]", first):
            wrong.append(f"{module.shown}:1: begin the docstring with “English title · 中文名”")
    return wrong


def marks(root: Path) -> list[str]:
    """Nothing in the tree tells whose machine it was written on, or that it is unfinished."""
    wrong = []
    for folder, folders, names in os.walk(root):
        made = MADE if folder == str(root) else MADE[:2]
        folders[:] = sorted(f for f in folders if f not in made and (f[0] != "." or f == ".ci"))
        for name in sorted(names):
            path = Path(folder, name)
            for number, line in enumerate(path.read_bytes().decode("utf-8", "ignore").splitlines()):
                if found := MARKS.search(line):
                    where = f"{path.relative_to(root).as_posix()}:{number + 1}"
                    wrong.append(f"{where}: “{found[0]}” does not belong in the tree")
    return wrong


CHECKS = (floors, full_paths, cycles, sizes, clocks, keys, docstrings, marks)

if __name__ == "__main__":
    found = [message for check in CHECKS for message in check(Path(__file__).parent.parent)]
    print(*found, sep="\n")
    sys.exit(bool(found))
