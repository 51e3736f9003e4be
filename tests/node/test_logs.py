"""Logs: which container is meant, and which of its lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.apiserver import proxy
from k8s_ref.machinery.errors import BadRequest
from k8s_ref.node.cri import LogLine
from k8s_ref.node.logs import container_id, text_of
from k8s_ref.sim.loop import SECOND
from tests.node.machines import Node

LINES = [LogLine(at, "stdout", str(at)) for at in range(5)]


def status(state, last=None):
    return {"containerStatuses": [
        {"name": "web", "state": state, "lastState": last or {}, "containerID": "containerd://now"}
    ]}  # fmt: skip


LAST = {"terminated": {"containerID": "containerd://before"}}


@pytest.mark.parametrize(
    ("state", "last", "previous", "found"),
    [
        ({"running": {}}, None, False, "now"),
        ({"terminated": {}}, LAST, False, "now"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, LAST, False, "before"),
        ({"running": {}}, LAST, True, "before"),
    ],
)
def test_the_container_is_found_in_the_status(state, last, previous, found):
    assert container_id("web", status(state, last), "web", previous) == found


def test_one_that_waits_has_no_log():
    with pytest.raises(BadRequest, match="is waiting to start: PodInitializing"):
        container_id("web", status({"waiting": {"reason": "PodInitializing"}}), "web", False)


@given(st.integers(0, 10))
def test_tail_gives_the_last_lines(tail):
    assert text_of(LINES, 0, tail=tail) == "".join(f"{n}\n" for n in range(5))[-2 * tail :] * (
        tail > 0
    )


def test_since_gives_the_newer_lines():
    assert text_of(LINES, 0, since=3) == "3\n4\n"


def test_a_stream_gives_what_there_is_and_then_every_line_until_the_container_ends():
    node = Node()
    node.create(image="busybox", command="echo a; sleep 5; echo b; sleep 5; echo c")
    node.run(3)
    query = {"container": "web", "follow": "true"}
    stream = proxy.logs(node.pod(), query, lambda name: node.kubelet.server, lambda name: True)
    read = []

    async def reader():
        while (line := await stream.next()) is not None:
            read.append((node.loop.now // SECOND, line))
        read.append(node.loop.now // SECOND)

    node.loop.spawn(reader())
    node.run(20)
    assert read == [(3, "a\n"), (5, "b\n"), (10, "c\n"), 10]


def test_a_reader_that_goes_away_is_not_told_any_more():
    node = Node()
    node.create(image="busybox", command="while true; do sleep 1; echo a; done")
    node.run(3)
    stream = node.kubelet.server.follow_logs("default", "web", "web")
    stream.stop()
    node.run(3)
    assert list(node.runtime._followers.values()) == [[]]
