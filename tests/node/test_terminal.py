"""A terminal: what is shown, and what the program gets."""

import pytest

from k8s_ref.node.terminal import TYPED_AHEAD, Terminal
from k8s_ref.sim.loop import Loop


def typed(*keys):
    """What was shown and which lines the program reads, as far as they are there."""
    shown = []
    terminal = Terminal(Loop(), shown.append)
    for key in keys:
        terminal.type(key)
    terminal.hang_up()
    lines = []
    while (line := terminal.loop.run_task(terminal.read())) is not None:
        lines.append(line)
    return "".join(shown), lines


@pytest.mark.parametrize(
    ("keys", "shown", "lines"),
    [
        ("ls\r", "ls\r\n", ["ls\n"]),
        ("la\x7fs\r", "la\b \bs\r\n", ["ls\n"]),
        ("\x7f\x7fa\r", "a\r\n", ["a\n"]),
        ("abc\x15d\r", "abc" + "\b \b" * 3 + "d\r\n", ["d\n"]),
        ("abc\x03", "abc^C\r\n", ["\n"]),
        ("a\x1b[A\r", "a^[[A\r\n", ["a\x1b[A\n"]),
        ("ab\x04", "ab", ["ab"]),
    ],
)
def test_keys_become_lines(keys, shown, lines):
    assert typed(keys) == (shown, lines)


def test_after_the_end_was_typed_more_may_come():
    terminal = Terminal(Loop(), lambda text: None)
    terminal.type("\x04more\r")
    read = lambda: terminal.loop.run_task(terminal.read())  # noqa: E731
    assert [read(), read()] == [None, "more\n"]


def test_what_nobody_reads_is_lost_after_some_thousand_characters():
    _, lines = typed("x" * (TYPED_AHEAD + 10), "\r")
    assert lines == ["x" * TYPED_AHEAD + "\n"]


def test_an_interruption_ends_what_is_in_the_foreground():
    loop = Loop()
    terminal = Terminal(loop, lambda text: None)
    terminal.foreground = task = loop.spawn(_nap(loop))
    loop.run(1)
    terminal.type("\x03")
    assert (task.done, terminal.interrupted) == (True, True)


async def _nap(loop):
    await loop.sleep(99)
