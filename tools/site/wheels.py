"""Wheels for the browser · 浏览器里的 wheel

Packs what Python in the browser needs beside itself: our package, and PyYAML without its C part.
The rule it keeps: the same sources give the same bytes, so that browsers keep what they have.
"""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PYYAML = "6.0.3"
PYYAML_SDIST = "d76623373421df22fb4cf8817020cbb7ef15c725b9d5e45f17e189bfc384190f"
"""The sha256 of the source distribution on the Python package index."""

LARGEST = 500_000
"""Our wheel stays below this many bytes: every first Run downloads it."""

DATA = {".py", ".json", ".yaml", ".yml", ".txt"}
Files = dict[str, bytes]


class Missing(Exception):
    """Something the build needs is not there; the message says how to get it, in one line."""


def build_wheels(root: Path, out: Path, downloads: Path) -> list[Path]:
    """Write both wheels into a folder that holds nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    made = [
        pack(out, "k8s_ref", version, our_files(root)),
        pack(out, "pyyaml", PYYAML, yaml_files(sdist(downloads))),
    ]
    for other in set(out.iterdir()) - set(made):
        other.unlink()
    if made[0].stat().st_size > LARGEST:
        raise Missing(f"{made[0].name} has more than {LARGEST} bytes; keep tables out of it")
    return made


def our_files(root: Path) -> Files:
    """Our package: modules and the data they read."""
    paths = sorted(path for path in (root / "k8s_ref").rglob("*") if path.suffix in DATA)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in paths
        if "__pycache__" not in path.parts
    }


def sdist(downloads: Path) -> bytes:
    """PyYAML's source distribution, downloaded once by pip and checked by its hash."""
    path = downloads / f"pyyaml-{PYYAML}.tar.gz"
    if not path.exists():
        download(downloads)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != PYYAML_SDIST:
        path.unlink()
        raise Missing(f"{path.name} is not what it should be; run make site again, or check pip")
    return data


def download(downloads: Path) -> None:
    """Have pip fetch the source distribution; building it is not needed."""
    words = ["download", "--no-deps", "--no-binary", ":all:", "--quiet", f"PyYAML=={PYYAML}"]
    command = [sys.executable, "-m", "pip", *words, "--dest", str(downloads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise Missing(f"pip cannot download PyYAML {PYYAML}: connect to the network ({last})")


def yaml_files(archive: bytes) -> Files:
    """The modules in pure Python of PyYAML, and its licence."""
    files: Files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            _, *parts = PurePosixPath(member.name).parts
            extracted = tar.extractfile(member)
            if extracted and parts[:2] == ["lib", "yaml"] and member.name.endswith(".py"):
                files["/".join(parts[1:])] = extracted.read()
            elif extracted and parts == ["LICENSE"]:
                files[f"pyyaml-{PYYAML}.dist-info/licenses/LICENSE"] = extracted.read()
    return files


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
