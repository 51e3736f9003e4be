"""Streams without transport: pipes, what the server checks before it opens one, and its words."""

import pytest

from k8s_ref.apiserver import streams
from k8s_ref.apiserver.request import Request
from k8s_ref.machinery.kinds import KINDS
from k8s_ref.sim.loop import Loop
from tests.harness import ControlPlane, pod


def test_a_writer_waits_for_a_reader_who_is_far_behind():
    loop = Loop()
    pipe, done = streams.Pipe(loop), []

    async def write():
        pipe.write(b"x" * (streams.AHEAD + 1))
        await pipe.drain()
        done.append(loop.seconds)

    async def read():
        await loop.sleep(5)
        await pipe.read()

    loop.spawn(write())
    loop.spawn(read())
    loop.run(10)
    assert done == [5]


def test_what_is_inside_a_closed_pipe_can_still_be_read_and_nothing_more_comes_in():
    loop = Loop()
    pipe = streams.Pipe(loop)
    pipe.write(b"a")
    pipe.close()
    pipe.write(b"b")
    assert [loop.run_task(pipe.read()) for _ in range(2)] == [b"a", None]


def test_the_api_server_tells_an_exit_code_in_its_own_words():
    told = streams.translated(streams.exited(3, ["sh"]))
    assert told["message"].endswith("code: command terminated with exit code 3")
    assert told["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}
    assert streams.translated(streams.success()) == {"metadata": {}, "status": "Success"}


def test_a_failure_that_is_no_exit_code_is_wrapped_once_more():
    told = streams.translated(streams.failed("no such thing"))
    assert told["message"] == "Internal error occurred: Internal error occurred: no such thing"
    assert streams.exit_code(told) is None


# -- what is refused before anything begins


def refusal(plane, what="exec", name="web", **values):
    request = Request("get", KINDS["pods"], "default", name, what, values=values)
    response = plane.do(plane.server.handle(request))
    return response.code, response.body["message"]


@pytest.fixture
def plane():
    plane = ControlPlane()
    two = [{"name": name, "image": "nginx"} for name in ("a", "b")]
    plane.do(plane.api.create("pods", pod("multi", containers=two)))
    plane.do(plane.api.create("pods", pod("lost", nodeName="n1")))
    return plane


@pytest.mark.parametrize(
    ("name", "values", "code", "message"),
    [
        ("zz", {}, 404, 'pods "zz" not found'),
        ("multi", {}, 400,
         "a container name must be specified for pod multi, choose one of: [a b]"),
        ("multi", {"container": ["z"]}, 400, "container z is not valid for pod multi"),
        ("multi", {"container": ["a"]}, 400, "pod multi does not have a host assigned"),
        ("lost", {}, 404, 'pods "n1" not found'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("what", ["exec", "attach"])
def test_a_stream_to_nowhere_is_refused(plane, what, name, values, code, message):
    assert refusal(plane, what, name, **values) == (code, message)


def test_a_port_needs_a_node_and_no_container(plane):
    assert refusal(plane, "portforward", "multi") == (
        400,
        "pod multi does not have a host assigned",
    )


def test_when_the_kubelet_is_away_the_stream_does_not_open(plane):
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    plane.do(plane.api.create("nodes", node))
    values = {"command": ["ls", "-l"], "stdout": ["true"], "stdin": ["1"]}
    request = Request("get", KINDS["pods"], "default", "lost", "exec", values=values)
    stream = plane.do(plane.server.handle(request)).body
    with pytest.raises(streams.Refused) as refused:
        plane.do(stream.open())
    gone = "dial tcp n1:10250: connect: connection refused"
    assert str(refused.value) == f"error dialing backend: {gone}"
    url = "https://n1:10250/exec/default/lost/web?command=ls&command=-l&input=1&output=1"
    assert refused.value.told == f'error sending request: Post "{url}": {gone}'
