import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.cli.kubectl import yamltext

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12)
# YAML has no way to write a key "<<" that kubectl's own writer would use: it means "merge".
KEYS = st.text(max_size=6).filter(lambda key: key != "<<")
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)

QUOTED = [
    "true",
    "no",
    "on",
    "null",
    "~",
    "",
    "1",
    "0x1f",
    "1e3",
    ".5",
    "2026-01-01",
    "1:30",
    "=\t",
]
PLAIN = ["web", "nginx:1.27", "500m", "1.2.3.4", "a=b", "http://x:80/", "-c", "a b", "<<", "é中"]


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_reads_back_the_same(value):
    assert list(yamltext.read(yamltext.write(value))) == [value]


@pytest.mark.parametrize("text", QUOTED)
def test_text_that_would_read_as_something_else_is_quoted(text):
    assert yamltext.write({"a": text}).startswith('a: "')


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_stands_as_it_is(text):
    assert yamltext.write({"a": text}) == f"a: {text}\n"


@pytest.mark.parametrize("text", ["#x", "- x", "a: b", "a #b", "@x", "a:", "'a", " a", "*"])
def test_text_with_signs_of_yaml_is_put_in_single_quotes(text):
    quoted = text.replace("'", "''")
    assert yamltext.write({"a": text}) == f"a: '{quoted}'\n"


def test_several_lines_stand_below_a_bar():
    assert yamltext.write({"a": "x\ny\n", "b": "x\ny", "c": "x\n\n"}) == (
        "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\n"
    )


def test_a_list_stands_as_far_left_as_its_key():
    value = {"spec": {"containers": [{"name": "web", "args": ["a", ["b"]], "env": []}]}}
    assert yamltext.write(value) == (
        "spec:\n  containers:\n  - args:\n    - a\n    - - b\n    env: []\n    name: web\n"
    )


def test_dates_and_clock_times_are_text():
    assert list(yamltext.read("a: 2026-01-01\nb: 1:30\nc: 010\nd: y")) == [
        {"a": "2026-01-01", "b": "1:30", "c": 8, "d": True}
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("a: b\nc: d: e", "yaml: line 2: mapping values are not allowed in this context"),
        ("a:\n\tb: c", "yaml: line 2: found character that cannot start any token"),
    ],
)
def test_broken_yaml_is_refused_with_the_line(text, message):
    with pytest.raises(yamltext.BadYaml) as refused:
        list(yamltext.read(text))
    assert str(refused.value) == message


def test_keys_are_in_the_order_of_kubectl():
    keys = ["a10", "a9", "ab", "a-b", "aB", "a_b", "a", "f:x", "1"]
    written = yamltext.write(dict.fromkeys(keys, 0))
    assert [line.partition(": ")[0] for line in written.splitlines()] == [
        '"1"', "a", "a-b", "a_b", "a9", "a10", "aB", "ab", "f:x",
    ]  # fmt: skip


def test_keys_become_text_and_whole_numbers_lose_their_fraction():
    text = "{yes: a, 8080: b, 1.5: c, port: 8e+1, seconds: 30.0, part: 0.5}"
    assert list(yamltext.read(text)) == [
        {"true": "a", "8080": "b", "1.5": "c", "port": 80, "seconds": 30, "part": 0.5}
    ]


def test_a_key_that_is_nothing_is_refused():
    with pytest.raises(yamltext.BadYaml, match="a key must be text, a number or a boolean"):
        list(yamltext.read("{null: a}"))
