"""What controllers think of a Pod, and whom they let go first."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.client.informer import Informer
from k8s_ref.controllers.pods import (
    DELETION_COST,
    Roster,
    Standing,
    deletion_order,
    is_active,
    next_available,
)
from k8s_ref.machinery.meta import owner_reference
from tests import harness
from tests.harness import ControlPlane, replicaset

NOW = 1_767_225_600 + 3600


def at(seconds_ago):
    minutes, seconds = divmod(3600 - seconds_ago, 60)
    return f"2026-01-01T00:{minutes:02d}:{seconds:02d}Z" if minutes < 60 else "2026-01-01T01:00:00Z"


def pod(name, node="n1", phase="Running", ready=None, age=600, cost="", restarts=0):
    conditions = []
    if ready is not None:
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": at(ready)}]
    annotations = {DELETION_COST: cost} if cost else {}
    return {
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": at(age), "annotations": annotations,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "containerStatuses": [{"restartCount": restarts}],
        },
    }  # fmt: skip


def first(*pods):
    return deletion_order(pods, pods, NOW)[0]["metadata"]["name"]


def test_each_rule_decides_when_those_before_it_do_not():
    assert first(pod("a"), pod("b", node="")) == "b"
    assert first(pod("a"), pod("b", phase="Pending")) == "b"
    assert first(pod("a", ready=500), pod("b")) == "b"
    assert first(pod("a", ready=500, cost="10"), pod("b", ready=500, cost="-5")) == "b"
    crowded = [pod("a", ready=500, node="n2"), pod("b", ready=500), pod("c", ready=500)]
    assert first(*crowded) in ("b", "c")
    assert first(pod("a", ready=500, node="n2"), pod("b", ready=10)) == "b"
    assert first(pod("a", node="n2"), pod("b", restarts=3)) == "b"
    assert first(pod("a", age=3000, node="n2"), pod("b", age=30)) == "b"


def test_ages_of_the_same_magnitude_count_as_equal_and_the_uid_decides():
    assert first(pod("a", age=601), pod("b", age=600)) == "a"


def test_a_cost_that_is_no_number_counts_as_nothing():
    assert first(pod("a", cost="cheap"), pod("b", cost="1")) == "a"


PODS = st.lists(
    st.builds(
        pod,
        st.sampled_from("abcdefgh"),
        st.sampled_from(["", "n1", "n2"]),
        st.sampled_from(["Pending", "Running"]),
        st.one_of(st.none(), st.integers(0, 3000)),
        st.integers(1, 3000),
    ),
    max_size=7,
    unique_by=lambda p: p["metadata"]["name"],
)


@given(PODS)
def test_the_order_does_not_depend_on_the_order_of_the_question(pods):
    orders = {
        tuple(p["metadata"]["name"] for p in deletion_order(some, pods, NOW))
        for some in itertools.islice(itertools.permutations(pods), 24)
    }
    assert len(orders) == 1


@given(PODS)
def test_no_unassigned_pod_outlives_an_assigned_one(pods):
    assigned = [bool(p["spec"].get("nodeName")) for p in deletion_order(pods, pods, NOW)]
    assert assigned == sorted(assigned)


def test_a_finished_or_leaving_pod_is_not_active():
    assert is_active(pod("a"))
    assert not is_active(pod("a", phase="Succeeded"))
    assert not is_active(pod("a", phase="Failed"))
    leaving = pod("a")
    leaving["metadata"]["deletionTimestamp"] = at(0)
    assert not is_active(leaving)


def test_available_means_ready_for_long_enough():
    assert not Standing.of(pod("a")).is_available(0, NOW)
    assert Standing.of(pod("a", ready=10)).is_available(10, NOW)
    assert not Standing.of(pod("a", ready=9)).is_available(10, NOW)


def test_the_next_to_become_available_is_the_one_that_was_ready_first():
    found = [pod("a", ready=4), pod("b", ready=7), pod("c"), pod("d", ready=50)]
    pods = [Standing.of(each) for each in found]
    assert next_available(pods, 10, NOW) == 3
    assert next_available(pods[2:], 10, NOW) is None


def test_the_roster_knows_every_pod_as_it_is_now_and_by_whom_it_is_controlled_now():
    plane = ControlPlane()
    pods = Informer(plane.client("test"), plane.loop, "pods")
    roster, others = Roster(pods), {"uid": "other"}
    plane.loop.spawn(pods.run)
    rs = plane.do(plane.api.create("replicasets", replicaset()))
    uid = rs["metadata"]["uid"]

    def become(**metadata):
        plane.do(plane.api.patch("pods", "default/a", {"metadata": metadata}))
        plane.loop.run(0)

    plane.do(plane.api.create("pods", harness.pod("a")))
    plane.loop.run(0)
    assert not roster.of(uid)
    become(ownerReferences=[owner_reference(rs)])
    become(labels={"app": "debug"})
    (standing,) = roster.of(uid)
    assert (standing.labels, standing.active) == ({"app": "debug"}, True)
    become(ownerReferences=[{**owner_reference(rs), **others}])
    assert (len(roster.of(uid)), len(roster.of("other"))) == (0, 1)
    plane.do(plane.api.delete("pods", "default/a", grace=0))
    plane.loop.run(0)
    assert not roster.of("other")


def test_restarts_of_sidecars_count_when_those_of_containers_are_equal():
    def with_sidecar(name, restarts, policy="Always"):
        made = pod(name)
        made["spec"]["initContainers"] = [{"name": "s", "restartPolicy": policy}]
        made["status"]["initContainerStatuses"] = [{"name": "s", "restartCount": restarts}]
        return made

    assert first(with_sidecar("a", 1), with_sidecar("b", 2)) == "b"
    assert first(with_sidecar("a", 1), with_sidecar("b", 2, "Never")) == "a"
