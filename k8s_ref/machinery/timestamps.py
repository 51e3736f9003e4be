"""Timestamps and durations · 时间与时长

Inside the cluster time is a whole number of nanoseconds since the simulation began; in objects it
is text.  Here one becomes the other, given the second at which the simulation began, and a length
of time becomes what kubectl prints as an age.  Nothing here reads a clock.

Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/time.go, pkg/util/duration/duration.go
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from k8s_ref.machinery.errors import show

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@lru_cache(maxsize=1024)
def _whole_second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def timestamp(nanoseconds: int, epoch: int = 0) -> str:
    """The moment so many nanoseconds after ``epoch`` (in Unix seconds), to the second.

    >>> timestamp(90 * SECOND, epoch=1767225600)
    '2026-01-01T00:01:30Z'
    """
    return f"{_whole_second(epoch + nanoseconds // SECOND)}Z"


def micro_time(nanoseconds: int, epoch: int = 0) -> str:
    """The same to the microsecond, as leases and new-style events keep it.

    >>> micro_time(1_500_000, epoch=1767225600)
    '2026-01-01T00:00:00.001500Z'
    """
    microseconds = nanoseconds % SECOND // 1000
    return f"{_whole_second(epoch + nanoseconds // SECOND)}.{microseconds:06d}Z"


_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_SECONDS_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MICROS_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_PIECES = [
    (re.compile(pattern, re.ASCII), name)
    for pattern, name in (
        (r"\d{4}", "2006"), ("-", "-"), (r"\d\d", "01"), ("-", "-"), (r"\d\d", "02"), ("T", "T"),
        (r"\d\d", "15"), (":", ":"), (r"\d\d", "04"), (":", ":"), (r"\d\d", "05"),
        (r"([.,]\d+)?", ".000000"), (r"Z|[+-]\d\d:\d\d", "Z07:00"),
    )
]  # fmt: skip


@lru_cache(maxsize=4096)
def parse(text: str, micro: bool = False) -> int:
    """Nanoseconds from 1970 to this moment; raises :class:`ValueError` in Go's words.

    >>> parse("1970-01-01T00:01:00Z") // SECOND
    60
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(_misread(text, _MICROS_LAYOUT if micro else _SECONDS_LAYOUT))
    *_, fraction, zone = found.groups()
    try:
        second = _second(text[:19], zone)
    except ValueError as error:
        what = str(error).split()[0]
        raise ValueError(f"parsing time {show(text)}: {what} out of range") from None
    return second * SECOND + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=1024)
def _second(date: str, zone: str) -> int:
    numbers = map(int, re.split("[-T:]", date))
    moment = datetime(*numbers, tzinfo=_zone(zone))  # type: ignore[arg-type,misc]
    return round(moment.timestamp())


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def _misread(text: str, layout: str) -> str:
    rest = text
    for pattern, name in _PIECES:
        found = pattern.match(rest)
        if found is None:
            problem = f"cannot parse {show(rest)} as {show(name)}"
            return f"parsing time {show(text)} as {show(layout)}: {problem}"
        rest = rest[found.end() :]
    return f"parsing time {show(text)}: extra text: {show(rest)}"


def human_duration(nanoseconds: int) -> str:
    """A length of time as kubectl prints an age: exact when short, rounded down when long.

    >>> [human_duration(s * SECOND) for s in (0, 119, 120, 599, 600, 10800, 187200)]
    ['0s', '119s', '2m', '9m59s', '10m', '3h', '2d4h']
    """
    seconds = int(nanoseconds / SECOND)
    if seconds < 0:
        return "0s" if seconds >= -1 else "<invalid>"
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 180:
        return _two(minutes, "m", seconds % 60 if minutes < 10 else 0, "s")
    if hours < 48:
        return _two(hours, "h", minutes % 60 if hours < 8 else 0, "m")
    days = hours // 24
    if days < 730:
        return _two(days, "d", hours % 24 if days < 8 else 0, "h")
    return _two(days // 365, "y", days % 365 if days < 8 * 365 else 0, "d")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


_UNITS = {
    "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": SECOND, "m": MINUTE, "h": HOUR,
}  # fmt: skip
_TERM = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)", re.ASCII)


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> int:
    """The nanoseconds in a duration as Go writes it; raises :class:`ValueError` in Go's words.

    >>> parse_duration("1m30s") // SECOND, parse_duration("1.5h") // MINUTE
    (90, 90)
    """
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    terms = _TERM.findall(body)
    if not terms or "".join(number + unit for number, unit in terms) != body:
        raise ValueError(f"time: invalid duration {show(text)}")
    total = 0
    for number, unit in terms:
        if unit not in _UNITS:
            problem = f"unknown unit {show(unit)}" if unit else "missing unit"
            raise ValueError(f"time: {problem} in duration {show(text)}")
        whole, _, fraction = number.partition(".")
        total += int(whole or "0") * _UNITS[unit]
        total += int(fraction or "0") * _UNITS[unit] // 10 ** len(fraction)
    return sign * total


def format_duration(nanoseconds: int) -> str:
    """A duration as Go prints it.

    >>> format_duration(90 * SECOND), format_duration(1_500_000), format_duration(HOUR)
    ('1m30s', '1.5ms', '1h0m0s')
    """
    size = abs(nanoseconds)
    sign = "-" if nanoseconds < 0 else ""
    for unit, length in (("ns", 1), ("µs", 1000), ("ms", 10**6)):
        if size < length * 1000 and size:
            return f"{sign}{_decimal(size, length)}{unit}"
    hours, rest = divmod(size, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else f"{sign}{text}"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if rest else str(whole)
