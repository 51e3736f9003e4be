"""A small shell · 小小的 shell

Enough of ``sh`` for the command lines of manifests: lists with ``;``, ``&&`` and ``||``, quotes,
variables, ``$(…)`` and ``$((…))``, ``if``, ``for``, ``while`` and ``until``, ``trap``, output to
files.  A script
is read into a tree (``syntax``) and the tree is walked; every command takes a millisecond, so
that not even ``while true; do :; done`` can stop the clock.

Absent: pipes, background jobs, functions, globs, history;
whoever uses them is told of a syntax error or of a command not found.

Upstream: none; busybox ash
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

from k8s_ref.node import files
from k8s_ref.node.programs import Context, Input
from k8s_ref.node.syntax import (
    ASSIGNMENT,
    DOLLAR,
    PIECE,
    For,
    If,
    Logical,
    Loop,
    Node,
    Sequence,
    ShellSyntaxError,
    Simple,
    parse,
)
from k8s_ref.node.tar import tar
from k8s_ref.sim.loop import Cancelled

COMMAND_SECONDS = 0.001
"""What starting a command costs."""

INTERRUPTED = 130
"""Exit code of what Ctrl-C ended: 128 and the number of the signal."""

SHELLS = ("sh", "ash", "bash")

_IN_DOUBLE_QUOTES = re.compile(rf"\\(?P<escaped>[$`\"\\\n])|(?P<dollar>{DOLLAR})", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SUM = re.compile(r"[\d\s()+\-*/%<>=!]+", re.ASCII)
_NO_SUM = re.compile(r"\*\*|<<|>>|[\d)]\s*\(", re.ASCII)
_SIGNALS = {"2": "INT", "3": "QUIT", "15": "TERM"}
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Exit(Exception):  # noqa: N818  It is how ``exit`` leaves, not an error.
    """The shell ends here."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status & 255


async def shell(context: Context) -> int:
    """The program of a container that starts ``sh``, or one of the shell's commands alone."""
    name, *args = context.argv
    name = name.rpartition("/")[2]
    if name in SHELLS:
        return await _run_script(Shell(context), args)
    try:
        return await Shell(context).call([name, *args])
    except Exit as end:
        return end.status


