"""Wheels for the browser · 浏览器里的 wheel

Packs what Python in the browser needs beside itself: our package, and PyYAML without its C part.
The rule it keeps: the same sources give the same bytes, so that browsers keep what they have.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PYYAML = "6.0.3"
PYYAML_MODULES = "18a8fa9c5672cd8ab89b9c0dbcbf858f5001497524514e064c59570b3da7ab1c"
"""The fingerprint of ``lib/yaml/*.py`` in PyYAML's source distribution."""

LARGEST = 1_000_000
"""Our wheel stays below this many bytes: every first Run downloads it."""

DATA = {".py", ".json", ".yaml", ".yml", ".txt"}
Files = dict[str, bytes]


class MissingError(Exception):
    """Something the build needs is not there; the message says how to get it, in one line."""


def build_wheels(root: Path, out: Path) -> list[Path]:
    """Write both wheels into a folder that holds nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    made = [
        pack(out, "k8s_ref", version, our_files(root)),
        pack(out, "pyyaml", PYYAML, yaml_files()),
    ]
    for other in set(out.iterdir()) - set(made):
        other.unlink()
    if made[0].stat().st_size > LARGEST:
        raise MissingError(f"{made[0].name} has more than {LARGEST} bytes; keep tables out of it")
    return made


def our_files(root: Path) -> Files:
    """Our package: modules and the data they read."""
    paths = sorted(path for path in (root / "k8s_ref").rglob("*") if path.suffix in DATA)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in paths
        if "__pycache__" not in path.parts
    }


def yaml_files() -> Files:
    """PyYAML's modules in pure Python, and its licence, from the environment.

    What pip installed for this machine holds them beside the C part, byte for byte as the
    source distribution does; to build that one needs a compiler and minutes.
    """
    try:
        installed = distribution("PyYAML")
    except PackageNotFoundError:
        raise MissingError(f"PyYAML {PYYAML} is missing: pip install PyYAML=={PYYAML}") from None
    files: Files = {}
    for path in installed.files or ():
        if path.parts[0] == "yaml" and path.suffix == ".py":
            files[str(path)] = path.read_binary()
    if installed.version != PYYAML or fingerprint(files) != PYYAML_MODULES:
        found = f"PyYAML {installed.version} is not the {PYYAML} that the browser gets"
        raise MissingError(f"{found}: pip install --force-reinstall PyYAML=={PYYAML}")
    licence = next(path for path in installed.files or () if path.name == "LICENSE")
    return files | {f"pyyaml-{PYYAML}.dist-info/licenses/LICENSE": licence.read_binary()}


def fingerprint(files: Files) -> str:
    """One hash over names and contents, as ``sha256sum`` would list them."""
    lines = (
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def pack(out: Path, name: str, version: str, files: Files) -> Path:
    """A wheel with these files; the order, the times and the modes are always the same."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: tools.site\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = files | {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": tags.encode()}
    files[f"{info}/RECORD"] = "".join(record(files, info)).encode()
    path = out / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, data in sorted(files.items()):
            entry = zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return path


def record(files: Files, info: str) -> Iterator[str]:
    """The wheel's list of contents."""
    for name, data in sorted(files.items()):
        hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        yield f"{name},sha256={hashed},{len(data)}\n"
    yield f"{info}/RECORD,,\n"
