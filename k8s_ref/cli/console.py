"""The console language · 控制台语言

What pages and notebooks write as a scenario: lines a reader could type, and what a terminal would
show.  ``play`` returns the transcript: every line as it was written, what it printed below it.
The one idea: the clock stands still until a line lets it run, so a scenario never races.

::

    $ kubectl get pods                     a kubectl command; a backslash at the end continues it
    $ kubectl apply -f - <<EOF             with standard input, up to the line EOF
    # words                                a comment, shown as it is
    run 30s                                let virtual time pass; also 500ms, 2m, 1m30s
    run until pod/web {.status.phase}=Running      at most ten minutes
    crash kube-scheduler                   kill a process; it comes back a second later
    stop kubelet/node-1                    switch a process off …
    start kubelet/node-1                   … and on again
    fail node-1                            the machine stops, kubelet and containers …
    recover node-1                         … and comes up again, with nothing running
    partition node-1                       whoever's name contains this cannot reach the API server
    heal node-1                            undo that

Upstream: none; a terminal.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from k8s_ref.machinery.timestamps import SECOND, parse_duration

UNTIL_SECONDS = 600
"""How long ``run until`` waits."""


class Bench(Protocol):
    """What a scenario needs of a cluster."""

    faults: Any

    def kubectl(self, line: str, stdin: str = "") -> str:
        """Run one command and return what it printed."""

    def run(self, seconds: float) -> Any:
        """Let virtual time pass."""

    def crash(self, process: str) -> None:
        """Kill a process."""

    def stop(self, process: str) -> None:
        """Switch a process off."""

    def start(self, process: str) -> None:
        """Switch it on again."""

    def fail_node(self, name: str) -> None:
        """Stop a machine with all that runs on it."""

    def recover_node(self, name: str) -> None:
        """Let it come up again."""


@dataclass(slots=True, frozen=True)
class Command:
    """One command of a scenario."""

    number: int
    """Line it begins at, counted from 1."""
    shown: str
    """Its lines as they were written."""
    words: str
    """The command itself, on one line."""
    stdin: str = ""


def play(cluster: Bench, text: str) -> str:
    """Play a scenario on a cluster and return the transcript; ``ValueError`` names a bad line."""
    transcript = ""
    for command in read(text):
        printed = _perform(cluster, command)
        transcript += f"{command.shown}\n{printed}"
        if printed and not printed.endswith("\n"):
            transcript += "\n"
    return transcript


def read(text: str) -> Iterator[Command]:
    """The commands of a scenario.

    >>> [c.words for c in read("# hello\\nrun 3s\\n$ kubectl get \\\\\\n  pods")]
    ['# hello', 'run 3s', '$ kubectl get   pods']
    """
    lines = list(enumerate(text.splitlines(), 1))
    while lines:
        number, line = lines.pop(0)
        if not line.strip():
            continue
        shown = [line.rstrip()]
        words = line.strip()
        while words.startswith("$") and words.endswith("\\") and lines:
            shown.append(lines.pop(0)[1].rstrip())
            words = words[:-1] + shown[-1]
        words, end = _heredoc(words)
        stdin: list[str] = []
        while end:
            if not lines:
                raise ValueError(f"line {number}: the text for {words!r} never ends: no line {end}")
            shown.append(lines.pop(0)[1])
            if shown[-1].strip() == end:
                break
            stdin.append(shown[-1])
        body = "".join(f"{row}\n" for row in stdin)
        yield Command(number, "\n".join(shown), words, body)


_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?\s*$")


def _heredoc(words: str) -> tuple[str, str]:
    """The command without ``<<EOF``, and the word that ends its input."""
    found = _HEREDOC.search(words) if words.startswith("$") else None
    return (words[: found.start()].strip(), found[1]) if found else (words, "")


def _perform(cluster: Bench, command: Command) -> str:
    words = command.words
    try:
        if words.startswith("#"):
            return ""
        if words.startswith("$"):
            return _shell(cluster, words[1:].strip(), command.stdin)
        _verb(cluster, words)
    except ValueError as error:
        raise ValueError(f"line {command.number}: {error}") from None
    return ""


def _shell(cluster: Bench, line: str, stdin: str) -> str:
    program, _, rest = line.partition(" ")
    if program != "kubectl":
        raise ValueError(f"{program!r} is not a program of this console: there is only kubectl")
    return cluster.kubectl(rest.strip(), stdin)


def _verb(cluster: Bench, line: str) -> None:
    verb, _, rest = line.partition(" ")
    does = VERBS.get(verb)
    if does is None:
        known = ", ".join(VERBS)
        raise ValueError(f"{verb!r} is not a verb of the console: write $ kubectl …, or {known}")
    if not rest.strip():
        raise ValueError(f"{verb} what? Write for example: {_EXAMPLES[verb]}")
    does(cluster, rest.strip())


def _run(cluster: Bench, rest: str) -> None:
    if rest.startswith("until "):
        _run_until(cluster, rest.removeprefix("until "))
        return
    try:
        cluster.run(parse_duration(rest) / SECOND)
    except ValueError:
        raise ValueError(f"{rest!r} is not a duration: write 30s, 2m or 1m30s") from None


def _run_until(cluster: Bench, condition: str) -> None:
    name, _, test = condition.partition(" ")
    path, equals, wanted = test.strip().rpartition("=")
    if not equals or not path:
        raise ValueError(f"{condition!r} is not a condition: write {_EXAMPLES['run until']}")
    look = f"get {shlex.quote(name)} -o jsonpath={shlex.quote(path)}"
    for _ in range(UNTIL_SECONDS):
        if cluster.kubectl(look) == wanted:
            return
        cluster.run(1)
    raise ValueError(f"{condition} did not come true within {UNTIL_SECONDS} s")


VERBS: dict[str, Callable[[Bench, str], Any]] = {
    "run": _run,
    "crash": lambda cluster, name: cluster.crash(name),
    "stop": lambda cluster, name: cluster.stop(name),
    "start": lambda cluster, name: cluster.start(name),
    "fail": lambda cluster, name: cluster.fail_node(name),
    "recover": lambda cluster, name: cluster.recover_node(name),
    "partition": lambda cluster, name: cluster.faults.partition(name),
    "heal": lambda cluster, name: cluster.faults.heal(name),
}
"""What a line that is no command may begin with."""

_EXAMPLES = {
    "run": "run 30s",
    "run until": "run until pod/web {.status.phase}=Running",
    "crash": "crash kube-scheduler",
    "stop": "stop kubelet/node-1",
    "start": "start kubelet/node-1",
    "fail": "fail node-1",
    "recover": "recover node-1",
    "partition": "partition node-1",
    "heal": "heal node-1",
}
