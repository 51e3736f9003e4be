"""Ports of the machine: which two cannot be held at the same time, and what sets one free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.scheduler.cache import PodInfo
from k8s_ref.scheduler.cluster_events import ClusterEvent
from k8s_ref.scheduler.framework import Code
from k8s_ref.scheduler.plugins.node_ports import NodePorts, host_ports, in_conflict
from tests.harness import pod
from tests.scheduler.plane import Scheduled, decide, node


def serving(*ports, name="web", **spec):
    """A Pod that wants these ports of its machine: numbers, or whole entries."""
    entries = [{"containerPort": 80, "hostPort": p} if isinstance(p, int) else p for p in ports]
    return pod(name, **{"containers": [{"name": "c", "image": "nginx", "ports": entries}], **spec})


def test_a_port_is_given_out_once():
    plane = Scheduled(node("a"), node("b"))
    plane.create(*(serving(80, name=f"p{n}") for n in range(3)))
    assert {plane.node_of(f"p{n}") for n in range(3)} == {"a", "b", None}
    waiting = next(f"p{n}" for n in range(3) if plane.node_of(f"p{n}") is None)
    assert plane.verdict(waiting)[2].startswith(
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports. "
    )


def test_the_next_in_line_gets_the_port_when_its_holder_leaves():
    plane = Scheduled(node())
    plane.create(serving(80, name="first"), serving(443, name="other"), serving(80, name="next"))
    plane.loop.run(20)
    plane.delete("other")
    plane.loop.run(20)
    assert plane.node_of("next") is None
    plane.delete("first")
    plane.loop.run(20)
    assert plane.node_of("next") == "node-1"


def test_evicting_the_holder_would_help():
    holder = serving(80, name="holder", nodeName="node-1")
    status = decide(serving(80), [node()], [holder]).statuses["node-1"]
    assert status.code is Code.UNSCHEDULABLE


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "UDP", 80), False),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 81), False),
        (("10.0.0.1", "TCP", 80), ("0.0.0.0", "TCP", 80), True),
        (("10.0.0.1", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("10.0.0.1", "TCP", 80), ("10.0.0.2", "TCP", 80), False),
    ],
)
def test_all_addresses_are_in_conflict_with_each(one, other, conflict):
    assert in_conflict(one, other) is conflict
    assert in_conflict(other, one) is conflict


def test_sidecars_hold_ports_and_other_init_containers_do_not():
    ports = [{"containerPort": 1, "hostPort": 9000, "protocol": "UDP"}]
    init = [{"name": "i", "ports": ports}, {"name": "s", "ports": ports, "restartPolicy": "Always"}]
    obj = serving(80, {"containerPort": 81}, initContainers=init)
    assert host_ports(obj) == [("0.0.0.0", "TCP", 80), ("0.0.0.0", "UDP", 9000)]


def test_only_a_pod_with_one_of_the_ports_helps_by_leaving():
    hint = NodePorts().events()[ClusterEvent.ASSIGNED_POD_DELETE]
    info = PodInfo.of(serving(80, 443))
    assert hint(info, serving(443, nodeName="a"), None)
    assert not hint(info, serving(8080, nodeName="a"), None)
    assert not hint(info, pod(nodeName="a"), None)


ADDRESSES = st.sampled_from(["", "0.0.0.0", "10.0.0.1", "10.0.0.2"])
ENTRIES = st.fixed_dictionaries(
    {"containerPort": st.just(1), "hostPort": st.integers(1, 3), "hostIP": ADDRESSES,
     "protocol": st.sampled_from(["TCP", "UDP"])}
)  # fmt: skip


@given(st.lists(ENTRIES, max_size=4), st.lists(ENTRIES, max_size=3))
def test_a_pod_fits_exactly_where_no_socket_would_be_opened_twice(there, wanted):
    def sockets(entries):
        every = ("10.0.0.1", "10.0.0.2", "another address")
        return {
            (address, entry["protocol"], entry["hostPort"])
            for entry in entries
            for address in (every if entry["hostIP"] in ("", "0.0.0.0") else [entry["hostIP"]])
        }

    other = serving(*there, name="other", nodeName="node-1")
    fits = bool(decide(serving(*wanted), [node()], [other]).feasible)
    assert fits is sockets(there).isdisjoint(sockets(wanted))
