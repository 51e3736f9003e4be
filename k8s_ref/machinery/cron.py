"""Cron · cron 表达式

When something is due, in five fields: minute, hour, day of the month, month, day of the week.
Each field becomes the set of values it takes, so that whether a moment matches is five look-ups.
What is wrong with an expression is said in the words of the library that upstream uses.

Upstream: github.com/robfig/cron/v3 parser.go
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


class _Range(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int] = MappingProxyType({})


FIELDS = (
    _Range(0, 59),
    _Range(0, 23),
    _Range(1, 31),
    _Range(1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    _Range(0, 6, {name: number for number, name in enumerate(DAYS)}),
)

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Schedule(NamedTuple):
    """The values each field takes; a day is right if both fields of days are, or, when neither
    is a star, one of them."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    """Whether one of the two fields of days begins with a star."""


def parse(text: str) -> Schedule:
    """The schedule, or ``ValueError``.

    >>> sorted(parse("*/20 9-17 * * mon").minutes)
    [0, 20, 40]
    >>> parse("61 * * * *")
    Traceback (most recent call last):
    ValueError: end of range (61) above maximum (59): 61
    """
    if not text:
        raise ValueError("empty spec string")
    if text.startswith("@") and text not in DESCRIPTORS:
        raise ValueError(f"unrecognized descriptor: {text}")
    fields = DESCRIPTORS.get(text, text).split()
    if len(fields) != len(FIELDS):
        found = f"expected exactly {len(FIELDS)} fields, found {len(fields)}"
        raise ValueError(f"{found}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = map(_field, fields, FIELDS)
    any_day = any(fields[n].startswith(("*", "?")) for n in (2, 4))
    return Schedule(minutes, hours, days, months, weekdays, any_day)


def _field(text: str, bounds: _Range) -> frozenset[int]:
    return frozenset().union(*(_values(part, bounds) for part in text.split(",") if part))


def _values(text: str, bounds: _Range) -> range:
    """The numbers of one range, such as ``*/5`` or ``1-4`` or ``7``."""
    reach, slash, stride = text.partition("/")
    if "/" in stride:
        raise ValueError(f"too many slashes: {text}")
    first, dash, last = reach.partition("-")
    if first in ("*", "?"):
        start, end = bounds.low, bounds.high
    else:
        start = _number(first, bounds)
        end = _ends(first, dash, last, text, bounds)
        end = bounds.high if slash and not dash else end
    step = _number(stride, _Range(0, 0)) if slash else 1
    _check(start, end, step, text, bounds)
    return range(start, end + 1, step)


def _ends(first: str, dash: str, last: str, text: str, bounds: _Range) -> int:
    if "-" in last:
        raise ValueError(f"too many hyphens: {text}")
    return _number(last if dash else first, bounds)


def _check(start: int, end: int, step: int, text: str, bounds: _Range) -> None:
    if start < bounds.low:
        raise ValueError(f"beginning of range ({start}) below minimum ({bounds.low}): {text}")
    if end > bounds.high:
        raise ValueError(f"end of range ({end}) above maximum ({bounds.high}): {text}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")


def _number(text: str, bounds: _Range) -> int:
    if text.lower() in bounds.names:
        return bounds.names[text.lower()]
    try:
        number = int(text)
    except ValueError:
        problem = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise ValueError(f"failed to parse int from {text}: {problem}") from None
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
