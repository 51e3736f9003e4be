"""The client: the wire, and what a fault plan does on it."""

import pytest

from k8s_ref.machinery.errors import NotFound
from k8s_ref.machinery.meta import key_of
from k8s_ref.sim.process import Process
from tests.harness import ControlPlane, pod


def component(plane, name, main):
    process = Process(plane.loop, name, main)
    process.start()
    return process


def test_a_refusal_arrives_as_the_error_it_was():
    plane = ControlPlane()
    with pytest.raises(NotFound) as refused:
        plane.do(plane.api.delete("pods", "default/x"))
    assert refused.value.details == {"name": "x", "kind": "pods"}


def test_an_answer_that_is_lost_leaves_the_work_done():
    plane, seen = ControlPlane(), []
    api = plane.client("tester")
    plane.faults.add("lose-answer", actor="tester", verb="create")

    async def main():
        try:
            await api.create("pods", pod())
        except TimeoutError as error:
            seen.append(str(error))

    component(plane, "tester", main)
    plane.loop.run(20)
    assert seen == ["no answer within 10 s (answer: create pods/default/)"]
    assert plane.do(plane.api.get("pods", "default/web"))


def test_a_watch_that_is_cut_ends_and_an_event_told_twice_comes_twice():
    plane, seen = ControlPlane(), []
    api = plane.client("tester")

    async def main():
        watch = await api.watch("pods")
        while (event := await watch.next()) is not None:
            seen.append(event.object["metadata"]["name"])
        seen.append("cut")

    component(plane, "tester", main)
    plane.loop.run(0)
    plane.faults.add("repeat-event", call=1)
    plane.faults.add("cut-watch", call=2)
    for name in ("a", "b", "c"):
        plane.do(plane.api.create("pods", pod(name)))
    plane.loop.run(1)
    assert seen == ["a", "a", "cut"]


def test_a_list_is_read_page_by_page():
    plane = ControlPlane()
    for name in "abc":
        plane.do(plane.api.create("pods", pod(name)))
    first = plane.do(plane.api.list("pods", limit="2"))
    rest = plane.do(plane.api.list("pods", **{"continue": first["metadata"]["continue"]}))
    assert [[key_of(item) for item in page["items"]] for page in (first, rest)] == [
        ["default/a", "default/b"],
        ["default/c"],
    ]
