"""The real kubectl and ours say the same about the same cluster, byte for byte."""

import re
import shutil
from pathlib import Path

import pytest

from tests.edge import both
from tests.edge.live import Live

SCRIPTS = sorted((Path(__file__).parent / "kubectl").glob("*.txt"))


@pytest.mark.parametrize("script", [path.stem for path in SCRIPTS])
def test_both_print_the_same(script, tmp_path, kubectl):
    text = (Path(__file__).parent / "kubectl" / f"{script}.txt").read_text("utf-8")
    with Live(tmp_path, paused=True, nodes=3) as live:
        theirs = both.real(text, live, kubectl)
    ours = both.ours(text, nodes=3)
    wrong = []
    for own, other in zip(ours, theirs, strict=True):
        texts = both.masked(own, other.late), both.masked(other, other.late)
        if texts[0] != texts[1] or own.code != other.code:
            wrong.append(
                f"$ kubectl {own.line}\n--- kubectl: {other.code}\n{other.text}"
                f"--- ours: {own.code}\n{own.text}"
            )
    assert not wrong, f"{len(wrong)} of {len(ours)} differ\n\n" + "\n".join(wrong)


def test_there_are_enough_commands():
    lines = [line for path in SCRIPTS for line in path.read_text("utf-8").splitlines()]
    assert len(SCRIPTS) > 4
    assert len([line for line in lines if re.match(r"[$%!~] kubectl ", line)]) >= 150


def test_other_releases_agree_in_exit_codes(tmp_path):
    text = (Path(__file__).parent / "kubectl_matrix.txt").read_text("utf-8")
    found = [f"/usr/lib/google-cloud-sdk/bin/kubectl.1.{minor}" for minor in range(27, 34)]
    found = [path for path in found if shutil.which(path)]
    if not found:
        pytest.skip("no other release of kubectl is installed")
    codes = {}
    for number, binary in enumerate(found):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Live(folder, paused=True, nodes=3) as live:
            shown = both.real(text, live, binary)
        codes[binary[-4:]] = [(each.line, each.code) for each in shown]
    first = codes.pop(min(codes))
    assert all(other == first for other in codes.values()), codes
