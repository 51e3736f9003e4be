"""Balanced allocation: a node is better if the Pod would even out what is used of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.scheduler.plugins.node_resources import balance
from tests.scheduler.plane import asking, decide, node

NAME = "NodeResourcesBalancedAllocation"


def scores(obj, nodes, pods=()):
    decision = decide(obj, nodes, pods)
    found = [s.normalized for s in decision.scores if s.plugin == NAME]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ((0, 4), (0, 4), 100),
        ((2, 4), (2, 4), 100),
        ((4, 4), (0, 4), 50),
        ((2, 4), (1, 4), 87),
        ((9, 4), (4, 4), 100),
        ((1, 0), (1, 4), 100),
    ],
)
def test_balance_is_how_close_the_shares_are(cpu, memory, expected):
    assert balance(cpu, memory) == expected


def test_what_counts_is_whether_the_balance_gets_better():
    # A Pod that wants CPU upsets the even use of one node and evens out that of the other.
    even = asking("even", cpu="500m", memory="1Gi", nodeName="a")
    uneven = asking("uneven", cpu="0", memory="2Gi", nodeName="b")
    obj = asking(cpu="1", memory="1m")
    nodes = [node("a"), node("b")]
    assert scores(obj, nodes, [even, uneven]) == [75 - 13, 75 + 12]
    assert scores(asking(cpu="500m", memory="1Gi"), [nodes[0], node("c")], [even]) == [75, 75]


def test_a_pod_that_requests_nothing_is_not_scored():
    assert scores(asking(), [node("a"), node("b")]) is None


amounts = st.integers(0, 8)


@given(amounts, amounts, amounts, amounts)
def test_the_score_stays_between_50_and_100(used_cpu, used_memory, cpu, memory):
    requests = {"cpu": str(used_cpu), "memory": f"{used_memory}Gi"}
    other = asking("other", **requests, nodeName="a")
    nodes = [node(name, cpu="16", memory="16Gi") for name in "ab"]
    found = scores(asking(cpu=str(cpu), memory=f"{memory}Gi"), nodes, [other])
    if not cpu and not memory:
        assert found is None
        return
    before = 1 - abs(used_cpu - used_memory) / 32
    after = 1 - abs(used_cpu + cpu - used_memory - memory) / 32
    # Upstream rounds down three times on the way.
    assert found[0] == pytest.approx(75 + 50 * (after - before), abs=1.5)
    assert 50 <= found[0] <= 100
