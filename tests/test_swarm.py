"""A few seeds of the swarm: whatever goes wrong on the way, the end is the same."""

import pytest

from tests.swarm import play, wrong


@pytest.mark.parametrize("seed", range(12))
def test_under_any_accidents_the_cluster_ends_as_it_was_asked_to(seed):
    assert wrong(play(seed)) == []
