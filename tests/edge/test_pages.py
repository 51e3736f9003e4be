"""The console lines of the pages, played once more by the real kubectl."""

from pathlib import Path

import pytest

from k8s_ref.cli.cellrun import Session, as_text
from k8s_ref.cli.workbench import Cluster, Text
from tests.edge import both, replayed
from tools.site.play import code_of
from tools.site.project import Project

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {
    page.key: page
    for page in Project(ROOT).pages()
    if any(cell.kind == "console" for cell in page.cells)
}
OTHERWISE = {
    ("apiserver/crd", "delete"): "kubectl remembers for hours which resources there were",
    ("apiserver/openapi", "explain"): "--lang is ours",
    ("apiserver/openapi", "crd"): "--lang is ours",
    ("cli/kubectl", "rollout"): "kubectl begins to look before the controller does",
    ("cli/kubectl", "scenario"): "kubectl has more commands to suggest",
    ("controllers/disruption", "drain"): "kubectl evicts several Pods at once, in any order",
}
"""Cells that the real kubectl plays otherwise, and why."""


@pytest.fixture
def real(kubectl):
    """The real kubectl in the place of ours."""
    made = replayed.Kubectl(kubectl)
    yield made
    made.close()


def told(outputs):
    """What a cell shows, without ages that a client computes by another clock."""
    return both.masked(both.Shown("events", as_text(outputs), 0))


@pytest.mark.parametrize("key", PAGES)
def test_the_real_kubectl_shows_what_the_page_shows(key, real, monkeypatch):
    session = Session()
    ours = Cluster._kubectl

    def theirs(cluster, line, stdin=""):
        text, code = real(cluster, line, stdin)
        return Text(text), code

    for cell in PAGES[key].cells:
        if not cell.runs:
            continue
        console = cell.kind == "console"
        monkeypatch.setattr(Cluster, "_kubectl", theirs if console else ours)
        outputs = session.run(code_of(cell), cell.name)
        if console and (key, cell.name) not in OTHERWISE:
            recorded = both.masked(both.Shown("events", cell.recorded, 0))
            assert told(outputs) == recorded, f"cell {cell.name!r}"


def test_what_is_played_otherwise_is_there():
    cells = {(key, cell.name) for key, page in PAGES.items() for cell in page.cells}
    assert OTHERWISE.keys() <= cells
