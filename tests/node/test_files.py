"""Files of a container, as its shell sees them."""

import pytest

from k8s_ref.node.files import exists
from tests.node.test_shell import sh

MISSING = "cat: can't open 'nothing': No such file or directory"


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("echo a > f; echo b >> f; cat f", ["a", "b"]),
        ("echo a > f; echo b > f; cat f", ["b"]),
        ("echo a > /dev/null; echo b", ["b"]),
        ("cat nothing 2> errors; cat errors", [MISSING]),
        ("cat nothing > all 2>&1; cat all", [MISSING]),
        ("echo a > f; cat < f", ["a"]),
        ("X=1; echo $X > /tmp/$X; ls /tmp", ["1"]),
        ("touch /a/b /a/c; ls /a; rm -r /a; ls /a || echo gone", ["b", "c", "gone"]),
        ("echo later; echo >f a; cat f", ["later", "a"]),
    ],
)  # fmt: skip
def test_output_goes_where_it_is_sent(script, out):
    assert sh(script).out == out


def test_the_healthy_file_of_the_probe_example():
    run = sh("touch /tmp/healthy; cat /tmp/healthy; echo $?; rm -f /tmp/healthy; cat /tmp/healthy")
    assert (run.out, run.code) == (["0"], 1)
    assert run.err == ["cat: can't open '/tmp/healthy': No such file or directory"]


def test_a_test_can_ask_for_files():
    script = (
        "touch /tmp/a; [ -f /tmp/a ] && echo one; [ ! -e /b ] && echo two; test -d /tmp && echo 3"
    )
    assert sh(script).out == ["one", "two", "3"]


def test_input_from_a_file_that_is_missing_stops_the_command():
    run = sh("cat < nothing")
    assert (run.err, run.code) == (["sh: can't open nothing: no such file"], 1)


def test_a_directory_exists_while_something_lies_in_it():
    assert exists({"/a/b": ""}, "/a")
    assert not exists({"/ab": ""}, "/a")
