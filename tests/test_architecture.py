"""The house stands, and its walls would be missed · 架构之墙"""

import json
import shutil
from pathlib import Path

import pytest

from tests.architecture import (
    CHECKS,
    DUE,
    clocks,
    cycles,
    docstrings,
    floors,
    full_paths,
    keys,
    marks,
    sizes,
)

ROOT = Path(__file__).parent.parent
LONG = "".join(f"value_{n} = {n}\n" for n in range(90))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_this_tree_has_nothing_wrong(check):
    if wrong := check(ROOT):
        pytest.fail("\n".join(wrong), pytrace=False)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """This tree, as far as the checks look at it."""
    root = tmp_path_factory.mktemp("copy")
    for pattern in ("k8s_ref/**/*.py", "docs/**/*.md", "tests/**/*.py", "notebooks/**/*.ipynb"):
        for path in ROOT.glob(pattern):
            target = root / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    (root / DUE).write_text("", "utf-8")
    return root


@pytest.fixture(scope="module")
def before(copied):
    """What each check says of the copy as it is."""
    return {check: set(check(copied)) for check in CHECKS}


@pytest.fixture
def house(copied, before, tmp_path):
    """A copy of the tree that a test may spoil."""
    shutil.copytree(copied, tmp_path, dirs_exist_ok=True)
    return House(tmp_path, before)