class Shell:
    """Walks the tree of a script; writes its own variables and traps."""

    def __init__(self, context: Context, env: dict[str, str] | None = None) -> None:
        self.context, self.loop = context, context.loop
        self.env = context.env if env is None else env
        self.status = 0
        self.traps: dict[str, str] = {}
        self.stop_on_error = False
        self._signalled = False

    async def run(self, script: str) -> int:
        """Run a script to its end; returns the exit code."""
        try:
            await self.execute(parse(script))
        except Exit as end:
            self.status = end.status
        except ShellSyntaxError as error:
            self.context.write(f"sh: {error}\n", "stderr")
            self.status = 2
        return self.status

    async def interact(self) -> int:
        """Run what comes from the standard input line by line; at a terminal, ask for more."""
        context, terminal, script = self.context, self.context.terminal, ""
        while True:
            if terminal is not None:
                context.write("> " if script else f"{context.cwd} # ")
                terminal.foreground = None
            line = await context.stdin.line() if context.stdin is not None else None
            if line is None:
                return self.status
            script += line
            try:
                tree = parse(script)
            except ShellSyntaxError as error:
                if not str(error).endswith('"end of file"'):
                    script, self.status = "", 2
                    context.write(f"sh: {error}\n", "stderr")
                continue
            script = ""
            try:
                await self._in_foreground(tree)
            except Exit as end:
                return end.status

    async def _in_foreground(self, tree: Node) -> None:
        """Walk a tree that an interruption ends."""
        task = self.loop.spawn(self.execute(tree), "sh")
        if self.context.terminal is not None:
            self.context.terminal.foreground = task
        try:
            await task
        except Cancelled:
            self.status = INTERRUPTED
        finally:
            task.cancel()

    async def execute(self, node: Node) -> bool:
        """Walk a part of the tree; says whether it succeeded."""
        match node:
            case Simple(words, redirects):
                # Even an assignment takes time: nothing may loop without the clock moving.
                await self.loop.sleep(COMMAND_SECONDS)
                await (self._redirected(words, redirects) if redirects else self._simple(words))
                await self._between()
            case Sequence(items):
                await self._sequence(items)
            case Logical(left, operator, right):
                if await self.execute(left) == (operator == "&&"):
                    await self.execute(right)
            case Loop():
                await self._loop(node)
            case For(name, words, body):
                await self._for(name, words, body)
            case If(condition, then, otherwise):
                succeeded = await self.execute(condition)
                self.status = 0
                await self.execute(then if succeeded else otherwise)
        return self.status == 0

    async def _sequence(self, items: tuple[Node, ...]) -> None:
        for item in items:
            await self.execute(item)
            if self.stop_on_error and self.status and isinstance(item, Simple):
                raise Exit(self.status)

    async def _loop(self, loop: Loop) -> None:
        last = 0
        while await self.execute(loop.condition) != loop.until:
            await self.execute(loop.body)
            last = self.status
        self.status = last

    async def _for(self, name: str, words: tuple[str, ...], body: Node) -> None:
        self.status = 0
        for value in [field for word in words for field in await self.expand(word)]:
            self.env[name] = value
            await self.execute(body)

    async def _redirected(
        self, words: tuple[str, ...], redirects: tuple[tuple[str, str], ...]
    ) -> None:
        """Call with output that goes to files, and input that comes from one."""
        outer, there = self.context, self.context.files
        routes: dict[str, str] = {}
        given = outer.stdin
        for operator, word in redirects:
            name = "".join(await self.expand(word, split=False))
            path = outer.path(name)
            stream = "stderr" if operator[0] == "2" else "stdout"
            if operator.endswith("<"):
                if path not in there:
                    outer.write(f"sh: can't open {name}: no such file\n", "stderr")
                    self.status = 1
                    return
                given = Input.of(there[path])
            elif "&" in operator:
                other = "stderr" if operator[-1] == "2" else "stdout"
                routes[stream] = routes.get(other, f"/dev/{other}")
            else:
                routes[stream] = path
                there[path] = there.get(path, "") if ">>" in operator else ""

        def sink(stream: str, text: str) -> None:
            path = routes.get(stream, f"/dev/{stream}")
            if path.startswith("/dev/std"):
                outer.sink(path.removeprefix("/dev/"), text)
            else:
                there[path] = there.get(path, "") + text

        self.context = outer.child(outer.argv, self.env, sink)
        self.context.stdin = given
        try:
            await self._simple(words)
        finally:
            outer.cwd = self.context.cwd
            self.context = outer
            there.pop("/dev/null", None)

    async def _simple(self, words: tuple[str, ...]) -> None:
        """Assign, expand, call."""
        assigned: dict[str, str] = {}
        while words and (found := ASSIGNMENT.fullmatch(words[0])):
            assigned[found[1]] = "".join(await self.expand(found[2], split=False))
            words = words[1:]
        argv = [field for word in words for field in await self.expand(word)]
        if not argv:
            self.env.update(assigned)
            self.status = 0
            return
        mine = self.env
        self.env = {**mine, **assigned} if assigned else mine
        try:
            self.status = await self.call(argv)
        finally:
            self.env = mine

    async def call(self, argv: list[str]) -> int:
        """Run one command; 127 if there is none of that name."""
        name, *args = argv
        name = name.rpartition("/")[2]
        if name in self.context.programs:
            return await self.context.programs[name](self.context.child(argv, self.env))
        if name in COMMANDS:
            return await COMMANDS[name](self, args)
        self.context.write(f"sh: {argv[0]}: not found\n", "stderr")
        return 127

    async def _between(self) -> None:
        """Between two commands a shell hears a signal, if it has a trap for it; and it waits
        there for whoever reads what it prints."""
        if self.context.drain is not None:
            await self.context.drain()
        if self.context.stopped.done and not self._signalled:
            self._signalled = True
            action = self.traps.get(self.context.stopped.result().removeprefix("SIG"))
            if action is not None:
                await self.execute(parse(action))

    # -- words

    async def expand(self, word: str, split: bool = True) -> list[str]:
        """The fields a word stands for: quotes are removed, dollars replaced and then split."""
        fields, anything = [""], False
        for piece in PIECE.finditer(word):
            if piece["dollar"]:
                value = await self._value(piece["dollar"])
                first, *more = (value.split() or [""]) if split else [value]
                fields[-1] += first
                fields += more
            else:
                anything = True
                quoted = piece["quoted"]
                fields[-1] += await self._unquote(quoted) if quoted else piece["plain"]
        return fields if anything or fields != [""] else []

    async def _unquote(self, text: str) -> str:
        if text[0] == "'":
            return text[1:-1]
        if text[0] == "\\":
            return "" if text[1] == "\n" else text[1]
        inner, result, at = text[1:-1], "", 0
        for found in _IN_DOUBLE_QUOTES.finditer(inner):
            result += inner[at : found.start()]
            dollar = found["dollar"]
            result += await self._value(dollar) if dollar else found["escaped"].strip("\n")
            at = found.end()
        return result + inner[at:]

    async def _value(self, dollar: str) -> str:
        if dollar.startswith("$(("):
            return await self._arithmetic(dollar[3:-2])
        if dollar.startswith("$("):
            return await self._output(dollar[2:-1])
        if dollar in ("$?", "$$"):
            return str(self.status) if dollar == "$?" else "1"
        name, default, fallback = dollar.strip("${}").partition(":-")
        value = self.env.get(name, "")
        return value or ("".join(await self.expand(fallback, split=False)) if default else "")

    async def _output(self, script: str) -> str:
        pieces: list[str] = []

        def sink(stream: str, text: str) -> None:
            pieces.append(text) if stream == "stdout" else self.context.sink(stream, text)

        inner = self.context.child(["sh"], self.env, sink)
        self.status = await Shell(inner).run(script)
        return "".join(pieces).rstrip("\n")

    async def _arithmetic(self, text: str) -> str:
        text = "".join(await self.expand(f'"{text}"'))
        text = _NAME.sub(lambda name: self.env.get(name[0]) or "0", text)
        # Only digits, brackets and simple operators are left: nothing to call, nothing that grows.
        if not _SUM.fullmatch(text) or _NO_SUM.search(text):
            raise ShellSyntaxError("arithmetic syntax error")
        try:
            return str(int(eval(text.replace("/", "//"))))
        except (SyntaxError, TypeError, ZeroDivisionError) as error:
            raise ShellSyntaxError("arithmetic syntax error") from error


