"""The same lines, the same text: recorded from kubectl 1.32.5 talking to this API server."""

import json
import re

import pytest

from tests.cli.scene import RECORDED, Terminal, build

SEQUENCES = ("writes", "verbs", "rollout")
"""Lines that change things, each list on a cluster of its own."""

FILES = {
    "app.conf": "port=80\nhost=a\n",
    "app.env": "# comment\nA=1\nB=two words\n",
    "p.yaml": "metadata: {labels: {p: file}}\n",
}
READS = json.loads((RECORDED / "reads.json").read_text("utf-8"))
MAKERS = json.loads((RECORDED / "makers.json").read_text("utf-8"))
STATE = (RECORDED / "state.yaml").read_text("utf-8")


def masked(line, text):
    """Without ages that kubectl works out itself, by another clock, and the spaces behind them,
    without uids, and without an object in a refusal, whose fields stand in kubectl's order."""
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID", text)
    text = re.sub(r"(patch: Invalid value: ).*(: strict)", r"\1OBJECT\2", text)
    if not line.startswith(("describe", "events")):
        return text
    text = re.sub(r"\b(\d+[smhdy])+\b( ago)?", "AGE", text)
    return re.sub(r" +", " ", text) if line.startswith("events") else text


@pytest.fixture(scope="module")
def terminal():
    terminal = Terminal()
    build(terminal)
    return terminal


@pytest.mark.parametrize("recorded", READS, ids=lambda recorded: recorded["line"])
def test_a_line_that_only_reads_prints_what_kubectl_printed(terminal, recorded):
    line = recorded["line"]
    printed = terminal(line, STATE if "stdin" in recorded else "")
    assert masked(line, printed) == masked(line, "\n".join(recorded["printed"]))
    assert terminal.code == recorded["code"]


@pytest.mark.parametrize("recorded", MAKERS, ids=lambda recorded: recorded["line"])
def test_an_object_made_from_words_is_the_one_kubectl_makes(recorded):
    terminal = Terminal(files=FILES)
    build(terminal)
    assert terminal(recorded["line"]).split("\n") == recorded["printed"]
    assert terminal.code == recorded["code"]


@pytest.mark.parametrize("name", SEQUENCES)
def test_lines_that_write_print_what_kubectl_printed_one_after_the_other(name):
    terminal = Terminal(files=FILES)
    if name != "writes":
        build(terminal)
    for number, recorded in enumerate(json.loads((RECORDED / f"{name}.json").read_text("utf-8"))):
        line = recorded["line"]
        printed = masked(line, terminal(line, recorded.get("stdin", "")))
        terminal.cluster.loop.run(1)
        wanted = masked(line, "\n".join(recorded["printed"]))
        assert printed.split("\n") == wanted.split("\n"), f"step {number}: {line}"
        assert terminal.code == recorded["code"], f"step {number}: {line}"
