"""A notebook can say in which language its pictures speak."""

import builtins

import pytest

from k8s_ref.cli.notebook import speak
from k8s_ref.sim.drawing import Picture
from k8s_ref.sim.picture import Sequence, Timeline

Shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell


@pytest.fixture
def shell(monkeypatch):
    made = Shell()
    monkeypatch.setattr(builtins, "get_ipython", lambda: made, raising=False)
    return made


@pytest.mark.parametrize("kind", [Sequence, Timeline])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_picture_is_shown_in_the_language_of_its_notebook(shell, kind, lang):
    speak(lang)
    data, _ = shell.display_formatter.format(kind([]))
    assert data["image/svg+xml"] == kind([]).svg(lang) != kind([]).svg()


def test_until_a_notebook_says_so_a_picture_leaves_its_language_open(shell):
    data, _ = shell.display_formatter.format(Sequence([]))
    assert data["image/svg+xml"] == Sequence([]).svg()


def test_outside_a_notebook_it_does_nothing():
    speak("zh")
    assert isinstance(Sequence([]), Picture)
    assert Sequence([])._repr_svg_() == Sequence([]).svg()
