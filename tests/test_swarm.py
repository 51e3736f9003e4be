"""A few seeds of the swarm: whatever goes wrong on the way, the end is the same."""

import pytest

from k8s_ref import Cluster
from tests.harness import replicaset
from tests.swarm import play, wrong


@pytest.mark.parametrize("seed", range(50))
def test_under_any_accidents_the_cluster_ends_as_it_was_asked_to(seed):
    assert wrong(*play(seed)) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_cache_that_is_late_never_makes_a_controller_create_twice(seed):
    cluster = Cluster(nodes=2, seed=seed, order="shuffle")
    cluster.run(2)
    cluster.faults.add("delay-event", actor="controller-manager", chance=0.5, seconds=3)
    cluster.apply(replicaset(replicas=5))
    cluster.run(120)
    made = cluster.trace.select(actor="replicaset-controller", verb="create", subject="pods/")
    assert len(made) == 5
