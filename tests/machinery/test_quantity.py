"""Tests of quantities; the stored forms are those a Kubernetes 1.36 server gave back."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.quantity import MILLI, ONE, Quantity, canonical, milli, parse, value

NUMBERS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,6})?", fullmatch=True)
SUFFIXES = st.sampled_from(
    ["n", "u", "m", "", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi", "e3", "E-2", "e+6"]
)
WRITTEN = st.builds("{}{}{}".format, st.sampled_from(["", "-", "+"]), NUMBERS, SUFFIXES)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("0.1", "100m"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1e3"),
        ("1500m", "1500m"),
        ("0.5Mi", "512Ki"),
        ("1000000k", "1G"),
        (2.0, "2"),
        (2, "2"),
        ("1024Ki", "1Mi"),
        ("4Mi", "4Mi"),
        ("1023Ki", "1023Ki"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("0Gi", "0"),
        ("-0", "0"),
        ("100Ki", "100Ki"),
        ("0.5Ki", "512"),
        ("0.1Ki", "102400m"),
        ("0.9765625Ki", "1k"),
        ("1.1Ki", "1126400m"),
        ("12e4", "120e3"),
        ("1e-3", "1e-3"),
        ("-1.5Gi", "-1536Mi"),
        ("2.5", "2500m"),
        ("10000", "10k"),
        ("1E", "1E"),
        ("1.", "1"),
        (".5", "500m"),
    ],
)
def test_a_quantity_is_stored_in_its_canonical_form(sent: str | float, stored: str) -> None:
    assert canonical(sent) == stored


def test_what_is_finer_than_a_billionth_rounds_up_to_one() -> None:
    assert canonical("0.1n") == "1n"
    assert canonical("1e-30") == "1e-9"
    assert canonical("-0.1n") == "-1n"


def test_resource_lists_keep_thousandths_and_round_up() -> None:
    assert canonical("1u", MILLI) == "1m"
    assert canonical("1.0001", MILLI) == "1001m"
    assert canonical("1500m", ONE) == "2"


def test_counting_in_units_rounds_away_from_zero() -> None:
    assert (milli("1"), milli("0.0001"), milli("-0.0001")) == (1000, 1, -1)
    assert (value("1Gi"), value("1m"), value("-1m"), value("0")) == (2**30, 1, -1, 0)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1 Gi", " 1", "1Gi ", "1.2.3", "--1", "1x", "٣", "1e3 ", "m", "true", "1-1-"],
)
def test_text_that_is_no_quantity_is_refused_in_upstreams_words(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression") as error:
        parse(text)
    assert str(error.value).endswith("'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")


@pytest.mark.parametrize("text", ["1i", "1mi", "1KiM", "1e", "1e-", "1kk", "1m5"])
def test_an_unknown_suffix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse quantity's suffix"):
        parse(text)


def test_a_monstrous_exponent_is_capped_and_costs_nothing() -> None:
    assert value("1e999999999999") == 2**63 - 1
    assert canonical("1e-999999999999") == "1e-9"
    with pytest.raises(ValueError, match="numeric part"):
        parse("1" * 5000)


def test_a_sum_is_written_like_its_first_part() -> None:
    assert str(parse("1Gi") + parse("1G")) == "2073741824"
    assert str(parse("1Gi") + parse("512Mi")) == "1536Mi"
    assert str(parse("0") + parse("1Ki")) == "1Ki"
    assert str(parse("0.00048828125Ki") + parse("1048575.5")) == "1048576"
    assert str(parse("1") - parse("250m")) == "750m"
    assert str(-parse("1")) == "-1"


def exact(text: str) -> Fraction:
    powers: dict[str, int] = {
        "n": -9,
        "u": -6,
        "m": -3,
        "": 0,
        "k": 3,
        "M": 6,
        "G": 9,
        "T": 12,
        "P": 15,
    }
    for suffix, exponent in {"e3": 3, "E-2": -2, "e+6": 6}.items():
        if text.endswith(suffix):
            scale: Fraction = Fraction(10) ** exponent
            return Fraction(text.removesuffix(suffix)) * scale
    for step, letter in enumerate("KMGTP", 1):
        if text.endswith(f"{letter}i"):
            factor: int = 1024**step
            return Fraction(text[:-2]) * factor
    suffix = text[-1] if text[-1].isalpha() else ""
    power: Fraction = Fraction(10) ** powers[suffix]
    return Fraction(text.removesuffix(suffix)) * power


@given(WRITTEN)
def test_the_amount_is_exact_or_the_next_billionth_away_from_zero(text: str) -> None:
    difference = abs(parse(text).nanos) - abs(exact(text)) * ONE
    assert 0 <= difference < 1


@given(WRITTEN)
def test_the_canonical_form_says_the_same_and_is_its_own_canonical_form(text: str) -> None:
    form = canonical(text)
    assert parse(form) == parse(text)
    assert canonical(form) == form
    assert "." not in form


@given(WRITTEN, WRITTEN)
def test_order_is_that_of_the_amounts(a: str, b: str) -> None:
    assert (parse(a) < parse(b)) == (parse(a).nanos < parse(b).nanos)
    if exact(a) < exact(b):
        assert parse(a) <= parse(b)


@given(st.lists(WRITTEN, max_size=5))
def test_adding_and_taking_away_again_gives_back_the_amount(texts: list[str]) -> None:
    total = Quantity(0)
    for text in texts:
        total += parse(text)
    for text in texts:
        total -= parse(text)
    assert total == Quantity(0)
