"""The scheduler's cache: sums that are always what the Pods on the node add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.meta import seal, with_path
from k8s_ref.scheduler.cache import Cache, PodInfo, Snapshot, occupies_node
from tests.scheduler.plane import asking, node


def made(name="web", cpu="500m", uid="", **spec):
    return seal(with_path(asking(name, cpu, **spec), ("metadata", "uid"), uid or f"uid-{name}"))


def bound(obj, name="node-1"):
    return seal(with_path(obj, ("spec", "nodeName"), name))


@pytest.fixture
def cache():
    cache = Cache()
    cache.set_node(seal(node()))
    return cache


def used(cache, name="node-1"):
    return cache.snapshot().get(name).requested.milli_cpu


def test_an_assumed_pod_counts_at_once(cache):
    pod = PodInfo.of(made())
    cache.assume(pod, "node-1")
    assert used(cache) == 500
    assert cache.is_assumed(pod.key, pod.uid)


def test_a_confirmed_pod_counts_once_and_cannot_be_forgotten(cache):
    pod = PodInfo.of(made())
    cache.assume(pod, "node-1")
    cache.add_pod(bound(pod.pod))
    assert used(cache) == 500
    assert not cache.forget(pod)
    assert used(cache) == 500


def test_a_forgotten_pod_leaves_no_trace(cache):
    pod = PodInfo.of(made())
    cache.assume(pod, "node-1")
    assert cache.forget(pod)
    assert used(cache) == 0
    assert not cache.forget(pod)


def test_only_the_pod_that_was_assumed_can_be_forgotten(cache):
    cache.assume(PodInfo.of(made(uid="new")), "node-1")
    assert not cache.forget(PodInfo.of(made(uid="old")))
    assert used(cache) == 500


def test_a_pod_seen_on_another_node_than_assumed_moves(cache):
    cache.set_node(node("node-2"))
    pod = PodInfo.of(made())
    cache.assume(pod, "node-1")
    cache.add_pod(bound(pod.pod, "node-2"))
    assert (used(cache), used(cache, "node-2")) == (0, 500)


def test_a_pod_of_the_same_name_with_other_requests_replaces_the_old(cache):
    cache.add_pod(bound(made(uid="old")))
    cache.add_pod(bound(made(cpu="1", uid="new")))
    assert used(cache) == 1000


def test_a_status_update_reads_no_requests_again(cache):
    pod = bound(made())
    cache.add_pod(pod)
    before = cache.get("default/web")
    cache.add_pod(with_path(pod, ("status", "phase"), "Running"))
    after = cache.get("default/web")
    assert after.requests is before.requests
    assert after.pod["status"]["phase"] == "Running"


def test_pods_of_a_node_nobody_has_seen_are_kept_until_it_comes():
    cache = Cache()
    cache.add_pod(bound(made()))
    assert len(cache.snapshot()) == 0
    cache.set_node(node())
    assert used(cache) == 500


def test_a_node_that_is_deleted_and_comes_back_still_has_its_pods(cache):
    cache.add_pod(bound(made()))
    cache.remove_node("node-1")
    assert len(cache.snapshot()) == 0
    cache.set_node(node())
    assert used(cache) == 500


def test_a_heartbeat_changes_no_generation_and_a_taint_does(cache):
    before = cache.snapshot().get("node-1").generation
    cache.set_node(with_path(node(), ("status", "conditions"), [{"type": "Ready"}]))
    assert cache.snapshot().get("node-1").generation == before
    cache.set_node(node(taints=[{"key": "gpu", "effect": "NoSchedule"}]))
    assert cache.snapshot().get("node-1").generation > before


def test_every_change_of_a_nodes_pods_changes_its_generation(cache):
    info, pod = cache.snapshot().get("node-1"), PodInfo.of(made())
    seen = [info.generation]
    cache.assume(pod, "node-1")
    seen.append(info.generation)
    cache.forget(pod)
    seen.append(info.generation)
    assert seen == sorted(set(seen))


def test_nodes_of_different_zones_alternate():
    zones = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "c1": "c", "c2": "c"}
    label = "topology.kubernetes.io/zone"
    nodes = [node(name, labels={label: zone}) for name, zone in zones.items()]
    order = [info.name for info in Snapshot.of(nodes, []).nodes]
    assert order == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_a_node_that_changes_its_zone_changes_its_place(cache):
    cache.set_node(node("node-0"))
    assert [info.name for info in cache.snapshot().nodes] == ["node-0", "node-1"]
    cache.set_node(node("node-0", labels={"topology.kubernetes.io/zone": "z"}))
    assert [info.name for info in cache.snapshot().nodes] == ["node-1", "node-0"]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_takes_no_room(phase):
    pod = bound(made())
    assert occupies_node(pod)
    assert not occupies_node(with_path(pod, ("status", "phase"), phase))


steps = st.lists(
    st.tuples(
        st.sampled_from(["assume", "forget", "add", "remove", "node", "no node"]),
        st.integers(0, 3),
        st.sampled_from(["node-1", "node-2"]),
    ),
    max_size=40,
)


def play(cache, step, pod, name):
    match step:
        case "assume" if cache.get(pod.key) is None:
            cache.assume(pod, name)
        case "forget":
            cache.forget(pod)
        case "add":
            cache.add_pod(bound(pod.pod, name))
        case "remove":
            cache.remove_pod(pod.key)
        case "node":
            cache.set_node(node(name))
        case "no node" if cache.snapshot().get(name):
            cache.remove_node(name)


@given(steps)
def test_the_sums_are_always_those_of_the_pods_on_the_node(steps):
    cache = Cache()
    pods = [PodInfo.of(made(f"p{n}", f"{n + 1}00m")) for n in range(4)]
    for step, number, name in steps:
        play(cache, step, pods[number], name)
        for info in cache.snapshot().nodes:
            asked = [other.requests.milli_cpu for other in info.pods.values()]
            assert info.requested.milli_cpu == sum(asked)
            assert all(cache.get(key) is other for key, other in info.pods.items())
