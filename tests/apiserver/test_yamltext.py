"""Tests of reading YAML; the words of refusals are those of Go's reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver.yamltext import BadYaml, first, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("1:30", "1:30"),
        ("yes", True),
        ("off", False),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("3.0", 3),
        ("~", None),
        ('"yes"', "yes"),
        ("{8080: a, true: b, 1.5: c}", {"8080": "a", "true": "b", "1.5": "c"}),
        ("{<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ],
)
def test_plain_text_is_read_as_kubernetes_reads_it(text: str, value: object):
    assert first(text) == (value, [])


def test_documents_come_one_by_one_and_empty_ones_not_at_all():
    assert list(read("a: 1\n---\n# nothing\n---\nb: 2\n")) == [{"a": 1}, {"b": 2}]


def test_a_body_is_the_first_document_and_a_later_one_is_not_looked_at():
    assert first("a: 1\n---\nb: [") == ({"a": 1}, [])
    assert first("") == (None, [])


def test_each_key_that_stands_again_is_noted_with_its_line():
    text = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"
    value, repeated = first(text)
    assert value == {"a": 3, "b": {"c": 2}}
    assert sorted(repeated) == [
        'line 4: key "c" already set in map',
        'line 5: key "a" already set in map',
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [\n", "yaml: line 1: did not find expected node content"),
        ("x: 1\na: [1 2\n", "yaml: line 2: did not find expected ',' or ']'"),
        ("x: 1\na: {b: 1 c: 2\n", "yaml: line 1: did not find expected ',' or '}'"),
        ("x: 1\na: b: c\n", "yaml: line 2: mapping values are not allowed in this context"),
        ("a:\n- b\nc\n", "yaml: line 4: could not find expected ':'"),
        ("a:\n  - b\n  c: d\n", "yaml: line 2: did not find expected '-' indicator"),
        ("a:\n  b: c\n - d\n", "yaml: line 2: did not find expected key"),
        ("a: 'x\n", "yaml: line 2: found unexpected end of stream"),
        ("a: *b\n", "yaml: unknown anchor 'b' referenced"),
        ("a:\n\tb: c\n", "yaml: line 2: found character that cannot start any token"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, message: str):
    with pytest.raises(BadYaml) as refused:
        first(text)
    assert str(refused.value) == message


@given(st.text(alphabet="{}[]:,-&*!|>? \n\tab01.'\"#%@<=", max_size=50))
def test_whatever_stands_there_is_json_or_refused(text: str):
    try:
        json.dumps(list(read(text)))
    except BadYaml as error:
        assert str(error).startswith("yaml: ")  # noqa: PT017
