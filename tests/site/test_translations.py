"""The Chinese of the API reference, and that it never stays behind the English."""

import logging

import griffe
import pytest

from tools.site.docstrings import Docstrings
from tools.site.project import HERE
from tools.site.translations import FILE, Translations, digest

MODULE = '"""Time · 时间\n\nWhat it does.\n"""\n\n\ndef wait():\n    """Let time pass."""\n'


@pytest.fixture
def house(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "clock.py").write_text(MODULE, "utf-8")
    return tmp_path


def wait_of(house, entries, monkeypatch, lang="zh"):
    """The docstring of ``clock.wait`` as the site shows it."""
    (house / FILE).write_text(entries, "utf-8")
    monkeypatch.setenv("K8S_REF_DOCS_LANG", lang)
    reading = Docstrings()
    reading.translations = Translations(house) if lang == "zh" else None
    module = griffe.load(
        "clock", search_paths=[house], extensions=griffe.Extensions(reading), force_inspection=False
    )
    return module["wait"].docstring.value


def entry(english):
    return f'clock.wait:\n  of: "{digest(english)}"\n  zh: 让时间走。\n'


def test_a_translation_takes_the_place_of_the_english(house, monkeypatch):
    assert wait_of(house, entry("Let time pass."), monkeypatch) == "让时间走。"


def test_the_english_site_keeps_the_english(house, monkeypatch):
    assert wait_of(house, entry("Let time pass."), monkeypatch, lang="en") == "Let time pass."


def test_a_translation_of_an_older_english_is_a_warning_and_is_not_shown(
    house, monkeypatch, caplog
):
    with caplog.at_level(logging.WARNING):
        assert wait_of(house, entry("Wait."), monkeypatch) == "Let time pass."
    wanted = digest("Let time pass.")
    assert f"{FILE}: the English of clock.wait changed" in caplog.text
    assert f"of: {wanted}" in caplog.text


def test_every_entry_of_the_project_translates_something_that_is_there():
    package = griffe.load("k8s_ref", search_paths=[HERE])
    for path, written in Translations().entries.items():
        found = package[path.removeprefix("k8s_ref.")] if path != "k8s_ref" else package
        assert found.docstring, path
        assert written["of"] == digest(found.docstring.value), path
