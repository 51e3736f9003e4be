"""A terminal · 终端

What the kernel does between a keyboard and a program: it shows what is typed, gives the program
whole lines, lets a line be corrected, and turns two keys into something else, the end of the input
and an interruption.  The one idea: ``kubectl exec -it`` sends single keys and shows single bytes;
all that makes a terminal of them sits here, beside the container.

Upstream: none; Linux, drivers/tty/n_tty.c
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from k8s_ref.sim.loop import Future, Loop, Task

INTERRUPT, END, ERASE, KILL = "\x03", "\x04", "\x7f\b", "\x15"
"""Ctrl-C, Ctrl-D, backspace and Ctrl-U."""

TYPED_AHEAD = 4096
"""So many characters that nobody reads are kept; the rest is lost, as in the kernel."""


class Terminal:
    """One terminal.  Writes: what it shows.

    >>> shown = []
    >>> terminal = Terminal(Loop(), shown.append)
    >>> terminal.type("lx\\x7fs\\r")
    >>> "".join(shown), terminal.loop.run_task(terminal.read())
    ('lx\\x08 \\x08s\\r\\n', 'ls\\n')
    """

    def __init__(self, loop: Loop, show: Callable[[str], None]) -> None:
        self.loop, self._show = loop, show
        self.rows, self.columns = 0, 0
        self.foreground: Task[Any] | None = None
        """What an interruption ends."""
        self.interrupted = False
        """Whether it has ended something."""
        self._line = ""
        self._lines: deque[str | None] = deque()
        self._hung_up = False
        self._arrived: Future[None] = Future(loop)

    def show(self, text: str) -> None:
        """Show text; a new line begins at the left edge."""
        self._show(text.replace("\n", "\r\n"))

    def type(self, text: str) -> None:
        """Somebody presses keys."""
        for key in text:
            room = TYPED_AHEAD - len(self._line) - sum(len(line or "-") for line in self._lines)
            # A full line can still be ended, corrected or interrupted.
            if room > 0 or (key < " " and len(self._lines) < TYPED_AHEAD):
                self._key(key)

    async def read(self) -> str | None:
        """The next line; None where the end was typed, after which more may come."""
        while not self._lines and not self._hung_up:
            await self._arrived
        return self._lines.popleft() if self._lines else None

    def hang_up(self) -> None:
        """Nobody sits there any more."""
        self._hung_up = True
        self._wake()

    def resize(self, told: bytes) -> None:
        """The window has another size: ``{"Width": 80, "Height": 24}``."""
        size = json.loads(told)
        self.rows, self.columns = size["Height"], size["Width"]

    def _key(self, key: str) -> None:
        if key == INTERRUPT:
            self.show("^C\n")
            self._interrupt()
        elif key == END:
            line, self._line = self._line, ""
            self._give(line or None)
        elif key in ERASE or key == KILL:
            count = len(self._line) if key == KILL else len(self._line[-1:])
            self._line = self._line[: len(self._line) - count]
            self.show("\b \b" * count)
        elif key in "\r\n":
            self.show("\n")
            line, self._line = self._line, ""
            self._give(f"{line}\n")
        else:
            self._line += key
            self.show(key if key >= " " or key == "\t" else f"^{chr(ord(key) + 64)}")

    def _interrupt(self) -> None:
        self._line = ""
        if self.foreground is None:
            self._give("\n")
        else:
            self.interrupted = True
            self.foreground.cancel()

    def _give(self, line: str | None) -> None:
        self._lines.append(line)
        self._wake()

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, Future(self.loop)
        arrived.resolve(None)