class House:
    """A tree to spoil: ``write`` changes it, ``new`` tells what a check finds since then."""

    def __init__(self, root, before):
        self.root, self.before = root, before

    def write(self, path, text):
        """Writes one file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def append(self, path, line):
        """Adds a line at the end of a module; returns ``path:number`` of it."""
        text = (self.root / path).read_text("utf-8") + line + "\n"
        self.write(path, text)
        return f"{path}:{len(text.splitlines())}"

    def due(self, text):
        """Replaces the list of pages that are due."""
        self.write(DUE, text)

    def new(self, check):
        """What the check finds that it did not find at first."""
        return sorted(set(check(self.root)) - self.before[check])


def test_an_upward_import_is_found(house):
    where = house.append("k8s_ref/sim/loop.py", "from k8s_ref.etcd.mvcc import Store")
    assert house.new(floors) == [
        f"{where}: sim (floor 0) imports etcd (floor 2); imports only go down"
    ]


def test_an_upward_import_inside_a_function_or_for_types_is_found_too(house):
    where = house.append("k8s_ref/sim/loop.py", "def f():\n    import k8s_ref.cluster")
    assert [message.split(": ")[0] for message in house.new(floors)] == [where]


def test_an_import_from_a_neighbour_on_the_same_floor_is_found(house):
    house.write("k8s_ref/network/__init__.py", "")
    house.write("k8s_ref/network/dns.py", "from k8s_ref.controllers import replicaset\n")
    assert house.new(floors) == [
        "k8s_ref/network/dns.py:1: network (floor 5) imports controllers (floor 5); "
        "imports only go down"
    ]


def test_nobody_comes_in_by_the_front_door(house):
    where = house.append("k8s_ref/cluster.py", "import k8s_ref")
    assert [message.split(": ")[0] for message in house.new(floors)] == [where]


def test_a_package_on_no_floor_is_found(house):
    house.write("k8s_ref/attic/box.py", "from k8s_ref.sim.loop import Loop\n")
    assert house.new(floors) == ["k8s_ref/attic/box.py:1: attic is on no floor"]


def test_a_relative_import_is_found(house):
    where = house.append("k8s_ref/sim/loop.py", "from . import trace")
    assert house.new(full_paths) == [f"{where}: relative import; write the full module path"]


def test_an_import_cycle_is_found(house):
    house.write("k8s_ref/sim/a.py", "from k8s_ref.sim.b import x\n")
    house.write("k8s_ref/sim/b.py", "\nfrom k8s_ref.sim import c\n")
    house.write("k8s_ref/sim/c.py", "def late():\n    import k8s_ref.sim.a\n")
    a, b, c = ("k8s_ref.sim." + name for name in "abc")
    assert house.new(cycles) == [f"k8s_ref/sim/a.py:1: import cycle: {a} → {b} → {c} → {a}"]


def test_an_import_that_only_types_need_makes_no_cycle(house):
    house.write("k8s_ref/sim/a.py", "from k8s_ref.sim.b import x\n")
    house.write("k8s_ref/sim/b.py", "if TYPE_CHECKING:\n    from k8s_ref.sim.a import y\n")
    assert house.new(cycles) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import asyncio.events",
        "import threading as t",
        "from random import Random",
        "from uuid import uuid4",
        "from secrets import token_hex",
        "from os import urandom",
        "from k8s_ref.sim.loop import random",
        '__import__("time").sleep(1)',
        'importlib.import_module("random")',
        'sys.modules["time"]',
        "os.urandom(8)",
        "datetime.now()",
        "datetime.datetime.utcnow()",
        "date.today()",
        "from concurrent.futures import ThreadPoolExecutor",
    ],
)
def test_a_clock_dice_or_threads_outside_the_loop_are_found(house, code):
    where = house.append("k8s_ref/etcd/mvcc.py", code)
    found = house.new(clocks)
    assert [message.split(": ")[0] for message in found] == [where]
    assert found[0].endswith("only the loop may")


def test_a_clock_under_another_name_is_found(house):
    house.append("k8s_ref/etcd/mvcc.py", "from datetime import datetime as when")
    where = house.append("k8s_ref/etcd/mvcc.py", "when.now()")
    assert house.new(clocks) == [f"{where}: uses when.now; only the loop may"]


@pytest.mark.parametrize("code", ["loop.random.random()", "loop.now", "from datetime import time"])
def test_time_and_chance_from_the_loop_are_fine(house, code):
    house.append("k8s_ref/etcd/mvcc.py", code)
    assert house.new(clocks) == []


@pytest.mark.parametrize("path", ["k8s_ref/sim/loop.py", "k8s_ref/edge/wall.py"])
def test_the_loop_and_the_edge_may_read_the_clock(house, path):
    house.write(path, "import time\n")
    assert house.new(clocks) == []


def test_a_module_too_large_is_found(house):
    house.write("k8s_ref/storage/huge.py", '"""Doc."""\n\n# why\n' + "x = 1\n" * 401)
    assert house.new(sizes) == ["k8s_ref/storage/huge.py:1: 401 code lines of 400"]


def test_comments_blanks_and_docstrings_are_not_code(house):
    said = '"""' + "Line.\n" * 200 + '"""\n' + "# why\n\n" * 200
    house.write("k8s_ref/storage/wordy.py", said + "x = 1\n" * 400)
    assert house.new(sizes) == []


def test_a_floor_over_its_ceiling_is_found(house):
    for name in "abcd":
        house.write(f"k8s_ref/storage/{name}.py", "x = 1\n" * 399)
    (message,) = house.new(sizes)
    assert message.startswith("k8s_ref/storage:1: storage: ")
    assert message.endswith(" code lines of 1300")


def test_a_function_too_long_is_found(house):
    where = house.append("k8s_ref/sim/loop.py", "def long():\n" + "    x = 1\n" * 40 + "\nend = 1")
    line = int(where.split(":")[1]) - 42
    expected = f"k8s_ref/sim/loop.py:{line}: long: 41 code lines of 40"
    assert expected in house.new(sizes)


def concept(house, *, page="", test=True, notebooks=("zh", "en")):
    """A new module of ninety lines, key ``storage/tape``, with what belongs to it."""
    house.write("k8s_ref/storage/tape.py", LONG)
    if test:
        house.write("tests/storage/test_tape.py", "")
    if page:
        house.write(f"docs/{page}.md", f"---\ntitle: T\ncovers: [storage/tape]\n---\n{page}\n")
    for language in notebooks if page else ():
        house.write(f"notebooks/{language}/{page}.ipynb", json.dumps({}))


def test_a_concept_with_page_test_and_notebooks_is_fine(house):
    concept(house, page="storage/tape")
    assert house.new(keys) == []


def test_a_missing_page_is_found(house):
    concept(house)
    assert house.new(keys) == [
        "k8s_ref/storage/tape.py:1: no page docs/storage/tape.md, and no page covers storage/tape"
    ]


def test_the_page_of_a_family_will_do(house):
    concept(house, page="storage/media")
    assert house.new(keys) == []


def test_a_missing_notebook_is_found(house):
    concept(house, page="storage/media", notebooks=("zh",))
    assert house.new(keys) == [
        "docs/storage/media.md:1: no notebooks/en/storage/media.ipynb; run make notebooks"
    ]


def test_a_missing_test_is_found(house):
    concept(house, page="storage/tape", test=False)
    assert house.new(keys) == ["k8s_ref/storage/tape.py:1: no test tests/storage/test_tape.py"]


def test_the_tests_of_a_family_will_do(house):
    concept(house, page="storage/media", test=False)
    house.write("tests/storage/test_media_on_tape.py", "")
    assert house.new(keys) == []


def test_a_page_that_is_due_may_be_missing(house):
    concept(house)
    house.due("# still to be written\nstorage/tape\n")
    assert house.new(keys) == []


def test_the_list_of_pages_that_are_due_only_shrinks(house):
    concept(house, page="storage/media")
    house.write("k8s_ref/storage/reel.py", "x = 1\n")
    house.due("storage/tape\nstorage/reel\nstorage/gone\n")
    assert house.new(keys) == [
        f"{DUE}:1: storage/tape is explained by docs/storage/media.md; remove the line",
        f"{DUE}:2: storage/reel is too small to need a page; remove the line",
        f"{DUE}:3: there is no module storage/gone; remove the line",
    ]


def test_a_page_that_covers_what_does_not_exist_is_found(house):
    house.write("docs/storage/media.md", "---\ntitle: T\ncovers: [storage/gone]\n---\n")
    assert house.new(keys) == [
        "docs/storage/media.md:1: covers storage/gone, and there is no such module"
    ]


def test_a_module_named_in_one_language_only_is_found(house):
    house.write("k8s_ref/storage/tape.py", '"""Tape.\n\nNo · 中文.\n"""\n')
    house.write("k8s_ref/storage/disk.py", '"""Disk · 磁盘\n"""\n')
    assert house.new(docstrings) == [
        "k8s_ref/storage/tape.py:1: begin the docstring with “English title · 中文名”"
    ]


@pytest.mark.parametrize("mark", ["/" + "work/main", "/home/" + "me", "TO" + "DO", "XX" + "X"])
def test_a_place_on_somebodys_machine_or_unfinished_work_is_found(house, mark):
    where = house.append("k8s_ref/sim/loop.py", f"# {mark}")
    assert [message.split(": ")[0] for message in house.new(marks)] == [where]
