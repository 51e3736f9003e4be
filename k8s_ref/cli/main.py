"""k8s-ref · 命令行入口

The command ``k8s-ref``: ``play`` a manifest and read what happens, ask ``where`` something is, or
ask for the version.  What a person gets wrong is said in one line, with the way to mend it, and
the exit code 2; an interrupt ends it quietly with 130.

Upstream: none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from k8s_ref.cli.kubectl.flags import Flag, UsageError, parse, switch
from k8s_ref.cli.play import BadManifest, Play, Refused, example, play, words
from k8s_ref.cli.where import Unknown, find, places
from k8s_ref.machinery import schema

OK, REFUSED, MISUSED, INTERRUPTED = 0, 1, 2, 130

FLAGS = (
    Flag("nodes", type="int", default=3),
    Flag("seed", type="int", default=0),
    Flag("seconds", type="float", default=10.0),
    Flag("lang"),
    Flag("svg"),
    Flag("port", type="int", default=6443),
    Flag("speed", type="float", default=1.0),
    Flag("kubeconfig"),
    Flag("audit-log"),
    Flag("audit-policy"),
    switch("paused", ""),
    switch("quiet", "", "q"),
    switch("trace", ""),
    switch("help", "", "h"),
)


class Misuse(Exception):  # noqa: N818
    """A person asked for something that cannot be; ``kind`` names the message."""

    def __init__(self, kind: str, why: object, near: str = "") -> None:
        super().__init__(kind)
        self.kind, self.why, self.near = kind, why, near


def main(line: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    line = list(sys.argv[1:] if line is None else line)
    lang = language(line, os.environ)
    try:
        return _run(line, lang)
    except Misuse as misuse:
        text = words()["mistakes"][misuse.kind][lang]
        message = text.format(why=misuse.why, near=misuse.near)
        print(f"k8s-ref{'：' if lang == 'zh' else ': '}{message}", file=sys.stderr)
        return MISUSED
    except Refused as refused:
        print(refused, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as with `| head`; say nothing when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def language(line: Sequence[str], environment: Mapping[str, str]) -> str:
    """The language of messages: what the line says, else what the environment says.

    >>> language([], {"LANG": "zh_CN.UTF-8"}), language(["--lang=en"], {"LANG": "zh_CN.UTF-8"})
    ('zh', 'en')
    """
    for index, word in enumerate(line):
        if word == "--lang" and index + 1 < len(line):
            word = f"--lang={line[index + 1]}"
        if word in ("--lang=zh", "--lang=en"):
            return word.removeprefix("--lang=")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def _run(line: list[str], lang: str) -> int:
    try:
        flags, rest = parse(line, FLAGS)
    except UsageError as error:
        raise Misuse("usage", error) from None
    command, *rest = rest or [""]
    if flags["help"] or command in ("", "help"):
        print(words()["help"][lang], end="")
    elif command == "version":
        print(f"k8s-ref {metadata.version('k8s-ref')} (Kubernetes {schema.release()})")
    elif command == "play":
        _play(flags, rest, lang)
    elif command == "up":
        _up(flags, rest, lang)
    elif command == "where":
        _where(" ".join(rest), lang)
    else:
        raise Misuse("command", command)
    return OK


def _up(flags: dict[str, Any], rest: list[str], lang: str) -> None:
    _check_up(flags, rest)
    try:
        # What serves sockets is an extra; everything else works without.
        from k8s_ref.cli import up
    except ImportError as error:
        raise Misuse("extra", error.name) from None
    names = ("nodes", "seed", "port", "speed", "paused", "kubeconfig", "quiet")
    audit = {f"audit_{name}": flags[f"audit-{name}"] for name in ("log", "policy")}
    what = up.Up(**{name: flags[name] for name in names}, **audit, lang=lang)
    try:
        up.serve(what, lambda text: print(text, flush=True))
    except up.PortTaken as taken:
        raise Misuse("taken", taken) from None
    except up.BadFile as bad:
        raise Misuse(bad.kind, bad) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Misuse("unreadable", error) from None


def _check_up(flags: dict[str, Any], rest: list[str]) -> None:
    if rest:
        raise Misuse("usage", f"up takes no arguments, got {rest[0]!r}")
    if flags["lang"] not in ("", "zh", "en"):
        raise Misuse("lang", flags["lang"])
    if flags["audit-policy"] and not flags["audit-log"]:
        raise Misuse("usage", "--audit-policy needs --audit-log")
    if flags["nodes"] < 0:
        raise Misuse("nodes", flags["nodes"])
    if not 0 < flags["speed"] <= 100_000:
        raise Misuse("speed", f"{flags['speed']:g}")
    if not 0 <= flags["port"] < 65_536:
        raise Misuse("port", flags["port"])


def _play(flags: dict[str, Any], files: list[str], lang: str) -> None:
    if flags["lang"] not in ("", "zh", "en"):
        raise Misuse("lang", flags["lang"])
    if flags["nodes"] < 0:
        raise Misuse("nodes", flags["nodes"])
    if flags["seconds"] < 0:
        raise Misuse("seconds", f"{flags['seconds']:g}")
    if len(files) > 1:
        raise Misuse("usage", f"one file at most, got {len(files)}")
    what = Play(
        _read(files[0]) if files else example(),
        flags["nodes"],
        flags["seed"],
        flags["seconds"],
        lang,
        flags["svg"],
        flags["trace"],
    )
    try:
        picture = play(what, print)
    except BadManifest as error:
        raise Misuse("yaml", error) from None
    if picture:
        _write(what.svg, picture)


def _where(name: str, lang: str) -> None:
    if not name:
        raise Misuse("nowhere", "")
    try:
        found = find(name)
    except Unknown as unknown:
        raise Misuse("where", name, ", ".join(unknown.near)) from None
    said, colon = words()["where"], "：" if lang == "zh" else ": "
    print(f"{found.name}{colon}{said[found.sort][lang]}")
    for place, where in (("key", found.key), *places(found.key, lang)):
        print(f"  {said[place][lang]}{colon}{where}")


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except FileNotFoundError:
        raise Misuse("missing", name) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse("unreadable", f"{name}: {error}") from None


def _write(name: str, text: str) -> None:
    try:
        Path(name).write_text(text, "utf-8")
    except OSError as error:
        raise Misuse("unreadable", f"{name}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
