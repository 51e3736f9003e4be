"""Programs the tests may use · 测试所用的外部程序

``chromium``, ``node``, ``etcd`` and ``kubectl`` are fixtures: the path of the program, or a skip
that says how to get it.  The last lines of a run tell how many tests really used each;
``.ci/run`` fails on a zero.
"""

import os
import shutil
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run: a suite that is green today is green tomorrow.  To search for
# new ones: HYPOTHESIS_PROFILE=search make test
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

PROGRAMS = {
    "chromium": (
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
        "chromium is not installed: apt install chromium",
    ),
    "node": (("node",), "node is not installed: https://nodejs.org/en/download"),
    "etcd": (("etcd",), "etcd is not installed: apt install etcd-server"),
    "kubectl": (
        ("kubectl.1.32",),
        "kubectl.1.32 is not installed: get kubectl 1.32 from https://dl.k8s.io under that name",
    ),
}
USED = pytest.StashKey[Counter[str]]()

_MORE = ("/usr/lib/google-cloud-sdk/bin",)
"""Where a package of kubectl keeps one program for each release."""
_BIN = Path(__file__).parent.parent / ".venv" / "bin"


def find_program(name: str) -> str:
    """The path of a program, from the environment's own folder first."""
    names, missing = PROGRAMS[name]
    path = os.pathsep.join([str(_BIN), os.environ.get("PATH", os.defpath), *_MORE])
    found = next((where for each in names if (where := shutil.which(each, path=path))), None)
    return found or pytest.skip(missing)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; run it with ``--no-sandbox``, continuous integration is root."""
    return find_program("chromium")


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js; ``npm`` stands beside it."""
    return find_program("node")


@pytest.fixture(scope="session")
def etcd() -> str:
    """The path of etcd's server."""
    return find_program("etcd")


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of kubectl 1.32, whose output is compared with ours byte for byte."""
    return find_program("kubectl")


def pytest_configure(config: pytest.Config) -> None:
    """Starts the count of tests per program."""
    config.stash[USED] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Counts a test for each program it asked for, once its body has run and not been skipped."""
    report = yield
    if report.when == "call" and not report.skipped:
        asked = set(getattr(item, "fixturenames", ())) | {mark.name for mark in item.iter_markers()}
        item.config.stash[USED].update(asked & PROGRAMS.keys())
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Says which programs were really used."""
    used = config.stash[USED]
    for name in PROGRAMS:
        terminalreporter.write_line(f"tests that used {name}: {used[name]}")