async def _run_script(shell: Shell, args: list[str]) -> int:
    """``sh -c script``; without a script it reads what it is given or typed."""
    flags = args[0] if args and args[0].startswith("-") else ""
    if not flags.endswith("c") or len(args) < 2:
        return await shell.interact()
    shell.stop_on_error = "e" in flags
    return await shell.run(args[1])


# -- commands

Command: TypeAlias = Callable[[Shell, list[str]], Coroutine[Any, Any, int]]


async def _sh(shell: Shell, args: list[str]) -> int:
    return await _run_script(Shell(shell.context.child(["sh"], shell.env)), args)


async def _echo(shell: Shell, args: list[str]) -> int:
    end = "\n"
    escapes = False
    while args and re.fullmatch("-[neE]+", args[0]):
        end = "" if "n" in args[0] else end
        escapes = escapes or "e" in args[0]
        args = args[1:]
    text = " ".join(args)
    if escapes:
        text = text.replace("\\n", "\n").replace("\\t", "\t")
    shell.context.write(text + end)
    return 0


async def _sleep(shell: Shell, args: list[str]) -> int:
    seconds = 0.0
    for arg in args:
        found = re.fullmatch(r"(\d*\.?\d*|infinity)([smhd]?)", arg, re.ASCII)
        if found is None or found[1] in ("", "."):
            shell.context.write(f"sleep: invalid number '{arg}'\n", "stderr")
            return 1
        seconds += float(found[1]) * _SECONDS[found[2]]
    if seconds == float("inf"):
        await shell.loop.future()
    await shell.loop.sleep(seconds)
    return 0


async def _tail(shell: Shell, args: list[str]) -> int:
    """``tail -f /dev/null``, the usual way of doing nothing for ever."""
    if "-f" in args and "/dev/null" in args:
        await shell.loop.future()
    return 0 if "/dev/null" in args else 1


async def _date(shell: Shell, args: list[str]) -> int:
    time = shell.context.time
    form = next((arg[1:] for arg in args if arg.startswith("+")), None)
    if form is None:
        form = f"%a %b {time.day:2d} %H:%M:%S UTC %Y"
    text = time.strftime(form.replace("%s", str(int(time.timestamp()))))
    shell.context.write(text + "\n")
    return 0


