"""Events: said once, counted up when repeated, dropped when they cannot be sent."""

from k8s_ref.client.events import EventRecorder
from tests.harness import ControlPlane, pod


def setup():
    plane = ControlPlane()
    web = plane.do(plane.api.create("pods", pod()))
    return plane, web, EventRecorder(plane.client("kubelet"), plane.loop, "kubelet", "node-1")


def events(plane):
    return plane.do(plane.api.list("events"))["items"]


def test_an_event_names_its_object_and_its_source():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Pulled", "Container image present", "spec.containers{web}")
    plane.loop.run(0)
    (event,) = events(plane)
    assert event["involvedObject"]["uid"] == web["metadata"]["uid"]
    assert event["involvedObject"]["fieldPath"] == "spec.containers{web}"
    assert event["source"] == {"component": "kubelet", "host": "node-1"}
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Pulled", 1)


def test_the_same_said_again_is_counted_and_keeps_its_first_time():
    plane, web, recorder = setup()
    for _ in range(3):
        recorder.event(web, "Warning", "BackOff", "Back-off restarting")
        plane.loop.run(10)
    (event,) = events(plane)
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:00:20Z"


def test_something_else_said_of_the_same_object_is_another_event():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Created", "Created container: web")
    recorder.event(web, "Normal", "Started", "Started container web")
    plane.loop.run(0)
    assert [event["reason"] for event in events(plane)] == ["Created", "Started"]


def test_an_event_that_expired_is_said_anew():
    plane, web, recorder = setup()
    recorder.event(web, "Normal", "Killing", "Stopping container web")
    plane.loop.run(1)
    (event,) = events(plane)
    plane.do(plane.api.delete("events", f"default/{event['metadata']['name']}"))
    for _ in range(2):
        recorder.event(web, "Normal", "Killing", "Stopping container web")
        plane.loop.run(1)
    assert [event["count"] for event in events(plane)] == [2]


def test_an_event_that_cannot_be_sent_is_dropped_and_harms_nobody():
    plane, web, recorder = setup()
    gone = {**web, "metadata": {**web["metadata"], "namespace": "nowhere"}}
    recorder.event(gone, "Normal", "Killing", "Stopping container web")
    plane.loop.run(1)
    assert events(plane) == []
    assert plane.loop.trace[-1].verb == "lose"
