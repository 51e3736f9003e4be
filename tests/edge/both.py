"""Plays a script of kubectl commands twice: with the real program and with ours.

A line that begins with ``$`` is played by both, and one with ``~`` too, which waits for time to
pass; one with ``%`` is played by the real kubectl alone (``!``: and it must fail); anything else
is of the console language.
"""

import asyncio
import os
import re
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass

from k8s_ref.cli import console, kubectl
from k8s_ref.cli.workbench import Cluster


@dataclass(slots=True)
class Shown:
    """What a command printed, and its exit code."""

    line: str
    text: str
    code: int
    late: bool = False
    """Whether time passed while the real kubectl waited, for it or for one before it."""


def commands(script):
    """The commands of a script: how each is to be played, its words, its standard input."""
    text = re.sub(r"^[%!~] ", "$ ", script, flags=re.M)
    marks = re.findall(r"^([$%!~]) ", script, flags=re.M)
    found = list(console.read(text))
    kinds = iter(marks)
    for command in found:
        mark = next(kinds) if command.words.startswith("$") else ""
        yield mark, command.words.removeprefix("$ ").removeprefix("kubectl "), command


def ours(script, **options):
    """What our kubectl shows, command by command."""
    cluster = Cluster(**options)
    shown = []
    for mark, words, command in commands(script):
        if mark in ("$", "~"):
            work = kubectl.run(cluster.api, words, command.stdin)
            text, code = cluster.loop.run_task(work)
            shown.append(Shown(words, text, code))
        elif not mark and not command.words.startswith("#"):
            console.play(cluster, command.words)
    return shown


def real(script, live, binary):
    """The same with the real kubectl against a cluster that is served and stands still."""
    shown, late = [], False
    for mark, words, command in commands(script):
        if mark:
            done = real_one(live, binary, words, command.stdin, waits=mark == "~")
            late = done.late = mark == "~" or late
            if mark in ("$", "~"):
                shown.append(done)
            else:
                failed = done.code != 0
                assert failed == (mark == "!"), f"kubectl {words}: {done.code}\n{done.text}"
        elif not command.words.startswith("#"):
            control(live, command.words)
    return shown


def control(live, line):
    """Do a line of the console language in the thread of the server."""

    async def play():
        return live.serving.control(line)

    asyncio.run_coroutine_threadsafe(play(), live._loop).result(60)


def real_one(live, binary, words, stdin, waits):
    """One command; while one that ``waits`` listens to the server, time passes."""
    home = live.folder / "home"
    environment = {
        **os.environ,
        "KUBECONFIG": str(live.folder / "kubeconfig"),
        "HOME": str(home),
        "KUBE_EDITOR": "true",
    }
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [binary, *shlex.split(words)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        process.stdin.write(stdin)
        process.stdin.close()
        began = time.monotonic()
        while process.poll() is None:
            time.sleep(0.02)
            waited = time.monotonic() - began
            if waits and (live.serving.edge.streams or waited > 2):
                control(live, "run 200ms")
            if waited > 60:
                process.kill()
        output.seek(0)
        return Shown(words, output.read(), process.returncode)


AGE = re.compile(r"(?<![\w.:-])(?:<invalid>|<unknown>|(?:\d+[dhms]){1,2})(?![\w:-])")


def masked(shown, late=False):
    """What is to be equal: where a client computes ages, or time passed while it waited, the
    words without ages."""
    if late or shown.line.split()[0] in ("describe", "events"):
        return re.sub(r" +", " ", AGE.sub("<age>", shown.text))
    return shown.text