async def _test(shell: Shell, args: list[str]) -> int:
    """``[ a = b ]`` and its kin."""
    args = args[:-1] if args[-1:] == ["]"] else args
    if args[:1] == ["!"]:
        return 1 - await _test(shell, args[1:])
    if len(args) == 3 and args[1] in _TEXT:
        return 0 if _TEXT[args[1]](args[0], args[2]) else 1
    if len(args) == 3 and args[1] in _NUMBER:
        try:
            return 0 if _NUMBER[args[1]](int(args[0]), int(args[2])) else 1
        except ValueError:
            shell.context.write("sh: out of range\n", "stderr")
            return 2
    operator, value = args if len(args) == 2 else ("-n", "".join(args))
    if operator in _FILE:
        return 0 if _FILE[operator](shell.context.files, shell.context.path(value)) else 1
    return 0 if (operator == "-z") == (value == "") else 1


_FILE: dict[str, Callable[[dict[str, str], str], bool]] = {
    "-e": files.exists,
    "-f": lambda there, path: path in there,
    "-d": files.is_directory,
    "-s": lambda there, path: bool(there.get(path)),
}
_TEXT = {"=": eq, "==": eq, "!=": ne}
_NUMBER = {"-eq": eq, "-ne": ne, "-lt": lt, "-le": le, "-gt": gt, "-ge": ge}


async def _exit(shell: Shell, args: list[str]) -> int:
    raise Exit(int(args[0]) if args and re.fullmatch("[0-9]+", args[0]) else shell.status)


async def _exec(shell: Shell, args: list[str]) -> int:
    raise Exit(await shell.call(args) if args else 0)


async def _trap(shell: Shell, args: list[str]) -> int:
    for signal in args[1:]:
        name = signal.removeprefix("SIG")
        shell.traps[_SIGNALS.get(name, name)] = args[0]
    return 0


async def _set(shell: Shell, args: list[str]) -> int:
    shell.stop_on_error = shell.stop_on_error or any(re.fullmatch("-[a-z]*e.*", a) for a in args)
    return 0


async def _export(shell: Shell, args: list[str]) -> int:
    for arg in args:
        name, equals, value = arg.partition("=")
        if equals:
            shell.env[name] = value
    return 0


async def _env(shell: Shell, args: list[str]) -> int:
    for name, value in shell.env.items():
        shell.context.write(f"{name}={value}\n")
    return 0


async def _printenv(shell: Shell, args: list[str]) -> int:
    for name in args:
        if name in shell.env:
            shell.context.write(shell.env[name] + "\n")
    return 0 if set(args) <= set(shell.env) and (args or not await _env(shell, args)) else 1


async def _cat(shell: Shell, args: list[str]) -> int:
    context, status = shell.context, 0
    for name in [arg for arg in args if arg == "-" or not arg.startswith("-")] or ["-"]:
        if name == "-":
            while (text := await context.read()) is not None:
                context.write(text)
        elif context.path(name) in context.files:
            context.write(context.files[context.path(name)])
        else:
            context.write(f"cat: can't open '{name}': {files.MISSING}\n", "stderr")
            status = 1
    return status


async def _stty(shell: Shell, args: list[str]) -> int:
    """``stty size``: the rows and columns of the terminal."""
    terminal = shell.context.terminal
    if terminal is None or args != ["size"]:
        shell.context.write("stty: standard input\n", "stderr")
        return 1
    shell.context.write(f"{terminal.rows} {terminal.columns}\n")
    return 0


async def _hostname(shell: Shell, args: list[str]) -> int:
    shell.context.write(shell.context.hostname + "\n")
    return 0


def _returns(status: int) -> Command:
    async def command(shell: Shell, args: list[str]) -> int:
        return status

    return command


def _plain(command: Callable[[Context, list[str]], int]) -> Command:
    async def plain(shell: Shell, args: list[str]) -> int:
        return command(shell.context, args)

    return plain


COMMANDS: dict[str, Command] = {
    **{name: _plain(command) for name, command in files.COMMANDS.items()},
    **dict.fromkeys(SHELLS, _sh),
    "echo": _echo,
    "sleep": _sleep,
    "tail": _tail,
    "date": _date,
    "test": _test,
    "[": _test,
    "exit": _exit,
    "exec": _exec,
    "trap": _trap,
    "set": _set,
    "export": _export,
    "env": _env,
    "printenv": _printenv,
    "cat": _cat,
    "stty": _stty,
    "tar": lambda shell, args: tar(shell.context, args),
    "hostname": _hostname,
    "true": _returns(0),
    ":": _returns(0),
    "false": _returns(1),
}
"""The shell's own commands and the small programs that every image with a shell has."""
