"""Where is it? · 它在哪儿

Finds the key of a name a person knows: a kind, a controller, a scheduler plugin, a command of
kubectl, a verb of the console or a module.  The one idea: nobody keeps this list; it is read off
the tables by which the cluster itself is put together, so it names what is there and nothing else.

Upstream: none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from k8s_ref.apiserver.registry import Registry
from k8s_ref.apiserver.server import APIServer
from k8s_ref.cli import console
from k8s_ref.cli.kubectl import COMMANDS
from k8s_ref.client.client import Client
from k8s_ref.cluster import CONTROLLERS
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.mvcc import Store
from k8s_ref.machinery.kinds import KINDS, Kind
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.sim.loop import Loop

ROOT = Path(__file__).resolve().parents[2]
"""The project, where the pages and tests are; an installed package has none beside it."""

SORTS = ("kind", "controller", "plugin", "kubectl", "console", "module")
"""What a name can name; when it could be several, the first counts."""


@dataclass(slots=True, frozen=True)
class Name:
    """One name and the key of the module that is behind it."""

    sort: str
    name: str
    key: str
    aliases: tuple[str, ...] = ()


class Unknown(LookupError):  # noqa: N818
    """Nothing has this name; ``near`` are the names most like it."""

    def __init__(self, name: str, near: list[str]) -> None:
        super().__init__(f"{name!r}; near: {', '.join(near)}")
        self.near = near


def find(text: str) -> Name:
    """What a person means; capitals do not matter.

    >>> find("rs").key, find("replicaset-controller").key, find("kubectl get").key
    ('controllers/replicaset', 'controllers/replicaset', 'cli/kubectl/get')
    """
    wanted = " ".join(text.split()).casefold()
    index: dict[str, Name] = {}
    for one in names():
        for word in (one.name, *one.aliases):
            index.setdefault(word.casefold(), one)
    if wanted in index:
        return index[wanted]
    near = difflib.get_close_matches(wanted, index, n=5, cutoff=0)
    raise Unknown(text, list(dict.fromkeys(index[word].name for word in near))[:3])


@cache
def names() -> tuple[Name, ...]:
    """Everything that can be asked for, sort by sort."""
    return (*_kinds(), *_controllers(), *_plugins(), *_commands(), *_verbs(), *_modules())


def _kinds() -> Iterator[Name]:
    """The kinds that the API server keeps a registry for."""
    kept = APIServer(Embedded(Store()), Loop()).registries
    seen = set()
    for kind in (kind for kind in KINDS if kind.gvk in kept):
        if kind.kind not in seen:
            aliases = (kind.plural, kind.singular, *kind.short_names, kind.resource)
            yield Name("kind", kind.kind, _key_of_kind(kind), aliases)
        seen.add(kind.kind)


def _key_of_kind(kind: Kind) -> str:
    """Its controller, else a module named after it, else the registry that keeps every kind."""
    own = [key_of(each) for each in CONTROLLERS if getattr(each, "kind", "") == kind.kind]
    for name in (kind.singular, f"validation_{kind.singular}", kind.plural):
        own += [key for key in _keys() if key.count("/") == 1 and key.endswith(f"/{name}")]
    return [*own, key_of(Registry)][0]


def _controllers() -> Iterator[Name]:
    for each in CONTROLLERS:
        yield Name("controller", each.__name__, key_of(each), (each.name,))


def _plugins() -> Iterator[Name]:
    # A plugin is only asked for its name here; none of them makes a call.
    for plugin, _ in default_profile(cast(Client, object())):
        yield Name("plugin", plugin.name, key_of(type(plugin)))


def _commands() -> Iterator[Name]:
    for name, command in sorted(COMMANDS.items()):
        yield Name("kubectl", f"kubectl {name}", key_of(command.run), (name,))


def _verbs() -> Iterator[Name]:
    for verb, does in console.VERBS.items():
        yield Name("console", verb, key_of(does))


def _modules() -> Iterator[Name]:
    for key in _keys():
        yield Name("module", key, key, (key.rpartition("/")[2],))


@cache
def _keys() -> tuple[str, ...]:
    """The keys of all modules, those with the shortest path first."""
    package = Path(__file__).resolve().parents[1]
    paths = (path.relative_to(package).with_suffix("").as_posix() for path in package.rglob("*.py"))
    return tuple(sorted((p for p in paths if "__" not in p), key=lambda p: (p.count("/"), p)))


def key_of(thing: Any) -> str:
    """The key of the module in which a class or function stands.

    >>> key_of(Name)
    'cli/where'
    """
    module: str = thing.__module__
    return module.removeprefix("k8s_ref.").replace(".", "/")


# -- The places of a key


def places(key: str, lang: str, root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """The file of a key, then its page, tests and notebook, as far as they are there."""
    package = (Path(__file__).parents[1] / key).is_dir()
    yield "module", f"k8s_ref/{key}/__init__.py" if package else f"k8s_ref/{key}.py"
    page = page_of(key, root)
    if page:
        yield "page", f"docs/{page}.md"
    yield from (("test", suite) for suite in suites_of(key, page or key, root))
    notebook = f"notebooks/{lang}/{page}.ipynb"
    if (root / notebook).exists():
        yield "notebook", notebook


def page_of(key: str, root: Path) -> str:
    """The page that explains a key: its own, or the one that says it covers it."""
    docs = root / "docs"
    for path in sorted(docs.rglob("*.md")):
        page = path.relative_to(docs).with_suffix("").as_posix()
        own = [page.replace("-", "_"), *covers(path.read_text("utf-8"))]
        # A package is explained where its modules are.
        if any(each == key or each.startswith(f"{key}/") for each in own):
            return page
    return ""


def covers(page: str) -> list[str]:
    """What the head of a page says it covers.

    >>> covers("---\\ncovers: [sim/trace]\\n---\\n# Time")
    ['sim/trace']
    """
    head = re.match(r"---\n(.*?)^---$", page, re.DOTALL | re.MULTILINE)
    return list((yaml.safe_load(head[1]) or {}).get("covers", ())) if head else []


def suites_of(key: str, page: str, root: Path) -> list[str]:
    """The tests of a key, or those of the family whose page explains it."""
    folder, _, name = f"tests/{key}".rpartition("/")
    family, _, head = f"tests/{page.replace('-', '_')}".rpartition("/")
    own = sorted((root / folder).glob(f"test_{name}.py"))
    found = own or sorted((root / family).glob(f"test_{head}*.py"))
    return [path.relative_to(root).as_posix() for path in found]
