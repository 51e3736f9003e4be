"""tar in a container · 容器里的 tar

The only program that ``kubectl cp`` needs: one packs files into bytes on its standard output, the
other takes such bytes from its standard input and puts files down.  The one idea: there is no API
for copying files; it is two ends of a ``tar`` with an ``exec`` between them, which is why an image
without ``tar`` cannot be copied from.

Upstream: staging/src/k8s.io/kubectl/pkg/cmd/cp/cp.go asks for it; busybox tar
"""

from __future__ import annotations

import tarfile
from io import BytesIO

from k8s_ref.node.files import MISSING, below, exists, is_directory
from k8s_ref.node.programs import Context


def encode(text: str) -> bytes:
    """The bytes a program's text stands for, whatever they are.

    >>> encode(decode(bytes(range(256)))) == bytes(range(256))
    True
    """
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Bytes as the text that programs here work with."""
    return data.decode("utf-8", "surrogateescape")


async def tar(context: Context, args: list[str]) -> int:
    """``tar cf - PATH`` and ``tar xf - [-C DIRECTORY]``, with the flags that kubectl adds."""
    words = [arg for arg in args if not arg.startswith("--")]
    flags, *rest = (words[0].lstrip("-"), *words[1:]) if words else ("",)
    directory, names = _places(context, rest[1:])
    if not is_directory(context.files, directory):
        context.write(f"tar: can't change directory to '{directory}': {MISSING}\n", "stderr")
        return 1
    if "f" not in flags or rest[:1] != ["-"] or not {"c", "x"} & set(flags):
        context.write("tar: only 'cf -' and 'xf -' are known here\n", "stderr")
        return 1
    if "x" in flags:
        return await _extract(context, directory)
    return _create(context, directory, names)


def _places(context: Context, rest: list[str]) -> tuple[str, list[str]]:
    """The directory to work in, and the other names."""
    if "-C" not in rest[:-1]:
        return context.cwd, rest
    at = rest.index("-C")
    return context.path(rest[at + 1]), rest[:at] + rest[at + 2 :]


async def _extract(context: Context, directory: str) -> int:
    pieces = []
    while (piece := await context.read()) is not None:
        pieces.append(piece)
    try:
        with tarfile.open(fileobj=BytesIO(encode("".join(pieces)))) as archive:
            for member in archive:
                path = context.path(f"{directory}/{member.name}")
                content = archive.extractfile(member)
                if content is not None:
                    context.files[path] = decode(content.read())
                elif member.isdir():
                    context.files.setdefault(f"{path}/", "")
    except tarfile.TarError as error:
        context.write(f"tar: {error}\n", "stderr")
        return 1
    return 0


def _create(context: Context, directory: str, names: list[str]) -> int:
    status, packed = 0, BytesIO()
    if any(name.startswith("/") for name in names):
        context.write("tar: removing leading '/' from member names\n", "stderr")
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            path = context.path(f"{directory}/{name}" if not name.startswith("/") else name)
            if not exists(context.files, path):
                context.write(f"tar: {name}: {MISSING}\n", "stderr")
                status = 1
            for each in [path] if path in context.files else below(context.files, path):
                _add(context, archive, each)
    context.write(decode(packed.getvalue()))
    return status


def _add(context: Context, archive: tarfile.TarFile, path: str) -> None:
    member, content = tarfile.TarInfo(path.strip("/")), encode(context.files[path])
    member.mtime = int(context.time.timestamp())
    if path.endswith("/"):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    else:
        member.size = len(content)
    archive.addfile(member, BytesIO(content))
