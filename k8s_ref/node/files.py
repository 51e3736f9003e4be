"""Files in a container · 容器里的文件

A container's files are a plain map of paths to texts, shared by every program in it and gone
with it: enough for ``touch /tmp/healthy``, for redirected output, and for the pages of a web
server.  Directories exist by being part of a path; an empty one is a path that ends with a slash.

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
    """Whether files lie below, or it was made."""
    return path in ("/", "/tmp") or any(name.startswith(path.rstrip("/") + "/") for name in files)


def below(files: dict[str, str], path: str) -> list[str]:
    """The paths in a directory, however deep; that of a directory itself ends with a slash."""
    start = path.rstrip("/") + "/"
    return sorted(name for name in files if name.startswith(start))


def _names(args: list[str]) -> list[str]:
    return [arg for arg in args if not arg.startswith("-")]


def _touch(context: Context, args: list[str]) -> int:
    for name in _names(args):
        context.files.setdefault(context.path(name), "")
    return 0


def _rm(context: Context, args: list[str]) -> int:
    flags = "".join(arg for arg in args if arg.startswith("-"))
    status = 0
    for name in _names(args):
        path = context.path(name)
        inside = below(context.files, path) if "r" in flags or "R" in flags else []
        gone = [context.files.pop(each, None) for each in (path, *inside)]
        if all(text is None for text in gone) and "f" not in flags:
            context.write(f"rm: can't remove '{name}': {MISSING}\n", "stderr")
            status = 1
    return status


def _ls(context: Context, args: list[str]) -> int:
    status = 0
    for name in _names(args) or [context.cwd]:
        path = context.path(name)
        if path in context.files:
            context.write(f"{name}\n")
        elif not is_directory(context.files, path):
            context.write(f"ls: {name}: {MISSING}\n", "stderr")
            status = 1
        else:
            start = len(path.rstrip("/")) + 1
            inside = {each[start:].partition("/")[0] for each in below(context.files, path)}
            for entry in sorted(inside - {""}):
                context.write(f"{entry}\n")
    return status


def _mkdir(context: Context, args: list[str]) -> int:
    for name in _names(args):
        context.files.setdefault(context.path(name) + "/", "")
    return 0


def _cd(context: Context, args: list[str]) -> int:
    name = args[0] if args else "/"
    if not is_directory(context.files, context.path(name)):
        context.write(f"sh: cd: can't cd to {name}: {MISSING}\n", "stderr")
        return 2
    context.cwd = context.path(name)
    return 0


def _pwd(context: Context, args: list[str]) -> int:
    context.write(f"{context.cwd}\n")
    return 0


COMMANDS: dict[str, Callable[[Context, list[str]], int]] = {
    "touch": _touch,
    "rm": _rm,
    "ls": _ls,
    "mkdir": _mkdir,
    "cd": _cd,
    "pwd": _pwd,
}
"""Small programs that only look at files."""
