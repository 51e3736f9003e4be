"""When something is due, and what is no schedule at all."""

import re

import pytest

from k8s_ref.machinery.cron import parse

WRONG = {
    "": "empty spec string",
    "bad": "expected exactly 5 fields, found 1: [bad]",
    "* * * *": "expected exactly 5 fields, found 4: [* * * *]",
    "61 * * * *": "end of range (61) above maximum (59): 61",
    "* * 0 * *": "beginning of range (0) below minimum (1): 0",
    "9-5 * * * *": "beginning of range (9) beyond end of range (5): 9-5",
    "*/0 * * * *": "step of range should be a positive number: */0",
    "1/2/3 * * * *": "too many slashes: 1/2/3",
    "1-2-3 * * * *": "too many hyphens: 1-2-3",
    "* * * x *": 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
    "@often": "unrecognized descriptor: @often",
}


@pytest.mark.parametrize(("text", "problem"), WRONG.items())
def test_it_says_what_is_wrong(text, problem):
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse(text)


def test_a_field_is_the_set_of_its_values():
    found = parse("*/20,5 9-17/4 1 jan,DEC mon-fri")
    assert sorted(found.minutes) == [0, 5, 20, 40]
    assert sorted(found.hours) == [9, 13, 17]
    assert (found.days, found.months) == ({1}, {1, 12})
    assert (sorted(found.weekdays), found.any_day) == ([1, 2, 3, 4, 5], False)
    assert sorted(parse("50/3 * * * *").minutes) == [50, 53, 56, 59]


def test_a_descriptor_stands_for_five_fields():
    assert parse("@weekly") == parse("0 0 * * 0")
    assert parse("@daily").any_day
