"""Files in a container · 容器里的文件

A container's files are a plain map of paths to texts, shared by every program in it and gone
with it: enough for ``touch /tmp/healthy``, for redirected output, and for the pages of a web
server.  Directories exist by being part of a path.

Upstream: none; busybox coreutils over an overlay file system
"""

from __future__ import annotations

from collections.abc import Callable

from k8s_ref.node.programs import Context

MISSING = "No such file or directory"


def exists(files: dict[str, str], path: str) -> bool:
    """Whether there is a file of that name, or one below it."""
    return path in files or is_directory(files, path)


def is_directory(files: dict[str, str], path: str) -> bool:
    """Whether files lie below."""
    return path in ("/", "/tmp") or any(name.startswith(path.rstrip("/") + "/") for name in files)


def _names(args: list[str]) -> list[str]:
    return [arg for arg in args if not arg.startswith("-")]


def _touch(context: Context, args: list[str]) -> int:
    for name in _names(args):
        context.files.setdefault(name, "")
    return 0


def _rm(context: Context, args: list[str]) -> int:
    flags = "".join(arg for arg in args if arg.startswith("-"))
    status = 0
    for name in _names(args):
        below = [path for path in context.files if path.startswith(name.rstrip("/") + "/")]
        for path in [name, *(below if "r" in flags or "R" in flags else ())]:
            if context.files.pop(path, None) is None and "f" not in flags:
                context.write(f"rm: can't remove '{path}': {MISSING}\n", "stderr")
                status = 1
    return status


def _cat(context: Context, args: list[str]) -> int:
    status = 0
    for name in _names(args):
        if name not in context.files:
            context.write(f"cat: can't open '{name}': {MISSING}\n", "stderr")
            status = 1
        context.write(context.files.get(name, ""))
    if not _names(args):
        context.write(context.input)
    return status


def _ls(context: Context, args: list[str]) -> int:
    status = 0
    for name in _names(args) or ["/"]:
        if not exists(context.files, name):
            context.write(f"ls: {name}: {MISSING}\n", "stderr")
            status = 1
        elif name in context.files:
            context.write(f"{name}\n")
        else:
            start = name.rstrip("/") + "/"
            below = (p.removeprefix(start) for p in context.files if p.startswith(start))
            for entry in sorted({path.partition("/")[0] for path in below}):
                context.write(f"{entry}\n")
    return status


def _mkdir(context: Context, args: list[str]) -> int:
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], int]] = {
    "touch": _touch,
    "rm": _rm,
    "cat": _cat,
    "ls": _ls,
    "mkdir": _mkdir,
}
"""Small programs that only look at files."""
