"""Resource amounts: what a Pod needs is what it needs at its worst moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.scheduler.resources import NON_ZERO, Resource, amounts_of, pod_requests


def container(cpu, sidecar=False):
    policy = {"restartPolicy": "Always"} if sidecar else {}
    return {"resources": {"requests": {"cpu": f"{cpu}m"}}, **policy}


def cpu_of(containers=(), init=(), **spec):
    spec = {"containers": list(containers), "initContainers": list(init), **spec}
    return pod_requests(spec).get("cpu", 0)


@pytest.mark.parametrize(
    ("quantities", "amounts"),
    [
        ({"cpu": "1"}, {"cpu": 1000}),
        ({"cpu": "0.1", "memory": "1.5Gi"}, {"cpu": 100, "memory": 1610612736}),
        ({"memory": "100m"}, {"memory": 1}),
        ({"example.com/gpu": "2", "pods": "110"}, {"example.com/gpu": 2, "pods": 110}),
        (None, {}),
    ],
)
def test_quantities_become_integers_rounded_up(quantities, amounts):
    assert amounts_of(quantities) == amounts


def test_containers_add_up():
    assert cpu_of([container(100), container(200)]) == 300


def test_an_init_container_counts_only_if_it_needs_more_than_all_containers():
    assert cpu_of([container(100), container(200)], [container(250)]) == 300
    assert cpu_of([container(100), container(200)], [container(500), container(400)]) == 500


def test_a_sidecar_runs_beside_the_containers_and_beside_later_init_containers():
    assert cpu_of([container(100)], [container(50, sidecar=True)]) == 150
    assert cpu_of([container(100)], [container(50, sidecar=True), container(400)]) == 450
    assert cpu_of([container(100)], [container(400), container(50, sidecar=True)]) == 400


def test_overhead_comes_on_top():
    assert cpu_of([container(100)], [container(400)], overhead={"cpu": "10m"}) == 410


def test_a_request_of_the_whole_pod_replaces_the_sum():
    whole = {"resources": {"requests": {"cpu": "2", "example.com/gpu": "1"}}}
    assert cpu_of([container(100)], **whole) == 2000
    assert "example.com/gpu" not in pod_requests({"containers": [], **whole})


def test_who_asks_for_nothing_is_scored_as_if_it_asked_for_a_little():
    asked = pod_requests({"containers": [{}, {"resources": {"requests": {"cpu": "0"}}}]}, NON_ZERO)
    assert asked == {"cpu": 100, "memory": 2 * NON_ZERO["memory"]}


inits = st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=5)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=4), inits)
def test_the_request_is_the_peak_of_the_pods_life(containers, init):
    moments, sidecars = [], 0
    for cpu, sidecar in init:
        moments.append(sidecars + cpu)
        sidecars += cpu if sidecar else 0
    moments.append(sidecars + sum(containers))
    spec = [container(cpu, sidecar) for cpu, sidecar in init]
    assert cpu_of(map(container, containers), spec) == max(moments)


def test_adding_and_taking_away_leaves_nothing():
    total, part = Resource(), Resource.of({"cpu": 5, "memory": 6, "example.com/gpu": 1})
    total.add(part)
    assert (total.milli_cpu, total.memory, total.scalar) == (5, 6, {"example.com/gpu": 1})
    total.add(part, -1)
    assert total == Resource(scalar={"example.com/gpu": 0})
