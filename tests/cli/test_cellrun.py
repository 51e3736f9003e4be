"""Cells behave as in a notebook, and show the same wherever they run."""

import json
import subprocess
import sys

import pytest

from k8s_ref.cli.cellrun import (
    Session,
    answer,
    as_html,
    as_text,
    console_call,
    digest,
    raised,
)


class Picture:
    """Something with a picture."""

    def __repr__(self):
        return "a picture"

    def _repr_svg_(self):
        return "<svg>\n\n<text>`$x`</text></svg>"


@pytest.fixture
def session():
    return Session()


def test_names_live_from_cell_to_cell(session):
    session.run("x = 1\ndef f(): return x")
    session.run("x = 2")
    assert as_text(session.run("f()")) == "2"


def test_sessions_do_not_know_each_other(session):
    session.run("x = 1")
    assert as_text(Session().run("x")) == "NameError: name 'x' is not defined"


def test_prints_displays_and_the_last_value_come_in_order(session):
    outputs = session.run("print(1); print(2)\ndisplay(3)\nprint(4)\n'five'")
    assert [output["type"] for output in outputs] == ["stream", "display", "stream", "result"]
    assert as_text(outputs) == "1\n2\n3\n4\n'five'"


@pytest.mark.parametrize("source", ["None", "x = 3", "3;", "", "def f(): pass"])
def test_a_cell_without_a_last_value_shows_nothing(session, source):
    assert session.run(source) == []


@pytest.mark.parametrize("source", ["0", "''", "[]", "False"])
def test_values_that_are_false_are_shown(session, source):
    assert as_text(session.run(source)) == source


def test_a_value_with_a_picture_shows_it_and_records_its_words(session):
    session.names["picture"] = Picture()
    outputs = session.run("picture")
    assert as_text(outputs) == "a picture"
    assert as_html(outputs) == ('<div class="k8s-rich"><svg>\n<text>`$x`</text></svg></div>'), (
        "an empty line would end the block of HTML"
    )


def test_another_picture_with_the_same_words_has_another_digest(session, monkeypatch):
    session.names["picture"] = Picture()
    first = digest(session.run("picture"))
    monkeypatch.setattr(Picture, "_repr_svg_", lambda self: "<svg></svg>")
    assert digest(session.run("picture")) != first


def test_every_piece_is_passed_on_as_it_comes(session):
    seen = []
    session.names["seen"] = seen
    outputs = session.run("print('a')\nassert seen\nprint('b')", emit=seen.append)
    assert not raised(outputs)
    assert "".join(piece["text"] for piece in seen) == "a\nb\n"


@pytest.mark.parametrize(
    ("source", "text", "where"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero", "2: 1 / 0"),
        ("def f():\n    raise KeyError\nf()", "KeyError", "2: raise KeyError"),
        ("x = (", "SyntaxError: '(' was never closed", "1: x = ("),
        ("import json\njson.loads('{')", None, "2: json.loads('{')"),
        ("raise SystemExit(3)", "SystemExit: 3", "1: raise SystemExit(3)"),
        ("e = ValueError('no')\ne.add_note('note')\nraise e", "ValueError: no", "3: raise e"),
    ],
)
def test_an_error_says_what_and_where(session, source, text, where):
    outputs = session.run(source)
    assert raised(outputs) and outputs[-1]["where"] == where
    assert text is None or as_text(outputs) == text
    assert as_html(outputs).count("k8s-where") == 1


def test_what_was_printed_before_an_error_is_kept(session):
    assert as_text(session.run("print('before')\n1/0")).startswith("before\nZeroDivisionError")


def test_ctrl_c_ends_the_run_and_is_no_output(session):
    with pytest.raises(KeyboardInterrupt):
        session.run("raise KeyboardInterrupt")


def test_text_is_recorded_without_spaces_at_the_ends_of_lines(session):
    assert as_text(session.run("print('a  \\n b \\n')")) == "a\n b"


@pytest.mark.parametrize(
    "script", ["$ kubectl get pods", 'say "hi"', 'a"""b', "back\\slash\n$ x\\"]
)
def test_a_console_script_reaches_the_cluster_as_it_is_written(session, script):
    class Recorder:
        def console(self, text):
            return text

    session.names["cluster"] = Recorder()
    assert session.run("_ = " + console_call(script)) == []
    assert session.names["_"] == script


def test_a_transcript_sets_its_commands_apart():
    text = Session().run("print('$ kubectl get <pods>\\nNAME')")
    shown = as_html(text, "$ kubectl get <pods>")
    assert '<b class="k8s-command">$ kubectl get &lt;pods&gt;</b>\nNAME' in shown


def test_backquotes_cannot_begin_a_fence():
    assert "`" not in as_html(Session().run("print('```')"))


EXERCISE = '''
def half(n):
    """
    >>> half(4)
    2
    >>> half(base)
    5
    """
    return n // 2
'''


@pytest.mark.parametrize("kind", ["python", "console", "exercise"])
def test_a_host_that_is_not_python_asks_and_is_answered_in_json(session, kind):
    session.run("class cluster:\n    console = str.upper")
    ask = {"kind": kind, "name": "a", "source": EXERCISE if kind == "exercise" else "'ab'"}
    session.names["base"] = 10
    reply = json.loads(answer(session, json.dumps(ask)))
    if kind == "exercise":
        assert (reply["passed"], reply["html"]) == (2, "")
    else:
        assert reply["text"] == {"python": "'ab'", "console": "\"'AB'\""}[kind]
        assert reply["digest"] == digest(session.run(reply["text"]))
        assert not reply["raised"]


SLOW = {"doctest", "pdb", "unittest", "urllib.request", "http.client", "asyncio"}


def test_a_first_run_does_not_wait_for_what_few_need():
    code = f"import sys, k8s_ref.cli.cellrun; print(sorted({SLOW} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
