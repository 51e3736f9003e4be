"""The shell: what manifests use of it, and what it refuses."""

import shlex
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.programs import Context, Lines, server
from k8s_ref.node.shell import shell
from k8s_ref.sim.loop import Loop


class Run:
    """One container's shell run to its end, or for some seconds."""

    def __init__(self, *argv, seconds=1e6, stop_at=None, programs=None, **env):
        self.loop, self.out, self.err = Loop(), [], []
        lines = Lines(self.sink)
        context = Context(self.loop, argv, env, "web-0", programs or {}, lines)
        if stop_at is not None:
            self.loop.call_later(stop_at, context.stopped.resolve, "SIGTERM")
        self.task = self.loop.spawn(shell(context))
        self.task.observed = True
        self.loop.run_until(lambda: self.task.done, seconds)
        lines.flush()

    def sink(self, stream, line):
        (self.out if stream == "stdout" else self.err).append(line)

    @property
    def code(self):
        return self.task.result()


def sh(script, **options):
    return Run("sh", "-c", script, **options)


def test_commands_run_one_after_the_other_on_the_clusters_clock():
    run = sh("echo hi; sleep 3; exit 1")
    assert (run.out, run.code) == (["hi"], 1)
    assert run.loop.seconds == pytest.approx(3.003)


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\n")))
def test_whatever_is_quoted_is_printed_as_it_is(text):
    assert sh(f"echo -- {shlex.quote(text)}").out == [f"-- {text}"]


@given(st.integers(0, 255))
def test_exit_gives_the_exit_code(code):
    assert sh(f"exit {code}; echo unreachable").code == code


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["&&", "||"])), min_size=1, max_size=6))
def test_and_and_or_mean_what_they_mean_in_sh(terms):
    script, expected = ("true" if terms[0][0] else "false"), terms[0][0]
    for (_, operator), (value, _) in pairwise(terms):
        script += f" {operator} {'true' if value else 'false'}"
        if expected == (operator == "&&"):
            expected = value
    assert sh(script).code == (0 if expected else 1)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_sums_are_computed(a, b):
    assert sh(f"a={a}; echo $((a + $B * 2))", B=str(b)).out == [str(a + b * 2)]


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("echo $WHO ${WHO} \"$WHO\" '$WHO' $NOBODY.", ["you you you $WHO ."]),
        ("X='a  b'; echo $X \"$X\"", ["a b a  b"]),
        ("echo ${NOBODY:-nobody}", ["nobody"]),
        ("echo -n a; echo -n b; echo c", ["abc"]),
        ("for i in 1 2 3; do echo $i; done", ["1", "2", "3"]),
        ("i=0; until [ $i -ge 2 ]; do i=$((i+1)); echo $i; done", ["1", "2"]),
        (
            "if [ a = b ]; then echo yes; elif test -n x; then echo maybe; else echo no; fi",
            ["maybe"],
        ),
        ("echo one # two\necho three", ["one", "three"]),
        ("false; echo $?; true; echo $?", ["1", "0"]),
        ("echo $(echo inner $WHO) $(hostname)", ["inner you web-0"]),
        ("A=1 env; echo [$A]", ["WHO=you", "A=1", "[]"]),
        ("echo a &&\n  echo b", ["a", "b"]),
        ('sh -c "echo nested; exit 3"; echo $?', ["nested", "3"]),
        ("set -e; false; echo unreachable", []),
        ("date -u; date +%s", ["Thu Jan  1 00:00:00 UTC 2026", "1767225600"]),
    ],
)
def test_what_examples_use(script, out):
    assert sh(script, WHO="you").out == out


def test_the_counter_of_the_logging_example():
    run = sh('i=0; while true; do echo "$i: $(date)"; i=$((i+1)); sleep 1; done', seconds=2.5)
    assert [line[:2] for line in run.out] == ["0:", "1:", "2:"]


def test_an_unknown_command_is_127_and_says_so():
    run = sh("nosuch --help")
    assert (run.err, run.code) == (["sh: nosuch: not found"], 127)


@pytest.mark.parametrize(
    "script",
    ["echo a | cat", "sleep 1 &", "echo a >", "if true; then", "while do done", "&& a", "for"],
)
def test_what_the_shell_does_not_know_is_a_syntax_error(script):
    run = sh(script)
    assert run.code == 2
    assert "syntax error" in run.err[0]


def test_nothing_can_stop_the_clock():
    run = sh("while true; do :; done", seconds=0.1)
    assert not run.task.done
    assert run.loop.seconds == pytest.approx(0.1)
    assert not sh("while x=1; do y=2; done", seconds=0.1).task.done


def test_a_shell_without_a_terminal_ends_at_once():
    assert Run("sh").code == 0


def test_a_command_may_be_the_program_itself():
    assert Run("/bin/echo", "hi", "there").out == ["hi there"]
    assert Run("sleep", "1m").loop.seconds == pytest.approx(60)
    assert not Run("sleep", "infinity", seconds=1000).task.done
    assert not Run("tail", "-f", "/dev/null", seconds=1000).task.done
    assert Run("sleep", "soon").code == 1


def test_the_first_process_ignores_a_signal_it_has_no_trap_for():
    run = sh("sleep 10; echo done", stop_at=1)
    assert (run.out, run.loop.seconds) == (["done"], pytest.approx(10.002))


def test_a_trap_runs_between_two_commands():
    run = sh('trap "echo bye; exit 7" TERM; while true; do sleep 1; done', stop_at=2.5)
    assert (run.out, run.code) == (["bye"], 7)
    assert run.loop.seconds == pytest.approx(3, abs=0.1)


def test_programs_of_the_image_can_be_called():
    run = sh("echo before; nginx; echo after", programs={"nginx": server(["up"])}, seconds=5)
    assert run.out == ["before", "up"]


VOCABULARY = """
    echo sleep exit true false while do done if then else fi for in x i=$((i+1)) trap set -e test
    [ ] ; && || $x $((x)) $(echo) '' 1 2 = -lt date +%H ( $((1//0)) $((()) $((1(2))) ${x:-y}
"""
WORDS = st.sampled_from([*VOCABULARY.split(), "\n"])


@given(st.lists(WORDS, max_size=12))
def test_no_script_whatever_breaks_the_simulation(words):
    run = sh(" ".join(words), seconds=0.2)
    assert not run.task.done or 0 <= run.code <= 255
