"""The same lines, the same text: recorded from kubectl 1.32.5 talking to this API server."""

import json
import re

import pytest

from tests.cli.scene import RECORDED, Terminal, build

READS = json.loads((RECORDED / "reads.json").read_text("utf-8"))
WRITES = json.loads((RECORDED / "writes.json").read_text("utf-8"))
STATE = (RECORDED / "state.yaml").read_text("utf-8")


def masked(line, text):
    """Ages on a page of describe are worked out by kubectl, whose clock was another one."""
    return re.sub(r"\b\d+[smhdy]\b( ago)?", "AGE", text) if line.startswith("describe") else text


@pytest.fixture(scope="module")
def terminal():
    terminal = Terminal()
    build(terminal)
    return terminal


@pytest.mark.parametrize("recorded", READS, ids=lambda recorded: recorded["line"])
def test_a_line_that_only_reads_prints_what_kubectl_printed(terminal, recorded):
    line = recorded["line"]
    printed = terminal(line, STATE if "stdin" in recorded else "")
    assert masked(line, printed).split("\n") == recorded["printed"]
    assert terminal.code == recorded["code"]


def test_lines_that_write_print_what_kubectl_printed_one_after_the_other():
    terminal = Terminal()
    for number, recorded in enumerate(WRITES):
        printed = terminal(recorded["line"], recorded.get("stdin", ""))
        terminal.cluster.loop.run(1)
        assert printed.split("\n") == recorded["printed"], f"step {number}: {recorded['line']}"
        assert terminal.code == recorded["code"], f"step {number}: {recorded['line']}"
