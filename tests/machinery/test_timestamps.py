"""Tests of moments and lengths of time as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.timestamps import (
    HOUR,
    MINUTE,
    SECOND,
    format_duration,
    human_duration,
    micro_time,
    parse,
    parse_duration,
    timestamp,
)

EPOCH = 1767225600  # 2026-01-01T00:00:00Z
DAY = 24 * HOUR


def test_time_in_objects_counts_from_the_epoch_of_the_simulation() -> None:
    assert timestamp(0, EPOCH) == "2026-01-01T00:00:00Z"
    assert timestamp(DAY + 999_999_999, EPOCH) == "2026-01-02T00:00:00Z"
    assert micro_time(1_234_567, EPOCH) == "2026-01-01T00:00:00.001234Z"


@given(st.integers(0, 400 * 365 * DAY))
def test_a_moment_reads_back_as_what_was_written(nanoseconds: int) -> None:
    assert parse(timestamp(nanoseconds)) == nanoseconds // SECOND * SECOND
    assert parse(micro_time(nanoseconds), True) == nanoseconds // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:01+08:00", SECOND),
        ("1970-01-01T00:00:00-00:30", 30 * MINUTE),
        ("1970-01-01T00:00:00.5Z", SECOND // 2),
        ("1970-01-01T00:00:00.123456789123Z", 123456789),
        ("1969-12-31T23:59:59Z", -SECOND),
        ("0001-01-01T00:00:00Z", -62135596800 * SECOND),
    ],
)
def test_any_rfc_3339_moment_is_read(text: str, nanoseconds: int) -> None:
    assert parse(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "micro", "message"),
    [
        (
            "x",
            True,
            'parsing time "x" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "x" as "2006"',
        ),
        ("", False, 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'),
        (
            "2026-01-01",
            False,
            'parsing time "2026-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"',
        ),
        ("2026-13-01T00:00:00Z", False, 'parsing time "2026-13-01T00:00:00Z": month out of range'),
        ("2026-02-30T00:00:00Z", False, 'parsing time "2026-02-30T00:00:00Z": day out of range'),
        ("2026-01-01T00:00:00Zx", False, 'parsing time "2026-01-01T00:00:00Zx": extra text: "x"'),
    ],
)
def test_text_that_is_no_moment_is_refused_in_gos_words(
    text: str, micro: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=".") as error:
        parse(text, micro)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("length", "age"),
    [
        (-5 * SECOND, "<invalid>"),
        (-SECOND, "0s"),
        (0, "0s"),
        (SECOND - 1, "0s"),
        (59 * SECOND, "59s"),
        (119 * SECOND, "119s"),
        (120 * SECOND, "2m"),
        (121 * SECOND, "2m1s"),
        (9 * MINUTE + 59 * SECOND, "9m59s"),
        (10 * MINUTE + 59 * SECOND, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (52 * HOUR, "2d4h"),
        (8 * DAY + 5 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (731 * DAY, "2y1d"),
        (8 * 365 * DAY + DAY, "8y"),
    ],
)
def test_ages_are_printed_as_kubectl_prints_them(length: int, age: str) -> None:
    assert human_duration(length) == age


@given(st.integers(-10 * DAY, 10 * DAY))
def test_a_duration_reads_back_as_what_was_printed(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1m30s", 90 * SECOND),
        ("-1.5h", -90 * MINUTE),
        ("0", 0),
        ("+5s", 5 * SECOND),
        (".5s", SECOND // 2),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("abc", 'time: invalid duration "abc"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5d", 'time: unknown unit "d" in duration "5d"'),
    ],
)
def test_text_that_is_no_duration_is_refused_in_gos_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=".") as error:
        parse_duration(text)
    assert str(error.value) == message
