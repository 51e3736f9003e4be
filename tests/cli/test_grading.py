"""Exercises are graded by their own examples."""

import pytest

from k8s_ref.cli.cellrun import Session, raised
from k8s_ref.cli.grading import examine


@pytest.fixture
def session():
    return Session()


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


def test_an_exercise_is_graded_by_its_own_examples(session):
    session.run("base = 10")
    assert session.grade(EXERCISE)["passed"] == 2
    wrong = session.grade(EXERCISE.replace("//", "*"))
    assert (wrong["tried"], wrong["passed"]) == (2, 0)
    assert wrong["failures"][0] == {"source": "half(4)", "want": "2", "got": "8"}


def test_taking_the_examples_away_does_not_solve_an_exercise(session):
    session.run("base = 10")
    assert session.grade("def half(n): pass", examples=EXERCISE)["passed"] == 0


def test_an_example_that_raises_has_failed(session):
    result = session.grade(EXERCISE)
    assert result["failures"][0]["got"] == "NameError: name 'base' is not defined"


def test_an_exercise_that_does_not_run_is_not_tried(session):
    result = session.grade("def half(n) return")
    assert (result["tried"], result["passed"]) == (0, 0) and raised(result["outputs"])


def test_what_examples_assign_stays_with_them(session):
    session.grade('def f():\n    """\n    >>> leak = 1\n    """')
    assert "leak" not in session.names


def test_a_notebook_reports_what_passed():
    def twice(n):
        return 2 * n

    twice.__doc__ = ">>> len([1])\n1\n>>> len([])\n7"
    assert repr(examine(twice)) == "✗ 1/2\n>>> len([])\n    0   ≠   7"
