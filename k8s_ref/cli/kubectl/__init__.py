"""kubectl · 命令行客户端

A compact kubectl: the commands of every day and of most other days, with the columns, the words
and the exit codes of the real one.  The one idea: a command is a coroutine over the API and a
function that writes text, so it runs in a terminal, in a test and in a browser page alike, and
waits on the cluster's own clock.

Upstream: staging/src/k8s.io/kubectl/
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from k8s_ref.cli.kubectl import (
    apply,
    auth,
    create,
    delete,
    describe,
    drain,
    events,
    explain,
    get,
    info,
    logs,
    nodes,
    pairs,
    patch,
    replace,
    rollout,
    setting,
    usage,
    wait,
)
from k8s_ref.cli.kubectl import exec as execution
from k8s_ref.cli.kubectl.flags import Flag, UsageError, parse, switch
from k8s_ref.cli.kubectl.session import Command, Failure, Session, explain_all
from k8s_ref.client.client import Client
from k8s_ref.machinery.errors import ApiError, show

COMMANDS: dict[str, Command] = {
    command.name: command
    for module in (
        apply,
        auth,
        create,
        delete,
        describe,
        drain,
        events,
        execution,
        explain,
        get,
        info,
        logs,
        nodes,
        pairs,
        patch,
        replace,
        rollout,
        setting,
        wait,
    )
    for command in module.COMMANDS
}
"""Every command there is, by its words: ``get``, ``rollout status``."""

ALIASES = {alias: command for command in COMMANDS.values() for alias in command.aliases}
GROUPS = {"create service": "", "create svc": "create service", "create secret": ""} | {
    name.partition(" ")[0]: "" for name in COMMANDS if name.partition(" ")[0] not in COMMANDS
}
"""Words that are no command without another word; some are another name for such a word."""

GLOBAL = (
    Flag("namespace", "n", help="the namespace to work in"),
    Flag("as", help="the user to be treated as"),
    Flag("as-group", type="array", default=(), help="a group to be treated as a member of"),
    Flag("as-uid", help="the uid to be treated as"),
    Flag("request-timeout", type="duration", default=0.0, help="how long to follow -w and -f"),
    switch("help", "print this", "h"),
)
"""Flags every command takes."""

_WITH_VALUE = ("-n", "--namespace", "--as", "--as-group", "--as-uid")

PATIENCE = 60.0
"""Virtual seconds without news after which ``get -w`` and ``logs -f`` stop of themselves."""

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
    session = Session(api.named(api.agent), {}, words, stdin, read, emit, patience)
    session.api.warn = lambda text: session.say(f"Warning: {text}")
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
    command = ALIASES.get(name) or COMMANDS.get(name)
    if command is None:
        return _no_command(session, name, words)
    flags = (*command.flags, *GLOBAL)
    session.name = command.name
    end = words.index("--") if "--" in words else len(words)
    after = words[end + 1 :]
    try:
        session.flags, session.words = parse(words[:end], flags)
    except UsageError as error:
        raise ValueError(f"{error}\nSee 'kubectl {command.name} --help' for usage.") from None
    session.words, session.after = session.words + after, after
    if session.flags["help"]:
        session.write(usage.of(command, flags))
        return OK
    _check(session, flags)
    session.api.impersonate = _impersonation(session.flags)
    return await command.run(session)


def _impersonation(flags: dict[str, Any]) -> dict[str, str]:
    """The headers by which the caller asks to be treated as somebody else."""
    if not flags["as"] and (flags["as-group"] or flags["as-uid"]):
        why = "requesting uid, groups or user-extra for k8s-ref without impersonating a user"
        raise ValueError(why)
    return {
        f"impersonate-{header}": given if isinstance(given, str) else "\n".join(given)
        for header, flag in (("user", "as"), ("group", "as-group"), ("uid", "as-uid"))
        if (given := flags[flag])
    }


def _check(session: Session, flags: Sequence[Flag]) -> None:
    """What holds for flags of any command: some must be given, some mean the same everywhere."""
    given = session.flags
    missing = [show(f.name) for f in flags if f.required and given[f.name] == f.default]
    if missing:
        raise ValueError(f"required flag(s) {', '.join(missing)} not set")
    dry = given.get("dry-run", "none")
    dry = "client" if dry == "unchanged" else dry
    if dry not in ("none", "client", "server"):
        raise ValueError(f'Invalid dry-run value ({dry}). Must be "none", "server", or "client".')
    session.dry = "" if dry == "none" else dry
    if dry == "server":
        session.api = session.api.trying()


def _command_name(words: list[str]) -> tuple[str, list[str]]:
    """The command, and the line without it: ``-n shop get pods`` is ``get -n shop pods``."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in _WITH_VALUE else 1
    if index >= len(words):
        return "", words
    longest = next((n for n in (3, 2) if _is_name(" ".join(words[index : index + n]))), 1)
    return " ".join(words[index : index + longest]), words[:index] + words[index + longest :]


def _is_name(name: str) -> bool:
    return name in COMMANDS or name in ALIASES or name in GROUPS


def _no_command(session: Session, name: str, words: list[str]) -> int:
    if name not in GROUPS:
        raise ValueError(f"unknown command {show(name)} for {show('kubectl')}{_suggest(name)}")
    name = GROUPS[name] or name
    session.name = name
    if words and not words[0].startswith("-"):
        raise session.misused(f"unknown command {show(words[0])}")
    session.write(usage.overview(_sorted(f"{name} ")))
    return OK if words else FAILED


def _help(words: list[str]) -> str:
    name = _command_name(words)[0]
    command = ALIASES.get(name) or COMMANDS.get(name)
    return usage.of(command, (*command.flags, *GLOBAL)) if command else usage.overview(_sorted())


def _sorted(prefix: str = "") -> list[Command]:
    return [COMMANDS[name] for name in sorted(COMMANDS) if name.startswith(prefix)]


ORDER = (
    "create", "expose", "run", "set", "explain", "get", "delete", "rollout", "scale", "cordon",
    "uncordon", "drain", "taint", "describe", "logs", "exec", "events", "apply", "patch",
    "replace", "wait", "auth", "label", "annotate", "api-resources", "api-versions", "version",
)  # fmt: skip
"""The first words of all commands, in the order of upstream's help."""


def _suggest(name: str) -> str:
    near = [known for known in ORDER if _distance(name, known) <= 2 or known.startswith(name)]
    return "".join(["\n\nDid you mean this?", *(f"\n\t{known}" for known in near)]) if near else ""


def _distance(a: str, b: str) -> int:
    """How many letters have to be added, left out or changed to make one word of the other.

    >>> _distance("gte", "get"), _distance("rollot", "rollout")
    (2, 1)
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]
