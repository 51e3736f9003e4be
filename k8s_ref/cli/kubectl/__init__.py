"""kubectl · 命令行客户端

A compact kubectl: the everyday commands, with the columns, the words and the exit codes of the
real one.  The one idea: a command is a coroutine over the API and a function that writes text, so
it runs in a terminal, in a test and in a browser page alike, and waits on the cluster's own clock.

Upstream: staging/src/k8s.io/kubectl/
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from k8s_ref.cli.kubectl import apply, create, delete, describe, get, logs, usage
from k8s_ref.cli.kubectl.flags import Flag, UsageError, parse, switch
from k8s_ref.cli.kubectl.session import Command, Failure, Session, explain_all
from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, show

COMMANDS = {
    module.COMMAND.name: module.COMMAND for module in (apply, create, delete, describe, get, logs)
}
"""Every command there is."""

GLOBAL = (
    Flag("namespace", "n", help="the namespace to work in"),
    switch("help", "print this", "h"),
)
"""Flags every command takes."""

PATIENCE = 30.0
"""Virtual seconds after which ``get -w`` and ``logs -f`` stop of themselves."""

OK, FAILED = 0, 1


async def run(
    api: Client,
    line: str | Sequence[str],
    stdin: str = "",
    *,
    read: Callable[[str], str] = lambda name: Path(name).read_text("utf-8"),
    write: Callable[[str], None] = lambda text: None,
    patience: float = PATIENCE,
) -> tuple[str, int]:
    """Run one command line, without the word ``kubectl``; returns what it printed and its code.

    ``write`` is given the same text piece by piece, as it comes; ``read`` gives the files of
    ``-f``.  Errors are part of the text, as in a terminal.
    """
    printed: list[str] = []

    def emit(text: str) -> None:
        printed.append(text)
        write(text)

    try:
        words = shlex.split(line) if isinstance(line, str) else list(line)
    except ValueError as error:
        emit(f"error: {error}\n")
        return "".join(printed), FAILED
    session = Session(api, {}, words, stdin, read, emit, patience)
    try:
        code = await _run(session)
    except (ApiError, Failure, TimeoutError, ValueError) as error:
        session.fail(error)
        code = FAILED
    if session.errors:
        emit(f"{explain_all(session.errors)}\n")
    return "".join(printed), FAILED if session.errors else code


async def _run(session: Session) -> int:
    name, words = _command_name(session.words)
    if name in ("", "help") or (name.startswith("-") and set(words) & {"-h", "--help"}):
        session.write(_help(words))
        return OK
    command = COMMANDS.get(name)
    if command is None:
        raise ValueError(f"unknown command {show(name)} for {show('kubectl')}{_suggest(name)}")
    flags = (*command.flags, *GLOBAL)
    try:
        session.flags, session.words = parse(words, flags)
    except UsageError as error:
        raise ValueError(f"{error}\nSee 'kubectl {name} --help' for usage.") from None
    if session.flags["help"]:
        session.write(usage.of(command, flags))
        return OK
    return await command.run(session)


def _command_name(words: list[str]) -> tuple[str, list[str]]:
    """The command, and the line without it: ``-n shop get pods`` is ``get -n shop pods``."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in ("-n", "--namespace") else 1
    if index >= len(words):
        return "", words
    return words[index], words[:index] + words[index + 1 :]


def _help(words: list[str]) -> str:
    named = [COMMANDS[word] for word in words if word in COMMANDS]
    return usage.of(named[0], (*named[0].flags, *GLOBAL)) if named else usage.overview(_sorted())


def _sorted() -> list[Command]:
    return [COMMANDS[name] for name in sorted(COMMANDS)]


def _suggest(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"\n\nDid you mean this?\n\t{near[0]}" if near else ""
