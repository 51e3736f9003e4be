"""Which toleration covers which taint, and for how long."""

import pytest

from k8s_ref.machinery.taints import seconds_tolerated, tolerates

DOWN = {"key": "down", "value": "yes", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "down", "operator": "Exists"}, True),
        ({"key": "up", "operator": "Exists"}, False),
        ({"key": "down", "value": "yes"}, True),
        ({"key": "down", "operator": "Equal", "value": "no"}, False),
        ({"key": "down"}, False),
        ({"key": "down", "operator": "Exists", "effect": "NoSchedule"}, False),
        ({"key": "down", "operator": "Exists", "effect": "NoExecute"}, True),
    ],
)
def test_what_a_toleration_leaves_out_matches_anything(toleration, covers):
    assert tolerates(toleration, DOWN) is covers


def bears(seconds=None):
    return {"key": "down", "operator": "Exists", "tolerationSeconds": seconds}


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0),
        ([bears()], None),
        ([bears(300)], 300),
        ([bears(-5)], 0),
        ([bears(60), bears()], 60),
    ],
)
def test_a_taint_is_borne_for_as_long_as_the_first_toleration_says(tolerations, seconds):
    assert seconds_tolerated([DOWN], tolerations) == seconds


def test_one_taint_that_nothing_covers_is_enough():
    assert seconds_tolerated([DOWN, {"key": "up", "effect": "NoExecute"}], [bears(300)]) == 0
